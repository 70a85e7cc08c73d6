"""An open database: its writer, its scheduler's view of it, and a few connections that read.

Promises: the schema is this program's; reads never wait for the writer. This is the one place that chooses an
implementation by the address: a SQLite file, which its opener owns until `close`, or a PostgreSQL database
(`postgres_database`), which many may have open.
"""

from __future__ import annotations

import asyncio
import re
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any, Protocol, TypeVar

from livecredits.clock import Clock
from livecredits.core.changes import Change
from livecredits.errors import Refused, StartRefused, StorageFailed
from livecredits.storage import migrate, sqlite
from livecredits.storage.answers import Outcome, Ruling
from livecredits.storage.handover import Subscribers
from livecredits.storage.lockfile import FileLock
from livecredits.storage.many import Many
from livecredits.storage.store import Rows
from livecredits.storage.verify import Progress, VerifyReport, verify
from livecredits.storage.writer import Writer

T = TypeVar("T")

_KIND = re.compile(r"[\w+.-]+:")
READERS = 4
"""Connections that read, each with a thread; a read takes well under a millisecond."""


class Writing(Protocol):
    """What callers use of one writer, or of several that look like one; `writer.Writer` says what each promises."""

    on_failure: list[Callable[[Refused], None]]
    on_epoch: list[Callable[[str], None]]

    @property
    def failure(self) -> Refused | None:
        """Why nothing is written any more, if so."""

    @property
    def epoch(self) -> str:
        """The identity of the database's line of history."""

    @property
    def next_due_us(self) -> int | None:
        """The earliest time at which anything is due."""

    def submit_from_loop(self, change: Change) -> asyncio.Future[Outcome]:
        """Queue a change of the running loop."""

    def submit(self, change: Change) -> Future[Outcome]:
        """Queue a change of a thread."""

    def submit_many(self, many: Many) -> Future[list[Ruling]]:
        """Queue changes that share a transaction of their own."""

    def ask(self, ask: Callable[[Any], T]) -> Future[T]:
        """Queue a function that gets a SQLAlchemy connection in a transaction of its own."""

    def note(self, rows: Rows, *, urgent: bool = False) -> Future[None]:
        """Queue rows of the broadcast log."""

    def close(self) -> None:
        """Write what waits, then take nothing more. A second time does nothing."""


class Database(Protocol):
    """An open database."""

    @property
    def writer(self) -> Writing:
        """Where changes go."""

    @property
    def lanes(self) -> Sequence[Writer]:
        """The threads that write; each has what is due of its own changes in view."""

    @property
    def readers(self) -> ThreadPoolExecutor:
        """Threads for reads."""

    def read(self, ask: Callable[[Any], T]) -> T:
        """Call `ask` with a SQLAlchemy connection that sees one moment of the database, in the calling thread."""

    def verify(self, progress: Progress | None) -> VerifyReport:
        """Check the whole ledger."""

    def close(self) -> None:
        """Write what waits, then let go of the database."""


def open_database(url: str, clock: Clock, subscribers: Subscribers, node: str = "") -> Database:
    """Open the database of an address; `node` is what other processes know this one by.

    Raises:
        StartRefused: it cannot be opened; the sentence says why.
    """
    if is_postgres(url):
        from livecredits.storage.postgres_database import PostgresDatabase

        return PostgresDatabase(url, clock, subscribers, node)
    return SqliteDatabase(url, clock, subscribers)


def verify_at(url: str, progress: Progress | None = None) -> VerifyReport:
    """Check the whole ledger of an address, beside whoever has it open.

    Raises:
        StartRefused: it cannot be read, or its schema is not this program's.
    """
    if is_postgres(url):
        from livecredits.storage import postgres_verify

        return postgres_verify.verify(url, progress)
    return verify(path_of(url), progress)


def engine_beside(url: str) -> Any:
    """Connections that read a ledger beside whoever has it open, each read in one snapshot.

    Raises:
        StartRefused: there is none, or it is of another version.
    """
    if is_postgres(url):
        from livecredits.storage import postgres_database

        return postgres_database.engine_beside(url)
    path = path_of(url)
    if not path.is_file():
        raise StartRefused(f"There is no ledger in {path}.")
    try:
        with closing(sqlite.connect_reader(path)) as probe:
            migrate.require_up_to_date(probe)
    except sqlite3.DatabaseError as error:
        raise StartRefused(f"The database {path} cannot be read: {error}.") from error
    return reading_engine(path)


def check_address(url: str) -> None:
    """Refuse an address of a kind that there is not.

    Raises:
        StartRefused: naming the kinds that there are.
    """
    if not is_postgres(url):
        path_of(url)


def is_postgres(url: str) -> bool:
    """Whether an address names a PostgreSQL database."""
    return url.partition("://")[0] in ("postgresql", "postgres")


def path_of(url: str) -> Path:
    """The file that an address names.

    Raises:
        StartRefused: the address is of another kind.
    """
    scheme, separator, rest = url.partition(":///")
    if scheme != "sqlite" or not separator or not rest or rest.startswith(":memory:"):
        # Its first word alone: written in another way (libpq's `password=…`), a password may stand anywhere.
        kind = _KIND.match(url)
        told = f", not {kind[0]}…" if kind else ""
        if scheme.startswith("sqlite"):
            told += "; a ledger in memory would lose money"
        raise StartRefused(
            "The database address must read sqlite:///FILE (four slashes before an absolute path) "
            f"or postgresql://HOST/DATABASE{told}."
        )
    return Path(rest)


class SqliteDatabase:
    """A database file of which this object is the owner."""

    def __init__(self, url: str, clock: Clock, subscribers: Subscribers) -> None:
        """Lock the file, migrate it, start the writer.

        Raises:
            StartRefused: somebody else has it open, or it cannot be opened.
        """
        self.path = path_of(url)
        if not self.path.parent.is_dir():
            raise StartRefused(f"There is no folder {self.path.parent} for the database {self.path.name}.")
        self._lock = FileLock(self.path)
        try:
            self.writer = Writer(self._open_store, clock, subscribers)
        except BaseException:
            self._lock.release()
            raise
        self.lanes = (self.writer,)
        self.readers = ThreadPoolExecutor(READERS, thread_name_prefix="livecredits-reader")
        self._engine = reading_engine(self.path)

    def _open_store(self) -> sqlite.SqliteStore:
        db = sqlite.connect(self.path)
        try:
            migrate.require_here(db)
            migrate.bring_up_to_date(db)
        except sqlite3.DatabaseError as error:
            raise StartRefused(f"The database {self.path} cannot be opened: {error}.") from error
        finally:
            db.close()
        return sqlite.SqliteStore(self.path)

    def read(self, ask: Callable[[Any], T]) -> T:
        """Call `ask` with a connection that sees one moment of the database, in the calling thread.

        Raises:
            StorageFailed: the database has failed for good.
        """
        if isinstance(self.writer.failure, StorageFailed):
            raise StorageFailed(self.writer.failure.detail)
        with self._engine.connect() as connection:
            return ask(connection)

    def verify(self, progress: Progress | None) -> VerifyReport:
        """Check the whole ledger."""
        return verify(self.path, progress)

    def close(self) -> None:
        """Write what waits, then let go of the file."""
        self.writer.close()
        self.readers.shutdown()
        self._engine.dispose()
        self._lock.release()


def reading_engine(path: Path) -> Any:
    """A pool of connections that read, each read in one snapshot."""
    from sqlalchemy import QueuePool, create_engine, event

    engine = create_engine(
        "sqlite://",
        creator=lambda: sqlite.connect_reader(path),
        poolclass=QueuePool,
        pool_size=READERS,
        max_overflow=READERS * 4,
    )
    # The driver is in autocommit mode and would give each statement a moment of its own.
    event.listen(engine, "begin", lambda connection: connection.connection.execute("BEGIN"))
    return engine
