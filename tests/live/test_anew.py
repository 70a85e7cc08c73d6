"""What changes about an account without an entry has no version of its own, and reaches open screens all the same."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.live.carriers import CARRIERS, Carrier, eventually
from tests.live.ledger import authenticate

from livecredits import Credits
from livecredits.config import Settings
from livecredits.live.shell import Live


@pytest.fixture
async def credits(tmp_path: Path) -> AsyncIterator[Credits]:
    async with Credits(f"sqlite:///{tmp_path}/own.db") as credits:
        await credits.grant("ada", 8)
        await credits.grant("bob", 8)
        yield credits


@pytest.fixture
async def carrier(credits: Credits) -> AsyncIterator[Carrier]:
    made = CARRIERS[0]()
    made.live = Live(credits, authenticate, Settings())
    async with made.serving(made.live) as port:
        made.port = port
        yield made
    await eventually(lambda: not made.live.open_screens)


async def test_a_users_own_threshold_is_told_at_once_to_that_user_alone(
    carrier: Carrier, credits: Credits
) -> None:
    async with carrier.screen("user:ada") as ada, carrier.screen("user:bob") as bob:
        assert "low" not in (await ada.next())["accounts"][0]
        await bob.until("hello")
        await credits.put_user("ada", low_threshold=10)
        told = (await ada.until("hello"))["accounts"][0]
        assert (told["low"], told["version"]) == (True, 1)
        await credits.put_user("ada", low_threshold=None)
        assert "low" not in (await ada.until("hello"))["accounts"][0]
        await credits.grant("bob", 1)
        assert (await bob.next())["type"] == "state"


async def test_a_package_that_changed_is_told_to_every_open_shop(carrier: Carrier, credits: Credits) -> None:
    package = await credits.put_package(name="Small", credits=10, price_minor=900, currency="EUR")
    async with carrier.screen("user:ada") as ada, carrier.screen("user:bob") as bob:
        for screen in (ada, bob):
            await screen.until("hello")
        await credits.put_package(package.id, name="Small", credits=10, price_minor=999_900, currency="EUR")
        for screen in (ada, bob):
            assert (await screen.until("changed"))["lists"] == ["packages"]
        await credits.delete_package(package.id)
        for screen in (ada, bob):
            assert (await screen.until("changed"))["lists"] == ["packages"]


async def test_a_units_threshold_is_told_to_everybody(carrier: Carrier, credits: Credits) -> None:
    async with carrier.screen("user:ada") as ada, carrier.screen("user:bob") as bob:
        await ada.until("hello")
        await bob.until("hello")
        await credits.put_unit("credits", low_threshold=8)
        for screen in (ada, bob):
            assert (await screen.until("hello"))["accounts"][0]["low"] is True
        await credits.put_unit("minutes", 2)
        for screen in (ada, bob):
            units = [(one["unit"], one["scale"]) for one in (await screen.until("hello"))["accounts"]]
            assert units == [("credits", 0), ("minutes", 2)]
