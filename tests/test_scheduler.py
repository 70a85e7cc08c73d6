"""What time does by itself: posted at the very second and pushed, for accounts that nobody reads."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from tests.postgres import of_a_file
from tests.storage.hands import HandClock

from livecredits import AccountState, Credits
from livecredits.errors import StorageFull
from livecredits.storage.sqlite import SqliteStore


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def credits(database_url: str, clock: HandClock) -> AsyncIterator[Credits]:
    async with Credits(database_url, clock=clock) as opened:
        yield opened


class Told:
    """What was pushed, as it comes."""

    def __init__(self, credits: Credits) -> None:
        self.states: asyncio.Queue[AccountState] = asyncio.Queue()
        credits.on_update(self.states.put_nowait)

    async def next(self) -> AccountState:
        return await asyncio.wait_for(self.states.get(), 20)


def cause(state: AccountState) -> tuple[str, str, int]:
    assert state.cause is not None
    return state.user_id, state.cause.kind, state.credits


async def test_credits_expire_at_their_second(credits: Credits, clock: HandClock) -> None:
    await credits.grant("ada", 10, expires_at=clock.later(60))
    told = Told(credits)
    clock.advance(59.999_999)
    await credits.grant("bob", 1)
    assert cause(await told.next()) == ("bob", "grant", 1)
    clock.advance(0.000_001)
    state = await told.next()
    assert cause(state) == ("ada", "expire", 0)
    assert state.changed_at_us == clock.now_us()


async def test_a_nearer_time_is_seen_while_waiting_for_a_later_one(
    credits: Credits, clock: HandClock
) -> None:
    await credits.grant("ada", 10, expires_at=clock.later(3_600))
    await credits.hold("ada", 4, ttl_s=30)
    told = Told(credits)
    clock.advance(30)
    assert cause(await told.next()) == ("ada", "release", 10)
    clock.advance(3_570)
    assert cause(await told.next()) == ("ada", "expire", 0)


async def test_all_that_is_due_is_posted_however_much(credits: Credits, clock: HandClock) -> None:
    count = 1_200
    grants = (credits.grant(f"user-{n}", 1, expires_at=clock.later(5)) for n in range(count))
    await asyncio.gather(*grants)
    told = Told(credits)
    clock.advance(5)
    assert {(await told.next()).user_id for _ in range(count)} == {f"user-{n}" for n in range(count)}


async def test_what_fell_due_while_nobody_ran_is_posted_at_the_start(
    database_url: str, clock: HandClock
) -> None:
    async with Credits(database_url, clock=clock) as former:
        await former.grant("ada", 10, expires_at=clock.later(60))
    clock.advance(86_400)
    credits = Credits(database_url, clock=clock)
    told = Told(credits)
    async with credits:
        assert cause(await told.next()) == ("ada", "expire", 0)


async def test_a_burnt_lot_leaves_nothing_to_expire(credits: Credits, clock: HandClock) -> None:
    await credits.grant("ada", 10, expires_at=clock.later(60))
    await credits.spend("ada", 10)
    clock.advance(61)
    assert (await credits.balance("ada")).version == 2


@of_a_file
async def test_a_full_disk_is_tried_again(
    credits: Credits, clock: HandClock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    await credits.grant("ada", 10, expires_at=clock.later(60))
    tried = asyncio.Event()
    loop = asyncio.get_running_loop()

    def full(_store: SqliteStore) -> None:
        loop.call_soon_threadsafe(tried.set)
        raise StorageFull("The disk is full; nothing was written.")

    told = Told(credits)
    with monkeypatch.context() as patch:
        patch.setattr(SqliteStore, "commit", full)
        clock.advance(60)
        await asyncio.wait_for(tried.wait(), 20)
    while told.states.empty():
        clock.advance(5)
        await asyncio.sleep(0)
    assert cause(await told.next()) == ("ada", "expire", 0)
    assert "trying again" in caplog.text
