"""The verbs that make, show and undo batches, each written once; see `verbs`.

Promises nothing beyond `batches.Batches`, which does the work, one batch at a time, in a thread of its own: a batch of
ten thousand rows takes most of a second, and neither the event loop nor the reading threads may wait for it.
"""

from __future__ import annotations

from collections.abc import Sequence

from livecredits.core.changes import LIBRARY, Actor
from livecredits.credits.batches import BatchAsked, BatchRow, UndoAsked
from livecredits.credits.verbs import Ask, Queued
from livecredits.storage.batches import BatchHead, BatchResult
from livecredits.storage.views import Page


def batch(
    rows: Sequence[BatchRow],
    *,
    dry_run: bool = False,
    atomic: bool = False,
    reason: str | None = None,
    label: str | None = None,
    key: str | None = None,
    actor: Actor | None = None,
) -> Queued[BatchResult]:
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
    return apply_batch(
        BatchAsked(
            rows=rows, dry_run=dry_run, atomic=atomic, reason=reason, label=label, key=key,
            actor=actor or LIBRARY,
        )
    )  # fmt: skip


def apply_batch(asked: BatchAsked) -> Queued[BatchResult]:
    """`batch`, for our own layers, which also say whose key it is and how much a row may move."""
    return lambda opened: opened.batching.submit(opened.batches.apply, asked)


def batch_of(batch_id: str) -> Ask[BatchResult]:
    """A stored batch with all its rows. Raises `NotFound`."""
    return lambda opened: opened.batches.read(batch_id)


def batches(
    *, before: str | None = None, after: str | None = None, limit: int = 50, run: str | None = None
) -> Ask[Page[BatchHead]]:
    """A page of batches, the newest first; with `run` those that one long list was sent as."""
    return lambda opened: opened.batches.page(before=before, after=after, limit=limit, run=run)


def reverse_batch(
    batch_id: str,
    *,
    dry_run: bool = False,
    atomic: bool = False,
    allow_below_floor: bool = False,
    reason: str | None = None,
    label: str | None = None,
    actor: Actor | None = None,
) -> Queued[BatchResult]:
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
    return undo_batch(
        UndoAsked(
            batch_id=batch_id, dry_run=dry_run, atomic=atomic, allow_below_floor=allow_below_floor, reason=reason,
            label=label, actor=actor or LIBRARY,
        )
    )  # fmt: skip


def undo_batch(asked: UndoAsked) -> Queued[BatchResult]:
    """`reverse_batch`, for our own layers, which also say how much a row may move."""
    return lambda opened: opened.batching.submit(opened.batches.reverse, asked)
