"""A broadcast: one version of an account on its way to the screens that were open when it was pushed.

Promises: every screen stands in exactly one class: open = shown + hidden + asleep + gone + behind. Must not know how
screens tell what they painted (`receipts.py`), nor what time it is.
The odd thing: what most broadcasts never need stands on the class and not in the instance, since one is made for every
change of a user who has a screen open.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from livecredits.core.screen import Screen

FULL, SAMPLED, NONE = "full", "sampled", "none"
CLASSES = ("open", "shown", "hidden", "asleep", "gone", "behind")
"""How many screens there were, and the classes of which each of them stands in one."""


class Counts(NamedTuple):
    """How many screens stand where, for one broadcast.

    `first_ms` and `last_ms`: from commit to the arrival of the first and the last receipt, an upper bound. `browsers`:
    tabs of one browser share a connection, so browsers were counted. `off`: receipts were switched off.
    """

    open: int = 0
    shown: int = 0
    hidden: int = 0
    asleep: int = 0
    gone: int = 0
    behind: int = 0
    first_ms: int | None = None
    last_ms: int | None = None
    browsers: bool = False
    off: bool = False


def added(counted: Iterable[Counts]) -> Counts:
    """The counts of several nodes together: each has counted its own screens."""
    several = list(counted)
    return Counts(
        **{name: sum(getattr(one, name) for one in several) for name in CLASSES},
        first_ms=min((one.first_ms for one in several if one.first_ms is not None), default=None),
        last_ms=max((one.last_ms for one in several if one.last_ms is not None), default=None),
        browsers=any(one.browsers for one in several),
        off=any(one.off for one in several),
    )


class Row(NamedTuple):
    """A broadcast's counts as the log keeps them; `is_settled`: nothing will change them any more."""

    id: str
    counts: Counts
    is_settled: bool
    details: str


class Span(NamedTuple):
    """From which entry on, and before which, no row means that no screen was open."""

    first_id: str
    before_id: str


class Sight(NamedTuple):
    """One screen of a broadcast: shown, hidden, asleep or behind, and after how long it was shown."""

    screen: Screen
    state: str
    ms: int | None


class Broadcast:
    """One version on its way, or one re-send.

    Attributes:
        waiting: the open screens that have not said yet that they painted it.
        seen: those that did, and after how many milliseconds; kept while there are details.
    """

    # What most broadcasts never need stands on the class: making one is on the hottest path.
    shown = 0
    gone = 0
    first_ms: int | None = None
    last_ms: int | None = None
    seen: list[tuple[Screen, int]] | None = None
    is_asked = False
    is_again = False
    is_bare = False
    is_written = False
    is_settled = False
    is_off = False
    in_browsers = False

    def __init__(self, id: str, unit: str, version: int, pushed_ms: int, screens: tuple[Screen, ...]) -> None:
        self.id = id
        self.unit = unit
        self.version = version
        self.pushed_ms = pushed_ms
        self.waiting = screens
        self.open = len(screens)

    def state_of(self, screen: Screen, now_ms: int, silence_ms: int) -> str:
        """Where a screen stands that still waits."""
        if screen.answered_ms > self.pushed_ms:
            return "behind" if screen.visible else "hidden"
        if now_ms - self.pushed_ms > silence_ms:
            return "asleep"
        return "hidden" if screen.answered_ms and not screen.visible else "behind"

    def counts(self, now_ms: int, silence_ms: int) -> Counts:
        """Every screen in its class at this moment."""
        if self.is_off:
            return Counts(self.open, off=True)
        hidden = asleep = 0
        browsers = self.in_browsers
        for screen in self.waiting:
            state = self.state_of(screen, now_ms, silence_ms)
            hidden += state == "hidden"
            asleep += state == "asleep"
            browsers = browsers or screen.tabs > 1
        behind = len(self.waiting) - hidden - asleep
        return Counts(
            self.open, self.shown, hidden, asleep, self.gone, behind, self.first_ms, self.last_ms, browsers
        )

    def sights(self, now_ms: int, silence_ms: int) -> list[Sight]:
        """Its screens that are still open, one by one; nothing is told of one that has left."""
        seen = [Sight(screen, "shown", ms) for screen, ms in self.seen or () if screen.is_open]
        waiting = [Sight(screen, self.state_of(screen, now_ms, silence_ms), None) for screen in self.waiting]
        return seen + waiting

    @property
    def details(self) -> str:
        """What is kept of its screens one by one: full, sampled (this one has none), none."""
        if self.is_off:
            return NONE
        return SAMPLED if self.is_bare else FULL
