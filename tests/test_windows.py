"""When codes begin and end to pay, whoever looks at them is told at that very second."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from collections.abc import Set as AbstractSet

import pytest
from tests.storage.hands import SECOND_US, HandClock

from livecredits import Credits
from livecredits.credits import windows
from livecredits.storage.answers import CommittedBatch

ANYBODY = ""


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def credits(database_url: str, clock: HandClock) -> AsyncIterator[Credits]:
    async with Credits(database_url, clock=clock) as opened:
        yield opened


class Moved:
    """The lists of vouchers that moved from now on, commit by commit."""

    def __init__(self, credits: Credits) -> None:
        self._told: asyncio.Queue[Mapping[str, AbstractSet[str]]] = asyncio.Queue()
        credits.on_commit(self._hear)

    def _hear(self, batch: CommittedBatch) -> None:
        if batch.lists:
            self._told.put_nowait(batch.lists)

    async def next(self) -> set[str]:
        """Whose vouchers the next such commit was about."""
        lists = await asyncio.wait_for(self._told.get(), 20)
        return {user_id for user_id, names in lists.items() if "vouchers" in names}


async def test_the_end_of_a_users_voucher_is_told_to_that_user(credits: Credits, clock: HandClock) -> None:
    voucher = await credits.create_voucher(5, user_id="ada", expires_at=clock.later(60))
    await credits.create_voucher(5, expires_at=clock.later(120))
    moved = Moved(credits)
    clock.advance(59.999_999)
    await credits.create_voucher(5, user_id="bob")
    assert await moved.next() == {"bob"}
    clock.advance(0.000_001)
    assert await moved.next() == {"ada"}
    assert (await credits.voucher(voucher.voucher)).state == "expired"
    clock.advance(60)
    assert await moved.next() == {ANYBODY}


async def test_a_campaign_is_told_when_it_begins_and_when_it_ends(credits: Credits, clock: HandClock) -> None:
    campaign = await credits.create_campaign(
        "x", credits=1, codes=1, starts_at=clock.later(10), ends_at=clock.later(20)
    )
    moved = Moved(credits)
    for state in ("running", "ended"):
        clock.advance(10)
        assert await moved.next() == {ANYBODY}
        assert (await credits.campaign(campaign.id)).state == state


async def test_an_end_that_is_moved_is_told_when_it_comes(credits: Credits, clock: HandClock) -> None:
    voucher = await credits.create_voucher(5, user_id="ada", expires_at=clock.later(3_600))
    await credits.put_voucher(voucher.voucher, expires_at=clock.later(30))
    moved = Moved(credits)
    clock.advance(30)
    assert await moved.next() == {"ada"}


async def test_what_was_made_before_the_start_is_told(
    database_url: str, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However much lies ahead: of what does not fit into memory the rest is read when its turn comes."""
    monkeypatch.setattr(windows, "KNOWN_MOST", 3)
    async with Credits(database_url, clock=clock) as former:
        for number in range(8):  # two of a second
            await former.create_voucher(5, user_id=f"user-{number}", expires_at=clock.later(number // 2 + 1))
    async with Credits(database_url, clock=clock) as credits:
        moved = Moved(credits)
        await credits.create_voucher(5, user_id="late", expires_at=clock.later(5))
        assert await moved.next() == {"late"}
        for second in range(4):
            clock.advance(1)
            told: set[str] = set()
            while len(told) < 2:
                told |= await moved.next()
            assert told == {f"user-{2 * second}", f"user-{2 * second + 1}"}
        clock.advance(1)
        assert await moved.next() == {"late"}


async def test_what_a_node_has_made_that_is_gone_is_told_by_another(
    postgres_url: str, clock: HandClock
) -> None:
    async with Credits(postgres_url, clock=clock) as credits:
        async with Credits(postgres_url, clock=clock) as other:
            await other.create_voucher(5, user_id="ada", expires_at=clock.later(3_600))
            await other.create_voucher(5, user_id="bob", expires_at=clock.later(5))
        moved = Moved(credits)
        clock.advance(windows.LOOK_AGAIN_US / SECOND_US)
        assert await moved.next() == {"bob"}, "over before anybody else looked"
        clock.advance(3_600 - windows.LOOK_AGAIN_US / SECOND_US)
        assert await moved.next() == {"ada"}
