"""Answers that several audiences read: balances, histories, holds, as plain JSON of the ledger's own views."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic_core import to_json

from livecredits.access import Role, Scope
from livecredits.core.rows import KINDS
from livecredits.errors import Forbidden, Invalid
from livecredits.http.changes import actor_of
from livecredits.http.export import export
from livecredits.http.routing import Answer, Call, Reply, as_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from livecredits.http.bodies import FullHistoryQuery, HistoryQuery, HoldsQuery

HISTORY_COLUMNS = (
    "entry", "user_id", "unit", "version", "kind", "amount", "settled_delta", "held_delta", "balance.settled",
    "balance.held", "balance.available", "at", "label", "reason", "actor", "reverses", "reversed_by", "hold",
    "metadata",
)  # fmt: skip
EXPORT_PAGE = 200


async def balance_reply(call: Call[Any, Any], user_id: str, unit: str) -> Reply:
    """An account as it is now, with its version as ETag."""
    balance = await call.services.credits.balance(user_id, unit=unit)
    return Reply(to_json(balance.as_json()), 200, [(b"etag", b'"%d"' % balance.version)])


async def own_history_reply(call: Call[Any, HistoryQuery]) -> Reply:
    """The caller's own entries, without what is for operators' eyes."""
    query = call.query
    page = await call.services.credits.history(
        call.principal.id, **_filters(query), before=query.before, after=query.after, limit=query.limit,
        audience="user",
    )  # fmt: skip
    return page_reply(page)


async def full_history_reply(call: Call[Any, FullHistoryQuery]) -> Answer:
    """A user's entries with everything, as a page or as a file."""
    query, user_id, credits = call.query, call.params["user_id"], call.services.credits
    wanted = {**_filters(query), "actor": query.actor, "metadata": _pair(query.metadata)}
    if query.format == "json":
        return page_reply(
            await credits.history(
                user_id,
                **wanted,
                before=query.before,
                after=query.after,
                limit=query.limit,
                audience="operator",
            )
        )
    check_export(call)
    stream = await export(
        query.format,
        "history",
        HISTORY_COLUMNS,
        lambda cursor: credits.history(
            user_id, **wanted, after=cursor, limit=EXPORT_PAGE, audience="operator"
        ),
        lambda entry: entry.as_json(),
    )
    await note_export(call, "history.exported", user_id)
    return stream


async def note_export(call: Call[Any, Any], action: str, target: str) -> None:
    """Write down who took a list away, and let consoles that follow the trail know."""
    await call.services.trail.note(actor_of(call), action, target)
    call.services.live.hint(("audit",))


async def holds_reply(call: Call[Any, HoldsQuery]) -> Reply:
    """A user's holds."""
    query = call.query
    state = None if query.state == "all" else query.state
    page = await call.services.credits.holds(
        call.params["user_id"],
        unit=query.unit,
        state=state,
        before=query.before,
        after=query.after,
        limit=query.limit,
    )
    return page_reply(page)


def page_reply(page: Any) -> Reply:
    """One page of a list."""
    return as_json(
        {"items": [item.as_json() for item in page.items], "next": page.next, "previous": page.previous}
    )


def check_export(call: Call[Any, Any]) -> None:
    """Exports are for admins, and for keys with the scope that the route asked for anyway.

    Raises:
        Forbidden: 403.
    """
    principal = call.principal
    if not (
        principal.has_role(Role.ADMIN) or principal.has_scope(Scope.ADMIN) or principal.has_scope(Scope.READ)
    ):
        raise Forbidden("Exports need the role admin, or a key with the scope read or admin.")


def _filters(query: HistoryQuery) -> dict[str, Any]:
    return {"unit": query.unit, "kinds": _kinds(query.kind), "since": query.since, "until": query.until}


def _kinds(text: str | None) -> Sequence[str] | None:
    if text is None:
        return None
    kinds = text.split(",")
    unknown = [kind for kind in kinds if kind not in KINDS]
    if unknown:
        message = f"must be of: {', '.join(KINDS)}"
        raise Invalid(f"kind {message}.", errors=[{"field": "kind", "message": message}])
    return kinds


def _pair(text: str | None) -> dict[str, str] | None:
    if text is None:
        return None
    name, colon, value = text.partition(":")
    if not (name and colon):
        raise Invalid(
            "metadata must read name:value.",
            errors=[{"field": "metadata", "message": "must read name:value"}],
        )
    return {name: value}
