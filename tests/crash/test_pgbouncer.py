"""C4 through pgbouncer in transaction mode: everything works, and nothing is lost when the pooler dies or has no room.

Two processes stand behind it, with the bus on PostgreSQL's own address. Skipped by name where there is no pgbouncer.
"""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing

import httpx2
import psycopg
import pytest
from tests.crash.test_postgres import FIRST_WRITE_S, ROUNDS, Crowd, seconds_until
from tests.demo_process import environment
from tests.nodes.town import Town, screen
from tests.pgbouncer import PROGRAM, Bouncer
from tests.postgres import PASSWORD, PostgresServer
from tests.storage.hands import rows
from tests.waiting import eventually
from typer.testing import CliRunner

from livecredits import Credits, StartRefused, Unavailable
from livecredits.cli import app
from livecredits.storage import postgres_schema
from livecredits.storage.database import verify_at

pytestmark = [
    pytest.mark.crash,
    pytest.mark.skipif(PROGRAM is None, reason="pgbouncer is not installed"),
]
REVOKED_S = 5.0
WAITS_S = 1


@pytest.fixture(scope="module")
def bouncer(postgres: PostgresServer) -> Iterator[Bouncer]:
    made = Bouncer(postgres)
    yield made
    made.remove()


Make = Callable[..., tuple[Bouncer, Credits]]


@pytest.fixture
def behind(postgres: PostgresServer) -> Iterator[Make]:
    """Makes a pooler of the test's own, and a ledger behind it."""
    with ExitStack() as stack:

        def make(name: str, server: PostgresServer = postgres, **settings: str) -> tuple[Bouncer, Credits]:
            bouncer = Bouncer(server, **settings)
            stack.callback(bouncer.remove)
            credits = Credits(bouncer.url(name), listen_url=server.url(name))
            stack.callback(credits.sync.close)
            return bouncer, credits

        yield make


@pytest.fixture
def name(postgres: PostgresServer, migrated: str) -> Iterator[str]:
    """A ledger of the test's own, since a pooler keeps sessions of a database open."""
    made = postgres.create_database(migrated)
    yield made
    postgres.drop_database(made)


@pytest.fixture(scope="module")
def town(postgres: PostgresServer, migrated: str, bouncer: Bouncer) -> Iterator[Town]:
    """Two nodes whose changes and reads go through the pooler, and whose bus goes past it."""
    name = postgres.create_database(migrated)
    town = Town(bouncer.url(name), LIVECREDITS_LISTEN_URL=postgres.url(name))
    town.start()
    yield town
    town.stop()
    postgres.drop_database(name)


def test_two_nodes_are_one_service(town: Town, postgres: PostgresServer) -> None:
    """A change at one is on the screen at the other; who is shut out at one is out at both."""
    user = town.new_user()
    token = town.token(user)
    with screen(town.b, token) as there:
        for amount in range(1, 11):
            answer = town.grant(town.a, user, amount)
            assert there.until("state")["version"] == answer["version"]
        assert town.a.api("DELETE", f"/users/{user}/tokens")["screens_closed"] == 1
        assert there.verdict() == "token_revoked"
    made = town.a.api("POST", "/admin/keys", json={"name": "short", "scopes": ["read"]})
    headers = {"Authorization": f"Bearer {made['secret']}"}
    units = f"{town.b.url}/api/v1/admin/users"
    assert httpx2.get(units, headers=headers).status_code in {200, 403}
    town.a.api("DELETE", f"/admin/keys/{made['key']['id']}")
    eventually(lambda: httpx2.get(units, headers=headers).status_code == 401, REVOKED_S)
    with closing(town.operator(town.a)) as operator:
        elsewhere, cookies = f"{town.b.url}/api/v1/admin/session", dict(operator.cookies)
        assert httpx2.get(elsewhere, cookies=cookies).status_code == 200
        assert operator.delete("/admin/session").status_code == 204
        eventually(lambda: httpx2.get(elsewhere, cookies=cookies).status_code == 401, REVOKED_S)
    with postgres.connect(town.url.rpartition("/")[2]) as db:
        assert db.execute("SELECT count(*) FROM pg_prepared_statements").fetchone() == (0,)


def test_the_commands_work_through_it(
    postgres: PostgresServer, bouncer: Bouncer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("LIVECREDITS_URL", raising=False)
    url = bouncer.url(postgres.create_database())
    run = CliRunner().invoke
    migrated = run(app, ["migrate", "--database", url, "--json"])
    assert migrated.exit_code == 0, migrated.output
    assert run(app, ["grant", "ada", "5", "--database", url]).exit_code == 0
    assert run(app, ["verify", "--database", url]).exit_code == 0
    found = {
        one["check"]: one for one in json.loads(run(app, ["doctor", "--database", url, "--json"]).stdout)
    }
    assert PASSWORD not in str(found)
    bad = {check for check, one in found.items() if one["verdict"] == "bad"}
    assert bad == {"durable", "bus"}, found  # the tests' server is allowed to forget
    assert "LIVECREDITS_LISTEN_URL" in found["bus"]["told"]
    monkeypatch.setenv("LIVECREDITS_LISTEN_URL", postgres.url(url.rpartition("/")[2]))
    found = {
        one["check"]: one for one in json.loads(run(app, ["doctor", "--database", url, "--json"]).stdout)
    }
    assert found["bus"]["verdict"] == "ok"


def test_without_an_address_of_its_own_the_bus_asks_nothing_of_a_session(
    postgres: PostgresServer, name: str, bouncer: Bouncer
) -> None:
    """It looks four times a second. What it would set were set for whoever gets that session next: not durable."""
    one, other = Credits(bouncer.url(name)), Credits(bouncer.url(name))
    heard: list[int] = []
    other.on_commit(lambda batch: heard.extend(state.version for state in batch.states))
    other.open()
    for version in range(1, 4):
        one.sync.grant("ada", 1)
        eventually(lambda wanted=version: wanted in heard)  # type: ignore[misc]
    with psycopg.connect(bouncer.url(name), autocommit=True, prepare_threshold=None) as db:
        for _ in range(20):  # each time another session
            assert db.execute("SHOW synchronous_commit").fetchone() == ("on",)
            assert db.execute("SELECT count(*) FROM pg_listening_channels()").fetchone() == (0,)
    one.sync.close()
    other.sync.close()


def test_listening_at_another_database_is_refused(postgres: PostgresServer, name: str, migrated: str) -> None:
    another = postgres.create_database(migrated)
    for listen_url, told in (
        (postgres.url(another), "which is another database than"),
        (postgres.url("absent"), "does not exist"),
    ):
        with pytest.raises(StartRefused, match=told) as refused:
            Credits(postgres.url(name), listen_url=listen_url).open()
        assert PASSWORD not in str(refused.value)


def test_a_pooler_that_is_killed_under_load(postgres: PostgresServer, name: str, behind: Make) -> None:
    bouncer, credits = behind(name)
    with Crowd(credits) as crowd:
        for _ in range(ROUNDS):
            refused = len(crowd.refusals)
            bouncer.kill()
            until_more_are_refused(crowd, refused + 1)
            with pytest.raises(Unavailable):
                credits.sync.balance("user-1")
            bouncer.start()
            assert seconds_until(crowd) <= FIRST_WRITE_S
            assert credits.sync.balance("user-1").credits > 0
            crowd.wait_for_more()
    crowd.check(postgres.url(name))
    assert verify_at(postgres.url(name)).is_clean


def until_more_are_refused(crowd: Crowd, count: int) -> None:
    eventually(lambda: len(crowd.refusals) >= count, 30)


@pytest.fixture
def mortal() -> Iterator[PostgresServer]:
    """A server that may be crashed."""
    server = PostgresServer(durable=True)
    yield server
    server.remove()


def test_a_server_that_crashes_behind_it(mortal: PostgresServer, behind: Make) -> None:
    """The pooler lives on; what it says of its own counts as the server's silence."""
    name = mortal.create_database()
    postgres_schema.bring_up_to_date(mortal.url(name))
    _, credits = behind(name, mortal, query_wait_timeout=str(WAITS_S))
    with Crowd(credits) as crowd:
        for how in (signal.SIGQUIT, signal.SIGINT) * (ROUNDS // 2):
            mortal.stop(how)
            until_more_are_refused(crowd, len(crowd.refusals) + 1)
            mortal.start()
            assert seconds_until(crowd) <= FIRST_WRITE_S
            crowd.wait_for_more()
    crowd.check(mortal.url(name))


def test_one_session_is_enough_for_everybody(postgres: PostgresServer, name: str, behind: Make) -> None:
    """Writers, readers and functions of their own take turns; nobody waits inside a transaction for another session."""
    _, credits = behind(name, default_pool_size="1")
    with Crowd(credits) as crowd:
        for number in range(8):
            credits.sync.put_user(f"user-{number}", name=f"User {number}")
            assert credits.sync.balance(f"user-{number}").version > 0
        voucher = credits.sync.create_voucher(5)
        assert credits.sync.redeem("ada", voucher.code).credits == 5
        assert len(credits.sync.users(limit=5).items) == 5
        crowd.wait_for_more()
    assert not crowd.refusals
    assert verify_at(postgres.url(name)).is_clean
    found = dict(rows(postgres.url(name), "SELECT user_id, settled FROM accounts WHERE user_id <> 'ada'"))
    assert found == {f"user-{number}": count for number, count in enumerate(crowd.acknowledged)}


def test_a_pool_that_is_exhausted(postgres: PostgresServer, name: str, behind: Make) -> None:
    """Somebody else keeps the only session: 503 with `Retry-After`, and it goes on when that one lets go."""
    bouncer, credits = behind(name, default_pool_size="1", query_wait_timeout=str(WAITS_S))
    with Crowd(credits) as crowd:
        with psycopg.connect(bouncer.url(name)) as greedy:
            greedy.execute("SELECT 1")
            until_more_are_refused(crowd, 8)
            with pytest.raises(Unavailable) as refused:
                credits.sync.balance("user-1")
            assert "retry_after_s" in refused.value.extra
        assert seconds_until(crowd) <= FIRST_WRITE_S
        crowd.wait_for_more()
    crowd.check(postgres.url(name))
