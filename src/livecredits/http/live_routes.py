"""The live path: handed over to the delivery plane, which checks the credential of the first frame itself."""

from __future__ import annotations

from typing import Any

from livecredits.errors import Draining, NotAcceptable, NotFound
from livecredits.http.routing import API, LIVE, Call, Handover, Routes

PATH = f"{API}/credits/live"
routes = Routes("Live")


@routes.add(
    "GET", "/credits/live", rule=LIVE, media_types=("text/event-stream",), refuses=(Draining, NotAcceptable)
)
async def live(call: Call[Any, Any]) -> Handover:
    """The own account as it changes: a WebSocket (`livecredits.v1`), or a stream of server-sent events.

    The same JSON frames on both; docs/protocol.md has them.
    """
    return _hand_over(call)


@routes.add("POST", "/credits/live/{screen}", rule=LIVE, status=204, refuses=(NotFound,), media_types=())
async def live_upstream(call: Call[Any, Any]) -> Handover:
    """Frames from a screen that listens to events: an array, or one frame."""
    return _hand_over(call)


def _hand_over(call: Call[Any, Any]) -> Handover:
    call.asgi["livecredits.request_id"] = call.request_id
    return Handover(call.services.live.endpoint)
