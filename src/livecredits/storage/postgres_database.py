"""An open PostgreSQL database: lanes that write, and a small pool of connections that read.

Promises: every read sees one moment of the database, on the primary; a connection that a restarted server has cut is
replaced, and whoever asks while there is no server hears so within seconds. Must not migrate: many programs have the
database open, and which of them comes first must not decide what its schema is.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from livecredits.clock import Clock, SystemClock
from livecredits.errors import Unavailable
from livecredits.storage import postgres_line, postgres_schema, postgres_verify
from livecredits.storage.handover import Subscribers
from livecredits.storage.lanes import Lanes
from livecredits.storage.postgres import PostgresStore
from livecredits.storage.postgres_session import epoch_of
from livecredits.storage.verify import Progress, VerifyReport
from livecredits.storage.writer import Writer

T = TypeVar("T")
_log = logging.getLogger(__name__)

READERS = 4
"""Connections that read, each with a thread."""
LANES = 2
"""Threads that write, each with a connection: while one waits for the disk, the other decides."""


class PostgresDatabase:
    """A PostgreSQL database, which others may have open as well."""

    def __init__(self, url: str, clock: Clock, subscribers: Subscribers, node: str = "") -> None:
        """Connect, check the schema, start the writers.

        Raises:
            StartRefused: the server cannot be reached or does not let us in, or the schema is not this program's.
        """
        self._url = url
        self._node = node
        # One that somebody has put in the machine's place tells another time on purpose.
        self._clock = clock if type(clock) is SystemClock else None
        self._is_silent = False
        psycopg = postgres_line.driver()
        require_fit(url)
        lanes: list[Writer] = []
        try:
            lanes.extend(Writer(self._open_store, clock, subscribers) for _ in range(LANES))
        except BaseException as error:
            for lane in lanes:
                lane.close()
            if isinstance(error, psycopg.Error):
                raise postgres_line.start_refused(url, error) from None
            raise
        self.lanes = tuple(lanes)
        self.writer = Lanes(self.lanes)
        self.readers = ThreadPoolExecutor(READERS, thread_name_prefix="livecredits-reader")
        self._engine = reading_engine(url)

    def _open_store(self) -> PostgresStore:
        return PostgresStore(self._url, self._node, self._clock)

    def read(self, ask: Callable[[Any], T]) -> T:
        """Call `ask` with a connection that sees one moment of the database, in the calling thread.

        Raises:
            Unavailable: the server does not answer.
        """
        try:
            found = self._read_if_there(ask)
        except Unavailable as refusal:
            self._tell_once(refusal.__cause__)
            raise
        self._is_silent = False
        return found

    def _tell_once(self, cause: BaseException | None) -> None:
        """Whoever looks at a node that is not ready finds in its log what the server said."""
        was_silent, self._is_silent = self._is_silent, True
        if cause is not None and not was_silent:
            told = " ".join(str(getattr(cause, "orig", None) or cause).split())
            _log.warning("The database answers no questions just now: %s", told)

    def _read_if_there(self, ask: Callable[[Any], T]) -> T:
        from sqlalchemy.exc import DBAPIError

        try:
            return self._read(ask)
        except DBAPIError as error:
            if not error.connection_invalidated:
                with postgres_line.told_apart():
                    raise
        # The server was restarted since this connection was used last; the pool has thrown all of them away.
        with postgres_line.told_apart():
            self.writer.adopt(self._read(epoch_of))
            return self._read(ask)

    def _read(self, ask: Callable[[Any], T]) -> T:
        with self._engine.connect() as connection:
            return ask(connection)

    def verify(self, progress: Progress | None) -> VerifyReport:
        """Check the whole ledger."""
        return postgres_verify.verify(self._url, progress)

    def close(self) -> None:
        """Write what waits, then hang up."""
        self.writer.close()
        self.readers.shutdown()
        self._engine.dispose()


def require_fit(url: str) -> None:
    """Refuse a database that cannot be reached, or that this program cannot work with. Raises `StartRefused`."""
    psycopg = postgres_line.driver()
    try:
        with postgres_line.connect(url) as connection:
            postgres_schema.require_fit(connection)
    except psycopg.Error as error:
        raise postgres_line.start_refused(url, error) from None


def engine_beside(url: str) -> Any:
    """Connections that read, for a process that never writes. Raises `StartRefused`."""
    require_fit(url)
    return reading_engine(url)


def reading_engine(url: str) -> Any:
    """A pool of connections that read, each read in one snapshot of the primary."""
    from sqlalchemy import create_engine

    return create_engine(
        "postgresql+psycopg://",
        creator=lambda: postgres_line.connect(url, postgres_line.dropped()),
        pool_size=READERS,
        max_overflow=READERS * 4,
        use_native_hstore=False,
        isolation_level="REPEATABLE READ",
        execution_options={"postgresql_readonly": True},
    )
