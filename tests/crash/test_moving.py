"""A ledger moves into PostgreSQL under open screens: they go on where they were, and so do keys and tokens."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.demo_process import STOP_S
from tests.postgres import PostgresServer
from tests.serve_process import Server
from tests.staying_screens import all_show, open_screens

from livecredits.storage.postgres_verify import verify

pytestmark = pytest.mark.crash

USERS = ("ada", "bob")
RIGHT_S = 5.0


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    one = Server(tmp_path / "ledger.db")
    one.start()
    yield one
    one.stop()


async def test_open_screens_go_on(server: Server, postgres: PostgresServer, migrated: str) -> None:
    spend = {"json": {"amount": 3}, "headers": {"Idempotency-Key": "once"}}
    for user, amount in zip(USERS, (100, 50), strict=True):
        server.api("POST", f"/users/{user}/grants", json={"amount": amount})
    before = server.api("POST", "/users/ada/spend", **spend)
    database = postgres.create_database(migrated)
    try:
        async with open_screens(server, USERS) as screens:
            await all_show(screens, {"ada": 97, "bob": 50}, STOP_S)
            versions = {user: mine[0].version for user, mine in screens.items()}

            await asyncio.to_thread(server.stop)
            url = postgres.url(database)
            done = await asyncio.to_thread(server.command, "copy", f"sqlite:///{server.file}", url)
            assert (done["entries"], done["marked"]) == (3, True)
            server.move_to(url)
            for mine in screens.values():
                for screen in mine:
                    screen.credits = -1  # what it shows is told anew
            await asyncio.to_thread(server.start)
            took_s = await all_show(screens, {"ada": 97, "bob": 50}, RIGHT_S)
            print(f"right after {took_s:.2f} s")
            assert {user: mine[0].version for user, mine in screens.items()} == versions

            again = await asyncio.to_thread(lambda: server.api("POST", "/users/ada/spend", **spend))
            assert again["entry"] == before["entry"]
            await asyncio.to_thread(lambda: server.api("POST", "/users/ada/spend", json={"amount": 7}))
            await all_show(screens, {"ada": 90, "bob": 50}, STOP_S)
            stats = await asyncio.to_thread(server.api, "GET", "/admin/stats")
            assert stats["failures"]["alarms"] == 0
        await asyncio.to_thread(server.stop)
        assert verify(url).is_clean
    finally:
        postgres.drop_database(database)
