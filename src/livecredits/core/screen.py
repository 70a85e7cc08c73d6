"""What the hub remembers: screens, audiences, limits, and the list of what it wants done.

Must not know: how anything is done. Everything here is data with slots; there are as many `Screen`s as open
connections, so each of their fields is paid for fifteen thousand times.
The odd thing: `Screen.link` is whatever the shell put there; the hub only carries it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from livecredits.core.broadcasts import Broadcast
    from livecredits.core.crowds import Plain
    from livecredits.core.rows import AccountState
    from livecredits.core.wire import ClientFrame, Close


class Phase(IntEnum):
    """Where a screen stands between its first byte and its last."""

    OPENING = 0  # nothing was proved yet
    CHECKING = 1  # its token is being checked
    READING = 2  # registered; its snapshot is being read, or waits for the transport
    LIVE = 3  # has its hello
    CLOSING = 4  # was told why it ends
    GONE = 5


@dataclass(frozen=True, slots=True)
class Limits:
    """What one process grants to its screens.

    Attributes:
        heartbeat_ms: a tick comes about this often.
        auth_ms: so long may a connection stay without a token.
        close_ms: so long may a told client take to go before it is cut.
        per_user: open screens of one user.
        per_address: open screens of one network address.
        watched: users that one screen may watch.
        frames: client frames, control frames included, in one heartbeat.
        step_ms: how fine the timing wheel turns, and how long hints are gathered.
    """

    heartbeat_ms: int = 20_000
    auth_ms: int = 5_000
    close_ms: int = 2_000
    per_user: int = 64
    per_address: int = 2_000
    watched: int = 500
    frames: int = 1_200
    step_ms: int = 250

    @property
    def silence_ms(self) -> int:
        """One and a half heartbeats, and what the wheel's steps may add to a tick: who is silent for longer is gone."""
        return self.heartbeat_ms * 3 // 2 + 2 * self.step_ms


@dataclass(frozen=True, slots=True)
class Admitted:
    """Who a token turned out to be.

    Attributes:
        kind: user, service or operator.
        id: the user's, key's or operator's id.
        user_id: whose balance the screen shows; None for keys and operators.
        may_watch: whether it may watch users and follow lists.
        session_id: the operator's session that ends this screen when it ends.
        expires_at_us: wall-clock end of the token, for the client; None = never.
        expires_ms: the same on the hub's monotonic clock.
    """

    kind: str
    id: str
    user_id: str | None = None
    may_watch: bool = False
    session_id: str | None = None
    expires_at_us: int | None = None
    expires_ms: int | None = None


class Screen:
    """One open connection that shows a balance, or many."""

    __slots__ = (
        "address",
        "answered_ms",
        "carrier",
        "crowd",
        "doubted",
        "due",
        "due_ms",
        "follows",
        "frames",
        "gathered",
        "heard_ms",
        "hints",
        "id",
        "joined_ms",
        "link",
        "painted",
        "paused",
        "phase",
        "renewing",
        "sent",
        "since_us",
        "slot",
        "tabs",
        "told",
        "user_agent",
        "visible",
        "wait",
        "watched",
        "who",
    )

    def __init__(
        self,
        screen_id: str,
        link: Any,
        carrier: int,
        address: str,
        user_agent: str,
        since_us: int,
        now_ms: int,
    ) -> None:
        self.id = screen_id
        self.link = link
        self.carrier = carrier
        self.address = address
        self.user_agent = user_agent
        self.since_us = since_us
        self.phase = Phase.OPENING
        self.who: Admitted | None = None
        self.renewing = False
        """A newer token is being checked while the screen lives on."""
        self.paused = False
        self.heard_ms = now_ms
        self.joined_ms = now_ms
        self.due_ms = 0
        """The only wheel entry that counts; earlier and later ones are leftovers."""
        self.frames = 0
        """Frames that came in since the last tick."""
        self.sent = 0
        self.doubted = False
        """It claimed to be ahead of the ledger since the last tick, and was answered once."""
        self.visible = False
        self.answered_ms = 0
        """When it last said what it shows; 0 = never."""
        self.tabs = 1
        self.painted: dict[str, int] | None = None
        self.due: list[Broadcast] | None = None
        """What was pushed while it was open and it has not said yet that it painted."""
        self.crowd: list[Plain] | None = None
        """The same, of what came as one of many at once."""
        # The rest is None nearly always: a slot under back-pressure, a snapshot that is being gathered, and what
        # only operators have.
        self.slot: dict[tuple[str, str], AccountState] | None = None
        self.wait: set[str] | None = None
        self.gathered: dict[tuple[str, str], AccountState] | None = None
        self.told: list[ClientFrame] | None = None
        """Frames that came while the token was being checked."""
        self.hints: set[str] | None = None
        self.watched: dict[str, Audience] | None = None
        self.follows: tuple[str, ...] = ()

    @property
    def is_open(self) -> bool:
        """Whether it was neither closed nor told to close."""
        return self.phase < Phase.CLOSING


class Audience:
    """All screens that look at one user's accounts, and the newest version that they should hold.

    Attributes:
        screens: who is told of a change.
        own: those of them that are the user's own, and not somebody's who watches.
        is_leased: an operator has the user's page open: states ask for a receipt.
        versions: unit → the newest version known; 0 is left away.
        known: a snapshot was read since the first screen came.
        fresh: not None while a read is asked for: what was committed since.
        has_begun: that read has begun, so it is too old for screens that come now.
        waiting: screens that the read is for.
        later: screens that need the next one.
    """

    __slots__ = (
        "fresh",
        "has_begun",
        "is_leased",
        "known",
        "later",
        "own",
        "screens",
        "user_id",
        "versions",
        "waiting",
    )

    def __init__(self, user_id: str) -> None:
        self.user_id = user_id
        self.screens: list[Screen] = []
        self.own: tuple[Screen, ...] = ()
        self.is_leased = False
        self.versions: dict[str, int] = {}
        self.known = False
        self.fresh: dict[str, AccountState] | None = None
        self.has_begun = False
        self.waiting: list[Screen] | None = None
        self.later: list[Screen] | None = None

    def wait(self, screen: Screen) -> None:
        """Let a screen have the next read that begins after now."""
        if screen in (self.waiting or ()) and not self.has_begun:
            return
        if screen in (self.later or ()):
            return
        if self.has_begun:
            self.later = [*(self.later or ()), screen]
        else:
            self.waiting = [*(self.waiting or ()), screen]

    def awaits(self, screen: Screen) -> bool:
        """Whether a read is still to come for this screen."""
        return screen in (self.waiting or ()) or screen in (self.later or ())

    def excuse(self, screen: Screen) -> None:
        """It waits no longer."""
        self.waiting = [other for other in self.waiting or () if other is not screen] or None
        self.later = [other for other in self.later or () if other is not screen] or None


@dataclass(slots=True)
class Counts:
    """What the hub has seen, for `/metrics`; every number only grows."""

    joined: int = 0
    left: int = 0
    states: int = 0
    hellos: int = 0
    ticks: int = 0
    resyncs: int = 0
    merged: int = 0
    reads: int = 0
    stale: int = 0
    drifted: int = 0
    went_back: int = 0
    ahead: int = 0
    closes: dict[str, int] = field(default_factory=dict)


class Actions:
    """What the hub wants done, in this order: send, close, cut; read and check whenever convenient.

    Attributes:
        sends: (screen, bytes or text as its carrier takes it).
        closes: (screen, verdict): tell the client and let it go.
        cuts: screens that had their time to go.
        reads: audiences whose states are to be read from the ledger's primary, not before now.
        checks: (screen, token): who is this?
        leases: users whose page an operator has open: other nodes' screens of theirs are to be asked as well.
        alarms: sentences for the log; each means that a promise of the ledger's storage was broken.
    """

    __slots__ = ("alarms", "checks", "closes", "cuts", "leases", "reads", "sends")

    def __init__(self) -> None:
        self.sends: list[tuple[Screen, bytes | str]] = []
        self.closes: list[tuple[Screen, Close]] = []
        self.cuts: list[Screen] = []
        self.reads: list[Audience] = []
        self.checks: list[tuple[Screen, str]] = []
        self.alarms: list[str] = []
        self.leases: list[str] = []

    def has_more(self) -> bool:
        """Whether there is anything beside `sends`; a commit's hand-over nearly never has."""
        return bool(self.closes or self.reads or self.checks or self.cuts or self.alarms or self.leases)
