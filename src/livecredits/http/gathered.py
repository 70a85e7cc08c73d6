"""What each node counts for itself, put together for the Overview: delays, failures, screens and their users.

Promises: one answer for all nodes that serve, as of now; a node that does not answer in time is left out, and the
answer says how many did. A process that is alone asks nobody. Must not know routes, nor how nodes are reached.

The odd thing: a user with a phone at one node and a page at another is one user. Names are many, so nodes tell a sample
of them (`core.distinct`); taking it may cost a hundredth of the time, as other counts do (`figures`).
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any

from livecredits.core.delays import Counted
from livecredits.core.distinct import SAMPLE, Distinct, distinct, sample

if TYPE_CHECKING:
    from livecredits.http.figures import Figures
    from livecredits.http.metrics import Metrics
    from livecredits.http.node import Node
    from livecredits.live.nodes import Nodes
    from livecredits.live.shell import Live

KIND = "figures"
SHARED_S = 1.0
"""So long is an answer of others good for everybody who asks; also for how often they are asked at most."""
SHARE = 100
_REFUSED = (402, 409, 410, 412)


@dataclass(frozen=True, slots=True)
class Told:
    """What one node counts for itself; all of it since it started, but for `painted` (the last hour) and screens (now).

    Attributes:
        node: what it is called.
        since_us: when it started.
        painted: milliseconds from commit to painted, and how often.
        errors, refused, limited: requests by what became of them.
        closed: live connections that it ended, by reason.
        alarms: screens and states that did not fit the ledger.
        storage: why nothing is written any more, if so.
        screens, users: open screens of users, and how many users.
        sample: of these users.
    """

    node: str
    since_us: int
    painted: Sequence[tuple[int, int]] = ()
    errors: int = 0
    refused: int = 0
    limited: int = 0
    closed: dict[str, int] = field(default_factory=dict)
    alarms: int = 0
    storage: str | None = None
    screens: int = 0
    users: int = 0
    sample: Sequence[int] = ()


_FIELDS = {one.name for one in fields(Told)}


@dataclass(frozen=True, slots=True)
class Whole:
    """What all nodes that answered have told.

    Attributes:
        told: by each of them, this one first.
        asked: how many serve, this one included.
    """

    told: tuple[Told, ...]
    asked: int

    @property
    def since_us(self) -> int:
        """When the first of them started."""
        return min(one.since_us for one in self.told)

    @property
    def painted(self) -> Counted:
        """Delays of the last hour."""
        counted: Counted = Counter()
        for one in self.told:
            counted.update(dict(one.painted))
        return counted

    @property
    def closed(self) -> dict[str, int]:
        """Live connections that they ended, by reason."""
        counted: Counter[str] = Counter()
        for one in self.told:
            counted.update(one.closed)
        return dict(counted)

    @property
    def storage(self) -> str | None:
        """Why one of them writes nothing any more."""
        failed = next((one for one in self.told if one.storage is not None), None)
        if failed is None:
            return None
        return failed.storage if self.asked == 1 else f"{failed.node}: {failed.storage}"

    @property
    def users(self) -> Distinct:
        """How many users have a screen open."""
        if len(self.told) == 1:
            return Distinct(self.told[0].users, is_exact=True)
        return distinct([one.sample for one in self.told], [one.users for one in self.told])

    def sum_of(self, name: str) -> int:
        """The sum of a figure."""
        return sum(getattr(one, name) for one in self.told)


class Gathered:
    """The figures of all nodes.

    Args:
        nodes: who there is.
        node: this one.
        live: its screens.
        metrics: its answers.
        figures: knows whether its storage has failed.
    """

    def __init__(self, nodes: Nodes, node: Node, live: Live, metrics: Metrics, figures: Figures) -> None:
        self._nodes = nodes
        self._node = node
        self._live = live
        self._metrics = metrics
        self._figures = figures
        self._sample: list[int] = []
        self._sample_due_s = 0.0
        self._asking: asyncio.Task[tuple[list[Any], int]] | None = None
        self._asked_s = 0.0
        nodes.answer(KIND, self._answer)

    async def whole(self) -> Whole:
        """The figures, the own ones of this moment and those of others no older than a second."""
        if not self._nodes.others:
            return Whole((self._told(),), 1)
        if self._asking is None or (self._asking.done() and time.monotonic() > self._asked_s + SHARED_S):
            self._asked_s = time.monotonic()
            self._asking = asyncio.create_task(self._nodes.ask(KIND))
        answers, asked = await asyncio.shield(self._asking)
        await self._take_sample()
        return Whole((self._told(), *map(_understood, answers)), 1 + asked)

    async def _answer(self, _content: Any) -> dict[str, Any]:
        await self._take_sample()
        return asdict(self._told())

    def _told(self) -> Told:
        statuses, counts, node = self._metrics.statuses, self._live.counts, self._node
        screens, users = self._live.shown_to()
        return Told(
            node=node.name,
            since_us=node.started_at_us,
            painted=list(self._live.receipts.last_hour().items()),
            errors=sum(count for status, count in statuses.items() if status >= 500),
            refused=sum(statuses.get(status, 0) for status in _REFUSED),
            limited=statuses.get(429, 0),
            closed=dict(counts.closes),
            alarms=counts.drifted + counts.went_back + counts.ahead,
            storage=self._figures.storage_failure,
            screens=screens,
            users=users,
            sample=self._sample,
        )

    async def _take_sample(self) -> None:
        """Where there are many, in a thread and seldom: digests of 100,000 names take a tenth of a second."""
        names = self._live.users_shown()
        if len(names) <= SAMPLE:
            self._sample = sample(names)
            return
        if time.monotonic() < self._sample_due_s:
            return
        self._sample_due_s = float("inf")
        began = time.monotonic()
        try:
            self._sample = await asyncio.to_thread(sample, names)
        finally:
            ended = time.monotonic()
            self._sample_due_s = ended + (ended - began) * SHARE


def _understood(answer: dict[str, Any]) -> Told:
    """What another node has told; what a newer version adds is passed over."""
    return Told(**{name: value for name, value in answer.items() if name in _FIELDS})
