"""What each kind of change does, one rule a test; then all of them in any order, against the rules of the table."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.core.books import SECOND_US, Books, check

from livecredits.core.amounts import MAX_AMOUNT
from livecredits.core.chain import GENESIS, canonical, link
from livecredits.core.changes import (
    Actor,
    Adjust,
    Capture,
    Change,
    Grant,
    Hold,
    Release,
    Reverse,
    Set,
    Spend,
    Transfer,
)
from livecredits.core.ledger import decide
from livecredits.core.lots import NotLoaded, Terms

HOUR = 3600


@pytest.fixture
def books() -> Books:
    return Books()


def grant(books: Books, amount: int, user: str = "ada", *, in_s: int | None = None, priority: int = 0) -> str:
    """Grant a lot, and answer with the lot's id."""
    expires = None if in_s is None else books.now_us + in_s * SECOND_US
    entry = books.do(Grant(user_id=user, amount=amount, terms=Terms(priority, expires)))
    return entry.lots[0].lot_id


def remaining(books: Books, user: str = "ada") -> dict[str, int]:
    return {lot.id: lot.remaining for lot in books.account(user).lots}


class TestBurnOrder:
    def test_low_priority_first_then_soonest_expiry_then_oldest(self, books: Books) -> None:
        evergreen = grant(books, 10)
        late = grant(books, 10, in_s=2 * HOUR)
        soon = grant(books, 10, in_s=HOUR)
        first = grant(books, 10, priority=-1)
        books.do(Spend(user_id="ada", amount=25))
        assert remaining(books) == {late: 5, evergreen: 10}
        assert {first, soon}.isdisjoint(remaining(books))

    def test_the_spend_tells_what_it_burned(self, books: Books) -> None:
        old, new = grant(books, 10), grant(books, 10)
        spent = books.do(Spend(user_id="ada", amount=12))
        assert [(move.lot_id, move.delta) for move in spent.lots] == [(old, -10), (new, -2)]


class TestFloor:
    def test_a_spend_beyond_what_is_available_is_refused_with_the_figures(self, books: Books) -> None:
        grant(books, 10)
        refusal = books.refused(Spend(user_id="ada", amount=11))
        assert (refusal.code, refusal.sticks) == ("insufficient_credits", True)
        assert refusal.extra == {"needed": 11, "available": 10, "floor": 0}

    def test_what_is_available_is_told_as_it_is_whatever_the_floor(self, books: Books) -> None:
        books.configure("ada", floor=-50)
        grant(books, 70)
        assert books.refused(Spend(user_id="ada", amount=200)).extra == {
            "needed": 200,
            "available": 70,
            "floor": -50,
        }

    def test_held_credits_are_not_available(self, books: Books) -> None:
        grant(books, 10)
        books.do(Hold(user_id="ada", amount=8))
        assert books.refused(Spend(user_id="ada", amount=3)).extra["available"] == 2

    @pytest.mark.parametrize(("floor", "passes"), [(-5, True), (-4, False), (None, True)])
    def test_a_floor_below_zero_lends(self, books: Books, floor: int | None, passes: bool) -> None:
        books.configure("ada", floor=floor)
        if passes:
            assert books.do(Spend(user_id="ada", amount=5)).settled_after == -5
        else:
            books.refused(Spend(user_id="ada", amount=5))

    def test_an_adjustment_may_pass_the_floor_only_by_choice(self, books: Books) -> None:
        books.refused(Adjust(user_id="ada", amount=-1))
        assert books.do(Adjust(user_id="ada", amount=-1, allow_below_floor=True)).settled_after == -1

    def test_a_credit_repays_debt_before_it_makes_a_lot(self, books: Books) -> None:
        books.configure("ada", floor=-100)
        books.do(Spend(user_id="ada", amount=30))
        assert books.do(Grant(user_id="ada", amount=20)).lots == ()
        lot = grant(books, 15)
        assert remaining(books) == {lot: 5}

    def test_debt_reaches_into_what_a_hold_earmarked(self, books: Books) -> None:
        books.configure("ada", floor=-100)
        grant(books, 10)
        hold = books.do(Hold(user_id="ada", amount=10)).hold_id
        books.do(Spend(user_id="ada", amount=4))
        check(books)
        assert sum(part for _, part in books.hold(hold).marks) == 6
        books.do(Capture(hold_id=hold or "", amount=10))
        check(books)
        assert books.account().settled == -4


class TestSet:
    def test_it_stores_the_difference(self, books: Books) -> None:
        grant(books, 30)
        assert books.do(Set(user_id="ada", credits=100)).amount == 70
        assert books.do(Set(user_id="ada", credits=40)).amount == -60

    def test_it_sets_what_is_available_and_leaves_holds_alone(self, books: Books) -> None:
        grant(books, 30)
        books.do(Hold(user_id="ada", amount=10))
        entry = books.do(Set(user_id="ada", credits=100))
        assert (entry.settled_after, entry.held_after) == (110, 10)

    def test_the_same_value_again_is_an_entry_that_moved_nothing(self, books: Books) -> None:
        grant(books, 30)
        entry = books.do(Set(user_id="ada", credits=30))
        assert (entry.amount, entry.version) == (0, 2)
        assert books.refused(Reverse(entry_id=entry.id)).code == "not_reversible"

    @pytest.mark.parametrize("kind", [Adjust, Grant, Spend, Hold])
    def test_any_change_may_name_the_version_that_it_was_decided_on(self, books: Books, kind: type) -> None:
        grant(books, 30)
        assert books.refused(kind(user_id="ada", amount=1, if_version=0)).code == "version_mismatch"
        assert books.do(kind(user_id="ada", amount=1, if_version=1)).version == 2

    def test_closing_a_hold_and_undoing_may_too(self, books: Books) -> None:
        grant(books, 30)
        held = books.do(Hold(user_id="ada", amount=8))
        assert books.refused(Capture(hold_id=held.hold_id or "", if_version=1)).code == "version_mismatch"
        captured = books.do(Capture(hold_id=held.hold_id or "", if_version=2))
        assert books.refused(Reverse(entry_id=captured.id, if_version=2)).code == "version_mismatch"
        books.do(Reverse(entry_id=captured.id, if_version=3))

    def test_a_stale_version_is_refused_with_what_is_true_now_and_does_not_stick(self, books: Books) -> None:
        grant(books, 30)
        refusal = books.refused(Set(user_id="ada", credits=5, if_version=0))
        assert (refusal.code, refusal.sticks) == ("version_mismatch", False)
        assert refusal.extra == {"version": 1, "balance": {"settled": 30, "held": 0, "available": 30}}


class TestHolds:
    def test_a_capture_spends_the_earmarked_lots_and_releases_the_rest(self, books: Books) -> None:
        soon = grant(books, 10, in_s=HOUR)
        grant(books, 10)
        hold = books.do(Hold(user_id="ada", amount=8)).hold_id or ""
        captured = books.do(Capture(hold_id=hold, amount=5))
        assert [(move.lot_id, move.delta) for move in captured.lots] == [(soon, -5)]
        assert [(e.kind, e.settled_after, e.held_after) for e in books.history()[-2:]] == [
            ("capture", 15, 3),
            ("release", 15, 0),
        ]
        assert (books.hold(hold).state, books.hold(hold).captured) == ("captured", 5)

    def test_a_capture_takes_from_each_lot_what_was_earmarked_in_it(self, books: Books) -> None:
        first, second = grant(books, 3, in_s=HOUR), grant(books, 10)
        hold = books.do(Hold(user_id="ada", amount=5)).hold_id or ""
        captured = books.do(Capture(hold_id=hold))
        assert [(move.lot_id, move.delta) for move in captured.lots] == [(first, -3), (second, -2)]

    def test_a_closed_hold_cannot_be_closed_again(self, books: Books) -> None:
        grant(books, 10)
        hold = books.do(Hold(user_id="ada", amount=8)).hold_id or ""
        books.do(Release(hold_id=hold))
        assert books.refused(Capture(hold_id=hold)).extra["state"] == "released"
        assert books.refused(Release(hold_id=hold)).code == "hold_closed"

    def test_another_users_hold_is_not_there(self, books: Books) -> None:
        grant(books, 10)
        hold = books.do(Hold(user_id="ada", amount=8)).hold_id or ""
        refusal = books.refused(Capture(user_id="bob", hold_id=hold))
        assert (refusal.code, refusal.sticks) == ("not_found", False)

    def test_more_than_is_held_cannot_be_captured(self, books: Books) -> None:
        grant(books, 10)
        hold = books.do(Hold(user_id="ada", amount=8)).hold_id or ""
        assert books.refused(Capture(hold_id=hold, amount=9)).code == "invalid"

    def test_an_overdue_hold_is_released_at_its_second(self, books: Books) -> None:
        grant(books, 10)
        hold = books.do(Hold(user_id="ada", amount=8, ttl_s=60)).hold_id or ""
        books.wait(59)
        assert books.account().held == 8
        books.wait(1)
        assert (books.account().held, books.hold(hold).state) == (0, "released")
        assert books.history()[-1].actor == "system:time"


class TestExpiry:
    def test_a_lot_expires_at_its_second_and_not_before(self, books: Books) -> None:
        grant(books, 10, in_s=60)
        books.wait(59)
        assert books.account().settled == 10
        books.wait(1)
        assert [e.kind for e in books.history()] == ["grant", "expire"]
        assert books.account().settled == 0

    def test_earmarked_credits_do_not_expire_while_they_are_held(self, books: Books) -> None:
        grant(books, 10, in_s=60)
        hold = books.do(Hold(user_id="ada", amount=4, ttl_s=HOUR)).hold_id or ""
        books.wait(60)
        assert (books.account().settled, books.account().held) == (4, 4)
        books.do(Release(hold_id=hold))
        assert [e.kind for e in books.history()[-2:]] == ["release", "expire"]
        assert books.account().settled == 0

    def test_a_grant_that_has_already_expired_is_refused(self, books: Books) -> None:
        change = Grant(user_id="ada", amount=5, terms=Terms(expires_at_us=books.now_us))
        assert books.refused(change).extra["errors"][0]["field"] == "expires_at"

    def test_what_was_due_stays_posted_when_the_change_is_refused(self, books: Books) -> None:
        grant(books, 10, in_s=60)
        books.now_us += 60 * SECOND_US
        books.ask(Spend(user_id="ada", amount=1))
        assert [e.kind for e in books.history()] == ["grant", "expire"]


class TestReverse:
    def test_a_spend_goes_back_into_the_very_lots(self, books: Books) -> None:
        soon, never = grant(books, 10, in_s=HOUR), grant(books, 10)
        spent = books.do(Spend(user_id="ada", amount=15))
        books.do(Reverse(entry_id=spent.id))
        assert remaining(books) == {soon: 10, never: 10}

    def test_what_returns_to_a_lot_past_its_second_expires_at_once(self, books: Books) -> None:
        grant(books, 10, in_s=60)
        spent = books.do(Spend(user_id="ada", amount=10))
        books.wait(61)
        books.do(Reverse(entry_id=spent.id))
        assert [e.kind for e in books.history()] == ["grant", "spend", "reverse", "expire"]
        assert books.account().settled == 0

    def test_a_part_of_a_spend(self, books: Books) -> None:
        soon, never = grant(books, 10, in_s=HOUR), grant(books, 10)
        spent = books.do(Spend(user_id="ada", amount=15))
        books.do(Reverse(entry_id=spent.id, amount=6))
        assert remaining(books) == {soon: 1, never: 10}
        assert books.refused(Reverse(entry_id=spent.id, amount=6)).code == "already_reversed"

    def test_a_grant_takes_its_own_lot_first(self, books: Books) -> None:
        soon = grant(books, 10, in_s=HOUR)
        given = books.do(Grant(user_id="ada", amount=10))
        books.do(Reverse(entry_id=given.id))
        assert remaining(books) == {soon: 10}

    def test_a_grant_that_was_spent_takes_other_lots_then_refuses_or_lends_by_choice(
        self, books: Books
    ) -> None:
        given = books.do(Grant(user_id="ada", amount=10, terms=Terms(priority=-1)))
        grant(books, 4)
        books.do(Spend(user_id="ada", amount=9))
        assert books.refused(Reverse(entry_id=given.id)).code == "insufficient_credits"
        books.do(Reverse(entry_id=given.id, allow_below_floor=True))
        assert books.account().settled == -5

    def test_an_entry_is_reversed_at_most_once_and_says_by_which(self, books: Books) -> None:
        grant(books, 10)
        spent = books.do(Spend(user_id="ada", amount=5))
        undone = books.do(Reverse(entry_id=spent.id))
        refusal = books.refused(Reverse(entry_id=spent.id))
        assert (refusal.code, refusal.extra) == ("already_reversed", {"reversed_by": undone.id})

    @pytest.mark.parametrize("kind", ["hold", "release", "expire", "reverse"])
    def test_what_cannot_be_reversed(self, books: Books, kind: str) -> None:
        grant(books, 10, in_s=60)
        hold = books.do(Hold(user_id="ada", amount=2)).hold_id or ""
        books.do(Release(hold_id=hold))
        books.do(Reverse(entry_id=books.do(Spend(user_id="ada", amount=1)).id))
        books.wait(60)
        entry = next(entry for entry in books.history() if entry.kind == kind)
        assert books.refused(Reverse(entry_id=entry.id)).code == "not_reversible"

    def test_both_sides_of_a_transfer_are_undone_together(self, books: Books) -> None:
        soon = grant(books, 10, in_s=HOUR)
        sent = books.do(Transfer(user_id="ada", to_user_id="bob", amount=7))
        books.do(Reverse(entry_id=sent.peer or ""))
        assert remaining(books) == {soon: 10}
        assert books.account("bob").settled == 0
        assert books.refused(Reverse(entry_id=sent.id)).code == "already_reversed"

    def test_a_capture_comes_back_spendable(self, books: Books) -> None:
        lot = grant(books, 10)
        hold = books.do(Hold(user_id="ada", amount=6)).hold_id or ""
        captured = books.do(Capture(hold_id=hold, amount=5))
        books.do(Reverse(entry_id=captured.id))
        assert (remaining(books), books.account().held) == ({lot: 10}, 0)


class TestTransfer:
    def test_lots_keep_their_terms_on_the_other_side(self, books: Books) -> None:
        grant(books, 5, in_s=60)
        grant(books, 5)
        books.do(Transfer(user_id="ada", to_user_id="bob", amount=8))
        books.wait(60)
        assert (books.account("ada").settled, books.account("bob").settled) == (2, 3)

    def test_each_side_names_the_other(self, books: Books) -> None:
        grant(books, 5)
        sent = books.do(Transfer(user_id="ada", to_user_id="bob", amount=5))
        received = books.history("bob")[0]
        assert (sent.peer, received.peer) == (received.id, sent.id)
        assert (sent.amount, received.amount) == (-5, 5)

    def test_to_oneself_is_refused(self, books: Books) -> None:
        grant(books, 5)
        assert books.refused(Transfer(user_id="ada", to_user_id="ada", amount=1)).code == "invalid"


class TestFrozen:
    def test_it_refuses_spends_holds_and_transfers_but_operators_still_act(self, books: Books) -> None:
        grant(books, 10)
        books.configure("ada", frozen=True)
        for change in (
            Spend(user_id="ada", amount=1),
            Hold(user_id="ada", amount=1),
            Transfer(user_id="ada", to_user_id="bob", amount=1),
        ):
            assert books.refused(change).code == "account_frozen"
        assert books.do(Set(user_id="ada", credits=3)).settled_after == 3
        assert books.do(Grant(user_id="ada", amount=3)).settled_after == 6


class TestUnknownUsers:
    def test_a_grant_may_be_a_users_first_appearance(self, books: Books) -> None:
        assert books.do(Grant(user_id="new", amount=5)).version == 1
        assert books.do(Spend(user_id="new", amount=5)).version == 2

    @pytest.mark.parametrize(
        "change",
        [
            Spend(user_id="nobody", amount=1),
            Set(user_id="nobody", credits=1),
            Adjust(user_id="nobody", amount=1),
            Hold(user_id="nobody", amount=1),
            Transfer(user_id="ada", to_user_id="nobody", amount=1),
        ],
        ids=lambda change: type(change).__name__,
    )
    def test_any_other_change_is_refused_and_burns_no_key(self, books: Books, change: Change) -> None:
        grant(books, 5)
        refusal = books.refused(change)
        assert (refusal.code, refusal.sticks) == ("not_found", False)


class TestLimits:
    def test_an_actor_moves_at_most_its_limit_even_by_setting(self, books: Books) -> None:
        grant(books, 100)
        refusal = books.refused(Set(user_id="ada", credits=40, limit=50))
        assert (refusal.code, refusal.sticks) == ("over_operator_limit", False)
        assert refusal.extra == {"needed": 60, "limit": 50}
        books.do(Set(user_id="ada", credits=50, limit=50))

    def test_a_balance_stays_within_exact_numbers(self, books: Books) -> None:
        books.do(Grant(user_id="ada", amount=MAX_AMOUNT))
        assert books.refused(Grant(user_id="ada", amount=1)).code == "balance_limit"


class TestChain:
    def test_every_entry_carries_the_hash_of_itself_and_of_the_one_before(self, books: Books) -> None:
        grant(books, 10)
        books.do(Spend(user_id="ada", amount=3, reason="job", metadata='{"a":1}'))
        previous = GENESIS
        for entry in books.history():
            assert entry.hash == link(previous, canonical(entry.fields()))
            previous = entry.hash
        assert books.account().last_hash == previous

    def test_the_users_own_key_is_kept_and_nobody_elses(self, books: Books) -> None:
        grant(books, 10)
        own = books.do(Spend(user_id="ada", amount=1, key="k1", key_scope="user:ada"))
        other = books.do(Spend(user_id="ada", amount=1, key="k2", key_scope="service"))
        assert (own.user_key, other.user_key) == ("k1", None)

    def test_the_actor_is_on_the_entry(self, books: Books) -> None:
        entry = books.do(Grant(user_id="ada", amount=1, actor=Actor("operator", "op_1", request_id="r1")))
        assert (entry.actor, entry.request_id) == ("operator:op_1", "r1")


def test_a_part_of_the_lots_is_enough_until_the_burn_order_passes_it(books: Books) -> None:
    for _ in range(5):
        grant(books, 10)
    whole = books.account()
    head = replace(whole, lots=whole.lots[:2], loaded_through=whole.lots[1].burn_key)
    books.book.accounts[head.key] = head
    fits = decide(books.book, Spend(user_id="ada", amount=20), books.now_us, books.new_id)
    assert fits.entries[0].settled_after == 30  # type: ignore[union-attr]
    with pytest.raises(NotLoaded):
        decide(books.book, Spend(user_id="ada", amount=21), books.now_us, books.new_id)


# --- any order -----------------------------------------------------------------------------------------------------

USERS = st.sampled_from(["ada", "bob"])
AMOUNTS = st.integers(1, 40)
PICK = st.integers(0, 30)
STEPS = st.one_of(
    st.tuples(st.just("grant"), USERS, AMOUNTS, st.sampled_from([None, 5, 20]), st.integers(-1, 1)),
    st.tuples(st.just("spend"), USERS, AMOUNTS),
    st.tuples(st.just("adjust"), USERS, st.integers(-40, 40), st.booleans()),
    st.tuples(st.just("set"), USERS, st.integers(-20, 60), st.booleans()),
    st.tuples(st.just("hold"), USERS, AMOUNTS, st.integers(1, 30)),
    st.tuples(st.just("capture"), PICK, st.none() | AMOUNTS),
    st.tuples(st.just("release"), PICK),
    st.tuples(st.just("reverse"), PICK, st.none() | AMOUNTS, st.booleans()),
    st.tuples(st.just("transfer"), st.just("ada"), st.just("bob"), AMOUNTS),
    st.tuples(st.just("wait"), st.integers(1, 10)),
    st.tuples(st.just("floor"), USERS, st.sampled_from([None, 0, -30])),
    st.tuples(st.just("freeze"), USERS, st.booleans()),
)  # fmt: skip


def step_change(books: Books, step: tuple[Any, ...]) -> Change | None:  # noqa: PLR0911 - one line a kind
    match step:
        case ("grant", user, amount, in_s, priority):
            expires = None if in_s is None else books.now_us + in_s * SECOND_US
            return Grant(user_id=user, amount=amount, terms=Terms(priority, expires))
        case ("spend", user, amount):
            return Spend(user_id=user, amount=amount)
        case ("adjust", user, amount, below):
            return Adjust(user_id=user, amount=amount, allow_below_floor=below)
        case ("set", user, credits, below):
            return Set(user_id=user, credits=credits, allow_below_floor=below)
        case ("hold", user, amount, ttl_s):
            return Hold(user_id=user, amount=amount, ttl_s=ttl_s)
        case ("capture", pick, amount) if books.book.holds:
            return Capture(hold_id=sorted(books.book.holds)[pick % len(books.book.holds)], amount=amount)
        case ("release", pick) if books.book.holds:
            return Release(hold_id=sorted(books.book.holds)[pick % len(books.book.holds)])
        case ("reverse", pick, amount, below) if books.entries:
            entry = books.entries[pick % len(books.entries)]
            return Reverse(entry_id=entry.id, amount=amount, allow_below_floor=below)
        case ("transfer", giver, taker, amount):
            return Transfer(user_id=giver, to_user_id=taker, amount=amount)
        case _:
            return None


@settings(
    max_examples=3000 if os.environ.get("LIVECREDITS_DEPTH") == "deep" else 300,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(st.lists(STEPS, min_size=20, max_size=80))
def test_any_changes_in_any_order_keep_every_rule(steps: list[tuple[Any, ...]]) -> None:
    books = Books()
    for step in steps:
        match step:
            case ("wait", seconds):
                books.wait(seconds)
            case ("floor", user, floor):
                books.configure(user, floor=floor)
            case ("freeze", user, frozen):
                books.configure(user, frozen=frozen)
        change = step_change(books, step)
        if change is not None:
            books.ask(change)
        check(books)
