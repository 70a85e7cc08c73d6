"""Notes in the audit trail for what leaves nothing else behind, and the small words of rows that several modules share.

This promises that a note is durable before its request is answered, and that consoles which follow the trail are told
by the commit itself. What changes something writes its row in the deed's own transaction and not here.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from uuid_utils import uuid7

from livecredits.storage.audit import record
from livecredits.storage.handover import Told

if TYPE_CHECKING:
    from collections.abc import Mapping

    from livecredits.core.changes import Actor
    from livecredits.credits import Credits


def noted(result: Any = None) -> Any:
    """What a transaction answers that has written to the audit trail; the writer tells whoever follows it."""
    return Told(result, [], {"": {"audit"}})


class Trail:
    """The audit trail of one ledger.

    Args:
        credits: the ledger that holds it.
    """

    def __init__(self, credits: Credits) -> None:
        self._credits = credits

    async def note(
        self,
        actor: Actor,
        action: str,
        target: str | None = None,
        *,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        """Write a row for an action that changes nothing else in the database."""
        now_us = self._credits.clock.now_us()
        await self._credits.write(
            lambda connection: noted(
                record(connection, at_us=now_us, actor=actor, action=action, target=target, details=details)
            )
        )


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def new_id(prefix: str) -> str:
    """A fresh id, time-ordered like those of the ledger."""
    return f"{prefix}_{uuid7().hex}"


def moment(at_us: int | None) -> str | None:
    """RFC 3339 in UTC, with microseconds."""
    return None if at_us is None else instant(at_us)


def instant(at_us: int) -> str:
    """RFC 3339 in UTC, with microseconds."""
    return (_EPOCH + timedelta(microseconds=at_us)).isoformat(timespec="microseconds").replace("+00:00", "Z")


def microseconds(moment: datetime) -> int:
    """Whole microseconds UTC of an aware time."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def digest(secret: str) -> str:
    """Under what a random secret is stored: one plain hash, since nobody can try 256 bits."""
    return hashlib.sha256(secret.encode()).hexdigest()
