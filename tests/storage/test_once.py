"""M4, M5: a voucher pays once and an order is fulfilled once, however many ask at the same moment.

The attack is one function that knows nothing of how a redemption is made. It is run against the ledger, and against a
planted variant that looks first and then acts, which it must catch: else it would prove nothing. Then the rules
themselves are blinded, and the database alone has to refuse.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import select, update
from tests.postgres import of_a_file
from tests.storage.hands import IS_DEEP, rows

from livecredits import Credits, Refused
from livecredits.core import ledger
from livecredits.credits.guesses import GuessLimits
from livecredits.errors import AlreadyFulfilled, VoucherUsed
from livecredits.storage.schema import vouchers

CODES = 200 if IS_DEEP else 20
AT_ONCE = 64
CAUGHT_WITHIN = 3

Redeem = Callable[[str, str], bool]
"""Redeems a code for a user; says whether it paid."""


@pytest.fixture
def credits(database_url: str) -> Iterator[Credits]:
    opened = Credits(database_url, guess_limits=GuessLimits(per_user=10_000))
    yield opened
    opened.sync.close()


@pytest.fixture
def crowd() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(AT_ONCE) as threads:
        yield threads


def attack(redeem: Redeem, code: str, crowd: ThreadPoolExecutor) -> int:
    """64 users redeem one code at the same moment; gives how often it paid."""
    start = threading.Barrier(AT_ONCE)

    def one(number: int) -> bool:
        start.wait()
        return redeem(f"user-{number}", code)

    return sum(crowd.map(one, range(AT_ONCE)))


def codes_of(credits: Credits, count: int) -> list[str]:
    campaign = credits.sync.create_campaign("race", credits=5, codes=count, max_per_user=None)
    return [voucher.code for voucher in credits.sync.campaign_codes(campaign.id, limit=500).items]


def test_a_voucher_pays_once(credits: Credits, database_url: str, crowd: ThreadPoolExecutor) -> None:
    def redeem(user_id: str, code: str) -> bool:
        try:
            credits.sync.redeem(user_id, code)
        except VoucherUsed:
            return False
        return True

    paid = [attack(redeem, code, crowd) for code in codes_of(credits, CODES)]
    assert paid == [1] * CODES
    assert rows(database_url, "SELECT count(*), sum(amount) FROM entries WHERE kind = 'redeem'") == [
        (CODES, 5 * CODES)
    ]
    assert credits.sync.verify().is_clean


def test_the_attack_catches_one_that_looks_first_and_then_acts(
    credits: Credits, crowd: ThreadPoolExecutor
) -> None:
    opened = credits.open()

    def redeem(user_id: str, code: str) -> bool:
        mine = vouchers.c.code == code
        seen = opened.read(lambda c: c.execute(select(vouchers.c.redemptions).where(mine)).scalar_one())
        if seen:
            return False
        credits.sync.grant(user_id, 5, source=code)
        opened.write(lambda c: c.execute(update(vouchers).where(mine).values(redemptions=1)))
        return True

    paid = [attack(redeem, code, crowd) for code in codes_of(credits, CAUGHT_WITHIN)]
    assert max(paid) > 1


def test_without_the_rule_the_database_refuses_a_second_redemption(
    credits: Credits, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (code,) = codes_of(credits, 1)
    credits.sync.redeem("ada", code)
    monkeypatch.setattr(ledger, "_require_redeemable", lambda *_args: 1)
    with pytest.raises(Exception, match="vouchers_redemptions"):
        credits.sync.redeem("bob", code)
    assert rows(database_url, "SELECT count(*) FROM entries") == [(1,)]


def test_without_the_rule_the_database_refuses_a_second_fulfilment(
    credits: Credits, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = credits.sync.put_package(name="S", credits=7, price_minor=1, currency="EUR")
    order = credits.sync.order("ada", package.id)
    credits.sync.fulfil(order.id)
    monkeypatch.setattr(ledger, "require_pending", lambda _order: None)
    with pytest.raises(Exception, match=r"fulfilments|Others keep changing"):
        credits.sync.fulfil(order.id)
    assert rows(database_url, "SELECT count(*) FROM entries") == [(1,)]


@of_a_file  # PostgreSQL lets nobody: the rows are locked
@pytest.mark.parametrize("table", ["orders", "vouchers"])
def test_a_row_that_moved_on_since_it_was_read_is_not_written_over(
    credits: Credits, database_url: str, monkeypatch: pytest.MonkeyPatch, table: str
) -> None:
    package = credits.sync.put_package(name="S", credits=7, price_minor=1, currency="EUR")
    order = credits.sync.order("ada", package.id)
    (code,) = codes_of(credits, 1)
    store: Any = credits.open().writer._store  # type: ignore[attr-defined]
    whole = store.save

    def save_late(written: Any) -> None:
        """Another process was quicker, on a database that let it."""
        moved = {"orders": "state = 'cancelled', cancelled_at_us = 1", "vouchers": "redemptions = 1"}
        store._db.execute(f"UPDATE {table} SET {moved[table]}")
        whole(written)

    monkeypatch.setattr(store, "save", save_late)
    with pytest.raises(Exception, match="Others keep changing"):
        credits.sync.fulfil(order.id) if table == "orders" else credits.sync.redeem("ada", code)
    assert rows(database_url, "SELECT count(*) FROM entries") == [(0,)]


def test_an_order_is_fulfilled_once_by_threads_and_the_loop_alike(
    credits: Credits, database_url: str, crowd: ThreadPoolExecutor
) -> None:
    package = credits.sync.put_package(name="S", credits=7, price_minor=1, currency="EUR")
    for _ in range(20 if IS_DEEP else 5):
        order = credits.sync.order("ada", package.id)

        def fulfil(_user_id: str, order_id: str) -> bool:
            try:
                credits.sync.fulfil(order_id)
            except AlreadyFulfilled:
                return False
            except Refused as refused:
                raise AssertionError(refused) from refused
            return True

        assert attack(fulfil, order.id, crowd) == 1
    assert credits.sync.verify().is_clean
