"""`livecredits demo` as a stranger meets it: one line of JSON, pages, a live change, a quick end."""

from __future__ import annotations

import json
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.demo_process import START_S, STOP_S, Demo, running_demo, spawn
from websockets.sync.client import ClientConnection, connect

from livecredits.client import Client
from livecredits.core import wire

FRAME_S = 5


@pytest.fixture(scope="module")
def demo() -> Iterator[Demo]:
    with running_demo() as running:
        yield running


@pytest.fixture(scope="module")
def service(demo: Demo) -> Iterator[Client]:
    with Client(demo.url, demo.told["service_key"]) as client:
        yield client


@contextmanager
def screen(demo: Demo, token: str) -> Iterator[ClientConnection]:
    """A user's screen, admitted: the hello has been read."""
    live = demo.url.replace("http", "ws") + wire.LIVE_PATH
    with connect(live, subprotocols=[wire.SUBPROTOCOL]) as socket:  # type: ignore[list-item]
        socket.send(json.dumps({"type": "auth", "token": token}))
        assert frame(socket, "hello")["user"]
        yield socket


def frame(socket: ClientConnection, kind: str) -> dict[str, Any]:
    """The next frame of that type."""
    while True:
        received: dict[str, Any] = json.loads(socket.recv(FRAME_S))
        if received["type"] == kind:
            return received


def wallet(demo: Demo, method: str, path: str, body: Any = None) -> httpx2.Response:
    return httpx2.request(method, f"{demo.url}/wallet/api{path}", json=body)


def test_the_line_says_where_everything_is(demo: Demo) -> None:
    assert set(demo.told) == {"url", "service_key", "operator_link", "users"}
    assert demo.told["service_key"].startswith("lck_")
    assert demo.told["operator_link"].startswith(f"{demo.url}/console#code=")
    assert len(demo.told["users"]) >= 12
    for user in demo.told["users"]:
        assert set(user) == {"id", "token", "wallet_url"}
        assert user["wallet_url"] == f"{demo.url}/wallet/?user={user['id']}"
        assert user["token"] not in user["wallet_url"]


def test_the_pages_are_there(demo: Demo) -> None:
    front = httpx2.get(demo.url).text
    assert '<base href="wallet/">' in front
    assert "./?user=ada" in front
    for path in ("/console", "/wallet/?user=ada", "/docs", "/healthz", "/readyz"):
        assert httpx2.get(demo.url + path, follow_redirects=True).status_code == 200, path
    assert httpx2.get(f"{demo.url}/wallet?user=ada").headers["location"] == "wallet/?user=ada"


def test_the_link_signs_in_once(demo: Demo) -> None:
    code = demo.told["operator_link"].partition("#code=")[2]
    address = f"{demo.url}/api/v1/admin/session"
    origin = {"Origin": demo.url}
    first = httpx2.post(address, json={"code": code}, headers=origin)
    assert first.status_code == 200
    assert first.json()["operator"]["role"] == "admin"
    assert httpx2.post(address, json={"code": code}, headers=origin).status_code == 401


def test_a_grant_by_the_service_key_reaches_the_open_screen(demo: Demo, service: Client) -> None:
    with screen(demo, demo.user("hedy")["token"]) as socket:
        answer = service.grant("hedy", 50, label="Thank you")
        state = frame(socket, "state")
    assert (state["user"], state["unit"], state["version"]) == ("hedy", "credits", answer.version)
    assert state["credits"] == answer.credits
    assert state["cause"] == {"entry": answer.entry, "kind": "grant", "amount": 50, "label": "Thank you"}


def test_the_wallet_spends_with_the_key_of_the_browser(demo: Demo) -> None:
    token = wallet(demo, "POST", "/session", {"user": "alan"}).json()["token"]
    body = {"user": "alan", "amount": 5, "key": "made-in-the-browser"}
    with screen(demo, token) as socket:
        spent = wallet(demo, "POST", "/spend", body)
        assert spent.status_code == 200
        assert wallet(demo, "POST", "/spend", body).json() == spent.json()
        state = frame(socket, "state")
    assert ["made-in-the-browser", state["version"]] in state["keys"]
    assert state["version"] == spent.json()["version"]


def test_the_wallet_hands_on_the_sentence_of_a_refusal(demo: Demo) -> None:
    refused = wallet(demo, "POST", "/spend", {"user": "tim", "amount": 2**40, "key": "too-much"})
    assert refused.status_code == 402
    assert refused.json()["code"] == "insufficient_credits"
    assert refused.json()["detail"]


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/spend", {"user": "ada", "amount": 1.5, "key": "k"}, 422),
        ("POST", "/spend", {"user": "ada", "amount": "5", "key": "k"}, 422),
        ("POST", "/spend", {"user": "ada", "amount": True, "key": "k"}, 422),
        ("POST", "/spend", {"user": "ada", "amount": -5, "key": "k"}, 422),
        ("POST", "/spend", {"user": "ada", "amount": 5}, 400),
        ("POST", "/session", [], 400),
        ("POST", "/session", {}, 400),
        ("PUT", "/users/nobody/credits", {"credits": 5}, 404),
        ("PUT", "/users/dennis/credits", {"credits": "many"}, 422),
        ("PUT", "/users/dennis/credits", {"credits": -5}, 402),
        ("POST", f"/orders/ord_{0:032}/fulfill", {"fulfilled_by": "ada"}, 404),
        ("POST", f"/orders/ord_{0:032}/fulfill", {}, 400),
    ],
)
def test_the_wallet_refuses_what_is_wrong(demo: Demo, method: str, path: str, body: Any, status: int) -> None:
    refused = wallet(demo, method, path, body)
    assert refused.status_code == status, refused.text
    assert refused.json()["detail"]


def test_a_form_of_another_page_cannot_spend(demo: Demo) -> None:
    forged = '{"user": "ada", "amount": 5, "key": "forged"}'
    refused = httpx2.post(
        f"{demo.url}/wallet/api/spend", content=forged, headers={"Content-Type": "text/plain"}
    )
    assert refused.status_code == 415


def test_the_users_page_of_the_wallet_sets_credits(demo: Demo, service: Client) -> None:
    assert wallet(demo, "PUT", "/users/joan/credits", {"credits": 77}).json()["credits"] == 77
    assert service.balance("joan").credits == 77
    listed = {user["id"]: user for user in wallet(demo, "GET", "/users").json()["items"]}
    assert listed["joan"]["credits"] == 77
    assert listed["ada"]["name"] == "Ada Byron"


def test_the_team_page_of_the_wallet_fulfils_once(demo: Demo, service: Client) -> None:
    waiting = next(
        order for order in wallet(demo, "GET", "/orders").json()["items"] if order["status"] == "pending"
    )
    address, body = f"/orders/{waiting['id']}/fulfill", {"fulfilled_by": "grace"}
    fulfilled = wallet(demo, "POST", address, body).json()
    (entry, *_) = service.history(waiting["user_id"], unit=fulfilled["unit"], limit=1)
    assert entry.kind == "fulfil"
    again = wallet(demo, "POST", address, body)
    assert (again.status_code, again.json()["code"]) == (409, "already_fulfilled")
    listed = {order["id"]: order for order in wallet(demo, "GET", "/orders").json()["items"]}
    assert listed[waiting["id"]]["status"] == "fulfilled"


def test_the_users_have_a_past(demo: Demo, service: Client) -> None:
    kinds, moments = set(), set()
    for user in ("ada", "grace", "alan"):
        for entry in service.history(user, limit=200):
            kinds.add(entry.kind)
            moments.add(entry.at.date())
    assert {"grant", "spend", "hold", "capture", "expire", "adjust", "reverse", "transfer"} <= kinds
    assert len(moments) > 20
    assert service.holds("ada").items
    minutes = service.balance("ada", unit="minutes")
    assert minutes.version > 1


def test_whoever_is_new_is_welcomed(demo: Demo, service: Client) -> None:
    for _ in range(2):
        assert wallet(demo, "POST", "/session", {"user": "somebody-new"}).status_code == 200
    (entry,) = service.history("somebody-new", limit=10)
    assert (entry.kind, entry.amount, entry.label) == ("redeem", 50, "Welcome gift")


def test_a_second_demo_on_the_same_port_says_which(demo: Demo) -> None:
    port = demo.url.rpartition(":")[2]
    second = spawn("demo", "--port", port, "--json", "--no-browser")
    out, err = second.communicate(timeout=30)
    assert second.returncode == 2
    assert out == ""
    assert f"Port {port} on 127.0.0.1 is in use" in err


def test_sigterm_says_goodbye_and_leaves_nothing(tmp_path: Path) -> None:
    with running_demo(TMPDIR=str(tmp_path)) as demo:
        assert list(tmp_path.iterdir())
        with screen(demo, demo.user("ada")["token"]) as socket:
            took_s = demo.stop()
            assert frame(socket, "bye")["reason"] == "draining"
        assert demo.process.returncode == 0
        assert took_s < STOP_S
        assert demo.process.stdout is not None
        assert demo.process.stdout.read() == ""
    assert not list(tmp_path.iterdir())


def test_sigterm_says_goodbye_to_event_streams_too() -> None:
    with running_demo() as demo:
        headers = {"authorization": f"Bearer {demo.user('ada')['token']}"}
        with httpx2.stream(
            "GET", f"{demo.url}/api/v1/credits/live", headers=headers, timeout=START_S
        ) as events:
            lines = events.iter_lines()
            assert any('"type":"hello"' in line for line in lines)
            demo.process.send_signal(signal.SIGTERM)
            assert any('"type":"bye"' in line for line in lines)
        assert demo.process.wait(STOP_S) == 0


def test_a_named_file_is_kept(tmp_path: Path) -> None:
    file = tmp_path / "kept.db"
    with running_demo("--file", str(file)) as demo, Client(demo.url, demo.told["service_key"]) as service:
        first = service.set("ada", 4_321)
    with running_demo("--file", str(file)) as demo, Client(demo.url, demo.told["service_key"]) as service:
        again = service.balance("ada")
    assert (again.credits, again.version, again.epoch) == (4_321, first.version, first.epoch)
    with closing(sqlite3.connect(file)) as db:
        assert db.execute("SELECT count(*) FROM operators").fetchone() == (1,)
