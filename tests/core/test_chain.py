"""The text that an entry's hash covers is the same however it is spelled: by rule, or written out for speed."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from livecredits.core.chain import canonical
from livecredits.core.lots import Terms
from livecredits.core.rows import KINDS, Entry, LotMove

AMOUNTS = st.integers(-(2**53), 2**53)
TEXTS = st.text(max_size=20)
MAYBE = st.none() | TEXTS
TERMS = st.builds(
    Terms, priority=st.integers(-9, 9), expires_at_us=st.none() | st.integers(0, 2**60), source=MAYBE
)
MOVES = st.builds(LotMove, lot_id=TEXTS, delta=AMOUNTS, terms=st.none() | TERMS)
ENTRIES = st.builds(
    Entry,
    id=TEXTS,
    user_id=TEXTS,
    unit=TEXTS,
    version=st.integers(0, 2**40),
    kind=st.sampled_from(KINDS),
    actor=TEXTS,
    hold_expires_at_us=st.none() | st.integers(0, 2**60),
    lots=st.lists(MOVES, max_size=3).map(tuple),
    hash=st.just("not covered"),
    **dict.fromkeys(
        ("amount", "settled_delta", "held_delta", "settled_after", "held_after", "at_us"), AMOUNTS
    ),
    **dict.fromkeys(
        ("reason", "label", "metadata", "user_key", "request_id", "reverses", "peer", "hold_id", "origin"),
        MAYBE,
    ),
)


@given(ENTRIES)
def test_an_entrys_text_is_the_canonical_one(entry: Any) -> None:
    assert entry.content() == canonical(entry.fields())
