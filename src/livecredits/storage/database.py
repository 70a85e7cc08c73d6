"""An open database: its lock, its writer, its scheduler's view of it, and a few connections that read.

Promises: whoever opens it owns the file until `close`; the schema is up to date; reads never wait for the writer.
This is the one place that chooses an implementation by the address, so PostgreSQL will be a second branch here.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from livecredits.clock import Clock
from livecredits.errors import StartRefused, StorageFailed
from livecredits.storage import migrate, sqlite
from livecredits.storage.handover import Subscribers
from livecredits.storage.lockfile import FileLock
from livecredits.storage.writer import Writer

T = TypeVar("T")

READERS = 4
"""Connections that read, each with a thread; a read takes well under a millisecond."""


def path_of(url: str) -> Path:
    """The file that an address names.

    Raises:
        StartRefused: the address is of another kind.
    """
    scheme, separator, rest = url.partition(":///")
    if scheme != "sqlite" or not separator or not rest or rest.startswith(":memory:"):
        shown = url.partition(":")[0] or "nothing"
        raise StartRefused(
            "The database address must read sqlite:///FILE (four slashes before an absolute path), "
            f"not {shown}:…; a ledger in memory would lose money."
        )
    return Path(rest)


class Database:
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
        self.readers = ThreadPoolExecutor(READERS, thread_name_prefix="livecredits-reader")
        self._engine = reading_engine(self.path)

    def _open_store(self) -> sqlite.SqliteStore:
        db = sqlite.connect(self.path)
        try:
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
