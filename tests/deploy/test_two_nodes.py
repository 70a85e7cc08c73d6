"""What deploy/compose.yaml describes, without containers: PostgreSQL, two nodes, nginx before them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from tests.demo_process import STOP_S
from tests.deploy.proxies import running_proxy, trusting
from tests.postgres import PostgresServer
from tests.serve_process import Server
from tests.staying_screens import SCREENS_EACH, all_show, open_screens

USERS = ("ada", "bob", "eve")
RIGHT_S = 5.0
DRAIN_S = 2


@pytest.fixture
def nodes(postgres: PostgresServer, migrated: str, tmp_path: Path) -> Iterator[tuple[Server, Server]]:
    database = postgres.create_database(migrated)
    settings = {
        "LIVECREDITS_DATABASE_URL": postgres.url(database), "LIVECREDITS_TRUSTED_PROXIES": "127.0.0.1",
        "LIVECREDITS_DRAIN_S": str(DRAIN_S),
    }  # fmt: skip
    both = (Server(tmp_path / "one", **settings), Server(tmp_path / "other", **settings))
    for node in both:
        node.start()
    yield both
    for node in both:
        node.stop()
    postgres.drop_database(database)


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
            assert screens_at(other) == len(USERS) * SCREENS_EACH

            await asyncio.to_thread(one.start)
            await asyncio.to_thread(other.kill)
            await give(site, one, "eve", "after-the-other-was-killed")
            await all_show(screens, {"ada": 101, "bob": 120, "eve": 101}, RIGHT_S)
            assert screens_at(one) == len(USERS) * SCREENS_EACH
