"""How many wrong codes a user, and an address, may try: the guard against guessing.

Promises: however many attempts run at once, no user and no address has more wrong ones in a window than its limit
(+0), since an attempt takes its place before the code is looked up and gives it back when the code was a real one.
Nobody is locked out by others: what all do together is counted for an alarm and limits nothing. Where there are several
nodes, the same limits hold for all of them together (`storage.attempts`), and an attempt blocks for a moment.
Must not know codes. Memory is bounded: whoever has no wrong attempt in the window is forgotten.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from livecredits.clock import Clock
from livecredits.errors import NotFound, RateLimited, Refused
from livecredits.proxies import limit_key
from livecredits.storage.attempts import Attempts

_log = logging.getLogger(__name__)

WINDOW_US = 600 * 1_000_000
PER_USER = 10
PER_ADDRESS = 100
"""More than for a user, since a school or an office shares one."""
ALARM = 1_000
"""So many wrong codes of all users in a window are worth an operator's look."""
WATCHED_MOST = 100_000
FORGET_US = 60 * 1_000_000
TOO_MANY = "Too many wrong codes; try again later."
TOO_MANY_NOW = "Too many codes at the same moment; try again."


@dataclass(frozen=True, slots=True)
class GuessLimits:
    """Wrong codes in ten minutes: of one user, of one address, and of all together before the log warns."""

    per_user: int = PER_USER
    per_address: int = PER_ADDRESS
    alarm: int = ALARM


class Guesses:
    """Counts wrong codes over the last ten minutes, and those that are being looked up now."""

    def __init__(
        self, clock: Clock, limits: GuessLimits | None = None, shared: Attempts | None = None
    ) -> None:
        self._clock = clock
        self._shared = shared
        self._limits = limits or GuessLimits()
        self._lock = threading.Lock()
        self._tried: dict[tuple[str, str], deque[int]] = {}
        self._flying: dict[tuple[str, str], int] = {}
        self._wrong: deque[int] = deque()
        self._forgot_at_us = 0
        self._alarmed_at_us: int | None = None

    @property
    def wrong(self) -> int:
        """Wrong codes of all users in the window."""
        with self._lock:
            _drop_before(self._wrong, self._clock.now_us() - WINDOW_US)
            return len(self._wrong)

    @property
    def blocks(self) -> bool:
        """Whether an attempt asks a database, and must not begin on an event loop."""
        return self._shared is not None

    @contextlib.contextmanager
    def attempt(self, user_id: str, address: str | None) -> Iterator[None]:
        """Surround the lookup of a code; a `NotFound` inside is a wrong guess and stays counted.

        So does what ended in no answer at all, since nobody knows what it would have been.

        Raises:
            RateLimited: 429, with `retry_after_s`; nothing was looked up.
        """
        asked = {("user", user_id): self._limits.per_user}
        if address is not None:
            asked["address", limit_key(address)] = self._limits.per_address
        with self._counted_here(asked), self._counted_by_all(asked):
            yield

    @contextlib.contextmanager
    def _counted_by_all(self, asked: Mapping[tuple[str, str], int]) -> Iterator[None]:
        """Count the attempt with those of all nodes."""
        if self._shared is None:
            yield
            return
        limits = {f"{kind}:{name}": most for (kind, name), most in asked.items()}
        places = self._shared.take(limits, WINDOW_US, too_many=TOO_MANY, too_many_now=TOO_MANY_NOW)
        try:
            yield
        except NotFound:
            self._shared.keep(places)
            raise
        except Refused:
            self._shared.give_back(places)
            raise
        self._shared.give_back(places)

    @contextlib.contextmanager
    def _counted_here(self, asked: Mapping[tuple[str, str], int]) -> Iterator[None]:
        at_us = self._take(asked)
        is_wrong = True
        try:
            yield
            is_wrong = False
        except NotFound:
            self._count_wrong(at_us)
            raise
        except Refused:
            is_wrong = False
            raise
        finally:
            self._land(asked, at_us, is_wrong=is_wrong)

    def _take(self, asked: Mapping[tuple[str, str], int]) -> int:
        with self._lock:
            now_us = self._clock.now_us()
            for name, most in asked.items():
                tried = self._tried.get(name, _NONE)
                _drop_before(tried, now_us - WINDOW_US)
                if len(tried) >= most:
                    wait_s = max(1, -(-(tried[0] + WINDOW_US - now_us) // 1_000_000))
                    raise RateLimited(TOO_MANY, retry_after_s=wait_s)
                if len(tried) + self._flying.get(name, 0) >= most:
                    # These may all be right; only until they have landed is there no place for one more.
                    raise RateLimited(TOO_MANY_NOW, retry_after_s=1)
            for name in asked:
                self._flying[name] = self._flying.get(name, 0) + 1
            return now_us

    def _land(self, asked: Iterable[tuple[str, str]], at_us: int, *, is_wrong: bool) -> None:
        with self._lock:
            landed_us = max(at_us, self._clock.now_us())
            for name in asked:
                self._flying[name] -= 1
                if not self._flying[name]:
                    del self._flying[name]
                if is_wrong:
                    self._tried.setdefault(name, deque()).append(landed_us)
            if is_wrong and len(self._tried) > WATCHED_MOST:
                self._forget(landed_us)

    def _count_wrong(self, at_us: int) -> None:
        with self._lock:
            self._wrong.append(at_us)
            _drop_before(self._wrong, at_us - WINDOW_US)
            is_new = self._alarmed_at_us is None or self._alarmed_at_us <= at_us - WINDOW_US
            if len(self._wrong) < self._limits.alarm or not is_new:
                return
            self._alarmed_at_us = at_us
            count = len(self._wrong)
        _log.warning("%d wrong voucher codes in ten minutes: somebody may be guessing", count)

    def _forget(self, now_us: int) -> None:
        """Make room: drop those whose attempts have left the window, and if there are none, whoever came first.

        Looking through all of them takes a tenth of a second, so it is done once in a while and never for each attempt.
        """
        if self._forgot_at_us + FORGET_US <= now_us:
            self._forgot_at_us = now_us
            for tried in self._tried.values():
                _drop_before(tried, now_us - WINDOW_US)
            self._tried = {key: tried for key, tried in self._tried.items() if tried}
        while len(self._tried) > WATCHED_MOST:
            del self._tried[next(iter(self._tried))]


_NONE: deque[int] = deque()


def _drop_before(times: deque[int], oldest_us: int) -> None:
    while times and times[0] <= oldest_us:
        times.popleft()
