"""Whose turn it is with what one process at a time may work on (PostgreSQL): a batch, over many transactions.

Promises: of several that want a turn one has it, and it ends with the process that has it, however that ends; one that
stood still for `IDLE_MS` has lost it, and is told so before it goes on. Must not know what is worked on.

The odd thing: the lock is that of a transaction which does nothing else, so that it works through a pooler, too.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from livecredits.errors import Unavailable
from livecredits.storage import postgres_line

if TYPE_CHECKING:
    from psycopg import Connection
    from sqlalchemy import Connection as Reading

WAIT_MS = 10_000
IDLE_MS = 60_000
RETRY_AFTER_S = 5
LOCK = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))"
IS_FREE = text("SELECT pg_try_advisory_xact_lock_shared(hashtextextended(:name, 0))")
BOUNDS = (
    f"SELECT set_config('lock_timeout', '{WAIT_MS}', true), "
    f"set_config('idle_in_transaction_session_timeout', '{IDLE_MS}', true)"
)
BUSY = "Another process is working on it just now; try again."


class Turn:
    """Something that is being worked on; see `turn`."""

    def __init__(self, db: Connection[Any] | None) -> None:
        self._db = db

    def take(self, name: str) -> None:
        """Wait until nobody else has this; for long it is not waited.

        Raises:
            Unavailable: somebody still has it.
        """
        if self._db is None:
            return
        from psycopg.errors import LockNotAvailable

        try:
            with postgres_line.told_apart():
                self._db.execute(LOCK, (name,))
        except Unavailable as error:
            if isinstance(error.__cause__, LockNotAvailable):
                raise Unavailable(BUSY, retry_after_s=RETRY_AFTER_S) from None
            raise

    def keep(self) -> None:
        """Say that this process still works on it.

        Raises:
            Unavailable: it stood still for too long, and somebody else may have taken it up.
        """
        if self._db is not None:
            with postgres_line.told_apart():
                self._db.execute("SELECT 1")


def is_taken(connection: Reading, name: str) -> bool:
    """Whether a process has this turn just now.

    Args:
        connection: reads one moment of the database; what it takes to find out is free again with the moment's end.
        name: as in `Turn.take`.
    """
    return not connection.execute(IS_FREE, {"name": name}).scalar_one()


@contextlib.contextmanager
def turn(connect: Callable[[], Connection[Any]]) -> Iterator[Turn]:
    """A turn for the block; what it takes is free again at its end.

    Args:
        connect: makes a connection of its own, in autocommit mode.
    """
    with postgres_line.told_apart():
        db = connect()
    try:
        with postgres_line.told_apart():
            db.execute("BEGIN")
            db.execute(BOUNDS)
        yield Turn(db)
    finally:
        # A server that is only hung up on finds out when it gets to it, and has the turn taken until then.
        with contextlib.suppress(Exception):
            db.execute("ROLLBACK")
        db.close()


@contextlib.contextmanager
def nobody_else() -> Iterator[Turn]:
    """A turn where there is one process."""
    yield Turn(None)
