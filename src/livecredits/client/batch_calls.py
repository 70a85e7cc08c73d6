"""The verbs of batches: many changes in one request, looked at before, and undone after; see `calls`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from livecredits.client.call import Call, as_replayed, keyed, named, page_of, texts, time, told
from livecredits.client.results import Page
from livecredits.client.shop_results import BatchHead, BatchResult

BATCHES = "/admin/batches"


class AskedRow(Protocol):
    """One change of a batch: `client.BatchRow`, or the library's own."""

    @property
    def row(self) -> int:
        """Its number in your list, unique in the batch."""

    @property
    def user_id(self) -> str:
        """Whose account."""

    @property
    def op(self) -> str:
        """`adjust`, `set` or `grant`."""

    @property
    def amount(self) -> int:
        """Signed for adjust, the wanted available credits for set, at least 1 for grant."""

    @property
    def unit(self) -> str:
        """Which of the user's accounts."""

    @property
    def reason(self) -> str | None:
        """Why; the batch's by default."""

    @property
    def label(self) -> str | None:
        """What the user may read; the batch's by default."""

    @property
    def expires_at(self) -> datetime | None:
        """When a grant ends."""

    @property
    def key(self) -> str | None:
        """The row's own idempotency key, where it may come again in another batch."""


def batch(
    rows: Sequence[AskedRow],
    *,
    dry_run: bool = False,
    atomic: bool = False,
    reason: str | None = None,
    label: str | None = None,
    key: str | None = None,
) -> Call[BatchResult]:
    """Make up to 10,000 changes in one request (scope `admin`).

    Args:
        rows: adjust, set or grant, each with its own user and amount.
        dry_run: only tell what would be.
        atomic: all or none; otherwise each row stands for itself.
        reason: why, for rows without a reason of their own.
        label: what users may read, for rows without a label of their own.
        key: the batch's idempotency key. Sent again after it broke off, it goes on where it stopped.

    Returns:
        What each row came to. A refused row is told there and does not raise.

    Raises:
        Invalid: `errors` names the rows that cannot be read. Nothing was applied.
    """
    about = {"dry_run": dry_run, "atomic": atomic, **told({"reason": reason, "label": label})}
    body = {"rows": [_row(row) for row in rows], **about}
    return _batch(body, {}, keyed(key))


def batch_csv(
    csv: str | bytes,
    *,
    op: str | None = None,
    dry_run: bool = False,
    atomic: bool = False,
    reason: str | None = None,
    label: str | None = None,
    key: str | None = None,
) -> Call[BatchResult]:
    """The same with rows of CSV: the columns `user_id, amount`, and as wanted `op unit reason label expires_at key`.

    Args:
        csv: at most 10,000 rows and 8 MiB, UTF-8. `livecredits import` takes files of any length.
        op: for a file without a column `op`.
        dry_run: only tell what would be.
        atomic: all or none.
        reason: why, for rows without a reason of their own.
        label: what users may read, for rows without a label of their own.
        key: the batch's idempotency key.

    Raises:
        Invalid: `errors` names row and column.
    """
    query = texts({"op": op, "dry_run": dry_run, "atomic": atomic, "reason": reason, "label": label})
    headers = {**keyed(key), "Content-Type": "text/csv"}
    return _batch(csv.encode() if isinstance(csv, str) else csv, query, headers)


def _batch(
    body: Mapping[str, Any] | bytes, query: Mapping[str, str], headers: Mapping[str, str]
) -> Call[BatchResult]:
    return Call(
        "POST", BATCHES, BatchResult.read, body=body, query=query, headers=headers, changes=True, replayed=as_replayed
    )  # fmt: skip


def _row(row: AskedRow) -> dict[str, Any]:
    return told(
        {
            "row": row.row, "user_id": row.user_id, "op": row.op, "amount": row.amount, "unit": row.unit,
            "reason": row.reason, "label": row.label, "key": row.key, "expires_at": time(row.expires_at),
        }
    )  # fmt: skip


def batch_of(batch_id: str) -> Call[BatchResult]:
    """Read a stored batch with all its rows. Raises `NotFound` (scope `admin`)."""
    return Call("GET", f"{BATCHES}/{named(batch_id)}", BatchResult.read)


def batches(
    *, before: str | None = None, after: str | None = None, limit: int = 50, run: str | None = None
) -> Call[Page[BatchHead]]:
    """Read a page of batches, the newest first; with `run` the parts of one long list (scope `admin`)."""
    return page_of(BatchHead.read, BATCHES, before=before, after=after, limit=limit, run=run)


def reverse_batch(
    batch_id: str,
    *,
    dry_run: bool = False,
    atomic: bool = False,
    allow_below_floor: bool = False,
    reason: str | None = None,
    label: str | None = None,
) -> Call[BatchResult]:
    """Undo a batch: a reversal for each entry that it left and that still stands (scope `admin`).

    Args:
        batch_id: which.
        dry_run: only tell what would be.
        atomic: all or none; otherwise a row whose credits are spent is refused alone.
        allow_below_floor: take back credits that are spent, too (needs the scope `move`).
        reason: why.
        label: what users may read.
    """
    flags = {"dry_run": dry_run, "atomic": atomic, "allow_below_floor": allow_below_floor}
    body = {**flags, **told({"reason": reason, "label": label})}
    return Call("POST", f"{BATCHES}/{named(batch_id)}/reverse", BatchResult.read, body=body, changes=True)
