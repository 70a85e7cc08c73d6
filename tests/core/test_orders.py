"""Orders in the pure core: fulfilled once, refunded once, and how much a refund takes."""

from __future__ import annotations

from typing import Any

import pytest
from tests.core.books import SECOND_US, START_US, Books, check

from livecredits.core.changes import Actor, Fulfil, Grant, Hold, Refund, Reverse, Spend
from livecredits.core.rows import OrderRow


def shop(**fields: Any) -> Books:
    books = Books()
    books.book.orders["ord_1"] = OrderRow("ord_1", "ada", "credits", 50, 3_600, **fields)
    return books


def fulfil(**fields: Any) -> Fulfil:
    return Fulfil(order_id="ord_1", actor=Actor("operator", "opr_1"), **fields)


def refund(spent: Any = "refuse", **fields: Any) -> Refund:
    return Refund(order_id="ord_1", spent=spent, **fields)


class TestFulfilment:
    def test_it_grants_what_was_ordered_for_as_long_as_it_was_sold(self) -> None:
        books = shop()
        entry = books.do(fulfil(fulfilled_by="eve", note="paid in cash"))
        assert (entry.kind, entry.amount, entry.origin) == ("fulfil", 50, "ord_1")
        (lot,) = books.account().lots
        assert (lot.source, lot.expires_at_us) == ("ord_1", START_US + 3_600 * SECOND_US)
        order = books.book.orders["ord_1"]
        assert (order.state, order.entry_id, order.fulfilled_at_us) == ("fulfilled", entry.id, START_US)
        assert (order.fulfilled_by, order.claimed_by, order.note) == ("operator:opr_1", "eve", "paid in cash")
        check(books)

    @pytest.mark.parametrize(
        ("label", "name", "shown"),
        [(None, "100 credits", "Order · 100 credits"), ("Thanks", "100 credits", "Thanks"), (None, None, None),
         (None, "x" * 200, f"Order · {'x' * 192}")],
    )  # fmt: skip
    def test_its_entry_says_what_was_ordered(
        self, label: str | None, name: str | None, shown: str | None
    ) -> None:
        assert shop(package_name=name).do(fulfil(label=label)).label == shown

    def test_a_second_one_is_told_who_did_it_and_when(self) -> None:
        books = shop()
        entry = books.do(fulfil())
        books.wait(5)
        refusal = books.refused(fulfil())
        assert refusal.code == "already_fulfilled"
        assert refusal.extra == {
            "order": "ord_1", "fulfilled_by": "operator:opr_1", "entry": entry.id,
            "fulfilled_at": "2027-01-15T08:00:00.000000Z",
        }  # fmt: skip

    def test_it_may_name_the_version_that_it_was_decided_on(self) -> None:
        books = shop()
        assert books.refused(fulfil(if_version=1)).code == "version_mismatch"
        books.do(fulfil(if_version=0))
        assert books.refused(refund(if_version=0)).code == "version_mismatch"
        assert books.do(refund(if_version=1)).version == 2

    @pytest.mark.parametrize("state", ["cancelled", "refunded"])
    def test_a_closed_order_is_not_fulfilled(self, state: Any) -> None:
        refusal = shop(state=state).refused(fulfil())
        assert (refusal.code, refusal.extra["state"]) == ("order_closed", state)

    def test_an_unknown_order_and_somebody_elses_do_not_exist(self) -> None:
        books = shop()
        assert books.refused(Fulfil(order_id="ord_2")).code == "not_found"
        refusal = books.refused(fulfil(user_id="bob"))
        assert (refusal.code, refusal.sticks) == ("not_found", False)

    def test_the_actors_limit_holds(self) -> None:
        refusal = shop().refused(fulfil(limit=49))
        assert refusal.code == "over_operator_limit"

    def test_a_frozen_account_still_gets_what_was_paid_for(self) -> None:
        books = shop()
        books.configure("ada", frozen=True)
        books.do(fulfil())
        assert books.account().available == 50


class TestRefund:
    def test_it_takes_the_very_lot(self) -> None:
        books = shop()
        books.do(Grant(user_id="ada", amount=9))
        fulfilled = books.do(fulfil())
        entry = books.do(refund())
        assert (entry.kind, entry.amount, entry.reverses) == ("reverse", -50, fulfilled.id)
        assert [lot.remaining for lot in books.account().lots] == [9]
        order = books.book.orders["ord_1"]
        assert (order.state, order.refund_entry_id) == ("refunded", entry.id)
        check(books)

    def test_it_happens_once(self) -> None:
        books = shop()
        books.do(fulfil())
        books.do(refund())
        assert books.refused(refund()).code == "order_closed"
        assert books.refused(fulfil()).code == "order_closed"

    def test_a_pending_order_has_nothing_to_refund(self) -> None:
        assert shop().refused(refund()).code == "order_not_fulfilled"

    def test_where_part_is_spent_the_caller_chooses(self) -> None:
        books = shop()
        books.do(fulfil())
        books.do(Spend(user_id="ada", amount=20))
        refusal = books.refused(refund())
        assert (refusal.code, refusal.extra["left"], refusal.extra["amount"]) == ("order_spent", 30, 50)
        assert books.do(refund("left")).amount == -30
        assert books.account().available == 0

    def test_other_credits_do_not_pay_for_what_is_spent_of_it(self) -> None:
        books = shop()
        books.do(fulfil())
        books.do(Spend(user_id="ada", amount=20))
        books.do(Grant(user_id="ada", amount=100))
        assert books.do(refund("left")).amount == -30
        assert books.account().available == 100

    def test_below_the_floor_it_takes_all(self) -> None:
        books = shop()
        books.do(fulfil())
        books.do(Spend(user_id="ada", amount=20))
        assert books.do(refund("below_floor")).amount == -50
        assert books.account().available == -20
        check(books)

    def test_what_is_held_is_not_left(self) -> None:
        books = shop()
        books.do(fulfil())
        books.do(Hold(user_id="ada", amount=10))
        assert books.refused(refund()).extra["left"] == 40
        assert books.do(refund("left")).amount == -40

    def test_where_nothing_is_left_there_is_nothing_to_take(self) -> None:
        books = shop()
        books.do(fulfil())
        books.do(Spend(user_id="ada", amount=50))
        assert books.refused(refund("left")).code == "order_spent"

    def test_a_fulfilment_is_not_undone_in_part_nor_by_whoever_may_not_refund(self) -> None:
        books = shop()
        entry = books.do(fulfil())
        assert books.refused(Reverse(entry_id=entry.id, amount=1)).code == "not_reversible"
        assert books.refused(Reverse(entry_id=entry.id, may_refund=False)).code == "forbidden"
        assert books.book.orders["ord_1"].state == "fulfilled"
        assert books.do(Reverse(entry_id=entry.id, amount=50)).amount == -50

    def test_reversing_the_entry_refunds_the_order(self) -> None:
        books = shop()
        entry = books.do(fulfil())
        undone = books.do(Reverse(entry_id=entry.id))
        order = books.book.orders["ord_1"]
        assert (order.state, order.refund_entry_id) == ("refunded", undone.id)
        assert books.refused(refund()).code == "order_closed"
