"""The shell alone: the long poll, one loop, failures, what operators see, and the hook into uvicorn."""

from __future__ import annotations

import asyncio
import inspect
import json
import threading

import pytest
import uvicorn
from tests.live.carriers import PATH, Events, EventsElsewhere, Sockets, eventually, request
from tests.live.ledger import Ledger, Unit, make_live
from tests.live.servers import not_here, serving, uvicorn_live
from websockets.asyncio.client import connect

from livecredits.core.screen import Limits
from livecredits.live.protocol import make_ws_protocol
from livecredits.live.shell import Live


@pytest.fixture
def live(ledger: Ledger) -> Live:
    return make_live(ledger)


# --- the long poll ------------------------------------------------------------------------------------------


async def test_a_long_poll_returns_at_once_what_is_news(live: Live, ledger: Ledger) -> None:
    ledger.commit("ada", 5)
    state = await live.wait_for("ada", "credits", 0, 30)
    assert state is not None
    assert state.version == 1


async def test_a_long_poll_waits_for_the_next_commit(live: Live, ledger: Ledger) -> None:
    ledger.commit("ada", 5)
    poll = asyncio.ensure_future(live.wait_for("ada", "credits", 1, 30))
    await eventually(lambda: live._waiters and ledger.reads)
    assert not poll.done()
    ledger.commit("bob")
    ledger.commit("ada", 2)
    state = await poll
    assert state is not None
    assert (state.version, state.settled) == (2, 7)
    assert not live._waiters


async def test_a_commit_while_the_long_poll_reads_is_not_missed(live: Live, ledger: Ledger) -> None:
    async def commit() -> None:
        ledger.commit("ada", 5)

    ledger.after_read = commit
    state = await live.wait_for("ada", "credits", 0, 30)
    assert state is not None
    assert state.version == 1


async def test_a_long_poll_that_times_out_tells_the_current_state(live: Live, ledger: Ledger) -> None:
    ledger.commit("ada", 5)
    state = await live.wait_for("ada", "credits", 1, 0.01)
    assert state is not None
    assert state.version == 1
    assert not live._waiters


async def test_a_long_poll_for_an_older_line_of_history_returns_at_once(live: Live, ledger: Ledger) -> None:
    ledger.commit("ada", 5)
    state = await live.wait_for("ada", "credits", 9, 30)
    assert state is not None
    assert state.version == 1


async def test_a_long_poll_for_an_unknown_unit(live: Live) -> None:
    assert await live.wait_for("ada", "nonsense", 0, 30) is None


async def test_drain_lets_long_polls_go(live: Live, ledger: Ledger) -> None:
    ledger.commit("ada", 5)
    poll = asyncio.ensure_future(live.wait_for("ada", "credits", 1, 30))
    await eventually(lambda: ledger.reads)
    live.begin_drain()
    state = await poll
    assert state is not None
    assert state.version == 1


# --- one loop -----------------------------------------------------------------------------------------------


async def test_a_second_loop_is_an_error(live: Live) -> None:
    await live.wait_for("ada", "nonsense", 0, 0)
    raised: list[BaseException] = []

    def elsewhere() -> None:
        try:
            asyncio.run(live.wait_for("ada", "credits", 0, 0))
        except RuntimeError as error:
            raised.append(error)

    thread = threading.Thread(target=elsewhere)
    thread.start()
    await asyncio.to_thread(thread.join)
    assert "another event loop" in str(raised[0])


async def test_a_commit_by_a_thread_reaches_the_screens(live: Live, ledger: Ledger) -> None:
    carrier = Sockets()
    carrier.live = live
    async with carrier.serving(live) as carrier.port, carrier.screen("user:ada") as ada:
        await ada.until("hello")
        await asyncio.to_thread(ledger.commit, "ada", 5)
        assert (await ada.next())["credits"] == 5


# --- failures -----------------------------------------------------------------------------------------------


async def test_a_database_that_stays_away_sends_its_screens_away(
    live: Live, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("livecredits.live.snapshots.READ_PAUSES_S", (0.01,))
    carrier = Sockets()
    carrier.live = live
    async with carrier.serving(live) as carrier.port, carrier.screen("operator:olga") as olga:
        await olga.until("hello")
        ledger.failures = 2
        async with carrier.screen("user:ada") as ada:
            assert (await ada.verdict())[0] == 4101


async def test_an_authenticator_that_fails_is_our_fault(
    live: Live, ledger: Ledger, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(_token: str) -> None:
        raise KeyError("nobody thought of this")

    live.authenticate = broken  # type: ignore[assignment]
    carrier = Sockets()
    carrier.live = live
    async with carrier.serving(live) as carrier.port, carrier.screen("user:ada") as ada:
        assert (await ada.verdict())[0] == 4101
    assert "user:ada" not in caplog.text


async def test_another_epoch_greets_everybody_anew(live: Live, ledger: Ledger) -> None:
    carrier = Sockets()
    carrier.live = live
    ledger.commit("ada", 9)
    async with carrier.serving(live) as carrier.port, carrier.screen("user:ada") as ada:
        await ada.until("hello")
        ledger.epoch = "ep_b"
        ledger.rows.clear()
        ledger.commit("ada", 2)
        hello = await ada.until("hello")
        assert (hello["epoch"], hello["accounts"][0]["credits"]) == ("ep_b", 2)


async def test_a_unit_brings_its_scale(live: Live, ledger: Ledger) -> None:
    ledger.units = {"credits": Unit("credits", 0), "minutes": Unit("minutes", 2)}
    carrier = Sockets()
    carrier.live = live
    async with carrier.serving(live) as carrier.port, carrier.screen("user:ada") as ada:
        hello = await ada.until("hello")
        assert {state["unit"]: state["scale"] for state in hello["accounts"]} == {"credits": 0, "minutes": 2}


# --- event streams ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [Events, EventsElsewhere])
async def test_the_stream_says_that_it_is_one(ledger: Ledger, kind: type[Events]) -> None:
    carrier = kind()
    carrier.live = make_live(ledger)
    ledger.commit("ada", 5)
    async with carrier.serving(carrier.live) as carrier.port, carrier.screen("user:ada") as ada:
        headers = ada.headers  # type: ignore[attr-defined]
        assert headers["content-type"].startswith("text/event-stream")
        assert headers["cache-control"] == "no-store, no-transform"
        assert headers["x-accel-buffering"] == "no"
        await ada.until("hello")
        ledger.commit("ada", 1)
        await ada.until("state")
        assert ada.last_id == "ep_a.2"  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("method", "path", "token", "body", "status", "code"),
    [
        ("GET", PATH, None, "", 401, "unauthenticated"),
        ("GET", PATH, "nonsense", "", 401, "unauthenticated"),
        ("GET", PATH, "expired", "", 401, "token_expired"),
        ("GET", PATH, "key:none", "", 403, "forbidden"),
        ("PUT", PATH, "user:ada", "", 405, "method_not_allowed"),
        ("POST", f"{PATH}/scr_none", "user:ada", "[]", 404, "not_found"),
        ("POST", f"{PATH}/scr_none", None, "[]", 401, "unauthenticated"),
    ],
)
async def test_what_a_stream_is_refused_with(
    live: Live, method: str, path: str, token: str | None, body: str, status: int, code: str
) -> None:
    async with uvicorn_live(live) as port:
        got, headers, answer = await request(port, method, path, token, body)
        problem = json.loads(answer)
        assert (got, problem["status"], problem["code"]) == (status, status, code)
        assert headers["content-type"] == "application/problem+json"
        assert problem["detail"]


@pytest.mark.parametrize(
    ("token", "body", "status"),
    [
        ("user:ada", '[{"type":"resync"}]', 204),
        ("user:ada", '{"type":"resync"}', 204),
        ("user:bob", '[{"type":"resync"}]', 404),
        ("operator:olga", '[{"type":"resync"}]', 404),
        ("user:ada", "{}", 400),
        ("user:ada", "not json", 400),
        ("user:ada", '[{"type":"confetti"}]', 400),
        ("user:ada", "[" + ",".join(['{"type":"resync"}'] * 65) + "]", 400),
        ("user:ada", '["' + "x" * 20_000 + '"]', 413),
        ("user:ada", "[" * 10_000, 400),
    ],
)
async def test_upstream_frames_are_checked(ledger: Ledger, token: str, body: str, status: int) -> None:
    carrier = Events()
    carrier.live = make_live(ledger)
    async with carrier.serving(carrier.live) as carrier.port, carrier.screen("user:ada") as ada:
        screen = (await ada.until("hello"))["screen"]
        got, _, _ = await request(carrier.port, "POST", f"{PATH}/{screen}", token, body)
        assert got == status


async def test_a_page_of_an_allowed_origin_may_read_the_stream(ledger: Ledger) -> None:
    live = make_live(ledger, allowed_origins="https://shop.example")
    async with uvicorn_live(live) as port:
        status, _, answer = await request(port, "GET", PATH, "user:ada", origin="https://evil.example")
        assert (status, json.loads(answer)["code"]) == (403, "origin_not_allowed")
        carrier = Events()
        carrier.live, carrier.port = live, port
        async with carrier.screen("user:ada") as ada:
            screen = (await ada.until("hello"))["screen"]
            status, headers, _ = await request(
                port, "POST", f"{PATH}/{screen}", "user:ada", "[]", origin="https://shop.example"
            )
            assert (status, headers["access-control-allow-origin"]) == (204, "https://shop.example")


async def test_too_many_streams_of_a_user_are_rate_limited(ledger: Ledger) -> None:
    carrier = Events()
    carrier.live = make_live(ledger, limits=Limits(per_user=1))
    async with carrier.serving(carrier.live) as carrier.port, carrier.screen("user:ada") as ada:
        await ada.until("hello")
        status, headers, _ = await request(carrier.port, "GET", PATH, "user:ada")
        assert (status, headers["retry-after"]) == (429, "30")


# --- the hook into uvicorn ----------------------------------------------------------------------------------


async def test_other_paths_are_served_by_uvicorn_itself(live: Live) -> None:
    async with uvicorn_live(live) as port, connect(f"ws://127.0.0.1:{port}/other") as client:
        for text in ("one", "two", "three"):
            await client.send(text)
            assert await client.recv() == f"echo {text}"
    assert live.counts.joined == 0


async def test_the_live_path_may_stand_under_a_prefix(live: Live, ledger: Ledger) -> None:
    ledger.commit("ada", 5)
    async with (
        serving(not_here, ws=make_ws_protocol(live, path=f"/billing{PATH}")) as port,
        connect(f"ws://127.0.0.1:{port}/billing{PATH}") as client,
    ):
        await client.send('{"type":"auth","token":"user:ada"}')
        assert json.loads(await client.recv())["accounts"][0]["credits"] == 5


@pytest.mark.parametrize("http", ["h11", "httptools"])
async def test_uvicorn_plays_the_request_head_back(live: Live, http: str) -> None:
    """The hook that `protocol.py` relies on; when this breaks, uvicorn has moved it."""
    async with uvicorn_live(live, http=http) as port, connect(f"ws://127.0.0.1:{port}{PATH}") as client:
        await client.send('{"type":"auth","token":"user:ada"}')
        assert json.loads(await client.recv())["type"] == "hello"


def test_uvicorn_is_the_minor_version_that_the_hook_was_made_for() -> None:
    assert uvicorn.__version__.startswith("0.54.")
    made = inspect.signature(make_ws_protocol(make_live(Ledger())).__init__).parameters
    assert {"config", "server_state", "app_state"} <= set(made)


async def test_uvicorn_stops_within_its_time_though_screens_are_open(live: Live) -> None:
    carrier = Sockets()
    carrier.live = live
    async with carrier.serving(live) as carrier.port:
        screens = [carrier.screen("user:ada") for _ in range(3)]
        guests = [await screen.__aenter__() for screen in screens]
        for guest in guests:
            await guest.until("hello")
    for guest, screen in zip(guests, screens, strict=True):
        assert (await guest.until("bye"))["reason"] == "draining"
        assert (await guest.verdict())[0] == 4000
        await screen.__aexit__(None, None, None)
    assert not live.open_screens
