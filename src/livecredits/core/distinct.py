"""How many different names several processes know together, from a small sample of each.

Promises: exact while there are fewer than `SAMPLE` names together; beyond that within a few percent (the standard error
is one part in the square root of `SAMPLE`, 2.2 %), however unevenly they are spread and however often a name is known
to two. Must not know what is named.

How it works (Bar-Yossef et al. 2002, "k minimum values"): each name has its own place between 0 and 1, by a digest.
Everybody tells the lowest places of theirs; the lowest of all are those of the union, and how far they reach tells how
dense it is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from heapq import nsmallest

SAMPLE = 2_048
_BYTES = 6
"""A place is below 2^48, which JSON holds exactly; that any two of a million names meet has a chance of 1 in 500."""


@dataclass(frozen=True, slots=True)
class Distinct:
    """How many names there are, and whether that is exact."""

    count: int
    is_exact: bool


def sample(names: Iterable[str]) -> list[int]:
    """The lowest places of these names, lowest first."""
    return nsmallest(SAMPLE, {_place(name) for name in names})


def distinct(samples: Collection[Sequence[int]], counts: Sequence[int]) -> Distinct:
    """How many names there are together.

    Args:
        samples: from `sample`, of each process.
        counts: how many names each process knows: together there are no fewer than the most of them, and no more than
            their sum.
    """
    lowest = nsmallest(SAMPLE, set().union(*samples))
    if len(lowest) < SAMPLE:
        return Distinct(len(lowest), is_exact=True)
    estimate = round((SAMPLE - 1) * 2 ** (8 * _BYTES) / lowest[-1])
    return Distinct(min(max(estimate, *counts), sum(counts)), is_exact=len(counts) == 1)


def _place(name: str) -> int:
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=_BYTES).digest())
