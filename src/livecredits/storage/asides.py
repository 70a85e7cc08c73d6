"""Rows that belong to no change and wait for a ride: a few of them go along with each commit of changes.

Promises: no commit of changes waits for more than a handful of them, and none is made for them alone while changes
come; whoever queued them hears when all are durable. Must not know what they say.
The odd thing: a commit costs milliseconds and a row microseconds. A transaction a second for the rows alone was seen in
one of a hundred changes, which is exactly what a 99th percentile is.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from livecredits.storage.store import Rows

if TYPE_CHECKING:
    from livecredits.storage.handover import Waiting

ALONG_LEAST = 64
"""So many rows go along with a commit, or as many as it has changes."""


@dataclass(slots=True)
class _Aside:
    waiting: Waiting
    rows: Rows
    at: int = 0


class Asides:
    """The queue of such rows; of the writer's thread alone."""

    def __init__(self) -> None:
        self._queue: deque[_Aside] = deque()
        self._taken = 0

    def __bool__(self) -> bool:
        """Whether any wait."""
        return bool(self._queue)

    def add(self, waiting: Waiting, rows: Rows) -> None:
        """Queue rows of the broadcast log."""
        self._queue.append(_Aside(waiting, rows))

    def some(self, changes: int) -> Rows | None:
        """What goes along with a commit of so many changes; it is asked for again unless `done` is called."""
        if not self._queue:
            return None
        first = self._queue[0]
        self._taken = first.at + max(ALONG_LEAST, changes)
        part = first.rows.broadcasts[first.at : self._taken]
        return Rows(
            broadcasts=part, spans=first.rows.spans if self._taken >= len(first.rows.broadcasts) else []
        )

    def done(self) -> list[Waiting]:
        """What was given last is durable; gives who is to hear of it."""
        if not self._taken:
            return []
        first, taken, self._taken = self._queue[0], self._taken, 0
        if taken < len(first.rows.broadcasts):
            first.at = taken
            return []
        self._queue.popleft()
        return [first.waiting]

    def undone(self) -> None:
        """What was given last was rolled back."""
        self._taken = 0

    def pop(self) -> Any:
        """Whoever waits longest; the rows are its own again, whole: writing one twice changes nothing."""
        self._taken = 0
        return self._queue.popleft().waiting
