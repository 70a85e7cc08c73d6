"""Many changes in one request: looked at, made, shown, undone. CSV or JSON, at most 10,000 rows."""

from __future__ import annotations

import asyncio
import io

from livecredits.credits.batch_csv import read_all
from livecredits.credits.batches import ROWS_MOST, BatchAsked, BatchRow, UndoAsked, make_batch_row
from livecredits.errors import Forbidden, KeyReused, NotFound, OutcomeUnknown, StorageFull
from livecredits.http.batch_models import (
    BATCH_BYTES_MAX,
    DEFAULT_UNIT,
    BatchAnswer,
    BatchBody,
    BatchesPage,
    BatchesQuery,
    BatchQuery,
    BatchUndoBody,
)
from livecredits.http.changes import actor_of, key_headers, key_of, require_reason
from livecredits.http.reading import page_reply
from livecredits.http.routing import Call, NoBody, NoQuery, Reply, Routes
from livecredits.http.rules import RULES
from livecredits.storage.batches import BatchResult

routes = Routes("Batches")


class CsvRowsOfBatch:
    """A batch whose rows came as CSV; its query says the rest."""

    def __init__(self, rows: list[BatchRow]) -> None:
        self.rows = rows


def _read_csv(raw: bytes, query: BatchQuery) -> CsvRowsOfBatch:
    return CsvRowsOfBatch(read_all(io.BytesIO(raw), op=query.op, most=ROWS_MOST))


@routes.add("POST", "/admin/batches", rule=RULES, body=BatchBody, query=BatchQuery, result=BatchAnswer, keyed=True,
            takes={"text/csv": _read_csv}, body_bytes_max=BATCH_BYTES_MAX,
            refuses=(KeyReused, OutcomeUnknown, StorageFull))  # fmt: skip
async def apply_batch(call: Call[BatchBody | CsvRowsOfBatch, BatchQuery]) -> Reply:
    """Make many changes, or with `dry_run` only tell what they would come to.

    Row by row, a refused row is told in its place and stops no other; with `atomic` one refusal refuses all. Sent
    again with the same key it answers the same, and goes on where it broke off. The body may be CSV with the columns
    `user_id, amount` and, if wanted, `op, unit, reason, label, expires_at, key`; the query then says the rest.
    A longer list is sent as several batches whose keys are `run:<name>:<part>`: they are told as one `run`.
    """
    asked = await asyncio.to_thread(_asked, call)
    result = await call.services.credits.apply_batch(asked)
    if result.batch is not None and not result.replayed:
        call.services.nodes.hint(("audit",))
    return await _reply(result, key_headers(asked.key, replayed=result.replayed))


def _asked(call: Call[BatchBody | CsvRowsOfBatch, BatchQuery]) -> BatchAsked:
    body, query = call.body, call.query
    if isinstance(body, CsvRowsOfBatch):
        rows, told = body.rows, query.model_dump(exclude={"op"})
    else:
        rows = [
            make_batch_row(
                row.get("row") or at, row["user_id"], row["op"], row["amount"], row.get("unit", DEFAULT_UNIT),
                row.get("reason"), row.get("label"), row.get("expires_at"), row.get("key"),
            )
            for at, row in enumerate(body.rows, 1)
        ]  # fmt: skip
        told = {
            "dry_run": body.dry_run or query.dry_run, "atomic": body.atomic or query.atomic,
            "reason": body.reason or query.reason, "label": body.label or query.label,
        }  # fmt: skip
    if any(row.reason is None for row in rows):
        require_reason(call, told["reason"])
    return BatchAsked(
        rows=rows, **told, key=key_of(call), key_scope=call.principal.key_scope, actor=actor_of(call),
        limit=call.principal.limit,
    )  # fmt: skip


@routes.add("GET", "/admin/batches", rule=RULES, query=BatchesQuery, result=BatchesPage)
async def list_batches(call: Call[NoBody, BatchesQuery]) -> Reply:
    """Batches, newest first; with `run` those that one long list was sent as."""
    query = call.query
    return page_reply(
        await call.services.credits.batches(
            before=query.before, after=query.after, limit=query.limit, run=query.run
        )
    )


@routes.add("GET", "/admin/batches/{batch_id}", rule=RULES, result=BatchAnswer, refuses=(NotFound,))
async def read_batch(call: Call[NoBody, NoQuery]) -> Reply:
    """A batch with what each row came to, and which rows have been undone."""
    return await _reply(await call.services.credits.batch_of(call.params["batch_id"]))


@routes.add("POST", "/admin/batches/{batch_id}/reverse", rule=RULES, body=BatchUndoBody, result=BatchAnswer,
            refuses=(NotFound, OutcomeUnknown, StorageFull))  # fmt: skip
async def undo_batch(call: Call[BatchUndoBody, NoQuery]) -> Reply:
    """Undo a batch by a reversal for each entry that it left and that still stands.

    Asking again undoes what is left. One that broke off is undone as far as it came. A row whose credits are spent is
    refused, unless `allow_below_floor`.
    """
    body, principal = call.body, call.principal
    if body.allow_below_floor and not principal.may_go_below_floor():
        raise Forbidden("This principal may not let a balance pass its floor.")
    require_reason(call, body.reason)
    result = await call.services.credits.undo_batch(
        UndoAsked(
            batch_id=call.params["batch_id"], **body.model_dump(), actor=actor_of(call), limit=principal.limit
        )
    )
    if not result.dry_run:
        call.services.nodes.hint(("audit",))
    return await _reply(result)


async def _reply(result: BatchResult, headers: list[tuple[bytes, bytes]] | None = None) -> Reply:
    """Ten thousand rows take a while to spell; the loop does not wait for it."""
    body = await asyncio.to_thread(lambda: result.text().encode())
    return Reply(body, 200, headers or [])
