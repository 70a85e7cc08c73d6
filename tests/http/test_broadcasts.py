"""Receipts and the broadcast log, over real sockets: what operators are told, and that it is never too much."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest
from tests.http.stage import Stage
from tests.live.carriers import Carrier, Events, Guest, Sockets, eventually
from tests.live.servers import serving
from tests.postgres import of_both

from livecredits.access import Scope
from livecredits.core.broadcasts import Counts, Row, Span
from livecredits.errors import StorageFull
from livecredits.http.answers import ChangeAnswer
from livecredits.http.app import build_app
from livecredits.http.receipts import WaitQuery
from livecredits.http.shop_models import OrderStatusAnswer
from livecredits.live.log import DAY_US
from livecredits.live.protocol import make_ws_protocol
from livecredits.storage import broadcasts

ADMIN = "/api/v1/admin"
SET = f"{ADMIN}/users/ada/credits"
LOG = f"{ADMIN}/broadcasts"
ZERO = {
    "open": 0, "shown": 0, "hidden": 0, "asleep": 0, "gone": 0, "behind": 0, "first_ms": None, "last_ms": None,
    "counted": "screens",
}  # fmt: skip


@dataclass
class House:
    """A served application, and screens on it by one carrier."""

    stage: Stage
    carrier: Carrier
    operator: httpx2.AsyncClient

    @contextlib.asynccontextmanager
    async def screen(self, user: str = "ada") -> AsyncIterator[Browser]:
        token, _ = await self.stage.services.tokens.mint(user)
        async with self.carrier.screen(token) as guest:
            browser = Browser(guest, await guest.until("hello"))
            task = asyncio.create_task(browser.live())
            try:
                yield browser
            finally:
                task.cancel()

    async def set(self, credits: int, **query: Any) -> dict[str, Any]:
        answer = await self.operator.put(SET, json={"credits": credits, "reason": "t"}, params=query)
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        return told

    async def log(self, **query: Any) -> list[dict[str, Any]]:
        answer = await self.operator.get(LOG, params=query)
        assert answer.status_code == 200, answer.text
        items: list[dict[str, Any]] = answer.json()["items"]
        return items

    async def one(self, id: str) -> dict[str, Any]:
        told: dict[str, Any] = (await self.operator.get(f"{LOG}/{id}")).json()
        return told


class Browser:
    """A screen that applies what it is told, and says what it painted as the protocol wants it."""

    def __init__(self, guest: Guest, hello: dict[str, Any]) -> None:
        self.guest = guest
        self.hello = hello
        self.held = _versions(hello)
        self.painted = dict(self.held)
        self.visible = True
        self.tabs = 1
        self.paints = True
        self.answers = True
        self.frames: list[dict[str, Any]] = []

    async def live(self) -> None:
        while True:
            await self.take(await self.guest.next())

    async def take(self, frame: dict[str, Any]) -> None:
        self.frames.append(frame)
        if frame["type"] == "hello":
            self.hello, self.held = frame, _versions(frame)
        elif frame["type"] == "state":
            self.held[frame["unit"]] = frame["version"]
        if self.visible and self.paints:
            self.painted = dict(self.held)
        states = frame.get("accounts", [frame])
        is_asked = any(state.get("receipt") for state in states) and (self.paints or not self.visible)
        if self.answers and (frame["type"] == "tick" or is_asked):
            await self.say("pong" if frame["type"] == "tick" else "shown")

    async def say(self, kind: str = "pong") -> None:
        told = {"type": kind, "painted": self.painted, "visible": self.visible, "tabs": self.tabs}
        await self.guest.say(told)

    async def paint(self) -> None:
        self.painted = dict(self.held)
        await self.say("shown")


def _versions(hello: dict[str, Any]) -> dict[str, int]:
    return {state["unit"]: state["version"] for state in hello["accounts"] if state["version"]}


class PlainSockets(Sockets):
    """WebSockets as any ASGI server brings them."""


async def _until(is_so: Callable[[], Any]) -> None:
    await eventually(is_so)


@contextlib.asynccontextmanager
async def housed(stage: Stage, carrier: Carrier) -> AsyncIterator[House]:
    is_ours = not isinstance(carrier, PlainSockets)
    options = {"ws": make_ws_protocol(stage.services.live)} if is_ours else {}
    async with serving(stage.app, **options) as port:
        carrier.port = port
        await stage.credits.put_user("ada", name="Ada")
        yield House(stage, carrier, await stage.operator())


@pytest.fixture(params=[Sockets, PlainSockets, Events], ids=lambda kind: kind.__name__)
async def house(request: pytest.FixtureRequest, stage: Stage) -> AsyncIterator[House]:
    async with housed(stage, request.param()) as made:
        yield made


@pytest.fixture
async def simple(stage: Stage) -> AsyncIterator[House]:
    async with housed(stage, Sockets()) as made:
        yield made


# --- waiting for receipts, on every carrier -----------------------------------------------------------------


async def test_a_change_tells_on_how_many_screens_it_was_seen(house: House) -> None:
    async with house.screen(), house.screen(), house.screen("bob"):
        told = await house.set(55, wait="shown")
    counts = told["receipts"]
    assert (counts["open"], counts["shown"], counts["counted"]) == (2, 2, "screens")
    assert 1 <= counts["first_ms"] <= counts["last_ms"]


async def test_every_route_that_moves_credits_can_wait_for_the_screens(house: House) -> None:
    """Whoever asks and is not heard would believe that it was seen."""
    answers = (ChangeAnswer, OrderStatusAnswer)
    moving = [route for route in house.stage.services.table.routes if route.result in answers]
    assert {route.path for route in moving if route.query is not WaitQuery} == set()
    assert len(moving) >= 15
    backend = await house.stage.backend(Scope.MOVE, Scope.SHOP)
    code = (await house.stage.credits.create_voucher(5)).code
    package = await house.stage.credits.put_package(name="Two", credits=2, price_minor=1, currency="EUR")
    order = await house.stage.credits.order("ada", package.id)
    users = "/api/v1/users/ada"
    await house.set(100)
    await house.stage.credits.grant("bob", 1)
    async with house.screen():
        for url, body in (
            (f"{users}/spend", {"amount": 1}),
            (f"{users}/holds", {"amount": 2}),
            ("/api/v1/transfers", {"from_user_id": "ada", "to_user_id": "bob", "amount": 1}),
            (f"{users}/redeem", {"code": code}),
            (f"/api/v1/admin/credits/orders/{order.id}/status", {"state": "fulfilled"}),
        ):
            method = "PATCH" if url.endswith("/status") else "POST"
            answer = await backend.request(method, url, json=body, params={"wait": "shown"})
            assert answer.status_code == 200, answer.text
            counts = answer.json()["receipts"]
            assert (counts["open"], counts["shown"]) == (1, 1), url


async def test_a_hidden_screen_is_never_shown_until_it_is_seen(house: House) -> None:
    async with house.screen() as seen, house.screen() as hidden:
        hidden.visible = False
        told = await house.set(55, wait="shown")
        counts = told["receipts"]
        assert (counts["open"], counts["shown"], counts["hidden"], counts["behind"]) == (2, 1, 1, 0)
        hidden.visible = True
        await hidden.paint()
        await _until(lambda: not house.stage.services.live.hub.receipts._due)
        assert seen.painted == hidden.painted
        assert (await house.one(told["entry"]))["screens"]["shown"] == 2


async def test_a_screen_that_paints_late_is_behind_meanwhile_and_counted_then(house: House) -> None:
    async with house.screen() as slow:
        slow.paints = False
        told = await house.set(55, wait="shown", timeout_ms=150)
        assert (told["receipts"]["shown"], told["receipts"]["behind"]) == (0, 1)
        (row,) = await house.log(state="behind")
        assert (row["id"], row["settled"]) == (told["entry"], False)
        await _until(lambda: slow.held)
        await slow.paint()
        await _until(lambda: not house.stage.services.live.hub.receipts._due)
        (row,) = await house.log()
        assert (row["screens"]["shown"], row["screens"]["behind"], row["settled"]) == (1, 0, True)
        assert row["screens"]["first_ms"] >= 150
        assert await house.log(state="behind") == []


async def test_a_crashed_screen_is_behind_then_gone_and_never_shown(house: House) -> None:
    """Its script has died: the socket takes frames, and nobody answers."""
    async with house.screen() as crashed:
        crashed.answers = False
        told = await house.set(55, wait="shown", timeout_ms=100)
        assert (told["receipts"]["shown"], told["receipts"]["behind"]) == (0, 1)
    await _until(lambda: not house.stage.services.live.open_screens)
    detail = await house.one(told["entry"])
    assert (detail["screens"]["shown"], detail["screens"]["gone"], detail["settled"]) == (0, 1, True)
    assert detail["shown_on"] == []


async def test_pongs_bring_receipts_that_nobody_asked_for(house: House) -> None:
    backend = await house.stage.backend()
    async with house.screen() as screen:
        await backend.post("/api/v1/users/ada/grants", json={"amount": 5})
        await _until(lambda: screen.held)
        assert [frame["type"] for frame in screen.frames] == ["state"], "no message more than the change"
        await screen.say("pong")
        await _until(lambda: not house.stage.services.live.hub.receipts._due)
        (row,) = await house.log(user="ada")
        assert (row["screens"]["shown"], row["kind"], row["amount"]) == (1, "grant", 5)


# --- the answer ---------------------------------------------------------------------------------------------


async def test_without_a_screen_the_answer_comes_at_once(simple: House) -> None:
    told = await simple.set(55, wait="shown", timeout_ms=10_000)
    assert told["receipts"] == ZERO
    assert "receipts" not in await simple.set(56)


@pytest.mark.parametrize("limit_ms", ["0", "10001", "2e3", "-1"])
async def test_the_time_to_wait_is_bounded(simple: House, limit_ms: str) -> None:
    answer = await simple.operator.put(
        SET, json={"credits": 1}, params={"wait": "shown", "timeout_ms": limit_ms}
    )
    assert answer.status_code == 422


async def test_a_repeated_key_is_told_what_is_known_by_then(simple: House) -> None:
    stage = simple.stage
    key = await stage.key()
    header = {"idempotency-key": "k1"}
    query = {"wait": "shown", "timeout_ms": "100"}
    backend = stage.client(key)
    async with simple.screen() as screen:
        screen.paints = False
        first = (await backend.put(SET, json={"credits": 5}, params=query, headers=header)).json()
        assert first["receipts"]["behind"] == 1
        await _until(lambda: screen.held)
        await screen.paint()
        again = (await backend.put(SET, json={"credits": 5}, params=query, headers=header)).json()
        assert (again["entry"], again["receipts"]["shown"]) == (first["entry"], 1)
    await stage.services.live.receipts.flush(everything=True)
    other = Stage(
        stage.credits, build_app(stage.credits), stage.clock
    )  # the next process, over the same file
    later = (await other.client(key).put(SET, json={"credits": 5}, params=query, headers=header)).json()
    assert (later["entry"], later["receipts"]["shown"]) == (first["entry"], 1)
    await other.close()
    other.services.live.close()


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/api/v1/admin/users/ada/adjustments", {"amount": 1}),
        ("POST", "/api/v1/users/ada/grants", {"amount": 1}),
    ],
)
async def test_other_changes_wait_as_well(
    simple: House, method: str, path: str, body: dict[str, Any]
) -> None:
    async with simple.screen():
        answer = await simple.operator.request(method, path, json=body, params={"wait": "shown"})
        assert answer.json()["receipts"]["shown"] == 1


async def test_an_undo_and_a_fulfilment_wait_as_well(simple: House) -> None:
    credits = simple.stage.credits
    package = await credits.put_package(None, name="100", credits=100, price_minor=900, currency="EUR")
    order = await credits.order("ada", package.id)
    async with simple.screen():
        fulfil = f"{ADMIN}/credits/orders/{order.id}/fulfill"
        told = (await simple.operator.post(fulfil, json={}, params={"wait": "shown"})).json()
        assert told["receipts"]["shown"] == 1
        given = await simple.set(150)
        undo = f"{ADMIN}/entries/{given['entry']}/reverse"
        told = (await simple.operator.post(undo, json={}, params={"wait": "shown"})).json()
        assert told["receipts"]["shown"] == 1


@of_both
async def test_a_re_send_is_in_the_log_with_its_caller(simple: House) -> None:
    await simple.set(55)
    url = f"{ADMIN}/users/ada/broadcast"
    async with simple.screen() as screen:
        told = (await simple.operator.post(url, params={"wait": "shown"})).json()
        assert (told["screens"], told["receipts"]["open"], told["receipts"]["shown"]) == (1, 1, 1)
        assert [frame["type"] for frame in screen.frames] == ["hello"]
    nobody_there = (await simple.operator.post(url)).json()
    assert nobody_there["screens"] == 0
    first, second = await simple.log(kind="resend")
    assert (second["id"], second["entry"], second["asked"], second["version"]) == (
        told["broadcast"],
        None,
        True,
        1,
    )
    assert second["screens"]["shown"] == 1
    assert (first["id"], first["screens"]["open"]) == (nobody_there["broadcast"], 0)
    assert first["actor"].startswith("operator:")
    assert [row["kind"] for row in await simple.log()] == ["resend", "resend", "set"]


# --- the log ------------------------------------------------------------------------------------------------


@of_both
async def test_every_change_has_its_row_and_pages_lead_both_ways(simple: House) -> None:
    async with simple.screen():
        for credits in range(1, 8):
            await simple.set(credits, wait="shown")
            await simple.stage.credits.grant("bob", 1)
    whole = await simple.log(limit=50)
    assert len(whole) == 14
    assert [row["user_id"] for row in whole] == ["bob", "ada"] * 7
    assert [row["screens"]["open"] for row in whole] == [0, 1] * 7
    seen: list[dict[str, Any]] = []
    query: dict[str, Any] = {"limit": 4}
    while True:
        page = (await simple.operator.get(LOG, params=query)).json()
        seen += page["items"]
        if page["next"] is None:
            break
        query = {"limit": 4, "after": page["next"]}
    assert seen == whole
    back = (await simple.operator.get(LOG, params={"limit": 4, "before": page["previous"]})).json()
    assert back["items"] == whole[8:12]


@of_both
async def test_the_log_is_filtered(simple: House) -> None:
    async with simple.screen() as screen:
        shown = (await simple.set(1, wait="shown"))["entry"]
        screen.paints = False
        behind = (await simple.set(2))["entry"]
        nobody = (await simple.stage.credits.grant("bob", 5)).entry
        assert [row["id"] for row in await simple.log(state="shown")] == [shown]
        assert [row["id"] for row in await simple.log(state="behind")] == [behind]
        assert [row["id"] for row in await simple.log(state="unseen")] == [behind]
        assert [row["id"] for row in await simple.log(state="none")] == [nobody]
        assert [row["id"] for row in await simple.log(user="ada")] == [behind, shown]
        assert [row["id"] for row in await simple.log(kind="grant")] == [nobody]
        assert await simple.log(unit="points") == []
        at = (await simple.one(behind))["committed_at"]
        assert [row["id"] for row in await simple.log(since=at)] == [nobody, behind]
        assert [row["id"] for row in await simple.log(until=at)] == [shown]
    assert (await simple.operator.get(LOG, params={"kind": "nonsense"})).status_code == 422
    assert (await simple.operator.get(LOG, params={"after": "../x"})).status_code == 400


async def test_details_are_of_the_screens_that_are_there(simple: House) -> None:
    async with simple.screen() as one, simple.screen() as two:
        two.tabs = 3
        entry = (await simple.set(1, wait="shown"))["entry"]
        detail = await simple.one(entry)
        assert [sight["state"] for sight in detail["shown_on"]] == ["shown", "shown"]
        assert {sight["screen"] for sight in detail["shown_on"]} == {one.hello["screen"], two.hello["screen"]}
        assert {sight["version"] for sight in detail["shown_on"]} == {1}
        assert detail["screens"]["counted"] == "browsers"
    await _until(lambda: not simple.stage.services.live.open_screens)
    assert (await simple.one(entry))["shown_on"] == []
    assert (await simple.operator.get(f"{LOG}/ent_{'0' * 32}")).status_code == 404


async def test_what_nobody_wrote_down_is_said_to_be_unknown(stage: Stage) -> None:
    """A change that no server saw: it was made by the library, or its counts died with a process."""
    unseen = await stage.credits.grant("ada", 5)
    operator = await stage.operator()
    await stage.credits.grant("ada", 5)
    newer, older = (await operator.get(LOG)).json()["items"]
    assert older["id"] == unseen.entry
    assert (older["screens"], older["details"], older["settled"]) == (None, "none", True)
    assert newer["screens"] == ZERO


@of_both
async def test_when_a_process_ends_its_screens_were_gone(simple: House) -> None:
    async with simple.screen() as screen:
        screen.paints = False
        entry = (await simple.set(1))["entry"]
        assert (await simple.log(state="behind"))[0]["id"] == entry
        # The process dies here, and another one begins: all that it finds is the file.
        after = Stage(simple.stage.credits, build_app(simple.stage.credits), simple.stage.clock)
        (row,) = (await (await after.backend()).get(LOG)).json()["items"]
        assert (row["screens"]["gone"], row["screens"]["behind"], row["settled"]) == (1, 0, True)
        await after.close()
        after.services.live.close()


async def test_followers_are_told_that_the_log_moved(simple: House) -> None:
    live = (await simple.operator.post(f"{ADMIN}/session/live-token")).json()["token"]
    async with simple.carrier.screen(live) as olga, simple.screen():
        await olga.until("hello")
        await olga.say({"type": "follow", "lists": ["broadcasts"]})
        await _until(lambda: simple.stage.services.live.hub._followers)
        for credits in range(5):
            await simple.set(credits + 1, wait="shown")
        assert await olga.until("changed") == {"type": "changed", "lists": ["broadcasts"]}


async def test_an_open_page_asks_for_receipts_at_once(simple: House) -> None:
    live = (await simple.operator.post(f"{ADMIN}/session/live-token")).json()["token"]
    async with simple.carrier.screen(live) as olga, simple.screen() as screen:
        await olga.until("hello")
        await olga.say({"type": "watch", "users": ["ada"], "open": True})
        await olga.until("state")
        entry = (await simple.stage.credits.grant("ada", 5)).entry
        await _until(lambda: not simple.stage.services.live.hub.receipts._due and screen.held)
        assert (await simple.one(entry))["screens"]["shown"] == 1


# --- privacy ------------------------------------------------------------------------------------------------


@of_both
async def test_a_user_without_receipts_is_asked_for_none(simple: House) -> None:
    await simple.set(1)
    async with simple.screen() as ada, simple.screen("bob") as bob:
        assert ada.hello["receipts"] is True
        answer = await simple.operator.put(f"{ADMIN}/users/ada", json={"receipts": False})
        assert answer.json()["receipts"] is False
        await _until(lambda: ada.hello["receipts"] is False)
        assert bob.hello["receipts"] is True
        told = await simple.set(2, wait="shown")
        assert told["receipts"] == {**ZERO, "open": 1, "off": True}
        await _until(lambda: any(frame["type"] == "state" for frame in ada.frames))
        assert not any("receipt" in frame for frame in ada.frames)
        (row, _) = await simple.log(user="ada")
        assert (row["screens"], row["details"]) == ({**ZERO, "open": 1, "off": True}, "none")
    async with simple.screen() as again:
        assert again.hello["receipts"] is False
    (row,) = (await simple.operator.get(f"{ADMIN}/audit", params={"action": "user.changed"})).json()["items"]
    assert (row["before"], row["after"]) == ({"receipts": True}, {"receipts": False})


async def test_an_installation_without_receipts_asks_nobody(simple: House) -> None:
    async with simple.screen() as ada:
        await simple.operator.put(f"{ADMIN}/settings", json={"receipts": False})
        await _until(lambda: ada.hello["receipts"] is False)
        assert (await simple.set(2, wait="shown"))["receipts"]["off"] is True
        await simple.operator.put(f"{ADMIN}/settings", json={"receipts": True})
        await _until(lambda: ada.hello["receipts"] is True)
        assert (await simple.set(3, wait="shown"))["receipts"]["shown"] == 1


# --- figures and housekeeping -------------------------------------------------------------------------------


async def test_the_time_to_the_painted_pixel_is_a_histogram(simple: House) -> None:
    async with simple.screen():
        await simple.set(2, wait="shown")
        await _until(simple.stage.services.live.receipts.last_hour)
        await simple.stage.services.live.receipts.flush()
        stats = (await simple.operator.get(f"{ADMIN}/stats")).json()["painted"]
        assert (stats["count"], stats["within"]) == (1, 1.0)
        backend = await simple.stage.backend()
        lines = (await backend.get("/metrics")).text.splitlines()
    assert "livecredits_commit_to_painted_seconds_count 1.0" in lines
    assert 'livecredits_commit_to_painted_seconds_bucket{le="10"} 1.0' in lines
    assert 'livecredits_receipts_total{state="shown"} 1.0' in lines


async def test_rows_are_kept_for_as_many_days_as_the_setting_says(simple: House) -> None:
    simple.operator = await simple.stage.backend()  # a session would be over after eight days
    async with simple.screen():
        old = (await simple.set(1, wait="shown"))["entry"]
        await simple.operator.post(f"{ADMIN}/users/ada/broadcast", params={"wait": "shown"})
        await simple.stage.credits.grant("bob", 1)
        assert len(await simple.log()) == 3
        simple.stage.clock.shift_us = 8 * DAY_US
        young = (await simple.set(2, wait="shown"))["entry"]
        assert [row["id"] for row in await simple.log()] == [young]
        assert (await simple.operator.get(f"{LOG}/{old}")).status_code == 404
        left = await simple.stage.credits.read(
            lambda connection: [
                connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar()
                for table in ("broadcasts", "resends", "entries")
            ]
        )
    assert left == [1, 0, 3]


@of_both
async def test_more_than_one_piece_is_deleted(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broadcasts, "PRUNED_AT_ONCE", 2)
    log = stage.services.log
    rows = [Row(f"ent_{n:032x}", Counts(open=1, shown=1), is_settled=True, details="full") for n in range(7)]
    await log.keep(rows, Span("ent_0", "ent_1"))
    left = await stage.credits.read(
        lambda connection: connection.exec_driver_sql("SELECT count(*) FROM broadcasts").scalar()
    )
    assert left == 0


async def test_a_full_disk_holds_up_no_change_and_loses_no_row(
    simple: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    services = simple.stage.services
    keep = services.log.keep

    async def full(*_: Any, **__: Any) -> None:
        raise StorageFull("The disk is full.")

    async with simple.screen():
        monkeypatch.setattr(services.log, "keep", full)
        entry = (await simple.set(1, wait="shown"))["entry"]
        await services.live.receipts.flush(everything=True)
        monkeypatch.setattr(services.log, "keep", keep)
        (row,) = await simple.log()
        assert (row["id"], row["screens"]["shown"]) == (entry, 1)
