"""Ids sort in the order in which they were made, whatever the clock does, and are UUIDs of version 7."""

from __future__ import annotations

import uuid

import pytest

from livecredits.storage.ids import Ids

NOW_US = 1_800_000_000_000_000


def made(ids: Ids, count: int) -> list[str]:
    return [ids("ent") for _ in range(count)]


def end_of(id: str) -> uuid.UUID:
    prefix, _, rest = id.partition("_")
    assert prefix == "ent"
    return uuid.UUID(rest)


def test_an_id_tells_its_millisecond_and_is_a_uuid_of_version_7() -> None:
    ids = Ids()
    ids.at(NOW_US)
    one = end_of(ids("ent"))
    assert (one.version, one.variant, one.int >> 80) == (7, uuid.RFC_4122, NOW_US // 1_000)


def test_they_sort_as_they_were_made_though_the_clock_is_set_back() -> None:
    ids = Ids()
    told: list[str] = []
    for at_us in (NOW_US, NOW_US + 5_000, NOW_US - 9_000_000, NOW_US + 5_000, NOW_US + 6_000):
        ids.at(at_us)
        told += made(ids, 200)
    assert told == sorted(set(told))
    assert end_of(told[-1]).int >> 80 == NOW_US // 1_000 + 6


def test_they_go_on_after_the_newest_of_a_file() -> None:
    ids = Ids()
    ids.at(NOW_US)
    newest = made(ids, 3)[-1]
    again = Ids(newest)
    again.at(NOW_US)
    told = made(again, 3)
    assert [newest, *told] == sorted({newest, *told})
    assert end_of(told[0]).int >> 80 == NOW_US // 1_000 + 1, (
        "its random part is not known: a later millisecond"
    )


@pytest.mark.parametrize(
    ("random_part", "ms_later"),
    [("7fff" + "bfffffffffffffff", 1), ("7ffe" + "bfffffffffffffff", 0), ("7000" + "8000000000000000", 0)],
    ids=["all ones", "the lower half full", "all zeros"],
)
def test_they_count_on_behind_any_id(random_part: str, ms_later: int) -> None:
    """The carry goes from the lower half into the upper one, and from there into the next millisecond."""
    theirs = f"ent_{NOW_US // 1_000:012x}{random_part}"
    ids = Ids()
    ids.at(NOW_US)
    ids.after(theirs)
    told = made(ids, 100)
    assert [theirs, *told] == sorted({theirs, *told})
    assert end_of(told[0]).int >> 80 == NOW_US // 1_000 + ms_later
    assert all(end_of(one).version == 7 for one in told)
    ids.after(f"ent_{0:012x}7000{2 << 62:016x}")
    assert ids("ent") > told[-1], "an older one changes nothing"
