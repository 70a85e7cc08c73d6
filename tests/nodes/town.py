"""Two real server processes on one PostgreSQL, and screens, callers and operators at either of them."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.serve_process import Server
from tests.waiting import eventually
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

WAIT_S = 10.0
SETTINGS = {
    "LIVECREDITS_HEARTBEAT_S": "2",
    "LIVECREDITS_REQUESTS_PER_S_USER": "10000",
    "LIVECREDITS_SIGN_IN_ATTEMPTS": "4",
    "LIVECREDITS_DRAIN_S": "2",
    "LIVECREDITS_REREAD_S": "2",
}


class Screen:
    """One live connection."""

    def __init__(self, node: Server, connection: ClientConnection, token: str) -> None:
        self.node = node
        self.frames: list[dict[str, Any]] = []
        self._connection = connection
        self.say(type="auth", token=token)
        self.hello = self.until("hello")

    def say(self, **frame: Any) -> None:
        self._connection.send(json.dumps(frame))

    def next(self, timeout_s: float = WAIT_S) -> dict[str, Any]:
        frame: dict[str, Any] = json.loads(self._connection.recv(timeout_s))
        self.frames.append(frame)
        return frame

    def until(self, kind: str, is_it: Callable[[dict[str, Any]], bool] = lambda _: True) -> dict[str, Any]:
        end_s = time.monotonic() + WAIT_S
        while True:
            frame = self.next(end_s - time.monotonic())
            if frame["type"] == kind and is_it(frame):
                return frame

    def paint(self, version: int) -> None:
        self.say(type="shown", painted={"credits": version}, visible=True)

    def verdict(self) -> str:
        """Why the server ends it."""

        def read_on() -> None:
            while True:
                self.next()

        with pytest.raises(ConnectionClosed) as closed:
            read_on()
        received = closed.value.rcvd
        return "" if received is None else received.reason.partition(":")[0]


@contextmanager
def screen(node: Server, token: str) -> Iterator[Screen]:
    address = f"ws://127.0.0.1:{node.port}/api/v1/credits/live"
    with connect(address, subprotocols=["livecredits.v1"]) as connection:  # type: ignore[list-item]
        yield Screen(node, connection, token)


class Town:
    """Two nodes; `a` and `b` are alike."""

    def __init__(self, url: str, **settings: str) -> None:
        self.url = url
        self._settings = {**SETTINGS, "LIVECREDITS_DATABASE_URL": url, **settings}
        self.a = self.node("a")
        self.b = self.node("b", self.a.key)
        self._users = 0

    def node(self, name: str, key: str | None = None, **settings: str) -> Server:
        return Server(Path("none"), key=key, **{**self._settings, "LIVECREDITS_NODE_NAME": name, **settings})

    def start(self) -> None:
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(Server.start, (self.a, self.b)))
        self.until_both_know()

    def until_both_know(self) -> None:
        eventually(lambda: all(self.known_to(node) == 2 for node in (self.a, self.b)))

    def known_to(self, node: Server) -> int:
        """How many nodes there are, as this one sees it."""
        return len(node.api("GET", "/admin/nodes")["items"])

    def stop(self) -> None:
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(Server.stop, (self.a, self.b)))

    def new_user(self) -> str:
        self._users += 1
        return f"user-{self._users}"

    def token(self, user: str) -> str:
        return str(self.a.api("POST", "/tokens", json={"user_id": user})["token"])

    def grant(self, node: Server, user: str, amount: int = 5, **body: Any) -> dict[str, Any]:
        answer: dict[str, Any] = node.api("POST", f"/users/{user}/grants", json={"amount": amount, **body})
        return answer

    def batch(self, node: Server, key: str, users: list[str], amount: int = 1) -> Any:
        """Give each of these users something, in one batch; what was answered."""
        rows = [{"user_id": user, "op": "grant", "amount": amount} for user in users]
        return node.api(
            "POST", "/admin/batches", json={"rows": rows, "reason": "test"}, headers={"Idempotency-Key": key},
            timeout=60,
        )  # fmt: skip

    def batch_of(self, node: Server, key: str) -> Any:
        """The head of the batch with this key as a node tells it; None where there is none yet."""
        run = key.rpartition(":")[0]
        items = node.api("GET", f"/admin/batches?run={run}")["items"]
        return next(iter(items), None)

    def operator(self, node: Server) -> httpx2.Client:
        """Somebody who signed in at this node, and may be sent to another one."""
        self._users += 1
        email = f"op{self._users}@example.com"
        made = self.a.api("POST", "/admin/operators", json={"email": email, "name": "Op", "role": "admin"})
        code = self.a.api("POST", f"/admin/operators/{made['id']}/link")["code"]
        # From an address of their own: refused sign-ins of other tests count for theirs.
        transport = httpx2.HTTPTransport(local_address=f"127.0.1.{self._users}")
        client = httpx2.Client(base_url=f"{node.url}/api/v1", transport=transport)
        answer = client.post("/admin/session", json={"code": code})
        assert answer.status_code in {200, 201}, answer.text
        return client
