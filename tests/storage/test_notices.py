"""A commit as its row tells other nodes of it: there and back."""

from __future__ import annotations

import json
import time
from dataclasses import fields

from hypothesis import given
from hypothesis import strategies as st

from livecredits.core.messages import is_message
from livecredits.core.rows import AccountState, Cause, EntryMark
from livecredits.storage.answers import CommittedBatch
from livecredits.storage.notices import decode, encode

AMOUNTS = st.integers(-(2**53) + 1, 2**53 - 1)
TIMES = st.none() | st.integers(0, 2**53)
STATES = st.builds(
    AccountState,
    user_id=st.text(min_size=1),
    unit=st.text(min_size=1),
    version=st.integers(0, 2**53),
    settled=AMOUNTS,
    held=st.integers(0, 2**53 - 1),
    floor=st.none() | AMOUNTS,
    frozen=st.booleans(),
    changed_at_us=TIMES,
    cause=st.none() | st.builds(Cause, st.text(), st.text(), AMOUNTS, st.none() | st.text()),
    next_expiry_us=TIMES,
    next_expiry_amount=AMOUNTS,
    keys=st.lists(st.tuples(st.text(), st.integers(0, 2**53)), max_size=3).map(tuple),
    receipt=st.booleans(),
    low=st.booleans(),
)
BATCHES = st.builds(
    CommittedBatch,
    epoch=st.text(min_size=1),
    states=st.lists(STATES, max_size=3),
    lists=st.dictionaries(st.text(), st.sets(st.text(), min_size=1), max_size=3),
    committed_monotonic_ns=st.just(0),
    entries=st.lists(
        st.builds(EntryMark, st.text(), st.text(), st.text(), st.integers(0, 2**53)), max_size=3
    ),
    signed_out=st.frozensets(st.text(), max_size=3),
    anew=st.frozensets(st.text(), max_size=3),
    due_us=st.none() | st.integers(1, 2**53),
)


@given(BATCHES)
def test_a_commit_survives_its_way(batch: CommittedBatch) -> None:
    text = encode(batch)
    heard = decode(text)
    for one in fields(CommittedBatch):
        if one.name != "committed_monotonic_ns":
            assert getattr(heard, one.name) == getattr(batch, one.name), one.name
    assert not is_message(text)
    assert "\n" not in text


@given(BATCHES)
def test_what_a_newer_node_adds_is_passed_over(batch: CommittedBatch) -> None:
    parts = json.loads(encode(batch))
    parts["something new"] = 1
    for name in ("states", "entries"):
        for row in parts.get(name, ()):
            row.append("something new")
    assert decode(json.dumps(parts)).states == batch.states


def test_its_time_is_told_by_our_own_clock() -> None:
    before_ns = time.monotonic_ns()
    heard = decode(encode(CommittedBatch("ep", [], {}, 0)), age_us=5_000)
    assert before_ns - 5_000_000 <= heard.committed_monotonic_ns <= time.monotonic_ns() - 5_000_000


def test_every_field_of_a_state_is_told() -> None:
    """Whoever adds one to `AccountState` has to tell it here."""
    state = AccountState("ada", "credits")
    (told,) = json.loads(encode(CommittedBatch("ep", [state], {}, 0)))["states"]
    assert len(told) == len(fields(AccountState))
