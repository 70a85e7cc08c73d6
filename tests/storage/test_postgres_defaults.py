"""What the defaults of a role or of a database are changes nothing: formats, isolation, encodings, time limits.

A database's owner may have set any of them for other programs (`ALTER ROLE … SET`, `ALTER DATABASE … SET`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.postgres import PASSWORD, PostgresServer
from tests.storage.hands import fresh_database, rows

from livecredits import Credits, InsufficientCredits
from livecredits.storage import copying, postgres_rights, postgres_schema
from livecredits.storage.database import verify_at

ROLE = "defaults_app"
CALLERS, SPENDS, HAD = 8, 40, 30
NAMES = {"first": "Ünal 😀 \\ ' \" %s", "second": "дом {NULL}"}
FORMATS = (
    "standard_conforming_strings = off", "escape_string_warning = off", "backslash_quote = on", "array_nulls = off",
    "bytea_output = escape", "timezone = 'Asia/Kolkata'", "datestyle = 'German'", "intervalstyle = 'iso_8601'",
    "extra_float_digits = -5", "transform_null_equals = on", "client_encoding = 'LATIN1'", "quote_all_identifiers = on",
)  # fmt: skip


@pytest.fixture
def name(postgres: PostgresServer, migrated: str) -> Iterator[str]:
    """A ledger whose defaults may be altered."""
    made = postgres.create_database(migrated)
    yield made
    postgres.drop_database(made)


@pytest.fixture
def alter(postgres: PostgresServer, name: str) -> Callable[..., str]:
    """Set defaults of the database; gives its address."""

    def do(*defaults: str) -> str:
        with postgres.connect(name) as db:
            for one in defaults:
                db.execute(f'ALTER DATABASE "{name}" SET {one}')
        return postgres.url(name)

    return do


def use(url: str) -> None:
    """Two processes' worth of everything that takes a lock or spells a text; all of it comes out right."""
    both = [Credits(url) for _ in range(2)]
    first, second = both
    for user, told in NAMES.items():
        first.sync.put_user(user, name=told)
        assert second.sync.user(user).row.name == told
    first.sync.grant("first", HAD, label=NAMES["first"], metadata={"note": NAMES["second"]})

    def spend(number: int) -> bool:
        credits = both[number % 2]
        credits.sync.put_user(f"user-{number % 4}", name=str(number))
        try:
            credits.sync.spend("first", 1, key=str(number))
        except InsufficientCredits:
            return False
        return True

    with ThreadPoolExecutor(CALLERS) as crowd:
        assert sum(crowd.map(spend, range(SPENDS))) == HAD
    code = second.sync.create_voucher(5).code
    assert first.sync.redeem("second", code).credits == 5
    assert second.sync.history("first").items[-1].entry.label == NAMES["first"]
    for one in both:
        one.sync.close()
    assert verify_at(url).is_clean


def test_formats(alter: Callable[..., str]) -> None:
    use(alter(*FORMATS))


def test_every_transaction_serializable(alter: Callable[..., str]) -> None:
    """Under it a snapshot would be older than the lock that was waited for, and what is decided on it out of date."""
    url = alter("default_transaction_isolation = 'serializable'", "default_transaction_deferrable = on")
    use(url)
    credits = Credits(url)
    shown = credits.open().write(lambda c: c.exec_driver_sql("SHOW transaction_isolation").scalar_one())
    assert shown == "read committed"
    credits.sync.close()


def test_a_schema_of_its_own(postgres: PostgresServer) -> None:
    """Beside another program's tables, which bear the same names."""
    name = postgres.create_database()
    url = postgres.url(name)
    with postgres.connect(name) as db:
        for statement in (
            "CREATE TABLE users (id int)",
            "CREATE TABLE alembic_version (version_num text)",
            "INSERT INTO alembic_version VALUES ('3f2a')",
            "CREATE SCHEMA credits",
            f'ALTER DATABASE "{name}" SET search_path = credits, public',
        ):
            db.execute(statement)
    postgres_schema.bring_up_to_date(url)
    use(url)
    assert rows(url, "SELECT count(*) FROM public.users") == [(0,)]
    assert rows(url, "SELECT count(*) FROM credits.users") == [(6,)]
    postgres.drop_database(name)


def test_a_role_gets_its_rights_in_that_schema(postgres: PostgresServer) -> None:
    name = postgres.create_database()
    with postgres.connect(name) as db:
        db.execute("CREATE SCHEMA credits")
        db.execute(f'ALTER DATABASE "{name}" SET search_path = credits')
        db.execute(f"DROP ROLE IF EXISTS {ROLE}")
        db.execute(f"CREATE ROLE {ROLE} LOGIN PASSWORD '{PASSWORD}'")
    postgres_schema.bring_up_to_date(postgres.url(name))
    postgres_rights.give_rights(postgres.url(name), ROLE)
    use(postgres.url(name, user=ROLE))
    with postgres.connect(name) as db:
        db.execute(f"DROP OWNED BY {ROLE}")
        db.execute(f"DROP ROLE {ROLE}")
    postgres.drop_database(name)


def test_what_takes_long_may(alter: Callable[..., str], postgres: PostgresServer, tmp_path: Path) -> None:
    """Migrating, copying and checking take as long as they take, whatever a role's statements are allowed to."""
    path = fresh_database(tmp_path)
    source = Credits(f"sqlite:///{path}")
    for number in range(3):
        source.sync.grant("ada", number + 1)
    source.sync.close()
    url = alter("statement_timeout = '40ms'")
    body = "BEGIN PERFORM pg_sleep(0.1); RETURN new; END"
    with postgres.connect(url.rpartition("/")[2]) as db:
        db.execute("SET statement_timeout = 0")
        db.execute(f"CREATE FUNCTION slowed() RETURNS trigger LANGUAGE plpgsql AS $$ {body} $$")
        db.execute("CREATE TRIGGER slowed BEFORE INSERT ON accounts FOR EACH ROW EXECUTE FUNCTION slowed()")
    moved = copying.copy_ledger(path, url, lambda *_: None)
    assert moved.entries == 3
    assert postgres_schema.bring_up_to_date(url)
    assert verify_at(url).is_clean
    # So may a batch of changes: its limits are its own.
    credits = Credits(url)
    assert credits.sync.grant("ada", 1).credits == 7
    credits.sync.close()
