"""Who has seen it: folds what screens say they painted into counts for each broadcast, without a clock or a socket.

A broadcast is one version of an account on its way to the screens that were open when it was pushed. Promises:

- `shown` is only what a screen itself said it painted after the push, at that version or a higher one, and no higher
  than the ledger has: whatever is not known counts as hidden, asleep, gone or behind, never as shown;
- every screen stands in exactly one class: open = shown + hidden + asleep + gone + behind;
- memory is bounded: a broadcast is forgotten when nothing can change it, or when it is too old, or one too many.

Must not know: sockets, asyncio, the database, a clock (time is passed in).
The odd thing: a broadcast for a user without an open screen is never made. `first_id` to `last_id` say which entries
this process has seen, and who writes the log down keeps that range, so that no row still means "no screen was open".
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from livecredits.core.broadcasts import Broadcast, Counts, Row, Sight, Span
from livecredits.core.crowds import Crowd, Run, rows_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from livecredits.core.rows import AccountKey, AnyEntry
    from livecredits.core.screen import Audience, Limits, Screen

LEASE_MS = 10_000
"""So long do the states of a user ask for a receipt at once after an operator's page said that it is open."""
FINAL_MS = 600_000
"""What a screen says later than this changes no count any more."""
DUE_MOST = 50_000
CROWD_MOST = 200_000
LATE_MOST = 10_000
RECENT_MOST = 2_000
"""Broadcasts in memory: without a row yet, the plain ones of a crowd apart; with a row that may change; settled, for
their screens' details."""
CROWD_LOOK_MS = 5_000
"""A crowd is looked through for silent screens this often."""
DETAILED_PER_S = 200
"""Broadcasts a second whose screens are kept one by one after all have answered; of more, only the counts."""


@dataclass(slots=True)
class Totals:
    """What became of all screens of all broadcasts, for `/metrics`; every number only grows."""

    shown: int = 0
    hidden: int = 0
    asleep: int = 0
    gone: int = 0
    behind: int = 0
    dropped: int = 0
    """Broadcasts that were forgotten before their time, because there were too many."""


class Receipts:
    """The broadcasts of one process that are not settled yet, and a few that are.

    Args:
        limits: how long a screen may be silent.
        audiences: who looks at whom; the hub's own.
    """

    def __init__(self, limits: Limits, audiences: Mapping[str, Audience]) -> None:
        self._silence_ms = limits.silence_ms
        self._audiences = audiences
        self.totals = Totals()
        self.is_on = True
        self.exempt: Collection[str] = frozenset()
        """Users of whom no receipts are wanted."""
        self.first_id = self.last_id = ""
        self.has_moved = False
        """Whether the log looks otherwise than when somebody last set this back."""
        self.delays_ms: list[int] = []
        """From commit to receipt, of visible screens that were asked to tell at once; for whoever takes it."""
        self._crowd = Crowd()
        self._looked_ms = 0
        self._due: dict[str, Broadcast] = {}
        self._late: dict[str, Broadcast] = {}
        self._recent: dict[str, Broadcast] = {}
        self._dirty: dict[str, Broadcast] = {}
        self._settled: list[Broadcast] = []
        self._rows: list[Row | Run] = []
        self._leases: dict[str, int] = {}
        self._detailed = 0
        self._second = 0

    # --- what is asked of screens -----------------------------------------------------------------------------

    def wanted_of(self, user_id: str) -> bool:
        """Whether this user's screens are to send receipts."""
        return self.is_on and user_id not in self.exempt

    def lease(self, audience: Audience, now_ms: int) -> None:
        """An operator has this user's page open: its states ask for a receipt at once, for a while."""
        if self.wanted_of(audience.user_id):
            self._leases[audience.user_id] = now_ms + LEASE_MS
            audience.is_leased = True

    def switch(self, *, is_on: bool, exempt: Collection[str]) -> None:
        """Want receipts or not, of all but some. What was pushed before to those who give none now stays unknown."""
        self.is_on, self.exempt = is_on, exempt
        for audience in self._audiences.values():
            if self.wanted_of(audience.user_id):
                continue
            self._end_lease(audience.user_id)
            for screen in audience.own:
                self._make_whole(screen)
                for broadcast in screen.due or ():
                    broadcast.is_off = True
                    self._settle(broadcast)
                screen.due = None

    def _end_lease(self, user_id: str) -> None:
        self._leases.pop(user_id, None)
        audience = self._audiences.get(user_id)
        if audience is not None:
            audience.is_leased = False

    # --- what happens -----------------------------------------------------------------------------------------

    def pushed(
        self, entries: Sequence[AnyEntry], pushed_ms: int, asked: Collection[AccountKey] = frozenset()
    ) -> None:
        """A batch was committed and its states were sent.

        Args:
            entries: all of the batch, in the order of their ids.
            pushed_ms: when the commit returned, on the hub's clock.
            asked: accounts whose state asked for a receipt at once.
        """
        if not entries:
            return
        if not self._extend(entries):
            entries = [entry for entry in entries if self.find(entry.id) is None]
        is_crowded = self._is_crowded(len(entries), pushed_ms)
        if is_crowded and not asked and self.is_on and not self.exempt:
            entries = self._crowd.pushed(entries, pushed_ms, self._audiences)
        for entry in entries:
            audience = self._audiences.get(entry.user_id)
            if audience is None or not audience.own:
                continue
            broadcast = Broadcast(entry.id, entry.unit, entry.version, pushed_ms, audience.own)
            broadcast.is_asked = audience.is_leased or (entry.user_id, entry.unit) in asked
            broadcast.is_bare = is_crowded and not broadcast.is_asked
            if not self.wanted_of(entry.user_id):
                broadcast.is_off = True
                self._settle(broadcast)
                continue
            self._due[entry.id] = broadcast
            for screen in audience.own:
                if screen.due is None:
                    screen.due = [broadcast]
                else:
                    screen.due.append(broadcast)

    def _extend(self, entries: Sequence[AnyEntry]) -> bool:
        """Note which entries were seen; False where some came before, or come late."""
        is_next = entries[0].id > self.last_id
        self.last_id = max(entries[-1].id, self.last_id)
        self.first_id = self.first_id or entries[0].id
        self.has_moved = True
        return is_next

    def _is_crowded(self, more: int, now_ms: int) -> bool:
        second = now_ms // 1000
        if second != self._second:
            self._second, self._detailed = second, 0
        self._detailed += more
        return self._detailed > DETAILED_PER_S

    def pushed_again(self, id: str, audience: Audience | None, unit: str, now_ms: int) -> Broadcast:
        """Somebody asked for a re-send: counted are screens that say after it what they show, and show it.

        Args:
            id: what it is called; beside the entries' ids, so that it has its row even without a screen.
            audience: who looks at the user; None where nobody does.
            unit: whose version is counted.
            now_ms: when it is sent.
        """
        if audience is None or not audience.own:
            broadcast = Broadcast(id, unit, 0, now_ms, ())
            self._settle(broadcast)
            return broadcast
        broadcast = Broadcast(id, unit, audience.versions.get(unit, 0), now_ms, audience.own)
        broadcast.is_asked = broadcast.is_again = True
        self.has_moved = True
        if not self.wanted_of(audience.user_id):
            broadcast.is_off = True
            self._settle(broadcast)
            return broadcast
        self._due[id] = broadcast
        for screen in audience.own:
            screen.due = [*(screen.due or ()), broadcast]
        self.lease(audience, now_ms)
        return broadcast

    def told(
        self,
        screen: Screen,
        painted: Mapping[str, int],
        newest: Mapping[str, int],
        now_ms: int,
        *,
        visible: bool,
    ) -> None:
        """A screen says what stands on it, before its own fields take that over.

        Args:
            screen: which one; its `visible` and `answered_ms` are still as they were before.
            painted: unit → version that a visible tab has painted.
            newest: unit → version that the ledger has: whoever claims more speaks of another line of history.
            now_ms: when the frame arrived.
            visible: whether a tab is visible now.
        """
        if screen.crowd is not None and self._crowd.told(screen, painted, newest, now_ms):
            self.has_moved = True
        due = screen.due
        if due is None:
            return
        was_visible, since_ms = screen.visible, screen.answered_ms
        left: list[Broadcast] = []
        for broadcast in due:
            unit = broadcast.unit
            # A re-send brings no newer version: only who is seen now, and has it, counts.
            is_painted = broadcast.version <= painted.get(unit, 0) <= newest.get(unit, 0)
            if is_painted and (visible or not broadcast.is_again):
                self._paint(broadcast, screen, now_ms, was_seen=was_visible or not since_ms)
            else:
                left.append(broadcast)
                if visible != was_visible or since_ms <= broadcast.pushed_ms:
                    self._touch(broadcast)
        screen.due = left or None

    def _paint(self, broadcast: Broadcast, screen: Screen, now_ms: int, *, was_seen: bool) -> None:
        # Both times were cut to whole milliseconds, so the difference may be one too small for an upper bound.
        ms = now_ms - broadcast.pushed_ms + 1
        broadcast.shown += 1
        if broadcast.first_ms is None:
            broadcast.first_ms = ms
        broadcast.last_ms = ms
        if screen.tabs > 1:
            broadcast.in_browsers = True
        if not broadcast.is_bare:
            broadcast.seen = [*(broadcast.seen or ()), (screen, ms)]
            if was_seen and broadcast.is_asked:
                self.delays_ms.append(ms)
        if broadcast.open == 1:
            broadcast.waiting = ()
            self._settle(broadcast)
        else:
            self._without(broadcast, screen)

    def went(self, screen: Screen) -> None:
        """A screen is closed, or is told to close: what it has not painted by now it never will."""
        if screen.crowd is not None:
            self._crowd.went(screen)
            self.has_moved = True
        due, screen.due = screen.due, None
        for broadcast in due or ():
            broadcast.gone += 1
            self._without(broadcast, screen)

    def _without(self, broadcast: Broadcast, screen: Screen) -> None:
        broadcast.waiting = tuple(other for other in broadcast.waiting if other is not screen)
        if broadcast.waiting:
            self._touch(broadcast)
        else:
            self._settle(broadcast)

    def _touch(self, broadcast: Broadcast) -> None:
        if broadcast.is_written:
            self._dirty[broadcast.id] = broadcast
            self.has_moved = True

    def _settle(self, broadcast: Broadcast) -> None:
        if broadcast.is_settled:
            return
        broadcast.is_settled = True
        self.has_moved = True
        self._settled.append(broadcast)
        if self._due.pop(broadcast.id, None) is None:
            self._late.pop(broadcast.id, None)
        if self._dirty:
            self._dirty.pop(broadcast.id, None)
        if not broadcast.is_bare:
            self._recent[broadcast.id] = broadcast

    def turn(self, now_ms: int) -> None:
        """Do what time brings: end leases, put the old aside, forget the oldest."""
        for user_id in [user_id for user_id, end_ms in self._leases.items() if end_ms <= now_ms]:
            self._end_lease(user_id)
        if now_ms >= self._looked_ms + CROWD_LOOK_MS:
            self._looked_ms = now_ms
            for screen in self._crowd.silent_since(now_ms - self._silence_ms - 1, CROWD_MOST):
                self._make_whole(screen)
        for broadcast in _oldest(self._due, now_ms - self._silence_ms - 1, DUE_MOST):
            del self._due[broadcast.id]
            self._late[broadcast.id] = self._dirty[broadcast.id] = broadcast
            self.has_moved = True
        self._give_up(_oldest(self._late, now_ms - FINAL_MS, LATE_MOST), now_ms)
        for id in list(islice(self._recent, max(0, len(self._recent) - RECENT_MOST))):
            del self._recent[id]

    def _make_whole(self, screen: Screen) -> None:
        """Take a screen out of the crowd: what it has not painted is looked at one by one from now on."""
        if screen.crowd is None:
            return
        made = self._crowd.made_whole(screen)
        self._due.update((broadcast.id, broadcast) for broadcast in made)
        screen.due = [*(screen.due or ()), *made]

    def _give_up(self, broadcasts: Iterable[Broadcast], now_ms: int) -> None:
        """Whatever screens say from now on changes these no more: they stay as they stand."""
        screens: dict[Screen, None] = {}
        for broadcast in broadcasts:
            counts = broadcast.counts(now_ms, self._silence_ms)
            self.totals.dropped += now_ms - broadcast.pushed_ms < FINAL_MS
            screens.update(dict.fromkeys(broadcast.waiting))
            broadcast.waiting = ()
            broadcast.is_settled = True
            del self._late[broadcast.id]
            self._dirty.pop(broadcast.id, None)
            self._count(counts)
            self._rows.append(Row(broadcast.id, counts, is_settled=True, details=broadcast.details))
            self.has_moved = True
        for screen in screens:
            screen.due = [one for one in screen.due or () if not one.is_settled] or None

    def forget(self) -> None:
        """The ledger is on another line of history: none of these broadcasts happened on it."""
        self._crowd.forget()
        for kept in (self._due, self._late):
            for broadcast in kept.values():
                for screen in broadcast.waiting:
                    screen.due = None
        for kept in (self._due, self._late, self._recent, self._dirty):
            kept.clear()
        self._settled, self._rows = [], []
        self.first_id = self.last_id = ""

    # --- what there is to see ---------------------------------------------------------------------------------

    def find(self, id: str) -> Broadcast | None:
        """A broadcast that is still in memory."""
        return self._due.get(id) or self._late.get(id) or self._recent.get(id)

    def counts(self, broadcast: Broadcast, now_ms: int) -> Counts:
        """Where its screens stand."""
        return broadcast.counts(now_ms, self._silence_ms)

    def sights(self, broadcast: Broadcast, now_ms: int) -> list[Sight]:
        """Where each of its screens stands that has not left."""
        return broadcast.sights(now_ms, self._silence_ms)

    # --- what is written down ---------------------------------------------------------------------------------

    def take(self, now_ms: int, *, everything: bool = False) -> tuple[list[Row | Run], Span | None]:
        """Rows that are new or changed since the last call, and the entries that they are complete for.

        Args:
            now_ms: the hub's clock.
            everything: also rows of broadcasts whose screens have had no time to answer yet.
        """
        if everything:
            for screen in list(self._crowd.screens):
                self._make_whole(screen)
            self._dirty.update((id, one) for id, one in self._due.items() if not one.is_written)
        settled, self._settled = self._settled, []
        dirty, self._dirty = self._dirty, {}
        rows, self._rows = self._rows, []
        for run in self._crowd.take():
            rows.append(run)
            if run.shown_ms is None:
                self.totals.gone += len(run.plain)
            else:
                self.totals.shown += len(run.plain)
        for broadcast in settled:
            counts = broadcast.counts(now_ms, self._silence_ms)
            self._count(counts)
            rows.append(Row(broadcast.id, counts, is_settled=True, details=broadcast.details))
        for broadcast in dirty.values():
            broadcast.is_written = True
            counts = broadcast.counts(now_ms, self._silence_ms)
            rows.append(Row(broadcast.id, counts, is_settled=False, details=broadcast.details))
        return rows, self._span()

    def _span(self) -> Span | None:
        if not self.first_id:
            return None
        # No id lies between an id and the same with one more sign.
        end = self.last_id + "+"
        unwritten = (one.id for one in self._due.values() if not (one.is_written or one.is_again))
        return Span(self.first_id, min(next(unwritten, end), self._crowd.oldest_id() or end))

    def give_back(self, rows: Iterable[Row | Run]) -> None:
        """These rows could not be written; if there are too many, what they tell is lost, and said to be."""
        self._rows = [*rows, *self._rows]
        count = sum(1 for _ in rows_of(self._rows))
        if count > CROWD_MOST:
            self.totals.dropped += count
            self._rows = []
            self.first_id = ""  # a new range begins with the next entry

    def _count(self, counts: Counts) -> None:
        totals = self.totals
        totals.shown += counts.shown
        totals.hidden += counts.hidden
        totals.asleep += counts.asleep
        totals.gone += counts.gone
        totals.behind += counts.behind


def _oldest(kept: Mapping[str, Broadcast], before_ms: int, most: int) -> list[Broadcast]:
    """Those pushed before then, and those that are too many; in the order in which they came."""
    surplus = len(kept) - most
    found: list[Broadcast] = []
    for broadcast in kept.values():
        if broadcast.pushed_ms > before_ms and len(found) >= surplus:
            break
        found.append(broadcast)
    return found
