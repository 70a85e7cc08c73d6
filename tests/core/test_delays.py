"""Delays: an exact histogram, and percentiles of the last hour in bounded memory."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from livecredits.core.delays import (
    BUCKETS_MS,
    WINDOW_S,
    Counted,
    Delays,
    Percentiles,
    percentiles,
    share_within,
)


def test_nothing_measured_is_zeros() -> None:
    assert percentiles(Delays().last_hour(5)) == Percentiles(0, 0, 0, 0)
    assert share_within(Delays().last_hour(5), 200) is None


def test_each_delay_stands_in_its_bucket() -> None:
    delays = Delays()
    delays.add([5, 6, 10, 20_000], 0)
    assert delays.buckets == [1, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]
    assert delays.sum_ms == 20_021
    assert len(delays.buckets) == len(BUCKETS_MS) + 1


def test_what_is_older_than_an_hour_does_not_count() -> None:
    delays = Delays()
    delays.add([1_000] * 100, 0)
    delays.add([10], WINDOW_S * 1_000)
    assert percentiles(delays.last_hour(WINDOW_S * 1_000)) == Percentiles(10, 10, 10, 1)
    assert percentiles(delays.last_hour(WINDOW_S * 2_000 + 60_000)) == Percentiles()
    assert sum(delays.buckets) == 101, "a histogram only grows"


@given(st.lists(st.integers(1, 600_000), min_size=1, max_size=300))
def test_percentiles_are_those_of_the_sorted_list_within_one_part_in_a_hundred(measured: list[int]) -> None:
    delays = Delays()
    delays.add(measured, 0)
    told = percentiles(delays.last_hour(0))
    ordered = sorted(measured)
    for share, ms in ((0.5, told.p50_ms), (0.95, told.p95_ms), (0.99, told.p99_ms)):
        exact = ordered[-int(-len(ordered) * share // 1) - 1]
        assert exact <= ms <= exact * 1.01 + 1
    assert told.count == len(measured)
    assert share_within(delays.last_hour(0), 999) == sum(ms <= 999 for ms in measured) / len(measured)


@given(st.lists(st.lists(st.integers(1, 5_000)), min_size=1, max_size=4))
def test_what_several_have_measured_can_be_added_up(parts: list[list[int]]) -> None:
    whole = Delays()
    whole.add([ms for part in parts for ms in part], 0)
    added: Counted = Counted()
    for part in parts:
        one = Delays()
        one.add(part, 0)
        added += one.last_hour(0)
    assert percentiles(added) == percentiles(whole.last_hour(0))
    assert share_within(added, 200) == share_within(whole.last_hour(0), 200)
