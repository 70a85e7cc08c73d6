"""Say when a user runs low: `python listen.py ada grace`, with LIVECREDITS_URL and LIVECREDITS_KEY (scope `live`)."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

LOW = 10
PROTOCOL = Subprotocol("livecredits.v1")
GET_A_NEW_TOKEN = 4200
"""From this close code on, coming back with the same key would end the same."""
URL = os.environ.get("LIVECREDITS_URL", "http://127.0.0.1:8300")
LIVE = URL.rstrip("/").replace("http", "ws", 1) + "/api/v1/credits/live"

State = dict[str, Any]


class Screen:
    """What is known of each account. A state is whole, so the newest heals whatever was lost before it."""

    def __init__(self) -> None:
        self.epoch = ""
        self.versions: dict[tuple[str, str], int] = {}

    def begin(self, epoch: str) -> None:
        """Another epoch is another ledger: what was known means nothing in it."""
        if epoch != self.epoch:
            self.epoch, self.versions = epoch, {}

    def take(self, state: State) -> bool:
        """True for news; False for what is known already, is older, or has no entry yet (version 0)."""
        account = state["user"], state["unit"]
        if state["epoch"] != self.epoch or state["version"] <= self.versions.get(account, 0):
            return False
        self.versions[account] = state["version"]
        return True

    def agrees(self, tick: State) -> bool:
        """False where a change was lost: a tick names the versions that should be known."""
        told = {
            (user, unit): version
            for user, units in tick.get("watched", {}).items()
            for unit, version in units.items()
        }
        known = {account: version for account, version in self.versions.items() if version > 0}
        return tick["epoch"] == self.epoch and told == known


def tell(state: State) -> None:
    """Do what is to be done; here, a line."""
    low = " — running low!" if state["credits"] < LOW else ""
    print(f"{state['user']}: {state['credits']} {state['unit']}{low}", flush=True)


async def hear(socket: ClientConnection, screen: Screen, users: list[str]) -> None:
    """Read one connection to its end."""
    await socket.send(json.dumps({"type": "auth", "token": os.environ["LIVECREDITS_KEY"]}))
    await socket.send(json.dumps({"type": "watch", "users": users}))
    async for message in socket:
        frame = json.loads(message)
        if frame["type"] == "hello":
            screen.begin(frame["epoch"])
        if frame["type"] == "tick" and not screen.agrees(frame):
            await socket.send('{"type":"resync"}')
        states = frame["accounts"] if frame["type"] == "hello" else [frame]
        for state in states:
            if state["type"] == "state" and screen.take(state):
                tell(state)


async def listen(users: list[str]) -> None:
    """Print every change. `connect` comes back by itself when the line breaks, later and later."""
    screen = Screen()
    async for socket in connect(LIVE, subprotocols=[PROTOCOL], compression=None):
        with contextlib.suppress(ConnectionClosed):
            await hear(socket, screen, users)
        if (socket.close_code or 0) >= GET_A_NEW_TOKEN:
            sys.exit(f"The server ends the connection: {socket.close_reason}")


if __name__ == "__main__":
    asyncio.run(listen(sys.argv[1:]))
