"""The broadcast log of one process: takes the counts of its screens to the ledger's database, and reads them.

Promises: before anything is written or read, what a former process left open is settled; rows older than the setting
says are deleted, an hour after another. Must not know HTTP, nor how receipts are counted.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any, Protocol

from livecredits.core.crowds import rows_of
from livecredits.storage import broadcasts
from livecredits.storage.store import Rows

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from livecredits.clock import Clock
    from livecredits.core.broadcasts import Row, Span
    from livecredits.core.crowds import Run
    from livecredits.storage.broadcasts import BroadcastFilter, BroadcastView
    from livecredits.storage.pages import Slice
    from livecredits.storage.settings import StoredSettings
    from livecredits.storage.views import Page

DAY_US = 86_400_000_000
PRUNE_EVERY_US = 3_600_000_000


class Database(Protocol):
    """What the log needs of `Credits`."""

    clock: Clock

    async def read(self, ask: Callable[[Any], Any]) -> Any:
        """Ask one moment of the database."""

    async def write(self, ask: Callable[[Any], Any]) -> Any:
        """Run a function in a transaction of its own."""

    async def note(self, rows: Rows, *, urgent: bool = False) -> None:
        """Write rows of the log."""


class BroadcastLog:
    """The log as this process writes it.

    Args:
        database: where it stands.
        node: how this process is called in it.
        settings: what operators have set; how long rows are kept, and whether receipts are wanted.
    """

    def __init__(
        self, database: Database, node: str, settings: Callable[[], Awaitable[StoredSettings]]
    ) -> None:
        self._database = database
        self._node = node
        self._settings = settings
        self._opening = asyncio.Lock()
        self._is_open = False
        self._pruned_us = 0

    async def _open(self) -> None:
        if self._is_open:
            return
        async with self._opening:
            if not self._is_open:
                await self._database.write(lambda connection: broadcasts.close_former(connection, self._node))
                self._is_open = True

    async def keep(self, rows: Sequence[Row | Run], span: Span | None, *, urgent: bool = False) -> None:
        """Write rows, new ones or anew, and the range of entries that they are complete for."""
        await self._open()
        # In pieces, so that no change waits for long behind them; the range last, for it speaks of all of them.
        written = (self._values(row) for row in rows_of(rows))
        while piece := list(islice(written, broadcasts.WRITTEN_AT_ONCE)):
            await self._database.note(Rows(broadcasts=piece), urgent=urgent)
        if span is not None:
            await self._database.note(Rows(spans=[(self._node, *span)]), urgent=urgent)
        await self._prune()

    def _values(self, row: Row) -> tuple[Any, ...]:
        id, counts, is_settled, details = row
        # As the tables hold them: SQLite takes truth values for numbers, PostgreSQL does not.
        numbers = (None if count is None else int(count) for count in (*counts, is_settled))
        return (id, self._node, *numbers, details)

    async def _prune(self) -> None:
        now_us = self._database.clock.now_us()
        if now_us - self._pruned_us < PRUNE_EVERY_US:
            return
        self._pruned_us = now_us
        oldest_us = await self._oldest_us()
        while await self._database.write(lambda connection: broadcasts.prune(connection, oldest_us)):
            pass

    async def _oldest_us(self) -> int:
        kept = await self._settings()
        return self._database.clock.now_us() - kept.broadcasts_keep_days * DAY_US

    async def wanted(self) -> tuple[bool, frozenset[str]]:
        """Whether receipts are wanted at all, and of whom they are not."""
        kept = await self._settings()
        return kept.receipts, await self._database.read(broadcasts.exempt_users)

    async def page(self, asked: BroadcastFilter, part: Slice) -> Page[BroadcastView]:
        """Part of the log, newest first; `asked.oldest_us` is filled in here."""
        await self._open()
        kept = replace(asked, oldest_us=await self._oldest_us())
        page: Page[BroadcastView] = await self._database.read(
            lambda connection: broadcasts.page(connection, kept, part)
        )
        return page

    async def one(self, id: str) -> BroadcastView:
        """One broadcast; raises `NotFound` where there is none in the log."""
        await self._open()
        oldest_us = await self._oldest_us()
        view: BroadcastView = await self._database.read(
            lambda connection: broadcasts.one(connection, id, oldest_us)
        )
        return view
