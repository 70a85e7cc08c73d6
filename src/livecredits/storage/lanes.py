"""Several writers on one database, behind the surface of one.

Promises: changes of one user are decided in the order in which they were submitted, since all of a user's changes take
the same lane; while one lane waits for the disk, the others work. Must not know what a change is, only whom it names.
Only where the database itself keeps writers apart (`Store.is_alone` is false) may there be more than one.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any, TypeVar

from livecredits.core.changes import Change
from livecredits.errors import Refused
from livecredits.storage.answers import Outcome, Ruling
from livecredits.storage.many import Many
from livecredits.storage.naming import leader_of
from livecredits.storage.store import Rows
from livecredits.storage.writer import Writer

T = TypeVar("T")


class Lanes:
    """The writers of one database. What is no change of credits goes through the first one."""

    def __init__(self, lanes: Sequence[Writer]) -> None:
        """Stand in front of writers that are running."""
        self._lanes = tuple(lanes)
        self._first = self._lanes[0]
        self._adopting = threading.Lock()
        self.epoch = self._first.epoch
        """The identity of the database's line of history."""
        self.on_failure: list[Callable[[Refused], None]] = self._first.on_failure
        self.on_epoch: list[Callable[[str], None]] = []
        for lane in self._lanes:
            lane.on_failure = self.on_failure
            lane.on_epoch.append(self.adopt)

    @property
    def failure(self) -> Refused | None:
        """Why nothing is written any more, if so."""
        return next((lane.failure for lane in self._lanes if lane.failure is not None), None)

    def adopt(self, epoch: str) -> None:
        """Somebody has seen on which line of history the database is."""
        with self._adopting:
            former, self.epoch = self.epoch, epoch
        if former != epoch:
            for tell in self.on_epoch:
                tell(epoch)

    @property
    def next_due_us(self) -> int | None:
        """The earliest time at which anything is due, as far as these lanes know."""
        return min((lane.next_due_us for lane in self._lanes if lane.next_due_us is not None), default=None)

    def _lane_of(self, change: Change) -> Writer:
        return self._lanes[hash(leader_of(change)) % len(self._lanes)]

    def submit_from_loop(self, change: Change) -> asyncio.Future[Outcome]:
        """Queue a change; the future belongs to the running loop. Raises `Unavailable` where nothing is taken."""
        return self._lane_of(change).submit_from_loop(change)

    def submit(self, change: Change) -> Future[Outcome]:
        """Queue a change of a thread."""
        return self._lane_of(change).submit(change)

    def submit_many(self, many: Many) -> Future[list[Ruling]]:
        """Queue changes of a thread that share a transaction of their own."""
        return self._first.submit_many(many)

    def ask(self, ask: Callable[[Any], T]) -> Future[T]:
        """Queue a function that gets a SQLAlchemy connection in a transaction of its own."""
        return self._first.ask(ask)

    def note(self, rows: Rows, *, urgent: bool = False) -> Future[None]:
        """Queue rows of the broadcast log."""
        return self._first.note(rows, urgent=urgent)

    def close(self) -> None:
        """Write what waits, in every lane."""
        for lane in self._lanes:
            lane.close()
