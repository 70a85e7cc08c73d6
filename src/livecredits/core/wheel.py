"""A timing wheel: many deadlines, one timer.

Promises: adding costs one list append, a turn costs what is due. Nothing is ever removed: whoever is put in again
with another deadline, or no longer cares, is still handed out at the old one and looks for itself.
Must not know: clocks (time is passed in, in milliseconds) or what it carries.
The odd thing: a wheel that has stood still for longer than it is long (nobody was here, the machine slept) has
lost its place, and its next turn hands everything out, due or not. `stands_still` says so beforehand.
"""

from __future__ import annotations

from typing import Generic, TypeVar

Item = TypeVar("Item")


class Wheel(Generic[Item]):
    """Buckets of `step_ms`, enough of them for `span_ms`."""

    __slots__ = ("_buckets", "_step", "_turned")

    def __init__(self, step_ms: int, span_ms: int, now_ms: int) -> None:
        self._step = step_ms
        self._buckets: list[list[Item]] = [[] for _ in range(span_ms // step_ms + 2)]
        self._turned = now_ms // step_ms

    def add(self, item: Item, due_ms: int) -> None:
        """Hand `item` out at the first turn at or after `due_ms`."""
        steps = -(-due_ms // self._step) - self._turned
        steps = max(1, min(steps, len(self._buckets) - 1))
        self._buckets[(self._turned + steps) % len(self._buckets)].append(item)

    def stands_still(self, now_ms: int) -> bool:
        """Whether the next turn will hand out what is not due yet; who is handed out then has to be put in again."""
        return now_ms // self._step - self._turned >= len(self._buckets)

    def turn(self, now_ms: int) -> list[Item]:
        """Everything that is due by `now_ms`, in the order of its deadlines."""
        steps = now_ms // self._step - self._turned
        due: list[Item] = []
        for _ in range(min(steps, len(self._buckets))):
            self._turned += 1
            at = self._turned % len(self._buckets)
            due += self._buckets[at]
            self._buckets[at] = []
        self._turned = max(self._turned, now_ms // self._step)
        return due
