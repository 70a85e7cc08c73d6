"""Batches as they are kept: one row for the request, its own rows some hundreds together, and how they are read back.

Promises: a result that was stored reads back as it was answered; which rows have been undone follows from the ledger's
own `reversals`, so it is right however they were undone. Must not decide anything: `credits.batches` does.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from json.encoder import encode_basestring as _quoted
from typing import Any, Literal, Protocol

from sqlalchemy import Connection, Row, case, func, insert, select, update

from livecredits.core.changes import Actor
from livecredits.core.quick import maker, quick
from livecredits.errors import NotFound
from livecredits.storage.answers import Ruling, rfc3339
from livecredits.storage.dialects import listed
from livecredits.storage.pages import Slice
from livecredits.storage.schema import batch_parts, batches, entries, reversals
from livecredits.storage.shapes import dump
from livecredits.storage.views import Page

Op = Literal["adjust", "set", "grant"]
State = Literal["previewed", "refused", "running", "interrupted", "applied", "reversed", "partly_reversed"]
"""`previewed` and `refused` have left nothing and are never stored. `interrupted` is stored as `running`: it is what
nobody works on any more, and `credits.batches` knows that."""

_PART = 500
"""Rows that are kept together."""
_SHOWN = 200
"""Batches on a page at most."""
_RUNS = ("run:", "imp:")
"""How the keys of batches begin that are parts of one run; what stands before their last colon is the run's name."""


class Asked(Protocol):
    """What a row asked for."""

    @property
    def row(self) -> int:
        """Its number."""

    @property
    def user_id(self) -> str:
        """Whose account."""

    @property
    def unit(self) -> str:
        """Which of the user's accounts."""

    @property
    def op(self) -> Op:
        """Which change."""

    @property
    def amount(self) -> int:
        """Of how much."""


@quick
@dataclass(frozen=True, slots=True)
class RowResult:
    """What one row of a batch came to.

    Attributes:
        row: its number, as the caller counts.
        user_id: whose account.
        unit: which of the user's accounts.
        op: what was asked.
        amount: credits as they were asked: signed for adjust, the wanted balance for set.
        before: available credits just before it; None for an unknown user.
        after: available credits just after it.
        entry: the entry that it left; None where it was refused, and in a preview.
        code: the refusal's code.
        detail: the refusal's sentence.
        replayed: whether a former request had done it already, by the same key.
        reversed_by: the entry that undid it.
    """

    row: int
    user_id: str
    unit: str
    op: Op
    amount: int
    before: int | None
    after: int | None
    entry: str | None = None
    code: str | None = None
    detail: str | None = None
    replayed: bool = False
    reversed_by: str | None = None

    @property
    def is_ok(self) -> bool:
        """Whether it was accepted."""
        return self.code is None

    def as_json(self) -> dict[str, Any]:
        """The row by field; what has no value is left out."""
        told: dict[str, Any] = {
            "row": self.row, "user_id": self.user_id, "unit": self.unit, "op": self.op, "amount": self.amount,
            "ok": self.code is None, "before": self.before, "after": self.after,
        }  # fmt: skip
        for name in ("entry", "code", "detail", "reversed_by"):
            value = getattr(self, name)
            if value is not None:
                told[name] = value
        if self.replayed:
            told["replayed"] = True
        return told

    def text(self) -> str:
        """`as_json` as JSON, spelled out: ten thousand rows take a third of the time so."""
        told = (
            f'{{"row":{self.row},"user_id":{_quoted(self.user_id)},"unit":{_quoted(self.unit)},"op":"{self.op}",'
            f'"amount":{self.amount},"ok":{"true" if self.code is None else "false"},'
            f'"before":{"null" if self.before is None else self.before},'
            f'"after":{"null" if self.after is None else self.after}'
        )
        if self.entry is not None:
            told += f',"entry":"{self.entry}"'
        if self.code is not None:
            told += f',"code":"{self.code}","detail":{_quoted(self.detail or "")}'
        if self.reversed_by is not None:
            told += f',"reversed_by":"{self.reversed_by}"'
        return told + (',"replayed":true}' if self.replayed else "}")

    def kept_text(self) -> str:
        """The row as `batch_parts` keeps it, as JSON. An entry that another request has made is not this batch's."""
        entry = "null" if self.replayed or self.entry is None else f'"{self.entry}"'
        code = "null,null" if self.code is None else f'"{self.code}",{_quoted(self.detail or "")}'
        return (
            f'[{self.row},{_quoted(self.user_id)},{_quoted(self.unit)},"{self.op}",{self.amount},'
            f"{'null' if self.before is None else self.before},{'null' if self.after is None else self.after},"
            f"{entry},{code}]"
        )


make_row_result = maker(RowResult)


@dataclass(frozen=True, slots=True)
class Tally:
    """How many rows of a batch stand in the ledger, or would, how many were refused, and what they move by unit."""

    applied: int
    refused: int
    totals: dict[str, dict[str, int]]


@dataclass(frozen=True, slots=True)
class BatchResult:
    """What a batch came to. `batch` is None where nothing was kept: a preview, or an atomic one that was refused."""

    batch: str | None
    state: State
    rows: Sequence[RowResult]
    atomic: bool = False
    reason: str | None = None
    label: str | None = None
    actor: str | None = None
    created_at_us: int | None = None
    finished_at_us: int | None = None
    replayed: bool = False
    run: str | None = None
    tally: Tally | None = field(default=None, compare=False, repr=False)
    """What the rows come to, where they were counted before."""

    @property
    def dry_run(self) -> bool:
        """Whether it was only asked what would be."""
        return self.state == "previewed"

    @property
    def refused(self) -> int:
        """How many rows were refused."""
        return self.counted().refused

    @property
    def applied(self) -> int:
        """How many rows stand in the ledger, or would."""
        return self.counted().applied

    def totals(self) -> dict[str, dict[str, int]]:
        """By unit, what the accepted rows add, take, and change in sum."""
        return self.counted().totals

    def counted(self) -> Tally:
        """All of this in one go."""
        if self.tally is not None:
            return self.tally
        refused = 0
        added: dict[str, int] = {}
        taken: dict[str, int] = {}
        for row in self.rows:
            after = row.after
            if row.code is not None:
                refused += 1
            elif after is not None:
                moved = after - (row.before or 0)
                sums = added if moved > 0 else taken
                sums[row.unit] = sums.get(row.unit, 0) + moved
        totals = {
            unit: {
                "added": added.get(unit, 0), "taken": -taken.get(unit, 0),
                "net": added.get(unit, 0) + taken.get(unit, 0),
            }
            for unit in dict.fromkeys((*added, *taken))
        }  # fmt: skip
        return Tally(0 if self.state == "refused" else len(self.rows) - refused, refused, totals)

    def as_json(self) -> dict[str, Any]:
        """The body of an HTTP answer."""
        return {**self.head(), "rows": [row.as_json() for row in self.rows]}

    def text(self) -> str:
        """`as_json` as JSON."""
        return f'{dump(self.head())[:-1]},"rows":[{",".join([row.text() for row in self.rows])}]}}'

    def head(self) -> dict[str, Any]:
        """The same without the rows."""
        counted = self.counted()
        return {
            "batch": self.batch, "run": self.run, "dry_run": self.dry_run, "atomic": self.atomic, "state": self.state,
            "applied": counted.applied, "refused": counted.refused, "totals": counted.totals,
            "reason": self.reason, "label": self.label, "actor": self.actor,
            "created_at": _when(self.created_at_us), "finished_at": _when(self.finished_at_us),
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class BatchHead:
    """A batch in a list."""

    batch: str
    run: str | None
    state: State
    atomic: bool
    rows: int
    reason: str | None
    label: str | None
    actor: str
    created_at_us: int
    finished_at_us: int | None

    def as_json(self) -> dict[str, Any]:
        """The batch by field."""
        return {
            "batch": self.batch, "run": self.run, "state": self.state, "atomic": self.atomic, "rows": self.rows,
            "reason": self.reason, "label": self.label, "actor": self.actor,
            "created_at": rfc3339(self.created_at_us), "finished_at": _when(self.finished_at_us),
        }  # fmt: skip


def run_of(key: str) -> str | None:
    """The run that a batch is a part of by its key: `run:<name>:<part>`, `imp:<file>:<rows>`; else None."""
    name, colon, _ = key.rpartition(":")
    return name if colon and name.startswith(_RUNS) else None


def _when(at_us: int | None) -> str | None:
    return None if at_us is None else rfc3339(at_us)


def ruled(asked: Asked, ruling: Ruling, *, is_kept: bool) -> RowResult:
    """What was asked, with what it came to.

    Args:
        asked: the row, or a former result of it.
        ruling: the writer's word.
        is_kept: whether it was committed; otherwise there is no entry to speak of.
    """
    entry, before, after, refused, replayed = ruling
    # Spelled out: `replace` would cost more than half of what deciding the row does.
    if refused is None:
        return make_row_result(
            asked.row, asked.user_id, asked.unit, asked.op, asked.amount, before, after,
            entry if is_kept or replayed else None, None, None, replayed,
        )  # fmt: skip
    return RowResult(
        asked.row, asked.user_id, asked.unit, asked.op, asked.amount, before, after, None, refused.code,
        refused.detail,
    )  # fmt: skip


# --- writing -------------------------------------------------------------------------------------------------------


def begin(  # noqa: PLR0913 - a row of many columns
    connection: Connection,
    batch_id: str,
    *,
    key_scope: str,
    key: str,
    content: str,
    actor: Actor,
    reason: str | None,
    label: str | None,
    atomic: bool,
    rows: int,
    now_us: int,
) -> None:
    """Write down that a batch has begun."""
    connection.execute(
        insert(batches).values(
            id=batch_id, key_scope=key_scope, key=key, content=content, actor=str(actor), reason=reason, label=label,
            atomic=int(atomic), state="running", rows=rows, created_at_us=now_us,
        )
    )  # fmt: skip


def parts_for(rows: int) -> int:
    """In how many parts so many rows are kept."""
    return -(-rows // _PART)


def parts(batch_id: str, position: int, rows: Sequence[RowResult]) -> list[tuple[str, int, str]]:
    """Rows as they are kept, in parts that are counted from `position` on."""
    return [
        (batch_id, position + number, f"[{','.join([row.kept_text() for row in rows[at : at + _PART]])}]")
        for number, at in enumerate(range(0, len(rows), _PART))
    ]


def set_state(
    connection: Connection, batch_id: str, state: State, *, finished_at_us: int | None = None
) -> None:
    """Write down how far a batch has come, and when it was done."""
    finished = {} if finished_at_us is None else {"finished_at_us": finished_at_us}
    connection.execute(update(batches).where(batches.c.id == batch_id).values(state=state, **finished))


def undone_state(connection: Connection, batch_id: str) -> State | None:
    """What the reversals in the ledger make of a batch: all of it undone, part of it, or nothing (None).

    A row that somebody reversed in part stands for the rest, so it counts as part.
    """
    done, undoing = entries.alias(), entries.alias()
    left = listed(connection, [row[_ENTRY_ID] for row in _kept(connection, batch_id) if row[_ENTRY_ID]])
    found = connection.execute(
        select(
            func.count().label("moved"),
            func.count(reversals.c.reversed_by).label("touched"),
            func.coalesce(func.sum(case((undoing.c.amount == -done.c.amount, 1), else_=0)), 0).label("whole"),
        )
        .select_from(
            left.join(done, done.c.id == left.c.value)
            .outerjoin(reversals, reversals.c.entry_id == done.c.id)
            .outerjoin(undoing, undoing.c.id == reversals.c.reversed_by)
        )
        .where(done.c.amount != 0)
    ).one()
    if found.whole == found.moved:
        return "reversed"
    return "partly_reversed" if found.touched else None


# --- reading -------------------------------------------------------------------------------------------------------


def find(connection: Connection, key_scope: str, key: str) -> Row[Any] | None:
    """The batch that came under a key."""
    query = select(batches).where(batches.c.key_scope == key_scope, batches.c.key == key)
    return connection.execute(query).one_or_none()


def read(connection: Connection, batch_id: str) -> BatchResult:
    """A stored batch with all its rows.

    Raises:
        NotFound: there is none with this id.
    """
    return replace(head(connection, batch_id), rows=rows_of(connection, batch_id))


def head(connection: Connection, batch_id: str) -> BatchResult:
    """The same without its rows."""
    row = connection.execute(select(batches).where(batches.c.id == batch_id)).one_or_none()
    if row is None:
        raise NotFound(f"There is no batch {batch_id}.")
    return BatchResult(
        row.id, row.state, (), bool(row.atomic), row.reason, row.label, row.actor, row.created_at_us,
        row.finished_at_us, run=run_of(row.key),
    )  # fmt: skip


def rows_of(connection: Connection, batch_id: str) -> list[RowResult]:
    """The rows that a batch has done, in the caller's order."""
    kept = sorted(_kept(connection, batch_id))
    left = listed(connection, [row[_ENTRY_ID] for row in kept if row[_ENTRY_ID]])
    query = select(reversals.c.entry_id, reversals.c.reversed_by).join(
        left, left.c.value == reversals.c.entry_id
    )
    undone = {row.entry_id: row.reversed_by for row in connection.execute(query)}
    return [
        RowResult(
            number,
            user_id,
            unit,
            op,
            amount,
            before,
            after,
            entry,
            code,
            detail,
            reversed_by=undone.get(entry),
        )
        for number, user_id, unit, op, amount, before, after, entry, code, detail in kept
    ]


_ENTRY_ID = 7
"""Where a row that is kept names its entry."""


def _kept(connection: Connection, batch_id: str) -> list[list[Any]]:
    """The rows of a batch as `RowResult.kept_text` gave them."""
    query = select(batch_parts.c.rows).where(batch_parts.c.batch_id == batch_id)
    return [row for part in connection.execute(query).scalars() for row in json.loads(part)]


def parts_of(connection: Connection, batch_id: str) -> int:
    """In how many parts a batch's rows are kept: the position of the next."""
    query = select(func.count()).where(batch_parts.c.batch_id == batch_id)
    return connection.execute(query).scalar_one()


def page(
    connection: Connection, *, before: str | None, after: str | None, limit: int, run: str | None = None
) -> Page[BatchHead]:
    """Batches, the newest first, or those of one run; cursors are ids, which sort by time. Raises `Malformed`."""
    part = Slice(before=before, after=after)
    if part.cursor is not None:
        part.id()
    most = max(1, min(limit, _SHOWN))
    query = select(batches).limit(most + 1)
    if run is not None:
        # No LIKE: the name is a text, not a pattern. No range: databases sort texts in orders of their own.
        query = query.where(func.substr(batches.c.key, 1, len(run) + 1) == f"{run}:")
    if before is not None:
        query = query.where(batches.c.id > before).order_by(batches.c.id)
    else:
        query = query.order_by(batches.c.id.desc())
        query = query if after is None else query.where(batches.c.id < after)
    found = connection.execute(query).all()
    shown = list(found[:most])
    has_older, has_newer = len(found) > most, after is not None
    if before is not None:
        shown.reverse()
        has_older, has_newer = True, len(found) > most
    items = [
        BatchHead(
            row.id, run_of(row.key), row.state, bool(row.atomic), row.rows, row.reason, row.label, row.actor,
            row.created_at_us, row.finished_at_us,
        )
        for row in shown
    ]  # fmt: skip
    older = shown[-1].id if shown and has_older else None
    newer = shown[0].id if shown and has_newer else None
    return Page(items, older, newer)
