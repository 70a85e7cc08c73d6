"""Erasing a person: what is known goes and is found no more, screens close, entries stay, and again does no harm."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from tests.http.stage import Stage, staged
from tests.http.test_problems import check_problem
from tests.live.servers import serving
from tests.postgres import database_url  # noqa: F401 - its routes are asked on both databases
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from livecredits import Billing
from livecredits.access import Role
from livecredits.core import wire
from livecredits.http.fresh import Fresh
from livecredits.live.protocol import make_ws_protocol

ADMIN = "/api/v1/admin"
TRACES = ("Lovelace", "ada@example.com", "555-0199", "PO-1815", "203.0.113.7", "St James", "by cheque")
GONE_S = 5.0


async def somebody(stage: Stage, user_id: str = "ada") -> None:
    """A user of whom everything is known that can be."""
    credits = stage.credits
    await credits.put_user(
        user_id, name="Ada Lovelace", email="ada@example.com", metadata={"phone": "555-0199"}
    )
    package = await credits.put_package(name="100", credits=100, price_minor=900, currency="EUR")
    order = await credits.order(
        user_id, package.id, billing=Billing(purchaser="Ada Lovelace", address="12 St James Square"),
        purchase_reference="PO-1815", metadata={"phone": "555-0199"},
    )  # fmt: skip
    await credits.fulfil(order.id, note="Ada Lovelace paid by cheque")
    await credits.redeem(user_id, (await credits.create_voucher(5)).code, address="203.0.113.7")


def erase(user_id: str) -> str:
    return f"{ADMIN}/users/{user_id}/personal-data?reason=asked%20by%20letter"


async def everything(stage: Stage) -> str:
    """All that an admin can read or take away."""
    admin = await stage.operator()
    urls = (
        f"{ADMIN}/users", f"{ADMIN}/users/ada", f"{ADMIN}/users?format=csv", f"{ADMIN}/users?format=ndjson",
        f"{ADMIN}/credits/orders", f"{ADMIN}/audit", f"{ADMIN}/audit?format=csv", f"{ADMIN}/audit?format=ndjson",
        f"{ADMIN}/users/ada/history?format=ndjson", f"{ADMIN}/users/ada/redemptions",
    )  # fmt: skip
    answers = [await admin.get(url) for url in urls]
    assert {answer.status_code for answer in answers} == {200}
    return "".join(answer.text for answer in answers)


async def test_nothing_of_a_person_is_found_any_more_and_the_ledger_holds(stage: Stage) -> None:
    await somebody(stage)
    admin = await stage.operator()
    before = await everything(stage)
    assert all(trace in before for trace in TRACES)
    searches = [
        f"{ADMIN}/users?q=lovelace", f"{ADMIN}/users?q=ada@example", f"{ADMIN}/credits/orders?q=PO-1815",
        f"{ADMIN}/credits/orders?q=James",
    ]  # fmt: skip
    for search in searches:
        assert len((await admin.get(search)).json()["items"]) == 1
    answer = await admin.delete(erase("ada"))
    assert answer.json() == {
        "user_id": "ada", "erased": {"users": 1, "orders": 1, "redemptions": 1, "audit": 1},
    }  # fmt: skip
    after = await everything(stage)
    for trace in TRACES:
        assert trace not in after
    for search in searches:
        assert (await admin.get(search)).json()["items"] == []
    assert (await stage.credits.balance("ada")).credits == 105
    assert (await stage.credits.verify()).is_clean
    (row,) = (await stage.credits.audit(actions=["user.erased"])).items
    assert (row.target, row.reason, row.details) == ("ada", "asked by letter", answer.json()["erased"])


async def test_nothing_stays_readable_in_the_file(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        for number in range(200):
            await stage.credits.put_user(f"u{number}", name="Somebody Else", email="else@example.com")
        await somebody(stage)
        await stage.credits.put_user("ada", name="Ada Lovelace King")
        await stage.credits.erase("ada")
        options = await stage.credits.write(
            lambda connection: connection.execute(text("PRAGMA secure_delete")).scalar()
        )
    assert options == 1
    kept = await asyncio.to_thread(lambda: [file.read_bytes() for file in tmp_path.iterdir()])
    for trace in TRACES:
        assert not any(trace.encode() in content for content in kept), trace
    assert any(b"Somebody Else" in content for content in kept)


async def test_again_does_no_harm_and_takes_what_has_come_since(stage: Stage) -> None:
    await somebody(stage)
    admin = await stage.operator()
    await admin.delete(erase("ada"))
    nothing = {"users": 0, "orders": 0, "redemptions": 0, "audit": 0}
    again = await asyncio.gather(*[admin.delete(erase("ada")) for _ in range(5)])
    assert [answer.json()["erased"] for answer in again] == [nothing] * 5
    assert len((await stage.credits.audit(actions=["user.erased"])).items) == 1
    await stage.credits.put_user("ada", name="Ada L.")
    assert (await admin.delete(erase("ada"))).json()["erased"] == {**nothing, "users": 1, "audit": 1}
    assert len((await stage.credits.audit(actions=["user.erased"])).items) == 2
    assert (await stage.credits.verify()).is_clean


async def test_erasing_is_for_admins_and_of_somebody(stage: Stage) -> None:
    await somebody(stage)
    support, admin = await stage.operator(Role.SUPPORT), await stage.operator()
    check_problem(await support.delete(erase("ada")), 403, "forbidden")
    check_problem(await admin.delete(erase("nobody")), 404, "not_found")
    assert (await stage.credits.user("ada")).row.name == "Ada Lovelace"


# --- screens -------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def listening(stage: Stage) -> AsyncIterator[str]:
    """The whole application, live connections included."""
    async with serving(stage.app, ws=make_ws_protocol(stage.services.live)) as port:
        yield f"ws://127.0.0.1:{port}{wire.LIVE_PATH}"


def dialled(url: str) -> connect:
    return connect(url, subprotocols=[wire.SUBPROTOCOL], compression=None)  # type: ignore[list-item]


@asynccontextmanager
async def screen(url: str, token: str) -> AsyncIterator[ClientConnection]:
    """An open live screen that has been greeted."""
    async with dialled(url) as socket:
        await socket.send(json.dumps({"type": "auth", "token": token}))
        assert json.loads(await socket.recv())["type"] == "hello"
        yield socket


async def closed_with(socket: ClientConnection) -> int:
    async with asyncio.timeout(GONE_S):
        try:
            while True:
                await socket.recv()
        except ConnectionClosed:
            return socket.close_code or 0


async def by_route(stage: Stage) -> None:
    assert (await (await stage.operator()).delete(erase("ada"))).status_code == 200


async def by_library(stage: Stage) -> None:
    await stage.credits.erase("ada")


async def by_thread(stage: Stage) -> None:
    await asyncio.to_thread(lambda: stage.credits.sync.erase("ada"))


@pytest.mark.parametrize("erasing", [by_route, by_library, by_thread])
async def test_open_screens_close_and_their_tokens_open_none(
    stage: Stage, erasing: Callable[[Stage], Awaitable[None]]
) -> None:
    await somebody(stage)
    await stage.credits.grant("bob", 7)
    token, _ = await stage.services.tokens.mint("ada")
    bobs, _ = await stage.services.tokens.mint("bob")
    async with listening(stage) as url, screen(url, token) as own, screen(url, bobs) as others:
        await erasing(stage)
        assert await closed_with(own) == wire.TOKEN_REVOKED.code
        async with dialled(url) as back:
            await back.send(json.dumps({"type": "auth", "token": token}))
            assert await closed_with(back) == wire.TOKEN_INVALID.code
        answer = await stage.client(token).get("/api/v1/credits/balance")
        check_problem(answer, 401, "unauthenticated")
        # Everybody else's stay, and a new token opens the same account, which has no name any more.
        await stage.credits.grant("bob", 1)
        async with asyncio.timeout(GONE_S):
            assert json.loads(await others.recv())["credits"] == 8
        fresh = await stage.user("ada")
        assert (await fresh.get("/api/v1/credits/balance")).json()["credits"] == 105


async def test_without_an_open_screen_the_tokens_end_at_once_too(stage: Stage) -> None:
    await somebody(stage)
    ada = await stage.user("ada")
    assert (await ada.get("/api/v1/credits/balance")).status_code == 200
    await by_route(stage)
    check_problem(await ada.get("/api/v1/credits/balance"), 401, "unauthenticated")


async def test_what_was_read_before_a_revocation_is_not_believed_after_it() -> None:
    """The race: a token is looked up, revoked, and only then is the answer of the look-up there."""
    fresh: Fresh[str] = Fresh()
    truth = ["old"]
    looked_up, may_answer = asyncio.Event(), asyncio.Event()

    async def read() -> str:
        found = truth[0]
        looked_up.set()
        await may_answer.wait()
        return found

    asked = asyncio.create_task(fresh.find("ada", read))
    await looked_up.wait()
    truth[0] = "new"
    fresh.forget("ada")
    may_answer.set()
    assert await asked == "new"
    assert fresh.get("ada") == "new"


async def test_a_screen_that_is_let_in_while_its_tokens_end_does_not_stay(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    await somebody(stage)
    token, _ = await stage.services.tokens.mint("ada")
    stage.services.tokens.forget("ada")
    looked_up, may_answer = asyncio.Event(), asyncio.Event()
    read = stage.credits.read

    async def slow(ask: Any) -> Any:
        found = await read(ask)
        looked_up.set()
        await may_answer.wait()
        return found

    async with listening(stage) as url, dialled(url) as socket:
        monkeypatch.setattr(stage.credits, "read", slow)
        await socket.send(json.dumps({"type": "auth", "token": token}))
        await looked_up.wait()
        monkeypatch.setattr(stage.credits, "read", read)
        await stage.credits.erase("ada")
        may_answer.set()
        assert await closed_with(socket) == wire.TOKEN_INVALID.code
