"""A PostgreSQL database's schema: who makes it, who may not work with it, and what the app's role cannot do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from tests.postgres import PASSWORD, USER, PostgresServer
from tests.storage.hands import become_later
from typer.testing import CliRunner

from livecredits import BatchRow, Credits, StartRefused
from livecredits.cli import app
from livecredits.storage import migrate, postgres_rights, postgres_schema
from livecredits.storage.schema import APPEND_ONLY, KEPT

APP = "app"


@pytest.fixture
def own_url(postgres: PostgresServer, migrated: str) -> Iterator[str]:
    """A ledger whose tables may be altered."""
    name = postgres.create_database(migrated)
    yield postgres.url(name)
    postgres.drop_database(name)


def run(url: str, *statements: str) -> None:
    with psycopg.connect(url, autocommit=True) as db:
        for statement in statements:
            db.execute(statement)


def refusal_of(url: str) -> str:
    with pytest.raises(StartRefused) as refused:
        Credits(url).sync.balance("ada")
    assert PASSWORD not in str(refused.value)
    return str(refused.value)


def not_migrated(url: str) -> str:
    with pytest.raises(StartRefused) as refused:
        postgres_schema.bring_up_to_date(url)
    assert PASSWORD not in str(refused.value)
    return str(refused.value)


class TestRefusals:
    """Whatever stands in the way is named, and nothing is half-started."""

    def test_a_database_without_tables(self, postgres: PostgresServer) -> None:
        assert "livecredits migrate" in refusal_of(postgres.url(postgres.create_database()))

    def test_a_server_that_is_not_there(self) -> None:
        told = refusal_of(f"postgresql://app:{PASSWORD}@127.0.0.1:1/ledger")
        assert "postgresql://127.0.0.1:1/ledger" in told
        assert "Connection refused" in told

    def test_a_wrong_password_and_a_wrong_database(self, postgres: PostgresServer) -> None:
        assert "password authentication failed" in refusal_of(postgres.url("postgres", password="wrong"))
        assert 'database "absent" does not exist' in refusal_of(postgres.url("absent"))

    def test_an_address_that_cannot_be_read(self) -> None:
        refusal_of(f"postgresql://app:{PASSWORD}@[::1/ledger?x=%zz")

    def test_a_schema_that_is_too_old(self, own_url: str) -> None:
        run(own_url, "UPDATE alembic_version SET version_num = '0001'")
        assert "livecredits migrate --pre" in refusal_of(own_url)

    def test_a_schema_that_a_newer_version_needs_alone(self, own_url: str) -> None:
        run(own_url, "UPDATE alembic_version SET version_num = '9999'")
        credits = Credits(own_url)
        assert credits.sync.grant("ada", 1).credits == 1, "what was only added does not disturb"
        credits.sync.close()
        run(own_url, "UPDATE meta SET value = '9999' WHERE name = 'fits_from'")
        assert "Install that version" in refusal_of(own_url)
        with pytest.raises(StartRefused, match="knows schemas up to"):
            postgres_schema.bring_up_to_date(own_url)

    @pytest.mark.parametrize(
        "address",
        [
            "postgresql://app:p@ss:{0}@127.0.0.1:1/ledger",
            "postgresql://app:p/{0}@127.0.0.1:1/ledger",
            "postgresql://app:p?{0}@127.0.0.1:1/ledger",
            "postgresql://app:{0}%zz@127.0.0.1:1/ledger",
            "postgresql://app@127.0.0.1:{0}/ledger",
            "postgresql://app:a@{0}@127.0.0.1:1/ledger",
        ],
    )
    def test_a_password_that_makes_the_address_ambiguous_is_told_in_no_part(self, address: str) -> None:
        told = refusal_of(address.format(PASSWORD))
        assert "The database of this address cannot be opened" in told
        assert "password write @ as %40" in told or "percent-encoded" in told

    def test_a_standby_and_a_read_only_role(self, own_url: str) -> None:
        run(own_url, f"ALTER DATABASE {own_url.rpartition('/')[2]} SET default_transaction_read_only = on")
        assert "a standby, or default_transaction_read_only is on" in refusal_of(own_url)

    @pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
    def test_an_encoding_that_lacks_letters(self, postgres: PostgresServer, encoding: str) -> None:
        name = f"in_{encoding.lower()}"
        with postgres.connect() as db:
            db.execute(f"DROP DATABASE IF EXISTS {name}")
            db.execute(f"CREATE DATABASE {name} ENCODING '{encoding}' TEMPLATE template0 LOCALE 'C'")
        for told in (refusal_of(postgres.url(name)), not_migrated(postgres.url(name))):
            assert f"encoding is {encoding}" in told
            assert "ENCODING 'UTF8'" in told

    def test_a_role_that_may_make_no_tables(self, postgres: PostgresServer) -> None:
        """Since PostgreSQL 15 that is every role but the database's owner."""
        url = postgres.url(postgres.create_database())
        run(url, "REVOKE CREATE ON SCHEMA public FROM PUBLIC")
        told = not_migrated(_role(postgres, url, "maker"))
        assert "permission denied for schema public" in told
        assert "GRANT CREATE" in told

    def test_another_program_has_a_table_of_that_name(self, postgres: PostgresServer) -> None:
        url = postgres.url(postgres.create_database())
        run(url, "CREATE TABLE users (id int)")
        told = not_migrated(url)
        assert '"users" already exists' in told
        assert "a schema of its own" in told
        with psycopg.connect(url) as db:
            assert db.execute("SELECT to_regclass('accounts')").fetchone() == (None,)

    @pytest.mark.parametrize("revisions", [[], ["3f2a91"]])
    def test_another_program_keeps_its_migrations_there(
        self, postgres: PostgresServer, revisions: list[str]
    ) -> None:
        url = postgres.url(postgres.create_database())
        run(url, "CREATE TABLE alembic_version (version_num text)")
        run(url, *(f"INSERT INTO alembic_version VALUES ('{one}')" for one in revisions))
        for told in (refusal_of(url), not_migrated(url)):
            assert "another program's" in told

    def test_a_role_that_looks_into_another_schema(self, own_url: str) -> None:
        name = own_url.rpartition("/")[2]
        run(own_url, f"ALTER DATABASE {name} SET search_path = elsewhere")
        told = refusal_of(own_url)
        assert "tables are in the schema public" in told
        assert "its search_path is elsewhere" in told

    def test_a_schema_that_never_was(self, own_url: str) -> None:
        run(own_url, "UPDATE alembic_version SET version_num = '0000'")
        assert "none that livecredits knows" in not_migrated(own_url)

    def test_a_role_without_rights(self, postgres: PostgresServer, own_url: str) -> None:
        url = _role(postgres, own_url, "stranger")
        assert "livecredits migrate --app-role stranger" in refusal_of(url)

    def test_a_role_that_lacks_one_right_alone(self, postgres: PostgresServer, own_url: str) -> None:
        """Else it would start, and fail at the first change that needs it."""
        url = _role(postgres, own_url, "almost")
        postgres_rights.give_rights(own_url, "almost")
        for right, place in (
            ("SELECT", "meta"),
            ("INSERT", "entries"),
            ("UPDATE", "lots"),
            ("DELETE", "notices"),
            ("UPDATE (address)", "redemptions"),
            ("USAGE", "SEQUENCE account_numbers"),
        ):
            run(own_url, f"REVOKE {right} ON {place} FROM almost")
            assert f"lacks rights on {place.rpartition(' ')[2]}." in refusal_of(url)
            run(own_url, f"GRANT {right} ON {place} TO almost")
        credits = Credits(url)
        assert credits.sync.grant("ada", 1).credits == 1
        credits.sync.close()

    @pytest.mark.parametrize(
        ("role", "told"), [("absent", "There is no role absent"), (USER, f"{USER} makes the tables")]
    )
    def test_a_role_that_cannot_be_the_apps(self, postgres: PostgresServer, role: str, told: str) -> None:
        """The owner's own rights would be taken from it, and the next migration fail."""
        url = postgres.url(postgres.create_database())
        done = CliRunner().invoke(app, ["migrate", "--database", url, "--app-role", role])
        assert done.exit_code == 2
        assert told in done.stderr
        with psycopg.connect(url) as db:
            assert db.execute("SELECT to_regclass('accounts')").fetchone() == (None,), "nothing is begun"


def _role(postgres: PostgresServer, url: str, name: str) -> str:
    run(
        url,
        f"DROP OWNED BY {name}" if _exists(url, name) else f"CREATE ROLE {name} LOGIN PASSWORD '{PASSWORD}'",
    )
    return postgres.url(url.rpartition("/")[2], user=name)


def _exists(url: str, role: str) -> bool:
    with psycopg.connect(url) as db:
        return db.execute("SELECT FROM pg_roles WHERE rolname = %s", (role,)).fetchone() is not None


class TestRights:
    def test_the_apps_role_does_its_work_and_no_more(self, postgres: PostgresServer, own_url: str) -> None:
        # So it is by default since PostgreSQL 15; `doctor` tells where it is not.
        run(own_url, "REVOKE CREATE ON SCHEMA public FROM PUBLIC")
        url = _role(postgres, own_url, APP)
        for _ in range(2):  # again: nothing changes
            postgres_rights.give_rights(own_url, APP)
        credits = Credits(url)
        credits.sync.put_user("ada", name="Ada", floor=-1)
        credits.sync.create_campaign("c", credits=1, codes=2)
        credits.sync.redeem("ada", credits.sync.create_voucher(5).code, address="192.0.2.1")
        credits.sync.capture(credits.sync.hold("ada", 2).hold or "")
        assert credits.sync.erase("ada") == {"users": 1, "orders": 0, "redemptions": 1, "audit": 1}
        assert credits.sync.verify().is_clean
        credits.sync.close()
        attempts = [
            "CREATE TABLE theirs (id int)",
            "UPDATE meta SET value = 'x'",
            "DELETE FROM alembic_version",
            *(f"DELETE FROM {table.name}" for table in KEPT),
        ]
        for table in APPEND_ONLY:
            column = next(iter(table.columns)).name
            attempts += [
                f'UPDATE {table.name} SET "{column}" = "{column}"',
                f"DELETE FROM {table.name}",
                f"TRUNCATE {table.name} CASCADE",
                f"DROP TRIGGER {table.name}_no_rewriting ON {table.name}",
            ]
        for attempt in attempts:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                run(url, attempt)

    def test_not_even_the_owner_rewrites_what_is_append_only(self, own_url: str) -> None:
        credits = Credits(own_url)
        credits.sync.reverse(credits.sync.grant("ada", 1).entry)
        credits.sync.put_user("ada", name="Ada")
        credits.sync.redeem("ada", credits.sync.create_voucher(5).code)
        credits.sync.close()
        for table in ("entries", "entry_lots", "reversals", "audit", "redemptions"):
            column = next(iter(_columns(table)))
            for attempt in (
                f"UPDATE {table} SET {column} = 'x'",
                f"DELETE FROM {table}",
                f"TRUNCATE {table} CASCADE",
            ):
                with pytest.raises(psycopg.errors.RestrictViolation, match="append-only"):
                    run(own_url, attempt)

    def test_verify_tells_of_a_missing_or_altered_guard(self, own_url: str) -> None:
        run(
            own_url,
            "DROP TRIGGER audit_no_rewriting ON audit",
            "ALTER TABLE entries DISABLE TRIGGER entries_no_truncating",
            "CREATE OR REPLACE FUNCTION reversals_append_only() RETURNS trigger LANGUAGE plpgsql "
            "AS $$ BEGIN RETURN new; END $$",
        )
        credits = Credits(own_url)
        report = credits.sync.verify()
        credits.sync.close()
        assert {damage.table for damage in report.damages} == {"audit", "entries", "reversals"}


def _columns(table: str) -> list[str]:
    return [column.name for one in APPEND_ONLY if one.name == table for column in one.columns]


def test_every_text_is_compared_sign_by_sign(own_url: str) -> None:
    """Else ids would not sort by time wherever the database was made with a language."""
    with psycopg.connect(own_url) as db:
        found = db.execute(
            "SELECT c.relname, a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid "
            "JOIN pg_collation l ON l.oid = a.attcollation WHERE c.relkind = 'r' AND l.collname <> 'C' "
            "AND c.relnamespace = 'public'::regnamespace AND c.relname <> 'alembic_version'"
        ).fetchall()
    assert found == []


ROW_BY_ROW = """
CREATE TABLE batch_rows (batch_id text NOT NULL, "row" bigint NOT NULL, user_id text NOT NULL, unit text NOT NULL,
  op text NOT NULL, amount bigint NOT NULL, "before" bigint, "after" bigint, entry_id text, code text, detail text,
  PRIMARY KEY (batch_id, "row"));
INSERT INTO batch_rows SELECT batch_id, (one->>0)::bigint, one->>1, one->>2, one->>3, (one->>4)::bigint,
  (one->>5)::bigint, (one->>6)::bigint, one->>7, one->>8, one->>9
  FROM batch_parts, json_array_elements(batch_parts.rows::json) AS one;
CREATE FUNCTION batch_rows_append_only() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN new; END $$;
CREATE TRIGGER batch_rows_no_rewriting BEFORE UPDATE OR DELETE ON batch_rows
  FOR EACH ROW EXECUTE FUNCTION batch_rows_append_only();
DROP TABLE batch_parts;
DROP FUNCTION batch_parts_append_only();
UPDATE alembic_version SET version_num = '0008';
UPDATE meta SET value = '0008' WHERE name = 'fits_from';
"""
"""A database of today as the schema before 0009 had it: a table row for each row of a batch."""


def test_rows_that_were_kept_one_by_one_move_over(own_url: str) -> None:
    """They read as they did and are undone; what knows the former table alone does not start any more."""
    credits = Credits(own_url)
    rows = [BatchRow(2 * number + 1, f"u{number}", "grant", 5) for number in range(600)]
    made = credits.sync.batch([*rows, BatchRow(7_000, 'no"body', "adjust", -1)], reason='it\'s "new"')
    credits.sync.close()
    run(own_url, ROW_BY_ROW)
    assert postgres_schema.bring_up_to_date(own_url, "pre") == migrate.NEEDED
    with psycopg.connect(own_url) as db:
        (fits_from,) = db.execute("SELECT value FROM meta WHERE name = 'fits_from'").fetchall()[0]
        assert fits_from >= "0009"
        assert db.execute("SELECT count(*), max(position) FROM batch_parts").fetchone() == (2, 1)
    credits = Credits(own_url)
    assert made.batch is not None
    assert credits.sync.batch_of(made.batch) == made
    assert credits.sync.reverse_batch(made.batch).state == "reversed"
    assert credits.sync.verify().is_clean
    credits.sync.close()


class TestPhases:
    """What only adds runs before a roll-out, what takes away after it."""

    @pytest.fixture
    def later(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A later version of this program, with two migrations that add and one that takes away."""
        become_later(
            tmp_path,
            monkeypatch,
            first="ALTER TABLE units ADD COLUMN symbol text",
            second="ALTER TABLE units ADD COLUMN rank text",
            afterwards="ALTER TABLE units DROP COLUMN rank",
        )

    def test_old_and_new_programs_stand_side_by_side_in_between(
        self, own_url: str, request: pytest.FixtureRequest
    ) -> None:
        old = Credits(own_url)
        assert old.sync.grant("ada", 1).credits == 1
        request.getfixturevalue("later")
        assert "livecredits migrate --pre" in refusal_of(own_url)
        with pytest.raises(StartRefused, match="--pre"):
            postgres_schema.bring_up_to_date(own_url, "post")
        assert postgres_schema.bring_up_to_date(own_url, "pre") == "9002"
        new = Credits(own_url)
        assert new.sync.grant("ada", 1).credits == 2
        assert old.sync.grant("ada", 1).credits == 3
        old.sync.close()
        assert postgres_schema.bring_up_to_date(own_url, "post") == "9003"
        assert postgres_schema.bring_up_to_date(own_url) == "9003"
        assert new.sync.grant("ada", 1).credits == 4
        new.sync.close()
        with psycopg.connect(own_url) as db:
            assert db.execute("SELECT value FROM meta WHERE name = 'fits_from'").fetchone() == ("9003",)


def test_migrating_beside_busy_nodes_outlasts_a_deadlock(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    met: list[str] = []
    bring = postgres_schema._bring_up_to_date

    def meet(db: psycopg.Connection[Any], phase: postgres_schema.Phase) -> str:
        met.append(phase)
        if len(met) < postgres_schema.TURNS:
            raise psycopg.errors.DeadlockDetected
        return bring(db, phase)

    monkeypatch.setattr(postgres_schema, "_bring_up_to_date", meet)
    assert postgres_schema.bring_up_to_date(postgres_url, "pre") == migrate.HEAD
    assert met == ["pre"] * postgres_schema.TURNS
