"""The reads that the hub asks for: gathered from a storm, asked in few queries, tried again when one fails.

Promises: whoever was asked for is read, or its screens are told that it could not be; never more than one query is on
its way, of at most `READ_SIZE` users. Must not know: who asked, what is done with a state.
The odd thing: the hub is told before a query that its read begins. A commit from then on is newer than what is read,
and nobody else could say from when.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable

    from livecredits.core.hub import Hub
    from livecredits.core.screen import Audience
    from livecredits.live.ports import Ledger

log = logging.getLogger("livecredits.live")

GATHER_S = 0.003
"""Reads are gathered for so long: a storm becomes few queries, a single screen waits 3 ms."""
READ_SIZE = 1_000
READ_PAUSES_S = (0.1, 0.5)
"""A failed read is tried again after these pauses; then its screens are told to come back."""
LATE_US = 5_000_000
"""What was committed so long ago and has not been handed over is lost; clocks of nodes may differ by less."""


class Snapshots:
    """The reads of one hub.

    Args:
        ledger: what is read.
        hub: is told that a read begins, what it found, and that it failed.
        now_ms: the time by which the hub lives.
        start: begins a task that somebody waits for at the end.
        carry_out: does what the hub wants after a read.
    """

    def __init__(
        self,
        ledger: Ledger,
        hub: Hub,
        now_ms: Callable[[], int],
        start: Callable[[Coroutine[Any, Any, None]], None],
        carry_out: Callable[[], None],
    ) -> None:
        self._ledger = ledger
        self._hub = hub
        self._now_ms = now_ms
        self._start = start
        self._carry_out = carry_out
        self._wanted: list[Audience] = []
        self._is_reading = False

    def want(self, audiences: Iterable[Audience]) -> None:
        """Read these users soon, with all that is wanted by then."""
        self._wanted += audiences
        if not self._is_reading:
            self._is_reading = True
            asyncio.get_running_loop().call_later(GATHER_S, self._begin)

    def _begin(self) -> None:
        self._start(self._read_all())

    async def _read_all(self) -> None:
        try:
            while self._wanted:
                batch, self._wanted = self._wanted[:READ_SIZE], self._wanted[READ_SIZE:]
                await self._read(batch)
        finally:
            self._is_reading = False

    async def _read(self, batch: list[Audience]) -> None:
        for pause_s in (*READ_PAUSES_S, None):
            try:
                epoch = self._ledger.epoch
                self._hub.read_begins(batch)
                states = await self._ledger.states([audience.user_id for audience in batch])
            except Exception as error:  # noqa: BLE001 - whatever it was, its screens must be told
                log.warning("a snapshot of %d accounts could not be read: %r", len(batch), error)
                if pause_s is not None:
                    await asyncio.sleep(pause_s)
                    continue
                self._hub.read_failed(batch, self._now_ms())
            else:
                read = [(audience, states[audience.user_id]) for audience in batch]
                self._hub.snapshot(epoch, read, time.time_ns() // 1000 - LATE_US)
            break
        self._carry_out()
