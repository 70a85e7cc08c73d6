"""L3: a commit at every step between connecting and the first push; none is lost, whichever side it falls on."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from tests.live.carriers import CARRIERS, Carrier, eventually
from tests.live.ledger import Ledger, make_live

Commit = Callable[[], None]


def nothing_special(_carrier: Carrier, _ledger: Ledger, commit: Commit) -> None:
    commit()


def while_the_token_is_checked(carrier: Carrier, _ledger: Ledger, commit: Commit) -> None:
    _before(carrier.live, "authenticate", commit)


def right_before_it_is_registered(carrier: Carrier, _ledger: Ledger, commit: Commit) -> None:
    _before(carrier.live.hub, "admitted", commit)


def right_after_it_is_registered(carrier: Carrier, _ledger: Ledger, commit: Commit) -> None:
    _after(carrier.live.hub, "admitted", commit)


def right_before_the_read(_carrier: Carrier, ledger: Ledger, commit: Commit) -> None:
    ledger.before_read = _as_coroutine(commit)


def right_after_the_read(_carrier: Carrier, ledger: Ledger, commit: Commit) -> None:
    ledger.after_read = _as_coroutine(commit)


def right_before_the_snapshot_comes(carrier: Carrier, _ledger: Ledger, commit: Commit) -> None:
    _before(carrier.live.hub, "snapshot", commit)


def right_after_the_hello(carrier: Carrier, _ledger: Ledger, commit: Commit) -> None:
    _after(carrier.live.hub, "snapshot", commit)


def _before(target: Any, name: str, commit: Commit) -> None:
    inner = getattr(target, name)

    def barrier(*args: Any) -> Any:
        commit()
        return inner(*args)

    setattr(target, name, barrier)


def _after(target: Any, name: str, commit: Commit) -> None:
    inner = getattr(target, name)

    def barrier(*args: Any) -> Any:
        answer = inner(*args)
        commit()
        return answer

    setattr(target, name, barrier)


def _as_coroutine(commit: Commit) -> Callable[[], Awaitable[None]]:
    async def barrier() -> None:
        commit()

    return barrier


STEPS = (
    nothing_special,
    while_the_token_is_checked,
    right_before_it_is_registered,
    right_after_it_is_registered,
    right_before_the_read,
    right_after_the_read,
    right_before_the_snapshot_comes,
    right_after_the_hello,
)


@pytest.mark.parametrize("kind", CARRIERS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.__name__)
async def test_a_commit_at_this_step_is_on_the_screen(
    ledger: Ledger, kind: type[Carrier], step: Callable[[Carrier, Ledger, Commit], None]
) -> None:
    carrier = kind()
    carrier.live = make_live(ledger)

    def commit_once() -> None:
        if not ledger.rows:
            ledger.commit("ada", 100)

    async with carrier.serving(carrier.live) as carrier.port:
        step(carrier, ledger, commit_once)
        async with carrier.screen("user:ada") as ada:
            shown = (await ada.until("hello"))["accounts"][0]["credits"]
            while shown != 100:
                shown = (await ada.until("state"))["credits"]
        assert ledger.rows["ada", "credits"].version == 1


async def test_a_commit_that_nobody_was_told_of_is_in_the_snapshot(ledger: Ledger) -> None:
    """Crash between commit and push: the next connection reads it."""
    carrier = CARRIERS[0]()
    carrier.live = make_live(ledger)
    async with carrier.serving(carrier.live) as carrier.port:
        ledger.write("ada", 5)
        async with carrier.screen("user:ada") as ada:
            assert (await ada.until("hello"))["accounts"][0]["credits"] == 5


async def test_a_storm_of_screens_is_few_reads(ledger: Ledger) -> None:
    """Many users at once: batches, and one read per account."""
    carrier = CARRIERS[0]()
    carrier.live = make_live(ledger)
    async with carrier.serving(carrier.live) as carrier.port:

        async def come(user: str) -> None:
            async with carrier.screen(f"user:{user}") as screen:
                await screen.until("hello")

        await asyncio.gather(*(come(f"u{number}") for number in range(100)))
        await eventually(lambda: not carrier.live.open_screens)
    asked = [user for batch in ledger.reads for user in batch]
    assert sorted(asked) == sorted({f"u{number}" for number in range(100)})
    assert len(ledger.reads) < 60
