"""What machines and newcomers ask a server: is it well, what does it offer, how busy is it."""

from __future__ import annotations

from typing import Any

from livecredits.access import Scope
from livecredits.errors import Draining, Unavailable
from livecredits.http.answers import HealthAnswer
from livecredits.http.docs_page import CONTENT_SECURITY_POLICY, render
from livecredits.http.metrics import CONTENT_TYPE
from livecredits.http.openapi import describe
from livecredits.http.routing import ANYBODY, Call, Reply, Routes, Rule, as_json
from livecredits.http.services import Services

routes = Routes("System", prefix="")

ALARMS = ("drifted", "went_back", "ahead")
LIVE_EVENTS = ("joined", "left", "states", "hellos", "ticks", "resyncs", "merged", "reads", "stale")
"""Names of `core.screen.Counts`."""


@routes.add("GET", "/healthz", rule=ANYBODY, result=HealthAnswer)
async def is_alive(_: Call[Any, Any]) -> Reply:
    """Answer as long as the process runs."""
    return as_json({"status": "ok"})


@routes.add("GET", "/readyz", rule=ANYBODY, result=HealthAnswer, refuses=(Unavailable, Draining))
async def is_ready(call: Call[Any, Any]) -> Reply:
    """Answer 200 when changes can be taken and are shown.

    The ledger opens and reads, the process is not stopping, its clock is right, and one of several nodes hears of the
    others' changes.
    """
    if call.services.live.is_draining:
        raise Draining("This process is stopping.")
    if fault := await call.services.fitness.fault():
        raise Unavailable(fault)
    return as_json({"status": "ok"})


@routes.add("GET", "/openapi.json", rule=ANYBODY, hidden=True)
async def openapi_document(call: Call[Any, Any]) -> Reply:
    """This API, for programs."""
    return as_json(describe(call.services.table, call.root_path))


@routes.add("GET", "/docs", rule=ANYBODY, hidden=True)
async def docs(call: Call[Any, Any]) -> Reply:
    """This API, for people."""
    page = render(describe(call.services.table, call.root_path)).encode()
    return Reply(
        page, 200, [(b"content-security-policy", CONTENT_SECURITY_POLICY)], b"text/html; charset=utf-8"
    )


@routes.add("GET", "/metrics", rule=Rule(scope=Scope.READ), media_types=("text/plain",))
async def metrics(call: Call[Any, Any]) -> Reply:
    """Figures for Prometheus. Needs no key where the settings say so.

    Of several workers on one port, whichever answers shows all of them, told apart by the label `node`.
    """
    services = call.services
    text = services.metrics.text() if services.siblings is None else await services.siblings.text()
    return Reply(text, 200, [], CONTENT_TYPE)


def watch_figures(services: Services) -> None:
    """Show what others count, each time somebody asks."""
    live, nodes = services.live, services.nodes
    services.metrics.watch("livecredits_screens", "Open live screens.", lambda: live.open_screens)
    services.metrics.watch(
        "livecredits_wrong_voucher_codes",
        "Wrong voucher codes tried at this node in the last ten minutes, of all users: an alarm, and no limit.",
        lambda: services.credits.wrong_codes,
    )
    services.metrics.watch_histogram(
        "livecredits_commit_to_painted_seconds",
        "From a change's commit to the arrival of a screen's receipt: of visible screens that were asked at once.",
        live.receipts.histogram,
    )
    services.metrics.watch_counts(
        "livecredits_receipts",
        "What became of the screens of settled broadcasts.",
        "state",
        live.receipts.totals,
    )
    services.metrics.watch_counts(
        "livecredits_alarms",
        "Screens and states that did not fit the ledger: one that drifted from it, went back, or was ahead of it.",
        "kind",
        lambda: {kind: getattr(live.counts, kind) for kind in ALARMS},
    )
    services.metrics.watch_counts(
        "livecredits_live_events",
        "What has happened on live screens.",
        "event",
        lambda: {event: getattr(live.counts, event) for event in LIVE_EVENTS},
    )
    services.metrics.watch_counts(
        "livecredits_closes", "Live connections that the server ended.", "reason", lambda: live.counts.closes
    )
    services.metrics.watch(
        "livecredits_storage_failed",
        "1 where the database has failed for good: this process takes no change any more.",
        lambda: services.figures.storage_failure is not None,
    )
    node = services.node
    services.metrics.tell(
        "livecredits_node", "Which process this is.", {"name": node.name, "version": node.version}
    )
    services.metrics.watch(
        "livecredits_nodes", "Nodes that serve this database.", lambda: 1 + len(nodes.others)
    )
    services.metrics.watch(
        "livecredits_bus_lag_seconds",
        "How old the commits of other nodes were that reached this one last: the oldest of two seconds.",
        lambda: nodes.own.lag_us / 1e6,
    )
    services.metrics.watch(
        "livecredits_bus_silent_seconds",
        "For how long this node has not been able to look what others have committed.",
        lambda: nodes.silent_s,
    )
    services.metrics.watch_counts(
        "livecredits_bus",
        "What the bus did: looked, rang the doorbell, heard a notice, lost its connection, had to begin anew.",
        "event",
        nodes.bus_counts,
    )
