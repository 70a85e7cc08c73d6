"""Counting names that several know: exact while there are few, close where there are many."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from livecredits.core.distinct import SAMPLE, Distinct, distinct, sample


@given(st.lists(st.lists(st.text(max_size=3), unique=True), max_size=5))
def test_few_names_are_counted_exactly(known: list[list[str]]) -> None:
    told = distinct([sample(names) for names in known], [len(names) for names in known])
    assert told == Distinct(len(set().union(*known)), is_exact=True)


def test_many_names_are_counted_within_seven_percent() -> None:
    """Three standard errors; the names and so the samples are always the same."""
    names = [f"user-{number}" for number in range(60_000)]
    parts = [names[:40_000], names[20_000:], names[:1_000]]
    told = distinct([sample(part) for part in parts], [len(part) for part in parts])
    assert not told.is_exact
    assert abs(told.count - 60_000) < 0.07 * 60_000


def test_an_estimate_is_never_less_than_one_knows_nor_more_than_all_know() -> None:
    names = [f"user-{number}" for number in range(3 * SAMPLE)]
    same = sample(names)
    assert distinct([same, same], [len(names), len(names)]).count >= len(names)
    assert distinct([same, []], [len(names), 0]) == Distinct(len(names), is_exact=False)
