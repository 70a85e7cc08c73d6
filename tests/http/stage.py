"""A whole application on a real SQLite file, with somebody of every kind to call it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2

from livecredits import Credits
from livecredits.access import ALL_SCOPES, Role, Scope
from livecredits.clock import SystemClock
from livecredits.config import Settings
from livecredits.http.app import App, build_app

BASE = "http://testserver"
PASSWORD = "correct horse battery"
ROOMY: dict[str, Any] = {
    "secret": "s" * 48,
    "requests_per_s_user": 10_000,
    "requests_per_s_operator": 10_000,
    "refusals_per_s_address": 10_000,
    "sign_in_attempts": 10_000,
}
"""Limits out of the way; the tests of limits set their own."""


class ShiftedClock(SystemClock):
    """The machine's clock, moved by hand."""

    def __init__(self) -> None:
        self.shift_us = 0

    def now_us(self) -> int:
        return super().now_us() + self.shift_us


class Stage:
    def __init__(self, credits: Credits, app: App, clock: ShiftedClock) -> None:
        self.credits = credits
        self.app = app
        self.clock = clock
        self.services = app.services
        self._clients: list[httpx2.AsyncClient] = []
        self._emails = 0

    def client(self, token: str | None = None, *, base: str = BASE, **headers: str) -> httpx2.AsyncClient:
        """A client on this application, with a bearer token if given."""
        if token is not None:
            headers["authorization"] = f"Bearer {token}"
        transport = httpx2.ASGITransport(app=self.app, raise_app_exceptions=False)
        client = httpx2.AsyncClient(transport=transport, base_url=base, headers=headers)
        self._clients.append(client)
        return client

    async def key(self, *scopes: Scope) -> str:
        """A service key with these scopes, or with all."""
        _, secret = await self.services.tokens.keys.create("test", scopes or ALL_SCOPES)
        return secret

    async def backend(self, *scopes: Scope) -> httpx2.AsyncClient:
        """A client with a service key."""
        return self.client(await self.key(*scopes))

    async def user(self, user_id: str) -> httpx2.AsyncClient:
        """A client with a screen token."""
        token, _ = await self.services.tokens.mint(user_id)
        return self.client(token)

    async def operator(self, role: Role = Role.ADMIN, limit: int | None = None) -> httpx2.AsyncClient:
        """A client with an operator's session in its cookie jar."""
        self._emails += 1
        email = f"{role}{self._emails}@example.com"
        made = await self.services.sessions.operators.create(email, str(role), role, limit=limit)
        code, _ = await self.services.sessions.operators.create_code(made["id"])
        client = self.client()
        answer = await client.post("/api/v1/admin/session", json={"code": code})
        assert answer.status_code == 200, answer.text
        return client

    async def close(self) -> None:
        for client in self._clients:
            await client.aclose()


@asynccontextmanager
async def staged(folder: Path, **settings: Any) -> AsyncIterator[Stage]:
    """An application that lives for the block."""
    chosen = {"database_url": f"sqlite:///{folder}/credits.db", **ROOMY, **settings}
    whole = Settings.load(**chosen)
    clock = ShiftedClock()
    async with Credits(whole.database_url, settings=whole, clock=clock) as credits:
        stage = Stage(credits, build_app(credits), clock)
        try:
            yield stage
        finally:
            await stage.close()
            stage.services.live.close()
