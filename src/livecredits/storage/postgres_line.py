"""The line to a PostgreSQL server: addresses, connections, and what its errors mean to a caller.

Promises: no password is ever told; whatever breaks a connection is `Unavailable`, what another writer was quicker at is
`Raced`, a full disk is told from both; any other error passes unchanged. Must not know a statement of ours.

The odd thing: statements are prepared only on a direct line (`is_direct`). A pooler in transaction mode gives each
transaction another server process, and what was prepared on the former one is unknown there.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from functools import cache
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from livecredits.errors import StartRefused, StorageFull, Unavailable
from livecredits.storage.store import Raced

if TYPE_CHECKING:
    import psycopg

    Connection = psycopg.Connection[Any]

CONNECT_S = 5
UNHURRIED = "SET LOCAL statement_timeout = 0"
"""For what takes as long as it takes, whatever a role's statements are allowed to."""
RETRY_AFTER_S = 1
OLDEST_SERVER = 14
_RACED = frozenset({"23505", "40001", "40P01"})
"""A unique violation, a serialization failure, a deadlock."""
_FULL = frozenset({"53100"})
_GIVES_UP = frozenset({"FATAL", "PANIC"})
"""A server without room for its log crashes over it, and what stands there of a COMMIT may well be taken for one."""
_BREAKS = ("08", "53", "57P")
"""Connections, resources, shutdowns: classes of states in which the server says no to anything."""
_PASSING = frozenset({"25006", "25P03", "25P04", "55P03", "57014"})
"""A standby that answers, transactions and locks that took too long, a cancelled statement."""


_PLAIN = re.compile(r"\w+://(?:[^@:/?#]*(?::[^@/?#]*)?@)?[^@?#]*(?:\?(?:[\w.]+=[^&]*(?:&|$))*)?")
"""An address that can only be read in one way. In any other a password, or a part of one, may stand anywhere."""
_AMBIGUOUS = (
    "it can be read in more than one way. In a name or a password write @ as %40, : as %3A, / as %2F, ? as %3F, "
    "# as %23 and % as %25."
)


def shown(url: str) -> str:
    """An address as it may be told: without its password and without its options."""
    parts = _parts_of(url)
    if parts is None:
        return "of this address"
    hosts = str(parts.get("host") or "the local socket").split(",")
    ports = str(parts.get("port") or "").split(",")
    places = [f"{host}:{port}" if port else host for host, port in zip_longest(hosts, ports, fillvalue="")]
    return f"postgresql://{','.join(places)}/{parts.get('dbname', '')}"


def _parts_of(url: str) -> dict[str, Any] | None:
    """What an address says; None where it can be read in several ways, or in none."""
    try:
        parts: dict[str, Any] = driver().conninfo.conninfo_to_dict(url)
    except Exception:  # noqa: BLE001 - whatever it is, its text may hold the password
        return None
    is_plain = _PLAIN.fullmatch(url) and all(
        port.isdigit() or not port for port in str(parts.get("port") or "").split(",")
    )
    return parts if is_plain else None


def driver() -> Any:
    """The module psycopg.

    Raises:
        StartRefused: it is not installed.
    """
    try:
        import psycopg
    except ImportError:
        raise StartRefused(
            "PostgreSQL needs a driver that is not installed: pip install 'livecredits[postgres]'"
        ) from None
    return psycopg


@cache
def lent() -> Any:
    """A kind of connection that SQLAlchemy may use and whose transaction stays ours: we say BEGIN and COMMIT."""

    class Lent(driver().Connection):  # type: ignore[misc]
        def commit(self) -> None:
            """Leave the transaction to its owner."""

        def rollback(self) -> None:
            """Leave the transaction to its owner."""

    return Lent


@cache
def dropped() -> Any:
    """A kind of connection that closes when nobody holds it any more.

    SQLAlchemy asks a new one a few things, and where it breaks over that, drops it open. Behind a pooler that is how
    one learns that there is no server.
    """

    class Dropped(driver().Connection):  # type: ignore[misc]
        def __del__(self) -> None:
            self.close()

    return Dropped


def connect(url: str, kind: Any = None, **options: int) -> Connection:
    """A connection in which each statement stands alone until we say BEGIN.

    Args:
        url: the address.
        kind: a class of psycopg's connections.
        options: more of libpq's, such as how soon a server that is gone is found out.

    Raises:
        psycopg.OperationalError: the server cannot be reached, or does not let us in.
    """
    connection: Connection = (kind or driver().Connection).connect(
        url.replace("postgres://", "postgresql://", 1),
        autocommit=True,
        prepare_threshold=None,
        application_name="livecredits",
        client_encoding="UTF8",  # a role's or a database's own would not know every letter
        target_session_attrs="read-write",
        **{"connect_timeout": CONNECT_S, **options},
    )
    connection.adapters.register_loader("numeric", _whole_loader())
    # Whatever the role's default is: under any other level a snapshot would be older than the locks that it waits for.
    connection.isolation_level = driver().IsolationLevel.READ_COMMITTED
    return connection


def is_direct(connection: Connection) -> bool:
    """Whether no pooler stands in between: it would tell us of another process than the one that answers."""
    row = connection.execute("SELECT pg_backend_pid()").fetchone()
    return row is not None and bool(row[0] == connection.info.backend_pid)


@cache
def _whole_loader() -> Any:
    """What PostgreSQL adds up from 64-bit numbers is `numeric`; here such sums are whole numbers as well."""
    from psycopg.adapt import Loader

    class Whole(Loader):
        def load(self, data: Any) -> int:
            return int(bytes(data))

    return Whole


def start_refused(url: str, error: Exception) -> StartRefused:
    """Why a database cannot be opened, in a sentence that names no password."""
    told = " ".join(str(getattr(error, "orig", None) or error).split()).removeprefix("connection failed: ")
    if not _PLAIN.fullmatch(url) or (_parts_of(url) is None and "port" in told):
        return StartRefused(f"The database {shown(url)} cannot be opened: {_AMBIGUOUS}")
    for secret in re.findall(r":([^:@/]+)@|password=([^&\s]+)", url):
        told = told.replace("".join(secret), "…")
    if "session is read-only" in told:
        told += ": it is a standby, or default_transaction_read_only is on"
    return StartRefused(f"The database {shown(url)} cannot be opened: {told}")


@contextlib.contextmanager
def told_apart(*, alone: bool = False) -> Iterator[None]:
    """Turn what PostgreSQL says into what a caller can act on; other errors pass unchanged.

    `alone`: nobody else was writing, so that a row which is there already is no race.
    """
    try:
        yield
    except Exception as error:
        meant = meaning(error)
        if meant is error or (alone and isinstance(meant, Raced)):
            raise
        raise meant from error


def meaning(error: Exception) -> Exception:
    """What an error is to a caller; itself, where it is no more than an error."""
    import psycopg

    cause = getattr(error, "orig", None) or error  # SQLAlchemy wraps the driver's
    if not isinstance(cause, psycopg.Error):
        return error
    state = cause.sqlstate or ""
    if state in _RACED:
        return Raced(f"another writer was quicker ({state})")
    if state in _FULL and cause.diag.severity_nonlocalized not in _GIVES_UP:
        return StorageFull("The database server's disk is full; nothing was written.")
    is_cut = not state and isinstance(cause, (psycopg.OperationalError, psycopg.InterfaceError))
    if is_cut or state.startswith(_BREAKS) or state in _PASSING:
        return unavailable()
    return error


def unavailable() -> Unavailable:
    """What callers are told while the server does not answer."""
    return Unavailable(
        "The database does not answer just now; try again with the same key.", retry_after_s=RETRY_AFTER_S
    )
