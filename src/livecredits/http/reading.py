"""Answers that several audiences read: balances, histories, holds, as plain JSON of the ledger's own views."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from pydantic_core import to_json

from livecredits.access import Role, Scope
from livecredits.core.rows import KINDS
from livecredits.errors import Forbidden, Invalid
from livecredits.http.changes import actor_of
from livecredits.http.export import export
from livecredits.http.routing import Answer, Call, Reply, as_json

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from livecredits.http.bodies import FullHistoryQuery, HistoryQuery, HoldsQuery, OwnHistoryQuery
    from livecredits.storage.views import Page

OWN_HISTORY_COLUMNS = (
    "entry", "user_id", "unit", "version", "kind", "amount", "settled_delta", "held_delta", "balance.settled",
    "balance.held", "balance.available", "at", "label", "reverses", "reversed_by", "hold", "order", "voucher",
)  # fmt: skip
HISTORY_COLUMNS = (*OWN_HISTORY_COLUMNS, "reason", "actor", "metadata")
EXPORT_PAGE = 200


async def balance_reply(call: Call[Any, Any], user_id: str, unit: str) -> Reply:
    """An account as it is now, with its version as ETag."""
    balance = await call.services.credits.balance(user_id, unit=unit)
    return Reply(to_json(balance.as_json()), 200, [(b"etag", b'"%d"' % balance.version)])


async def own_history_reply(call: Call[Any, OwnHistoryQuery]) -> Answer:
    """The caller's own entries, without what is for operators' eyes, as a page or as a file."""
    read = partial(call.services.credits.history, call.principal.id, **_filters(call.query), audience="user")
    return await listed(call, "history", OWN_HISTORY_COLUMNS, read)


async def full_history_reply(call: Call[Any, FullHistoryQuery]) -> Answer:
    """A user's entries with everything, as a page or as a file."""
    query, user_id = call.query, call.params["user_id"]
    wanted = {**_filters(query), "actor": query.actor, "metadata": _pair(query.metadata)}
    read = partial(call.services.credits.history, user_id, **wanted, audience="operator")
    return await exported(call, "history", HISTORY_COLUMNS, read, target=user_id)


async def listed(
    call: Call[Any, Any], name: str, columns: Sequence[str], read: Callable[..., Awaitable[Page[Any]]]
) -> Answer:
    """A list as the query's `format` wants it: one page of JSON, or all pages as a file.

    Args:
        call: whose query has `before`, `after`, `limit` and `format`.
        name: the file's, without its ending.
        columns: members of the items that become columns of CSV.
        read: gives a page by those three.
    """
    query = call.query
    if query.format == "json":
        return page_reply(await read(before=query.before, after=query.after, limit=query.limit))
    return await export(
        query.format,
        name,
        columns,
        lambda cursor: read(after=cursor, limit=EXPORT_PAGE),
        lambda item: item.as_json(),
    )


async def exported(
    call: Call[Any, Any],
    name: str,
    columns: Sequence[str],
    read: Callable[..., Awaitable[Page[Any]]],
    *,
    target: str | None = None,
) -> Answer:
    """The same for what concerns others: a file needs the right to export, and is written down.

    Raises:
        Forbidden: the caller may not export.
    """
    if call.query.format == "json":
        return await listed(call, name, columns, read)
    check_export(call)
    file = await listed(call, name, columns, read)
    await note_export(call, f"{name}.exported", target)
    return file


async def note_export(call: Call[Any, Any], action: str, target: str | None) -> None:
    """Write down who took a list away, and which part of it."""
    asked = call.query.model_dump(mode="json", exclude_unset=True, exclude={"before", "after", "limit"})
    if "q" in asked:
        asked["q"] = "…"  # a name or an e-mail address, which nobody could erase from here
    await call.services.trail.note(actor_of(call), action, target, details=asked)


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
