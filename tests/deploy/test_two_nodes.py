"""What deploy/compose.yaml describes, without containers: PostgreSQL, two nodes, nginx before them."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx2
import psycopg
import pytest
from tests.demo_process import START_S, STOP_S, spawn
from tests.deploy.proxies import running_proxy, trusting
from tests.deploy.test_files import APP, DEPLOY, compose
from tests.live.carriers import eventually
from tests.postgres import PASSWORD, USER, PostgresServer
from tests.serve_process import Server
from tests.staying_screens import SCREENS_EACH, all_show, open_screens

USERS = ("ada", "bob", "eve")
RIGHT_S = 5.0
DRAIN_S = 2
APP_PASSWORD = "of-the-nodes-role"


def make_roles(postgres: PostgresServer, database: str) -> None:
    """What the image of PostgreSQL runs when it makes the database."""
    environment = {
        "PATH": f"{postgres.bin}:{os.environ['PATH']}", "PGHOST": "127.0.0.1", "PGPORT": str(postgres.port),
        "PGPASSWORD": PASSWORD, "POSTGRES_USER": USER, "POSTGRES_DB": database, "POSTGRES_APP_PASSWORD": APP_PASSWORD,
    }  # fmt: skip
    for _ in range(2):  # again: with a new password it is run by hand
        subprocess.run(["sh", DEPLOY / "roles.sh"], env=environment, check=True)


@pytest.fixture(scope="module")
def database(postgres: PostgresServer) -> Iterator[str]:
    """The address as the nodes' role, which may use the tables that the owner has made."""
    name = postgres.create_database()
    make_roles(postgres, name)
    command = compose()["services"]["migrate"]["command"]
    owner = {"LIVECREDITS_DATABASE_URL": postgres.url(name)}
    done = spawn(*command, **owner)
    told = done.communicate(timeout=START_S)
    assert done.returncode == 0, told
    yield postgres.url(name, user=APP, password=APP_PASSWORD)
    postgres.drop_database(name)


@pytest.fixture
def nodes(database: str, tmp_path: Path) -> Iterator[tuple[Server, Server]]:
    settings = {
        "LIVECREDITS_DATABASE_URL": database, "LIVECREDITS_TRUSTED_PROXIES": "127.0.0.1",
        "LIVECREDITS_DRAIN_S": str(DRAIN_S),
    }  # fmt: skip
    both = (Server(tmp_path / "one", **settings), Server(tmp_path / "other", **settings))
    for node in both:
        node.start()
    yield both
    for node in both:
        node.stop()


def screens_at(node: Server) -> int:
    found = re.search(r"^livecredits_screens (\d+)", node.metrics(), re.MULTILINE)
    assert found is not None
    return int(found[1])


async def give(site: str, node: Server, user: str, key: str) -> None:
    """Through the proxy until it is answered, always with the same key, as every client of ours does."""
    async with httpx2.AsyncClient(verify=trusting(), timeout=10) as client:
        while True:
            headers = {**node.headers, "Idempotency-Key": key}
            answer = await client.post(
                f"{site}/api/v1/users/{user}/grants", json={"amount": 1}, headers=headers
            )
            if answer.status_code == 200:
                return
            assert answer.status_code in {502, 503}, answer.text
            await asyncio.sleep(0.05)


def test_the_nodes_may_not_alter_tables_nor_rewrite_entries(database: str) -> None:
    for attempt in ("CREATE TABLE theirs (id int)", "UPDATE entries SET kind = kind", "DELETE FROM entries"):
        with psycopg.connect(database) as db, pytest.raises(psycopg.errors.InsufficientPrivilege):
            db.execute(attempt)


async def test_a_node_that_goes_leaves_its_screens_and_its_changes_to_the_other(
    nodes: tuple[Server, Server], tmp_path: Path
) -> None:
    one, other = nodes
    with running_proxy("nginx", tmp_path, one.port, other.port) as site:
        for user in USERS:
            one.api("POST", f"/users/{user}/grants", json={"amount": 100})
        async with open_screens(other, USERS, through=site, context=trusting()) as screens:
            await all_show(screens, dict.fromkeys(USERS, 100), RIGHT_S)
            assert min(screens_at(one), screens_at(other)) >= len(USERS) * SCREENS_EACH // 3

            await give(site, one, "ada", "first")
            await all_show(screens, {"ada": 101, "bob": 100, "eve": 100}, STOP_S)

            # Stopped while changes go on: it serves its screens until they are at the other one.
            stopping = asyncio.create_task(asyncio.to_thread(one.stop))
            for number in range(20):
                await give(site, other, "bob", f"while-it-stops-{number}")
            await all_show(screens, {"ada": 101, "bob": 120, "eve": 100}, RIGHT_S)
            await stopping
            await all_show(screens, {"ada": 101, "bob": 120, "eve": 100}, RIGHT_S)
            # The last ones may show the right numbers and still be on their way.
            await eventually(lambda: screens_at(other) == len(USERS) * SCREENS_EACH)

            await asyncio.to_thread(one.start)
            await asyncio.to_thread(other.kill)
            await give(site, one, "eve", "after-the-other-was-killed")
            await all_show(screens, {"ada": 101, "bob": 120, "eve": 101}, RIGHT_S)
            await eventually(lambda: screens_at(one) == len(USERS) * SCREENS_EACH)
