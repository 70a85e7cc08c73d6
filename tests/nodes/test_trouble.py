"""What happens to screens when a node is killed, a listener is cut, a node stops, a worker dies: two real processes.

L8 and the table of how long a screen may be behind: measured here with short times, printed by each test.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any

import httpx2
import psycopg
from tests.demo_process import START_S, spawn
from tests.nodes.town import Screen, Town, screen
from tests.serve_process import Server
from tests.storage.hands import IS_DEEP
from tests.waiting import eventually
from websockets.exceptions import WebSocketException

USERS = 6
SENT_AWAY = 500 if IS_DEEP else 12
BEHIND_S = 3.0
"""A node that lost its listener is told of everything so soon after it is back."""


class Follower(threading.Thread):
    """A user's screen that connects again, to whichever node takes it."""

    def __init__(self, town: Town, user: str) -> None:
        super().__init__(daemon=True)
        self._nodes = [town.a, town.b]
        self._token = town.token(user)
        self.user = user
        self.version = 0
        self.went_back = 0
        self.hellos = 0
        self.is_over = threading.Event()

    def run(self) -> None:
        while not self.is_over.is_set():
            try:
                with screen(self._nodes[0], self._token) as shown:
                    self.hellos += 1
                    self._take(shown.hello["accounts"][0])
                    self._follow(shown)
            except (OSError, WebSocketException, TimeoutError):
                self._nodes.reverse()

    def _follow(self, shown: Screen) -> None:
        while not self.is_over.is_set():
            try:
                frame = shown.next(0.2)
            except TimeoutError:
                continue
            if frame["type"] == "state":
                self._take(frame)

    def _take(self, state: dict[str, Any]) -> None:
        self.went_back += state["version"] < self.version
        self.version = state["version"]


class Payer(threading.Thread):
    """Grants one credit after another, each with a key of its own; where nobody answers, the other node is asked."""

    def __init__(self, town: Town, number: int, users: list[str]) -> None:
        super().__init__(daemon=True)
        self._nodes = [town.a, town.b] if number % 2 else [town.b, town.a]
        self._number = number
        self._users = users
        self.made: dict[str, int] = dict.fromkeys(users, 0)
        self.is_over = threading.Event()

    def run(self) -> None:
        turn = 0
        with ExitStack() as stack:
            clients = {node.port: stack.enter_context(httpx2.Client(timeout=5)) for node in self._nodes}
            while not self.is_over.is_set():
                user = self._users[turn % len(self._users)]
                self._grant(clients, user, f"payer-{self._number}-{turn}")
                self.made[user] += 1
                turn += 1

    def _grant(self, clients: dict[int, httpx2.Client], user: str, key: str) -> None:
        for _ in range(100):
            node = self._nodes[0]
            headers = {**node.headers, "Idempotency-Key": key}
            try:
                answer = clients[node.port].post(
                    f"{node.url}/api/v1/users/{user}/grants", json={"amount": 1}, headers=headers
                )
            except httpx2.HTTPError:
                self._nodes.reverse()
                continue
            if answer.status_code == 200:
                return
            assert answer.status_code == 503, answer.text
        raise AssertionError("nobody answers")


@contextmanager
def load(town: Town, users: list[str]) -> Iterator[tuple[list[Follower], list[Payer]]]:
    followers = [Follower(town, user) for user in users]
    payers = [Payer(town, number, users) for number in range(2)]
    for thread in (*followers, *payers):
        thread.start()
    try:
        yield followers, payers
    finally:
        for payer in payers:
            payer.is_over.set()
            payer.join()
        for follower in followers:
            follower.is_over.set()
            follower.join()


def paid(payers: list[Payer], user: str) -> int:
    return sum(payer.made[user] for payer in payers)


def settle(followers: list[Follower], payers: list[Payer]) -> float:
    """Stop paying; gives how many seconds it took until every screen had everything."""
    for payer in payers:
        payer.is_over.set()
        payer.join()
    return eventually(lambda: all(one.version == paid(payers, one.user) for one in followers))


def test_a_node_that_is_killed_under_load(town: Town) -> None:
    """Its screens connect to the other and end equal to the ledger; nothing acknowledged is lost or doubled.

    A batch that it was working on is told as broken off, and goes on where it was at the other node.
    """
    users = [town.new_user() for _ in range(USERS)]
    listed, key = [f"batch-{number:04d}" for number in range(10_000)], "run:killed:1"
    with load(town, users) as (followers, payers), ThreadPoolExecutor(1) as pool:
        eventually(lambda: all(paid(payers, user) > 3 for user in users))
        begun = pool.submit(town.batch, town.a, key, listed)
        eventually(lambda: town.batch_of(town.b, key))
        hellos = [follower.hellos for follower in followers]
        town.a.kill()
        killed_s = time.monotonic()
        before = {user: paid(payers, user) for user in users}
        eventually(lambda: all(paid(payers, user) > before[user] + 3 for user in users))
        eventually(lambda: all(one.hellos > had for one, had in zip(followers, hellos, strict=True)))
        took_s = time.monotonic() - killed_s
        behind_s = settle(followers, payers)
        print(
            f"killed: every screen on the other node after {took_s:.1f} s, equal {behind_s * 1000:.0f} ms after quiet"
        )
        assert not any(follower.went_back for follower in followers)
        for follower in followers:
            balance = town.b.api("GET", f"/users/{follower.user}/balance")
            assert (balance["version"], balance["credits"]) == (follower.version, follower.version)
        assert begun.exception() is not None
    broken_off = town.b.api("GET", f"/admin/batches/{town.batch_of(town.b, key)['batch']}")
    assert broken_off["state"] in ("running", "interrupted")
    assert 0 < len(broken_off["rows"]) < len(listed)
    whole = town.batch(town.b, key, listed)
    assert (whole["batch"], whole["state"]) == (broken_off["batch"], "applied")
    assert whole["applied"] == len({row["entry"] for row in whole["rows"]}) == len(listed)
    forgotten_s = eventually(lambda: town.known_to(town.b) == 1, 15)
    print(f"the other node knew that it is gone after {forgotten_s + took_s:.1f} s at most")
    town.a.start()
    town.until_both_know()


def test_listeners_that_are_killed(town: Town) -> None:
    """L8: no write fails, and the screens of the other node have everything within 3 s."""
    user = town.new_user()
    with screen(town.b, town.token(user)) as there, psycopg.connect(town.url, autocommit=True) as db:
        version, worst_s = 0, 0.0
        for turn in range(30):
            if turn % 10 == 5:
                db.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'livecredits bus'"
                )
            version = town.grant(town.a, user, 1)["version"]
            returned_s = time.monotonic()
            there.until("state", lambda frame: frame["version"] >= version)  # noqa: B023 - asked at once
            worst_s = max(worst_s, time.monotonic() - returned_s)
        print(f"listeners killed three times: a frame came {worst_s * 1000:.0f} ms after its commit at most")
        assert version == 30
        assert worst_s < BEHIND_S


def test_a_node_that_stands_still_for_a_while(town: Town) -> None:
    """Nobody waits for it beyond a second, nothing is held up by it, and its screens miss nothing when it goes on."""
    here, there = Follower(town, town.new_user()), Follower(town, town.new_user())
    here.start()
    there.start()
    eventually(lambda: here.hellos and there.hellos)
    town.a.pause()
    try:
        began_s = time.monotonic()
        told = town.b.api("GET", "/admin/stats")
        town.b.api("PUT", "/admin/settings", json={"painted_objective_ms": 200})
        for user in (here.user, there.user):
            for _ in range(10):
                town.grant(town.b, user, 1)
        held_up_s = time.monotonic() - began_s
        assert told["nodes"] == {"asked": 2, "answered": 1}
    finally:
        town.a.go_on()
    behind_s = eventually(lambda: here.version == there.version == 10)
    for follower in (here, there):
        follower.is_over.set()
        follower.join()
    print(
        f"others held up for {held_up_s:.1f} s, its screens equal {behind_s * 1000:.0f} ms after it went on"
    )
    assert held_up_s < 5
    assert behind_s < BEHIND_S
    assert here.went_back + there.went_back == 0
    eventually(lambda: httpx2.get(f"{town.a.url}/readyz").status_code == 200)
    town.until_both_know()


def test_a_node_that_stops_sends_its_screens_away_one_after_the_other(town: Town) -> None:
    users = [town.new_user() for _ in range(SENT_AWAY)]
    tokens = [town.token(user) for user in users]
    with ExitStack() as stack:
        screens = [stack.enter_context(screen(town.a, token)) for token in tokens]
        pool = stack.enter_context(ThreadPoolExecutor(len(screens)))
        process = town.a.end()
        began_s = time.monotonic()
        sent_away = [pool.submit(_sent_away_s, shown) for shown in screens]
        eventually(lambda: httpx2.get(f"{town.a.url}/readyz").status_code == 503)
        for user in users[: 2 * USERS]:
            town.grant(town.b, user)
        gone_s = sorted(one.result() for one in sent_away)
        told = sum(any(frame["type"] == "state" for frame in shown.frames) for shown in screens)
        assert told, "who is still there is served"
        _, said = process.communicate(timeout=START_S)
        took_s = time.monotonic() - began_s
    assert process.returncode == 0, said
    print(f"{len(screens)} screens sent away in {took_s:.1f} s, {told} of them served meanwhile")
    assert gone_s[-1] - gone_s[0] > 1, "they went one after the other"
    rush = max(sum(start <= at < start + 0.2 for at in gone_s) for start in gone_s)
    print(f"at most {rush} of them within 0.2 s, the last one {gone_s[-1] - gone_s[0]:.1f} s after the first")
    assert rush <= len(screens) / 2
    assert eventually(lambda: town.known_to(town.b) == 1, 3) < 3
    town.a.start()
    town.until_both_know()


def _sent_away_s(shown: Screen) -> float:
    """When it is told to go."""
    shown.until("bye")
    return time.monotonic()


def test_workers_are_whole_nodes_on_one_port(town: Town) -> None:
    parent = spawn("serve", "--workers", "2", "--port", "0", "--json", **town.a.settings)
    try:
        assert parent.stdout is not None
        url = json.loads(parent.stdout.readline())["url"]
        eventually(lambda: town.known_to(town.b) == 4)
        nodes = {
            httpx2.get(f"{url}/api/v1/admin/nodes", headers=town.a.headers).json()["items"][0]["node"]
            for _ in range(30)
        }
        assert all(node.startswith(("a-1-", "a-2-")) for node in nodes)
        user = town.new_user()
        at_workers = Server.__new__(Server)
        at_workers.port = int(url.rpartition(":")[2])
        with (
            screen(at_workers, town.token(user)) as shown, screen(town.a, town.token(user)) as here,
            screen(town.b, town.token(user)) as there, ThreadPoolExecutor(1) as pool,
        ):  # fmt: skip
            path = f"/admin/users/{user}/credits?wait=shown&timeout_ms=5000"
            waiting = pool.submit(town.b.api, "PUT", path, json={"credits": 50})
            for guest in (shown, here, there):
                guest.paint(guest.until("state")["version"])
            receipts = waiting.result(10)["receipts"]
            assert (receipts["open"], receipts["shown"]) == (3, 3), "on three nodes"
            metrics = httpx2.get(f"{url}/metrics", headers=town.a.headers).text
        for name in ("a-1", "a-2"):
            assert f'livecredits_worker_up{{node="{name}"}} 1' in metrics
        screens = re.findall(r'^livecredits_screens{node="(a-\d)"} (\d)', metrics, re.MULTILINE)
        assert sum(int(count) for _, count in screens) == 1, "whoever answers shows the screens of both"
        victim = min(_children(parent.pid))
        os.kill(victim, signal.SIGKILL)
        eventually(lambda: len(_children(parent.pid) - {victim}) == 2, 20)
        eventually(lambda: httpx2.get(f"{url}/readyz").status_code == 200)
        parent.send_signal(signal.SIGTERM)
        _, said = parent.communicate(timeout=START_S)
        assert parent.returncode == 0, said
        assert "ended with code -9; it is started anew" in said
        eventually(lambda: town.known_to(town.b) == 2)
    finally:
        if parent.poll() is None:
            parent.kill()
            parent.communicate()


def _children(pid: int) -> set[int]:
    found = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False).stdout
    return {int(line) for line in found.split()}
