"""The audit trail: rows of what is no change of credits (operators, keys, users' names, limits), and its pages.

Promises: a row stands in the caller's transaction, so that there is no act without its row; pages lead both ways and
never skip a row, since rows are only ever added at the newer end. Changes of credits write theirs with their entry
(`batch`). Must not know who may do what.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, insert, or_, select

from livecredits.core.chain import canonical
from livecredits.core.changes import Actor
from livecredits.core.vouchers import masked
from livecredits.storage import schema
from livecredits.storage.answers import rfc3339
from livecredits.storage.ids import new_id
from livecredits.storage.pages import Slice
from livecredits.storage.views import Page


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
        action: what was done: `operator.created`, `key.revoked`, `user.changed` …
        target: to what, by its id: the user's, the operator's, the key's …
        reason: why, in the actor's words.
        before: the fields that changed, as they were.
        after: the same fields as they are now.
        details: anything else that helps to understand it; no secrets.
    """
    row_id = new_id("aud", at_us)
    connection.execute(
        insert(schema.audit),
        {
            "id": row_id, "at_us": at_us, "actor": str(actor), "action": action, "target": target, "reason": reason,
            "before": _text(before), "after": _text(after), "details": _text(details), "address": actor.address,
            "request_id": actor.request_id,
        },
    )  # fmt: skip
    return row_id


def _text(fields: Mapping[str, Any] | None) -> str | None:
    return None if fields is None else canonical(fields)


# --- reading -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AuditRow:
    """Who did what, when and why; `before` and `after` are the fields that changed, by name."""

    id: str
    at_us: int
    actor: str
    action: str
    target: str | None
    reason: str | None
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None
    address: str | None
    request_id: str | None
    details: Mapping[str, Any] | None

    def masked(self) -> AuditRow:
        """The row for whoever may not read codes: a campaign's word may still pay."""
        word = (self.after or {}).get("word") if self.action == "campaign.added" else None
        return self if word is None else replace(self, after={**(self.after or {}), "word": masked(word)})

    def as_json(self) -> dict[str, Any]:
        """The row by field."""
        return {
            "id": self.id, "actor": self.actor, "action": self.action, "target": self.target, "reason": self.reason,
            "address": self.address, "request_id": self.request_id, "before": self.before, "after": self.after,
            "details": self.details, "at": rfc3339(self.at_us),
        }  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFilter:
    """Which rows are asked for; None does not restrict. Everything is compared exactly."""

    actor: str | None = None
    actions: Collection[str] | None = None
    exclude: Collection[str] | None = None
    target: str | None = None
    since_us: int | None = None
    until_us: int | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """The filter as SQL."""
        trail = schema.audit.c
        found: list[ColumnElement[bool]] = []
        if self.actor is not None:
            found.append(trail.actor == self.actor)
        if self.actions is not None:
            found.append(trail.action.in_(_words(self.actions)))
        if self.exclude is not None:
            found.append(trail.action.not_in(_words(self.exclude)))
        if self.target is not None:
            found.append(_about(self.target))
        if self.since_us is not None:
            found.append(trail.at_us >= self.since_us)
        if self.until_us is not None:
            found.append(trail.at_us < self.until_us)
        return found


_ID = re.compile(r"[a-z]{3}_[0-9a-f]{32}")


def _about(target: str) -> ColumnElement[bool]:
    """The rows about a target. What moved credits stands under its user, and names the order or voucher beside."""
    trail = schema.audit.c
    owners = _owners_of(target)
    if owners is None:
        return trail.target == target
    named = trail.details.contains(f'"{target}"', autoescape=True)
    return or_(trail.target == target, and_(trail.target.in_(owners), named))


def _owners_of(id: str) -> Select[Any] | None:
    """Whose account an order, a voucher or an entry has moved; None for the id of anything else."""
    orders, redemptions, entries, accounts = (
        schema.orders,
        schema.redemptions,
        schema.entries,
        schema.accounts,
    )
    prefix = id.partition("_")[0] if _ID.fullmatch(id) else ""
    if prefix == "ord":
        return select(orders.c.user_id).where(orders.c.id == id)
    if prefix == "vch":
        return select(redemptions.c.user_id).where(redemptions.c.voucher_id == id)
    if prefix == "ent":
        return select(accounts.c.user_id).join(entries).where(entries.c.id == id)
    return None


def _words(words: Collection[str]) -> list[str]:
    """A text is a collection of letters, and nobody means those."""
    return [words] if isinstance(words, str) else list(words)


def page(connection: Connection, asked: AuditFilter, part: Slice) -> Page[AuditRow]:
    """Rows that the filter lets through, the newest first; cursors are ids, which sort by time."""
    id = schema.audit.c.id
    query = select(schema.audit).where(*asked.conditions()).limit(part.most + 1)
    if part.cursor is not None:
        end = part.id()
        query = query.where(id > end if part.is_backward else id < end)
    query = query.order_by(id if part.is_backward else id.desc())
    shown, has_older, has_newer = part.cut(connection.execute(query).all())
    return Page(
        [_row(row) for row in shown],
        shown[-1].id if shown and has_older else None,
        shown[0].id if shown and has_newer else None,
    )


def _row(row: Row[Any]) -> AuditRow:
    return AuditRow(
        row.id, row.at_us, row.actor, row.action, row.target, row.reason, _fields(row.before), _fields(row.after),
        row.address, row.request_id, _fields(row.details),
    )  # fmt: skip


def _fields(text: str | None) -> Mapping[str, Any] | None:
    if text is None:
        return None
    fields: Mapping[str, Any] = json.loads(text)
    return fields
