"""Load from outside that writes down what it saw: writers, screens, and servers that may die under them.

Everything goes over the network, as a host app's would: changes by service key, screens over WebSockets. What comes of
it is a history for `tests.checker`, which shares no code with the server either.
"""

from __future__ import annotations

import contextlib
import json
import random
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx2
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

USERS = 6
AGAIN_S = 0.05
GIVEN_UP_S = 30.0


@dataclass
class Recorder:
    """The history: events in the order of one clock, from all threads."""

    events: list[dict[str, Any]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, do: str, **fields: Any) -> None:
        with self._lock:
            self.events.append({"at": time.monotonic(), "do": do, **fields})


@dataclass
class Load:
    """Writers and screens on one or several servers that serve the same ledger.

    Args:
        urls: the servers; whoever loses one goes on with the next.
        key: a service key.
        seed: what the writers do.
    """

    urls: Sequence[str]
    key: str
    seed: int = 0
    recorder: Recorder = field(default_factory=Recorder)
    _stop: threading.Event = field(default_factory=threading.Event)
    _quiet: threading.Event = field(default_factory=threading.Event)
    _writers: list[threading.Thread] = field(default_factory=list)
    _screens: list[threading.Thread] = field(default_factory=list)
    answered: int = 0

    def begin(self, *, writers: int, screens: int) -> None:
        """Start writers and screens; every user has one credit more than nothing to begin with."""
        with self._client() as client:
            for number in range(USERS):
                self._change(
                    client, random.Random(number), f"first-{number}", "grant", f"user-{number}", 1_000
                )
        for number in range(screens):
            self._screens.append(threading.Thread(target=self._watch, args=(number,)))
        for number in range(writers):
            self._writers.append(threading.Thread(target=self._write, args=(number,)))
        for thread in (*self._screens, *self._writers):
            thread.start()

    def wait_for(self, more: int) -> None:
        """Return when so many more changes have been answered."""
        until, wanted = time.monotonic() + GIVEN_UP_S, self.answered + more
        while self.answered < wanted:
            assert all(thread.is_alive() for thread in (*self._writers, *self._screens)), (
                "a thread has failed"
            )
            assert time.monotonic() < until, "nobody is answered any more"
            self._quiet.wait(0.01)

    def end(self, *, fresh_s: float) -> list[dict[str, Any]]:
        """Stop the writers, wait until every screen has had its time, read the balances; gives the history."""
        self._stop.set()
        for thread in self._writers:
            thread.join(GIVEN_UP_S)
            assert not thread.is_alive(), "a writer is stuck"
        finals = self._finals()
        until = time.monotonic() + fresh_s
        while time.monotonic() < until and not self._all_show(finals):
            self._quiet.wait(AGAIN_S)
        self._read_ledger()
        for user, final in finals.items():
            self.recorder.note("final", user=user, **final)
        self._quiet.set()
        for thread in self._screens:
            thread.join(GIVEN_UP_S)
            assert not thread.is_alive(), "a screen is stuck"
        # What screens saw after the balances were read belongs to no story: they were told to go.
        last = max(at for at, event in enumerate(self.recorder.events) if event["do"] == "final")
        return self.recorder.events[: last + 1]

    def stop(self) -> None:
        """End every thread, whatever became of the story."""
        self._stop.set()
        self._quiet.set()
        for thread in (*self._writers, *self._screens):
            thread.join(GIVEN_UP_S)

    def _all_show(self, finals: dict[str, dict[str, int]]) -> bool:
        shown: dict[str, tuple[str, int]] = {}
        for event in list(self.recorder.events):
            if event["do"] == "shown":
                shown[event["screen"]] = (event["user"], event["version"])
            elif event["do"] == "lost":
                shown[event["screen"]] = (event["user"], -1)
        return all(finals[user]["version"] == version for user, version in shown.values())

    def _finals(self) -> dict[str, dict[str, int]]:
        found: dict[str, dict[str, int]] = {}
        with self._client() as client:
            for number in range(USERS):
                user = f"user-{number}"
                answer = self._ask(client, "GET", f"/users/{user}/balance")
                assert answer is not None
                assert answer.status_code == 200, answer.text
                told = answer.json()
                found[user] = {"version": told["version"], "credits": told["credits"]}
        return found

    def _read_ledger(self) -> None:
        """Note every line of history, with the key that its change bore as metadata."""
        with self._client() as client:
            for number in range(USERS):
                user, after = f"user-{number}", None
                while True:
                    query = {"limit": 200, **({"after": after} if after else {})}
                    answer = self._ask(client, "GET", f"/users/{user}/history", params=query)
                    assert answer is not None
                    assert answer.status_code == 200, answer.text
                    page = answer.json()
                    for line in page["items"]:
                        self.recorder.note(
                            "entry",
                            user=user,
                            version=line["version"],
                            credits=line["credits"],
                            key=(line["metadata"] or {}).get("key"),
                        )
                    after = page["next"]
                    if not after:
                        break

    # --- writers -----------------------------------------------------------------------------------------------

    def _client(self) -> httpx2.Client:
        return httpx2.Client(headers={"authorization": f"Bearer {self.key}"}, timeout=GIVEN_UP_S)

    def _write(self, number: int) -> None:
        rolls = random.Random(f"{self.seed}-{number}")
        count = 0
        with self._client() as client:
            while not self._stop.is_set():
                count += 1
                verb = rolls.choices(("spend", "grant", "adjust", "set", "transfer"), (40, 20, 20, 10, 10))[0]
                amount = rolls.randrange(1, 400)
                if verb == "adjust":
                    amount *= rolls.choice((1, -1))
                user = f"user-{rolls.randrange(USERS)}"
                self._change(client, rolls, f"{number}-{count}", verb, user, amount)

    def _change(
        self, client: httpx2.Client, rolls: random.Random, key: str, verb: str, user: str, amount: int
    ) -> None:
        """Ask for one change; where no answer comes, ask again with the same key, but not always."""
        to = None
        if verb == "transfer":
            to = f"user-{(int(user.removeprefix('user-')) + rolls.randrange(1, USERS)) % USERS}"
        attempt = 0
        until = time.monotonic() + GIVEN_UP_S
        while time.monotonic() < until:
            attempt += 1
            op = f"{key}/{attempt}"
            asked = {"op": op, "key": key, "verb": verb, "user": user, "amount": amount}
            self.recorder.note("invoke", **asked, **({"to": to} if to else {}))
            answer = self._post(client, verb, user, amount, to, key)
            if answer is not None and answer.status_code == 200:
                told = answer.json()
                self.recorder.note("ok", op=op, version=told["version"], credits=told["credits"])
                self.answered += 1
                return
            if answer is not None and answer.status_code < 500:
                code = answer.json()["code"]
                assert code == "insufficient_credits", answer.text
                self.recorder.note("refused", op=op, code=code)
                self.answered += 1
                return
            if answer is not None:
                assert answer.status_code == 503, answer.text
                assert "retry-after" in answer.headers
            self.recorder.note("unknown", op=op)
            if rolls.random() < 0.2:
                return  # nobody will ever know
            self._quiet.wait(AGAIN_S)
        raise AssertionError(f"{key} was not answered within {GIVEN_UP_S} s")

    def _post(
        self, client: httpx2.Client, verb: str, user: str, amount: int, to: str | None, key: str
    ) -> httpx2.Response | None:
        bodies: dict[str, tuple[str, str, dict[str, Any]]] = {
            "spend": ("POST", f"/users/{user}/spend", {"amount": amount}),
            "grant": ("POST", f"/users/{user}/grants", {"amount": amount}),
            "adjust": ("POST", f"/admin/users/{user}/adjustments", {"amount": amount}),
            "set": ("PUT", f"/admin/users/{user}/credits", {"credits": amount}),
            "transfer": ("POST", "/transfers", {"from_user_id": user, "to_user_id": to, "amount": amount}),
        }
        method, path, body = bodies[verb]
        try:
            return client.request(
                method,
                f"{self._url()}/api/v1{path}",
                json={**body, "metadata": {"key": key}},
                headers={"idempotency-key": f"load:{self.seed}:{key}"},
            )
        except httpx2.TransportError:
            return None

    def _ask(self, client: httpx2.Client, method: str, path: str, **options: Any) -> httpx2.Response | None:
        """A call that changes nothing, until somebody answers."""
        until = time.monotonic() + GIVEN_UP_S
        while time.monotonic() < until and not self._quiet.is_set():
            with contextlib.suppress(httpx2.TransportError):
                answer = client.request(method, f"{self._url()}/api/v1{path}", **options)
                if answer.status_code < 500:
                    return answer
            self._quiet.wait(AGAIN_S)
        return None

    def _url(self) -> str:
        return random.choice(self.urls)

    # --- screens -----------------------------------------------------------------------------------------------

    def _watch(self, number: int) -> None:
        user, screen = f"user-{number % USERS}", f"screen-{number}"
        while not self._quiet.is_set():
            with contextlib.suppress(OSError, WebSocketException, TimeoutError, EOFError):
                self._look(user, screen)
            self._quiet.wait(AGAIN_S)

    def _look(self, user: str, screen: str) -> None:
        with self._client() as client:
            minted = self._ask(client, "POST", "/tokens", json={"user_id": user})
        if minted is None:
            return
        url = self._url().replace("http", "ws", 1) + "/api/v1/credits/live"
        protocols: Any = ["livecredits.v1"]
        with connect(url, subprotocols=protocols, compression=None, open_timeout=5) as connection:
            connection.send(json.dumps({"type": "auth", "token": minted.json()["token"]}))
            is_open = False
            try:
                while not self._quiet.is_set():
                    try:
                        frame = json.loads(connection.recv(timeout=0.2))
                    except TimeoutError:
                        continue
                    states = frame["accounts"] if frame["type"] == "hello" else [frame]
                    if not is_open and frame["type"] == "hello":
                        is_open = True
                        self.recorder.note("opened", screen=screen, user=user)
                    if frame["type"] in {"hello", "state"}:
                        for state in states:
                            self.recorder.note(
                                "shown",
                                screen=screen,
                                user=user,
                                version=state["version"],
                                credits=state["credits"],
                            )
                    elif frame["type"] == "tick":
                        connection.send(
                            json.dumps({"type": "pong", "painted": {}, "visible": True, "tabs": 1})
                        )
                    elif frame["type"] == "bye":
                        return
            finally:
                if is_open:
                    self.recorder.note("lost", screen=screen, user=user)
