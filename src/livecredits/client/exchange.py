"""One call over as many attempts as it takes: what to do after each answer, without a socket or a clock.

Promises: an attempt is repeated only where that is safe and useful: after 429, 502, 503 and 504, and after a lost
connection; a change is repeated with the same key, so it happens once, and what would happen twice is never repeated
after it may have been made. `Retry-After` is obeyed, otherwise the pause grows with full jitter. A refusal is raised as
the class of `livecredits.errors` that its code names.
The odd thing: a change whose last attempt got no answer raises `OutcomeUnknown`, since it may have been made; ask
again with the same key to learn it.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, Generic, TypeVar

from livecredits.client.call import Call
from livecredits.errors import Malformed, OutcomeUnknown, Refused, Unavailable, from_code

T = TypeVar("T")

REPEATABLE = frozenset({429, 502, 503, 504})
_MAYBE_DONE = frozenset({502, 503, 504})
_STANDARD = frozenset({"type", "title", "status", "detail", "instance", "code"})


@dataclass(frozen=True, slots=True)
class Patience:
    """How often and how long a call is repeated.

    Attributes:
        retries: attempts after the first one.
        pause_s: the first pause's upper bound; it doubles each time.
        pause_max_s: no pause is longer, and an answer that asks for a longer one is raised instead.
    """

    retries: int = 3
    pause_s: float = 0.2
    pause_max_s: float = 10.0


class Exchange(Generic[T]):
    """The attempts of one call. Feed it each outcome; it says how long to pause, or has the result."""

    def __init__(self, call: Call[T], patience: Patience) -> None:
        self.call = call
        self.result: T
        self._patience = patience
        self._attempt = 0

    def answered(self, status: int, headers: Mapping[str, str], content: bytes) -> float | None:
        """An answer arrived.

        Returns:
            None when `result` is there, else the seconds to wait before the next attempt.

        Raises:
            Refused: the service said no, and asking again would not help.
        """
        if 200 <= status < 300:
            self.result = self._read(content, headers)
            return None
        refusal = _refusal(status, headers, content)
        asked_s = _retry_after_s(headers)
        if status not in REPEATABLE or (asked_s or 0) > self._patience.pause_max_s:
            raise refusal
        if status in _MAYBE_DONE and not self.call.repeatable:
            raise refusal
        return self._pause(asked_s, refusal)

    def lost(self, reason: str, *, sent: bool) -> float:
        """No answer arrived; `sent` says whether the request may have reached the service.

        Raises:
            OutcomeUnknown: a change may or may not have been made.
            Unavailable: the service cannot be reached.
        """
        if sent and self.call.changes:
            key = self.call.headers.get("Idempotency-Key")
            unknown = OutcomeUnknown(f"The service did not answer ({reason}).", key=key)
            if not self.call.repeatable:
                raise unknown
            return self._pause(None, unknown)
        return self._pause(None, Unavailable(f"The service cannot be reached ({reason})."))

    def _pause(self, asked_s: float | None, refusal: Refused) -> float:
        if self._attempt >= self._patience.retries:
            raise refusal
        self._attempt += 1
        if asked_s is not None:
            return asked_s
        bound_s = min(self._patience.pause_s * 2 ** (self._attempt - 1), self._patience.pause_max_s)
        return random.uniform(0, bound_s)

    def _read(self, content: bytes, headers: Mapping[str, str]) -> T:
        try:
            result = self.call.read(json.loads(content) if content else {})
            is_replayed = headers.get("idempotency-replayed") == "true"
            return self.call.replayed(result) if self.call.replayed and is_replayed else result
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            at = headers.get("x-request-id")
            raise Malformed(f"The answer is not one of livecredits ({error!r}).", request_id=at) from error


def _refusal(status: int, headers: Mapping[str, str], content: bytes) -> Refused:
    problem = _problem(content)
    extra = {name: value for name, value in problem.items() if name not in _STANDARD}
    extra.setdefault("request_id", headers.get("x-request-id"))
    detail = problem.get("detail") or f"The service answered {status} without saying why."
    return from_code(problem.get("code", "unavailable" if status >= 500 else "refused"), detail, extra)


def _problem(content: bytes) -> dict[str, Any]:
    try:
        body = json.loads(content)
    except ValueError:
        return {}  # a proxy's own page
    return body if isinstance(body, dict) else {}


def _retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Seconds from `Retry-After` (RFC 9110, section 10.2.3), which is a number or a date."""
    text, date = headers.get("retry-after"), headers.get("date")
    if text is None:
        return None
    if text.isdigit():
        return float(text)
    try:  # against the server's own clock: ours may be wrong
        return max(0.0, (parsedate_to_datetime(text) - parsedate_to_datetime(date or "")).total_seconds())
    except ValueError:
        return None
