"""What a screen may rely on, once for every carrier: our protocol class, another ASGI server, event streams."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from tests.live.carriers import CARRIERS, Carrier, eventually
from tests.live.ledger import Ledger, make_live

from livecredits.core.screen import Limits

QUICK = Limits(heartbeat_ms=600, auth_ms=500, close_ms=400, per_user=4, step_ms=50)


@pytest.fixture(params=CARRIERS, ids=lambda carrier: carrier.__name__)
async def carrier(request: pytest.FixtureRequest, ledger: Ledger) -> AsyncIterator[Carrier]:
    made: Carrier = request.param()
    marker = request.node.get_closest_marker("limits")
    made.live = make_live(ledger, limits=marker.args[0] if marker else None)
    async with made.serving(made.live) as port:
        made.port = port
        yield made
    await eventually(lambda: not made.live.open_screens)
    assert not made.live.hub.audiences


async def test_a_screen_is_greeted_and_then_told_of_every_change(carrier: Carrier, ledger: Ledger) -> None:
    ledger.commit("ada", 5)
    async with carrier.screen("user:ada") as ada:
        hello = await ada.next()
        assert (hello["type"], hello["protocol"], hello["user"]) == ("hello", 1, "ada")
        assert hello["accounts"][0]["credits"] == 5
        for credits in (6, 7, 8):
            ledger.commit("ada")
            assert (await ada.next())["credits"] == credits


async def test_nobody_hears_of_others(carrier: Carrier, ledger: Ledger) -> None:
    async with carrier.screen("user:ada") as ada, carrier.screen("user:bob") as bob:
        await ada.until("hello")
        await bob.until("hello")
        ledger.commit("ada", 1)
        ledger.commit("bob", 2)
        assert (await bob.next())["user"] == "bob"
        assert (await ada.next())["user"] == "ada"


async def test_all_screens_of_a_user_agree(carrier: Carrier, ledger: Ledger) -> None:
    async with carrier.screen("user:ada") as one, carrier.screen("user:ada") as two:
        await one.until("hello")
        await two.until("hello")
        ledger.commit("ada", 9)
        assert await one.next() == await two.next()


async def test_resync_is_answered_with_a_hello(carrier: Carrier, ledger: Ledger) -> None:
    async with carrier.screen("user:ada") as ada:
        await ada.until("hello")
        ledger.write("ada", 4)
        await ada.say({"type": "resync"})
        assert (await ada.until("hello"))["accounts"][0]["credits"] == 4


@pytest.mark.limits(QUICK)
async def test_ticks_carry_versions_and_keep_the_screen_open(carrier: Carrier, ledger: Ledger) -> None:
    ledger.commit("ada")
    async with carrier.screen("user:ada") as ada:
        await ada.until("hello")
        for _ in range(4):
            tick = await ada.until("tick")
            assert tick["versions"] == {"credits": 1}
            await ada.say({"type": "pong", "painted": {"credits": 1}, "visible": True, "tabs": 2})
        (view,) = carrier.live.screens("ada")
        assert (view.painted, view.visible, view.tabs) == ({"credits": 1}, True, 2)


async def test_an_operator_watches_and_stops_watching(carrier: Carrier, ledger: Ledger) -> None:
    ledger.commit("ada", 5)
    async with carrier.screen("operator:olga") as olga:
        hello = await olga.next()
        assert (hello["user"], hello["accounts"]) == (None, [])
        await olga.say({"type": "watch", "users": ["ada", "bob"]})
        told = [await olga.next(), await olga.next()]
        assert {(state["user"], state["credits"]) for state in told} == {("ada", 5), ("bob", 0)}
        ledger.commit("bob", 7)
        assert (await olga.next())["credits"] == 7
        await olga.say({"type": "unwatch", "users": ["bob"]})
        await eventually(lambda: "bob" not in carrier.live.hub.audiences)
        ledger.commit("bob", 1)
        ledger.commit("ada", 1)
        assert (await olga.next())["user"] == "ada"


async def test_followers_and_owners_hear_of_lists(carrier: Carrier, ledger: Ledger) -> None:
    async with carrier.screen("operator:olga") as olga, carrier.screen("user:ada") as ada:
        await olga.until("hello")
        await ada.until("hello")
        await olga.say({"type": "follow", "lists": ["users"]})
        await eventually(lambda: carrier.live.hub._followers)
        ledger.tell(ledger.write("ada"), lists={"ada": {"history", "orders"}})
        carrier.live.hint({"users"})
        assert (await olga.next()) == {"type": "changed", "lists": ["users"]}
        assert (await ada.until("changed"))["lists"] == ["orders"]


async def test_a_watch_by_a_screen_token_is_forbidden(carrier: Carrier) -> None:
    async with carrier.screen("user:ada") as ada:
        await ada.until("hello")
        await ada.say({"type": "watch", "users": ["bob"]})
        assert (await ada.verdict())[0] == 4301


async def test_revoking_ends_the_screens_with_the_advice_to_get_a_new_token(carrier: Carrier) -> None:
    async with carrier.screen("user:ada") as ada, carrier.screen("operator:olga") as olga:
        await ada.until("hello")
        await olga.until("hello")
        assert carrier.live.revoke(user_id="ada") == 1
        assert carrier.live.revoke(session_id="ses_olga") == 1
        assert (await ada.verdict())[0] == 4202
        assert (await olga.verdict())[0] == 4202


@pytest.mark.limits(QUICK)
async def test_a_token_that_ends_ends_the_screen(carrier: Carrier) -> None:
    async with carrier.screen("user:ada:700") as ada:
        assert (await ada.until("hello"))["token_expires_at"] is not None
        assert (await ada.verdict())[0] == 4200


@pytest.mark.limits(QUICK)
async def test_a_newer_token_keeps_the_screen_open(carrier: Carrier) -> None:
    async with carrier.screen("user:ada:700") as ada:
        await ada.until("hello")
        await ada.say({"type": "auth", "token": "user:ada:60000"})
        for _ in range(3):
            await ada.until("tick")
            await ada.say({"type": "pong", "painted": {}, "visible": True})


async def test_drain_says_bye_and_ends(carrier: Carrier) -> None:
    async with carrier.screen("user:ada") as ada:
        await ada.until("hello")
        carrier.live.begin_drain()
        assert await ada.next() == {"type": "bye", "reason": "draining", "reconnect_ms": [0, 3000]}
        assert (await ada.verdict())[0] == 4000


async def test_push_again_sends_a_hello(carrier: Carrier, ledger: Ledger) -> None:
    async with carrier.screen("user:ada") as ada:
        await ada.until("hello")
        ledger.write("ada", 3)
        assert carrier.live.push_again("ada", "brd_1", "credits") == 1
        assert (await ada.until("hello"))["accounts"][0]["credits"] == 3


async def test_a_client_that_leaves_is_forgotten(carrier: Carrier) -> None:
    async with carrier.screen("user:ada") as ada:
        await ada.until("hello")
        assert carrier.live.screens_of("ada") == 1
    await eventually(lambda: not carrier.live.screens())
    assert carrier.live.screens_of("ada") == 0


async def test_frames_are_the_same_bytes_whatever_the_user_is_called(
    carrier: Carrier, ledger: Ledger
) -> None:
    name = "søren \u2028 🦆 \\"
    ledger.commit(name, 3)
    async with carrier.screen("key:live") as key:
        await key.until("hello")
        await key.say({"type": "watch", "users": [name]})
        state = await key.until("state")
        assert (state["user"], state["credits"]) == (name, 3)


async def test_a_snapshot_is_read_again_when_the_database_stumbles(carrier: Carrier, ledger: Ledger) -> None:
    ledger.commit("ada", 5)
    async with carrier.screen("operator:olga") as olga:
        await olga.until("hello")
        ledger.failures = 1
        async with carrier.screen("user:ada") as ada:
            assert (await ada.until("hello"))["accounts"][0]["credits"] == 5
