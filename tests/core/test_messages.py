"""What nodes say to each other: there and back as text, and what an older or a newer node makes of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livecredits.core.broadcasts import Counts, added
from livecredits.core.messages import Message, decode, is_message

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(st.builds(Message, st.text(), JSON, st.text(), st.text(), st.text()))
def test_a_message_survives_its_way(message: Message) -> None:
    text = message.encode()
    assert is_message(text)
    assert decode(text) == message


def test_it_is_for_one_or_for_all() -> None:
    assert Message("hint").is_for("a")
    assert Message("hint", to="a").is_for("a")
    assert not Message("hint", to="b").is_for("a")


def test_what_a_newer_node_adds_is_passed_over() -> None:
    assert decode('["message","hint",1,"","","","more"]') == Message("hint", 1)


@pytest.mark.parametrize(
    "text",
    ["", "{}", "[]", "nonsense", '["message"]', '["message",1,2,3,4,5]', '["other","hint",1,"","",""]'],
)
def test_what_is_not_understood_is_nobodys(text: str) -> None:
    assert decode(text) is None


def test_the_counts_of_nodes_add_up() -> None:
    assert added(
        [Counts(2, 1, 1, first_ms=9, last_ms=9), Counts(3, 2, behind=1, first_ms=4, last_ms=30)]
    ) == Counts(5, 3, 1, behind=1, first_ms=4, last_ms=30)
    assert added([Counts(1, hidden=1), Counts(1, shown=1, first_ms=3, last_ms=3, browsers=True)]) == Counts(
        2, 1, 1, first_ms=3, last_ms=3, browsers=True
    )
