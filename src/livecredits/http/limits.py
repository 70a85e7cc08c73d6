"""How often somebody may ask: one number per key instead of a bucket that drips.

This promises that a key (a user, an address, a service key) passes at most `burst` times at once and `per_s` times a
second in the long run, and that memory stays bounded whatever keys arrive. The algorithm is GCRA (ITU-T I.371): it
stores only when the key's allowance will be whole again, so an idle key can be forgotten without a trace.
It knows no requests; the guard decides whose bucket is asked.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable

KEYS_MAX = 20_000


class Allowance:
    """A rate per key.

    Args:
        per_s: how many passes a second a key earns, > 0.
        burst: how many it may use at once, ≥ 1.
        clock: monotonic seconds.
    """

    __slots__ = ("_clock", "_keys_max", "_patience", "_step", "_whole_at")

    def __init__(
        self,
        per_s: float,
        burst: int,
        *,
        clock: Callable[[], float] = time.monotonic,
        keys_max: int = KEYS_MAX,
    ) -> None:
        self._step = 1.0 / per_s
        self._patience = (burst - 1) * self._step
        self._clock = clock
        self._keys_max = keys_max
        self._whole_at: dict[str, float] = {}

    def take(self, key: str) -> float:
        """Use one pass of `key`; 0 if there was one, else the seconds until there is."""
        now = self._clock()
        whole_at = max(self._whole_at.get(key, now), now)
        wait = whole_at - now - self._patience
        if wait > 1e-9:
            return wait
        if len(self._whole_at) >= self._keys_max:
            self._forget_idle(now)
        self._whole_at[key] = whole_at + self._step
        return 0.0

    def give_back(self, key: str) -> None:
        """Return a pass that was taken; for what only failures are to be counted of."""
        if key in self._whole_at:
            self._whole_at[key] -= self._step

    def peek(self, key: str) -> float:
        """What `take` would answer, without using anything."""
        now = self._clock()
        wait = self._whole_at.get(key, now) - now - self._patience
        return max(wait, 0.0)

    def _forget_idle(self, now: float) -> None:
        self._whole_at = {key: at for key, at in self._whole_at.items() if at > now}
        if len(self._whole_at) >= self._keys_max:
            # Under a flood of keys the least used are forgotten: that lends a stranger a fresh burst, no more.
            busiest = sorted(self._whole_at.items(), key=lambda item: item[1], reverse=True)
            self._whole_at = dict(busiest[: self._keys_max // 2])


def retry_after(seconds: float) -> int:
    """Whole seconds for a `Retry-After` header, never 0."""
    return max(1, math.ceil(seconds))
