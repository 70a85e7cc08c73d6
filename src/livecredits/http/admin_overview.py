"""The installation at a glance, and what operators set for all of it: figures, nodes, settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from livecredits.core.amounts import bad_field
from livecredits.core.delays import percentiles, share_within
from livecredits.credits.opened import Unit
from livecredits.http.bodies import TOKEN_TTL_MAX_S
from livecredits.http.changes import actor_of
from livecredits.http.figures import DAY_QUARTERS, Hour, Moved, UnitFigures
from livecredits.http.gathered import Whole
from livecredits.http.overview_models import (
    NodesAnswer,
    SettingsAnswer,
    SettingsBody,
    StatsAnswer,
    StatsQuery,
)
from livecredits.http.routing import Call, NoBody, NoQuery, Reply, Routes, as_json
from livecredits.http.rules import RULES, SEES
from livecredits.http.services import Services
from livecredits.http.trail import instant, microseconds
from livecredits.storage.nodes import NodeRow
from livecredits.storage.settings import StoredSettings
from livecredits.storage.stats import QUARTER_US

routes = Routes("Overview")

_DAY_US = DAY_QUARTERS * QUARTER_US
_HOUR_US = 4 * QUARTER_US
_NOTHING = Moved()


# --- figures -------------------------------------------------------------------------------------------------------


@routes.add("GET", "/admin/stats", rule=SEES, query=StatsQuery, result=StatsAnswer)
async def read_stats(call: Call[NoBody, StatsQuery]) -> Reply:
    """The installation at a glance: credits, orders, screens, how soon changes are seen, what failed.

    Cheap however large the ledger is: sums are kept and carried on by the entries since the last look.
    """
    services, now_us = call.services, call.services.credits.clock.now_us()
    today_from_us = _today_from(call.query, now_us)
    figures = services.figures
    await figures.refresh()
    users, pending = await figures.people()
    kept = await services.kept.current()
    whole = await services.gathered.whole()
    with_screens = whole.users
    return as_json({
        "as_of": instant(now_us),
        "today_from": instant(today_from_us),
        "complete": figures.is_complete,
        "units": _units(services, now_us, today_from_us),
        "users": users,
        "orders": {"pending": pending},
        "screens": {
            "open": whole.sum_of("screens"), "users": with_screens.count, "users_exact": with_screens.is_exact,
        },
        "painted": _painted(whole, kept),
        "failures": _failures(whole),
        "nodes": {"asked": whole.asked, "answered": len(whole.told)},
    })  # fmt: skip


def _today_from(query: StatsQuery, now_us: int) -> int:
    """When the reader's day began.

    Raises:
        Invalid: 422, that cannot have been the beginning of a day that is not over.
    """
    if query.today_from is None:
        return now_us // _DAY_US * _DAY_US
    from_us = microseconds(query.today_from)
    # A reader's clock may be ahead of ours, so that their day has just begun and ours has not.
    if from_us % QUARTER_US or not now_us - _DAY_US - _HOUR_US <= from_us <= now_us + _HOUR_US:
        raise bad_field("today_from", "must be a full quarter of an hour, at most 25 hours ago")
    return from_us


def _units(services: Services, now_us: int, today_from_us: int) -> list[dict[str, Any]]:
    found = services.figures.units(today_from_us)
    hours = services.figures.hours(now_us, today_from_us)
    nobody = UnitFigures(0, 0, _NOTHING)
    return [_unit(unit, found.get(name, nobody), hours) for name, unit in services.credits.units.items()]


def _unit(unit: Unit, figures: UnitFigures, hours: list[Hour]) -> dict[str, Any]:
    today = {f"{name}_today": amount for name, amount in _moved(figures.today).items()}
    series = [{"at": instant(hour.at_us), **_moved(hour.moved.get(unit.name, _NOTHING))} for hour in hours]
    return {
        "unit": unit.name, "scale": unit.scale, "outstanding": figures.outstanding, "held": figures.held, **today,
        "series": series,
    }  # fmt: skip


def _moved(moved: Moved) -> dict[str, int]:
    return {
        "granted": moved.granted, "spent": moved.spent, "expired": moved.expired, "taken": moved.taken,
        "reversed": moved.reversed,
    }  # fmt: skip


def _painted(whole: Whole, kept: StoredSettings) -> dict[str, Any]:
    counted, objective_ms = whole.painted, kept.painted_objective_ms
    told = percentiles(counted)
    is_measured = told.count > 0
    return {
        "p50_ms": told.p50_ms if is_measured else None, "p95_ms": told.p95_ms if is_measured else None,
        "p99_ms": told.p99_ms if is_measured else None, "count": told.count, "window_s": told.window_s,
        "objective_ms": objective_ms, "within": share_within(counted, objective_ms),
    }  # fmt: skip


def _failures(whole: Whole) -> dict[str, Any]:
    return {
        "since": instant(whole.since_us),
        "storage": whole.storage,
        "errors": whole.sum_of("errors"),
        "refused": whole.sum_of("refused"),
        "limited": whole.sum_of("limited"),
        "closed": whole.closed,
        "alarms": whole.sum_of("alarms"),
    }


@routes.add("GET", "/admin/nodes", rule=SEES, result=NodesAnswer)
async def list_nodes(call: Call[NoBody, NoQuery]) -> Reply:
    """The processes that serve this database, this one first."""
    services = call.services
    faults, own = await services.fitness.faults(), services.nodes.own
    shown = [_node(row, faults, is_this=row is own) for row in (own, *services.nodes.others)]
    shown[0]["started_at"] = instant(services.node.started_at_us)
    return as_json({"items": shown})


def _node(row: NodeRow, faults: Mapping[str, str], *, is_this: bool) -> dict[str, Any]:
    return {
        "node": row.node_id, "started_at": instant(row.started_at_us), "version": row.version,
        "screens": row.screens, "lag_ms": row.lag_us // 1000, "draining": row.is_draining,
        "not_ready": faults.get(row.node_id) or None, "batch": row.working_on or None, "is_this": is_this,
    }  # fmt: skip


# --- settings ------------------------------------------------------------------------------------------------------


@routes.add("GET", "/admin/settings", rule=SEES, result=SettingsAnswer)
async def read_settings(call: Call[NoBody, NoQuery]) -> Reply:
    """What operators have set for the installation, and what the process's environment decides. No secrets."""
    return _settings(call, await call.services.kept.current())


@routes.add("PUT", "/admin/settings", rule=RULES, body=SettingsBody, result=SettingsAnswer)
async def change_settings(call: Call[SettingsBody, NoQuery]) -> Reply:
    """Change settings; what is left out stays. They hold at once, and the audit trail keeps before and after."""
    given = {name: getattr(call.body, name) for name in call.body.model_fields_set}
    kept = await call.services.kept.change(given, actor_of(call))
    call.services.nodes.hint(("audit",))
    call.services.nodes.tell("settings")
    if "receipts" in given:
        await call.services.live.receipts.learn()
    return _settings(call, kept)


def _settings(call: Call[Any, Any], kept: StoredSettings) -> Reply:
    own, node = call.services.settings, call.services.node
    facts = {
        "version": node.version,
        "mode": own.mode,
        "database": own.database_url.partition(":")[0],
        "allowed_origins": list(own.allowed_origins),
        "trusted_proxies": list(own.trusted_proxies),
        "require_reason": own.require_reason,
        "session_ttl_s": own.session_ttl_s,
        "token_ttl_most_s": TOKEN_TTL_MAX_S,
        "heartbeat_s": own.heartbeat_s,
        "screens_per_user": own.screens_per_user,
        "identity_provider": urlsplit(own.jwks_url).hostname if own.jwks_url else None,
        "idempotency_keep_days": None,
    }
    return as_json({**kept.as_json(), "facts": facts})
