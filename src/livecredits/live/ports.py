"""What live delivery needs of its neighbours, and what it shows of its screens.

The ledger on one side, a connection on the other: structural types, so that neither has to know of this package and
a test can stand in for both with a few honest lines.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from livecredits.core import wire

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Container, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from livecredits.access import Principal
    from livecredits.core.broadcasts import Row, Sight, Span
    from livecredits.core.crowds import Run
    from livecredits.core.rows import AccountState, AnyEntry
    from livecredits.core.screen import Screen


class CommittedBatch(Protocol):
    """What the ledger hands over after a commit: new entries, the newest state of each account, lists that moved."""

    @property
    def epoch(self) -> str:
        """The line of history that the versions belong to."""
        ...

    @property
    def states(self) -> Sequence[AccountState]:
        """The newest state of each account that the batch changed."""
        ...

    def states_of(self, user_ids: Container[str]) -> Sequence[AccountState]:
        """Those of these users' accounts."""
        ...

    @property
    def entries(self) -> Sequence[AnyEntry]:
        """Every entry of the batch, in the order of their ids."""
        ...

    @property
    def lists(self) -> Mapping[str, AbstractSet[str]]:
        """User → the lists of theirs that moved."""
        ...

    @property
    def committed_monotonic_ns(self) -> int:
        """When the commit returned, by this process's monotonic clock."""
        ...

    @property
    def signed_out(self) -> Collection[str]:
        """Users whose screen tokens it has ended."""
        ...

    @property
    def anew(self) -> Collection[str]:
        """Users of whose accounts something changed that no version counts; the empty id is everybody."""
        ...


class Ledger(Protocol):
    """What live delivery needs of `Credits`."""

    @property
    def epoch(self) -> str:
        """The database's line of history; known once it is open."""
        ...

    @property
    def former_epochs(self) -> Collection[str]:
        """Those that it was on before it was restored."""
        ...

    @property
    def units(self) -> Mapping[str, Any]:
        """Unit → something with a `scale`."""
        ...

    async def states(self, user_ids: Sequence[str]) -> Mapping[str, Sequence[AccountState]]:
        """Every account of these users, newest row, version 0 where there is none; opens the ledger."""
        ...

    def on_commit(self, callback: Callable[[Any], None]) -> Callable[[], None]:
        """Call back after each commit; returns what ends that."""
        ...


class Log(Protocol):
    """Where the counts of broadcasts are kept."""

    async def keep(self, rows: Sequence[Row | Run], span: Span | None, *, urgent: bool = False) -> None:
        """Write rows, or write them anew, and what they are complete for; raises `Refused` where that fails.

        `urgent`: somebody waits for it.
        """

    async def wanted(self) -> tuple[bool, Collection[str]]:
        """Whether receipts are wanted at all, and of which users they are not."""
        ...


class Writable(Protocol):
    """Takes frames; never blocks."""

    def write(self, data: Any, /) -> None:
        """Take one frame."""


class Link(Protocol):
    """One connection as the shell sees it. `transport` is bare, so that a push is one call and not two."""

    @property
    def transport(self) -> Writable:
        """Where frames go."""
        ...

    def close(self, verdict: wire.Close) -> None:
        """Tell the client why it ends and let it go."""

    def cut(self) -> None:
        """End it now."""


class Neighbours(Protocol):
    """The other nodes that serve the same database, as far as this one's screens need them."""

    def tell(self, kind: str, content: Any = None) -> None:
        """Send them news; nothing is waited for."""

    async def forward(self, screen_id: str, principal: Principal, frames: Sequence[Any]) -> bool:
        """Give a screen's own frames to the node that has it; whether there is one."""
        ...

    def can_take_over(self) -> bool:
        """Whether another one takes the screens of this one when it goes."""
        ...

    def has_changed(self) -> None:
        """This node begins to serve, or drains: the others should know at once."""


class Alone:
    """No others."""

    def tell(self, kind: str, content: Any = None) -> None:
        """Nobody listens."""

    async def forward(self, screen_id: str, principal: Principal, frames: Sequence[Any]) -> bool:
        """Nobody has it."""
        return False

    def can_take_over(self) -> bool:
        """Nobody does."""
        return False

    def has_changed(self) -> None:
        """Nobody listens."""


@dataclass(frozen=True, slots=True)
class ScreenView:
    """One open screen, for operators' eyes.

    Attributes:
        screen: its id, `scr_…`.
        user: whose balance it shows; None for operators and keys.
        kind: user, service or operator.
        carrier: websocket or events.
        since_us: open since (UTC, microseconds).
        user_agent: what the client called itself.
        visible: whether a tab of it was visible when it last said so.
        painted: unit → version it last said it had painted.
        sent: unit → version of its user's accounts that it was last sent.
        behind: whether it has yet to be sent, or to paint, something newer.
        asleep: whether it is alive on the wire, but has not said for one and a half heartbeats what it shows.
        tabs: browser tabs that share it.
        node: which process it is connected to.
    """

    screen: str
    user: str | None
    kind: str
    carrier: str
    since_us: int
    user_agent: str
    visible: bool
    painted: Mapping[str, int]
    sent: Mapping[str, int]
    behind: bool
    asleep: bool
    tabs: int
    node: str = ""


@dataclass(frozen=True, slots=True)
class SightView:
    """One screen of a broadcast: whether and after how many milliseconds it has shown it.

    `state`: shown, hidden, asleep or behind. `version`: what it last said it has painted.
    """

    screen: str
    carrier: str
    user_agent: str
    state: str
    version: int | None
    ms: int | None
    visible: bool
    tabs: int


def carrier_of(screen: Screen) -> str:
    """How a screen is reached, as operators read it."""
    return "events" if screen.carrier == wire.EVENTS else "websocket"


def sight(seen: Sight, unit: str) -> SightView:
    """What there is to see of a broadcast's screen."""
    screen = seen.screen
    version = (screen.painted or {}).get(unit)
    return SightView(
        screen.id,
        carrier_of(screen),
        screen.user_agent,
        seen.state,
        version,
        seen.ms,
        screen.visible,
        screen.tabs,
    )


def view(screen: Screen, newest: Mapping[str, int], asleep_since_ms: int) -> ScreenView:
    """What there is to see of an admitted screen.

    Args:
        screen: which one.
        newest: unit → version of its user's accounts.
        asleep_since_ms: whoever was open and said nothing since then, on the hub's clock, is asleep.
    """
    who = screen.who
    assert who is not None
    painted = screen.painted or {}
    waiting = {unit for user_id, unit in screen.slot or () if user_id == who.user_id}
    return ScreenView(
        screen=screen.id,
        user=who.user_id,
        kind=who.kind,
        carrier=carrier_of(screen),
        since_us=screen.since_us,
        user_agent=screen.user_agent,
        visible=screen.visible,
        painted=painted,
        sent={unit: version for unit, version in newest.items() if unit not in waiting},
        behind=bool(waiting) or any(painted.get(unit, version) < version for unit, version in newest.items()),
        asleep=max(screen.answered_ms, screen.joined_ms) < asleep_since_ms,
        tabs=screen.tabs,
    )
