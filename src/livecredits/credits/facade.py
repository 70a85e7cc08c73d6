"""`Credits`: everything that moves or reads credits, for embedding hosts, the HTTP API and the command line alike.

Promises: a verb returns after its change is durable, and raises the typed refusal otherwise; every commit is told to
the subscribers, whoever caused it; a read never answers what is past its second. Opens on first use, once.
Must not know of HTTP: `asgi` only fetches the composition root.

The odd thing: `Credits` belongs to no event loop. Verbs may be awaited on several, and threads use `credits.sync`;
only a subscriber belongs to the loop that it was registered on.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Callable, Collection, Coroutine, Mapping
from concurrent.futures import Executor
from contextlib import AbstractContextManager
from importlib import import_module
from types import TracebackType
from typing import TYPE_CHECKING, Any, Concatenate, Literal, ParamSpec, Self, TypeVar

from livecredits.clock import Clock, SystemClock
from livecredits.core.changes import Change, Redeem
from livecredits.core.rows import AccountState
from livecredits.credits import batch_verbs, shop_verbs, verbs
from livecredits.credits.guesses import GuessLimits
from livecredits.credits.opened import Opened, Unit
from livecredits.credits.verbs import Ask, Queued, method_of
from livecredits.errors import Draining, Refused
from livecredits.storage.answers import Answer, CommittedBatch, Outcome
from livecredits.storage.bus import Bus, Place, Presence
from livecredits.storage.database import check_address, is_postgres
from livecredits.storage.handover import Subscribers
from livecredits.storage.nodes import POSTGRES, name_of_process

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from livecredits.config import Settings
    from livecredits.credits.sync import SyncCredits
    from livecredits.storage.store import Rows

P = ParamSpec("P")
T = TypeVar("T")

DEFAULT_URL = "sqlite:///livecredits.db"


def _moving(verb: Callable[P, Change]) -> Callable[Concatenate[Credits, P], Coroutine[Any, Any, Answer]]:
    @method_of(verb)
    async def method(self: Credits, /, *args: P.args, **kwargs: P.kwargs) -> Answer:
        return await self.apply(verb(*args, **kwargs))

    return method


def _asking(verb: Callable[P, Ask[T]]) -> Callable[Concatenate[Credits, P], Coroutine[Any, Any, T]]:
    @method_of(verb)
    async def method(self: Credits, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._ask(verb(*args, **kwargs))

    return method


def _queueing(verb: Callable[P, Queued[T]]) -> Callable[Concatenate[Credits, P], Coroutine[Any, Any, T]]:
    @method_of(verb)
    async def method(self: Credits, /, *args: P.args, **kwargs: P.kwargs) -> T:
        queue = verb(*args, **kwargs)
        return await asyncio.wrap_future(queue(await self._ready()))

    return method


class Credits:
    """Prepaid credits of an app's users, in one database.

    Args:
        url: `sqlite:///FILE` or `postgresql://…`; what the settings say by default.
        settings: for the HTTP face; read from `LIVECREDITS_*` variables when first needed.
        clock: tells the time; the machine's by default.
        guess_limits: how many wrong voucher codes a user and an address may try.
        node_name: how operators know this process; the host's name by default.
        bus: how it hears of others that have the same database open; `postgres` with PostgreSQL. `memory` is for one
            process that refuses others beside it.
        listen_url: PostgreSQL directly, where `url` leads through a pooler.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        settings: Settings | None = None,
        clock: Clock | None = None,
        guess_limits: GuessLimits | None = None,
        node_name: str | None = None,
        bus: Literal["memory", "postgres"] | None = None,
        listen_url: str | None = None,
    ) -> None:
        self.url = url or (settings.database_url if settings else DEFAULT_URL)
        check_address(self.url)  # an address of another kind is refused here and not at the first change
        self.clock: Clock = clock or SystemClock()
        self._settings = settings
        self._guess_limits = guess_limits
        self.presence = Presence()
        """What this process is to the others that have the same database open; for our own layers."""
        self.node_name = name_of_process(
            node_name or (settings.node_name if settings else None), is_alone=not is_postgres(self.url)
        )
        self._place = Place(
            self.node_name,
            bus or (settings.bus if settings else None) or POSTGRES,
            listen_url or (settings.listen_url if settings else None),
        )
        self._subscribers = Subscribers()
        self._failure_callbacks: list[Callable[[Refused], None]] = []
        self._opening = threading.Lock()
        self._opened: Opened | None = None
        self._is_closed = False

    # --- opening and closing ---------------------------------------------------------------------------------------

    def open(self) -> Opened:
        """Open the database now, in the calling thread; every verb does so on first use.

        Raises:
            StartRefused: another process owns the file, or it cannot be opened.
            Draining: this object was closed.
        """
        with self._opening:
            if self._is_closed:
                raise Draining("This ledger was closed.")
            if self._opened is None:
                opened = Opened(
                    self.url, self.clock, self._subscribers, self._guess_limits, self._place, self.presence
                )
                opened.writer.on_failure.append(self._tell_failure)
                self._opened = opened
            return self._opened

    async def _ready(self) -> Opened:
        opened = self._opened
        return opened if opened is not None else await asyncio.to_thread(self.open)

    async def _ask(self, ask: Ask[T]) -> T:
        """Put a question to the opened ledger in one of its reading threads; every verb that asks ends here."""
        opened = await self._ready()
        return await asyncio.get_running_loop().run_in_executor(opened.readers, ask, opened)

    def close(self) -> None:
        """Write what waits and let go of the file. Later calls raise `Draining`; closing again does nothing."""
        with self._opening:
            self._is_closed = True
            opened, self._opened = self._opened, None
        if opened is not None:
            opened.close()

    async def aclose(self) -> None:
        """`close`, without blocking the loop."""
        await asyncio.to_thread(self.close)

    async def __aenter__(self) -> Self:
        await self._ready()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    @contextlib.asynccontextmanager
    async def lifespan(self, _app: object = None) -> AsyncIterator[None]:
        """For a host app's lifespan: `FastAPI(lifespan=credits.lifespan)`. A mounted app has none of its own."""
        async with self:
            yield

    # --- what it is ------------------------------------------------------------------------------------------------

    @property
    def sync(self) -> SyncCredits:
        """The same verbs for threads; they block, and raise `RuntimeError` where an event loop is running."""
        from livecredits.credits.sync import SyncCredits

        return SyncCredits(self)

    @property
    def epoch(self) -> str:
        """The identity of the database's line of history; empty until it is opened."""
        return "" if self._opened is None else self._opened.epoch

    @property
    def former_epochs(self) -> Collection[str]:
        """The lines of history that it was on before it was restored; empty until it is opened."""
        return () if self._opened is None else self._opened.former_epochs

    @property
    def bus(self) -> Bus | None:
        """This process's place among the others; None until the database is opened, and where there are no others."""
        others = None if self._opened is None else self._opened.others
        return None if others is None else others.bus

    @property
    def units(self) -> Mapping[str, Unit]:
        """Every configured unit by name; empty until the database is opened."""
        return {} if self._opened is None else self._opened.units

    @property
    def wrong_codes(self) -> int:
        """Wrong voucher codes that all users together have tried in ten minutes; for an alarm."""
        return 0 if self._opened is None else self._opened.guesses.wrong

    @property
    def settings(self) -> Settings:
        """The settings of the HTTP face."""
        if self._settings is None:
            # The settings belong to the layer above, and whoever uses the library alone never loads them.
            self._settings = import_module("livecredits.config").Settings.load(database_url=self.url)
        return self._settings

    def asgi(self, **options: Any) -> Any:
        """API, live connections and console as an ASGI app, to be mounted under any prefix.

        Args:
            options: what `livecredits.http.app.build_app` takes.
        """
        # Fetched by name: the HTTP face is built on this class, and must not be needed to use it.
        return import_module("livecredits.http.app").build_app(self, **options)

    # --- changes ---------------------------------------------------------------------------------------------------

    async def apply(self, change: Change) -> Answer:
        """Have a change decided, durable and pushed. Every verb ends here.

        Args:
            change: what is asked; checked here once more.

        Returns:
            The answer; the very same for a repeated idempotency key.

        Raises:
            Invalid: 422 `invalid`, a field is out of its range; `errors` names it.
            KeyReused: 422 `idempotency_key_reused`.
            NotFound: 404 `not_found`, an unknown user, hold or entry.
            InsufficientCredits: 402 `insufficient_credits`, with `needed` and `available`.
            AccountFrozen, HoldClosed, AlreadyReversed, NotReversible: 409. What else orders and vouchers are
                refused with, `fulfil`, `refund` and `redeem` tell.
            VersionMismatch: 412 `version_mismatch`.
            Unavailable: 503: `outcome_unknown`, `draining`, `storage_full`, `storage_failed`.
        """
        opened = await self._ready()
        ready = opened.ready(change)
        if not isinstance(ready, Redeem):
            return _answer(await opened.writer.submit_from_loop(ready))
        attempt = opened.guesses.attempt(ready.user_id, ready.address)
        if opened.guesses.blocks:
            async with _beside(attempt, opened.readers):
                return _answer(await opened.writer.submit_from_loop(ready))
        with attempt:
            return _answer(await opened.writer.submit_from_loop(ready))

    grant = _moving(verbs.grant)
    spend = _moving(verbs.spend)
    adjust = _moving(verbs.adjust)
    set = _moving(verbs.set_credits)
    hold = _moving(verbs.hold)
    capture = _moving(verbs.capture)
    release = _moving(verbs.release)
    transfer = _moving(verbs.transfer)
    reverse = _moving(verbs.reverse)
    balance = _asking(verbs.balance)
    check = _asking(verbs.check)
    history = _asking(verbs.history)
    holds = _asking(verbs.holds)
    states = _asking(verbs.states)
    users = _asking(verbs.users)
    user = _asking(verbs.user)
    verify = _asking(verbs.verify)
    put_user = _asking(verbs.put_user)
    put_unit = _asking(verbs.put_unit)

    packages = _asking(shop_verbs.packages)
    put_package = _asking(shop_verbs.put_package)
    delete_package = _asking(shop_verbs.delete_package)
    order = _asking(shop_verbs.order)
    orders = _asking(shop_verbs.orders)
    order_of = _asking(shop_verbs.order_of)
    cancel_order = _asking(shop_verbs.cancel_order)
    fulfil = _moving(shop_verbs.fulfil)
    refund = _moving(shop_verbs.refund)
    create_campaign = _queueing(shop_verbs.create_campaign)
    campaigns = _asking(shop_verbs.campaigns)
    campaign = _asking(shop_verbs.campaign)
    campaign_codes = _asking(shop_verbs.campaign_codes)
    revoke_code = _asking(shop_verbs.revoke_code)
    revoke_rest = _asking(shop_verbs.revoke_rest)
    create_voucher = _asking(shop_verbs.create_voucher)
    put_voucher = _asking(shop_verbs.put_voucher)
    delete_voucher = _asking(shop_verbs.delete_voucher)
    vouchers = _asking(shop_verbs.vouchers)
    voucher = _asking(shop_verbs.voucher)
    redeem = _moving(shop_verbs.redeem)
    redemptions = _asking(shop_verbs.redemptions)
    erase = _asking(shop_verbs.erase)
    audit = _asking(shop_verbs.audit)

    batch = _queueing(batch_verbs.batch)
    apply_batch = _queueing(batch_verbs.apply_batch)
    batch_of = _asking(batch_verbs.batch_of)
    batches = _asking(batch_verbs.batches)
    reverse_batch = _queueing(batch_verbs.reverse_batch)
    undo_batch = _queueing(batch_verbs.undo_batch)

    async def read(self, ask: Callable[[Connection], T]) -> T:
        """Call `ask` with a SQLAlchemy connection that reads one moment of the database; for our own layers."""
        return await self._ask(lambda opened: opened.read(ask))

    async def write(self, ask: Callable[[Connection], T]) -> T:
        """Call `ask` on the writer's thread in a transaction of its own; for our own layers, never for credits."""
        opened = await self._ready()
        return await asyncio.wrap_future(opened.writer.ask(ask))

    async def note(self, rows: Rows, *, urgent: bool = False) -> None:
        """Have rows of the broadcast log written, beside changes unless somebody waits; for our own layers."""
        opened = await self._ready()
        await asyncio.wrap_future(opened.writer.note(rows, urgent=urgent))

    async def take_attempt(self, name: str, most: int, window_us: int, *, too_many: str) -> list[int]:
        """Count an attempt with those of all nodes; for our own layers. A ledger in a file counts none.

        Raises:
            RateLimited: 429, there were `most` in the window already.
        """
        others = (await self._ready()).others
        if others is None:
            return []
        return await asyncio.to_thread(
            others.attempts.take, {name: most}, window_us, too_many=too_many, too_many_now=too_many
        )

    async def give_back_attempt(self, places: list[int]) -> None:
        """The attempt was a good one."""
        others = (await self._ready()).others
        if others is not None:
            await asyncio.to_thread(others.attempts.give_back, places)

    # --- being told ------------------------------------------------------------------------------------------------

    def on_update(self, callback: Callable[[AccountState], None]) -> Callable[[], None]:
        """Call `callback` with the newest state of every account that a commit changed, until the result is called.

        It runs on the loop that is running at registration, else in the writer's thread; it must not block.
        """

        def tell(batch: CommittedBatch) -> None:
            for state in batch.states:
                callback(state)

        return self.on_commit(tell)

    def on_commit(self, callback: Callable[[CommittedBatch], None]) -> Callable[[], None]:
        """Call `callback` once for each committed batch; otherwise as `on_update`."""
        return self._subscribers.add(callback)

    def on_failure(self, callback: Callable[[Refused], None]) -> Callable[[], None]:
        """Call `callback` once, on any thread, when the database has failed for good, until the result is called."""
        self._failure_callbacks.append(callback)
        return lambda: self._failure_callbacks.remove(callback)

    def _tell_failure(self, failure: Refused) -> None:
        for callback in list(self._failure_callbacks):
            callback(failure)


@contextlib.asynccontextmanager
async def _beside(block: AbstractContextManager[None], threads: Executor) -> AsyncIterator[None]:
    """The same block of a `with`, entered and left in a thread, for it may wait."""
    loop = asyncio.get_running_loop()
    await loop.run_in_executor(threads, block.__enter__)
    try:
        yield
    except BaseException as error:
        await loop.run_in_executor(threads, block.__exit__, type(error), error, error.__traceback__)
        raise
    await loop.run_in_executor(threads, block.__exit__, None, None, None)


def _answer(outcome: Outcome) -> Answer:
    assert isinstance(outcome, Answer), "only a Settle is answered with nothing"
    return outcome
