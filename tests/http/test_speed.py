"""What a change over HTTP costs inside the application, its commit left out: it must stay small beside the commit."""

import asyncio
import time
from typing import Any

import pytest
from tests.http.stage import ROOMY, Stage

from livecredits.storage.answers import Answer

ROUNDS, REQUESTS = 5, 400
BUDGET_US = 400
"""Of processor time, five times what it costs on an idle machine: a framework in the way must fail this."""
ANSWER = Answer("ent_1", "ada", "credits", "spend", -5, 42, 100, 5, 1_700_000_000_000_000, "ep_1")


async def cost_us(stage: Stage, method: str, path: str, body: bytes, token: str) -> float:
    headers = [
        (b"host", b"testserver"), (b"content-type", b"application/json"), (b"user-agent", b"test"),
        (b"authorization", f"Bearer {token}".encode()), (b"accept", b"*/*"), (b"idempotency-key", b"job:118"),
        (b"content-length", str(len(body)).encode()),
    ]  # fmt: skip
    scope = {
        "type": "http", "method": method, "path": path, "raw_path": path.encode(), "query_string": b"",
        "headers": headers, "scheme": "http", "client": ("127.0.0.1", 1), "server": ("testserver", 80), "root_path": "",
    }  # fmt: skip
    statuses = set()

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            statuses.add(message["status"])

    best = float("inf")
    for _ in range(ROUNDS):
        started = time.process_time()
        for _ in range(REQUESTS):
            await stage.app(dict(scope), receive, send)
        best = min(best, (time.process_time() - started) / REQUESTS * 1e6)
        await asyncio.sleep(0)
    assert statuses == {200}
    return best


async def test_hot_routes_add_little(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    async def at_once(_: Any) -> Answer:
        return ANSWER

    monkeypatch.setattr(stage.credits, "apply", at_once)
    assert ROOMY["requests_per_s_operator"] > 0
    key = await stage.key()
    figures = {
        "spend": await cost_us(
            stage, "POST", "/api/v1/users/ada/spend", b'{"amount": 5, "label": "Image"}', key
        ),
        "grant": await cost_us(stage, "POST", "/api/v1/users/ada/grants", b'{"amount": 5}', key),
        "set": await cost_us(stage, "PUT", "/api/v1/admin/users/ada/credits", b'{"credits": 5}', key),
    }
    print("µs per request inside the application:", {name: round(cost) for name, cost in figures.items()})
    assert max(figures.values()) < BUDGET_US
