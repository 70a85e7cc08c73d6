"""What was read a moment ago: spares the database a look-up per request, for a few seconds at most.

This promises that nothing older than `ttl_s` is believed, that memory is bounded, and that whoever changes a thing in
this process forgets it at once; another process's change is seen within `ttl_s`. Five seconds is what revocation is
allowed to take. The odd thing: `find` reads again if something was forgotten meanwhile. What was read before a
revocation and believed after it would let a screen in that nobody closes any more.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

Value = TypeVar("Value")

TTL_S = 5.0
ENTRIES_MAX = 50_000


class Fresh(Generic[Value]):
    """Values by text key.

    Args:
        ttl_s: how long a value is believed.
        clock: monotonic seconds.
    """

    __slots__ = ("_clock", "_forgotten", "_found", "_ttl_s")

    def __init__(self, ttl_s: float = TTL_S, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._found: dict[str, tuple[float, Value]] = {}
        self._forgotten = 0
        self._ttl_s = ttl_s
        self._clock = clock

    def get(self, key: str) -> Value | None:
        """The value, if it was put less than `ttl_s` ago."""
        found = self._found.get(key)
        if found is None or self._clock() - found[0] > self._ttl_s:
            return None
        return found[1]

    async def find(self, key: str, read: Callable[[], Awaitable[Value]]) -> Value:
        """The value if it is fresh, else what `read` gives; what `read` raises is nobody's to remember."""
        known = self.get(key)
        while known is None:
            before = self._forgotten
            found = await read()
            if self._forgotten == before:
                known = self.put(key, found)
        return known

    def put(self, key: str, value: Value) -> Value:
        """Believe this value from now on; returns it."""
        if len(self._found) >= ENTRIES_MAX:
            self._found.clear()
        self._found[key] = (self._clock(), value)
        return value

    def forget(self, key: str | None = None) -> None:
        """Believe one value no longer, or none."""
        self._forgotten += 1
        if key is None:
            self._found.clear()
        else:
            self._found.pop(key, None)
