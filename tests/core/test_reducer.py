"""The reducer against the shared vectors (L2), and the server's slot rule against its own promise."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livecredits.core.reducer import MAX_KEYS, ScreenState, newest
from livecredits.core.rows import AccountState

ROOT = Path(__file__).resolve().parents[2]
SHARED = json.loads((ROOT / "conformance" / "vectors.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("vector", SHARED["vectors"], ids=lambda vector: vector["name"])
def test_a_screen_ends_as_the_vector_says(vector: dict[str, Any]) -> None:
    screen = ScreenState()
    if vector["initial"] is not None:
        screen.apply(vector["initial"])
    resync = [at for at, frame in enumerate(vector["frames"]) if screen.apply(frame)]
    assert resync == vector["resync"]
    assert {
        "epoch": screen.epoch,
        "user": screen.user,
        "accounts": [
            {"user": user, "unit": unit, "version": held["version"], "credits": held["credits"]}
            for (user, unit), held in sorted(screen.accounts.items())
        ],
    } == vector["final"]


def test_there_are_enough_vectors() -> None:
    assert len(SHARED["vectors"]) >= 200
    assert len({vector["name"] for vector in SHARED["vectors"]}) == len(SHARED["vectors"])


def test_order_duplicates_and_losses_before_the_newest_do_not_matter() -> None:
    """10,000 shuffles of one true line of frames: whoever gets the newest state has it (L2)."""
    line = [_frame(version) for version in range(12)]
    dice = random.Random(7)
    for _ in range(10_000):
        told = [frame for frame in line[:-1] if dice.random() < 0.7] + dice.choices(line, k=3) + [line[-1]]
        dice.shuffle(told)
        screen = ScreenState()
        screen.apply({"type": "hello", "epoch": "ep", "user": "ada", "accounts": [line[0]]})
        highest = 0
        for frame in told:
            assert not screen.apply(frame)
            now = screen.accounts["ada", "credits"]["version"]
            assert now >= highest
            highest = now
        assert screen.accounts["ada", "credits"] is line[-1]


def test_forget_drops_only_the_users_named() -> None:
    screen = ScreenState()
    screen.apply({"type": "hello", "epoch": "ep", "user": None, "accounts": [_frame(1), _frame(2, "bob")]})
    screen.forget(["ada"])
    assert set(screen.accounts) == {("bob", "credits")}


def _frame(version: int, user: str = "ada") -> dict[str, Any]:
    return {"type": "state", "epoch": "ep", "user": user, "unit": "credits", "version": version}


# --- the slot -----------------------------------------------------------------------------------------------


def account(version: int, *, keys: tuple[tuple[str, int], ...] = (), receipt: bool = False) -> AccountState:
    return AccountState(
        user_id="ada",
        unit="credits",
        version=version,
        settled=version,
        held=0,
        floor=0,
        frozen=False,
        changed_at_us=None,
        cause=None,
        next_expiry_us=None,
        next_expiry_amount=0,
        keys=keys,
        receipt=receipt,
    )


def test_the_first_state_in_a_slot_is_kept_as_it_is() -> None:
    incoming = account(1)
    assert newest(None, incoming) is incoming


def test_the_winner_is_not_copied_where_it_names_all_keys() -> None:
    """Frames are encoded once per change: a copy would be encoded again for each paused screen."""
    held, incoming = account(1, keys=(("a", 1),)), account(2, keys=(("a", 1), ("b", 2)))
    assert newest(held, incoming) is incoming


def test_the_winner_inherits_keys_and_the_wish_for_a_receipt() -> None:
    held, incoming = account(4, keys=(("a", 4),), receipt=True), account(5, keys=(("b", 5),))
    assert newest(held, incoming) == account(5, keys=(("a", 4), ("b", 5)), receipt=True)


def test_the_newest_sixteen_keys_stay() -> None:
    old = account(16, keys=tuple((f"k{n}", n) for n in range(1, 17)))
    new = account(20, keys=tuple((f"k{n}", n) for n in range(10, 21)))
    kept = newest(old, new).keys
    assert len(kept) == MAX_KEYS
    assert kept == tuple((f"k{n}", n) for n in range(5, 21))


@settings(max_examples=200)
@given(st.permutations(range(1, 9)), st.lists(st.integers(1, 8), max_size=6))
def test_the_slot_is_order_blind(order: list[int], again: list[int]) -> None:
    slot: AccountState | None = None
    for version in [*order, *again]:
        slot = newest(slot, account(version, keys=((f"k{version}", version),), receipt=version == 3))
    assert slot == replace(account(8, receipt=True), keys=tuple((f"k{n}", n) for n in range(1, 9)))
