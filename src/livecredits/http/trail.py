"""The audit trail as operators read it, and the small words of rows that several modules share (ids, times, digests).

This promises pages that lead both ways and never skip a row, since rows are only ever added at the newer end. Rows are
written where the deed is done: by storage for changes of credits, in the deed's own transaction for all others.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import select
from uuid_utils import uuid7

from livecredits.errors import Invalid
from livecredits.storage.audit import record
from livecredits.storage.schema import audit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Select

    from livecredits.core.changes import Actor
    from livecredits.credits import Credits
    from livecredits.http.bodies import AuditQuery


@dataclass(frozen=True, slots=True)
class AuditRows:
    """One page of the trail, newest first; `next` leads to older rows, `previous` to newer ones."""

    items: list[dict[str, Any]]
    next: str | None
    previous: str | None


class Trail:
    """The audit trail of one ledger.

    Args:
        credits: the ledger that holds it.
    """

    def __init__(self, credits: Credits) -> None:
        self._credits = credits

    async def note(self, actor: Actor, action: str, target: str) -> None:
        """Write a row for an action that changes nothing else in the database."""
        now_us = self._credits.clock.now_us()
        await self._credits.write(
            lambda connection: record(connection, at_us=now_us, actor=actor, action=action, target=target)
        )

    async def page(
        self, query: AuditQuery, *, limit: int, before: str | None = None, after: str | None = None
    ) -> AuditRows:
        """Rows that fit a query.

        Args:
            query: the filters.
            limit: how many at most.
            before: `previous` of another page.
            after: `next` of another page.

        Raises:
            Invalid: both cursors at once.
        """
        if before is not None and after is not None:
            message = "cannot be combined with after"
            raise Invalid(f"before {message}.", errors=[{"field": "before", "message": message}])
        wanted = _wanted(query).limit(limit + 1)
        if before is not None:
            wanted = wanted.where(audit.c.id > before).order_by(audit.c.id)
        else:
            wanted = wanted.order_by(audit.c.id.desc())
            wanted = wanted if after is None else wanted.where(audit.c.id < after)
        rows = await self._credits.read(lambda connection: connection.execute(wanted).mappings().all())
        has_more, shown = len(rows) > limit, list(rows[:limit])
        has_older, has_newer = has_more, after is not None
        if before is not None:
            shown.reverse()
            has_older, has_newer = True, has_more
        ends = (shown[-1]["id"], shown[0]["id"]) if shown else (None, None)
        return AuditRows(
            [_as_item(dict(row)) for row in shown],
            ends[0] if has_older else None,
            ends[1] if has_newer else None,
        )


def _wanted(query: AuditQuery) -> Select[Any]:
    wanted = select(audit)
    for column, value in (
        (audit.c.actor, query.actor), (audit.c.action, query.action), (audit.c.target, query.target),
    ):  # fmt: skip
        if value is not None:
            wanted = wanted.where(column == value)
    if query.since is not None:
        wanted = wanted.where(audit.c.at_us >= microseconds(query.since))
    if query.until is not None:
        wanted = wanted.where(audit.c.at_us < microseconds(query.until))
    return wanted


def _as_item(row: Mapping[str, Any]) -> dict[str, Any]:
    item = {
        name: row[name] for name in ("id", "actor", "action", "target", "reason", "address", "request_id")
    }
    read = {name: json.loads(row[name]) if row[name] else None for name in ("before", "after", "details")}
    return {**item, **read, "at": instant(row["at_us"])}


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
