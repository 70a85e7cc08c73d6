"""The audit trail of what is no change of credits: operators, keys, users' names, limits.

Promises: the row stands in the caller's transaction, so that there is no act without its row. Changes of credits
write theirs with their entry (`batch`). Must not know who may do what.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, insert

from livecredits.core.chain import canonical
from livecredits.core.changes import Actor
from livecredits.storage import schema
from livecredits.storage.ids import new_id


def record(  # noqa: PLR0913 - a row of nine columns
    connection: Connection,
    *,
    at_us: int,
    actor: Actor,
    action: str,
    target: str | None = None,
    reason: str | None = None,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    details: Mapping[str, Any] | None = None,
) -> str:
    """Write one row of the audit trail and return its id.

    Args:
        connection: the open transaction of what is recorded (`Credits.write`).
        at_us: when, in microseconds UTC.
        actor: who; `address` and `request_id` are taken from it.
        action: what was done: `operator.added`, `key.revoked`, `user.changed` …
        target: to what: `user:ada`, `operator:opr_…`, `key:key_…`.
        reason: why, in the actor's words.
        before: the fields that changed, as they were.
        after: the same fields as they are now.
        details: anything else that helps to understand it; no secrets.
    """
    row_id = new_id("aud", at_us)
    connection.execute(
        insert(schema.audit).values(
            id=row_id, at_us=at_us, actor=str(actor), action=action, target=target, reason=reason,
            before=_text(before), after=_text(after), details=_text(details), address=actor.address,
            request_id=actor.request_id,
        )
    )  # fmt: skip
    return row_id


def _text(fields: Mapping[str, Any] | None) -> str | None:
    return None if fields is None else canonical(fields)
