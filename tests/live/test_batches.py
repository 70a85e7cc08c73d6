"""A large batch under open screens: every one of them shows the truth within a second of the answer."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import time
from pathlib import Path

import httpx2
import pytest
from tests.demo_process import environment, spawn
from tests.live.raw import TEXT, Raw, head, say
from typer.testing import CliRunner

from livecredits.cli import app

DEEP = os.environ.get("LIVECREDITS_DEPTH") == "deep"
SCREENS, ROWS = (1_000, 10_000) if DEEP else (100, 1_000)
ROOMY = {"LIVECREDITS_SCREENS_PER_ADDRESS": "2000", "LIVECREDITS_HANDSHAKES_PER_S": "5000"}


class Screen:
    """One user's open screen, and the newest credits that it was told."""

    def __init__(self, user_id: str, connection: Raw) -> None:
        self.user_id = user_id
        self.connection = connection
        self.credits: int | None = None
        self.frames = 0

    async def shows(self, credits: int) -> float:
        """When it was told so, by the monotonic clock."""
        while self.credits != credits:
            told = json.loads(await self.connection.until(TEXT))
            if told["type"] == "state":
                self.credits = told["credits"]
                self.frames += 1
        return time.monotonic()


async def opened(port: int, user_id: str, token: str) -> Screen:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(head(port))
    await reader.readuntil(b"\r\n\r\n")
    writer.write(say(type="auth", token=token))
    screen = Screen(user_id, Raw(reader, writer))
    assert json.loads(await screen.connection.until(TEXT))["type"] == "hello"
    return screen


@pytest.mark.timeout(300)
async def test_every_screen_is_right_within_a_second(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment(LIVECREDITS_DATABASE_URL=f"sqlite:///{tmp_path}/own.db", **ROOMY).items():
        monkeypatch.setenv(name, value)
    made = await asyncio.to_thread(CliRunner().invoke, app, ["key", "add", "batches", "--json"])
    key = json.loads(made.stdout)["secret"]
    server = spawn("serve", "--port", "0", LIVECREDITS_DATABASE_URL=f"sqlite:///{tmp_path}/own.db", **ROOMY)
    assert server.stderr is not None
    url = next(line for line in server.stderr if line.startswith("✓")).split()[1]
    port = int(url.rpartition(":")[2])
    headers = {"authorization": f"Bearer {key}"}
    try:
        async with httpx2.AsyncClient(base_url=f"{url}/api/v1", headers=headers, timeout=60) as backend:
            users = [f"u{number}" for number in range(ROWS)]
            rows = [{"user_id": user_id, "op": "grant", "amount": 100} for user_id in users]
            assert (await backend.post("/admin/batches", json={"rows": rows})).json()["applied"] == ROWS
            screens = []
            for user_id in users[:: ROWS // SCREENS]:
                token = (await backend.post("/tokens", json={"user_id": user_id})).json()["token"]
                screens.append(await opened(port, user_id, token))
            assert len(screens) == SCREENS
            rows = [{"user_id": user_id, "op": "adjust", "amount": 7} for user_id in users]
            watching = [asyncio.create_task(screen.shows(107)) for screen in screens]
            started = time.monotonic()
            answer = await backend.post("/admin/batches", json={"rows": rows})
            answered = time.monotonic()
            assert answer.json()["applied"] == ROWS
            last = max(await asyncio.gather(*watching))
            print(
                f"{ROWS:,} rows under {SCREENS:,} screens: answered after {answered - started:.2f} s, "
                f"the last screen right {last - answered:+.2f} s later"
            )
            assert last - answered <= 1.0
            assert all(screen.frames == 1 for screen in screens), "each user is told once"
            for screen in screens:
                screen.connection.writer.close()
            with contextlib.suppress(ConnectionError):
                await asyncio.gather(*[screen.connection.writer.wait_closed() for screen in screens])
    finally:
        server.terminate()
        server.communicate(timeout=30)
