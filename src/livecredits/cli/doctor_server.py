"""What `livecredits doctor` asks of a PostgreSQL database.

Promises: it changes nothing, and tells no password. What stops a start is told in the words of the start itself.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from livecredits.cli.doctor import CLOCK_OFF_S_MAX, Finding
from livecredits.errors import StartRefused

_SETTINGS = ("fsync", "synchronous_commit", "full_page_writes")


def examine_server(url: str) -> Iterator[Finding]:
    """Every finding about the database of an address."""
    try:
        from livecredits.storage import postgres_database

        engine = postgres_database.engine_beside(url)
    except StartRefused as refused:
        yield Finding("database", "bad", str(refused))
        return
    with engine.connect() as connection:
        yield _database(connection)
        yield _clock(connection)
        yield _durability(connection)
        yield _role(connection)
    engine.dispose()


def _database(connection: Any) -> Finding:
    from livecredits.storage.postgres_schema import version_of

    server = connection.exec_driver_sql("SHOW server_version").scalar_one()
    schema = version_of(connection.connection.dbapi_connection)
    return Finding("database", "ok", f"PostgreSQL {server}, schema {schema}, which this program works with")


def _clock(connection: Any) -> Finding:
    from livecredits.storage.dialects import server_clock_us

    off_s = abs((server_clock_us(connection) or 0) / 1e6 - time.time())
    told = f"this machine's clock and the server's differ by {off_s:,.1f} s"
    return Finding("clock", "bad" if off_s > CLOCK_OFF_S_MAX else "ok", told)


def _durability(connection: Any) -> Finding:
    off = [name for name in _SETTINGS if connection.exec_driver_sql(f"SHOW {name}").scalar_one() == "off"]
    if off:
        return Finding("durable", "bad", f"{' and '.join(off)} off: a crash can lose what was acknowledged")
    return Finding("durable", "ok", "a commit is on the server's disk before it is acknowledged")


def _role(connection: Any) -> Finding:
    role, may_rewrite = connection.exec_driver_sql(
        "SELECT current_user, has_table_privilege('entries', 'UPDATE')"
    ).one()
    if may_rewrite:
        return Finding(
            "role",
            "note",
            f"{role} owns more than it needs: livecredits migrate --app-role, and serve as that",
        )
    return Finding("role", "ok", f"{role} can rewrite no entry")
