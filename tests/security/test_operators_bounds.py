"""What holds an operator back on every path alike: the limit for one change, and the setting that wants a reason."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.http.stage import Stage, staged
from tests.http.test_problems import check_problem
from tests.security.test_trail import ADMIN, API, DEEDS, WHY, Deed, World

from livecredits import BatchRow
from livecredits.access import Role

LIMIT = 100


# --- the limit for one change --------------------------------------------------------------------------------------


class Bounded(World):
    """A world in which things are as large as it is asked for."""

    async def rich(self, credits: int) -> str:
        user_id = await self.user()
        await self.credits.set(user_id, credits)
        return user_id

    async def order_of(self, credits: int, *, done: bool = False) -> str:
        package = await self.credits.put_package(name="x", credits=credits, price_minor=1, currency="EUR")
        order = await self.credits.order(await self.user(), package.id)
        if done:
            await self.credits.fulfil(order.id)
        return str(order.id)


async def paths(world: Bounded, amount: int) -> list[tuple[str, str, Any]]:
    """Every request by which an operator can move `amount` in one change, or let somebody move it."""
    rich, five = await world.rich(1_000), await world.rich(500)
    spent = await world.credits.spend(await world.rich(1_000), amount)
    held = await world.credits.hold(await world.rich(1_000), amount)
    given = await world.credits.grant(await world.user(), amount)
    voucher = await world.credits.create_voucher(1)
    orders = f"{ADMIN}/credits/orders"
    batch = await world.credits.batch([BatchRow(1, await world.user(), "adjust", amount)])
    campaign = {"name": "Fair", "credits": amount}
    return [
        ("POST", f"{ADMIN}/users/{rich}/adjustments", {"amount": amount}),
        ("POST", f"{ADMIN}/users/{rich}/adjustments", {"amount": -amount}),
        ("PUT", f"{ADMIN}/users/{await world.rich(1_000)}/credits", {"credits": 1_000 + amount}),
        ("PUT", f"{ADMIN}/users/{await world.rich(1_000)}/credits", {"credits": 1_000 - amount}),
        ("POST", f"{API}/users/{rich}/grants", {"amount": amount}),
        ("POST", f"{API}/holds/{held.hold}/capture", {}),
        ("POST", f"{ADMIN}/entries/{spent.entry}/reverse", {}),
        ("POST", f"{ADMIN}/entries/{given.entry}/reverse", {}),
        ("POST", f"{orders}/{await world.order_of(amount)}/fulfill", {}),
        ("PATCH", f"{orders}/{await world.order_of(amount)}/fulfill", {}),
        ("PATCH", f"{orders}/{await world.order_of(amount)}/status", {"state": "fulfilled"}),
        ("POST", f"{orders}/{await world.order_of(amount, done=True)}/refund", {}),
        ("POST", f"{ADMIN}/vouchers", {"amount": amount}),
        ("PUT", f"{ADMIN}/vouchers/{voucher.voucher}", {"amount": amount}),
        ("POST", f"{ADMIN}/campaigns", {**campaign, "codes": 2}),
        ("POST", f"{ADMIN}/campaigns", {**campaign, "word": f"HELLO{amount}", "welcome": True}),
        ("POST", f"{ADMIN}/batches", {"rows": [{"user_id": rich, "op": "adjust", "amount": amount}]}),
        ("POST", f"{ADMIN}/batches", {"rows": [{"user_id": rich, "op": "adjust", "amount": -amount}]}),
        ("POST", f"{ADMIN}/batches", {"rows": [{"user_id": rich, "op": "grant", "amount": amount}]}),
        ("POST", f"{ADMIN}/batches", {"rows": [{"user_id": five, "op": "set", "amount": 500 + amount}]}),
        ("POST", f"{ADMIN}/batches/{batch.batch}/reverse", {}),
    ]  # fmt: skip


ADMINS_ALONE = ("/refund", "/campaigns", "/batches")


def caller(url: str, admin: httpx2.AsyncClient, support: httpx2.AsyncClient) -> httpx2.AsyncClient:
    return admin if any(word in url for word in ADMINS_ALONE) else support


def refusal(answer: httpx2.Response) -> str | None:
    """The code by which a request, or the only row of a batch, was refused."""
    body = answer.json()
    if "rows" in body:
        return body["rows"][0].get("code")  # type: ignore[no-any-return]
    return body.get("code") if answer.status_code >= 400 else None


async def test_the_limit_holds_on_every_path(stage: Stage) -> None:
    world = Bounded(stage)
    admin = await stage.operator(Role.ADMIN, limit=LIMIT)
    support = await stage.operator(Role.SUPPORT, limit=LIMIT)
    before = (await stage.credits.verify()).entries
    asked = await paths(world, LIMIT + 1)
    made = (await stage.credits.verify()).entries - before
    passed = []
    for method, url, body in asked:
        answer = await caller(url, admin, support).request(method, url, json=body)
        if refusal(answer) != "over_operator_limit":
            passed.append(f"{method} {url} {body}: {answer.status_code} {answer.text}")
    assert not passed, "\n".join(passed)
    assert (await stage.credits.verify()).entries == before + made
    stopped = []
    for method, url, body in await paths(world, LIMIT):
        answer = await caller(url, admin, support).request(method, url, json=body)
        if answer.status_code >= 300 or refusal(answer):
            stopped.append(f"{method} {url} {body}: {answer.status_code} {answer.text}")
    assert not stopped, "\n".join(stopped)


async def test_one_row_beyond_the_limit_stops_an_atomic_batch(stage: Stage) -> None:
    ada, bob = await World(stage).user(), await World(stage).user()
    admin = await stage.operator(Role.ADMIN, limit=LIMIT)
    rows = [
        {"user_id": ada, "op": "adjust", "amount": LIMIT},
        {"user_id": bob, "op": "grant", "amount": LIMIT + 1},
    ]
    for path in ("?atomic=true", "?atomic=true&dry_run=true"):
        told = (await admin.post(f"{ADMIN}/batches{path}", json={"rows": rows})).json()
        assert [row.get("code") for row in told["rows"]].count("over_operator_limit") == 1
        assert told["batch"] is None
    csv = f"user_id,op,amount\n{ada},adjust,{LIMIT + 1}\n{bob},adjust,{LIMIT}\n"
    headers = {"content-type": "text/csv"}
    told = (await admin.post(f"{ADMIN}/batches", content=csv, headers=headers)).json()
    assert [row.get("code") for row in told["rows"]] == ["over_operator_limit", None]
    assert [(await stage.credits.balance(user)).credits for user in (ada, bob)] == [10, 110]


async def test_a_code_that_somebody_else_made_large_is_not_made_larger(stage: Stage) -> None:
    made = await stage.credits.create_voucher(5_000)
    support = await stage.operator(Role.SUPPORT, limit=LIMIT)
    url = f"{ADMIN}/vouchers/{made.voucher}"
    check_problem(await support.put(url, json={"amount": 5_001}), 403, "over_operator_limit")
    # Its expiry is no change of credits, and neither is taking it away.
    assert (await support.put(url, json={"expires_at": "2099-01-01T00:00:00Z"})).status_code == 200


# --- the setting that wants a reason -------------------------------------------------------------------------------

WANTED = {
    at
    for at in DEEDS
    if at[0] != "GET"
    and any(
        word in at[1]
        for word in (
            "/credits", "adjustments", "grants", "holds", "entries", "vouchers", "campaigns", "batches", "personal",
        )
    )
} | {("PUT", f"{ADMIN}/users/{{user_id}}")}  # fmt: skip
"""Changes of credits, of what will become one, of floors and freezing; and the erasure of a person."""


@pytest.fixture(params=[True, False], ids=["reason wanted", "no reason wanted"])
def wanted(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


def without_reason(deed: Deed) -> tuple[str, Any]:
    body = deed.json
    if isinstance(body, Mapping):
        body = {name: value for name, value in body.items() if name != "reason"}
    return deed.url.partition("?reason=")[0], body


async def test_operators_give_a_reason_where_it_is_wanted_and_keys_need_none(
    tmp_path: Path, wanted: bool
) -> None:
    async with staged(tmp_path, require_reason=wanted) as stage:
        world, admin, backend = World(stage), await stage.operator(), await stage.backend()
        wrong, asked = [], 0
        for route in stage.services.table.routes:
            if (route.method, route.path) not in WANTED or route.rule.role is None:
                continue
            deed = await DEEDS[route.method, route.path](world)
            assert deed.reason == WHY, f"{route.path} takes no reason"
            url, body = without_reason(deed)
            asked += 1
            if wanted:
                answer = await admin.request(route.method, url, json=body)
                fields = [error["field"] for error in answer.json().get("errors", [])]
                if (answer.status_code, fields) != (422, ["reason"]):
                    wrong.append(f"without: {route.method} {route.path} {answer.status_code} {answer.text}")
                answer = await admin.request(route.method, deed.url, json=deed.json)
            else:
                answer = await admin.request(route.method, url, json=body)
            if answer.status_code >= 300:
                wrong.append(f"operator: {route.method} {route.path} {answer.status_code} {answer.text}")
            if route.rule.scope is not None:
                url, body = without_reason(await DEEDS[route.method, route.path](world))
                answer = await backend.request(route.method, url, json=body)
                if answer.status_code >= 300:
                    wrong.append(f"key: {route.method} {route.path} {answer.status_code} {answer.text}")
        assert not wrong, "\n".join(wrong)
        assert asked >= 20


async def test_a_name_needs_no_reason(tmp_path: Path) -> None:
    async with staged(tmp_path, require_reason=True) as stage:
        support = await stage.operator(Role.SUPPORT)
        answer = await support.put(f"{ADMIN}/users/ada", json={"name": "Ada", "low_threshold": 5})
        assert answer.status_code == 200, answer.text


async def test_a_reason_is_wanted_for_rows_of_csv_too(tmp_path: Path) -> None:
    async with staged(tmp_path, require_reason=True) as stage:
        ada = await World(stage).user()
        admin, headers = await stage.operator(), {"content-type": "text/csv"}
        csv = f"user_id,op,amount\n{ada},adjust,1\n"
        check_problem(await admin.post(f"{ADMIN}/batches", content=csv, headers=headers), 422, "invalid")
        for url, text in (
            (f"{ADMIN}/batches?reason=goodwill", csv),
            (f"{ADMIN}/batches", f"user_id,op,amount,reason\n{ada},adjust,1,goodwill\n"),
        ):
            answer = await admin.post(url, content=text, headers=headers)
            assert answer.json()["applied"] == 1
        assert (await stage.credits.balance(ada)).credits == 12
