"""Receipts on the event loop: who waits for them, how long they took, and when the log is written.

Promises: whoever waits is told as soon as no screen is behind, or when the time is over; rows go to the log about once
a second, and only if there are any; a log that cannot be written holds up nothing else.
Must not know: HTTP, the database (a `Log` is passed in), how receipts are counted.
The odd thing: `look` runs after every event of the hub, so it has to cost nothing while nobody waits.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import asdict
from itertools import accumulate
from typing import TYPE_CHECKING

from livecredits.core.broadcasts import Counts
from livecredits.core.delays import BUCKETS_MS, Delays
from livecredits.errors import Draining, Refused
from livecredits.live.ports import sight

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from livecredits.core.broadcasts import Broadcast, Row, Span
    from livecredits.core.crowds import Run
    from livecredits.core.delays import Counted
    from livecredits.core.hub import Hub
    from livecredits.live.ports import Log, SightView

log = logging.getLogger("livecredits.live")

FLUSH_MS = 1_000
"""Rows are written and followers are told this often at most."""
SPAN_MS = 10_000
"""Where no screen was open there are no rows; that there were none is written this often at most."""


class LiveReceipts:
    """The receipts of one process.

    Args:
        hub: whose screens send them.
        now_ms: the hub's clock.
        carry_out: does what the hub wants done.
        hint: tells followers, of other nodes as well, that a list moved.
        kept_by: where rows go; None keeps none.
    """

    def __init__(
        self,
        hub: Hub,
        now_ms: Callable[[], int],
        carry_out: Callable[[], None],
        hint: Callable[[Sequence[str]], None],
        kept_by: Log | None,
    ) -> None:
        self.delays = Delays()
        self.waiting: dict[str, list[tuple[Broadcast, asyncio.Future[None]]]] = {}
        self._hub = hub
        self._now_ms = now_ms
        self._carry_out = carry_out
        self._hint = hint
        self._is_known = False
        self._log = kept_by
        self._flushed_ms = 0
        self._span: Span | None = None
        self._is_owed = False
        self._kept_ms = 0
        self._flushing = asyncio.Lock()

    # --- for routes -------------------------------------------------------------------------------------------

    def last_hour(self) -> Counted:
        """From commit to painted, of the last hour: screens that were visible and asked to tell at once."""
        return self.delays.last_hour(self._now_ms())

    def histogram(self) -> tuple[list[tuple[str, float]], float]:
        """The same for ever: how many up to each edge in seconds, and the sum in seconds."""
        edges = [f"{ms / 1000:g}" for ms in BUCKETS_MS] + ["+Inf"]
        return list(zip(edges, accumulate(self.delays.buckets), strict=True)), self.delays.sum_ms / 1000

    def totals(self) -> dict[str, int]:
        """What became of all screens of all broadcasts."""
        return asdict(self._hub.receipts.totals)

    def wanted_of(self, user_id: str) -> bool:
        """Whether this user's screens send receipts."""
        return self._hub.receipts.wanted_of(user_id)

    async def learn(self) -> None:
        """Find out whether receipts are wanted, and of whom they are not, and tell the screens where that changed."""
        if self._log is not None:
            is_on, exempt = await self._log.wanted()
            self._hub.want_receipts(is_on=is_on, exempt=exempt)
            self._is_known = True
            self._carry_out()

    async def know(self) -> None:
        """The same, unless it is known; to be called before a screen is greeted."""
        if not self._is_known:
            await self.learn()

    async def wait(self, id: str, timeout_s: float) -> Counts | None:
        """The counts of a broadcast as soon as no screen of it is behind.

        Args:
            id: the entry's, or the re-send's.
            timeout_s: after so many seconds the counts as they are then.

        Returns:
            The counts; None where the broadcast is not in memory: it had no screens, or was settled long ago.
        """
        broadcast = self._hub.receipts.find(id)
        if broadcast is None:
            return None
        if self._is_behind(broadcast):
            told: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            waiter = (broadcast, told)
            self.waiting.setdefault(id, []).append(waiter)
            try:
                async with asyncio.timeout(timeout_s):
                    await told
            except TimeoutError:
                pass
            finally:
                self.waiting[id].remove(waiter)
                if not self.waiting[id]:
                    del self.waiting[id]
        return self._hub.receipts.counts(broadcast, self._now_ms())

    def sights(self, id: str) -> list[SightView]:
        """The screens of a broadcast one by one, as far as their details are still in memory."""
        broadcast = self._hub.receipts.find(id)
        if broadcast is None:
            return []
        seen = self._hub.receipts.sights(broadcast, self._now_ms())
        return [sight(one, broadcast.unit) for one in seen]

    def look(self) -> None:
        """Something happened: tell whoever waits for what is now settled. To be called only if somebody waits."""
        for waiters in self.waiting.values():
            for broadcast, told in waiters:
                if not (told.done() or self._is_behind(broadcast)):
                    told.set_result(None)

    def _is_behind(self, broadcast: Broadcast) -> bool:
        return self._hub.receipts.counts(broadcast, self._now_ms()).behind > 0

    # --- what time brings -------------------------------------------------------------------------------------

    def turn(self, now_ms: int) -> bool:
        """Take what was measured; every second, tell followers if the log has moved.

        Returns:
            Whether it is time to `flush`.
        """
        receipts = self._hub.receipts
        if receipts.delays_ms:
            delays_ms, receipts.delays_ms = receipts.delays_ms, []
            self.delays.add(delays_ms, now_ms)
        if self.waiting:
            self.look()
        if now_ms - self._flushed_ms < FLUSH_MS:
            return False
        self._flushed_ms = now_ms
        if receipts.has_moved:
            receipts.has_moved = False
            self._hint(("broadcasts",))
            self._is_owed = True
        return self._is_owed

    @property
    def is_idle(self) -> bool:
        """Whether nothing waits to be written."""
        return not (self._is_owed or self._hub.receipts.has_moved)

    async def flush(self, *, everything: bool = False) -> None:
        """Write rows that are new or have changed.

        Args:
            everything: also rows of broadcasts whose screens have had no time to answer yet, so that whoever reads the
                log next finds all there is.
        """
        async with self._flushing:
            now_ms = self._now_ms()
            rows, span = self._hub.receipts.take(now_ms, everything=everything)
            has_grown = span is not None and span != self._span
            if self._log is None or not (rows or has_grown):
                self._is_owed = False
            elif rows or everything or now_ms - self._kept_ms >= SPAN_MS:
                await self._keep(self._log, rows, span, now_ms, urgent=everything)

    async def _keep(
        self, kept_by: Log, rows: list[Row | Run], span: Span | None, now_ms: int, *, urgent: bool
    ) -> None:
        self._kept_ms = now_ms
        try:
            await kept_by.keep(rows, span, urgent=urgent)
        except Draining:  # the ledger was closed before its screens: nobody will ever write these
            self._log = None
        except Refused as refused:  # the disk is full, say; the next second tries again
            log.warning("%d rows of the broadcast log could not be written: %s", len(rows), refused.detail)
            self._hub.receipts.give_back(rows)
        else:
            self._span = span
            self._is_owed = self._hub.receipts.has_moved
