"""What is written into cells comes back as it was."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livecredits.core.cells import inert, meant


@given(st.text(st.sampled_from("'@+a \t=") | st.characters()))
def test_a_text_comes_back_as_it_was(text: str) -> None:
    assert meant(inert(text)) == text


@pytest.mark.parametrize("text", ["@ada", "+4915112345678", "-7", "=1+1", "＝1", "\u00ad@ada"])
def test_what_a_spreadsheet_would_run_comes_back(text: str) -> None:
    assert inert(text) == f"'{text}"
    assert meant(inert(text)) == text


@pytest.mark.parametrize("cell", ["'tis", "'", "''", "O'Hara", ""])
def test_other_apostrophes_stay(cell: str) -> None:
    assert meant(cell) == cell
