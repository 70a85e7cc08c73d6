"""The broadcast log as operators read it: every change, who has seen it, and what is still behind."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from livecredits.core.rows import KINDS
from livecredits.errors import NotFound
from livecredits.http.answers import PageShape
from livecredits.http.bodies import Model, PageQuery, Time, UnitName, check_user_id, example_of
from livecredits.http.receipts import CountsShape, as_counts
from livecredits.http.routing import Call, NoBody, NoQuery, Reply, Routes, as_json
from livecredits.http.rules import SEES
from livecredits.http.trail import instant, microseconds
from livecredits.storage.broadcasts import RESEND, BroadcastFilter, BroadcastView
from livecredits.storage.pages import Slice

routes = Routes("Records")

_AT = "2026-11-23T05:36:21.123456Z"
_BROADCAST = {
    "id": "ent_019d1f7e5b2a7c3f8e0a1b2c3d4e5f60", "entry": "ent_019d1f7e5b2a7c3f8e0a1b2c3d4e5f60", "user_id": "ada",
    "unit": "credits", "version": 42, "kind": "set", "amount": 55, "label": None, "actor": "operator:op_7f3e",
    "asked": False, "node": "web-1", "committed_at": _AT, "settled": True, "details": "full",
    "screens": {
        "open": 3, "shown": 3, "hidden": 0, "asleep": 0, "gone": 0, "behind": 0, "first_ms": 14, "last_ms": 21,
        "counted": "screens",
    },
}  # fmt: skip


def _check_kind(kind: str) -> str:
    if kind not in (*KINDS, RESEND):
        raise ValueError(f"must be of: {', '.join((*KINDS, RESEND))}")
    return kind


class BroadcastsQuery(PageQuery):
    """Which broadcasts, newest first."""

    user: Annotated[str, AfterValidator(check_user_id)] | None = None
    unit: UnitName | None = None
    kind: Annotated[str, AfterValidator(_check_kind)] | None = Field(
        default=None, description="A kind of change, or `resend` for what somebody asked for."
    )
    state: Literal["behind", "shown", "unseen", "none"] | None = Field(
        default=None,
        description="`behind`: some screen has not painted it. `shown`: at least one has. `unseen`: screens were open, "
        "and none has shown it. `none`: no screen was open.",
    )
    since: Time | None = None
    until: Time | None = None


class BroadcastShape(Model):
    """One change, or one re-send, on its way to all screens of its user."""

    model_config = example_of(_BROADCAST)
    id: str = Field(description="The entry's id; `brd_…` for a re-send.")
    entry: str | None
    user_id: str
    unit: str
    version: int
    kind: str
    amount: int | None
    label: str | None
    actor: str = Field(description="Who made the change, or asked for the re-send.")
    asked: bool = Field(description="Somebody asked for it, without a change.")
    node: str | None = Field(description="Which process counted.")
    committed_at: str
    screens: CountsShape | None = Field(
        description="null: nobody wrote down who has seen it, since the process ended before, or none was running."
    )
    settled: bool = Field(description="Nothing will change these counts any more.")
    details: Literal["full", "sampled", "none"] = Field(
        description="`sampled`: many changes came at once, and only the counts of this one were kept."
    )


class SightShape(Model):
    """One screen of a broadcast that is still open."""

    model_config = example_of({
        "screen": "scr_7f3e", "carrier": "websocket", "user_agent": "Firefox", "state": "shown", "version": 42,
        "ms": 14, "visible": True, "tabs": 1,
    })  # fmt: skip
    screen: str
    carrier: str
    user_agent: str
    state: Literal["shown", "hidden", "asleep", "behind"]
    version: int | None = Field(description="What it last said it has painted.")
    ms: int | None
    visible: bool
    tabs: int


class BroadcastDetail(BroadcastShape):
    """One broadcast, with those of its screens that are still open while they are remembered."""

    model_config = example_of({**_BROADCAST, "shown_on": []})
    shown_on: list[SightShape]


class BroadcastsPage(PageShape):
    """The broadcast log, newest first."""

    model_config = example_of({"items": [], "next": None, "previous": None})
    items: list[BroadcastShape]


@routes.add("GET", "/admin/broadcasts", rule=SEES, query=BroadcastsQuery, result=BroadcastsPage)
async def list_broadcasts(call: Call[NoBody, BroadcastsQuery]) -> Reply:
    """Every change with the screens that have seen it, and every re-send with who asked for it; newest first."""
    query, services = call.query, call.services
    asked = BroadcastFilter(
        user_id=query.user, unit=query.unit, kind=query.kind, state=query.state,
        since_us=None if query.since is None else microseconds(query.since),
        until_us=None if query.until is None else microseconds(query.until),
    )  # fmt: skip
    await services.nodes.flush()
    page = await services.log.page(asked, Slice(before=query.before, after=query.after, limit=query.limit))
    items = [as_broadcast(view) for view in page.items]
    return as_json({"items": items, "next": page.next, "previous": page.previous})


@routes.add("GET", "/admin/broadcasts/{id}", rule=SEES, result=BroadcastDetail, refuses=(NotFound,))
async def read_broadcast(call: Call[NoBody, NoQuery]) -> Reply:
    """One broadcast, with those of its screens that are still open."""
    services = call.services
    await services.nodes.flush()
    view = await services.log.one(call.params["id"])
    sights = await services.nodes.sights(view.id)
    return as_json({**as_broadcast(view), "shown_on": [asdict(sight) for sight in sights]})


def as_broadcast(view: BroadcastView) -> dict[str, Any]:
    """A broadcast as JSON."""
    return {
        "id": view.id, "entry": None if view.is_asked else view.id, "user_id": view.user_id, "unit": view.unit,
        "version": view.version, "kind": view.kind, "amount": view.amount, "label": view.label, "actor": view.actor,
        "asked": view.is_asked, "node": view.node, "committed_at": instant(view.at_us),
        "screens": None if view.counts is None else as_counts(view.counts), "settled": view.is_settled,
        "details": view.details,
    }  # fmt: skip
