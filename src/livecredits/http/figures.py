"""What the Overview shows about credits: kept as sums and carried on, so that no look at it adds up the ledger.

This promises figures that equal a recount of the entries, however often somebody looks, at a cost that goes with what
happened since the last look. All accounts are added up once in the life of a process, and the last day's entries once;
after that only entries behind the cursor are read. It must not know routes.

The odd things: counting goes on beside the request that began it. Where a day holds millions of entries, the first
answers after a start say `complete: false` and show what is counted so far. And where several processes write, an
entry may appear behind the cursor; it is found by its notice, and notices are not kept for ever, so after a long pause
everything is counted anew.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from livecredits.errors import LivecreditsError, Refused
from livecredits.storage.stats import (
    QUARTER_US,
    Movement,
    Sums,
    account_sums,
    count_people,
    edge_of,
    first_id_at,
    late,
    moment_of,
    moved,
)
from livecredits.storage.tail import WentBack, Window

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from livecredits.credits import Credits

log = logging.getLogger("livecredits.http")

DAY_QUARTERS = 24 * 4
KEPT_QUARTERS = DAY_QUARTERS + 8
"""A day has 25 hours when summer time ends, and the hour that is running is not over."""
PAUSE_S_MAX = 600.0
"""After a longer pause notices may be gone that tell of late entries (`storage.nodes.NOTICES_KEPT_US`)."""
WAIT_S = 1.0
"""So long an answer waits for the count to catch up."""
SHARE = 100
"""Counting users and orders may take a hundredth of the time: what took 20 ms is not asked again for 2 s."""
_GIVEN = frozenset({"grant", "adjust", "set", "redeem", "fulfil"})
_USED = frozenset({"spend", "capture"})


@dataclass(slots=True)
class Moved:
    """What entries moved, in the unit's smallest part.

    Attributes:
        granted: given by grants, adjustments, sets, vouchers and orders.
        spent: used by spends and captures.
        expired: ended with their lots.
        taken: taken by adjustments and sets.
        reversed: what reversals gave (positive) or took (negative).
    """

    granted: int = 0
    spent: int = 0
    expired: int = 0
    taken: int = 0
    reversed: int = 0

    def add(self, kind: str, up: int, down: int) -> None:
        """Count the entries of one kind; a transfer gives one user what it takes from another, and counts nowhere."""
        if kind in _GIVEN:
            self.granted += up
            self.taken += down
        elif kind in _USED:
            self.spent += down
        elif kind == "expire":
            self.expired += down
        elif kind == "reverse":
            self.reversed += up - down

    def join(self, other: Moved) -> None:
        """Add what another span of time moved."""
        self.granted += other.granted
        self.spent += other.spent
        self.expired += other.expired
        self.taken += other.taken
        self.reversed += other.reversed


@dataclass(frozen=True, slots=True)
class UnitFigures:
    """One unit at one moment: what all accounts hold together, and what the day has moved until now."""

    outstanding: int
    held: int
    today: Moved


@dataclass(frozen=True, slots=True)
class Hour:
    """What one hour moved, by unit; the last hour of a series is not over."""

    at_us: int
    moved: Mapping[str, Moved]


@dataclass(slots=True)
class _Count:
    """How far the entries are counted."""

    sums: dict[str, Sums]
    newest_summed: str
    cursor: str
    epoch: str
    """The line of history that it is of."""
    window: Window | None
    """What could be seen when it was last carried on; None where entries are never late."""
    looked_s: float = field(default_factory=time.monotonic)
    edge: str = ""
    """Behind it nothing is counted yet, if there is one."""
    quarters: dict[tuple[str, int], Moved] = field(default_factory=dict)
    is_complete: bool = False


class _Part(NamedTuple):
    """What one look at the ledger found: late entries, and the next ones."""

    window: Window | None
    late: Sequence[tuple[Movement, bool]]
    until: str
    rows: Sequence[Movement]


class Figures:
    """The sums of one ledger.

    Args:
        credits: the ledger.
    """

    def __init__(self, credits: Credits) -> None:
        self._credits = credits
        self._count: _Count | None = None
        self._counting: asyncio.Task[None] | None = None
        self._people = (0, 0)
        self._people_due_s = 0.0
        self.storage_failure: str | None = None
        """Why nothing is written any more, if so."""
        credits.on_failure(self._note_failure)

    def _note_failure(self, failure: Refused) -> None:
        self.storage_failure = failure.detail

    async def refresh(self) -> None:
        """Catch up with the ledger, or wait for it no longer than `WAIT_S`; several callers share one count."""
        if self._counting is None or self._counting.done():
            self._counting = asyncio.create_task(self._catch_up())
        await asyncio.wait({self._counting}, timeout=WAIT_S)

    @property
    def is_complete(self) -> bool:
        """Whether everything was counted when somebody last looked."""
        return self._count is not None and self._count.is_complete

    def units(self, today_from_us: int) -> dict[str, UnitFigures]:
        """Every unit that has an account.

        Args:
            today_from_us: when the day began; at most a day ago, on a quarter of an hour.
        """
        if self._count is None:
            return {}
        today = self._since(today_from_us)
        return {
            unit: UnitFigures(sums.settled - sums.held, sums.held, today.get(unit, Moved()))
            for unit, sums in self._count.sums.items()
        }

    def _since(self, from_us: int) -> dict[str, Moved]:
        count = self._count
        first = from_us // QUARTER_US
        found = count.quarters.items() if count else ()
        return _by_unit((unit, part) for (unit, quarter), part in found if quarter >= first)

    def hours(self, now_us: int, today_from_us: int) -> list[Hour]:
        """The last 24 hours, oldest first, cut where the clock of whoever asks shows full hours."""
        quarters = self._count.quarters if self._count else {}
        shift = today_from_us // QUARTER_US % 4
        last = (now_us // QUARTER_US - shift) // 4 * 4 + shift
        return [
            Hour(at * QUARTER_US, _hour(quarters, at)) for at in range(last - DAY_QUARTERS + 4, last + 4, 4)
        ]

    async def people(self) -> tuple[int, int]:
        """How many users there are and how many orders are pending, as of a moment ago."""
        if time.monotonic() >= self._people_due_s:
            self._people_due_s = float("inf")
            started = time.monotonic()
            try:
                self._people = await self._credits.read(count_people)
            finally:
                ended = time.monotonic()
                self._people_due_s = ended + (ended - started) * SHARE
        return self._people

    # --- counting --------------------------------------------------------------------------------------------------

    async def _catch_up(self) -> None:
        try:
            count = self._count
            if count is None or self._is_lost(count):
                count = self._count = await self._credits.read(self._begin)
            now_us = self._credits.clock.now_us()
            count.edge = await self._credits.read(lambda connection: edge_of(connection, now_us))
            while await self._advance(count):
                pass
            count.is_complete = True
            self._forget(count)
        except WentBack:
            self._count = None
        except LivecreditsError as error:  # the next look tries again
            log.warning("the figures could not be counted: %s", error)

    def _is_lost(self, count: _Count) -> bool:
        """Whether it cannot be carried on."""
        is_old = count.window is not None and time.monotonic() > count.looked_s + PAUSE_S_MAX
        return is_old or count.epoch != self._credits.epoch

    def _begin(self, connection: Connection) -> _Count:
        sums, newest = account_sums(connection)
        now_us = self._credits.clock.now_us()
        edge = edge_of(connection, now_us)
        if edge and newest > edge:  # what cannot be counted yet is counted later, and must not be in the sums
            until, rows = moved(connection, edge)
            while rows:
                for row in rows:
                    sums[row.unit] = _carried(sums[row.unit], row, sign=-1)
                until, rows = moved(connection, until)
            newest = edge
        cursor = first_id_at(now_us - KEPT_QUARTERS * QUARTER_US)
        return _Count(sums, newest, cursor, self._credits.epoch, moment_of(connection))

    async def _advance(self, count: _Count) -> bool:
        """Count one more part; whether there may be another one."""
        is_summed = count.cursor < count.newest_summed
        no_further = count.newest_summed if is_summed else count.edge

        def ask(connection: Connection) -> _Part:
            window = count.window
            found: list[tuple[Movement, bool]] = []
            if window is not None:
                window, found = late(connection, window, count.cursor, count.newest_summed)
            return _Part(window, found, *moved(connection, count.cursor, no_further=no_further))

        part = await self._credits.read(ask)
        for row, is_passed in part.late:
            _carry(count, row, into_quarters=is_passed, into_sums=True)
        for row in part.rows:
            _carry(count, row, into_quarters=True, into_sums=not is_summed)
        has_more = part.until > count.cursor
        count.cursor, count.window, count.looked_s = part.until, part.window, time.monotonic()
        return has_more

    def _forget(self, count: _Count) -> None:
        first = self._credits.clock.now_us() // QUARTER_US - KEPT_QUARTERS
        for key in [key for key in count.quarters if key[1] < first]:
            del count.quarters[key]


def _carry(count: _Count, row: Movement, *, into_quarters: bool, into_sums: bool) -> None:
    if into_quarters:
        count.quarters.setdefault((row.unit, row.quarter), Moved()).add(row.kind, row.up, row.down)
    if into_sums:
        count.sums[row.unit] = _carried(count.sums.get(row.unit, Sums(0, 0)), row)


def _carried(sums: Sums, row: Movement, sign: int = 1) -> Sums:
    return Sums(sums.settled + sign * (row.up - row.down), sums.held + sign * row.held)


def _by_unit(parts: Iterable[tuple[str, Moved]]) -> dict[str, Moved]:
    found: dict[str, Moved] = {}
    for unit, part in parts:
        found.setdefault(unit, Moved()).join(part)
    return found


def _hour(quarters: Mapping[tuple[str, int], Moved], first: int) -> dict[str, Moved]:
    within: Sequence[tuple[str, Moved]] = [
        (unit, part) for (unit, quarter), part in quarters.items() if first <= quarter < first + 4
    ]
    return _by_unit(within)
