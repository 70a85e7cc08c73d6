"""Codes are read alike in Python and in TypeScript: both read the vectors of `conformance/vouchers.json`."""

from __future__ import annotations

import json

import pytest
from tools.make_voucher_vectors import FILE, text

from livecredits.core.vouchers import read_code
from livecredits.errors import WrongCheckSymbol


def test_the_file_is_what_its_generator_writes() -> None:
    assert FILE.read_text("utf-8") == text(), "run python -m tools.make_voucher_vectors"


def test_every_spelling_of_a_code_is_looked_up_as_the_same_symbols() -> None:
    for typed, symbols in json.loads(FILE.read_text("utf-8"))["good"]:
        assert read_code(typed) == symbols


def test_every_typing_error_is_found() -> None:
    wrong = json.loads(FILE.read_text("utf-8"))["wrong"]
    assert len(wrong) > 150
    for typed in wrong:
        with pytest.raises(WrongCheckSymbol):
            read_code(typed)


def test_a_code_that_has_lost_a_symbol_is_no_word() -> None:
    lost = json.loads(FILE.read_text("utf-8"))["lost"]
    assert len(lost) >= 17
    for typed in lost:
        with pytest.raises(WrongCheckSymbol):
            read_code(typed)
        assert read_code(typed, has_longer_words=True) == typed, "words of 16 symbols are still redeemed"


def test_what_can_be_no_code_is_none() -> None:
    for typed in json.loads(FILE.read_text("utf-8"))["foreign"]:
        assert read_code(typed) is None, typed
