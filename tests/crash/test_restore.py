"""C5: an older copy is put back under the open screens of a real server, and every screen shows what survived."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.demo_process import STOP_S
from tests.serve_process import Server
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

pytestmark = pytest.mark.crash

USERS = ("ada", "bob", "eve")
SCREENS_EACH = 4
RIGHT_S = 5.0
RETRY_S = 0.1


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    one = Server(tmp_path / "ledger.db")
    one.start()
    yield one
    one.stop()


class Screen:
    """A screen that comes back by itself and says with its token what it holds, as the SDK does."""

    def __init__(self, port: int, token: str) -> None:
        self.epoch: str | None = None
        self.version = 0
        self.credits = -1
        self._url = f"ws://127.0.0.1:{port}/api/v1/credits/live"
        self._token = token

    async def stay(self) -> None:
        while True:
            with contextlib.suppress(OSError, WebSocketException):
                async with connect(self._url, subprotocols=["livecredits.v1"], compression=None) as line:  # type: ignore[list-item]
                    await line.send(json.dumps(self._auth()))
                    async for text in line:
                        self._take(json.loads(text))
            await asyncio.sleep(RETRY_S)

    def _auth(self) -> dict[str, Any]:
        auth: dict[str, Any] = {"type": "auth", "token": self._token}
        return (
            auth if self.epoch is None else {**auth, "epoch": self.epoch, "held": {"credits": self.version}}
        )

    def _take(self, frame: dict[str, Any]) -> None:
        if frame["type"] == "hello":
            self.epoch = frame["epoch"]
            self._show(frame["accounts"][0])
        elif frame["type"] == "state" and frame["epoch"] == self.epoch and frame["version"] > self.version:
            self._show(frame)

    def _show(self, state: dict[str, Any]) -> None:
        self.version, self.credits = state["version"], state["credits"]


@contextlib.asynccontextmanager
async def open_screens(server: Server) -> AsyncIterator[dict[str, list[Screen]]]:
    found: dict[str, list[Screen]] = {}
    async with asyncio.TaskGroup() as tasks:
        staying = []
        for user in USERS:
            token = server.api("POST", "/tokens", json={"user_id": user})["token"]
            found[user] = [Screen(server.port, token) for _ in range(SCREENS_EACH)]
            staying += [tasks.create_task(screen.stay()) for screen in found[user]]
        yield found
        for task in staying:
            task.cancel()


async def all_show(screens: dict[str, list[Screen]], credits: dict[str, int], within_s: float) -> float:
    """Wait until every screen shows its user's number; how long it took."""
    started = time.monotonic()

    def seen() -> dict[str, set[int]]:
        return {user: {screen.credits for screen in mine} for user, mine in screens.items()}

    wanted = {user: {amount} for user, amount in credits.items()}
    while seen() != wanted:
        assert time.monotonic() - started < within_s, f"{seen()} and not {wanted}"
        await asyncio.sleep(0.01)
    return time.monotonic() - started


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
    async with open_screens(server) as screens:
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
