"""Codes: what the check symbol finds, what typing does not change; and the rule of redemption, case by case."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.books import SECOND_US, START_US, Books, check

from livecredits.core.amounts import MAX_AMOUNT
from livecredits.core.changes import Grant, Redeem, Reverse, Spend, Welcome
from livecredits.core.rows import Decision, Voucher
from livecredits.core.vouchers import (
    ALPHABET,
    CODE_BYTES,
    check_symbol,
    has_right_check,
    is_prefix,
    is_word,
    normalised,
    read_code,
    spelled,
)
from livecredits.errors import WrongCheckSymbol

bits = st.binary(min_size=CODE_BYTES, max_size=CODE_BYTES)
prefixes = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", max_size=12)


def symbols_of(code: str) -> str:
    symbols = normalised(code)
    assert symbols is not None
    return symbols


class TestCodes:
    @given(bits, prefixes)
    def test_every_single_wrong_symbol_is_found(self, random_bits: bytes, prefix: str) -> None:
        symbols = symbols_of(spelled(random_bits, prefix))
        assert has_right_check(symbols)
        for at, right in enumerate(symbols):
            for wrong in ALPHABET:
                if wrong != right:
                    assert not has_right_check(symbols[:at] + wrong + symbols[at + 1 :])

    @given(bits, prefixes)
    def test_every_swap_of_two_symbols_is_found(self, random_bits: bytes, prefix: str) -> None:
        symbols = symbols_of(spelled(random_bits, prefix))
        for first in range(len(symbols)):
            for second in range(first + 1, len(symbols)):
                swapped = list(symbols)
                swapped[first], swapped[second] = swapped[second], swapped[first]
                is_same = symbols[first] == symbols[second]
                assert has_right_check("".join(swapped)) == is_same

    @given(bits, prefixes, st.randoms(use_true_random=False))
    def test_a_code_is_read_however_it_is_typed(
        self, random_bits: bytes, prefix: str, chance: random.Random
    ) -> None:
        code = spelled(random_bits, prefix)
        alike = {"0": "oO0", "1": "iIlL1", "V": "vVuU"}
        typed = "".join(
            chance.choice(alike.get(symbol, symbol + symbol.lower())) for symbol in code if symbol != "-"
        )
        cut = chance.randrange(len(typed))
        assert read_code(f" {typed[:cut]}– {typed[cut:]} ") == symbols_of(code)

    def test_a_code_has_all_its_random_bits(self) -> None:
        zero = symbols_of(spelled(bytes(CODE_BYTES)))
        found = {symbols_of(spelled((1 << bit).to_bytes(CODE_BYTES, "big"))) for bit in range(80)}
        assert len(found | {zero}) == 81
        assert {len(symbols) for symbols in found} == {17}

    def test_the_check_symbol_of_a_known_code(self) -> None:
        assert spelled(bytes(range(CODE_BYTES)), "SUMMER").startswith("SUMMER-000G-40R4-0M30-E209-")
        assert check_symbol("0") == "0"
        assert check_symbol("1") == "2"
        assert check_symbol("G") == "5", "2 · 2⁴ is folded back by x⁵ = x² + 1"

    def test_a_typing_error_is_told_before_anything_is_looked_up(self) -> None:
        code = spelled(b"0123456789")
        for first, second in pairwise(range(len(code))):
            swapped = code[:first] + code[second] + code[first] + code[second + 1 :]
            if symbols_of(swapped) != symbols_of(code):
                with pytest.raises(WrongCheckSymbol):
                    read_code(swapped)

    @pytest.mark.parametrize("typed", ["", " - ", "ABC!", "ЖЖЖЖ", "A" * 65, "\x00ABC", "٣٣٣٣", "ABCD\ud800"])
    def test_what_no_code_can_be_is_no_code(self, typed: str) -> None:
        assert read_code(typed) is None

    @pytest.mark.parametrize(
        ("text", "is_one"),
        [("WELCOME10", True), ("BLACK-FRIDAY", True), ("ABC", False), ("A" * 17, False), ("welcome", False),
         ("NÖL10", False), ("----", False), (12345, False), ("A" * 15, True), ("A" * 16, False)],
    )  # fmt: skip
    def test_which_words_may_be_chosen(self, text: object, is_one: bool) -> None:
        assert is_word(text) is is_one

    def test_which_prefixes_may_be_chosen(self) -> None:
        assert is_prefix("SUMMER26")
        assert not any(is_prefix(text) for text in ("", "A" * 13, "a", "A-B", None))

    def test_a_word_needs_no_check_symbol_and_is_read_alike(self) -> None:
        assert read_code("welcome10") == read_code("WELC0MEIO") == normalised("WELCOME10")


# --- the rule ------------------------------------------------------------------------------------------------------

ONCE = Voucher("vch_1", "credits", 10)
DAY_S = 86_400


def shop(*vouchers: Voucher) -> Books:
    books = Books()
    for voucher in vouchers:
        books.book.vouchers[voucher.id] = voucher
        books.book.codes[f"digest of {voucher.id}"] = voucher.id
    return books


def redeem(voucher_id: str = "vch_1", user_id: str = "ada") -> Redeem:
    return Redeem(user_id=user_id, code="", digest=f"digest of {voucher_id}")


def refused(books: Books, change: Redeem) -> tuple[str, bool]:
    refusal = books.refused(change)
    return refusal.code, refusal.sticks


class TestRedemption:
    def test_it_pays_as_a_lot_of_its_own_that_names_the_voucher(self) -> None:
        books = shop(replace(ONCE, validity_s=60, label="Summer"))
        entry = books.do(redeem())
        assert (entry.kind, entry.amount, entry.origin, entry.label) == ("redeem", 10, "vch_1", "Summer")
        (lot,) = books.account().lots
        assert (lot.source, lot.expires_at_us) == ("vch_1", START_US + 60 * SECOND_US)
        books.wait(60)
        assert books.account().available == 0
        check(books)

    def test_an_unknown_code_pays_nobody_and_burns_no_key(self) -> None:
        assert refused(shop(), redeem()) == ("not_found", False)

    def test_it_pays_once(self) -> None:
        books = shop(ONCE)
        books.do(redeem())
        assert refused(books, redeem(user_id="bob")) == ("voucher_used", True)

    def test_whoever_has_redeemed_it_learns_just_that(self) -> None:
        books = shop(replace(ONCE, ends_at_us=START_US + 5 * SECOND_US))
        books.do(redeem())
        books.wait(10)
        assert refused(books, redeem()) == ("already_redeemed", True)

    def test_it_pays_as_often_as_it_may_and_once_for_each_user(self) -> None:
        books = shop(replace(ONCE, max_redemptions=2, campaign_id="cmp_1"))
        books.do(redeem())
        assert refused(books, redeem())[0] == "already_redeemed"
        books.do(redeem(user_id="bob"))
        assert refused(books, redeem(user_id="eve"))[0] == "voucher_used"
        assert books.book.vouchers["vch_1"].redemptions == 2

    def test_a_user_may_redeem_so_many_codes_of_a_campaign(self) -> None:
        codes = [replace(ONCE, id=f"vch_{n}", campaign_id="cmp_1", max_per_user=2) for n in (1, 2, 3)]
        books = shop(*codes)
        books.do(redeem("vch_1"))
        books.do(redeem("vch_2"))
        assert refused(books, redeem("vch_3"))[0] == "already_redeemed"
        books.do(redeem("vch_3", "bob"))

    def test_a_word_without_limits_pays_again_and_again(self) -> None:
        books = shop(replace(ONCE, max_redemptions=None, max_per_user=None, campaign_id="cmp_1"))
        assert [books.do(redeem()).amount for _ in range(3)] == [10, 10, 10]

    def test_the_window_holds_its_first_moment_and_not_its_last(self) -> None:
        window = replace(
            ONCE, starts_at_us=START_US + SECOND_US, ends_at_us=START_US + 2 * SECOND_US, max_redemptions=9,
            max_per_user=9,
        )  # fmt: skip
        books = shop(window)
        assert refused(books, redeem()) == ("voucher_not_yet_valid", True)
        books.now_us = START_US + SECOND_US
        books.do(redeem())
        books.now_us = START_US + 2 * SECOND_US - 1
        books.do(redeem())
        books.now_us += 1
        assert refused(books, redeem()) == ("voucher_expired", True)

    def test_a_withdrawn_code_pays_no_more(self) -> None:
        assert refused(shop(replace(ONCE, is_revoked=True)), redeem())[0] == "voucher_revoked"

    def test_a_code_for_somebody_else_does_not_exist(self) -> None:
        books = shop(replace(ONCE, user_id="bob"))
        assert refused(books, redeem()) == ("not_found", False)
        books.do(redeem(user_id="bob"))

    def test_only_who_is_listed_may_redeem(self) -> None:
        books = shop(replace(ONCE, campaign_id="cmp_1", is_listed=True))
        books.book.listed.add(("cmp_1", "bob"))
        assert refused(books, redeem()) == ("not_found", False)
        books.do(redeem(user_id="bob"))

    def test_a_frozen_account_redeems_nothing(self) -> None:
        books = shop(ONCE)
        books.configure("ada", frozen=True)
        assert refused(books, redeem())[0] == "account_frozen"

    def test_it_may_be_a_users_first_appearance(self) -> None:
        books = shop(ONCE)
        books.do(redeem(user_id="new"))
        assert "new" in books.book.users

    def test_undoing_it_takes_the_credits_and_does_not_free_the_code(self) -> None:
        books = shop(ONCE)
        entry = books.do(redeem())
        books.do(Grant(user_id="ada", amount=5))
        undone = books.do(Reverse(entry_id=entry.id))
        assert (undone.amount, books.account().available) == (-10, 5)
        assert refused(books, redeem())[0] == "already_redeemed"
        assert refused(books, redeem(user_id="bob"))[0] == "voucher_used"

    def test_it_repays_debt_first(self) -> None:
        books = shop(ONCE)
        books.configure("ada", floor=-20)
        books.do(Spend(user_id="ada", amount=7))
        books.do(redeem())
        assert [lot.remaining for lot in books.account().lots] == [3]
        check(books)


class TestWelcome:
    HELLO = replace(ONCE, id="vch_w", amount=7, campaign_id="cmp_w", max_redemptions=None, label="Welcome!")

    def books(self, *vouchers: Voucher) -> Books:
        books = shop(*vouchers)
        books.book.welcomes = tuple(voucher.id for voucher in vouchers)
        return books

    def test_a_new_user_is_given_it_behind_the_first_entry(self) -> None:
        books = self.books(self.HELLO)
        answer = books.ask(Grant(user_id="new", amount=5))
        assert isinstance(answer, Decision)
        assert [(entry.kind, entry.version) for entry in answer.entries] == [("grant", 1), ("redeem", 2)]
        assert answer.primary.kind == "grant"
        assert (answer.accounts[0].version, answer.accounts[0].available) == (2, 12)
        assert (answer.entries[1].actor, answer.entries[1].label) == ("system:welcome", "Welcome!")
        check(books)

    def test_a_known_user_is_not(self) -> None:
        books = self.books(self.HELLO)
        books.do(Grant(user_id="ada", amount=5))
        assert books.account().available == 5

    def test_who_redeems_it_first_gets_it_once(self) -> None:
        books = self.books(self.HELLO)
        books.do(redeem("vch_w", "new"))
        assert books.account("new").available == 7
        assert books.refused(Welcome(user_id="new")).code == "not_found"

    def test_asked_for_by_itself_it_pays_once(self) -> None:
        other = replace(self.HELLO, id="vch_v", campaign_id="cmp_v", unit="minutes", amount=3)
        books = self.books(self.HELLO, other)
        books.do(Welcome(user_id="ada"))
        assert (books.account().available, books.account(unit="minutes").available) == (7, 3)
        assert books.refused(Welcome(user_id="ada")).code == "not_found"
        check(books)

    def test_one_that_does_not_fit_refuses_nobody(self) -> None:
        books = self.books(self.HELLO)
        answer = books.ask(Grant(user_id="new", amount=MAX_AMOUNT))
        assert isinstance(answer, Decision)
        assert [entry.kind for entry in answer.entries] == ["grant"]
        check(books)

    def test_one_that_has_ended_refuses_nobody(self) -> None:
        books = self.books(replace(self.HELLO, ends_at_us=START_US))
        books.do(Grant(user_id="new", amount=5))
        assert books.account("new").available == 5
