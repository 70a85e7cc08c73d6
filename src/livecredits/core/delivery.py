"""How states reach screens: who looks at whom, snapshots, pushes, slots under back-pressure, hints.

The lower half of the hub (`hub.py` has the upper: who may come in, what clients say, what time brings). It promises,
if the shell does what `take()` hands out:

- every screen ends equal to the ledger: it is registered **first** and its snapshot is read **after**, so that a
  commit between the two is either in the snapshot or in `Audience.fresh`, and the newer one wins;
- a screen that cannot be written to costs one slot per account, which holds the newest state only;
- a hand-over that was lost is found by the next read of that account.

Must not know: sockets, asyncio, the database, a clock (time is passed in).
The odd thing: an `Audience` is its own ticket for a read. A read that comes back for an audience that has since
been emptied and made anew belongs to nobody, for it may have begun before the new screens were registered.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from livecredits.core import wire
from livecredits.core.receipts import Receipts
from livecredits.core.reducer import newest
from livecredits.core.screen import Actions, Audience, Counts, Limits, Phase, Screen
from livecredits.core.wheel import Wheel

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from livecredits.core.rows import AccountKey, AccountState, AnyEntry
    from livecredits.core.wire import Auth


_LIVE = Phase.LIVE
_SOCKET = wire.SOCKET
"""A name of the module is found faster than a member of an enum, and `_push` is the hottest place there is."""


class Delivery:
    """Screens, audiences, and the way of a state from one to the other.

    Args:
        epoch: the database's line of history.
        limits: what is granted to screens.
        scale_of: a unit's decimal places.
        new_id: gives a fresh screen id.
        random: uniform in [0, 1), for jitter.
        now_ms: the monotonic clock at the start.
    """

    def __init__(
        self,
        epoch: str,
        *,
        limits: Limits,
        scale_of: Callable[[str], int],
        new_id: Callable[[], str],
        random: Callable[[], float],
        now_ms: int = 0,
    ) -> None:
        self.epoch = epoch
        self.former_epochs: Collection[str] = ()
        """The lines of history that this database was on before it was restored."""
        self.limits = limits
        self.counts = Counts()
        self.draining = False
        self.screens: dict[str, Screen] = {}
        self.audiences: dict[str, Audience] = {}
        self.receipts = Receipts(limits, self.audiences)
        self._scale_of = scale_of
        self._new_id = new_id
        self._random = random
        self._out = Actions()
        # Long enough for every deadline that the hub sets.
        span_ms = max(limits.heartbeat_ms * 6 // 5, limits.auth_ms, limits.close_ms)
        self._wheel: Wheel[Screen] = Wheel(limits.step_ms, span_ms, now_ms)
        self._per_user: dict[str, int] = {}
        self._per_address: dict[str, int] = {}
        self._followers: dict[Screen, None] = {}
        self._hinted: dict[Screen, None] = {}
        self._unread: list[Audience] = []
        self._claims: dict[Screen, Auth] = {}
        """What screens say that they hold, until their token is checked."""

    def take(self) -> Actions:
        """What is to be done since the last call; the caller owns it."""
        out, self._out = self._out, Actions()
        return out

    # --- a screen goes --------------------------------------------------------------------------------------

    def left(self, screen: Screen) -> None:
        """The connection is closed; whoever closed it."""
        if screen.phase is Phase.GONE:
            return
        self._retire(screen, Phase.GONE)
        screen.link = None
        self.counts.left += 1

    def close(self, screen: Screen, verdict: wire.Close, now_ms: int) -> None:
        """Tell a screen why it ends; it gets nothing more, and is cut if it does not go."""
        if screen.phase >= Phase.CLOSING:
            return
        self._retire(screen, Phase.CLOSING)
        self._out.closes.append((screen, verdict))
        self.counts.closes[verdict.name] = self.counts.closes.get(verdict.name, 0) + 1
        self._wake(screen, now_ms + self.limits.close_ms)

    def _retire(self, screen: Screen, phase: Phase) -> None:
        if screen.phase < Phase.CLOSING:
            self._unregister(screen)
        screen.phase = phase
        screen.slot = screen.gathered = screen.wait = screen.told = screen.hints = None
        self._hinted.pop(screen, None)
        self._claims.pop(screen, None)

    def _unregister(self, screen: Screen) -> None:
        self.screens.pop(screen.id, None)
        _count_down(self._per_address, screen.address)
        self._followers.pop(screen, None)
        who = screen.who
        if who is not None and who.user_id is not None:
            _count_down(self._per_user, who.user_id)
            audience = self.audiences[who.user_id]
            audience.own = tuple(other for other in audience.own if other is not screen)
            self.receipts.went(screen)
            self._depart(screen, audience)
        for audience in (screen.watched or {}).values():
            self._depart(screen, audience)
        screen.watched = None

    def _wake(self, screen: Screen, due_ms: int) -> None:
        screen.due_ms = due_ms
        self._wheel.add(screen, due_ms)

    # --- the snapshot: register first, read after -----------------------------------------------------------

    def _attend(self, screen: Screen, user_id: str) -> Audience:
        audience = self.audiences.get(user_id)
        if audience is None:
            audience = self.audiences[user_id] = Audience(user_id)
        audience.screens.append(screen)
        return audience

    def _depart(self, screen: Screen, audience: Audience) -> None:
        audience.screens.remove(screen)
        audience.excuse(screen)
        if not audience.screens:
            del self.audiences[audience.user_id]

    def _subjects(self, screen: Screen) -> list[Audience]:
        if screen.who is not None and screen.who.user_id is not None:
            return [self.audiences[screen.who.user_id]]
        return list((screen.watched or {}).values())

    def _resync(self, screen: Screen) -> None:
        """Give the screen a whole new hello, unless one is on its way already."""
        if screen.phase is Phase.LIVE:
            self._begin_hello(screen)
            self._greet(screen)

    def _renew(self, screen: Screen) -> None:
        """The same, and if one is on its way, let that one wait for reads that begin after now."""
        if screen.phase is not Phase.READING or screen.wait is None:
            self._resync(screen)
            return
        for audience in self._subjects(screen):
            screen.wait.add(audience.user_id)
            self._read(audience, screen)

    def _begin_hello(self, screen: Screen) -> None:
        """Gather a hello from reads that begin after now."""
        subjects = self._subjects(screen)
        screen.phase = Phase.READING
        screen.slot = None
        screen.gathered = {}
        screen.wait = {audience.user_id for audience in subjects}
        for audience in subjects:
            self._read(audience, screen)

    def _read(self, audience: Audience, screen: Screen) -> None:
        audience.wait(screen)
        self._ask(audience)

    def _ask(self, audience: Audience) -> None:
        if audience.fresh is None:
            audience.fresh = {}
            audience.has_begun = False
            self._out.reads.append(audience)
            self.counts.reads += 1

    def read_begins(self, audiences: Iterable[Audience]) -> None:
        """The shell asks the ledger now: whoever is registered later needs another read."""
        for audience in audiences:
            audience.has_begun = True

    def snapshot(
        self,
        epoch: str,
        read: Iterable[tuple[Audience, Sequence[AccountState]]],
        told_until_us: int | None = None,
    ) -> None:
        """The states that were asked for, read from the primary after they were asked for.

        Args:
            epoch: which line of history was read.
            read: whose states, and the states.
            told_until_us: what was committed before this wall-clock time has been handed over long ago, or was lost.
        """
        for audience, states in read:
            if self.audiences.get(audience.user_id) is not audience or audience.fresh is None:
                continue
            if epoch != self.epoch:  # begun before the ledger was put back
                audience.fresh, audience.has_begun = None, False
                self._ask(audience)
                continue
            self._learn(audience, states, told_until_us)

    def read_failed(self, audiences: Iterable[Audience], now_ms: int) -> None:
        """The ledger could not be read: who waits for it comes back later."""
        for audience in audiences:
            if self.audiences.get(audience.user_id) is not audience:
                continue
            audience.fresh, audience.has_begun = None, False
            waiting = [*(audience.waiting or ()), *(audience.later or ())]
            audience.waiting = audience.later = None
            for screen in waiting:
                self.close(screen, wire.INTERNAL.because("The ledger could not be read."), now_ms)

    def _learn(self, audience: Audience, states: Sequence[AccountState], told_until_us: int | None) -> None:
        merged = {state.unit: state for state in states}
        for unit, state in (audience.fresh or {}).items():
            merged[unit] = newest(merged.get(unit), state)
        if audience.is_leased:
            merged = {unit: self._asking(audience, state) for unit, state in merged.items()}
        waiting, audience.waiting, audience.later = audience.waiting, audience.later, None
        audience.fresh, audience.has_begun = None, False
        if audience.waiting:
            self._ask(audience)
        went_back = [
            state for state in merged.values() if state.version < audience.versions.get(state.unit, 0)
        ]
        if audience.known:
            self._push_drift(audience, merged, waiting, told_until_us)
        audience.versions = {unit: state.version for unit, state in merged.items() if state.version}
        audience.known = True
        for screen in waiting or ():
            self._inform(screen, audience.user_id, merged)
        if went_back:
            self._correct(audience, went_back)

    def _push_drift(
        self,
        audience: Audience,
        merged: Mapping[str, AccountState],
        waiting: list[Screen] | None,
        told_until_us: int | None,
    ) -> None:
        """A read found a version that no hand-over brought: push it to whoever does not get it anyway.

        A read may be quicker than the bus. Only what should have come long ago counts as lost.
        """
        for unit, state in merged.items():
            if state.version > audience.versions.get(unit, 0):
                is_late = told_until_us is None or (state.changed_at_us or 0) < told_until_us
                self.counts.drifted += is_late
                self._push(state, [screen for screen in audience.screens if screen not in (waiting or ())])

    def _correct(self, audience: Audience, states: Sequence[AccountState]) -> None:
        """The ledger is behind what screens were told: nothing but a hello takes a number back."""
        self.counts.went_back += 1
        found = ", ".join(f"{state.unit} {state.version}" for state in states)
        self._out.alarms.append(
            f"the ledger went back for user {audience.user_id}: {found}; was it restored?"
        )
        for screen in audience.screens:
            self._resync(screen)

    def _inform(self, screen: Screen, user_id: str, merged: Mapping[str, AccountState]) -> None:
        if screen.phase is Phase.LIVE:  # it watches a user more
            for state in merged.values():
                self._push(state, (screen,))
        elif self.audiences[user_id].awaits(screen):
            return  # what was read is too old for it
        elif screen.wait is not None and screen.gathered is not None:
            screen.gathered.update({(user_id, unit): state for unit, state in merged.items()})
            screen.wait.discard(user_id)
            self._greet(screen)

    def _greet(self, screen: Screen) -> None:
        """Send the hello if it is complete and the transport takes it."""
        who = screen.who
        if screen.wait or screen.gathered is None or screen.paused or who is None:
            return
        gathered, screen.gathered, screen.wait = screen.gathered, None, None
        screen.phase = Phase.LIVE
        text = wire.hello_text(
            epoch=self.epoch,
            screen=screen.id,
            heartbeat_s=self.limits.heartbeat_ms / 1000,
            token_expires_at_us=who.expires_at_us,
            user=who.user_id,
            receipts=None if who.user_id is None else self.receipts.wanted_of(who.user_id),
            accounts=[self._text(state) for state in gathered.values()],
        )
        is_first = not screen.sent
        self._send(screen, text, self.epoch)
        self.counts.hellos += 1
        if is_first:
            self._doubt(screen)

    def _doubt(self, screen: Screen) -> None:
        """A screen that is ahead of the ledger has seen a line of history that is gone: it gets the truth.

        Answered once a heartbeat, for the claim is the client's and may be a lie.
        """
        if screen.painted is None or screen.doubted or screen.phase is not Phase.LIVE:
            return
        who = screen.who
        audience = self.audiences.get(who.user_id) if who is not None and who.user_id is not None else None
        if audience is None or not audience.known:
            return
        ahead = [unit for unit, version in screen.painted.items() if version > audience.versions.get(unit, 0)]
        if ahead:
            screen.doubted = True
            self.counts.ahead += 1
            self._out.alarms.append(
                f"a screen of user {audience.user_id} is ahead of the ledger ({ahead[0]})"
            )
            self._resync(screen)

    # --- a change was committed -----------------------------------------------------------------------------

    def committed(self, epoch: str, states: Iterable[AccountState]) -> None:
        """The ledger handed a batch over: the newest state of each account that it changed.

        A batch of another epoch is a straggler from a line of history that is gone; only `epoch_is` changes lines.
        """
        if epoch != self.epoch:
            self.counts.stale += 1
            return
        audiences, spread = self.audiences, self._spread
        for state in states:
            audience = audiences.get(state.user_id)
            if audience is not None:
                spread(audience, state)

    def _spread(self, audience: Audience, state: AccountState) -> None:
        unit, versions = state.unit, audience.versions
        if audience.fresh is not None:
            audience.fresh[unit] = newest(audience.fresh.get(unit), state)
        if state.version <= versions.get(unit, 0):
            self.counts.stale += 1
            return
        versions[unit] = state.version
        if state.receipt or audience.is_leased:
            state = self._asking(audience, state)
        screens = audience.screens
        screen = screens[0]
        # Most users have one screen, and it can be written to: `_push` for it alone would cost a third more.
        if len(screens) == 1 and screen.phase is _LIVE and not screen.paused and screen.carrier == _SOCKET:
            screen.sent += 1
            self.counts.states += 1
            text = wire.state_text(state, self.epoch, self._scale_of(unit))
            self._out.sends.append((screen, wire.socket_bytes(text)))
        else:
            self._push(state, screens)

    def _asking(self, audience: Audience, state: AccountState) -> AccountState:
        """The state, asking its screens for a receipt at once if they are to give any."""
        wanted = self.receipts.wanted_of(audience.user_id)
        return state if state.receipt == wanted else replace(state, receipt=wanted)

    def broadcast(
        self, epoch: str, entries: Sequence[AnyEntry], states: Iterable[AccountState], pushed_ms: int
    ) -> None:
        """Count from now on who has seen these entries; to be called when the states of their batch were sent.

        Args:
            epoch: as for `committed`.
            entries: all entries of the batch, in the order of their ids.
            states: what `committed` was given.
            pushed_ms: when the commit returned.
        """
        if epoch == self.epoch:
            asked: set[AccountKey] = {(state.user_id, state.unit) for state in states if state.receipt}
            self.receipts.pushed(entries, pushed_ms, asked)

    def _push(self, state: AccountState, screens: Iterable[Screen]) -> None:
        """Send one state to these screens; it is put into words once, and once per carrier in a row."""
        text: str | None = None
        form: bytes | str | None = None
        form_carrier = -1
        sends = self._out.sends
        for screen in screens:
            if screen.phase is not _LIVE or screen.paused:
                self._withhold(screen, state)
                continue
            if screen.carrier != form_carrier or form is None:
                if text is None:
                    text = wire.state_text(state, self.epoch, self._scale_of(state.unit))
                form_carrier = screen.carrier
                if form_carrier == wire.SOCKET:
                    form = wire.socket_bytes(text)
                else:
                    form = wire.carried(text, form_carrier, f"{self.epoch}.{state.version}")
            screen.sent += 1
            self.counts.states += 1
            sends.append((screen, form))

    def _withhold(self, screen: Screen, state: AccountState) -> None:
        key = (state.user_id, state.unit)
        if screen.phase is Phase.READING:
            if screen.gathered is not None and state.user_id not in (screen.wait or ()):
                screen.gathered[key] = newest(screen.gathered.get(key), state)
        elif screen.phase is Phase.LIVE:
            if screen.slot is None:
                screen.slot = {}
            elif key in screen.slot:
                self.counts.merged += 1
            screen.slot[key] = newest(screen.slot.get(key), state)

    def push_again(self, user_id: str, id: str, unit: str, now_ms: int) -> int:
        """Read a user's states and send them as a hello to every screen that shows them.

        Args:
            user_id: whose.
            id: what the broadcast is called.
            unit: whose version is counted.
            now_ms: the hub's clock.

        Returns:
            How many screens show them, watchers included.
        """
        self.receipts.pushed_again(id, self.audiences.get(user_id), unit, now_ms)
        return self.tell_again(user_id)

    def tell_again(self, user_id: str) -> int:
        """The same, of what no version counts (a floor, a threshold): nobody waits for its receipts."""
        audience = self.audiences.get(user_id)
        shown = audience.screens if audience is not None else []
        for screen in shown:
            self._renew(screen)
        return len(shown)

    def want_receipts(self, *, is_on: bool, exempt: Collection[str]) -> None:
        """Want receipts or not, of all but some users; screens are told by a new hello where that changes for them."""
        before = {user_id: self.receipts.wanted_of(user_id) for user_id in self.audiences}
        self.receipts.switch(is_on=is_on, exempt=exempt)
        for user_id, was_wanted in before.items():
            if was_wanted != self.receipts.wanted_of(user_id):
                for screen in self.audiences[user_id].own:
                    self._resync(screen)

    def greet_all(self) -> None:
        """Read everything anew and send it as a hello to every screen."""
        for screen in list(self.screens.values()):
            self._renew(screen)

    def screens_of(self, user_id: str) -> int:
        """How many screens of this user are open, watchers not counted."""
        return self._per_user.get(user_id, 0)

    def shown_to(self) -> tuple[int, int]:
        """How many screens of users are open, and of how many users; watchers not counted."""
        return sum(self._per_user.values()), len(self._per_user)

    def users_shown(self) -> list[str]:
        """The users of these screens."""
        return list(self._per_user)

    def epoch_is(self, epoch: str) -> None:
        """The ledger's epoch, as often as the shell likes: another one means that everybody starts over."""
        if epoch == self.epoch:
            return
        self.epoch = epoch
        self._out.alarms.append(f"the ledger's epoch is now {epoch}; it was restored")
        self.receipts.forget()
        for audience in self.audiences.values():
            audience.versions = {}
            audience.known = False
            if audience.fresh is not None:
                audience.fresh = {}  # what was committed on the other line of history does not count
        for screen in list(self.screens.values()):
            if screen.gathered is not None:
                self._start_over(screen)
            self._resync(screen)

    def _start_over(self, screen: Screen) -> None:
        """What was gathered belongs to another epoch: forget it, and let `_resync` ask for all of it again."""
        for audience in self._subjects(screen):
            audience.excuse(screen)
        screen.phase = Phase.LIVE

    # --- back-pressure --------------------------------------------------------------------------------------

    def paused(self, screen: Screen) -> None:
        """The transport takes nothing more for now."""
        screen.paused = True

    def writable(self, screen: Screen) -> None:
        """The transport takes frames again: the newest of each account, then the hints."""
        screen.paused = False
        self._greet(screen)
        slot, screen.slot = screen.slot, None
        for state in (slot or {}).values():
            self._push(state, (screen,))

    # --- hints: a list moved --------------------------------------------------------------------------------

    def hint(self, lists: Iterable[str], users: Iterable[str] | None = None) -> None:
        """These lists moved: tell the followers, and the own screens of `users`, at the next turn.

        What is everybody's (`packages`) is told to all users' screens where no users are named. A user's own screens
        are not told that `history` moved: a higher version has told them.
        """
        moved = set(lists)
        shared = moved.intersection(wire.SHARED_LISTS) if users is None else None
        for screen in self.screens.values() if shared else ():
            if screen.phase < Phase.CLOSING and screen.who is not None and screen.who.user_id is not None:
                self._hint(screen, shared or set())
        for screen in self._followers:
            self._hint(screen, moved.intersection(screen.follows))
        for user_id in users or ():
            audience = self.audiences.get(user_id)
            for screen in audience.screens if audience is not None else ():
                if screen.who is not None and screen.who.user_id == user_id:
                    self._hint(screen, moved.intersection(wire.HINTED_LISTS))

    def _hint(self, screen: Screen, lists: set[str]) -> None:
        if lists:
            screen.hints = lists if screen.hints is None else screen.hints | lists
            self._hinted[screen] = None

    def _flush_hints(self) -> None:
        ready = [screen for screen in self._hinted if screen.phase is Phase.LIVE and not screen.paused]
        for screen in ready:
            del self._hinted[screen]
            lists, screen.hints = screen.hints, None
            self._send(screen, wire.changed_text(lists or ()))

    # --- writing --------------------------------------------------------------------------------------------

    def _text(self, state: AccountState) -> str:
        return wire.state_text(state, self.epoch, self._scale_of(state.unit))

    def _send(self, screen: Screen, text: str, event_id: str = "") -> None:
        screen.sent += 1
        self._out.sends.append((screen, wire.carried(text, screen.carrier, event_id)))


def _count_down(counts: dict[str, int], key: str) -> None:
    counts[key] -= 1
    if not counts[key]:
        del counts[key]
