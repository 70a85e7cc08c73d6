"""PostgreSQL updates lots and accounts in place and checks no foreign key for each change; what these held still holds.

Of two halves of a roll-out that bring this about, the first leaves the former program all that it reads.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from tests.postgres import PostgresServer

from livecredits import Credits
from livecredits.storage import migrate, postgres_schema
from livecredits.storage.postgres_verify import verify

FORMER = {"lots_burn_order", "lots_due", "lots_next_expiry"}
OWN = {"lots_open", "lots_expiring", "lots_expiring_of_account"}
CHECKED = {"entries_account_id_fkey", "entry_lots_entry_id_fkey", "entry_lots_lot_id_fkey"}


@pytest.fixture
def ledger(postgres: PostgresServer, migrated: str) -> Iterator[str]:
    name = postgres.create_database(migrated)
    url = postgres.url(name)
    credits = Credits(url).sync
    credits.grant("ada", 10)
    credits.grant("ada", 5, expires_at=datetime.now(UTC) + timedelta(days=1))
    credits.spend("ada", 2)
    credits.close()
    yield url
    postgres.drop_database(name)


def run(url: str, *statements: str) -> None:
    with psycopg.connect(url, autocommit=True) as db:
        for statement in statements:
            db.execute(statement.encode())


def test_a_spend_writes_to_no_index_of_lots(ledger: str) -> None:
    """A lot stands in its indexes for as long as it is open, and in what is said of that, whatever is left of it."""
    with psycopg.connect(ledger) as db:
        db.execute("UPDATE lots SET remaining = remaining - 1, earmarked = earmarked")
        (changed, in_place) = db.execute(
            "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_xact_user_tables WHERE relname = 'lots'"
        ).fetchall()[0]
        assert (changed, in_place) == (2, 2)
        db.execute("UPDATE lots SET remaining = 0, earmarked = 0")
        assert db.execute("SELECT count(*) FROM lots WHERE is_open OR can_expire").fetchone() == (0,)


@pytest.mark.parametrize(("prepared", "is_in_place"), [(None, True), ("RESET (fillfactor)", False)])
def test_an_entry_writes_to_no_index_of_accounts(
    ledger: str, prepared: str | None, is_in_place: bool
) -> None:
    """Of a large ledger, too, whose pages were filled one after the other: each keeps room for new versions."""
    with psycopg.connect(ledger) as db:
        if prepared is not None:
            db.execute(f"ALTER TABLE accounts {prepared}".encode())
        db.execute(
            "WITH made AS (INSERT INTO users (user_id, created_at_us, updated_at_us) "
            "SELECT 'u' || n, n, n FROM generate_series(1, 500) AS n RETURNING user_id, created_at_us) "
            "INSERT INTO accounts (id, user_id, unit, version, settled, held, frozen, last_hash, created_at_us, seal) "
            "SELECT 1000 + created_at_us, user_id, 'credits', 1, 1, 0, 0, repeat('a', 64), 1, repeat('b', 64) FROM made"
        )
        db.execute("UPDATE accounts SET version = 2 WHERE id > 1000 AND id % 20 = 0")
        (changed, in_place) = db.execute(
            "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_xact_user_tables WHERE relname = 'accounts'"
        ).fetchall()[0]
    assert changed == 25
    assert (in_place == changed) is is_in_place


@pytest.mark.parametrize("table", ["accounts", "lots"])
def test_rows_that_others_name_stay(ledger: str, table: str) -> None:
    """Not even their owner removes or renumbers one."""
    for attempt in (
        f"DELETE FROM {table}",
        f"UPDATE {table} SET id = id",
        f"TRUNCATE {table} CASCADE",
    ):
        with pytest.raises(psycopg.errors.RestrictViolation, match="rows stay"):
            run(ledger, attempt)
    run(ledger, f"DROP TRIGGER {table}_kept ON {table}")
    assert [damage.table for damage in verify(ledger).damages] == [table]


@pytest.mark.parametrize(
    ("orphan", "damaged"),
    [
        (
            (
                "INSERT INTO entries (id, account_id, version, kind, amount, settled_delta, held_delta, settled_after, "
                "held_after, at_us, actor, hash) VALUES ('ent_x', 4711, 1, 'grant', 1, 1, 0, 1, 0, 1, 'x', 'x')"
            ),
            "entries",
        ),
        ("INSERT INTO entry_lots SELECT 'ent_x', 0, id, 1 FROM lots LIMIT 1", "entry_lots"),
        ("INSERT INTO entry_lots SELECT id, 9, 'lot_x', 0 FROM entries LIMIT 1", "lots"),
    ],
)
def test_what_names_nothing_is_found(ledger: str, orphan: str, damaged: str) -> None:
    """Nothing refuses such a row; it is what a foreign key would have found at once."""
    assert verify(ledger).is_clean
    run(ledger, orphan)
    assert damaged in {damage.table for damage in verify(ledger).damages}


def _standing(url: str) -> set[str]:
    with psycopg.connect(url) as db:
        found = db.execute(
            "SELECT indexname FROM pg_indexes WHERE tablename = 'lots' UNION SELECT conname FROM pg_constraint"
        ).fetchall()
    return {row[0] for row in found} & (FORMER | OWN | CHECKED)


def test_between_the_halves_of_a_roll_out_both_programs_find_their_indexes(postgres: PostgresServer) -> None:
    name = postgres.create_database()
    url = postgres.url(name)
    with psycopg.connect(url, autocommit=True) as db:
        db.execute((Path(__file__).parent / "schemas" / "0009-postgres.sql").read_bytes())
    assert postgres_schema.bring_up_to_date(url, "pre") == migrate.NEEDED
    assert _standing(url) == FORMER | OWN | CHECKED
    credits = Credits(url)
    before = credits.sync.balance("ada").credits
    assert credits.sync.spend("ada", 1).credits == before - 1
    assert credits.sync.verify().is_clean
    assert postgres_schema.bring_up_to_date(url, "post") == migrate.HEAD
    assert _standing(url) == OWN
    assert credits.sync.spend("ada", 1).credits == before - 2
    assert credits.sync.verify().is_clean
    credits.sync.close()
    postgres.drop_database(name)
