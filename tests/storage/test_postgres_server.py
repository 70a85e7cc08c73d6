"""The PostgreSQL of our tests: no root, databases apart from each other, and what was committed outlives a crash."""

from __future__ import annotations

import os
import signal

import psycopg
import pytest
from tests.postgres import PostgresServer


def test_it_runs_as_somebody_who_is_not_root(postgres: PostgresServer) -> None:
    assert (postgres.data / "postmaster.pid").stat().st_uid != 0


def test_databases_are_apart_and_like_their_template(postgres: PostgresServer) -> None:
    template = postgres.create_database()
    with postgres.connect(template) as db:
        db.execute("CREATE TABLE notes (text text)")
    copies = [postgres.create_database(template) for _ in range(2)]
    with postgres.connect(copies[0]) as db:
        db.execute("INSERT INTO notes VALUES ('mine')")
    with postgres.connect(copies[1]) as db:
        assert db.execute("SELECT count(*) FROM notes").fetchone() == (0,)
    for name in (*copies, template):
        postgres.drop_database(name)


def test_a_wrong_password_is_refused(postgres: PostgresServer) -> None:
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(postgres.url("postgres", password="wrong"))


def test_what_was_committed_outlives_an_immediate_stop() -> None:
    server = PostgresServer(durable=True)
    try:
        with server.connect() as db:
            db.execute("CREATE TABLE notes AS SELECT 'kept' AS text")
            assert db.execute("SHOW fsync").fetchone() == ("on",)
        server.stop(signal.SIGQUIT)
        with pytest.raises(psycopg.OperationalError):
            server.connect()
        server.start()
        with server.connect() as db:
            assert db.execute("SELECT text FROM notes").fetchone() == ("kept",)
    finally:
        server.remove()
    assert not os.path.exists(server.folder)  # noqa: PTH110 - of a folder that is gone
