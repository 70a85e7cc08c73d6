"""Batches: many changes in one request, decided row by row or all or none, looked at before, and undone after.

Promises: a row is applied at most once, however often its batch is sent again (its outcome stands under the batch's key
and the row's number, in the transaction that applied it); a batch that broke off goes on where it stopped, or is undone
as far as it came; the rows of one account are decided in the caller's order; undoing it posts a reversal for each entry
that it left. Must not know how rows arrive (CSV, JSON).

The odd thing: row by row does not mean a transaction for each. Rows go to the writer in portions of `PORTION`, each
with a commit of its own, so that other people's changes pass in between. Rows of one user stay together, so their
screens are told once. Users are taken in the order of their accounts in the file, not of the list: a list in any other
order would touch nearly every page of the file with each portion. An atomic batch is one portion, however long.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, get_args

from sqlalchemy import Connection

from livecredits.core.amounts import bad_field
from livecredits.core.changes import LIBRARY, Actor, Change, Reverse, make_adjust, make_grant, make_set
from livecredits.core.lots import EVERGREEN, Terms
from livecredits.core.quick import maker, quick
from livecredits.credits.asking import check_key, check_text, checked, microseconds
from livecredits.errors import Invalid, KeyReused
from livecredits.storage import audit, batches, reads
from livecredits.storage.answers import Ruling
from livecredits.storage.batches import BatchHead, BatchResult, Op, RowResult, Tally, ruled
from livecredits.storage.ids import Ids
from livecredits.storage.many import Many
from livecredits.storage.turns import Turn, is_taken, nobody_else
from livecredits.storage.views import Page

if TYPE_CHECKING:
    from livecredits.clock import Clock
    from livecredits.credits.opened import Unit
    from livecredits.credits.others import Others
    from livecredits.storage.database import Database

_encode = json.JSONEncoder(separators=(",", ":")).encode

OPS: tuple[Op, ...] = get_args(Op)
ROWS_MOST = 10_000
PORTION = 500
"""Rows in one transaction of a batch that is not atomic: as many as the writer takes of other changes."""
FAULTS_TOLD = 20


@quick
@dataclass(frozen=True, slots=True)
class BatchRow:
    """One change of a batch.

    Attributes:
        row: its number in the caller's list or file, unique in the batch.
        user_id: whose account.
        op: `adjust` adds (negative takes), `set` makes equal, `grant` gives as a lot of its own.
        amount: whole credits: signed for adjust, the wanted available credits for set, ≥ 1 for grant.
        unit: which of the user's accounts.
        reason: why; the batch's by default.
        label: what the user may read; the batch's by default.
        expires_at: when a grant ends.
        key: an idempotency key of its own, for a row that may come again in another batch.
    """

    row: int
    user_id: str
    op: Op
    amount: int
    unit: str = "credits"
    reason: str | None = None
    label: str | None = None
    expires_at: datetime | None = None
    key: str | None = None


make_batch_row = maker(BatchRow)


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchAsked:
    """A whole request.

    Attributes:
        rows: what is to be done, at most 10,000.
        dry_run: only tell what would be.
        atomic: all or none.
        reason: why, for rows without a reason of their own.
        label: what users may read, for rows without a label of their own.
        key: the batch's idempotency key.
        key_scope: whose key it is.
        actor: who asks.
        limit: the most credits that this actor may move in one row.
    """

    rows: Sequence[BatchRow]
    dry_run: bool = False
    atomic: bool = False
    reason: str | None = None
    label: str | None = None
    key: str | None = None
    key_scope: str = "service"
    actor: Actor = LIBRARY
    limit: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoAsked:
    """That a batch is to be undone: which, by whom, and whether balances may pass their floor for it."""

    batch_id: str
    dry_run: bool = False
    atomic: bool = False
    allow_below_floor: bool = False
    reason: str | None = None
    label: str | None = None
    key_scope: str = "service"
    actor: Actor = LIBRARY
    limit: int | None = None


class Batches:
    """The batches of one ledger. Calls block; a process works on one at a time (see `Opened`), one process on each."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        units: Callable[[], Mapping[str, Unit]],
        others: Others | None = None,
    ) -> None:
        self._database = database
        self._others = others
        self._clock = clock
        self._units = units
        self._working_on: str | None = None
        """The batch that is being applied now. What is stored as running and is not this one broke off."""

    # --- applying --------------------------------------------------------------------------------------------------

    def apply(self, asked: BatchAsked) -> BatchResult:
        """Decide a batch.

        Raises:
            Invalid: a row cannot be read (`errors` names rows), there are none, or too many.
            KeyReused: the batch's key belongs to another one.
            Unavailable: another node is working on it, and was for some time.
        """
        batch_id = self._new_id()
        changes = _changes(asked, self._units())
        if asked.dry_run:
            return self._preview(asked, changes)
        content = _content(asked)
        with self._turn() as turn:
            turn.take(f"batch:{asked.key_scope}:{asked.key or batch_id}")
            known, position = self._known(asked, content)
            batch_id = (known and known.batch) or batch_id
            turn.take(_turn_of(batch_id))
            if known is not None:  # it may have been undone meanwhile, elsewhere
                known, position = self._known(asked, content)
            # What is running while this is its turn broke off: nobody else works on it.
            if known is not None and known.state not in ("running", "interrupted"):
                return replace(known, replayed=True)
            former = known.rows if known else ()
            work = _Work(batch_id, asked, content, is_new=known is None, position=position, former=former)
            self._begin_work(batch_id)
            try:
                return self._work(work, changes, turn)
            finally:
                self._begin_work(None)

    def _turn(self) -> AbstractContextManager[Turn]:
        return nobody_else() if self._others is None else self._others.turn()

    def _begin_work(self, batch_id: str | None) -> None:
        self._working_on = batch_id
        if self._others is not None:
            self._others.work_on(batch_id)

    def _work(self, work: _Work, changes: Sequence[Change], turn: Turn) -> BatchResult:
        """Apply the rows that a former request has not."""
        asked = work.asked
        done = {row.row: row for row in work.former}
        todo = [number for number, row in enumerate(asked.rows) if row.row not in done]
        portions = self._portions(asked.rows, todo) or [[]]
        if asked.atomic:
            portions = [[number for portion in portions for number in portion]]
        for portion in portions:
            many = work.many(
                [changes[number] for number in portion], portion, is_last=portion is portions[-1]
            )
            turn.keep()
            rulings = self._database.writer.submit_many(many).result()
            is_kept = many.is_kept(rulings)
            results = work.results if is_kept else _results(asked.rows, portion, rulings, is_kept=False)
            done |= {row.row: row for row in results}
            if not is_kept:
                return _unkept(asked, "refused", done)
            work.written += results
        rows = [done[row.row] for row in asked.rows]
        return replace(self._head(work.batch_id), rows=rows, tally=work.tally)

    def _preview(self, asked: BatchAsked, changes: Sequence[Change]) -> BatchResult:
        everything = list(range(len(asked.rows)))
        done: dict[int, RowResult] = {}
        portions = [everything] if asked.atomic else self._portions(asked.rows, everything)
        keys = [row.key for row in asked.rows if row.key is not None]
        if len(set(keys)) < len(keys):
            # What one portion would leave under a key, the next would meet: looked at, they must be one.
            portions = [[number for portion in portions for number in portion]]
        for portion in portions:
            many = Many(changes=[changes[number] for number in portion], dry_run=True)
            rulings = self._database.writer.submit_many(many).result()
            done |= {row.row: row for row in _results(asked.rows, portion, rulings, is_kept=False)}
        return _unkept(asked, "previewed", done)

    def _known(self, asked: BatchAsked, content: str) -> tuple[BatchResult | None, int]:
        """What a former request with the same key has left, and where the next part of its rows belongs."""
        key = asked.key
        if key is None:
            return None, 0
        found = self._database.read(lambda connection: batches.find(connection, asked.key_scope, key))
        if found is None:
            return None, 0
        if found.content != content:
            raise KeyReused(f"The idempotency key {key} belongs to another request.", key=key)
        # Counted before the rows are read: of two that go on with them, both then aim at one place, and one fails.
        position = self._database.read(lambda connection: batches.parts_of(connection, found.id))
        return self.read(found.id), position

    def _portions(
        self, rows: Sequence[BatchRow] | Sequence[RowResult], todo: Sequence[int]
    ) -> list[list[int]]:
        users = {rows[number].user_id for number in todo}
        return _portions(rows, todo, self._database.read(lambda connection: reads.places(connection, users)))

    def _new_id(self) -> str:
        ids = Ids()
        ids.at(self._clock.now_us())
        return ids("bat")

    # --- reading ---------------------------------------------------------------------------------------------------

    def read(self, batch_id: str) -> BatchResult:
        """A stored batch. Raises `NotFound`."""

        def ask(connection: Connection) -> BatchResult:
            found = batches.read(connection, batch_id)
            return replace(found, state=self._state_of(connection, batch_id, found.state))

        return self._database.read(ask)

    def _state_of(self, connection: Connection, batch_id: str, stored: batches.State) -> batches.State:
        """A killed process writes nothing down: a batch is running while one works on it, else it broke off."""
        if stored != "running" or batch_id == self._working_on:
            return stored
        is_worked_on = self._others is not None and is_taken(connection, _turn_of(batch_id))
        return "running" if is_worked_on else "interrupted"

    def _head(self, batch_id: str) -> BatchResult:
        return self._database.read(lambda connection: batches.head(connection, batch_id))

    def page(
        self, *, before: str | None, after: str | None, limit: int, run: str | None = None
    ) -> Page[BatchHead]:
        """A page of batches, the newest first."""

        def ask(connection: Connection) -> Page[BatchHead]:
            found = batches.page(connection, before=before, after=after, limit=limit, run=run)
            items = [
                replace(item, state=self._state_of(connection, item.batch, item.state))
                for item in found.items
            ]
            return replace(found, items=items)

        return self._database.read(ask)

    # --- undoing ---------------------------------------------------------------------------------------------------

    def reverse(self, asked: UndoAsked) -> BatchResult:
        """Undo what a batch has done, the last row first; rows that were undone before are left alone.

        One that broke off is undone as far as it came, and its key does not take it up again.

        Raises:
            NotFound: there is no such batch.
            Unavailable: another node is working on it, and was for some time.
        """
        check_text("reason", asked.reason)
        check_text("label", asked.label)
        with self._turn() as turn:
            if not asked.dry_run:
                turn.take(_turn_of(asked.batch_id))
            return self._reverse(asked, turn)

    def _reverse(self, asked: UndoAsked, turn: Turn) -> BatchResult:
        known = self.read(asked.batch_id)
        if known.state == "running" and not asked.dry_run:  # since it is its turn, nobody is at it
            known = replace(known, state="interrupted")
        todo = [row for row in reversed(known.rows) if _can_be_undone(row)]
        if not todo:
            return known
        done: dict[int, RowResult] = {}
        everything = list(range(len(todo)))
        portions = [everything] if asked.atomic else self._portions(todo, everything)
        for numbers in portions:
            portion = [todo[number] for number in numbers]
            is_first, is_last = numbers is portions[0], numbers is portions[-1]
            many = _undoing(asked, portion, is_first=is_first, is_last=is_last)
            turn.keep()
            rulings = self._database.writer.submit_many(many).result()
            is_kept = many.is_kept(rulings)
            for row, ruling in zip(portion, rulings, strict=True):
                done[row.row] = _undone(row, ruling, is_kept=is_kept)
        rows = [done.get(row.row) or replace(row, before=None, after=None) for row in known.rows]
        if asked.dry_run:
            return replace(known, state="previewed", rows=rows)
        if asked.atomic and any(not row.is_ok for row in done.values()):
            return replace(known, state="refused", rows=rows)
        return replace(self._head(asked.batch_id), rows=rows)


def _turn_of(batch_id: str) -> str:
    return f"batch:{batch_id}"


@dataclass(slots=True)
class _Work:
    """A batch while it is being applied: what its transactions write beside the ledger."""

    batch_id: str
    asked: BatchAsked
    content: str
    is_new: bool
    position: int = 0
    """Where the next part of the rows is kept."""
    former: Sequence[RowResult] = ()
    """What requests before this one have applied."""
    results: Sequence[RowResult] = ()
    """What the portion that was written last came to."""
    written: list[RowResult] = field(default_factory=list)
    """What all portions of this request came to, without the one that is being written."""
    tally: Tally | None = None
    """What all rows came to, once the last portion is written."""

    def many(self, changes: Sequence[Change], portion: Sequence[int], *, is_last: bool) -> Many:
        """The transaction of one portion."""
        is_first = self.is_new
        self.is_new = False
        position = self.position
        self.position += batches.parts_for(len(portion))

        def parts(rulings: Sequence[Ruling]) -> list[tuple[str, int, str]]:
            self.results = _results(self.asked.rows, portion, rulings, is_kept=True)
            return batches.parts(self.batch_id, position, self.results)

        def also(connection: Connection, _rulings: Sequence[Ruling], now_us: int) -> None:
            if is_first:
                self._begin(connection, now_us)
            if is_last:
                batches.set_state(connection, self.batch_id, "applied", finished_at_us=now_us)
                self._note(connection, "batch.applied", now_us, **self._outcome())
            elif is_first:
                self._note(connection, "batch.begun", now_us)

        says_more = is_first or is_last
        return Many(changes=changes, atomic=self.asked.atomic, parts=parts, also=also if says_more else None)

    def _begin(self, connection: Connection, now_us: int) -> None:
        asked = self.asked
        batches.begin(
            connection, self.batch_id, key_scope=asked.key_scope, key=asked.key or self.batch_id,
            content=self.content, actor=asked.actor, reason=asked.reason, label=asked.label, atomic=asked.atomic,
            rows=len(asked.rows), now_us=now_us,
        )  # fmt: skip

    def _outcome(self) -> dict[str, Any]:
        """What the whole batch moved, so that its line in the trail tells it from one that moved nothing."""
        rows = [*self.former, *self.written, *self.results]
        self.tally = BatchResult(self.batch_id, "applied", rows).counted()
        return asdict(self.tally)

    def _note(self, connection: Connection, action: str, now_us: int, **outcome: Any) -> None:
        asked = self.asked
        audit.record(
            connection, at_us=now_us, actor=asked.actor, action=action, target=self.batch_id, reason=asked.reason,
            details={"rows": len(asked.rows), "atomic": asked.atomic, "label": asked.label, **outcome},
        )  # fmt: skip


def _portions(
    rows: Sequence[BatchRow] | Sequence[RowResult], todo: Sequence[int], places: Mapping[str, int]
) -> list[list[int]]:
    """Numbers of rows, portion by portion, each user's together, by the places of their accounts; new users last."""
    users = [rows[number].user_id for number in todo]
    placed = sorted(
        [(places[user_id], number) for user_id, number in zip(users, todo, strict=True) if user_id in places]
    )
    fresh = sorted([pair for pair in zip(users, todo, strict=True) if pair[0] not in places])
    numbers = [number for _, number in placed] + [number for _, number in fresh]
    portions: list[list[int]] = []
    begin = 0
    while begin < len(numbers):
        end = _end_of_user(rows, numbers, begin)
        portions.append(numbers[begin:end])
        begin = end
    return portions


def _end_of_user(rows: Sequence[BatchRow] | Sequence[RowResult], numbers: Sequence[int], begin: int) -> int:
    """Where a portion that begins here ends, so that it parts no user's rows: before the full size, or else behind."""

    def parts(at: int) -> bool:
        return rows[numbers[at - 1]].user_id == rows[numbers[at]].user_id

    end = begin + PORTION
    while begin < end < len(numbers) and parts(end):
        end -= 1
    if end > begin:
        return end
    end = begin + PORTION
    while end < len(numbers) and parts(end):
        end += 1
    return end


def _results(
    rows: Sequence[BatchRow], portion: Sequence[int], rulings: Sequence[Ruling], *, is_kept: bool
) -> list[RowResult]:
    return [
        ruled(rows[number], ruling, is_kept=is_kept) for number, ruling in zip(portion, rulings, strict=True)
    ]


def _unkept(asked: BatchAsked, state: batches.State, done: Mapping[int, RowResult]) -> BatchResult:
    """The result of what has left nothing."""
    rows = [done[row.row] for row in asked.rows]
    return BatchResult(None, state, rows, asked.atomic, asked.reason, asked.label, str(asked.actor))


# --- from rows to changes ------------------------------------------------------------------------------------------


def _changes(asked: BatchAsked, units: Mapping[str, Unit]) -> list[Change]:
    """Every row as a change.

    Raises:
        Invalid: naming up to 20 rows that cannot be one.
    """
    if not 1 <= len(asked.rows) <= ROWS_MOST:
        raise bad_field("rows", f"must be 1 to {ROWS_MOST}")
    rows: Sequence[object] = asked.rows
    for row in rows:
        if type(row) is not BatchRow or type(row.row) is not int or row.row < 1:
            raise bad_field("rows", "must be BatchRows, each with a number from 1 on")
    if len({row.row for row in asked.rows}) < len(asked.rows):
        raise bad_field("rows", "must have different numbers")
    check_key(asked.key)
    check_text("reason", asked.reason)
    check_text("label", asked.label)
    changes: list[Change] = []
    faults: list[dict[str, Any]] = []
    for row in asked.rows:
        try:
            changes.append(checked(_change(asked, row), units, has_checked_texts=True))
        except Invalid as error:
            faults += [{**fault, "row": row.row} for fault in error.extra.get("errors", ())]
    if faults:
        first = faults[0]
        raise Invalid(
            f"Row {first['row']}: {first['field']} {first['message']}.", errors=faults[:FAULTS_TOLD]
        )
    return changes


def _change(asked: BatchAsked, row: BatchRow) -> Change:
    reason, label = asked.reason, asked.label
    if row.reason:
        reason = row.reason
        check_text("reason", reason)
    if row.label:
        label = row.label
        check_text("label", label)
    if row.op == "grant":
        expires_at_us = microseconds("expires_at", row.expires_at)
        return make_grant(
            user_id=row.user_id, unit=row.unit, key=row.key, key_scope=asked.key_scope, actor=asked.actor,
            reason=reason, label=label, limit=asked.limit, amount=row.amount,
            terms=EVERGREEN if expires_at_us is None else Terms(0, expires_at_us, None),
        )  # fmt: skip
    if row.op not in OPS:
        raise bad_field("op", f"must be one of {', '.join(OPS)}")
    if row.expires_at is not None:
        raise bad_field("expires_at", "is for grants alone")
    if row.op == "adjust":
        return make_adjust(
            user_id=row.user_id, unit=row.unit, key=row.key, key_scope=asked.key_scope, actor=asked.actor,
            reason=reason, label=label, limit=asked.limit, amount=row.amount,
        )  # fmt: skip
    return make_set(
        user_id=row.user_id, unit=row.unit, key=row.key, key_scope=asked.key_scope, actor=asked.actor, reason=reason,
        label=label, limit=asked.limit, credits=row.amount,
    )  # fmt: skip


def _content(asked: BatchAsked) -> str:
    """A digest of the whole request: a key that comes again with other rows is refused."""
    rows = [
        (row.row, row.user_id, row.op, row.amount, row.unit, row.reason, row.label,
         None if row.expires_at is None else microseconds("expires_at", row.expires_at), row.key)
        for row in asked.rows
    ]  # fmt: skip
    return hashlib.sha256(_encode([asked.atomic, asked.reason, asked.label, rows]).encode()).hexdigest()


# --- undoing -------------------------------------------------------------------------------------------------------


def _can_be_undone(row: RowResult) -> bool:
    """Whether the row left something that still stands. A `set` to the same number moved nothing."""
    return row.entry is not None and row.reversed_by is None and row.before != row.after


def _undoing(asked: UndoAsked, portion: Sequence[RowResult], *, is_first: bool, is_last: bool) -> Many:
    changes = [
        Reverse(
            user_id=row.user_id, unit=row.unit, entry_id=row.entry or "", actor=asked.actor, reason=asked.reason,
            label=asked.label, limit=asked.limit, allow_below_floor=asked.allow_below_floor,
        )
        for row in portion
    ]  # fmt: skip

    def also(connection: Connection, rulings: Sequence[Ruling], now_us: int) -> None:
        state: batches.State | None = "partly_reversed"
        if is_last:
            state = batches.undone_state(connection, asked.batch_id)
        elif all(ruling.refused is not None for ruling in rulings):
            state = None
        if state is not None:
            batches.set_state(connection, asked.batch_id, state)
        if is_first or is_last:
            # Two rows where it takes several transactions, so that one that breaks off has its row as well.
            audit.record(
                connection, at_us=now_us, actor=asked.actor, target=asked.batch_id, reason=asked.reason,
                action="batch.reversed" if is_last else "batch.reversing",
                details={"state": state, "below_floor": asked.allow_below_floor},
            )  # fmt: skip

    return Many(changes=changes, atomic=asked.atomic, dry_run=asked.dry_run, also=also)


def _undone(row: RowResult, ruling: Ruling, *, is_kept: bool) -> RowResult:
    result = ruled(row, ruling, is_kept=False)
    entry = ruling.entry if is_kept else None
    return replace(result, entry=row.entry, reversed_by=entry)
