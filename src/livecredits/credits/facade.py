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
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from datetime import datetime
from functools import partial
from importlib import import_module
from types import TracebackType
from typing import TYPE_CHECKING, Any, Concatenate, Literal, ParamSpec, Self, TypeVar, Unpack

from livecredits.clock import Clock, SystemClock
from livecredits.core.changes import (
    LIBRARY,
    Actor,
    Adjust,
    Capture,
    Change,
    Hold,
    Redeem,
    Release,
    Reverse,
    Set,
    Spend,
    Transfer,
)
from livecredits.core.rows import AccountState
from livecredits.credits.asking import Common, common_fields, grant_of, microseconds
from livecredits.credits.batch_verbs import BatchVerbs
from livecredits.credits.guesses import GuessLimits
from livecredits.credits.opened import Opened, Unit
from livecredits.credits.shop import Shop
from livecredits.errors import Draining, Refused
from livecredits.storage.answers import Answer, CommittedBatch, Outcome
from livecredits.storage.database import path_of
from livecredits.storage.handover import Subscribers
from livecredits.storage.pages import HistoryFilter, Slice, UserFilter
from livecredits.storage.people import UNTOUCHED, UserEdit
from livecredits.storage.verify import Progress, VerifyReport
from livecredits.storage.views import Balance, HistoryEntry, HoldView, Page, UserDetail, UserRow

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from livecredits.config import Settings
    from livecredits.credits.sync import SyncCredits
    from livecredits.storage.store import Rows

P = ParamSpec("P")
T = TypeVar("T")

DEFAULT_URL = "sqlite:///livecredits.db"


class Credits(BatchVerbs, Shop):
    """Prepaid credits of an app's users, in one database.

    Args:
        url: `sqlite:///FILE`; what the settings say by default.
        settings: for the HTTP face; read from `LIVECREDITS_*` variables when first needed.
        clock: tells the time; the machine's by default.
        guess_limits: how many wrong voucher codes a user and an address may try.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        settings: Settings | None = None,
        clock: Clock | None = None,
        guess_limits: GuessLimits | None = None,
    ) -> None:
        self.url = url or (settings.database_url if settings else DEFAULT_URL)
        path_of(self.url)  # an address of another kind is refused here and not at the first change
        self.clock: Clock = clock or SystemClock()
        self._settings = settings
        self._guess_limits = guess_limits
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
                opened = Opened(self.url, self.clock, self._subscribers, self._guess_limits)
                opened.writer.on_failure.append(self._tell_failure)
                self._opened = opened
            return self._opened

    async def _ready(self) -> Opened:
        opened = self._opened
        return opened if opened is not None else await asyncio.to_thread(self.open)

    async def _in_thread(
        self, ask: Callable[Concatenate[Opened, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Ask the opened ledger in one of its reading threads."""
        opened = await self._ready()
        bound = partial(ask, opened, *args, **kwargs)
        return await asyncio.get_running_loop().run_in_executor(opened.readers, bound)

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
        with opened.guesses.attempt(ready.user_id, ready.address):
            return _answer(await opened.writer.submit_from_loop(ready))

    async def grant(
        self,
        user_id: str,
        amount: int,
        *,
        expires_at: datetime | None = None,
        priority: int = 0,
        source: str | None = None,
        **common: Unpack[Common],
    ) -> Answer:
        """Add credits as a lot of their own; the first grant makes an unknown user.

        Args:
            user_id: whose account; 1–128 characters.
            amount: credits in the unit's smallest part, 1 … 2^53 − 1.
            expires_at: when what is left of them ends; None for never.
            priority: low numbers burn first.
            source: where they come from, for operators.
            common: see `asking.Common`.
        """
        return await self.apply(grant_of(user_id, amount, expires_at, priority, source, common))

    async def spend(
        self, user_id: str, amount: int, *, allow_below_floor: bool = False, **common: Unpack[Common]
    ) -> Answer:
        """Take credits, lots in burn order; raises `InsufficientCredits` below the floor."""
        fields = common_fields(user_id, common)
        return await self.apply(Spend(amount=amount, allow_below_floor=allow_below_floor, **fields))

    async def adjust(
        self, user_id: str, amount: int, *, allow_below_floor: bool = False, **common: Unpack[Common]
    ) -> Answer:
        """Add credits, or take them where `amount` is negative."""
        fields = common_fields(user_id, common)
        return await self.apply(Adjust(amount=amount, allow_below_floor=allow_below_floor, **fields))

    async def set(self, user_id: str, credits: int, **common: Unpack[Common]) -> Answer:
        """Make the available credits equal to `credits`; with `if_version` only if nothing has happened since."""
        return await self.apply(Set(credits=credits, **common_fields(user_id, common)))

    async def hold(self, user_id: str, amount: int, *, ttl_s: int = 900, **common: Unpack[Common]) -> Answer:
        """Set credits aside for `ttl_s` seconds (1 … 2,592,000); `answer.hold` names the hold."""
        return await self.apply(Hold(amount=amount, ttl_s=ttl_s, **common_fields(user_id, common)))

    async def capture(self, hold_id: str, amount: int | None = None, **common: Unpack[Common]) -> Answer:
        """Spend what a hold has set aside, all or `amount` of it; the rest is released."""
        return await self.apply(Capture(hold_id=hold_id, amount=amount, **common_fields("", common)))

    async def release(self, hold_id: str, **common: Unpack[Common]) -> Answer:
        """Give back what a hold has set aside."""
        return await self.apply(Release(hold_id=hold_id, **common_fields("", common)))

    async def transfer(self, from_user: str, to_user: str, amount: int, **common: Unpack[Common]) -> Answer:
        """Move credits to another user, lots with their terms; the answer is the sender's."""
        return await self.apply(
            Transfer(to_user_id=to_user, amount=amount, **common_fields(from_user, common))
        )

    async def reverse(
        self,
        entry_id: str,
        *,
        amount: int | None = None,
        allow_below_floor: bool = False,
        **common: Unpack[Common],
    ) -> Answer:
        """Undo an entry, whole or `amount` of it, once."""
        fields = common_fields("", common)
        return await self.apply(
            Reverse(entry_id=entry_id, amount=amount, allow_below_floor=allow_below_floor, **fields)
        )

    # --- reading ---------------------------------------------------------------------------------------------------

    async def balance(self, user_id: str, *, unit: str = "credits") -> Balance:
        """An account as it is now. Raises `NotFound` for an unknown user or unit."""
        return await self._in_thread(Opened.balance, user_id, unit)

    async def check(self, user_id: str, amount: int, *, unit: str = "credits") -> bool:
        """Whether a spend of `amount` would pass now; only the spend itself is a promise."""
        return await self._in_thread(Opened.check, user_id, amount, unit)

    async def history(  # noqa: PLR0913 - filters, all of them optional
        self,
        user_id: str,
        *,
        unit: str | None = None,
        kinds: Collection[str] | None = None,
        before: str | None = None,
        after: str | None = None,
        limit: int = 50,
        since: datetime | None = None,
        until: datetime | None = None,
        actor: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        audience: Literal["operator", "user"] = "operator",
    ) -> Page[HistoryEntry]:
        """A page of a user's entries, the newest first.

        Args:
            user_id: whose.
            unit: of which account; of all by default.
            kinds: only these kinds.
            before: a page's `previous`.
            after: a page's `next`.
            limit: entries on a page, at most 500.
            since: only entries from then on.
            until: only entries before then.
            actor: only what `kind:id` asked for.
            metadata: only entries with these values, compared as text.
            audience: `user` leaves reason, actor and metadata out of `as_json`.

        Raises:
            NotFound: nobody has this id.
            Malformed: the cursor is not one of this list.
        """
        asked = HistoryFilter(
            unit=unit, kinds=kinds, since_us=microseconds("since", since), until_us=microseconds("until", until),
            actor=actor, metadata=metadata,
        )  # fmt: skip
        part = Slice(before=before, after=after, limit=limit)
        return await self._in_thread(Opened.history, user_id, asked, part, for_user=audience == "user")

    async def holds(
        self,
        user_id: str,
        *,
        unit: str | None = None,
        state: str | None = "open",
        before: str | None = None,
        after: str | None = None,
        limit: int = 50,
    ) -> Page[HoldView]:
        """A page of a user's holds, the newest first; `state` None gives closed ones too."""
        return await self._in_thread(
            Opened.holds, user_id, unit, state, Slice(before=before, after=after, limit=limit)
        )

    async def states(self, user_ids: Sequence[str]) -> dict[str, list[AccountState]]:
        """The live state of many users: every configured unit, version 0 where there is no account."""
        return await self._in_thread(Opened.states, user_ids)

    async def users(
        self,
        *,
        search: str | None = None,
        unit: str = "credits",
        sort: str = "user_id",
        frozen: bool | None = None,
        low: bool | None = None,
        before: str | None = None,
        after: str | None = None,
        limit: int = 50,
    ) -> Page[UserRow]:
        """A page of users with their account of one unit, and how many there are in all.

        Args:
            search: part of an id, a name or an e-mail address.
            unit: whose balance is shown.
            sort: `user_id`, `name`, `credits` or `updated_at`; `-` in front turns it round.
            frozen: only frozen accounts, or only others.
            low: only accounts at or below their threshold, or only others.
            before: a page's `previous`.
            after: a page's `next`.
            limit: users on a page, at most 500.
        """
        asked = UserFilter(search=search, unit=unit, sort=sort, frozen=frozen, low=low)
        return await self._in_thread(Opened.users, asked, Slice(before=before, after=after, limit=limit))

    async def user(self, user_id: str, *, unit: str = "credits") -> UserDetail:
        """One user, with the lots of one account. Raises `NotFound` for an unknown user."""
        return await self._in_thread(Opened.user, user_id, unit)

    async def verify(self, *, progress: Progress | None = None) -> VerifyReport:
        """Re-add and re-hash the whole ledger.

        Args:
            progress: called in a thread with how many entries are done, and of how many.
        """
        return await self._in_thread(Opened.verify, progress)

    # --- what is no change of credits ------------------------------------------------------------------------------

    async def put_user(  # noqa: PLR0913 - fields, all of them optional
        self,
        user_id: str,
        *,
        name: str | None = UNTOUCHED,
        email: str | None = UNTOUCHED,
        metadata: Mapping[str, Any] | None = UNTOUCHED,
        floor: int | None = UNTOUCHED,
        frozen: bool = UNTOUCHED,
        low_threshold: int | None = UNTOUCHED,
        receipts: bool = UNTOUCHED,
        unit: str = "credits",
        reason: str | None = None,
        actor: Actor | None = None,
    ) -> UserDetail:
        """Make a user, or change what is given; None empties a field, and a floor of None lends without end.

        At or below `low_threshold` available credits the account is marked as low; None goes by the unit's. `receipts`
        says whether the user's screens are asked what they painted.
        """
        edit = UserEdit(
            name=name, email=email, metadata=metadata, floor=floor, frozen=frozen, low_threshold=low_threshold,
            receipts=receipts, unit=unit, reason=reason, actor=actor or LIBRARY,
        )  # fmt: skip
        return await self._in_thread(Opened.put_user, user_id, edit)

    async def put_unit(
        self,
        name: str,
        scale: int | None = None,
        *,
        low_threshold: int | None = UNTOUCHED,
        actor: Actor | None = None,
    ) -> Unit:
        """Make a unit, or change with how many decimal places people see its amounts, and what is low.

        Args:
            name: which unit.
            scale: 0–9; None leaves it as it is, and makes a new unit with none.
            low_threshold: available credits at or below it are low; None marks none. By default it stays.
            actor: who asks.

        Raises:
            Conflict: 409, there are accounts in the unit, and its scale cannot change any more.
        """
        return await self._in_thread(Opened.put_unit, name, scale, low_threshold, actor)

    async def read(self, ask: Callable[[Connection], T]) -> T:
        """Call `ask` with a SQLAlchemy connection that reads one moment of the database; for our own layers."""
        return await self._in_thread(Opened.read, ask)

    async def write(self, ask: Callable[[Connection], T]) -> T:
        """Call `ask` on the writer's thread in a transaction of its own; for our own layers, never for credits."""
        opened = await self._ready()
        return await asyncio.wrap_future(opened.writer.ask(ask))

    async def note(self, rows: Rows, *, urgent: bool = False) -> None:
        """Have rows of the broadcast log written, beside changes unless somebody waits; for our own layers."""
        opened = await self._ready()
        await asyncio.wrap_future(opened.writer.note(rows, urgent=urgent))

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


def _answer(outcome: Outcome) -> Answer:
    assert isinstance(outcome, Answer), "only a Settle is answered with nothing"
    return outcome
