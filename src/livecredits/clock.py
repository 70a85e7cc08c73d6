"""Time, and waiting for it: the one place that reads the clock, so that tests can hold the hands.

Promises: times are whole microseconds UTC. The core never imports this; it is told the time of each decision.
The odd thing: waiting is part of the clock, because whoever moves a test's clock must also wake those who wait for it.
"""

from __future__ import annotations

import threading
import time
from typing import Protocol

OFF_S_MAX = 60
"""Beyond that, what is over here and what is over for others are no longer the same."""
LONGEST_WAIT_S = 30.0
"""The wall clock can be set and a laptop can sleep; nobody waits longer than this without looking again."""


def why_off(server_us: int, now_us: int) -> str:
    """Why a process with this time must not decide beside others, in a sentence; empty where it may."""
    off_s = abs(server_us - now_us) // 1_000_000
    if off_s <= OFF_S_MAX:
        return ""
    return f"The clocks of this machine and of the database server differ by {off_s} s."


class Clock(Protocol):
    """Tells the time and waits for it."""

    def now_us(self) -> int:
        """The time now, in microseconds UTC."""
        ...

    def wait(self, bell: threading.Event, until_us: int | None) -> None:
        """Return when `bell` is set or `until_us` may have come; returning too early is allowed."""
        ...


class SystemClock:
    """The machine's clock."""

    def now_us(self) -> int:
        """The time now, in microseconds UTC."""
        return time.time_ns() // 1_000

    def wait(self, bell: threading.Event, until_us: int | None) -> None:
        """Wait on the bell, at most until that time and at most `LONGEST_WAIT_S`."""
        seconds = LONGEST_WAIT_S if until_us is None else (until_us - self.now_us()) / 1e6
        bell.wait(min(max(seconds, 0.0), LONGEST_WAIT_S))
