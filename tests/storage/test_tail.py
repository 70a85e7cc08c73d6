"""L13: the tail sees each committed row once, on a real PostgreSQL; and a cursor over ids does not.

40 writers commit in another order than their rows got their numbers in, roll back, use savepoints; one transaction is
open all the time, and one is prepared and committed later. The naive cursor runs beside the tail on the same rows and
must lose some, or the test would prove nothing.
"""

from __future__ import annotations

import os
import random
import threading
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from tests.postgres import PostgresServer

from livecredits.storage import tail
from livecredits.storage.tail import WentBack, Window

IS_DEEP = os.environ.get("LIVECREDITS_DEPTH") == "deep"
WRITERS = 40
ROUNDS = 250 if IS_DEEP else 25
INSERT = "INSERT INTO notices (node, at_us, body) VALUES (%s, 0, %s) RETURNING id"
TABLE = """
CREATE TABLE notices (
    id bigserial PRIMARY KEY, xid xid8 NOT NULL DEFAULT pg_current_xact_id(), node text NOT NULL, at_us bigint,
    body text NOT NULL
);
CREATE INDEX notices_xid ON notices (xid);
"""


@pytest.fixture
def database(postgres: PostgresServer) -> Iterator[str]:
    name = postgres.create_database()
    with psycopg.connect(postgres.url(name), autocommit=True) as db:
        db.execute(TABLE)
    yield postgres.url(name)
    postgres.drop_database(name)


class Writer(threading.Thread):
    """Commits rows as slowly and as crookedly as real transactions do, and keeps what it has committed."""

    def __init__(self, url: str, seed: int) -> None:
        super().__init__(daemon=True)
        self._url = url
        self._dice = random.Random(seed)
        self.committed: list[int] = []

    def run(self) -> None:
        with psycopg.connect(self._url) as db:
            for _ in range(ROUNDS):
                self._write(db)

    def _write(self, db: psycopg.Connection[Any]) -> None:
        written = [self._insert(db)]
        how = self._dice.random()
        if how < 0.2:
            db.execute("SAVEPOINT half")
            self._insert(db)
            db.execute("ROLLBACK TO half")
        elif how < 0.4:
            db.execute("SAVEPOINT half")
            written.append(self._insert(db))
            db.execute("RELEASE half")
        db.execute("SELECT pg_sleep(%s)", (self._dice.choice((0, 0, 0.002, 0.01)),))
        if self._dice.random() < 0.15:
            db.rollback()
        else:
            db.commit()
            self.committed += written

    def _insert(self, db: psycopg.Connection[Any]) -> int:
        row = db.execute(INSERT, ("writer", "x")).fetchone()
        assert row is not None
        return int(row[0])


class Readers:
    """The tail and, beside it, whoever goes by the last id."""

    def __init__(self, db: psycopg.Connection[Any]) -> None:
        self.db = db
        self.window = tail.begin(db)
        self.seen: list[int] = []
        self.naive: list[int] = []

    def look(self) -> None:
        found = tail.look(self.db, self.window, own="me")
        self.window = found.window
        self.seen += [notice.id for notice in found.notices]
        last = max(self.naive, default=0)
        self.naive += [
            row[0] for row in self.db.execute("SELECT id FROM notices WHERE id > %s ORDER BY id", (last,))
        ]


def test_each_committed_row_is_seen_once_and_a_cursor_loses_some(database: str) -> None:
    with (
        psycopg.connect(database) as slow,
        psycopg.connect(database, autocommit=True) as prepared,
        psycopg.connect(database, autocommit=True) as reading,
    ):
        readers = Readers(reading)
        others = [_insert(slow)]
        prepared.execute("BEGIN")
        others.append(_insert(prepared))
        prepared.execute("PREPARE TRANSACTION 'later'")
        writers = [Writer(database, seed) for seed in range(WRITERS)]
        for writer in writers:
            writer.start()
        while any(writer.is_alive() for writer in writers):
            readers.look()
        readers.look()
        assert not set(others) & set(readers.seen)
        # Neither the long transaction nor the prepared one held up anybody else's rows.
        assert len(readers.seen) == sum(len(writer.committed) for writer in writers)
        slow.commit()
        readers.look()
        prepared.execute("COMMIT PREPARED 'later'")
        readers.look()
        readers.look()
    committed = sorted([*others, *(id for writer in writers for id in writer.committed)])
    assert sorted(readers.seen) == committed
    lost = len(set(committed) - set(readers.naive))
    print(f"{len(committed)} rows: the tail lost 0, saw 0 twice; a cursor lost {lost}")
    assert lost > len(others), "the control must fail, or the writers were too tame"


def _insert(db: psycopg.Connection[Any]) -> int:
    row = db.execute(INSERT, ("writer", "x")).fetchone()
    assert row is not None
    return int(row[0])


def test_own_rows_are_no_news(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as db:
        window = tail.begin(db)
        for node in ("me", "you", "me"):
            db.execute(INSERT, (node, f"by {node}"))
        found = tail.look(db, window, own="me")
        assert [(notice.node, notice.body) for notice in found.notices] == [("you", "by you")]
        assert found.now_us > 0
        assert tail.look(db, found.window, own="me").notices == []


def test_a_database_that_went_back_is_noticed(database: str) -> None:
    """A standby that took over may never have heard of the last transactions, and give their numbers out again."""
    with psycopg.connect(database, autocommit=True) as db:
        later = Window(tail.begin(db).next_id + 10)
        with pytest.raises(WentBack):
            tail.look(db, later)


def test_a_look_reads_by_the_index_however_many_rows_there_are(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as db:
        db.execute(
            "INSERT INTO notices (node, at_us, body) SELECT 'you', 0, 'x' FROM generate_series(1, 20000)"
        )
        db.execute("ANALYZE notices")
        window = tail.begin(db)
        values = ("me", str(window.next_id), [str(window.next_id - 1)])
        plan = "\n".join(row[0] for row in db.execute(f"EXPLAIN {tail.LOOK}", values))
        assert "Seq Scan" not in plan, plan


@pytest.mark.parametrize(
    ("snapshot", "hidden", "seen"),
    [
        ("700:700:", (700, 701), (699, 1)),
        ("700:705:700,703", (700, 703, 705, 900), (701, 702, 704, 3)),
    ],
)
def test_a_window_knows_what_could_not_be_seen(
    snapshot: str, hidden: tuple[int, ...], seen: tuple[int, ...]
) -> None:
    window = Window.parse(snapshot)
    assert all(window.hides(transaction) for transaction in hidden)
    assert not any(window.hides(transaction) for transaction in seen)
