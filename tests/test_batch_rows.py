"""The rows of a batch: how they are cut into portions, and what is kept and told of each."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from livecredits.credits import batches
from livecredits.credits.batches import BatchRow
from livecredits.storage.batches import BatchResult, RowResult

USERS = st.sampled_from("abcdefgh")
WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
ACCEPTED = st.builds(
    RowResult,
    row=st.integers(1, 10_000),
    user_id=WORDS,
    unit=st.sampled_from(["credits", "minutes"]),
    op=st.sampled_from(["adjust", "set", "grant"]),
    amount=st.integers(-5, 5),
    before=st.none() | st.integers(-5, 5),
    after=st.none() | st.integers(-5, 5),
    entry=st.none() | st.just("ent_1"),
    replayed=st.booleans(),
    reversed_by=st.none() | st.just("ent_2"),
)
REFUSED = st.builds(replace, ACCEPTED, entry=st.none(), code=st.just("not_found"), detail=WORDS)
RESULTS = ACCEPTED | REFUSED


def naive_portions(users: Sequence[str], todo: Sequence[int], places: Mapping[str, int]) -> list[list[int]]:
    """One user after the other, as many as have room together."""
    portions: list[list[int]] = []
    known = sorted({users[number] for number in todo} & places.keys(), key=lambda user: places[user])
    for user in [*known, *sorted({users[number] for number in todo} - places.keys())]:
        numbers = [number for number in todo if users[number] == user]
        if not portions or len(portions[-1]) + len(numbers) > batches.PORTION:
            portions.append([])
        portions[-1] += numbers
    return portions


@given(users=st.lists(USERS, max_size=30), places=st.lists(USERS, unique=True), data=st.data())
def test_portions_part_no_users_rows_and_follow_the_file(
    users: list[str], places: list[str], data: st.DataObject
) -> None:
    todo = [number for number in range(len(users)) if data.draw(st.booleans())]
    where = {user: place for place, user in enumerate(places)}
    rows = [BatchRow(number + 1, user, "adjust", 1) for number, user in enumerate(users)]
    former, batches.PORTION = batches.PORTION, 4
    try:
        assert batches._portions(rows, todo, where) == naive_portions(users, todo, where)
    finally:
        batches.PORTION = former


@given(st.lists(RESULTS, max_size=5))
def test_what_is_told_of_rows_is_the_same_as_text(rows: list[RowResult]) -> None:
    result = BatchResult("bat_1", "applied", rows)
    assert json.loads(result.text()) == result.as_json()


@given(RESULTS)
def test_what_is_kept_of_a_row_can_be_read_back(row: RowResult) -> None:
    entry = None if row.replayed else row.entry
    refusal = [None, None] if row.code is None else [row.code, row.detail]
    asked = [row.row, row.user_id, row.unit, row.op, row.amount]
    assert json.loads(row.kept_text()) == [*asked, row.before, row.after, entry, *refusal]
