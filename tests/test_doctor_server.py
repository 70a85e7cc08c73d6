"""`livecredits doctor` on a PostgreSQL database: each fault is told with what to do, and without the password."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from tests.demo_process import environment
from tests.postgres import PASSWORD, PostgresServer
from typer.testing import CliRunner

from livecredits import Credits
from livecredits.cli import app, doctor_server
from livecredits.storage import migrate, postgres_rights

ROLE = "doctor_app"


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LIVECREDITS_URL", raising=False)
    for name, value in environment().items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def name(postgres: PostgresServer, migrated: str) -> Iterator[str]:
    made = postgres.create_database(migrated)
    yield made
    postgres.drop_database(made)


def looked(url: str) -> tuple[dict[str, Any], int]:
    """What it finds, by check, and its exit code."""
    ran = CliRunner().invoke(app, ["doctor", "--database", url, "--json"])
    assert PASSWORD not in ran.output
    assert "wrong-password" not in ran.output
    return {one["check"]: (one["verdict"], one["told"]) for one in json.loads(ran.stdout)}, ran.exit_code


def test_a_database_that_is_well(
    postgres: PostgresServer, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        doctor_server, "DURABLE", ("synchronous_commit",)
    )  # the tests' server is allowed to forget
    found, code = looked(postgres.url(name))
    assert code == 0, found
    assert found["database"][0] == "ok"
    assert "there and back" in found["database"][1]
    assert found["schema"] == ("ok", f"{migrate.HEAD}, which is this program's")
    assert found["rights"][0] == "note"  # its owner
    assert found["clock"][0] == found["connect"][0] == "ok"
    assert found["nodes"] == ("ok", "no node serves this database just now")
    assert "file" not in found


def test_a_server_that_forgets_is_told(postgres: PostgresServer, name: str) -> None:
    found, code = looked(postgres.url(name))
    assert found["durable"] == (
        "bad",
        "fsync and full_page_writes is off: a crash would lose what was acknowledged",
    )
    assert code == 1


def test_a_role_of_the_app_is_as_it_should_be(postgres: PostgresServer, name: str) -> None:
    with postgres.connect(name) as db:
        db.execute(f"DROP ROLE IF EXISTS {ROLE}")
        db.execute(f"CREATE ROLE {ROLE} LOGIN PASSWORD '{PASSWORD}'")
    try:
        bare, _ = looked(postgres.url(name, user=ROLE))
        assert bare["schema"][0] == "bad"
        assert f"--app-role {ROLE}" in bare["schema"][1]
        assert bare["rights"] == bare["schema"]
        postgres_rights.give_rights(postgres.url(name), ROLE)
        with postgres.connect(name) as db:
            db.execute(f"REVOKE UPDATE ON lots FROM {ROLE}")
            lacking, _ = looked(postgres.url(name, user=ROLE))
            assert lacking["rights"][0] == "bad"
            assert "lacks rights on lots." in lacking["rights"][1]
            db.execute(f"GRANT UPDATE ON lots TO {ROLE}")
            db.execute("GRANT CREATE ON SCHEMA public TO PUBLIC")
            everybody, _ = looked(postgres.url(name, user=ROLE))
            assert everybody["rights"][0] == "note"
            assert "REVOKE CREATE ON SCHEMA public FROM PUBLIC" in everybody["rights"][1]
            db.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
        found, _ = looked(postgres.url(name, user=ROLE))
        assert found["schema"][0] == found["rights"][0] == "ok"
    finally:
        with postgres.connect(name) as db:
            db.execute(f"DROP OWNED BY {ROLE}")
            db.execute(f"DROP ROLE {ROLE}")


@pytest.mark.parametrize("scheme", ["mysql", "postgresql+psycopg", "PostgreSQL"])
def test_an_address_of_a_kind_that_there_is_not(scheme: str) -> None:
    found, code = looked(f"{scheme}://app:{PASSWORD}@127.0.0.1/ledger")
    assert found["settings"][0] == "bad"
    assert f"not {scheme}:" in found["settings"][1]
    assert code == 1


@pytest.mark.parametrize("address", ["host=db password={0}", "password={0} host=db:1", "{0}", "'{0}'"])
def test_an_address_that_is_none_is_told_in_no_part(address: str) -> None:
    """libpq's other way of writing one, above all: the sentence ends in logs."""
    found, _ = looked(address.format(PASSWORD))
    assert found["settings"][0] == "bad"
    assert PASSWORD not in found["settings"][1]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("only-for-tests", "wrong-password"), "authentication failed"),
        (("@127.0.0.1:", "@127.0.0.1:1"), "cannot be opened"),
        (("/test_", "/absent_"), "does not exist"),
    ],
    ids=["password", "port", "database"],
)
def test_who_is_not_let_in_is_told_why(
    postgres: PostgresServer, name: str, change: tuple[str, str], told: str
) -> None:
    found, code = looked(postgres.url(name).replace(*change))
    assert found["database"][0] == "bad"
    assert told in found["database"][1]
    assert not {"schema", "rights"} & set(found)
    assert code == 1


def test_an_empty_database_and_a_newer_one(postgres: PostgresServer, name: str) -> None:
    empty = postgres.create_database()
    found, _ = looked(postgres.url(empty))
    postgres.drop_database(empty)
    assert found["schema"][0] == "bad"
    assert "livecredits migrate" in found["schema"][1]
    with postgres.connect(name) as db:
        db.execute("UPDATE alembic_version SET version_num = '9999'")
        db.execute("UPDATE meta SET value = '9999' WHERE name = 'fits_from'")
    found, _ = looked(postgres.url(name))
    assert found["schema"][0] == "bad"
    assert "Install that version" in found["schema"][1]


def test_clocks_that_differ(postgres: PostgresServer, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = time.time
    for off_s, verdict in ((8, "note"), (3_600, "bad")):
        with monkeypatch.context() as patched:
            patched.setattr("livecredits.cli.doctor_server.time.time", lambda off_s=off_s: ours() - off_s)
            found, _ = looked(postgres.url(name))
        assert found["clock"][0] == verdict
        assert " s ahead" in found["clock"][1]


def test_connections_that_run_out(
    postgres: PostgresServer, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor_server, "CONNECTIONS_SHARE", 0)
    found, code = looked(postgres.url(name))
    assert (found["connect"][0], code) == ("bad", 1)
    with closing(Credits(postgres.url(name))) as credits:
        credits.open()  # the doctor looks beside whoever has it open
        assert looked(postgres.url(name))[0]["schema"][0] == "ok"
