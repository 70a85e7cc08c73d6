"""The verbs of `Credits` that make, show and undo batches.

Promises nothing beyond `batches.Batches`, which does the work, one batch at a time, in a thread of its own: a batch of
ten thousand rows takes most of a second, and neither the event loop nor the reading threads may wait for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from livecredits.core.changes import LIBRARY, Actor
from livecredits.credits.batches import BatchAsked, BatchRow, UndoAsked
from livecredits.storage.batches import BatchHead, BatchResult
from livecredits.storage.views import Page

if TYPE_CHECKING:
    from livecredits.credits.opened import Opened

Asked = TypeVar("Asked")


class BatchVerbs:
    """What `Credits` can do with many rows at once."""

    async def _ready(self) -> Opened:
        raise NotImplementedError

    async def batch(
        self,
        rows: Sequence[BatchRow],
        *,
        dry_run: bool = False,
        atomic: bool = False,
        reason: str | None = None,
        label: str | None = None,
        key: str | None = None,
        actor: Actor | None = None,
    ) -> BatchResult:
        """Make up to 10,000 changes in one request.

        Args:
            rows: adjust, set or grant, each with its own user and amount.
            dry_run: only tell what would be; nothing is written and no key is used.
            atomic: all or none; otherwise each row stands for itself.
            reason: why, for rows without a reason of their own.
            label: what users may read, for rows without a label of their own.
            key: the batch's idempotency key. Sent again after it broke off, it goes on where it stopped.
            actor: who asks; the library itself by default.

        Returns:
            What each row came to. A refused row is told there and does not raise.

        Raises:
            Invalid: 422 `invalid`; `errors` names the rows that cannot be read. Nothing was applied.
            KeyReused: 422 `idempotency_key_reused`.
        """
        return await self.apply_batch(
            BatchAsked(
                rows=rows, dry_run=dry_run, atomic=atomic, reason=reason, label=label, key=key,
                actor=actor or LIBRARY,
            )
        )  # fmt: skip

    async def apply_batch(self, asked: BatchAsked) -> BatchResult:
        """`batch`, for our own layers, which also say whose key it is and how much a row may move."""
        opened = await self._ready()
        return await _run(opened, opened.batches.apply, asked)

    async def batch_of(self, batch_id: str) -> BatchResult:
        """A stored batch with all its rows. Raises `NotFound`."""
        opened = await self._ready()
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(opened.readers, opened.batches.read, batch_id)

    async def batches(
        self, *, before: str | None = None, after: str | None = None, limit: int = 50, run: str | None = None
    ) -> Page[BatchHead]:
        """A page of batches, the newest first; with `run` those that one long list was sent as."""
        opened = await self._ready()
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(
            opened.readers, lambda: opened.batches.page(before=before, after=after, limit=limit, run=run)
        )

    async def reverse_batch(
        self,
        batch_id: str,
        *,
        dry_run: bool = False,
        atomic: bool = False,
        allow_below_floor: bool = False,
        reason: str | None = None,
        label: str | None = None,
        actor: Actor | None = None,
    ) -> BatchResult:
        """Undo a batch: a reversal for each entry that it left and that still stands.

        Args:
            batch_id: which.
            dry_run: only tell what would be.
            atomic: all or none; otherwise a row whose credits are spent is refused alone.
            allow_below_floor: take back credits that are spent, too.
            reason: why.
            label: what users may read.
            actor: who asks; the library itself by default.

        Raises:
            NotFound: there is no such batch.
        """
        return await self.undo_batch(
            UndoAsked(
                batch_id=batch_id, dry_run=dry_run, atomic=atomic, allow_below_floor=allow_below_floor, reason=reason,
                label=label, actor=actor or LIBRARY,
            )
        )  # fmt: skip

    async def undo_batch(self, asked: UndoAsked) -> BatchResult:
        """`reverse_batch`, for our own layers, which also say how much a row may move."""
        opened = await self._ready()
        return await _run(opened, opened.batches.reverse, asked)


class SyncBatchVerbs:
    """The same for threads: `credits.sync` has those of `Credits` as plain calls that block."""

    def _open(self) -> Opened:
        raise NotImplementedError

    def batch(
        self,
        rows: Sequence[BatchRow],
        *,
        dry_run: bool = False,
        atomic: bool = False,
        reason: str | None = None,
        label: str | None = None,
        key: str | None = None,
        actor: Actor | None = None,
    ) -> BatchResult:
        """See `Credits.batch`."""
        opened = self._open()
        asked = BatchAsked(
            rows=rows,
            dry_run=dry_run,
            atomic=atomic,
            reason=reason,
            label=label,
            key=key,
            actor=actor or LIBRARY,
        )
        return opened.batching.submit(opened.batches.apply, asked).result()

    def batch_of(self, batch_id: str) -> BatchResult:
        """See `Credits.batch_of`."""
        return self._open().batches.read(batch_id)

    def batches(
        self, *, before: str | None = None, after: str | None = None, limit: int = 50, run: str | None = None
    ) -> Page[BatchHead]:
        """See `Credits.batches`."""
        return self._open().batches.page(before=before, after=after, limit=limit, run=run)

    def reverse_batch(
        self,
        batch_id: str,
        *,
        dry_run: bool = False,
        atomic: bool = False,
        allow_below_floor: bool = False,
        reason: str | None = None,
        label: str | None = None,
        actor: Actor | None = None,
    ) -> BatchResult:
        """See `Credits.reverse_batch`."""
        opened = self._open()
        asked = UndoAsked(
            batch_id=batch_id, dry_run=dry_run, atomic=atomic, allow_below_floor=allow_below_floor, reason=reason,
            label=label, actor=actor or LIBRARY,
        )  # fmt: skip
        return opened.batching.submit(opened.batches.reverse, asked).result()


async def _run(opened: Opened, work: Callable[[Asked], BatchResult], asked: Asked) -> BatchResult:
    return await asyncio.get_running_loop().run_in_executor(opened.batching, work, asked)
