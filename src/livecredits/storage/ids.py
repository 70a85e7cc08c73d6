"""Ids: a prefix that says what is named, and a UUIDv7 (RFC 9562) in hex.

Promises: each id sorts after the one before, also when the clock is set back or many are made in one millisecond, so
that entries sorted by id are in the order in which they were written. Must not read a clock: it is told the time.
The odd thing: within a millisecond the random part is counted on (RFC 9562, section 6.2, method 2).
"""

from __future__ import annotations

import random
import threading

_HIGH_BITS = 12
_LOW_BITS = 62
_STEP_BITS = 32
_VARIANT = 2 << _LOW_BITS
_LOW = (1 << _LOW_BITS) - 1
_NONE_LEFT = (1 << _HIGH_BITS) - 1, _LOW


class Ids:
    """Makes ids for one database; not to be shared by threads."""

    def __init__(self, newest: str | None = None) -> None:
        """Go on after `newest`, the largest id that the database holds."""
        # The last id's random part is not known any more: the next id must belong to a later millisecond.
        self._ms = int(newest.partition("_")[2][:12], 16) if newest else 0
        self._high, self._low = _NONE_LEFT if newest else (0, 0)
        self._head = ""
        self._now_ms = 0
        self._random = random.Random()  # seeded by the system; an id is a name, never a secret

    def at(self, now_us: int) -> None:
        """Make the following ids at this time."""
        self._now_ms = now_us // 1_000

    def after(self, id: str) -> None:
        """Make the following ids sort behind this one, whoever has made it."""
        value = int(id.partition("_")[2], 16)
        place = (value >> 80, value >> 64 & 0xFFF, value & _LOW)
        self._ms, self._high, self._low = max(place, (self._ms, self._high, self._low))
        self._head = ""

    def __call__(self, prefix: str) -> str:
        """The next id."""
        low = self._low + 1 + self._random.getrandbits(_STEP_BITS)
        if self._now_ms > self._ms or low > _LOW or not self._head:
            low = self._move_on(low)
        self._low = low
        return f"{prefix}_{self._head}{low | _VARIANT:016x}"

    def _move_on(self, low: int) -> int:
        """Carry over what does not fit, and spell the first half anew, which hundreds of ids have in common."""
        self._high += low >> _LOW_BITS
        if self._now_ms > self._ms or self._high >> _HIGH_BITS:
            self._ms = max(self._now_ms, self._ms + 1)
            # One bit is left free, so that there is room to count.
            self._high = self._random.getrandbits(_HIGH_BITS - 1)
            low = self._random.getrandbits(_LOW_BITS)
        self._head = f"{self._ms:012x}7{self._high:03x}"
        return low & _LOW


class _Recent:
    """The ids of the millisecond that was last asked for."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ms = -1
        self._ids = Ids()

    def next(self, prefix: str, now_us: int) -> str:
        with self._lock:
            if now_us // 1_000 != self._ms:
                self._ms, self._ids = now_us // 1_000, Ids()
                self._ids.at(now_us)
            return self._ids(prefix)


_recent = _Recent()


def new_id(prefix: str, now_us: int) -> str:
    """An id for what is written beside the ledger; any thread may ask. Those of one millisecond sort as they came."""
    return _recent.next(prefix, now_us)
