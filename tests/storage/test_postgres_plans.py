"""No statement of the writer reads a whole table of the ledger, be it young and never analysed, or large."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from tests.postgres import PostgresServer
from tests.storage.hands import IS_DEEP

from livecredits.storage import postgres_session, postgres_shop, postgres_statements
from livecredits.storage.postgres_rows import ArrayRows

LARGE = 100_000 if IS_DEEP else 5_000
FIRST_OF_AN_INDEX = {"NEXT_DUE", "NEWEST"}
AS_GOOD = {("seen empty", "OPEN_HOLDS")}
"""Of two indexes without a row one is as good as the other; plans are forgotten within seconds."""
SMALL_BY_NATURE = {"units", "campaigns", "meta"}
FILL = """
INSERT INTO users (user_id, created_at_us, updated_at_us) SELECT 'u' || n, n, n FROM generate_series(1, {0}) AS n;
INSERT INTO accounts (id, user_id, unit, version, settled, held, frozen, last_hash, created_at_us, seal)
    SELECT n, 'u' || n, 'credits', 1, 1, 0, 0, '', n, '' FROM generate_series(1, {0}) AS n;
INSERT INTO entries (id, account_id, version, kind, amount, settled_delta, held_delta, settled_after, held_after, at_us,
    actor, hash) SELECT 'ent_' || n, n, 1, 'grant', 1, 1, 0, 1, 0, n, '', '' FROM generate_series(1, {0}) AS n;
INSERT INTO lots (id, account_id, amount, remaining, earmarked, priority, born, created_at_us)
    SELECT 'lot_' || n, n, 1, 1, 0, 0, 1, n FROM generate_series(1, {0}) AS n;
INSERT INTO holds (id, account_id, amount, state, marks, captured, expires_at_us, created_at_us)
    SELECT 'hld_' || n, n, 1, 'open', '[]', 0, n, n FROM generate_series(1, {0}) AS n;
INSERT INTO idempotency SELECT 'service', n::text, '', '', n FROM generate_series(1, {0}) AS n;
"""


def statements() -> dict[str, str]:
    """Every statement of the writer by its name."""
    found = {}
    for module in (postgres_statements, postgres_session, postgres_shop):
        for name, value in vars(module).items():
            text = value.text if isinstance(value, ArrayRows) else value
            is_ours = name.isupper() and not name.startswith("_") and isinstance(text, str)
            if is_ours and re.match("SELECT|INSERT|UPDATE", text):
                found[name] = text
    return found


@pytest.fixture(scope="module", params=["young", "seen empty", "large"])
def ledger(request: pytest.FixtureRequest, postgres: PostgresServer, migrated: str) -> Iterator[str]:
    """A ledger without rows, one that was vacuumed and analysed before it had any, and a large one."""
    name = postgres.create_database(migrated)
    with postgres.connect(name) as db:
        if request.param == "large":
            db.execute(FILL.format(LARGE))
        if request.param != "young":
            db.execute("VACUUM ANALYZE")
    yield postgres.url(name)
    postgres.drop_database(name)


def plan_of(db: psycopg.Connection[Any], statement: str) -> dict[str, Any]:
    """How the server would run it whatever its values are; PostgreSQL 16 knows a shorter way to ask."""
    db.execute(f"PREPARE asked AS {statement}".encode())
    values = ", ".join(["NULL"] * max((int(place) for place in re.findall(r"\$(\d+)", statement)), default=0))
    asked = f"EXPLAIN (FORMAT JSON) EXECUTE asked{f'({values})' if values else ''}"
    row = db.execute(asked.encode()).fetchone()
    assert row is not None
    plan: dict[str, Any] = row[0][0]["Plan"]
    return plan


def parts_of(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from parts_of(part)


def test_all_of_them_are_looked_at() -> None:
    some = {
        "LOCK_ACCOUNTS",
        "OPEN_LOTS",
        "SAVE_ACCOUNTS",
        "LOCK_VOUCHERS",
        "MOVE_ORDERS",
        "LOOK_AROUND",
        "TELL",
    }
    assert some < set(statements())


@pytest.mark.parametrize("name", statements())
def test_none_reads_a_whole_table_or_a_whole_index(
    request: pytest.FixtureRequest, ledger: str, name: str
) -> None:
    """A plan is kept for the life of a connection, and was perhaps made before there was a row."""
    with psycopg.connect(ledger, autocommit=True) as db:
        db.execute("BEGIN")
        db.execute(postgres_session.SET_UP.replace("$1", "true"))
        plan = plan_of(db, statements()[name])
    is_free = name in FIRST_OF_AN_INDEX or (request.node.callspec.params["ledger"], name) in AS_GOOD
    for part in parts_of(plan):
        kind, table = part["Node Type"], part.get("Relation Name")
        assert kind != "Hash Join", plan
        assert kind != "Seq Scan" or table in SMALL_BY_NATURE, plan
        if kind.endswith(("Index Scan", "Index Only Scan")) and not is_free:
            assert "Index Cond" in part or table in SMALL_BY_NATURE, plan
        if table == "idempotency" and name == "FIND_ANSWERS":
            assert "key = " in part["Index Cond"], "all keys of the service have one scope"
