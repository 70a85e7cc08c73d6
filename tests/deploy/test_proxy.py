"""deploy/nginx.conf and deploy/Caddyfile, each before a real node; skipped by name without that proxy.

The second node of the files is a port where nobody listens, so that every test also shows what a dead node costs:
nothing that anybody sees.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.demo_process import free_port
from tests.deploy.proxies import PROXIES, running_proxy, trusting
from tests.serve_process import Server
from websockets.asyncio.client import connect

LIVE = "/api/v1/credits/live"
USERS = (f"user-{number}" for number in itertools.count())
AT_ONCE_S = 2.0
"""A frame that comes later was held back: buffers are flushed after minutes, or when the stream ends."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    one = Server(
        tmp_path_factory.mktemp("node") / "ledger.db",
        LIVECREDITS_MODE="production", LIVECREDITS_TRUSTED_PROXIES="127.0.0.1", LIVECREDITS_HEARTBEAT_S="1",
    )  # fmt: skip
    one.start()
    yield one
    one.stop()


@pytest.fixture(scope="module", params=PROXIES)
def site(
    request: pytest.FixtureRequest, server: Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The address of a proxy that has the node behind it."""
    name: str = request.param
    with running_proxy(name, tmp_path_factory.mktemp(name), server.port, free_port()) as url:
        yield url


def client(**options: Any) -> httpx2.Client:
    return httpx2.Client(verify=trusting(), timeout=20, **options)


def token(server: Server, user: str) -> str:
    server.api("POST", f"/users/{user}/grants", json={"amount": 100})
    return str(server.api("POST", "/tokens", json={"user_id": user})["token"])


def give(server: Server, user: str, amount: int) -> None:
    server.api("POST", f"/users/{user}/grants", json={"amount": amount})


async def test_a_websocket_is_greeted_pushed_to_and_ticked(site: str, server: Server) -> None:
    user = next(USERS)
    address = f"{site.replace('https', 'wss')}{LIVE}"
    mine = token(server, user)
    async with connect(
        address, ssl=trusting(), subprotocols=["livecredits.v1"], compression=None,  # type: ignore[list-item]
    ) as line:  # fmt: skip

        async def frame(kind: str) -> dict[str, Any]:
            async with asyncio.timeout(AT_ONCE_S):
                while (said := json.loads(await line.recv()))["type"] != kind:
                    pass
            told: dict[str, Any] = said
            return told

        await line.send(json.dumps({"type": "auth", "token": mine}))
        assert (await frame("hello"))["accounts"][0]["credits"] == 100
        for amount in (101, 102, 103):
            await asyncio.to_thread(give, server, user, 1)
            assert (await frame("state"))["credits"] == amount
        for _ in range(2):
            await frame("tick")


@pytest.mark.parametrize("http2", [False, True])
def test_an_event_stream_comes_as_it_is_written(site: str, server: Server, http2: bool) -> None:
    user = next(USERS)
    headers = {"Authorization": f"Bearer {token(server, user)}", "Accept": "text/event-stream"}
    with client(http2=http2) as browser, browser.stream("GET", f"{site}{LIVE}", headers=headers) as stream:
        assert stream.status_code == 200
        lines = stream.iter_lines()

        def event(kind: str) -> dict[str, Any]:
            started = time.monotonic()
            for line in lines:
                if line.startswith("data: ") and (said := json.loads(line[6:]))["type"] == kind:
                    assert time.monotonic() - started < AT_ONCE_S, "it was held back"
                    told: dict[str, Any] = said
                    return told
            raise AssertionError("the stream ended")

        screen = event("hello")["screen"]
        for amount in (101, 102, 103):
            give(server, user, 1)
            assert event("state")["credits"] == amount
        event("tick")
        frames = [{"type": "pong", "painted": {"credits": 4}, "visible": True, "tabs": 1}]
        said = browser.post(f"{site}{LIVE}/{screen}", headers=headers, json=frames)
        assert said.status_code == 204


def test_an_operator_signs_in_over_https(site: str, server: Server) -> None:
    operator = {"email": f"{next(USERS)}@example.com", "name": "O", "role": "admin"}
    made = server.api("POST", "/admin/operators", json=operator)["id"]
    code = server.api("POST", f"/admin/operators/{made}/link", json={})["code"]
    with client() as browser:
        browser.headers["X-Forwarded-For"] = "203.0.113.9"
        signed_in = browser.post(
            f"{site}/api/v1/admin/session", json={"code": code}, headers={"Origin": site}
        )
        assert signed_in.status_code == 200, signed_in.text
        assert signed_in.headers["set-cookie"].startswith("__Host-")
        trail = server.api("GET", "/admin/audit?action=session.started&limit=1")["items"]
        # The client is who connected to the proxy, and not who it says that it is.
        assert (trail[0]["actor"], trail[0]["address"]) == (f"operator:{made}", "127.0.0.1")
        assert browser.get(f"{site}/console/").status_code == 200
        # A page of another site has the cookie and still no say.
        forged = browser.put(
            f"{site}/api/v1/admin/settings",
            json={"receipts": False},
            headers={"Origin": "https://evil.example"},
        )
        assert forged.status_code == 403


def test_a_batch_of_ten_thousand_rows_gets_through(site: str, server: Server) -> None:
    rows = [
        {"user_id": f"many-{number % 50}", "op": "grant", "amount": 1, "reason": "r" * 200}
        for number in range(10_000)
    ]
    body = json.dumps({"rows": rows, "dry_run": True})
    assert len(body) > 2_000_000
    with client(headers=server.headers) as backend:
        answer = backend.post(
            f"{site}/api/v1/admin/batches", content=body, headers={"content-type": "application/json"}
        )
    assert answer.status_code == 200, answer.text[:500]


def test_a_dead_node_costs_nothing_that_anybody_sees(site: str, server: Server) -> None:
    user = next(USERS)
    with client(headers=server.headers) as backend:
        for _ in range(20):
            answer = backend.post(f"{site}/api/v1/users/{user}/grants", json={"amount": 1})
            assert answer.status_code == 200, answer.text
    assert server.api("GET", f"/users/{user}/balance")["credits"] == 20


@pytest.mark.parametrize("name", PROXIES)
def test_a_change_that_a_node_may_have_made_is_repeated_under_its_key_alone(
    name: str, tmp_path: Path
) -> None:
    """nginx repeats a PUT, unlike a POST: without a key the credits would be set once more, over a spend in between."""
    with (
        taking_and_dying() as (one, seen),
        taking_and_dying(seen) as (other, _),
        running_proxy(name, tmp_path, one, other) as site,
        client() as backend,
    ):
        answer = backend.put(f"{site}/api/v1/admin/users/ada/credits", json={"credits": 5})
    assert answer.status_code == 502
    assert len({key for _, key in seen}) == 1
    assert {method for method, _ in seen} == {"PUT"}
    assert all(key or len(seen) == 1 for _, key in seen)


Seen = list[tuple[str, str]]


@contextmanager
def taking_and_dying(seen: Seen | None = None) -> Iterator[tuple[int, Seen]]:
    """A node that is killed with each change that it takes; its port, and the changes' methods and keys."""
    taken: Seen = [] if seen is None else seen

    class Dying(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            taken.append((self.command, self.headers.get("Idempotency-Key", "")))
            self.close_connection = True

        def do_GET(self) -> None:  # whether it is ready
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Dying) as node:
        thread = threading.Thread(target=node.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield node.server_port, taken
        finally:
            node.shutdown()
            thread.join()


def test_figures_are_for_those_inside(site: str, server: Server) -> None:
    with client(headers=server.headers) as outside:
        assert outside.get(f"{site}/metrics").status_code == 404
        assert outside.get(f"{site}/readyz").status_code == 200
