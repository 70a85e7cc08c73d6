"""The hub on an event loop: carries out what it wants, has read what it asks for (`snapshots`), tells it the time.

Promises: a committed state goes to its screens in the same turn of the loop in which the ledger hands it over; one
timer serves all screens.
Must not know: HTTP, WebSocket framing, the database.
The odd thing: a `Live` belongs to the loop that first serves a screen. A hub reached from two loops would need locks
on the hottest path, so a second loop is an error, told at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import secrets
import time
from typing import TYPE_CHECKING, Any

from livecredits.core import wire
from livecredits.core.hub import Hub
from livecredits.core.screen import Actions, Admitted, Counts, Limits, Phase, Screen
from livecredits.errors import Refused, TokenExpired, Unauthenticated
from livecredits.live.endpoint import Endpoint
from livecredits.live.ports import Alone, ScreenView, view
from livecredits.live.receipts import LiveReceipts
from livecredits.live.snapshots import Snapshots

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from livecredits.access import Principal
    from livecredits.config import Settings
    from livecredits.core.rows import AccountState
    from livecredits.live.ports import CommittedBatch, Ledger, Link, Log, Neighbours

log = logging.getLogger("livecredits.live")

DRAIN_S = 5.0
AGENTS_MOST = 1_000
"""So many names of browsers are kept once for all screens that have them."""
START_OVER_MS = 5_000
LOOK_S = 0.25
"""So often does a node that goes look whether anybody is left who takes its screens."""


class Live:
    """All open screens of this process.

    Args:
        credits: the ledger.
        authenticate: tells who a token is; raises `Unauthenticated` or `TokenExpired`.
        settings: heartbeat, limits, allowed origins, trusted proxies.
        limits: instead of what `settings` say; for tests and benchmarks.
        kept_by: where the counts of broadcasts are written; None keeps none.
        forget: called with a user whose tokens a commit has ended, before their screens close, so that none of them
            comes back by what is remembered of its token.
    """

    def __init__(
        self,
        credits: Ledger,
        authenticate: Callable[[str], Awaitable[Principal]],
        settings: Settings,
        *,
        limits: Limits | None = None,
        kept_by: Log | None = None,
        forget: Callable[[str], None] = lambda _user_id: None,
    ) -> None:
        self.settings = settings
        self.limits = limits or Limits(
            heartbeat_ms=settings.heartbeat_s * 1000,
            per_user=settings.screens_per_user,
            per_address=settings.screens_per_address,
        )
        self.authenticate = authenticate
        self._reread_s = settings.reread_period_s
        self._to_reread = 0.0
        self._forget = forget
        self.endpoint = Endpoint(self)
        # Of its own: whoever embeds it may have seeded the module's, and counts on what follows from the seed.
        self._random = random.Random().random
        self.hub = Hub(
            "",
            limits=self.limits,
            scale_of=self._scale_of,
            new_id=lambda: f"scr_{secrets.token_hex(8)}",
            random=self._random,
            now_ms=int(time.monotonic() * 1000),
        )
        self.receipts = LiveReceipts(self.hub, self.now_ms, self._carry_out, self._hint_everywhere, kept_by)
        self.neighbours: Neighbours = Alone()
        self._credits = credits
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop_feed: Callable[[], None] | None = None
        self._snapshots = Snapshots(credits, self.hub, self.now_ms, self._start, self._carry_out)
        self._turning = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._waiters: dict[tuple[str, str], list[tuple[int, asyncio.Future[AccountState]]]] = {}
        self._empty: asyncio.Event | None = None
        self._handshakes_second = 0
        self._handshakes = 0
        self._user_agents: dict[str, str] = {}

    @property
    def counts(self) -> Counts:
        """What has happened so far; every number only grows."""
        return self.hub.counts

    @property
    def open_screens(self) -> int:
        """How many connections are open, those included that have not said who they are."""
        return self.hub.counts.joined - self.hub.counts.left

    @property
    def has_begun(self) -> bool:
        """Whether it belongs to a loop and is told of commits."""
        return self._loop is not None

    @property
    def is_draining(self) -> bool:
        """Whether this process is going."""
        return self.hub.draining

    # --- for carriers ---------------------------------------------------------------------------------------

    def knock(self) -> int:
        """May one more connection be opened?

        Returns:
            0, or the seconds after which the client should try again.
        """
        second = int(time.monotonic())
        if second != self._handshakes_second:
            self._handshakes_second, self._handshakes = second, 0
        self._handshakes += 1
        return int(self.is_draining or self._handshakes > self.settings.handshakes_per_s)

    def join(self, link: Link, carrier: int, *, address: str, user_agent: str) -> Screen:
        """Register a connection that has not said yet who it is."""
        self._belong()
        if len(self._user_agents) > AGENTS_MOST:
            self._user_agents.clear()
        agent = self._user_agents.setdefault(user_agent, user_agent)  # a browser's name is long, and shared
        screen = self.hub.joined(
            link, carrier, address=address, user_agent=agent, now_ms=self.now_ms(), now_us=_wall_us()
        )
        self._carry_out()
        self._begin_turning()
        return screen

    async def join_as(
        self, link: Link, carrier: int, principal: Principal, *, address: str, user_agent: str
    ) -> Screen:
        """Register a connection whose token was checked before, as HTTP does."""
        await self._know_epoch()
        screen = self.join(link, carrier, address=address, user_agent=user_agent)
        if screen.phase is Phase.OPENING:
            screen.phase = Phase.CHECKING
            self.hub.admitted(screen, self._admitted(principal), self.now_ms())
            self._carry_out()
        return screen

    def heard_text(self, screen: Screen, text: str | bytes) -> None:
        """A whole text message came in."""
        try:
            frame = wire.decode(text)
        except wire.Malformed as error:
            self.fail(screen, wire.MALFORMED_FRAME.because(str(error)))
            return
        self.heard(screen, frame)

    def heard(self, screen: Screen, frame: wire.ClientFrame) -> None:
        """A client frame came in."""
        self.hub.heard(screen, frame, self.now_ms())
        self._carry_out()

    def counted(self, screen: Screen) -> None:
        """A control frame came in; too many end the screen as any frames would."""
        if not self.hub.counted(screen, self.now_ms()):
            self._carry_out()

    def fail(self, screen: Screen, verdict: wire.Close) -> None:
        """The carrier found a fault in what the client sent."""
        self.hub.close(screen, verdict, self.now_ms())
        self._carry_out()

    def left(self, screen: Screen) -> None:
        """The connection is closed."""
        self.hub.left(screen)
        self._carry_out()
        if self._empty is not None and not self.open_screens:
            self._empty.set()

    def paused(self, screen: Screen) -> None:
        """The transport is full."""
        self.hub.paused(screen)

    def writable(self, screen: Screen) -> None:
        """The transport takes frames again."""
        self.hub.writable(screen)
        self._carry_out()

    def now_ms(self) -> int:
        """The hub's clock, monotonic."""
        return int(time.monotonic() * 1000)

    # --- for the rest of the package ------------------------------------------------------------------------

    def revoke(self, *, user_id: str | None = None, session_id: str | None = None) -> int:
        """Close the screens of a user's tokens, or of a session; returns how many."""
        if user_id is not None:
            self._forget(user_id)  # what was known of them a moment ago would let them in again
        closed = self.hub.revoke(self.now_ms(), user_id=user_id, session_id=session_id)
        self._carry_out()
        return closed

    def hint(self, lists: Iterable[str], users: Iterable[str] | None = None) -> None:
        """Tell followers, and the own screens of `users`, that these lists moved."""
        self.hub.hint(lists, users)
        self._carry_out()

    def _hint_everywhere(self, lists: Sequence[str]) -> None:
        self.hub.hint(lists)
        self.neighbours.tell("hint", [list(lists), None])

    def lease(self, users: Iterable[str]) -> None:
        """An operator of another node has these users' pages open: their screens are asked for receipts at once."""
        self.hub.lease(users, self.now_ms())

    def start_over(self) -> None:
        """Commits may have been missed: every screen proves anew who it is, and gets the present state."""
        self.hub.send_away(self.now_ms(), START_OVER_MS)

    def screen_of(self, screen_id: str, kind: str, id: str) -> Screen | None:
        """The open screen with this id, if it is theirs who ask for it."""
        screen = self.hub.screens.get(screen_id)
        if screen is None or screen.who is None or (screen.who.kind, screen.who.id) != (kind, id):
            return None
        return screen

    def call(self, work: Callable[[], None]) -> None:
        """Run `work` on the loop that serves the screens, from any thread; without one there is nothing to do."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(work)

    def push_again(self, user_id: str, id: str, unit: str) -> int:
        """Read a user's states again and send them to every screen that shows them; see `Hub.push_again`."""
        pushed = self.hub.push_again(user_id, id, unit, self.now_ms())
        self._carry_out()
        return pushed

    def want_receipts(self, *, is_on: bool, exempt: Collection[str]) -> None:
        """Want receipts or not, of all but some users; screens for whom that changes are told."""
        self.hub.want_receipts(is_on=is_on, exempt=exempt)
        self._carry_out()

    def screens(self, user: str | None = None) -> list[ScreenView]:
        """The open screens that have said who they are, oldest first; of one user, or all."""
        found = [
            screen
            for screen in self.hub.screens.values()
            if screen.who is not None and (user is None or screen.who.user_id == user)
        ]
        asleep_since_ms = self.now_ms() - self.limits.silence_ms
        return [view(screen, self._newest(screen), asleep_since_ms) for screen in found]

    def _newest(self, screen: Screen) -> Mapping[str, int]:
        who = screen.who
        audience = (
            self.hub.audiences.get(who.user_id) if who is not None and who.user_id is not None else None
        )
        return audience.versions if audience is not None else {}

    def screens_of(self, user_id: str) -> int:
        """How many screens of this user are open."""
        return self.hub.screens_of(user_id)

    def shown_to(self) -> tuple[int, int]:
        """How many screens of users are open, and of how many users."""
        return self.hub.shown_to()

    def users_shown(self) -> list[str]:
        """The users of these screens."""
        return self.hub.users_shown()

    async def wait_for(
        self, user: str, unit: str, after_version: int, timeout_s: float
    ) -> AccountState | None:
        """The state of an account as soon as its version is not `after_version`, for the long poll.

        Args:
            user: whose account.
            unit: which of them.
            after_version: what the caller has.
            timeout_s: after so many seconds the current state is returned whatever it is.

        Returns:
            The state; None where there is no such unit.
        """
        self._belong()
        change: asyncio.Future[AccountState] = self._running().create_future()
        waiters = self._waiters.setdefault((user, unit), [])
        waiter = (after_version, change)
        waiters.append(waiter)  # first registered, then read: as everywhere
        try:
            state = await self._state(user, unit)
            if state is None or state.version != after_version:
                return state
            async with asyncio.timeout(timeout_s):
                return await change
        except TimeoutError:
            return await self._state(user, unit)
        finally:
            waiters.remove(waiter)
            if not waiters:
                self._waiters.pop((user, unit), None)

    async def leave(self, over_s: float, is_hurried: Callable[[], bool] = lambda: False) -> None:
        """Let other nodes take the screens: send them away one after the other, and serve them meanwhile.

        Args:
            over_s: so long may it take. Where no other node takes them, nothing is done, or no more.
            is_hurried: whether the rest is to go at once.
        """
        if not (over_s and self.open_screens and self.neighbours.can_take_over()):
            return
        self.hub.drain(self.now_ms(), over_ms=int(over_s * 1000))
        self.neighbours.has_changed()
        self._empty = asyncio.Event()
        while self.open_screens and self.neighbours.can_take_over() and not is_hurried():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S):
                    await self._empty.wait()

    async def drain(self, timeout_s: float = DRAIN_S) -> None:
        """Say goodbye to all screens and wait until they are gone, or cut them after `timeout_s`."""
        self.begin_drain()
        self._empty = asyncio.Event()
        if self.open_screens:
            try:
                async with asyncio.timeout(timeout_s):
                    await self._empty.wait()
            except TimeoutError:
                log.warning("%d screens did not go in %.0f s", self.open_screens, timeout_s)
        for task in list(self._tasks):
            task.cancel()

    def begin_drain(self) -> None:
        """Say goodbye to all screens that are left, at once."""
        self.hub.drain(self.now_ms())
        self.neighbours.has_changed()
        self._carry_out()
        for waiters in list(self._waiters.values()):
            for _, change in waiters:
                if not change.done():
                    change.set_exception(TimeoutError())

    def close(self) -> None:
        """Let go of the ledger."""
        if self._stop_feed is not None:
            self._stop_feed()
            self._stop_feed = None

    # --- the loop -------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Be told of commits from now on, so that the log knows of those that no screen was open for."""
        if self._loop is None:
            self._belong()

    def _belong(self) -> None:
        loop = asyncio.get_running_loop()
        if self._loop is not None and not (self._loop.is_running() or self.open_screens):
            self.close()  # it served requests once, and is over: so are tests, one loop each
            self._loop = None
        if self._loop is None:
            self._loop = loop
            self._turning = self._reading = False
            self._stop_feed = self._credits.on_commit(self._committed)
        elif self._loop is not loop:
            raise RuntimeError(
                "This Live belongs to another event loop: serve each ledger from one loop only."
            )

    def _running(self) -> asyncio.AbstractEventLoop:
        assert self._loop is not None
        return self._loop

    def _committed(self, batch: CommittedBatch) -> None:
        loop = self._running()
        try:
            is_here = asyncio.get_running_loop() is loop
        except RuntimeError:
            is_here = False
        if not is_here:  # a ledger that is used by threads hands over from where it is
            if not loop.is_closed():
                loop.call_soon_threadsafe(self._committed, batch)
            return
        if batch.epoch != self.hub.epoch:
            self._look_at_epoch()
        states = batch.states_of(self.hub.audiences)
        self.hub.committed(batch.epoch, states)
        for user_id in batch.anew:
            if user_id:
                self.hub.tell_again(user_id)
            else:
                self.hub.greet_all()
        if batch.lists:
            self._hint_all(batch.lists)
        for user_id in batch.signed_out:
            self._forget(user_id)
            self.hub.revoke(self.now_ms(), user_id=user_id)
        self._carry_out()
        # After the frames, for they are waited for.
        pushed_ms = batch.committed_monotonic_ns // 1_000_000
        self.hub.broadcast(batch.epoch, batch.entries, states, pushed_ms)
        self._begin_turning()
        if self._waiters:
            self._wake_waiters(batch.states_of({user_id for user_id, _ in self._waiters}))

    def _hint_all(self, lists: Mapping[str, AbstractSet[str]]) -> None:
        """Followers once for the whole batch; users' own screens where there is anything for them."""
        self.hub.hint(set().union(*lists.values()))
        for user_id, moved in lists.items():
            if not moved.isdisjoint(wire.HINTED_LISTS):
                self.hub.hint(moved, (user_id,))

    def _wake_waiters(self, states: Sequence[AccountState]) -> None:
        for state in states:
            for after_version, change in self._waiters.get((state.user_id, state.unit), ()):
                if state.version != after_version and not change.done():
                    change.set_result(state)

    def _look_at_epoch(self) -> None:
        """The ledger says which line of history it is on; the first time is news to nobody."""
        if self.hub.epoch:
            self.hub.epoch_is(self._credits.epoch)
        elif not self.hub.audiences:
            self.hub.epoch = self._credits.epoch
            self.hub.former_epochs = self._credits.former_epochs

    def _begin_turning(self) -> None:
        if not self._turning:
            self._turning = True
            self._running().call_later(self.limits.step_ms / 1000, self._turn)

    def _turn(self) -> None:
        is_over = self._stop_feed is None  # what would be begun now, nobody would wait for
        if is_over or (not self.open_screens and self.receipts.is_idle):
            self._turning = False
            return
        self._running().call_later(self.limits.step_ms / 1000, self._turn)
        self._look_at_epoch()
        # What is left of one is kept for the next step, so that few audiences are read as often as many.
        self._to_reread += len(self.hub.audiences) * self.limits.step_ms / 1000 / self._reread_s
        count = int(self._to_reread)
        self._to_reread -= count
        self.hub.reread(count)
        self.hub.turn(self.now_ms())
        if self.receipts.turn(self.now_ms()):
            self._start(self.receipts.flush())
        self._carry_out()

    def _carry_out(self) -> None:
        """Do what the hub wants; sends first, so that a `bye` is written before its close."""
        out = self.hub.take()
        for screen, data in out.sends:
            link = screen.link
            if link is not None:
                link.transport.write(data)
        if out.has_more():
            self._carry_out_rest(out)
        if self.receipts.waiting:
            self.receipts.look()

    def _carry_out_rest(self, out: Actions) -> None:
        for screen, verdict in out.closes:
            if screen.link is not None:
                screen.link.close(verdict)
        for screen in out.cuts:
            if screen.link is not None:
                screen.link.cut()
        for screen, token in out.checks:
            self._start(self._check(screen, token))
        if out.leases:
            self.neighbours.tell("lease", out.leases)
        for alarm in out.alarms:
            log.error("%s", alarm)
        if out.reads:
            self._snapshots.want(out.reads)

    def _start(self, work: Any) -> None:
        task = self._running().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # --- reading -----------------------------------------------------------------------------------------

    async def _state(self, user: str, unit: str) -> AccountState | None:
        states = (await self._credits.states([user]))[user]
        return next((state for state in states if state.unit == unit), None)

    def _scale_of(self, unit: str) -> int:
        known = self._credits.units.get(unit)
        return known.scale if known is not None else 0

    # --- who it is ------------------------------------------------------------------------------------------

    async def _check(self, screen: Screen, token: str) -> None:
        try:
            await self._know_epoch()
            who = self._admitted(await self.authenticate(token))
        except TokenExpired:
            self.hub.refused(screen, wire.TOKEN_EXPIRED, self.now_ms())
        except Unauthenticated as error:
            self.hub.refused(screen, wire.TOKEN_INVALID.because(error.detail), self.now_ms())
        except Refused as error:
            self.hub.refused(screen, wire.OVERLOADED.because(error.detail), self.now_ms())
        except Exception:
            log.exception("a token could not be checked")
            self.hub.refused(screen, wire.INTERNAL, self.now_ms())
        else:
            self.hub.admitted(screen, who, self.now_ms())
        self._carry_out()

    async def _know_epoch(self) -> None:
        """The ledger opens on first use, and has no epoch before."""
        if not self.hub.epoch:
            await self._credits.states([])
            self.hub.epoch = self._credits.epoch
            self.hub.former_epochs = self._credits.former_epochs
        await self.receipts.know()

    def _admitted(self, principal: Principal) -> Admitted:
        expires_ms = None
        if principal.expires_at_us is not None:
            expires_ms = self.now_ms() + (principal.expires_at_us - _wall_us()) // 1000
        return Admitted(
            kind=principal.kind,
            id=principal.id,
            user_id=principal.user_id if principal.kind == "user" else None,
            may_watch=principal.may_watch(),
            session_id=principal.session_id,
            expires_at_us=principal.expires_at_us,
            expires_ms=expires_ms,
        )


def _wall_us() -> int:
    return time.time_ns() // 1000
