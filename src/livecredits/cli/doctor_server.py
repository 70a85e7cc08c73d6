"""What `livecredits doctor` finds about a PostgreSQL database.

Promises: it changes nothing, tells no password, and says of each fault what to do. Where the database cannot be
reached, that is the one finding.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING, Any

from livecredits.cli.doctor import CLOCK_OFF_S_MAX, Finding
from livecredits.errors import StartRefused

if TYPE_CHECKING:
    import psycopg

    Server = psycopg.Connection[Any]

LOOKS = 10
FAR_MS = 5.0
CLOCK_OFF_S_BAD = 60.0
CONNECTIONS_SHARE = 0.8
DURABLE = ("fsync", "full_page_writes", "synchronous_commit")


def examine_server(url: str, listen_url: str | None = None) -> Iterator[Finding]:
    """Every finding about the database of this address, and about the one where nodes are said to listen."""
    from livecredits.storage import postgres_line

    try:
        psycopg = postgres_line.driver()
    except StartRefused as refused:
        yield Finding("database", "bad", str(refused))
        return
    try:
        with closing(postgres_line.connect(url)) as server:
            for check in (_reached, _schema, _rights, _durable, _clock, _nodes, _connections):
                try:
                    yield check(server)
                except psycopg.ProgrammingError as error:
                    name = check.__name__.removeprefix("_")
                    yield Finding(name, "bad", f"could not be checked: {' '.join(str(error).split())}")
    except psycopg.Error as error:
        yield Finding("database", "bad", str(postgres_line.start_refused(url, error)))
    else:
        yield _bus(url, listen_url)


def _bus(url: str, listen_url: str | None) -> Finding:
    from livecredits.storage import bus, postgres_line

    try:
        bus.require_same(url, listen_url or url)
        with closing(postgres_line.connect(listen_url or url)) as server:
            if not postgres_line.is_direct(server):
                return Finding("bus", "bad", bus.NOT_DIRECT)
    except (StartRefused, postgres_line.driver().Error) as refused:
        return Finding("bus", "bad", str(refused))
    return Finding("bus", "ok", "changes of other nodes are heard of at once")


def _one(server: Server, statement: str, *values: Any) -> Any:
    row = server.execute(statement, values or None).fetchone()
    return None if row is None else row[0]


def _reached(server: Server) -> Finding:
    times_ms = []
    for _ in range(LOOKS):
        started = time.perf_counter()
        server.execute("SELECT 1")
        times_ms.append((time.perf_counter() - started) * 1000)
    middle_ms, info = statistics.median(times_ms), server.info
    told = (
        f"PostgreSQL {info.server_version // 10_000} at {info.host or 'the local socket'}, {info.dbname}, "
        f"as {info.user}: {middle_ms:.2f} ms there and back"
    )
    if middle_ms > FAR_MS:
        return Finding("database", "note", f"{told}; a change takes a few of them, so keep nodes near it")
    return Finding("database", "ok", told)


def _schema(server: Server) -> Finding:
    from livecredits.storage import migrate, postgres_schema

    try:
        postgres_schema.require_fit(server)
    except StartRefused as refused:
        return Finding("schema", "bad", str(refused))
    version = postgres_schema.version_of(server)
    if version == migrate.HEAD:
        return Finding("schema", "ok", f"{version}, which is this program's")
    return Finding(
        "schema", "note", f"{version}, and this program's is {migrate.HEAD}: a roll-out is not finished"
    )


def _rights(server: Server) -> Finding:
    from livecredits.storage import postgres_rights

    if _one(server, "SELECT to_regclass('entries') IS NULL"):
        return Finding("rights", "note", "there are no tables yet")
    try:
        postgres_rights.require_rights(server)
    except StartRefused as refused:
        return Finding("rights", "bad", str(refused))
    if _one(server, "SELECT has_table_privilege('entries', 'DELETE')"):
        return Finding(
            "rights",
            "note",
            "this role may alter the tables: `serve` needs less, which `livecredits migrate --app-role ROLE` gives",
        )
    if _one(server, "SELECT has_schema_privilege(current_schema(), 'CREATE')"):
        told = "this role may make tables, as everybody may where the database was made before PostgreSQL 15"
        return Finding("rights", "note", f"{told}: REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    return Finding("rights", "ok", "this role can write what it must, and rewrite nothing")


def _durable(server: Server) -> Finding:
    off = [name for name in DURABLE if _one(server, "SELECT current_setting(%s)", name) == "off"]
    if off:
        return Finding(
            "durable", "bad", f"{' and '.join(off)} is off: a crash would lose what was acknowledged"
        )
    return Finding("durable", "ok", "a commit that returned is on the disk")


def _clock(server: Server) -> Finding:
    ahead_s = float(_one(server, "SELECT extract(epoch FROM clock_timestamp())::float8")) - time.time()
    if abs(ahead_s) <= CLOCK_OFF_S_MAX:
        return Finding("clock", "ok", "this machine's clock and the database's agree")
    told = f"the database's clock is {abs(ahead_s):,.0f} s {'ahead' if ahead_s > 0 else 'behind'}: keep both by NTP"
    return Finding("clock", "bad" if abs(ahead_s) > CLOCK_OFF_S_BAD else "note", told)


def _nodes(server: Server) -> Finding:
    from livecredits.storage.nodes import DEAD_US, NOW_US

    if _one(server, "SELECT to_regclass('nodes') IS NULL"):
        return Finding("nodes", "note", "there are no tables yet")
    alive = server.execute(
        f"SELECT node_id, version, bus FROM nodes WHERE is_serving AND seen_at_us > {NOW_US} - {DEAD_US} ORDER BY 1"  # noqa: S608
    ).fetchall()
    if not alive:
        return Finding("nodes", "ok", "no node serves this database just now")
    return Finding("nodes", "ok", ", ".join(f"{name} ({version}, bus {bus})" for name, version, bus in alive))


def _connections(server: Server) -> Finding:
    most = int(_one(server, "SELECT current_setting('max_connections')::int"))
    taken = int(_one(server, "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"))
    told = f"{taken} of {most} connections are taken"
    if taken > CONNECTIONS_SHARE * most:
        return Finding("connect", "bad", f"{told}: raise max_connections, or put pgbouncer between")
    return Finding("connect", "ok", told)
