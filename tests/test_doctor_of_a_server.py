"""`livecredits doctor` of a PostgreSQL database: each finding in one line, and nothing changed."""

from __future__ import annotations

import pytest
from tests.postgres import PASSWORD, PostgresServer

from livecredits.cli.doctor import examine
from livecredits.storage import postgres_schema
from livecredits.storage.postgres_line import connect


@pytest.fixture(autouse=True)
def _no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LIVECREDITS_URL", raising=False)


def found(url: str) -> dict[str, tuple[str, str]]:
    told = list(examine(url))
    assert not any(PASSWORD in one.told for one in told)
    return {one.check: (one.verdict, one.told) for one in told}


def test_a_ledger_that_is_well(postgres_url: str) -> None:
    told = found(postgres_url)
    assert {name: told[name][0] for name in ("database", "clock", "role")} == {
        "database": "ok", "clock": "ok", "role": "note",
    }  # fmt: skip
    assert told["durable"][0] == "bad", "the server of our tests keeps nothing over a power cut"


def test_a_ledger_that_cannot_be_opened(postgres: PostgresServer) -> None:
    verdict, told = found(postgres.url("absent"))["database"]
    assert (verdict, "does not exist" in told) == ("bad", True)


def test_a_role_that_has_what_it_needs(postgres: PostgresServer, migrated: str) -> None:
    name = postgres.create_database(migrated)
    with connect(postgres.url(name)) as db:
        db.execute(f"CREATE ROLE examined LOGIN PASSWORD '{PASSWORD}'")
    postgres_schema.give_rights(postgres.url(name), "examined")
    assert found(postgres.url(name, user="examined"))["role"] == ("ok", "examined can rewrite no entry")
    with connect(postgres.url(name)) as db:
        db.execute("DROP OWNED BY examined")
        db.execute("DROP ROLE examined")
    postgres.drop_database(name)
