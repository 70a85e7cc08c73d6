"""C5: an older copy is put back under the open screens of a real server, and every screen shows what survived."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.demo_process import STOP_S
from tests.serve_process import Server
from tests.staying_screens import SCREENS_EACH, all_show, open_screens

pytestmark = pytest.mark.crash

USERS = ("ada", "bob", "eve")
RIGHT_S = 5.0


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    one = Server(tmp_path / "ledger.db")
    one.start()
    yield one
    one.stop()


@pytest.mark.parametrize("how", ["livecredits restore", "copied back by hand"])
async def test_c5_every_screen_shows_what_survived(server: Server, tmp_path: Path, how: str) -> None:
    for user in USERS:
        server.api("POST", f"/users/{user}/grants", json={"amount": 100})
    backup = tmp_path / "backup.db"
    taken = server.command("backup", str(backup))
    assert (taken["entries"], taken["checked"]) == (3, True)
    for user in ("ada", "bob"):
        for _ in range(5):
            server.api("POST", f"/users/{user}/grants", json={"amount": 7})
    async with open_screens(server, USERS) as screens:
        await all_show(screens, {"ada": 135, "bob": 135, "eve": 100}, STOP_S)
        former = screens["ada"][0].epoch

        await asyncio.to_thread(server.stop)
        if how == "livecredits restore":
            done = await asyncio.to_thread(server.command, "restore", str(backup))
            assert done["lost"] == 10
        else:
            shutil.copy(backup, server.file)
        await asyncio.to_thread(server.start)
        took_s = await all_show(screens, {"ada": 100, "bob": 100, "eve": 100}, RIGHT_S)
        print(f"{how}: {len(USERS) * SCREENS_EACH} screens were right after {took_s:.2f} s")

        alarms = (await asyncio.to_thread(server.api, "GET", "/admin/stats"))["failures"]["alarms"]
        assert alarms == 2 * SCREENS_EACH  # each that had shown what is lost; eve's had not
        assert {screen.epoch == former for mine in screens.values() for screen in mine} == {
            how != "livecredits restore"
        }

        figures = await asyncio.to_thread(server.metrics)
        assert f'livecredits_alarms_total{{kind="ahead"}} {2 * SCREENS_EACH}.0' in figures

        await asyncio.to_thread(server.api, "POST", "/users/ada/grants", json={"amount": 1})
        await all_show(screens, {"ada": 101, "bob": 100, "eve": 100}, STOP_S)
    await asyncio.to_thread(server.stop)
    assert server.said.count("is ahead of the ledger") == 2 * SCREENS_EACH
    assert server.command("verify")["ok"]
