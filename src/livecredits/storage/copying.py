"""A ledger moves from its SQLite file into a PostgreSQL database, with all that it is.

Promises: every row of every table is there and equal, or nothing is: one transaction copies, reads back and compares
row by row, and checks every sum and every hash of the copy before it commits. Versions, ids, keys, operators and
history stay, so open screens go on. The file stays as it is, but for a mark that it was moved: two servers on two
copies of one ledger would give the same credits away twice.

Must not change what it copies. The odd thing: a copy that was committed, and broken off before the file was marked, is
known by the line of history that the copy says it comes from; copying again then only sets the mark.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

from livecredits.errors import StartRefused
from livecredits.storage import migrate, postgres_line, postgres_schema, postgres_verify, sqlite
from livecredits.storage.backup import Damaged, require_ledger
from livecredits.storage.lockfile import FileLock
from livecredits.storage.nodes import DEAD_US, NOW_US

if TYPE_CHECKING:
    import psycopg
    from sqlalchemy import Table

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how much of it is done, and of how much."""

ROWS_AT_ONCE = 2_000
OF_THE_TARGET = frozenset({"epoch", postgres_schema.FITS_FROM})
"""What a database says of itself in `meta`; the rest of it belongs to the ledger."""


@dataclass(frozen=True, slots=True)
class Moved:
    """A ledger that was copied.

    Attributes:
        source: the file.
        target: the database, without its password.
        entries: how many, each compared with its original and checked.
        accounts: how many.
        rows: of all tables together.
        marked: the file is marked as moved, and no server opens it any more.
    """

    source: str
    target: str
    entries: int
    accounts: int
    rows: int
    marked: bool

    def as_json(self) -> dict[str, Any]:
        """The report by field."""
        return asdict(self)


def copy_ledger(source: Path, url: str, progress: Progress, *, keep_source: bool = False) -> Moved:
    """Copy a ledger that nobody has open into an empty database.

    Args:
        source: the SQLite file.
        url: the PostgreSQL database, with a user who owns its tables.
        progress: hears how far it has come.
        keep_source: do not mark the file as moved; for a rehearsal.

    Raises:
        StartRefused: the file is no ledger or in use, or the database cannot be reached, is not migrated, not empty, or
            in use.
        Damaged: the file does not check.
    """
    psycopg = postgres_line.driver()
    require_ledger(source, is_still=False)
    lock = FileLock(source)
    try:
        with closing(sqlite.connect(source)) as file:
            migrate.require_here(file)
            migrate.bring_up_to_date(file)
            with closing(postgres_line.connect(url)) as server:
                rows = _Copy(file, server, progress).run(source, postgres_line.shown(url))
                entries, accounts = _counts(server)
                with server.transaction():
                    server.execute(postgres_line.UNHURRIED)
                    server.execute("ANALYZE")
            if not keep_source:
                migrate.mark_as_moved(file, postgres_line.shown(url))
    except psycopg.Error as error:
        raise postgres_line.start_refused(url, error) from None
    finally:
        lock.release()
    return Moved(str(source), postgres_line.shown(url), entries, accounts, rows, marked=not keep_source)


def _counts(server: psycopg.Connection[Any]) -> tuple[int, int]:
    statement = "SELECT (SELECT count(*) FROM entries), (SELECT count(*) FROM accounts)"
    entries, accounts = server.execute(statement).fetchall()[0]
    return int(entries), int(accounts)


class _Copy:
    """One file, one database, one transaction."""

    def __init__(self, file: sqlite3.Connection, server: psycopg.Connection[Any], progress: Progress) -> None:
        from livecredits.storage.schema import meta, metadata

        self._file = file
        self._server = server
        self._progress = progress
        self._tables: Sequence[Table] = [table for table in metadata.sorted_tables if table is not meta]
        """Parents before children."""
        self._total = sum(self._count(table) for table in self._tables)
        self._done = 0

    def run(self, source: Path, target: str) -> int:
        """Copy, compare, check, commit; returns how many rows were copied."""
        postgres_schema.require_fit(self._server)
        with self._transaction():
            self._take(target)
            if self._is_copied_already():
                return self._total
            self._require_empty(target)
            self._server.execute("DELETE FROM units")
            self._for_each_table("Copying", self._copy)
            self._copy_meta()
            self._for_each_table("Comparing", self._compare)
            report = postgres_verify.verify_inside(
                self._server, lambda done, total: self._progress("Checking entries", done, total)
            )
            if report.damages:
                raise Damaged(f"What was copied of {source}", report.damages)
        return self._total

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        self._file.execute("BEGIN")
        self._server.execute("BEGIN ISOLATION LEVEL READ COMMITTED")
        self._server.execute(postgres_line.UNHURRIED)
        try:
            yield
        except BaseException:
            with contextlib.suppress(Exception):
                self._server.execute("ROLLBACK")
            raise
        else:
            self._server.execute("COMMIT")
        finally:
            self._file.execute("ROLLBACK")

    def _for_each_table(self, step: str, work: Callable[[Table, str], None]) -> None:
        self._done = 0
        for table in self._tables:
            work(table, step)

    def _moved_on(self, rows: int, step: str) -> None:
        self._done += rows
        self._progress(step, self._done, self._total)

    # --- what may be copied to ---------------------------------------------------------------------------------------

    def _take(self, target: str) -> None:
        """Lock every table, so that nobody else writes there meanwhile.

        Raises:
            StartRefused: somebody has one of them in use.
        """
        names = ", ".join(_quoted(table.name) for table in self._tables)
        try:
            self._server.execute(f"LOCK TABLE meta, {names} IN EXCLUSIVE MODE NOWAIT")
        except postgres_line.driver().errors.LockNotAvailable:
            raise StartRefused(f"A node, or somebody else, is using {target}. Stop it first.") from None
        except postgres_line.driver().errors.InsufficientPrivilege:
            raise StartRefused(
                f"{self._server.info.user} may not lock the tables of {target}: copy as their owner."
            ) from None
        # One that is idle holds no lock, and has read what stands in `meta`.
        alive = self._server.execute(f"SELECT node_id FROM nodes WHERE seen_at_us > {NOW_US} - {DEAD_US}")
        names_alive = ", ".join(row[0] for row in alive.fetchall())
        if names_alive:
            raise StartRefused(
                f"{target} is open in {names_alive}. Stop that first; what has crashed is forgotten after "
                f"{DEAD_US // 1_000_000} s."
            )

    def _is_copied_already(self) -> bool:
        """Whether this very ledger is there: a former run was broken off between its commit and the file's mark."""
        former = json.loads(self._meta_of_target().get(migrate.FORMER_EPOCHS, "[]"))
        return self._meta()["epoch"] in former and self._heads(self._file) == self._heads(self._server)

    def _heads(self, db: Any) -> list[tuple[Any, ...]]:
        statement = "SELECT count(*), sum(version), sum(settled), sum(held) FROM accounts"
        return [tuple(row) for row in db.execute(statement).fetchall()]

    def _require_empty(self, target: str) -> None:
        for table in self._tables:
            if table.name != "units" and self._server.execute(_any_of(table)).fetchone():
                raise StartRefused(
                    f"{target} is not empty: there are rows in {table.name}. Copy into a database that was made by "
                    "`livecredits migrate` and not been used."
                )

    # --- rows --------------------------------------------------------------------------------------------------------

    def _count(self, table: Table) -> int:
        return int(self._file.execute(f"SELECT count(*) FROM {_quoted(table.name)}").fetchone()[0])

    def _rows(self, table: Table) -> Iterator[list[tuple[Any, ...]]]:
        """The file's rows in the order of their key, some at a time."""
        cursor = self._file.execute(_select(table))
        while rows := cursor.fetchmany(ROWS_AT_ONCE):
            yield rows

    def _copy(self, table: Table, step: str) -> None:
        columns = ", ".join(_quoted(column.name) for column in table.columns)
        statement = f"COPY {_quoted(table.name)} ({columns}) FROM STDIN"
        with self._server.cursor() as cursor, cursor.copy(statement) as copy:
            for rows in self._rows(table):
                for row in rows:
                    copy.write_row(row)
                self._moved_on(len(rows), step)
        if table.name == "accounts":
            self._server.execute(
                "SELECT setval('account_numbers', greatest((SELECT max(id) FROM accounts), 1), "
                "EXISTS (SELECT FROM accounts))"
            )

    def _compare(self, table: Table, step: str) -> None:
        """Read both sides row by row: what arrived is what was sent.

        Raises:
            StartRefused: it is not.
        """
        with self._server.cursor(f"copied_{table.name}") as cursor:
            cursor.itersize = ROWS_AT_ONCE
            arrived = iter(cursor.execute(_select(table)))
            for rows in self._rows(table):
                for sent, got in zip_longest(rows, (row for _, row in zip(rows, arrived, strict=False))):
                    if sent != got:
                        raise StartRefused(
                            f"A row of {table.name} did not arrive as it was sent: {sent[0]!r}."
                        )
                self._moved_on(len(rows), step)
            if next(arrived, None) is not None:
                raise StartRefused(f"There are more rows in {table.name} than were sent.")

    # --- meta --------------------------------------------------------------------------------------------------------

    def _meta(self) -> dict[str, str]:
        return dict(self._file.execute("SELECT name, value FROM meta").fetchall())

    def _meta_of_target(self) -> dict[str, str]:
        return dict(self._server.execute("SELECT name, value FROM meta").fetchall())

    def _copy_meta(self) -> None:
        """The target goes on as a line of history of its own, and knows those that it comes from."""
        ours = self._meta()
        former = [*json.loads(ours.get(migrate.FORMER_EPOCHS, "[]")), ours["epoch"]]
        kept = {name: value for name, value in ours.items() if name not in OF_THE_TARGET}
        for name, value in {**kept, migrate.FORMER_EPOCHS: json.dumps(sorted(former))}.items():
            self._server.execute(
                "INSERT INTO meta (name, value) VALUES (%s, %s) "
                "ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                (name, value),
            )


def _select(table: Table) -> str:
    columns = ", ".join(_quoted(column.name) for column in table.columns)
    order = ", ".join(_quoted(column.name) for column in _key_of(table))
    return f"SELECT {columns} FROM {_quoted(table.name)} ORDER BY {order}"


def _key_of(table: Table) -> Sequence[Any]:
    """The columns by which no two rows are equal."""
    from sqlalchemy import UniqueConstraint

    keys = [table.primary_key, *(one for one in table.constraints if isinstance(one, UniqueConstraint))]
    return next(list(key.columns) for key in keys if len(key.columns))


def _any_of(table: Table) -> str:
    return f"SELECT 1 FROM {_quoted(table.name)} LIMIT 1"


def _quoted(name: str) -> str:
    return f'"{name}"'
