"""S10: every deed of an operator or a key leaves its row in the audit trail, generated from the route table.

A route that changes something, or that takes a list away, stands in `DEEDS` with what it leaves behind, or in `NO_ROW`
with the reason why it leaves none. A new route stands in neither, and the test fails until somebody has decided.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx2
import pytest
from tests.http.stage import PASSWORD, Stage
from tests.postgres import of_both

from livecredits.access import Role
from livecredits.core.changes import LIBRARY
from livecredits.http.routing import Route
from livecredits.storage.audit import AuditRow

WHY = "because the test says so"
API = "/api/v1"
ADMIN = f"{API}/admin"
PACKAGE = {"name": "100 credits", "credits": 100, "price_minor": 900, "currency": "EUR"}
ON_HOT_ROUTES = (
    "a key does it thousands of times a second; the entry itself keeps who, why and in which request"
)
OWN = "a user's own deed on the own account, no operator's"

NO_ROW: dict[tuple[str, str], str] = {
    ("POST", f"{API}/credits/orders"): OWN,
    ("POST", f"{API}/credits/orders/{{order_id}}/cancel"): OWN,
    ("POST", f"{API}/credits/vouchers/redeem"): OWN,
    ("POST", f"{API}/credits/live/{{screen}}"): "frames of a live screen change nothing",
    ("GET", f"{API}/credits/history"): OWN,
    ("GET", f"{API}/credits/orders"): OWN,
    ("GET", f"{API}/credits/vouchers"): OWN,
    ("POST", f"{API}/users/{{user_id}}/check"): "it asks, and changes nothing",
    ("POST", f"{ADMIN}/tokens/test"): "it reads what the caller holds, and changes nothing",
    (
        "POST",
        f"{ADMIN}/session/live-token",
    ): "the console asks every minute, under a session that has its row",
    ("POST", f"{API}/users/{{user_id}}/spend"): ON_HOT_ROUTES,
    ("POST", f"{API}/users/{{user_id}}/holds"): ON_HOT_ROUTES,
    ("POST", f"{API}/users/{{user_id}}/redeem"): ON_HOT_ROUTES,
    ("POST", f"{API}/transfers"): ON_HOT_ROUTES,
}


@dataclass(frozen=True, kw_only=True)
class Deed:
    """One request, and the row that it is to leave."""

    url: str
    action: str
    target: str | None = None
    json: Any = None
    reason: str | None = None
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    by: httpx2.AsyncClient | None = None


@dataclass
class World:
    stage: Stage

    @property
    def credits(self) -> Any:
        return self.stage.credits

    async def user(self) -> str:
        """Somebody new with ten credits."""
        user_id = f"u{secrets.token_hex(4)}"
        await self.credits.grant(user_id, 10)
        return user_id

    async def order(self, *, done: bool = False) -> tuple[str, str]:
        """A new order of somebody new, and whose it is."""
        package = await self.credits.put_package(**PACKAGE)
        order = await self.credits.order(await self.user(), package.id)
        if done:
            await self.credits.fulfil(order.id)
        return order.id, order.user_id

    async def hold(self) -> tuple[str, str]:
        user_id = await self.user()
        return (await self.credits.hold(user_id, 4)).hold, user_id

    async def campaign(self) -> tuple[str, str]:
        """A new campaign, and its only code."""
        made = await self.credits.create_campaign("Fair", credits=5, codes=1)
        codes = await self.credits.campaign_codes(made.id)
        return made.id, codes.items[0].voucher

    async def operator(self) -> Any:
        email = f"{secrets.token_hex(4)}@example.com"
        operators = self.stage.services.sessions.operators
        return await operators.create(email, "Olga", Role.SUPPORT, password=PASSWORD)

    async def batch(self) -> str:
        from livecredits import BatchRow

        done = await self.credits.batch([BatchRow(1, await self.user(), "adjust", 5)])
        assert done.batch is not None
        return str(done.batch)


async def grant(world: World) -> Deed:
    user_id = await world.user()
    return Deed(
        url=f"{API}/users/{user_id}/grants", json={"amount": 5, "reason": WHY}, action="credits.grant",
        target=user_id, reason=WHY, before={"credits": 10}, after={"credits": 15},
    )  # fmt: skip


def closing(word: str, *, named: bool) -> Callable[[World], Awaitable[Deed]]:
    async def close(world: World) -> Deed:
        hold, user_id = await world.hold()
        owner = f"users/{user_id}/" if named else ""
        left = 6 if word == "capture" else 10
        return Deed(
            url=f"{API}/{owner}holds/{hold}/{word}", json={"reason": WHY}, action=f"hold.{word}", target=user_id,
            reason=WHY, before={"credits": 6, "held": 4}, after={"credits": left, "held": 0},
        )  # fmt: skip

    return close


async def put_user(world: World) -> Deed:
    user_id = await world.user()
    return Deed(
        url=f"{ADMIN}/users/{user_id}", json={"floor": -5, "reason": WHY}, action="user.changed", target=user_id,
        reason=WHY, before={"floor": 0}, after={"floor": -5}, details={"unit": "credits"},
    )  # fmt: skip


async def erase(world: World) -> Deed:
    user_id = await world.user()
    await world.credits.put_user(user_id, name="Ada Lovelace")
    return Deed(
        url=f"{ADMIN}/users/{user_id}/personal-data?reason={WHY}", action="user.erased", target=user_id, reason=WHY,
        details={"users": 1, "orders": 0},
    )  # fmt: skip


async def revoke_tokens(world: World) -> Deed:
    user_id = await world.user()
    return Deed(url=f"{API}/users/{user_id}/tokens", action="tokens.revoked", target=user_id)


async def mint_token(world: World) -> Deed:
    user_id = await world.user()
    return Deed(url=f"{API}/tokens", json={"user_id": user_id}, action="token.minted", target=user_id)


async def put_settings(world: World) -> Deed:
    await world.stage.services.kept.change({"broadcasts_keep_days": 7}, LIBRARY)
    return Deed(
        url=f"{ADMIN}/settings", json={"broadcasts_keep_days": 3}, action="settings.changed",
        before={"broadcasts_keep_days": 7}, after={"broadcasts_keep_days": 3},
    )  # fmt: skip


async def set_credits(world: World) -> Deed:
    user_id = await world.user()
    return Deed(
        url=f"{ADMIN}/users/{user_id}/credits", json={"credits": 50, "reason": WHY}, action="credits.set",
        target=user_id, reason=WHY, before={"credits": 10}, after={"credits": 50},
    )  # fmt: skip


async def adjust(world: World) -> Deed:
    user_id = await world.user()
    return Deed(
        url=f"{ADMIN}/users/{user_id}/adjustments", json={"amount": -3, "reason": WHY}, action="credits.adjust",
        target=user_id, reason=WHY, before={"credits": 10}, after={"credits": 7}, details={"amount": -3},
    )  # fmt: skip


async def reverse(world: World) -> Deed:
    user_id = await world.user()
    spent = await world.credits.spend(user_id, 4)
    return Deed(
        url=f"{ADMIN}/entries/{spent.entry}/reverse", json={"reason": WHY}, action="entry.reverse", target=user_id,
        reason=WHY, before={"credits": 6}, after={"credits": 10},
    )  # fmt: skip


async def broadcast(world: World) -> Deed:
    user_id = await world.user()
    return Deed(url=f"{ADMIN}/users/{user_id}/broadcast", action="user.broadcast", target=user_id)


async def order_for(world: World) -> Deed:
    package = await world.credits.put_package(**PACKAGE)
    user_id = await world.user()
    return Deed(
        url=f"{API}/users/{user_id}/orders", json={"package_id": package.id}, action="order.placed", target=user_id,
        details={"package": package.id},
    )  # fmt: skip


async def add_package(_world: World) -> Deed:
    return Deed(
        url=f"{ADMIN}/credits/packages", json={**PACKAGE, "reason": WHY}, action="package.added", target="pkg_",
        reason=WHY, after=PACKAGE,
    )  # fmt: skip


async def put_package(world: World) -> Deed:
    package = await world.credits.put_package(**PACKAGE)
    return Deed(
        url=f"{ADMIN}/credits/packages/{package.id}", json={**PACKAGE, "credits": 110, "reason": WHY},
        action="package.changed", target=package.id, reason=WHY, before={"credits": 100}, after={"credits": 110},
    )  # fmt: skip


async def delete_package(world: World) -> Deed:
    package = await world.credits.put_package(**PACKAGE)
    return Deed(
        url=f"{ADMIN}/credits/packages/{package.id}?reason={WHY}", action="package.deleted", target=package.id,
        reason=WHY, before=PACKAGE,
    )  # fmt: skip


def fulfil(path: str, **more: Any) -> Callable[[World], Awaitable[Deed]]:
    async def do(world: World) -> Deed:
        order, user_id = await world.order()
        return Deed(
            url=f"{ADMIN}/credits/orders/{order}/{path}", json={"reason": WHY, **more}, action="order.fulfilled",
            target=user_id, reason=WHY, before={"credits": 10}, after={"credits": 110}, details={"order": order},
        )  # fmt: skip

    return do


async def cancel(world: World) -> Deed:
    order, user_id = await world.order()
    return Deed(
        url=f"{ADMIN}/credits/orders/{order}/status", json={"state": "cancelled", "reason": WHY},
        action="order.cancelled", target=user_id, reason=WHY, before={"state": "pending"},
        after={"state": "cancelled"}, details={"order": order},
    )  # fmt: skip


async def refund(world: World) -> Deed:
    order, user_id = await world.order(done=True)
    return Deed(
        url=f"{ADMIN}/credits/orders/{order}/refund", json={"reason": WHY}, action="order.refunded", target=user_id,
        reason=WHY, before={"credits": 110}, after={"credits": 10}, details={"order": order},
    )  # fmt: skip


async def add_voucher(_world: World) -> Deed:
    return Deed(
        url=f"{ADMIN}/vouchers", json={"amount": 25, "reason": WHY}, action="voucher.added", target="vch_", reason=WHY,
        after={"amount": 25},
    )  # fmt: skip


async def put_voucher(world: World) -> Deed:
    made = await world.credits.create_voucher(25)
    return Deed(
        url=f"{ADMIN}/vouchers/{made.voucher}", json={"amount": 30, "reason": WHY}, action="voucher.changed",
        target=made.voucher, reason=WHY, before={"amount": 25}, after={"amount": 30},
    )  # fmt: skip


async def delete_voucher(world: World) -> Deed:
    made = await world.credits.create_voucher(25)
    return Deed(
        url=f"{ADMIN}/vouchers/{made.voucher}?reason={WHY}", action="voucher.deleted", target=made.voucher, reason=WHY,
        before={"amount": 25},
    )  # fmt: skip


async def revoke_voucher(world: World) -> Deed:
    made = await world.credits.create_voucher(25)
    return Deed(
        url=f"{ADMIN}/vouchers/{made.voucher}/revoke", json={"reason": WHY}, action="voucher.revoked",
        target=made.voucher, reason=WHY, before={"state": "open"}, after={"state": "revoked"},
    )  # fmt: skip


async def add_campaign(_world: World) -> Deed:
    body = {"name": "Fair", "credits": 5, "codes": 3, "reason": WHY}
    return Deed(
        url=f"{ADMIN}/campaigns", json=body, action="campaign.added", target="cmp_", reason=WHY,
        after={"credits": 5, "codes": 3},
    )  # fmt: skip


async def revoke_rest(world: World) -> Deed:
    campaign, _ = await world.campaign()
    return Deed(
        url=f"{ADMIN}/campaigns/{campaign}/revoke", json={"reason": WHY}, action="campaign.revoked", target=campaign,
        reason=WHY, details={"codes": 1},
    )  # fmt: skip


async def revoke_code(world: World) -> Deed:
    campaign, code = await world.campaign()
    return Deed(
        url=f"{ADMIN}/campaigns/{campaign}/codes/{code}/revoke", json={"reason": WHY}, action="voucher.revoked",
        target=code, reason=WHY, before={"state": "open"}, after={"state": "revoked"},
    )  # fmt: skip


async def batch(world: World) -> Deed:
    rows = [{"user_id": await world.user(), "op": "adjust", "amount": 5}]
    return Deed(
        url=f"{ADMIN}/batches", json={"rows": rows, "reason": WHY}, action="batch.applied", target="bat_", reason=WHY,
        details={"rows": 1},
    )  # fmt: skip


async def undo_batch(world: World) -> Deed:
    made = await world.batch()
    return Deed(
        url=f"{ADMIN}/batches/{made}/reverse", json={"reason": WHY}, action="batch.reversed", target=made, reason=WHY,
        details={"state": "reversed"},
    )  # fmt: skip


async def sign_in(world: World) -> Deed:
    operator = await world.operator()
    return Deed(
        url=f"{ADMIN}/session", json={"email": operator["email"], "password": PASSWORD}, action="session.started",
        target=operator["id"], details={"by": "password"}, by=world.stage.client(),
    )  # fmt: skip


async def sign_out(world: World) -> Deed:
    return Deed(url=f"{ADMIN}/session", action="session.ended", target="op_", by=await world.stage.operator())


async def add_operator(_world: World) -> Deed:
    body = {
        "email": f"{secrets.token_hex(4)}@example.com", "name": "Rosa", "role": "support", "limit": 50,
        "password": PASSWORD,
    }  # fmt: skip
    return Deed(
        url=f"{ADMIN}/operators", json=body, action="operator.created", target="op_",
        after={"role": "support", "limit": 50},
    )  # fmt: skip


async def change_operator(world: World) -> Deed:
    operator = await world.operator()
    return Deed(
        url=f"{ADMIN}/operators/{operator['id']}", json={"limit": 70, "role": "viewer"}, action="operator.changed",
        target=operator["id"], before={"limit": None, "role": "support"}, after={"limit": 70, "role": "viewer"},
    )  # fmt: skip


async def link_operator(world: World) -> Deed:
    operator = await world.operator()
    return Deed(
        url=f"{ADMIN}/operators/{operator['id']}/link", action="operator.linked", target=operator["id"]
    )


async def add_key(_world: World) -> Deed:
    return Deed(
        url=f"{ADMIN}/keys", json={"name": "shop", "scopes": ["read"]}, action="key.created", target="key_",
        after={"name": "shop", "scopes": ["read"]},
    )  # fmt: skip


async def revoke_key(world: World) -> Deed:
    key, _ = await world.stage.services.tokens.keys.create("old", ["read"])  # type: ignore[list-item]
    return Deed(
        url=f"{ADMIN}/keys/{key['id']}", action="key.revoked", target=key["id"], before={"name": "old"}
    )


async def put_unit(world: World) -> Deed:
    name = f"u{secrets.token_hex(4)}"
    await world.credits.put_unit(name, 0)
    return Deed(
        url=f"{ADMIN}/units/{name}", json={"scale": 2, "low_threshold": 5}, action="unit.changed", target=name,
        before={"scale": 0, "low_threshold": None}, after={"scale": 2, "low_threshold": 5},
    )  # fmt: skip


def export_history(prefix: str) -> Callable[[World], Awaitable[Deed]]:
    async def do(world: World) -> Deed:
        user_id = await world.user()
        return Deed(
            url=f"{prefix}/users/{user_id}/history?format=csv&kind=grant", action="history.exported", target=user_id,
            details={"format": "csv", "kind": "grant"},
        )  # fmt: skip

    return do


async def export_users(world: World) -> Deed:
    await world.user()
    return Deed(
        url=f"{ADMIN}/users?format=ndjson&q=lovelace", action="users.exported",
        details={"format": "ndjson", "q": "…"},
    )  # fmt: skip


async def export_audit(_world: World) -> Deed:
    return Deed(
        url=f"{ADMIN}/audit?format=csv&actor=operator:op_1", action="audit.exported",
        details={"format": "csv", "actor": "operator:op_1"},
    )  # fmt: skip


async def export_codes(world: World) -> Deed:
    campaign, _ = await world.campaign()
    return Deed(
        url=f"{ADMIN}/campaigns/{campaign}/codes.csv?state=open", action="codes.exported", target=campaign,
        details={"state": "open"},
    )  # fmt: skip


DEEDS: Mapping[tuple[str, str], Callable[[World], Awaitable[Deed]]] = {
    ("POST", f"{API}/users/{{user_id}}/grants"): grant,
    ("POST", f"{API}/users/{{user_id}}/holds/{{hold_id}}/capture"): closing("capture", named=True),
    ("POST", f"{API}/users/{{user_id}}/holds/{{hold_id}}/release"): closing("release", named=True),
    ("POST", f"{API}/holds/{{hold_id}}/capture"): closing("capture", named=False),
    ("POST", f"{API}/holds/{{hold_id}}/release"): closing("release", named=False),
    ("POST", f"{API}/users/{{user_id}}/orders"): order_for,
    ("DELETE", f"{API}/users/{{user_id}}/tokens"): revoke_tokens,
    ("GET", f"{API}/users/{{user_id}}/history"): export_history(API),
    ("GET", f"{ADMIN}/users"): export_users,
    ("PUT", f"{ADMIN}/users/{{user_id}}"): put_user,
    ("DELETE", f"{ADMIN}/users/{{user_id}}/personal-data"): erase,
    ("PUT", f"{ADMIN}/users/{{user_id}}/credits"): set_credits,
    ("POST", f"{ADMIN}/users/{{user_id}}/adjustments"): adjust,
    ("POST", f"{ADMIN}/entries/{{entry_id}}/reverse"): reverse,
    ("GET", f"{ADMIN}/users/{{user_id}}/history"): export_history(ADMIN),
    ("POST", f"{ADMIN}/users/{{user_id}}/broadcast"): broadcast,
    ("POST", f"{ADMIN}/credits/packages"): add_package,
    ("PUT", f"{ADMIN}/credits/packages/{{package_id}}"): put_package,
    ("DELETE", f"{ADMIN}/credits/packages/{{package_id}}"): delete_package,
    ("POST", f"{ADMIN}/credits/orders/{{order_id}}/fulfill"): fulfil("fulfill"),
    ("PATCH", f"{ADMIN}/credits/orders/{{order_id}}/fulfill"): fulfil("fulfill"),
    ("PATCH", f"{ADMIN}/credits/orders/{{order_id}}/status"): cancel,
    ("POST", f"{ADMIN}/credits/orders/{{order_id}}/refund"): refund,
    ("POST", f"{ADMIN}/vouchers"): add_voucher,
    ("PUT", f"{ADMIN}/vouchers/{{voucher_id}}"): put_voucher,
    ("DELETE", f"{ADMIN}/vouchers/{{voucher_id}}"): delete_voucher,
    ("POST", f"{ADMIN}/vouchers/{{voucher_id}}/revoke"): revoke_voucher,
    ("POST", f"{ADMIN}/campaigns"): add_campaign,
    ("GET", f"{ADMIN}/campaigns/{{campaign_id}}/codes.csv"): export_codes,
    ("POST", f"{ADMIN}/campaigns/{{campaign_id}}/revoke"): revoke_rest,
    ("POST", f"{ADMIN}/campaigns/{{campaign_id}}/codes/{{voucher_id}}/revoke"): revoke_code,
    ("POST", f"{ADMIN}/batches"): batch,
    ("POST", f"{ADMIN}/batches/{{batch_id}}/reverse"): undo_batch,
    ("GET", f"{ADMIN}/audit"): export_audit,
    ("POST", f"{ADMIN}/session"): sign_in,
    ("DELETE", f"{ADMIN}/session"): sign_out,
    ("POST", f"{ADMIN}/operators"): add_operator,
    ("PUT", f"{ADMIN}/operators/{{operator_id}}"): change_operator,
    ("POST", f"{ADMIN}/operators/{{operator_id}}/link"): link_operator,
    ("POST", f"{ADMIN}/keys"): add_key,
    ("DELETE", f"{ADMIN}/keys/{{key_id}}"): revoke_key,
    ("PUT", f"{ADMIN}/units/{{unit}}"): put_unit,
    ("PUT", f"{ADMIN}/settings"): put_settings,
    ("POST", f"{API}/tokens"): mint_token,
}
QUIET_BY_KEY = {
    ("POST", f"{API}/tokens"): "a token for each visit of each user; it opens one account, for an hour",
    ("POST", f"{API}/users/{{user_id}}/grants"): ON_HOT_ROUTES,
    ("POST", f"{API}/users/{{user_id}}/holds/{{hold_id}}/capture"): ON_HOT_ROUTES,
    ("POST", f"{API}/users/{{user_id}}/holds/{{hold_id}}/release"): ON_HOT_ROUTES,
    ("POST", f"{API}/holds/{{hold_id}}/capture"): ON_HOT_ROUTES,
    ("POST", f"{API}/holds/{{hold_id}}/release"): ON_HOT_ROUTES,
}
"""What leaves a row when an operator does it, and none when a backend does."""


def leaves_a_row(route: Route) -> bool:
    return route.is_unsafe or "text/csv" in route.media_types


def test_every_route_that_changes_or_exports_says_what_it_leaves(stage: Stage) -> None:
    routes = {(route.method, route.path) for route in stage.services.table.routes if leaves_a_row(route)}
    assert routes == DEEDS.keys() | NO_ROW.keys()
    assert not DEEDS.keys() & NO_ROW.keys()
    assert QUIET_BY_KEY.keys() <= DEEDS.keys()


@of_both
async def test_every_deed_leaves_its_row(stage: Stage) -> None:
    world, backend, admin = World(stage), await stage.backend(), await stage.operator()
    missing = []
    for route in stage.services.table.routes:
        recipe = DEEDS.get((route.method, route.path))
        if recipe is None:
            continue
        callers = {"operator": admin} if route.rule.role or route.rule.anybody else {}
        if route.rule.scope and (route.method, route.path) not in QUIET_BY_KEY:
            callers["service"] = backend
        for kind, client in callers.items():
            deed = await recipe(world)
            wrong = await fault_of(stage, route, deed, kind, deed.by or client)
            if wrong:
                missing.append(f"{route.method} {route.path} by {kind}: {wrong}")
    assert not missing, "\n".join(missing)


async def fault_of(
    stage: Stage, route: Route, deed: Deed, kind: str, client: httpx2.AsyncClient
) -> str | None:
    """Do it, and tell what its row lacks."""
    request_id = f"req-{secrets.token_hex(8)}"
    began_us = stage.clock.now_us()
    answer = await client.request(
        route.method, deed.url, json=deed.json, headers={"x-request-id": request_id}
    )
    if answer.status_code >= 300:
        return f"answered {answer.status_code}: {answer.text}"
    rows = [row for row in (await stage.credits.audit(limit=20)).items if row.request_id == request_id]
    if len(rows) != 1:
        return f"{len(rows)} rows, not 1"
    (row,) = rows
    expected = {
        "action": deed.action, "reason": deed.reason, "address": "127.0.0.1", "kind": kind,
        "on time": began_us <= row.at_us <= stage.clock.now_us(),
        "target": (row.target or "").startswith(deed.target) if deed.target else row.target is None,
        "before": parts(row.before, deed.before), "after": parts(row.after, deed.after),
        "details": parts(row.details, deed.details),
    }  # fmt: skip
    found = {
        "action": row.action, "reason": row.reason, "address": row.address, "kind": row.actor.partition(":")[0],
        "on time": True, "target": True, "before": True, "after": True, "details": True,
    }  # fmt: skip
    return None if expected == found else f"{row} is not {deed}"


def parts(told: Mapping[str, Any] | None, wanted: Mapping[str, Any] | None) -> bool:
    """Whether these fields were told, and nothing where nothing has changed."""
    if wanted is None:
        return told is None
    return all((told or {}).get(name) == value for name, value in wanted.items())


@pytest.mark.parametrize("route", [at for at, why in (NO_ROW | QUIET_BY_KEY).items() if why == ON_HOT_ROUTES])
@of_both
async def test_what_a_backend_moves_stands_in_the_ledger_with_who_and_why(
    stage: Stage, route: tuple[str, str]
) -> None:
    world, backend = World(stage), await stage.backend()
    ada, bob = await world.user(), await world.user()
    code = (await world.credits.create_voucher(5)).code
    hold = (await world.credits.hold(ada, 2)).hold
    body: dict[str, Any] = {"amount": 2}
    if route[1].endswith("redeem"):
        body = {"code": code}
    elif route[1].endswith("release"):
        body = {}
    elif route[1].endswith("transfers"):
        body |= {"from_user_id": ada, "to_user_id": bob}
    url = route[1].replace("{user_id}", ada).replace("{hold_id}", hold or "")
    answer = await backend.post(url, json={**body, "reason": WHY}, headers={"x-request-id": "req-hot"})
    assert answer.status_code == 200, answer.text
    entry = (await stage.credits.history(ada, actor=f"service:{await key_id(stage)}")).items[0].entry
    assert entry.actor.startswith("service:key_")
    assert (entry.reason, entry.request_id) == (WHY, "req-hot")


async def key_id(stage: Stage) -> str:
    return str((await stage.services.tokens.keys.every())[0]["id"])


# --- refused sign-ins ----------------------------------------------------------------------------------------------


async def refusals(stage: Stage) -> list[AuditRow]:
    return list((await stage.credits.audit(actions=["session.refused"], limit=500)).items)


async def test_a_refused_sign_in_is_written_down_by_id_and_never_by_what_was_typed(stage: Stage) -> None:
    operator = await World(stage).operator()
    client, url = stage.client(), f"{ADMIN}/session"
    for email in (operator["email"], "my secret password", "nobody@example.com"):
        answer = await client.post(url, json={"email": email, "password": "hunter2-hunter2"})
        assert answer.status_code == 401
    code, _ = await stage.services.sessions.operators.create_code(operator["id"])
    for status in (200, 401):
        assert (await client.post(url, json={"code": code})).status_code == status
    assert (await client.post(url, json={"code": "lcc_nothing"})).status_code == 401
    rows = await refusals(stage)
    assert [(row.target, row.details) for row in reversed(rows)] == [
        (operator["id"], {"by": "password"}), (None, {"by": "password"}), (None, {"by": "password"}),
        (operator["id"], {"by": "code"}), (None, {"by": "code"}),
    ]  # fmt: skip
    assert {(row.actor, row.address) for row in rows} == {("operator:unknown", "127.0.0.1")}
    everything = repr((await stage.credits.audit(limit=500)).items)
    for typed in ("my secret password", "hunter2", "nobody@example.com", "lcc_nothing", code):
        assert typed not in everything


async def test_a_locked_out_operator_who_tries_is_named(stage: Stage) -> None:
    operator = await World(stage).operator()
    admin = await stage.operator()
    await admin.put(f"{ADMIN}/operators/{operator['id']}", json={"disabled": True})
    body = {"email": operator["email"], "password": PASSWORD}
    assert (await stage.client().post(f"{ADMIN}/session", json=body)).status_code == 401
    assert [row.target for row in await refusals(stage)] == [operator["id"]]


async def test_a_flood_of_wrong_codes_is_counted_and_not_written_row_by_row(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s = [0.0]
    monkeypatch.setattr(stage.services.sessions._refusals, "_clock", lambda: now_s[0])
    client = stage.client()
    for number in range(300):
        answer = await client.post(f"{ADMIN}/session", json={"code": f"lcc_{number}"})
        assert answer.status_code == 401
    assert len(await refusals(stage)) == 60
    now_s[0] += 1.0
    await client.post(f"{ADMIN}/session", json={"code": "lcc_last"})
    newest = (await refusals(stage))[0]
    assert newest.details == {"by": "code", "unwritten": 240}
