"""The one way in which a test waits for what no event tells: it looks again and again, up to a limit.

Where there is something to wait on (a line of output, a frame, an event) tests wait on that. The loop's own twin, for
asynchronous tests, is `tests.live.carriers.eventually`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

LOOK_S = 0.005


def eventually(
    holds: Callable[[], Any], seconds: float = 10.0, *, told: Callable[[], str] = lambda: "it never was so"
) -> float:
    """Wait until it is so.

    Args:
        holds: looks, and may raise to end the wait at once.
        seconds: how long it may take.
        told: what is said where it took longer.

    Returns:
        How many seconds it took.
    """
    start_s = time.monotonic()
    while not holds():
        assert time.monotonic() < start_s + seconds, told()
        time.sleep(LOOK_S)
    return time.monotonic() - start_s
