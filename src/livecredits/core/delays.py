"""How long it takes from a commit to the painted pixel: a histogram for ever, percentiles of the last hour.

Promises: exact counts; a percentile is a whole number of milliseconds, rounded up to three digits; memory is a few
hundred numbers for each of sixty minutes, whatever the rate. What several have counted can be added up (`Counted`), and
the percentiles of the sum are those of all delays.
Must not know: clocks (time is passed in), who measured.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

BUCKETS_MS = (5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000)
"""Upper edges of the histogram's buckets; one more has no edge."""
WINDOW_S = 3_600
_MINUTE_MS = 60_000
_EXACT_MS = 1_000
Counted = Counter[int]
"""How many delays there were of each length in milliseconds."""


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Of `count` delays in the last `window_s` seconds; zeros where there were none."""

    p50_ms: int = 0
    p95_ms: int = 0
    p99_ms: int = 0
    count: int = 0
    window_s: int = WINDOW_S


class Delays:
    """Delays in milliseconds, as they come."""

    def __init__(self) -> None:
        self.buckets = [0] * (len(BUCKETS_MS) + 1)
        self.sum_ms = 0
        self._minutes: dict[int, Counter[int]] = {}

    def add(self, delays_ms: Iterable[int], now_ms: int) -> None:
        """Take measured delays in."""
        counted = Counter(delays_ms)
        minute = self._minutes.setdefault(now_ms // _MINUTE_MS, Counter())
        for ms, times in counted.items():
            self.buckets[bisect_left(BUCKETS_MS, ms)] += times
            self.sum_ms += ms * times
            minute[_rounded(ms)] += times
        self._forget(now_ms)

    def last_hour(self, now_ms: int) -> Counted:
        """Those of the last hour."""
        self._forget(now_ms)
        return sum(self._minutes.values(), Counter())

    def _forget(self, now_ms: int) -> None:
        oldest = (now_ms - WINDOW_S * 1_000) // _MINUTE_MS
        for minute in [minute for minute in self._minutes if minute <= oldest]:
            del self._minutes[minute]


def percentiles(counted: Counted) -> Percentiles:
    """The delays that half of all, 95 and 99 in a hundred did not exceed."""
    total = counted.total()
    if not total:
        return Percentiles()
    ordered = sorted(counted.items())
    p50, p95, p99 = (_at(ordered, total * share) for share in (0.5, 0.95, 0.99))
    return Percentiles(p50, p95, p99, total)


def share_within(counted: Counted, most_ms: int) -> float | None:
    """Which part was no longer than this; None where there were none."""
    total = counted.total()
    return sum(times for ms, times in counted.items() if ms <= most_ms) / total if total else None


def _rounded(ms: int) -> int:
    """Up to three digits: exact below a second."""
    step = 1
    while ms // step >= _EXACT_MS:
        step *= 10
    return -(-ms // step) * step


def _at(ordered: list[tuple[int, int]], rank: float) -> int:
    so_far = 0
    for ms, times in ordered:
        so_far += times
        if so_far >= rank:
            return ms
    return ordered[-1][0]
