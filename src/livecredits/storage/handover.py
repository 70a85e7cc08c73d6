"""The hand-over of a committed batch: from the writer's thread to everybody who waits for it.

Promises: each event loop is woken once for a whole batch, however many callers and subscribers it has; a caller that
has gone, a loop that was closed and a subscriber that raises stop nobody else. Must not know what a change is.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from livecredits.core.rows import AccountState
from livecredits.storage.answers import CommittedBatch

_log = logging.getLogger(__name__)

Subscriber = Callable[[CommittedBatch], None]
_Subscription = tuple[asyncio.AbstractEventLoop | None, Subscriber]


class Waiting:
    """Somebody who waits for an outcome: a future, and the loop it belongs to (None: a thread waits)."""

    __slots__ = ("future", "loop", "outcome")

    def __init__(self, future: Any, loop: asyncio.AbstractEventLoop | None) -> None:
        self.future = future
        self.loop = loop
        self.outcome: Any = None

    def resolve(self) -> None:
        """Tell the caller, unless it has gone."""
        future, outcome = self.future, self.outcome
        if future.done():
            return
        if isinstance(outcome, BaseException):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)


@dataclass(frozen=True, slots=True)
class Told:
    """What a function of its own transaction returns when its commit is news: the result, and what changed.

    `states` are of accounts that changed without an entry, so their versions stand still. `newcomers` are users whom it
    has made; the writer welcomes them before it commits. `signed_out` are users whose screen tokens it has ended, so
    that their open screens close. `elsewhere` are users (or `EVERYBODY`) whose accounts other nodes have to read anew,
    where this one tells by itself. After an erasure the writer also takes what was erased out of the database's log.
    """

    result: Any
    states: list[AccountState]
    lists: Mapping[str, set[str]]
    newcomers: frozenset[str] = frozenset()
    signed_out: frozenset[str] = frozenset()
    elsewhere: frozenset[str] = frozenset()
    is_erasure: bool = False


class Subscribers:
    """Who is told of every commit. Any thread may subscribe at any time."""

    def __init__(self) -> None:
        self._all: tuple[_Subscription, ...] = ()

    def add(self, subscriber: Subscriber) -> Callable[[], None]:
        """Call `subscriber` once for each batch: on the loop that is running now, else in the writer's thread.

        Returns what ends it.
        """
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            loop = None
        subscription = (loop, subscriber)
        self._all = (*self._all, subscription)

        def stop() -> None:
            self._all = tuple(other for other in self._all if other is not subscription)

        return stop

    def hand_over(self, waiting: Sequence[Waiting], committed: CommittedBatch | None = None) -> None:
        """Resolve all who wait, and tell the subscribers if something was committed."""
        loops: dict[asyncio.AbstractEventLoop, tuple[list[Waiting], list[Subscriber]]] = {}
        here: list[Subscriber] = []
        for loop, subscriber in self._all if committed is not None else ():
            told = here if loop is None else loops.setdefault(loop, ([], []))[1]
            told.append(subscriber)
        for caller in waiting:
            if caller.loop is None:
                caller.resolve()
            else:
                loops.setdefault(caller.loop, ([], []))[0].append(caller)
        for loop, (callers, subscribers) in loops.items():
            # A loop that was closed while its callers waited has nobody left to tell.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(_wake, callers, subscribers, committed)
        _wake((), here, committed)


def _wake(
    waiting: Sequence[Waiting], subscribers: Sequence[Subscriber], committed: CommittedBatch | None
) -> None:
    for caller in waiting:
        caller.resolve()
    for subscriber in subscribers:
        assert committed is not None
        try:
            subscriber(committed)
        except Exception:  # noqa: BLE001 - its fault is its own
            _log.exception("A subscriber of committed batches failed")
