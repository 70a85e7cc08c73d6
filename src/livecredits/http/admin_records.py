"""The audit trail as operators read it."""

from __future__ import annotations

from livecredits.http.answers import AuditPage
from livecredits.http.bodies import AuditQuery
from livecredits.http.export import export
from livecredits.http.reading import EXPORT_PAGE, check_export, note_export
from livecredits.http.routing import Answer, Call, NoBody, Routes, as_json
from livecredits.http.rules import EXPORTS, SEES

routes = Routes("Records")

AUDIT_COLUMNS = (
    "id", "at", "actor", "action", "target", "reason", "before", "after", "address", "request_id", "details",
)  # fmt: skip


@routes.add("GET", "/admin/audit", rule=SEES, query=AuditQuery, result=AuditPage, media_types=EXPORTS)
async def read_audit(call: Call[NoBody, AuditQuery]) -> Answer:
    """Who did what, when and why, before → after; newest first. As CSV or NDJSON with all pages."""
    query, trail = call.query, call.services.trail
    if query.format != "json":
        check_export(call)
        stream = await export(
            query.format,
            "audit",
            AUDIT_COLUMNS,
            lambda cursor: trail.page(query, after=cursor, limit=EXPORT_PAGE),
            dict,
        )
        await note_export(call, "audit.exported", query.format)
        return stream
    page = await trail.page(query, before=query.before, after=query.after, limit=query.limit)
    return as_json({"items": page.items, "next": page.next, "previous": page.previous})
