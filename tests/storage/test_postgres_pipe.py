"""Many statements for one wait, and what a commit came to when something broke."""

from __future__ import annotations

import os
import select
import socket
from collections.abc import Iterator
from typing import Any, cast

import psycopg
import pytest
from tests.postgres import PostgresServer
from tests.storage.hands import rows

from livecredits.errors import Unavailable
from livecredits.storage import postgres_line
from livecredits.storage.postgres import PostgresStore
from livecredits.storage.postgres_pipe import Pipe, Statement
from livecredits.storage.store import Named, Raced, Rows, Undone

OUTSIDE, INSIDE, FAILED = (
    psycopg.pq.TransactionStatus.IDLE,
    psycopg.pq.TransactionStatus.INTRANS,
    psycopg.pq.TransactionStatus.INERROR,
)
A_KEY = ("service", "a-key", "content", "{}", 1)
NO_ENTRY = ("ent_nobody", "ent_nobody")
"""A reversal of an entry that is not there."""


@pytest.fixture
def db(postgres_url: str) -> Iterator[psycopg.Connection[Any]]:
    with postgres_line.connect(postgres_url) as connection:
        yield connection


@pytest.fixture(params=["prepared", "plain"])
def pipe(request: pytest.FixtureRequest, db: psycopg.Connection[Any]) -> Pipe:
    return Pipe(db, prepares=request.param == "prepared")


@pytest.fixture
def store(postgres_url: str) -> Iterator[PostgresStore]:
    opened = PostgresStore(postgres_url)
    yield opened
    opened.close()


def put(pipe: Pipe, *statements: Statement) -> None:
    for statement in statements:
        pipe.put(statement)


class TestPipe:
    def test_each_takes_its_own_answer(self, pipe: Pipe) -> None:
        taken: list[Any] = []
        counts: list[int] = []
        for _ in range(2):
            put(
                pipe,
                Statement("SELECT $1::bigint, $2::text, $3::text", (7, "a\u00e9\\\"'", None), taken.append),
                Statement("BEGIN"),
                Statement("CREATE TEMP TABLE few (n bigint) ON COMMIT DROP"),
                Statement("INSERT INTO few SELECT generate_series(1, $1)", (3,), count=counts.append),
                Statement("SELECT n FROM few ORDER BY n", take=taken.append),
                Statement("COMMIT"),
            )
            assert pipe.wait() is None
        assert taken == [[(7, "a\u00e9\\\"'", None)], [(1,), (2,), (3,)]] * 2
        assert counts == [3, 3]

    def test_a_refusal_stops_what_is_behind_it(self, pipe: Pipe, db: psycopg.Connection[Any]) -> None:
        refused, commit = Statement("SELECT 1 / $1::int", (0,)), Statement("COMMIT")
        taken: list[Any] = []
        put(pipe, Statement("BEGIN"), refused, Statement("SELECT 2", take=taken.append), commit)
        found = pipe.wait()
        assert found is not None
        assert found.statement is refused
        assert isinstance(found.error, psycopg.errors.DivisionByZero)
        assert taken == []
        assert db.info.transaction_status == FAILED, "COMMIT was not run"
        put(pipe, Statement("ROLLBACK"), Statement("SELECT 2", take=taken.append))
        assert pipe.wait() is None, "what was not prepared then is prepared now"
        assert taken == [[(2,)]]

    def test_a_statement_that_cannot_be_parsed_is_told(self, pipe: Pipe) -> None:
        for _ in range(2):
            put(pipe, Statement("SELECT nothing FROM nowhere"), Statement("SELECT 1"))
            found = pipe.wait()
            assert found is not None
            assert isinstance(found.error, psycopg.errors.UndefinedTable)

    def test_a_session_that_the_server_ends_is_a_refusal(
        self, pipe: Pipe, db: psycopg.Connection[Any], postgres: PostgresServer
    ) -> None:
        """It says so before it goes, and so it is known that it did not commit."""
        commit = Statement("COMMIT")
        put(pipe, Statement("BEGIN"), Statement("SELECT pg_terminate_backend(pg_backend_pid())"), commit)
        found = pipe.wait()
        assert found is not None
        assert isinstance(found.error, psycopg.errors.AdminShutdown)
        assert found.statement is not commit
        assert db.closed

    def test_a_connection_that_breaks_leaves_all_open(self, pipe: Pipe, db: psycopg.Connection[Any]) -> None:
        put(pipe, Statement("SELECT 1"))
        cut(db)
        with pytest.raises(psycopg.OperationalError):
            pipe.wait()
        assert db.closed

    def test_more_than_any_buffer_holds_goes_both_ways(self, pipe: Pipe) -> None:
        lengths: list[int] = []
        echo = Statement(
            "SELECT $1::text", ("x" * 1_000_000,), lambda found: lengths.append(len(found[0][0]))
        )
        put(pipe, *[echo] * 20)
        assert pipe.wait() is None
        assert lengths == [1_000_000] * 20

    @pytest.mark.timeout(20)
    def test_answers_that_are_read_while_sending_are_not_waited_for(self, pipe: Pipe) -> None:
        numbers: list[int] = []
        pipe._pg = cast("Any", _AnsweredWhileSending(pipe._pg))
        put(pipe, Statement("SELECT 1", take=lambda found: numbers.append(found[0][0])))
        assert pipe.wait() is None
        assert numbers == [1]

    def test_what_cannot_be_sent_is_told_before(self, pipe: Pipe, db: psycopg.Connection[Any]) -> None:
        pipe.put(Statement("BEGIN"))
        with pytest.raises(psycopg.DataError):
            pipe.put(Statement("SELECT $1::text", ("a\0b",)))
        pipe.abandon()
        assert db.info.transaction_status == INSIDE


class _AnsweredWhileSending:
    """A line whose last bytes go out so slowly that the answers to all of them are there first."""

    def __init__(self, line: Any) -> None:
        self._line = line
        self._is_late = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._line, name)

    def pipeline_sync(self) -> None:
        self._line.pipeline_sync()
        self._is_late = True

    def flush(self) -> int:
        while self._line.flush():
            pass
        was_late, self._is_late = self._is_late, False
        if was_late:
            assert select.select([self._line.socket], [], [], 10)[0]
        return int(was_late)


def cut(db: psycopg.Connection[Any]) -> None:
    """Hang up below the driver."""
    with socket.socket(fileno=os.dup(db.pgconn.socket)) as line:
        line.shutdown(socket.SHUT_RDWR)


class TestCommit:
    def test_what_was_refused_before_it_was_certainly_not_made(
        self, store: PostgresStore, postgres_url: str
    ) -> None:
        store.begin()
        store.lock(Named(), 0, 9)
        store.save(Rows(answers=[A_KEY], reversals=[NO_ENTRY]))
        with pytest.raises(Undone) as undone:
            store.commit()
        assert isinstance(undone.value.why, psycopg.errors.ForeignKeyViolation)
        store.rollback()
        assert rows(postgres_url, "SELECT * FROM idempotency") == []

    def test_a_key_that_another_writer_used_meanwhile_is_a_race(self, store: PostgresStore) -> None:
        for turn in range(2):
            store.begin()
            store.lock(Named(), 0, 9)
            store.save(Rows(answers=[A_KEY]))
            if turn == 0:
                store.commit()
                continue
            with pytest.raises(Undone) as undone:
                store.commit()
            assert isinstance(undone.value.why, Raced)

    def test_one_whose_answer_does_not_come_is_not_told_from_one_that_was_made(
        self, store: PostgresStore, postgres_url: str
    ) -> None:
        store.begin()
        store.lock(Named(), 0, 9)
        store.save(Rows(answers=[A_KEY]))
        cut(store._db)
        with pytest.raises(Unavailable):
            store.commit()

    def test_a_connection_that_died_meanwhile_is_replaced(
        self, store: PostgresStore, postgres: PostgresServer
    ) -> None:
        with postgres.connect() as owner:
            owner.execute("SELECT pg_terminate_backend(%s, 10000)", (store._db.info.backend_pid,))
        store.begin()
        with pytest.raises(Raced):
            store.lock(Named(), 0, 9)
        store.rollback()
        store.begin()
        store.lock(Named(), 0, 9)
        store.save(Rows(answers=[A_KEY]))
        store.commit()
        assert store._db.info.transaction_status == OUTSIDE

    def test_rows_alone_are_not_left_unknown_by_a_dead_connection(
        self, store: PostgresStore, postgres: PostgresServer, postgres_url: str
    ) -> None:
        with postgres.connect() as owner:
            owner.execute("SELECT pg_terminate_backend(%s, 10000)", (store._db.info.backend_pid,))
        store.begin()
        store.save(Rows(answers=[A_KEY]))
        with pytest.raises(Undone) as undone:
            store.commit()
        assert isinstance(undone.value.why, Raced)
        assert rows(postgres_url, "SELECT * FROM idempotency") == []
