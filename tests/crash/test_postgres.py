"""C4: PostgreSQL stops, is cut off, fails over or has no room: nothing that was acknowledged is lost or done twice.

Callers give each change a key and ask again with it where they were told 503, as clients do. What they count is
compared with the ledger afterwards. Every refusal meanwhile is an `Unavailable` that says when to come again.
"""

from __future__ import annotations

import itertools
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Self

import pytest
from tests.postgres import PASSWORD, PostgresServer
from tests.storage.hands import IS_DEEP, rows
from tests.waiting import eventually

from livecredits import Credits, Unavailable
from livecredits.storage import postgres_line, postgres_rights, postgres_schema
from livecredits.storage.postgres import PostgresStore

pytestmark = pytest.mark.crash
CALLERS = 8
FIRST_WRITE_S = 5.0
ROUNDS = 10 if IS_DEEP else 2


@dataclass
class Crowd:
    """Callers that grant one credit after the other, each until it is acknowledged."""

    credits: Credits
    acknowledged: list[int] = field(default_factory=lambda: [0] * CALLERS)
    refusals: list[Unavailable] = field(default_factory=list)
    others: list[Exception] = field(default_factory=list)
    is_over: bool = False
    answered_s: float = 0.0
    """When the last answer came."""

    def __enter__(self) -> Self:
        self._threads = [
            threading.Thread(target=self._run, args=(number,), daemon=True) for number in range(CALLERS)
        ]
        for thread in self._threads:
            thread.start()
        self.wait_for_more()
        return self

    def __exit__(self, *_: object) -> None:
        self.is_over = True
        for thread in self._threads:
            thread.join(30)
            assert not thread.is_alive()

    def _run(self, number: int) -> None:
        for turn in itertools.count():
            # Asked again until it is answered, as by a client that was told to come again.
            granted = partial(self._is_granted, number, f"{number}-{turn}")
            eventually(lambda: granted() or self.others, 60)  # noqa: B023 - it has ended before the next turn
            if self.is_over or self.others:
                return

    def _is_granted(self, number: int, key: str) -> bool:
        try:
            self.credits.sync.grant(f"user-{number}", 1, key=key)
        except Unavailable as refusal:
            self.refusals.append(refusal)
            return False
        except Exception as error:  # noqa: BLE001 - told at the end
            self.others.append(error)
            self.is_over = True
            return False
        self.acknowledged[number] += 1
        self.answered_s = time.monotonic()
        return True

    def wait_for_more(self, count: int = 2 * CALLERS) -> None:
        """Until so many more were acknowledged."""
        until = sum(self.acknowledged) + count
        eventually(
            lambda: sum(self.acknowledged) >= until or self.others,
            30,
            told=lambda: "nothing is written any more",
        )

    def check(self, url: str) -> None:
        """Each acknowledged change stands in the ledger once, and nothing else does."""
        assert not self.others, self.others
        assert all("retry_after_s" in one.extra for one in self.refusals), self.refusals[:3]
        found = dict(rows(url, "SELECT user_id, settled FROM accounts"))
        assert found == {f"user-{number}": count for number, count in enumerate(self.acknowledged)}


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    own = PostgresServer(durable=True)
    yield own
    own.remove()


@pytest.fixture
def url(server: PostgresServer) -> str:
    made = server.url(server.create_database())
    postgres_schema.bring_up_to_date(made)
    return made


@pytest.fixture
def credits(url: str) -> Iterator[Credits]:
    opened = Credits(url)
    opened.open()
    yield opened
    opened.sync.close()


def seconds_until(crowd: Crowd) -> float:
    """How long the first answer takes from now on."""
    began = time.monotonic()
    crowd.wait_for_more(1)
    return time.monotonic() - began


def test_a_server_that_crashes_and_comes_back(server: PostgresServer, credits: Credits, url: str) -> None:
    epoch = credits.epoch
    with Crowd(credits) as crowd:
        for how in (signal.SIGQUIT, signal.SIGINT) * (ROUNDS // 2):
            server.stop(how)
            with pytest.raises(Unavailable):
                credits.sync.balance("user-1")
            server.start()
            assert seconds_until(crowd) <= FIRST_WRITE_S
            assert credits.sync.balance("user-1").credits > 0
            crowd.wait_for_more()
    crowd.check(url)
    assert crowd.refusals, "nobody noticed"
    assert credits.epoch == epoch, "a server that comes back is on the same line of history"
    assert credits.sync.verify().is_clean


def test_connections_that_are_cut_in_the_middle(server: PostgresServer, credits: Credits, url: str) -> None:
    """Whatever a connection is doing when it is cut: reading, waiting for a lock, writing, committing."""
    with Crowd(credits) as crowd, server.connect() as db:
        for _ in range(10 * ROUNDS):
            db.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE application_name = 'livecredits' AND pid <> pg_backend_pid()"
            )
            crowd.wait_for_more(3)
    crowd.check(url)
    assert credits.sync.verify().is_clean


def test_a_server_that_has_no_room(
    server: PostgresServer, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    name = url.rpartition("/")[2]
    with server.connect(name) as db:
        db.execute(f"CREATE ROLE app LOGIN PASSWORD '{PASSWORD}'")
        postgres_rights.give_rights(url, "app")
        credits = Credits(server.url(name, user="app"))
        with Crowd(credits) as crowd:
            db.execute("ALTER ROLE app CONNECTION LIMIT 0")
            db.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'app'")
            eventually(lambda: len(crowd.refusals) >= CALLERS, 30)
            for _ in range(3):
                with pytest.raises(Unavailable):
                    credits.sync.balance("user-1")
            db.execute("ALTER ROLE app CONNECTION LIMIT -1")
            assert seconds_until(crowd) <= FIRST_WRITE_S
    crowd.check(url)
    credits.sync.close()
    told = [one.getMessage() for one in caplog.records if "answers no questions" in one.getMessage()]
    assert len(told) == 1
    assert "too many connections" in told[0]
    assert PASSWORD not in caplog.text


def test_a_synchronous_standby_takes_over(server: PostgresServer, url: str) -> None:
    standby = server.standby()
    both = f"127.0.0.1:{server.port},127.0.0.1:{standby.port}"
    credits = Credits(url.replace(f"127.0.0.1:{server.port}", both))
    epoch = credits.open().epoch
    try:
        with Crowd(credits) as crowd:
            server.stop(signal.SIGQUIT)
            with standby.connect() as db:
                db.execute("SELECT pg_promote()")
            assert seconds_until(crowd) <= FIRST_WRITE_S
            crowd.wait_for_more()
        crowd.check(url.replace(str(server.port), str(standby.port)))
        assert credits.epoch != epoch, "it may lack what an asynchronous standby would"
        assert epoch in credits.former_epochs
        assert credits.sync.verify().is_clean
    finally:
        credits.sync.close()
        standby.remove()


def test_nothing_is_left_behind_in_a_session(
    server: PostgresServer, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pooler in transaction mode gives each transaction another session: what one has set or prepared is gone."""
    monkeypatch.setattr(postgres_line, "is_direct", lambda _connection: False)
    honest = PostgresStore.begin

    def begin_in_another_session(store: PostgresStore, *, alone: bool = False) -> None:
        store._db.execute("DISCARD ALL")
        honest(store, alone=alone)

    monkeypatch.setattr(PostgresStore, "begin", begin_in_another_session)
    credits = Credits(url)
    with Crowd(credits) as crowd:
        crowd.wait_for_more()
        credits.sync.put_user("user-1", floor=-1)
    crowd.check(url)
    with server.connect(url.rpartition("/")[2]) as db:
        assert db.execute("SELECT count(*) FROM pg_prepared_statements").fetchone() == (0,)
    credits.sync.close()
