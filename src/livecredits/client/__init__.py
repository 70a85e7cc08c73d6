"""The remote twin of `livecredits.Credits`: the same verbs over HTTP, blocking (`Client`) or not (`AsyncClient`).

    with Client("https://credits.example", "lck_…") as credits:
        credits.spend("ada", 5, key=f"job:{job_id}")

Promises: errors are the classes of `livecredits.errors`; retries never move credits twice (see `exchange`). Needs the
extra `client` (httpx2). Must not know the ledger, storage or the server: it installs without them.
The odd thing: no method is written here. `calls` has each verb once, as a pure function; the two classes lift them.
"""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import Awaitable, Callable, Coroutine
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

import httpx2

from livecredits.client import calls
from livecredits.client.calls import About, Call
from livecredits.client.exchange import Exchange, Patience
from livecredits.client.results import Amounts, Answer, Balance, Entry, Hold, Page, Token

__all__ = [
    "About",
    "Amounts",
    "Answer",
    "AsyncClient",
    "Balance",
    "Client",
    "Entry",
    "Hold",
    "Page",
    "Patience",
    "Token",
]

P = ParamSpec("P")
T = TypeVar("T")

API = "/api/v1"
TIMEOUT_S = 10.0
NEVER_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)


def _blocking(verb: Callable[P, Call[T]]) -> Callable[Concatenate[Client, P], T]:
    @functools.wraps(verb)
    def method(self: Client, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self.run(verb(*args, **kwargs))

    return method


def _awaitable(verb: Callable[P, Call[T]]) -> Callable[Concatenate[AsyncClient, P], Coroutine[Any, Any, T]]:
    @functools.wraps(verb)
    async def method(self: AsyncClient, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self.run(verb(*args, **kwargs))

    return method


class Client:
    """Calls the service and blocks until it answers. Safe to share between threads.

    Args:
        url: where the service stands, with the prefix that it is mounted under.
        key: a service key, `lck_…`.
        timeout_s: for each attempt.
        patience: how calls are repeated.
        transport: another way to send, for tests and proxies.
        sleep: waits between attempts.
    """

    def __init__(
        self,
        url: str,
        key: str,
        *,
        timeout_s: float = TIMEOUT_S,
        patience: Patience | None = None,
        transport: httpx2.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._http = httpx2.Client(
            base_url=_base(url), headers=_headers(key), timeout=timeout_s, transport=transport
        )
        self._patience = patience or Patience()
        self._sleep = sleep

    grant = _blocking(calls.grant)
    spend = _blocking(calls.spend)
    adjust = _blocking(calls.adjust)
    set = _blocking(calls.set_credits)
    hold = _blocking(calls.hold)
    capture = _blocking(calls.capture)
    release = _blocking(calls.release)
    transfer = _blocking(calls.transfer)
    reverse = _blocking(calls.reverse)
    balance = _blocking(calls.balance)
    history = _blocking(calls.history)
    holds = _blocking(calls.holds)
    check = _blocking(calls.check)
    token = _blocking(calls.token)
    revoke_tokens = _blocking(calls.revoke_tokens)

    def run(self, call: Call[T]) -> T:
        """Send one call, as often as `patience` says, and return what it answers."""
        exchange = Exchange(call, self._patience)
        while True:
            try:
                response = self._http.request(**_request(call))
            except httpx2.TransportError as error:
                pause_s: float | None = exchange.lost(_reason(error), sent=not isinstance(error, NEVER_SENT))
            else:
                pause_s = exchange.answered(response.status_code, response.headers, response.content)
            if pause_s is None:
                return exchange.result
            self._sleep(pause_s)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class AsyncClient:
    """Calls the service on an event loop; takes what `Client` takes, with a `sleep` that is awaited."""

    def __init__(
        self,
        url: str,
        key: str,
        *,
        timeout_s: float = TIMEOUT_S,
        patience: Patience | None = None,
        transport: httpx2.AsyncBaseTransport | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._http = httpx2.AsyncClient(
            base_url=_base(url), headers=_headers(key), timeout=timeout_s, transport=transport
        )
        self._patience = patience or Patience()
        self._sleep = sleep

    grant = _awaitable(calls.grant)
    spend = _awaitable(calls.spend)
    adjust = _awaitable(calls.adjust)
    set = _awaitable(calls.set_credits)
    hold = _awaitable(calls.hold)
    capture = _awaitable(calls.capture)
    release = _awaitable(calls.release)
    transfer = _awaitable(calls.transfer)
    reverse = _awaitable(calls.reverse)
    balance = _awaitable(calls.balance)
    history = _awaitable(calls.history)
    holds = _awaitable(calls.holds)
    check = _awaitable(calls.check)
    token = _awaitable(calls.token)
    revoke_tokens = _awaitable(calls.revoke_tokens)

    async def run(self, call: Call[T]) -> T:
        """Send one call, as often as `patience` says, and return what it answers."""
        exchange = Exchange(call, self._patience)
        while True:
            try:
                response = await self._http.request(**_request(call))
            except httpx2.TransportError as error:
                pause_s: float | None = exchange.lost(_reason(error), sent=not isinstance(error, NEVER_SENT))
            else:
                pause_s = exchange.answered(response.status_code, response.headers, response.content)
            if pause_s is None:
                return exchange.result
            await self._sleep(pause_s)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()


def _base(url: str) -> str:
    return url.rstrip("/") + API


def _headers(key: str) -> dict[str, str]:
    return {
        "Authorization": f"Bearer {key}",
        "Accept": "application/json",
        "User-Agent": "livecredits-client",
    }


def _request(call: Call[Any]) -> dict[str, Any]:
    return {
        "method": call.method,
        "url": call.path,
        "params": dict(call.query),
        "json": call.body,
        "headers": dict(call.headers),
    }


def _reason(error: httpx2.TransportError) -> str:
    return str(error) or type(error).__name__
