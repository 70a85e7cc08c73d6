"""The audit trail as operators read it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import Any

from livecredits.http.answers import AuditPage
from livecredits.http.bodies import AuditQuery
from livecredits.http.reading import exported
from livecredits.http.routing import Answer, Call, NoBody, Routes
from livecredits.http.rules import EXPORTS, SEES
from livecredits.storage.audit import AuditRow
from livecredits.storage.views import Page

routes = Routes("Records")

AUDIT_COLUMNS = (
    "id", "at", "actor", "action", "target", "reason", "before", "after", "address", "request_id", "details",
)  # fmt: skip


@routes.add("GET", "/admin/audit", rule=SEES, query=AuditQuery, result=AuditPage, media_types=EXPORTS)
async def read_audit(call: Call[NoBody, AuditQuery]) -> Answer:
    """Who did what, when and why, before → after; newest first. As CSV or NDJSON with all pages."""
    query = call.query
    read = partial(
        call.services.credits.audit, actor=query.actor, actions=_listed(query.action),
        exclude=_listed(query.exclude), target=query.target, since=query.since, until=query.until,
    )  # fmt: skip
    shown = read if call.principal.may_see_codes() else partial(_without_words, read)
    return await exported(call, "audit", AUDIT_COLUMNS, shown)


async def _without_words(read: Callable[..., Awaitable[Page[AuditRow]]], **options: Any) -> Page[AuditRow]:
    """For whoever may not read codes: a campaign's word, which its row tells, may still pay."""
    page = await read(**options)
    return replace(page, items=[row.masked() for row in page.items])


def _listed(text: str | None) -> list[str] | None:
    return None if text is None else text.split(",")
