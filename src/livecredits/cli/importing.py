"""The command `import`: a CSV file of any length, row by row into the ledger, each row once.

Promises: the whole file is read and checked before the first row is applied; a row is applied once however often the
command is killed and started again, since its key is made of the file's content and the row's number; memory is
bounded. Must not know the ledger's rules: rows travel as batches, through a server or into the file itself.

The odd thing: the report is also the memory of how far the import has come. It is named after the content, grows by a
line for each row once the ledger has answered, and a torn last line is dropped. Without it the same rows would be sent
again, and nothing would happen twice. A dry run's report bears another mark, so that no real run believes it.
"""

from __future__ import annotations

import csv
import fcntl
import hashlib
import io
import os
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from glob import escape
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any, BinaryIO

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from livecredits.cli.ledger import Database, Json, Ledger, ledger
from livecredits.cli.output import REFUSED, AsJson, ended, err, out, plain, print_json, print_table
from livecredits.errors import Conflict, Invalid, StartRefused

if TYPE_CHECKING:
    from livecredits.credits.batches import BatchRow

ROWS_AT_ONCE = 5_000
BYTES_AT_ONCE = 7_000_000
"""Less than the largest body of a batch, each character counted as the longest escape that JSON has for it."""
ROW_BYTES, CHARACTER_BYTES = 250, 12
COLUMNS = (
    "row", "user_id", "unit", "op", "amount", "ok", "code", "detail", "before", "after", "entry", "replayed", "import",
)  # fmt: skip
SHOWN = 10


def add_to(app: typer.Typer) -> None:
    """Put this command into the program."""
    app.command("import")(import_file)


def import_file(  # noqa: PLR0913 - options
    file: Annotated[
        Path,
        typer.Argument(
            help="CSV with the columns user_id, amount …", exists=True, dir_okay=False, readable=True
        ),
    ],
    *,
    op: Annotated[
        str | None, typer.Option(help="adjust, set or grant, for a file without a column op.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would be.")] = False,
    reason: Annotated[str | None, typer.Option(help="Why, for rows without a reason of their own.")] = None,
    label: Annotated[
        str | None, typer.Option(help="What users read, for rows without a label of their own.")
    ] = None,
    key: Annotated[
        str,
        typer.Option(
            help="Another key applies the same file, or another of its name, once more: a month, for example."
        ),
    ] = "",
    report: Annotated[
        Path | None, typer.Option(help="Where each row's outcome goes; beside the file where left out.")
    ] = None,
    rows_at_once: Annotated[int, typer.Option(min=1, max=10_000, help="Rows in one request.")] = ROWS_AT_ONCE,
    database: Database = None,
    as_json: AsJson = False,
) -> None:
    """Apply a CSV file of changes, each row once; started again, it goes on where it broke off."""
    wanted = _Wanted(file, op, reason, label, rows_at_once, database, dry_run=dry_run)
    done = ended(lambda: _import(wanted, key, report, shown=not as_json), as_json=as_json)
    if as_json:
        print_json(done.as_json())
    else:
        _tell(done, rows_at_once)
    if done.refused:
        raise typer.Exit(REFUSED)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What is to be imported, and how."""

    file: Path
    op: str | None
    reason: str | None
    label: str | None
    rows_at_once: int
    database: str | None
    dry_run: bool


@dataclass(slots=True)
class _Done:
    """How far an import has come."""

    id: str
    report: Path | None
    rows: int
    dry_run: bool = False
    applied: int = 0
    replayed: int = 0
    refused: int = 0
    resumed_at: int = 0
    totals: dict[str, int] = field(default_factory=dict)
    refusals: list[tuple[Any, ...]] = field(default_factory=list)

    @property
    def mark(self) -> str:
        """By what its report knows it."""
        return f"dry-{self.id}" if self.dry_run else self.id

    def count(self, row: Json) -> None:
        """Add one row's outcome."""
        if not row["ok"]:
            self.refused += 1
            if len(self.refusals) < SHOWN:
                self.refusals.append((row["row"], row["user_id"], row["code"], row.get("detail")))
            return
        self.applied += 1
        self.replayed += bool(row.get("replayed"))
        net = row["after"] - (row["before"] or 0)
        self.totals[row["unit"]] = self.totals.get(row["unit"], 0) + net

    def as_json(self) -> Json:
        """The outcome by field."""
        return {
            "import": self.id, "dry_run": self.dry_run, "rows": self.rows, "applied": self.applied,
            "refused": self.refused, "replayed": self.replayed, "resumed_at": self.resumed_at, "totals": self.totals,
            "report": None if self.report is None else str(self.report),
        }  # fmt: skip


async def _import(wanted: _Wanted, key: str, report: Path | None, *, shown: bool) -> _Done:
    try:
        total, import_id = _checked(wanted, key, shown=shown)
    except Invalid as error:
        if shown:
            _tell_faults(error)
        raise
    beside = None if wanted.dry_run else wanted.file.with_name(f"{wanted.file.name}.{import_id}.report.csv")
    _require_unlike(wanted, import_id, key, report)
    done = _Done(import_id, report or beside, total, wanted.dry_run)
    with _reporting(done) as write, _progress("Importing", total, shown=shown) as advance:
        advance(done.resumed_at)
        if done.resumed_at >= total:
            return done
        async with ledger(wanted.database) as there:
            for rows in _portions(wanted, import_id, done.resumed_at):
                write(await _send(there, wanted, import_id, rows))
                advance(len(rows))
    return done


async def _send(there: Ledger, wanted: _Wanted, import_id: str, rows: list[BatchRow]) -> list[Json]:
    key = None if wanted.dry_run else f"imp:{import_id}:{rows[0].row}-{rows[-1].row}"
    answer = await there.batch(
        rows, dry_run=wanted.dry_run, reason=wanted.reason, label=wanted.label, key=key
    )
    told: list[Json] = answer["rows"]
    return [{**row, "replayed": True} for row in told] if answer.get("replayed") else told


# --- the file ------------------------------------------------------------------------------------------------------


def _checked(wanted: _Wanted, key: str, *, shown: bool) -> tuple[int, str]:
    """Read the whole file once: how many rows it has, and what it is called by its content.

    Raises:
        Invalid: with up to 20 faults, each with row and column.
    """
    with wanted.file.open("rb") as file:
        total = 0
        # The rows are what counts, however a program writes them: with other line ends, quotes or separators.
        digest = hashlib.sha256()
        size = os.fstat(file.fileno()).st_size
        with closing(_Keys()) as keys, _progress("Checking", size, shown=shown) as advance:
            at = 0
            for total, row in enumerate(_rows(file, wanted.op, keys), 1):
                digest.update(repr(_fields(row)).encode())
                if not total % ROWS_AT_ONCE:
                    advance(file.tell() - at)
                    at = file.tell()
        if not total:
            raise Invalid("Row 2: file has no rows below its header.")
    # What is asked beside the file belongs to it: with another reason it is another import.
    digest.update("\0".join(("", key, wanted.op or "", wanted.reason or "", wanted.label or "")).encode())
    return total, digest.hexdigest()[:16]


class _Keys:
    """The rows' own keys, on the disk: a file may be longer than the memory.

    A key means one change. Rows in one request find that out from the ledger, but a preview keeps nothing from one
    request to the next.
    """

    def __init__(self) -> None:
        self._db = sqlite3.connect("")  # a file of its own that nobody else sees, gone with the connection
        self._db.execute("PRAGMA synchronous = OFF")
        self._db.execute("CREATE TABLE keys (key TEXT PRIMARY KEY, content TEXT, row INTEGER) WITHOUT ROWID")

    def clash(self, row: BatchRow) -> int | None:
        """The earlier row that has this key for something else, if there is one."""
        content = repr((row.user_id, row.unit, row.op, row.amount, row.reason, row.label, row.expires_at))
        self._db.execute("INSERT OR IGNORE INTO keys VALUES (?, ?, ?)", (row.key, content, row.row))
        found = self._db.execute("SELECT content, row FROM keys WHERE key = ?", (row.key,)).fetchone()
        return None if found[0] == content else int(found[1])

    def close(self) -> None:
        """Let the file go."""
        self._db.close()


def _fields(row: BatchRow) -> tuple[Any, ...]:
    return tuple(getattr(row, name) for name in row.__slots__)


def _require_unlike(wanted: _Wanted, import_id: str, key: str, report: Path | None) -> None:
    """Ask for a word where a file of this name was imported before with other rows, or for another reason.

    Most likely rows were added to it or mended; all others would count once more.

    Raises:
        StartRefused: it was, and no key says that this is another import.
    """
    if report is not None and report.exists() and report.samefile(wanted.file):
        raise StartRefused("--report names the file that is to be imported.")
    if key or wanted.dry_run:
        return
    reports = sorted(wanted.file.parent.glob(f"{escape(wanted.file.name)}.*.report.csv"))
    others = [path.name for path in reports if import_id not in path.name]
    if others and len(others) == len(reports):
        raise StartRefused(
            f"A file of this name was imported with other rows or another reason ({others[-1]}). All rows of this one "
            "would count again: import only the new ones, or say --key NAME if you mean it."
        )


def _rows(file: BinaryIO, op: str | None, keys: _Keys | None = None) -> Iterator[BatchRow]:
    """The rows of the file; with `keys`, those too whose key an earlier row has for something else are refused."""
    from livecredits.credits.batch_csv import FAULTS_MOST, CsvRows
    from livecredits.credits.batches import OPS

    if op is not None and op not in OPS:
        raise StartRefused(f"--op must be one of {', '.join(OPS)}.")
    rows = CsvRows(file, op=op)
    for row in rows:
        former = None if keys is None or row.key is None else keys.clash(row)
        if former is not None:
            rows.note("key", f"stands in row {former} for something else")
            if len(rows.faults) >= FAULTS_MOST:
                break
        yield row
    rows.require_clean()
    rows.close()


def _portions(wanted: _Wanted, import_id: str, skipped: int) -> Iterator[list[BatchRow]]:
    """The rows after the first `skipped`, as many at once as a request takes.

    Raises:
        Conflict: the file has changed since it was checked.
    """
    from dataclasses import replace

    with wanted.file.open("rb") as file:
        before = _stamp(file)
        portion: list[BatchRow] = []
        size = 0
        for number, row in enumerate(_rows(file, wanted.op)):
            if number < skipped:
                continue
            portion.append(replace(row, key=row.key or f"imp:{import_id}:{row.row}"))
            size += _size(row)
            if len(portion) >= wanted.rows_at_once or size >= BYTES_AT_ONCE:
                _require_same(before, file)
                yield portion
                portion, size = [], 0
        _require_same(before, file)
        if portion:
            yield portion


def _size(row: BatchRow) -> int:
    texts = (row.user_id, row.reason, row.label, row.key)
    return ROW_BYTES + CHARACTER_BYTES * sum(len(text) for text in texts if text)


def _stamp(file: BinaryIO) -> tuple[int, int]:
    stat = os.fstat(file.fileno())
    return stat.st_size, stat.st_mtime_ns


def _require_same(before: tuple[int, int], file: BinaryIO) -> None:
    if _stamp(file) != before:
        raise Conflict("The file has changed while it was imported; what is in the report was applied.")


# --- the report ----------------------------------------------------------------------------------------------------


@contextmanager
def _reporting(done: _Done) -> Iterator[Callable[[list[Json]], None]]:
    """Write outcomes to the report, after those that are there already, and count them all.

    Raises:
        StartRefused: the report belongs to another import, or another process is writing it.
    """
    if done.report is None:
        yield lambda rows: _count(done, rows)
        return
    with done.report.open("a+b") as file:
        _lock(file, done.report)
        _go_on(file, done)

        def write(rows: list[Json]) -> None:
            _count(done, rows)
            file.write(_lines([[_cell(row, name, done.mark) for name in COLUMNS] for row in rows]))
            file.flush()
            os.fsync(file.fileno())

        yield write


def _count(done: _Done, rows: list[Json]) -> None:
    for row in rows:
        done.count(row)


def _lock(file: IO[bytes], path: Path) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise StartRefused(f"Another process is writing {path}: this import is running already.") from None


def _go_on(file: IO[bytes], done: _Done) -> None:
    """Count what the report holds already, and drop a line that was torn; a dry run begins anew."""
    size = _whole_bytes(file, done)
    file.truncate(0 if done.dry_run else size)
    file.seek(0)
    for told in csv.DictReader(line.decode() for line in file):
        done.count(_told(told))
        done.resumed_at += 1
    if not file.tell():
        file.write(_lines([COLUMNS]))


def _whole_bytes(file: IO[bytes], done: _Done) -> int:
    """How long the report is without a torn line; nothing is touched that is not this import's.

    Raises:
        StartRefused: it is the report of something else, or none at all.
    """
    file.seek(0)
    head, size = _lines([COLUMNS]), 0
    # The mark is the last cell and never needs quotes.
    is_ours = re.compile(rb".*,%b\r\n" % (b"dry-[0-9a-f]+" if done.dry_run else done.mark.encode()))
    for line in file:
        is_torn = not line.endswith(b"\n")
        if not (is_ours.fullmatch(line) or is_torn if size else head.startswith(line)):
            raise StartRefused(f"{done.report} is the report of something else; name another one.")
        size += 0 if is_torn else len(line)
    return size


def _told(cells: dict[str, str]) -> Json:
    numbers = {name: int(cells[name]) if cells[name] else None for name in ("row", "before", "after")}
    ok, replayed = cells["ok"] == "true", cells["replayed"] == "true"
    return {**cells, **numbers, "ok": ok, "replayed": replayed}


def _cell(row: Json, name: str, import_id: str) -> Any:
    from livecredits.core.cells import inert

    if name == "import":
        return import_id
    value = row.get(name)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return inert(" ".join(value.splitlines()))
    return value


def _lines(rows: Any) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


# --- telling -------------------------------------------------------------------------------------------------------


@contextmanager
def _progress(what: str, total: int, *, shown: bool) -> Iterator[Callable[[int], None]]:
    """A bar on a terminal, and nothing elsewhere."""
    console = err()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(
        *columns, console=console, transient=True, disable=not (shown and console.is_terminal)
    ) as bar:
        task = bar.add_task(what, total=total)
        yield lambda steps: bar.advance(task, steps)


def _tell_faults(error: Invalid) -> None:
    """All that was found wrong, where it is more than the one sentence at the end."""
    faults = error.extra.get("errors", ())
    rows = [(one["row"], one.get("column"), f"{one['field']} {one['message']}") for one in faults]
    if len(rows) > 1:
        print_table(("row", "column", "what"), rows, empty="")


def _tell(done: _Done, rows_at_once: int) -> None:
    net = ", ".join(f"{amount:+,} {unit}" for unit, amount in done.totals.items()) or "nothing moved"
    would = "would be applied" if done.dry_run else "applied"
    before = f" ({done.replayed:,} of them before)" if done.replayed else ""
    mark = "[red]✗[/red]" if done.refused else "[green]✓[/green]"
    out().print(
        f"{mark} {done.rows:,} rows: {done.applied:,} {would}{before}, {done.refused:,} refused, {net}.",
        soft_wrap=True,
    )
    if done.dry_run and done.rows > rows_at_once:
        err().print(
            f"[dim]Each {rows_at_once:,} rows were looked at by themselves: a user whom an earlier row would make, or "
            "credits that it would give, are not seen by later ones.[/dim]",
            soft_wrap=True,
        )
    if done.resumed_at:
        err().print(f"[dim]Went on after row {done.resumed_at:,} of the report.[/dim]")
    if done.refusals:
        print_table(("row", "user", "code", "why"), done.refusals, empty="")
    if done.report is not None:
        err().print(f"[dim]Report: {plain(done.report)}[/dim]", soft_wrap=True)
