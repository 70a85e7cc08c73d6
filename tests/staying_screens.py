"""Screens of a real server that come back by themselves, as the SDK's do, and say with their token what they hold."""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any

from tests.serve_process import Server
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

SCREENS_EACH = 4
RETRY_S = 0.1


class Screen:
    """One screen."""

    def __init__(self, address: str, token: str, context: ssl.SSLContext | None = None) -> None:
        self.epoch: str | None = None
        self.version = 0
        self.credits = -1
        self._url = f"{address.replace('http', 'ws', 1)}/api/v1/credits/live"
        self._token = token
        self._context = context

    async def stay(self) -> None:
        while True:
            with contextlib.suppress(OSError, WebSocketException):
                async with connect(
                    self._url, subprotocols=["livecredits.v1"], compression=None, ssl=self._context,  # type: ignore[list-item]
                ) as line:  # fmt: skip
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
async def open_screens(
    server: Server, users: Sequence[str], *, through: str | None = None, context: ssl.SSLContext | None = None
) -> AsyncIterator[dict[str, list[Screen]]]:
    """A few screens of each user, at the server or through the address of a proxy before it."""
    found: dict[str, list[Screen]] = {}
    async with asyncio.TaskGroup() as tasks:
        staying = []
        for user in users:
            token = server.api("POST", "/tokens", json={"user_id": user})["token"]
            found[user] = [Screen(through or server.url, token, context) for _ in range(SCREENS_EACH)]
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
