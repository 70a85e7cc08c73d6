"""Accounts in memory: the last ones that were used, and a long list does not put out those of everybody else."""

from __future__ import annotations

import pytest

from livecredits.core.rows import Account
from livecredits.storage import warm
from livecredits.storage.store import Side
from livecredits.storage.warm import Warm


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> Warm:
    monkeypatch.setattr(warm, "ACCOUNTS_MOST", 3)
    return Warm()


def keep(kept: Warm, *users: str, displaces: bool = True) -> None:
    for user in users:
        account = Account(user, "credits")
        key = account.key
        kept.keep({key: account}, {key: Side(1, 0, "")}, {key: 8}, displaces=displaces)


def users_in(kept: Warm, *users: str) -> list[str]:
    return [user for user in users if kept.find((user, "credits"), takes=True) is not None]


def test_the_one_that_was_used_longest_ago_goes_first(small: Warm) -> None:
    keep(small, "ada", "bob", "cyd", "ada", "dan")
    assert users_in(small, "ada", "bob", "cyd", "dan") == ["ada", "cyd", "dan"]


def test_a_list_takes_what_room_there_is_and_no_more(small: Warm) -> None:
    keep(small, "ada", "bob")
    keep(small, *"wxyz", displaces=False)
    assert users_in(small, "ada", "bob", *"wxyz") == ["ada", "bob", "w"]
    keep(small, "ada", displaces=False)
    keep(small, "eve")
    assert users_in(small, "ada", "bob", "w", "eve") == ["ada", "w", "eve"], "a list's use counts as use"
