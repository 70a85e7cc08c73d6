"""C6: every older schema comes to today's under traffic; nothing is lost, and it ends equal to a fresh one.

The older schemas of PostgreSQL in `tests/storage/schemas` were written by the programs of then, with rows of every
kind; a file's are the first release, and every step from it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest
from alembic import command
from sqlalchemy import StaticPool, create_engine
from tests.crash.test_postgres import Crowd
from tests.postgres import PostgresServer
from tests.storage.hands import become_later, fresh_database
from tests.storage.test_migrate import _first_release, _shape_of
from tests.waiting import eventually

from livecredits import Credits, StartRefused
from livecredits.storage import migrate, postgres_schema, sqlite
from livecredits.storage.database import verify_at

CALLERS, TURNS = 8, 3
SCHEMAS = Path(__file__).parents[1] / "storage" / "schemas"
OLDER = sorted(path.name[:4] for path in (migrate.FOLDER / "versions").glob("[0-9]*.py"))[:-1]
DUMPED = sorted(path.name[:4] for path in SCHEMAS.glob("*-postgres.sql"))


def grant_in_a_crowd(credits_of: Callable[[], Credits]) -> None:
    """Callers that begin at one moment and grant until each has been acknowledged a few times."""
    start = threading.Barrier(CALLERS)

    def call(number: int) -> None:
        start.wait()
        for turn in range(TURNS):
            assert credits_of().sync.grant(f"caller-{number}", 1, key=f"{number}-{turn}").credits == turn + 1

    with ThreadPoolExecutor(CALLERS) as crowd:
        list(crowd.map(call, range(CALLERS)))


@pytest.mark.parametrize("version", OLDER)
def test_a_file_of_every_older_schema(version: str, tmp_path: Path) -> None:
    """Whoever asks first migrates it, and all others wait for that."""
    path = _first_release(tmp_path)
    db = sqlite.connect(path)
    db.execute("BEGIN IMMEDIATE")
    with create_engine("sqlite://", creator=lambda: db, poolclass=StaticPool).connect() as connection:
        command.upgrade(migrate.alembic_config(connection), version)
    db.execute("COMMIT")
    db.close()
    credits = Credits(f"sqlite:///{path}")
    grant_in_a_crowd(lambda: credits)
    assert credits.sync.balance("ada").credits == 7
    assert credits.sync.redeem("ada", credits.sync.create_voucher(5).code).credits == 12
    credits.sync.close()
    report = verify_at(f"sqlite:///{path}")
    assert report.is_clean, [str(damage) for damage in report.damages]
    assert _shape_of(path) == _shape_of(fresh_database(tmp_path))


# --- PostgreSQL ----------------------------------------------------------------------------------------------------

_SHAPE = (
    """SELECT 'column', table_name, column_name, data_type, is_nullable, collation_name, column_default
    FROM information_schema.columns WHERE table_schema = 'public'""",
    "SELECT 'index', tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'",
    """SELECT 'constraint', conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
    WHERE connamespace = 'public'::regnamespace AND contype <> 'n'""",
    "SELECT 'trigger', tgrelid::regclass::text, tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal",
    "SELECT 'function', proname, prosrc FROM pg_proc WHERE pronamespace = 'public'::regnamespace",
    "SELECT 'sequence', sequencename, data_type::text FROM pg_sequences WHERE schemaname = 'public'",
)


def shape_of(url: str) -> set[tuple[Any, ...]]:
    """Every column, index, constraint, trigger, function and sequence."""
    with psycopg.connect(url) as db:
        return {row for statement in _SHAPE for row in db.execute(statement).fetchall()}


@pytest.fixture
def empty(postgres: PostgresServer) -> Iterator[str]:
    name = postgres.create_database()
    yield postgres.url(name)
    postgres.drop_database(name)


def test_the_older_schemas_of_postgresql_are_there() -> None:
    assert {"0007", "0008", "0009"} <= set(DUMPED)


@pytest.mark.parametrize("version", DUMPED)
def test_a_database_of_every_older_schema(
    version: str, empty: str, postgres: PostgresServer, migrated: str
) -> None:
    """Nodes that are started too early say so and are started again, as a supervisor would; two migrate at once."""
    with psycopg.connect(empty, autocommit=True) as db:
        db.execute((SCHEMAS / f"{version}-postgres.sql").read_bytes())
        (before,) = db.execute("SELECT count(*) FROM entries").fetchone() or (0,)
    opened: list[Credits] = []

    def is_open() -> bool:
        credits = Credits(empty)
        try:
            credits.open()
        except StartRefused:
            return False
        opened.append(credits)
        return True

    with pytest.raises(StartRefused, match="livecredits migrate --pre"):
        Credits(empty).open()
    with ThreadPoolExecutor(4) as crowd:
        nodes = [crowd.submit(eventually, is_open) for _ in range(2)]
        migrating = [crowd.submit(postgres_schema.bring_up_to_date, empty) for _ in range(2)]
        assert {one.result() for one in migrating} == {migrate.HEAD}
        for node in nodes:
            node.result()
    turn = iter(range(CALLERS * TURNS))
    grant_in_a_crowd(lambda: opened[next(turn) % 2])
    assert opened[0].sync.balance("ada").credits == 18
    assert len(opened[0].sync.batches().items) == 1
    assert opened[0].sync.redeem("ada", opened[1].sync.create_voucher(5).code).credits == 23
    for credits in opened:
        credits.sync.close()
    report = verify_at(empty)
    assert report.is_clean, [str(damage) for damage in report.damages]
    assert report.entries == before + CALLERS * TURNS + 1
    assert shape_of(empty) == shape_of(postgres.url(migrated))


@pytest.fixture
def later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Makes this program a later one, whose migrations touch every table that a change of credits does."""

    def become() -> None:
        tables = ("users", "accounts", "entries", "lots", "holds", "idempotency", "audit", "units", "notices")
        become_later(
            tmp_path,
            monkeypatch,
            first="; ".join(f"ALTER TABLE {table} ADD COLUMN later text" for table in tables),
            second="CREATE INDEX later_accounts ON accounts (changed_at_us)",
            afterwards="DROP INDEX later_accounts; ALTER TABLE lots DROP COLUMN later",
        )

    return become


def test_old_and_new_nodes_go_on_while_it_is_migrated(
    postgres: PostgresServer, migrated: str, later: Callable[[], None]
) -> None:
    """No call fails but for those that are told to come again; prepared statements meet tables with more columns."""
    name = postgres.create_database(migrated)
    url = postgres.url(name)
    old = Credits(url)
    with Crowd(old) as crowd:
        later()
        assert postgres_schema.bring_up_to_date(url, "pre") == "9002"
        crowd.wait_for_more()
        new = Credits(url)
        new.open()
        crowd.wait_for_more()
        crowd.credits = new  # one node after the other is replaced
        crowd.wait_for_more()
        old.sync.close()
        assert postgres_schema.bring_up_to_date(url, "post") == "9003"
        crowd.wait_for_more()
    crowd.check(url)
    new.sync.close()
    assert verify_at(url).is_clean
    postgres.drop_database(name)
