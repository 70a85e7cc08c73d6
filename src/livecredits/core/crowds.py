"""Broadcasts when there are many at once: each to one screen alone, and kept as four plain values.

Thousands of changes a second mostly go to users with one screen, and nobody looks at them one by one. Promises: they
are counted as every broadcast is; a receipt of a screen settles all of its own at once; whoever needs more of one than
its row can have it made a whole `Broadcast`.
Must not know: what is asked of screens, when rows are written.
The odd thing: this is `receipts.py` again for the simplest case. A whole object for each costs a fifth of the delivery
itself; a tuple in a list of its screen costs a thirtieth (`python -m bench --only receipts`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from livecredits.core.broadcasts import SAMPLED, Broadcast, Counts, Row

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from livecredits.core.rows import AnyEntry
    from livecredits.core.screen import Audience, Screen

Plain = tuple[str, str, int, int]
"""Id, unit, version, and when it was pushed."""


class Run(NamedTuple):
    """Plain broadcasts that one word of their screen has settled.

    `shown_ms`: when it said that it had painted them; None where it was closed before. Their rows are made where they
    are written, not on the hottest path.
    """

    plain: list[Plain]
    shown_ms: int | None
    is_browser: bool

    def rows(self) -> Iterator[Row]:
        """A row for each."""
        for id, _, _, pushed_ms in self.plain:
            if self.shown_ms is None:
                counts = Counts(1, gone=1, browsers=self.is_browser)
            else:
                ms = self.shown_ms - pushed_ms + 1
                counts = Counts(1, 1, first_ms=ms, last_ms=ms, browsers=self.is_browser)
            yield Row(id, counts, is_settled=True, details=SAMPLED)


def rows_of(kept: Iterable[Row | Run]) -> Iterator[Row]:
    """Every row, those of runs one by one."""
    for one in kept:
        if isinstance(one, Run):
            yield from one.rows()
        else:
            yield one


class Crowd:
    """The plain broadcasts of all screens.

    Attributes:
        screens: those that have any in their `crowd`, in the order in which their oldest came.
    """

    def __init__(self) -> None:
        self.screens: dict[Screen, None] = {}
        self._settled: list[Run] = []

    def pushed(
        self, entries: Sequence[AnyEntry], pushed_ms: int, audiences: Mapping[str, Audience]
    ) -> list[AnyEntry]:
        """Take in the entries that go to one screen alone; gives those that go to several, or were asked about."""
        screens, find = self.screens, audiences.get
        rest: list[AnyEntry] = []
        for entry in entries:
            audience = find(entry.user_id)
            if audience is None:
                continue
            own = audience.own
            if len(own) == 1 and not audience.is_leased:
                screen = own[0]
                if screen.crowd is None:
                    screen.crowd = [(entry.id, entry.unit, entry.version, pushed_ms)]
                    screens[screen] = None
                else:
                    screen.crowd.append((entry.id, entry.unit, entry.version, pushed_ms))
            elif own:
                rest.append(entry)
        return rest

    def told(
        self, screen: Screen, painted: Mapping[str, int], newest: Mapping[str, int], now_ms: int
    ) -> bool:
        """A screen says what stands on it; says whether that settles any."""
        crowd = screen.crowd or []
        known = {unit: version for unit, version in painted.items() if version <= newest.get(unit, 0)}
        shown = [one for one in crowd if one[2] <= known.get(one[1], 0)]
        if not shown:
            return False
        self._settled.append(Run(shown, now_ms, screen.tabs > 1))
        self._empty(screen)
        if len(shown) < len(crowd):
            screen.crowd = [one for one in crowd if one[2] > known.get(one[1], 0)]
            self.screens[screen] = None
        return True

    def went(self, screen: Screen) -> None:
        """A screen is closed: what it has not painted it never will."""
        if screen.crowd is not None:
            self._settled.append(Run(screen.crowd, None, screen.tabs > 1))
            self._empty(screen)

    def _empty(self, screen: Screen) -> None:
        screen.crowd = None
        self.screens.pop(screen, None)

    def made_whole(self, screen: Screen) -> list[Broadcast]:
        """All of a screen's as broadcasts of their own; they leave the crowd."""
        made = []
        for id, unit, version, pushed_ms in screen.crowd or ():
            broadcast = Broadcast(id, unit, version, pushed_ms, (screen,))
            broadcast.is_bare = True
            made.append(broadcast)
        self._empty(screen)
        return made

    def silent_since(self, before_ms: int, most: int) -> list[Screen]:
        """Screens whose oldest was pushed before then; and where there are too many in all, those that came first."""
        surplus = sum(len(screen.crowd or ()) for screen in self.screens) - most
        silent: list[Screen] = []
        for screen in self.screens:
            crowd = screen.crowd or []
            if surplus > 0 or (crowd and crowd[0][3] <= before_ms):
                silent.append(screen)
                surplus -= len(crowd)
        return silent

    def oldest_id(self) -> str | None:
        """The first that has no row."""
        return min((screen.crowd[0][0] for screen in self.screens if screen.crowd), default=None)

    def forget(self) -> None:
        """None of them happened."""
        for screen in list(self.screens):
            self._empty(screen)
        self._settled = []

    def take(self) -> list[Run]:
        """Those that were settled since the last call."""
        settled, self._settled = self._settled, []
        return settled
