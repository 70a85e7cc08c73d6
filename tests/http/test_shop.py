"""Packages, orders, thresholds and the erasure of a person, as users, operators and the host's backend see them."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx2
import pytest
from tests.http.stage import Stage
from tests.http.test_problems import check_problem
from tests.postgres import database_url  # noqa: F401 - its routes are asked on both databases

from livecredits.access import Role, Scope
from livecredits.http.answers import ChangeAnswer
from livecredits.http.shop_models import (
    ErasedAnswer,
    OrderShape,
    OrdersPage,
    PackagesAnswer,
    PackageShape,
)

ADMIN = "/api/v1/admin"
PACKAGES = f"{ADMIN}/credits/packages"
QUEUE = f"{ADMIN}/credits/orders"
OWN = "/api/v1/credits/orders"
PACKAGE = {"name": "100 credits", "credits": 100, "price_minor": 900, "currency": "EUR"}


async def package_of(stage: Stage, **more: Any) -> Any:
    admin = await stage.operator()
    answer = await admin.post(PACKAGES, json={**PACKAGE, **more})
    assert answer.status_code == 201, answer.text
    return answer.json()


async def order_of(user: httpx2.AsyncClient, package: Any, **more: Any) -> Any:
    answer = await user.post(OWN, json={"package_id": package["id"], **more})
    assert answer.status_code == 201, answer.text
    return answer.json()


async def balance(stage: Stage, user_id: str) -> int:
    return (await stage.credits.balance(user_id)).credits


# --- packages ------------------------------------------------------------------------------------------------------


async def test_packages_are_made_shown_changed_and_removed(stage: Stage) -> None:
    admin, ada = await stage.operator(), await stage.user("ada")
    first = await package_of(stage, position=2)
    PackageShape.model_validate(first)
    second = await package_of(stage, name="Small", credits=10, position=1, validity_s=3_600)
    await package_of(stage, name="Old", active=False)
    listed = await admin.get(PACKAGES)
    PackagesAnswer.model_validate_json(listed.content)
    assert [item["name"] for item in listed.json()["items"]] == ["Old", "Small", "100 credits"]
    offered = (await ada.get("/api/v1/credits/packages")).json()["items"]
    assert [item["id"] for item in offered] == [second["id"], first["id"]]
    put = await admin.put(f"{PACKAGES}/{first['id']}", json={**PACKAGE, "name": "Now 110", "credits": 110})
    assert (put.status_code, put.json()["credits"]) == (200, 110)
    assert (await admin.delete(f"{PACKAGES}/{second['id']}")).status_code == 204
    check_problem(await admin.delete(f"{PACKAGES}/{second['id']}"), 404, "not_found")
    check_problem(await admin.put(f"{PACKAGES}/pkg_none", json=PACKAGE), 404, "not_found")


async def test_a_package_that_was_ordered_stays(stage: Stage) -> None:
    admin = await stage.operator()
    package = await package_of(stage)
    order = await order_of(await stage.user("ada"), package)
    check_problem(await admin.delete(f"{PACKAGES}/{package['id']}"), 409, "package_ordered")
    await admin.put(f"{PACKAGES}/{package['id']}", json={**PACKAGE, "credits": 1, "active": False})
    assert (await admin.get(f"{QUEUE}/{order['id']}")).json()["package"]["credits"] == 100
    gone = await (await stage.user("bob")).post(OWN, json={"package_id": package["id"]})
    check_problem(gone, 404, "not_found")


@pytest.mark.parametrize(
    ("field", "value"),
    [("credits", 0), ("credits", 1.5), ("price_minor", -1), ("currency", "eur"), ("currency", "€"), ("name", " "),
     ("validity_s", 0), ("unit", "stars"), ("position", 10**9), ("colour", "red")],
)  # fmt: skip
async def test_a_package_with_a_wrong_field_is_refused(stage: Stage, field: str, value: Any) -> None:
    admin = await stage.operator()
    problem = check_problem(await admin.post(PACKAGES, json={**PACKAGE, field: value}), 422, "invalid")
    assert problem["errors"][0]["field"] == field


# --- orders --------------------------------------------------------------------------------------------------------


async def test_an_order_goes_through_the_queue(stage: Stage) -> None:
    ada, admin = await stage.user("ada"), await stage.operator()
    package = await package_of(stage, validity_s=3_600)
    billing = {"organisation": "Analytical Engines", "purchaser": "Ada", "email": "ada@example.com"}
    order = await order_of(
        ada, package, billing=billing, purchase_reference="PO-7", metadata={"cost_centre": 12}
    )
    OrderShape.model_validate(order)
    assert (order["state"], order["billing"], order["metadata"]) == ("pending", billing, {"cost_centre": 12})
    assert not {"fulfilled_by", "note", "created_by"} & order.keys()
    queued = await admin.get(f"{QUEUE}?state=pending&q=PO-7")
    OrdersPage.model_validate_json(queued.content)
    assert [item["id"] for item in queued.json()["items"]] == [order["id"]]
    assert (await admin.get(f"{QUEUE}?state=fulfilled")).json()["items"] == []
    assert (await admin.get(f"{QUEUE}?user=bob")).json()["items"] == []
    done = await admin.post(f"{QUEUE}/{order['id']}/fulfill", json={"fulfilled_by": "desk 4", "note": "paid"})
    assert done.status_code == 200, done.text
    ChangeAnswer.model_validate_json(done.content)
    told = done.json()
    assert (told["kind"], told["credits"], told["order"]) == ("fulfil", 100, order["id"])
    (lot,) = (await stage.credits.balance("ada")).lots
    assert lot.expires_at_us is not None
    seen = (await admin.get(f"{QUEUE}/{order['id']}")).json()
    assert (seen["state"], seen["claimed_by"], seen["note"], seen["entry"]) == (
        "fulfilled", "desk 4", "paid", told["entry"],
    )  # fmt: skip
    assert seen["fulfilled_by"].startswith("operator:")
    own = (await ada.get(OWN)).json()["items"]
    assert [(item["state"], "note" in item) for item in own] == [("fulfilled", False)]
    lines = (await admin.get(f"{ADMIN}/audit?action=order.fulfilled")).json()["items"]
    assert lines[0]["before"]["credits"] == 0
    assert lines[0]["after"]["credits"] == 100


async def test_what_comes_again_with_its_key_says_so_on_every_route(stage: Stage) -> None:
    ada, admin = await stage.user("ada"), await stage.operator()
    package = await package_of(stage)
    mine, theirs, done = [await order_of(ada, package) for _ in range(3)]
    ordered = {"package_id": package["id"]}
    for number, (client, method, path, body) in enumerate(
        (
            (ada, "POST", OWN, ordered),
            (await stage.backend(), "POST", "/api/v1/users/bob/orders", ordered),
            (ada, "POST", f"{OWN}/{mine['id']}/cancel", {}),
            (admin, "PATCH", f"{QUEUE}/{theirs['id']}/status", {"state": "cancelled", "reason": "twice"}),
            (admin, "PATCH", f"{QUEUE}/{done['id']}/status", {"state": "fulfilled"}),
            (admin, "POST", f"{ADMIN}/vouchers", {"amount": 5}),
            (admin, "POST", f"{ADMIN}/campaigns", {"name": "Spring", "credits": 5, "codes": 2}),
            (admin, "POST", PACKAGES, PACKAGE),
        )
    ):
        headers = {"idempotency-key": f"again-{number}"}
        first = await client.request(method, path, json=body, headers=headers)
        assert first.status_code in {200, 201}, first.text
        assert "idempotency-replayed" not in first.headers, path
        again = await client.request(method, path, json=body, headers=headers)
        assert again.headers.get("idempotency-replayed") == "true", path
        assert again.headers["idempotency-key"] == headers["idempotency-key"]
        assert again.json() == first.json()


async def test_a_package_that_came_twice_is_made_once(stage: Stage) -> None:
    admin = await stage.operator()
    key = {"idempotency-key": "spring-offer"}
    first = await admin.post(PACKAGES, json=PACKAGE, headers=key)
    other = await admin.post(PACKAGES, json={**PACKAGE, "credits": 5}, headers=key)
    check_problem(other, 422, "idempotency_key_reused")
    assert len((await admin.get(PACKAGES)).json()["items"]) == 1
    assert len((await admin.get(f"{ADMIN}/audit?action=package.added")).json()["items"]) == 1
    assert (await admin.delete(f"{PACKAGES}/{first.json()['id']}")).status_code == 204
    again = await admin.post(PACKAGES, json=PACKAGE, headers=key)
    assert again.json() == first.json(), "as it was answered, though it is gone by now"
    assert (await admin.get(PACKAGES)).json()["items"] == []


async def test_the_trail_of_an_order_a_voucher_and_an_entry_is_found_by_its_id(stage: Stage) -> None:
    admin, ada = await stage.operator(), await stage.user("ada")
    first, other = [await order_of(ada, await package_of(stage)) for _ in range(2)]
    await admin.post(f"{QUEUE}/{first['id']}/fulfill", json={})
    fulfilled = (await admin.post(f"{QUEUE}/{other['id']}/fulfill", json={})).json()
    await admin.post(f"{QUEUE}/{first['id']}/refund", json={"reason": "sent back"})
    code = (await admin.post(f"{ADMIN}/vouchers", json={"amount": 5})).json()
    await (await stage.backend(Scope.SHOP)).post("/api/v1/users/ada/redeem", json={"code": code["code"]})
    adjusted = (await admin.post(f"{ADMIN}/users/ada/adjustments", json={"amount": 3})).json()

    async def trail(id: str) -> list[str]:
        answer = await admin.get(f"{ADMIN}/audit", params={"target": id})
        return [row["action"] for row in answer.json()["items"]]

    assert await trail(first["id"]) == ["order.refunded", "order.fulfilled"]
    assert await trail(other["id"]) == ["order.fulfilled"]
    assert await trail(fulfilled["entry"]) == ["order.fulfilled"]
    assert (await trail(code["voucher"]))[-1] == "voucher.added"
    assert await trail(adjusted["entry"]) == ["credits.adjust"]
    assert await trail("ord_" + 32 * "0") == []
    assert len(await trail("ada")) >= 4


async def test_a_second_fulfilment_says_who_and_when(stage: Stage) -> None:
    ada, admin = await stage.user("ada"), await stage.operator()
    order = await order_of(ada, await package_of(stage))
    backend = await stage.backend(Scope.SHOP)
    headers = {"idempotency-key": "f1"}
    first = await backend.post(f"{QUEUE}/{order['id']}/fulfill", json={}, headers=headers)
    assert first.json()["credits"] == 100
    again = await backend.post(f"{QUEUE}/{order['id']}/fulfill", json={}, headers=headers)
    assert again.content == first.content
    assert again.headers["idempotency-replayed"] == "true"
    second = await admin.patch(f"{QUEUE}/{order['id']}/fulfill", json={})
    problem = check_problem(second, 409, "already_fulfilled")
    assert problem["fulfilled_by"].startswith("service:")
    assert problem["entry"] == first.json()["entry"]
    assert problem["fulfilled_at"].endswith("Z")
    assert await balance(stage, "ada") == 100


async def test_the_history_says_which_package_came(stage: Stage) -> None:
    ada, admin = await stage.user("ada"), await stage.operator()
    for label in (None, "Paid by invoice"):
        order = await order_of(ada, await package_of(stage))
        told = {} if label is None else {"label": label}
        assert (await admin.post(f"{QUEUE}/{order['id']}/fulfill", json=told)).status_code == 200
    history = (await ada.get("/api/v1/credits/history")).json()["items"]
    assert [entry["label"] for entry in history] == ["Paid by invoice", "Order · 100 credits"]


async def test_a_key_means_the_same_fulfilment_on_every_route(stage: Stage) -> None:
    ada, admin = await stage.user("ada"), await stage.operator()
    order = await order_of(ada, await package_of(stage))
    url, headers, body = (
        f"{QUEUE}/{order['id']}",
        {"idempotency-key": "f1"},
        {"note": "paid", "metadata": {"n": 1}},
    )
    first = await admin.post(f"{url}/fulfill", json=body, headers=headers)
    assert first.status_code == 200
    again = await admin.patch(f"{url}/fulfill", json=body, headers=headers)
    assert (again.content, again.headers["idempotency-replayed"]) == (first.content, "true")
    state = await admin.patch(f"{url}/status", json={"state": "fulfilled", **body}, headers=headers)
    assert (state.status_code, state.json()["state"]) == (200, "fulfilled")
    other = await admin.patch(
        f"{url}/status", json={"state": "fulfilled", "note": "not paid"}, headers=headers
    )
    check_problem(other, 422, "idempotency_key_reused")


async def test_m5_fifty_at_once_fulfil_once_and_reverse_once(stage: Stage) -> None:
    ada, admin = await stage.user("ada"), await stage.operator()
    order = await order_of(ada, await package_of(stage))
    url = f"{QUEUE}/{order['id']}"
    answers = await asyncio.gather(*[admin.post(f"{url}/fulfill", json={}) for _ in range(50)])
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 49
    refunds = await asyncio.gather(*[admin.post(f"{url}/refund", json={}) for _ in range(50)])
    assert sorted(answer.status_code for answer in refunds) == [200] + [409] * 49
    stage.clock.shift_us += 86_400_000_000
    late = await (await stage.operator()).post(f"{url}/fulfill", json={})
    check_problem(late, 409, "order_closed")
    assert (await stage.credits.verify()).entries == 2


async def test_status_by_patch(stage: Stage) -> None:
    ada, admin = await stage.user("ada"), await stage.operator()
    package = await package_of(stage)
    one, two = await order_of(ada, package), await order_of(ada, package)
    done = await admin.patch(f"{QUEUE}/{one['id']}/status", json={"state": "fulfilled"})
    assert (done.status_code, done.json()["state"]) == (200, "fulfilled")
    body = {"state": "cancelled", "reason": "never paid"}
    gone = await admin.patch(f"{QUEUE}/{two['id']}/status", json=body)
    assert (gone.json()["state"], gone.json()["cancel_reason"]) == ("cancelled", "never paid")
    check_problem(await admin.post(f"{QUEUE}/{two['id']}/fulfill", json={}), 409, "order_closed")
    check_problem(await admin.patch(f"{QUEUE}/{one['id']}/status", json=body), 409, "already_fulfilled")
    again = await admin.patch(f"{QUEUE}/{one['id']}/status", json={"state": "fulfilled"})
    check_problem(again, 409, "already_fulfilled")
    wrong = await admin.patch(f"{QUEUE}/{one['id']}/status", json={"state": "pending"})
    check_problem(wrong, 422, "invalid")
    assert await balance(stage, "ada") == 100


async def test_a_user_takes_back_the_own_pending_order_alone(stage: Stage) -> None:
    ada, bob, admin = await stage.user("ada"), await stage.user("bob"), await stage.operator()
    package = await package_of(stage)
    order = await order_of(ada, package)
    check_problem(await bob.post(f"{OWN}/{order['id']}/cancel", json={}), 404, "not_found")
    gone = await ada.post(f"{OWN}/{order['id']}/cancel", json={"reason": "twice"})
    assert (gone.status_code, gone.json()["state"]) == (200, "cancelled")
    assert "cancelled_by" not in gone.json()
    other = await order_of(ada, package)
    await admin.post(f"{QUEUE}/{other['id']}/fulfill", json={})
    check_problem(await ada.post(f"{OWN}/{other['id']}/cancel", json={}), 409, "already_fulfilled")
    assert (await bob.get(OWN)).json()["items"] == []


async def test_the_same_key_orders_once(stage: Stage) -> None:
    ada, package = await stage.user("ada"), await package_of(stage)
    body, headers = {"package_id": package["id"]}, {"idempotency-key": "mine"}
    answers = [await ada.post(OWN, json=body, headers=headers) for _ in range(3)]
    assert len({answer.json()["id"] for answer in answers}) == 1
    other = await ada.post(OWN, json={**body, "purchase_reference": "x"}, headers=headers)
    check_problem(other, 422, "idempotency_key_reused")
    # Another user's same key is another key.
    bobs = await (await stage.user("bob")).post(OWN, json=body, headers=headers)
    assert bobs.json()["id"] != answers[0].json()["id"]


async def test_nothing_is_ordered_at_a_price_that_was_not_shown(stage: Stage) -> None:
    ada, admin, backend = await stage.user("ada"), await stage.operator(), await stage.backend(Scope.SHOP)
    package = await package_of(stage)
    shown = {"credits": 100, "price_minor": 900, "currency": "EUR"}
    body, headers = {"package_id": package["id"], "shown": shown}, {"idempotency-key": "shown"}
    first = await ada.post(OWN, json=body, headers=headers)
    assert (first.status_code, first.json()["package"]["price_minor"]) == (201, 900)
    await admin.put(f"{PACKAGES}/{package['id']}", json={**PACKAGE, "price_minor": 999_900, "validity_s": 60})
    assert (await ada.post(OWN, json=body, headers=headers)).content == first.content
    for who, url in ((ada, OWN), (backend, "/api/v1/users/ada/orders")):
        for seen in (shown, {"price_minor": 999_900, "validity_s": None}):
            problem = check_problem(await who.post(url, json={**body, "shown": seen}), 409, "package_changed")
            assert problem["package"]["price_minor"] == 999_900
    assert len((await ada.get(OWN)).json()["items"]) == 1
    now = {"credits": 100, "unit": "credits", "price_minor": 999_900, "currency": "EUR", "validity_s": 60}
    assert (await ada.post(OWN, json={**body, "shown": now})).status_code == 201
    whole = (await ada.get("/api/v1/credits/packages")).json()["items"][0]
    assert (await ada.post(OWN, json={**body, "shown": whole})).status_code == 201
    check_problem(await ada.post(OWN, json={**body, "shown": {"price_minor": "9"}}), 422, "invalid")


async def test_a_refund_takes_back_what_is_left(stage: Stage) -> None:
    ada, admin = await stage.user("ada"), await stage.operator()
    order = await order_of(ada, await package_of(stage))
    url = f"{QUEUE}/{order['id']}"
    check_problem(await admin.post(f"{url}/refund", json={}), 409, "order_not_fulfilled")
    await admin.post(f"{url}/fulfill", json={})
    await stage.credits.spend("ada", 30)
    problem = check_problem(await admin.post(f"{url}/refund", json={}), 409, "order_spent")
    assert (problem["left"], problem["amount"]) == (70, 100)
    done = await admin.post(f"{url}/refund", json={"spent": "left", "reason": "returned"})
    assert (done.json()["kind"], done.json()["amount"], await balance(stage, "ada")) == ("reverse", -70, 0)
    read = (await admin.get(url)).json()
    OrderShape.model_validate(read)
    assert (read["state"], read["refund_reason"]) == ("refunded", "returned")
    assert read["refunded_by"] == read["fulfilled_by"]
    assert (await admin.get(QUEUE)).json()["items"] == [read]
    own = (await ada.get(OWN)).json()["items"][0]
    assert own["state"] == "refunded"
    assert not {"refunded_by", "refund_reason"} & own.keys()
    support = await stage.operator(Role.SUPPORT)
    check_problem(await support.post(f"{url}/refund", json={}), 403, "forbidden")
    backend = await stage.backend(Scope.SHOP)
    below = await backend.post(f"{url}/refund", json={"spent": "below_floor"})
    check_problem(below, 403, "forbidden")


async def test_no_refund_by_the_back_door(stage: Stage) -> None:
    ada, admin, support = await stage.user("ada"), await stage.operator(), await stage.operator(Role.SUPPORT)
    order = await order_of(ada, await package_of(stage))
    entry = (await admin.post(f"{QUEUE}/{order['id']}/fulfill", json={})).json()["entry"]
    undo = f"/api/v1/admin/entries/{entry}/reverse"
    check_problem(await support.post(undo, json={"reason": "oops"}), 403, "forbidden")
    check_problem(await admin.post(undo, json={"amount": 1}), 409, "not_reversible")
    assert (await admin.get(f"{QUEUE}/{order['id']}")).json()["state"] == "fulfilled"
    assert (await admin.post(undo, json={})).json()["amount"] == -100


async def test_the_key_of_a_cancellation_means_one_request(stage: Stage) -> None:
    ada, admin = await stage.user("ada"), await stage.operator()
    order = await order_of(ada, await package_of(stage))
    url, headers = f"{QUEUE}/{order['id']}/status", {"Idempotency-Key": "c"}
    first = await admin.patch(url, json={"state": "cancelled", "reason": "first"}, headers=headers)
    assert (first.json()["cancel_reason"], first.headers["idempotency-key"]) == ("first", "c")
    again = await admin.patch(url, json={"state": "cancelled", "reason": "first"}, headers=headers)
    assert again.json() == first.json()
    other = await admin.patch(url, json={"state": "cancelled", "reason": "second"}, headers=headers)
    check_problem(other, 422, "idempotency_key_reused")
    late = await admin.patch(url, json={"state": "cancelled", "reason": "second"})
    check_problem(late, 409, "order_closed")


async def test_an_operators_limit_holds_for_fulfilment(stage: Stage) -> None:
    ada = await stage.user("ada")
    order = await order_of(ada, await package_of(stage))
    limited = await stage.operator(Role.SUPPORT, limit=99)
    answer = await limited.post(f"{QUEUE}/{order['id']}/fulfill", json={})
    check_problem(answer, 403, "over_operator_limit")
    assert await balance(stage, "ada") == 0


@pytest.mark.parametrize(
    "body",
    [{}, {"package_id": 5}, {"package_id": "pkg_x", "billing": {"email": "no"}},
     {"package_id": "pkg_x", "billing": {"vat": "1"}}, {"package_id": "pkg_x", "purchase_reference": "x" * 201}],
)  # fmt: skip
async def test_an_order_with_a_wrong_field_is_refused(stage: Stage, body: Any) -> None:
    check_problem(await (await stage.user("ada")).post(OWN, json=body), 422, "invalid")


# --- thresholds ----------------------------------------------------------------------------------------------------


async def test_low_balances_are_marked_and_listed(stage: Stage) -> None:
    admin = await stage.operator()
    for user_id, amount in (("ada", 100), ("bob", 15), ("cyd", 15)):
        await stage.credits.grant(user_id, amount)
    unit = await admin.put(f"{ADMIN}/units/credits", json={"scale": 0, "low_threshold": 20})
    assert unit.json() == {"name": "credits", "scale": 0, "low_threshold": 20}
    own = await admin.put(f"{ADMIN}/users/cyd", json={"low_threshold": 10})
    assert own.json()["low"] is False
    listed = (await admin.get(f"{ADMIN}/users?low=true")).json()["items"]
    assert [(item["user_id"], item["low"]) for item in listed] == [("bob", True)]
    assert [item["user_id"] for item in (await admin.get(f"{ADMIN}/users?low=false")).json()["items"]] == [
        "ada", "cyd",
    ]  # fmt: skip
    bob = (await (await stage.user("bob")).get("/api/v1/credits/balance")).json()
    assert bob["low"] is True
    await admin.put(f"{ADMIN}/units/credits", json={"scale": 0})
    assert (await admin.get(f"{ADMIN}/units")).json()["items"][0]["low_threshold"] == 20
    support = await stage.operator(Role.SUPPORT)
    assert (await support.put(f"{ADMIN}/users/bob", json={"low_threshold": 3})).status_code == 200


# --- erasure -------------------------------------------------------------------------------------------------------


async def test_a_person_is_erased_and_the_entries_stay(stage: Stage) -> None:
    admin, ada = await stage.operator(), await stage.user("ada")
    who = {"name": "Ada Lovelace", "email": "ada@example.com", "metadata": {"phone": "555-0199"}}
    await admin.put(f"{ADMIN}/users/ada", json=who)
    order = await order_of(ada, await package_of(stage), billing={"purchaser": "Ada Lovelace"})
    await admin.post(f"{QUEUE}/{order['id']}/fulfill", json={})
    support = await stage.operator(Role.SUPPORT)
    check_problem(await support.delete(f"{ADMIN}/users/ada/personal-data"), 403, "forbidden")
    erased = await admin.delete(f"{ADMIN}/users/ada/personal-data?reason=asked%20by%20letter")
    assert erased.status_code == 200, erased.text
    ErasedAnswer.model_validate_json(erased.content)
    everything = json.dumps(
        [
            (await admin.get(url)).json()
            for url in (f"{ADMIN}/users/ada", f"{QUEUE}/{order['id']}", f"{ADMIN}/audit", f"{ADMIN}/users")
        ]
    )
    for trace in ("Lovelace", "ada@example.com", "555-0199"):
        assert trace not in everything
    assert await balance(stage, "ada") == 100
    assert (await stage.credits.verify()).is_clean
    check_problem(await ada.get("/api/v1/credits/balance"), 401, "unauthenticated")
    check_problem(await admin.delete(f"{ADMIN}/users/nobody/personal-data"), 404, "not_found")


async def test_what_cannot_be_an_id_is_a_thing_that_there_is_not(stage: Stage) -> None:
    """Whoever asks learns the same of an order that never was, however its name is spelled."""
    admin, backend = await stage.operator(), await stage.backend()
    await stage.credits.put_user("ada", name="Ada")
    users = "/api/v1/users/ada"
    for id in ("ord_none", "ent_" + "0" * 32, "7"):
        for who, method, url, body in (
            (admin, "POST", f"{QUEUE}/{id}/fulfill", {}),
            (backend, "PATCH", f"{QUEUE}/{id}/fulfill", {}),
            (admin, "PATCH", f"{QUEUE}/{id}/status", {"state": "fulfilled"}),
            (admin, "PATCH", f"{QUEUE}/{id}/status", {"state": "cancelled"}),
            (admin, "POST", f"{QUEUE}/{id}/refund", {}),
            (admin, "GET", f"{QUEUE}/{id}", None),
            (admin, "POST", f"{ADMIN}/entries/{id}/reverse", {}),
            (admin, "POST", f"{ADMIN}/batches/{id}/reverse", {}),
            (backend, "POST", f"{users}/holds/{id}/capture", {}),
            (backend, "POST", f"/api/v1/holds/{id}/release", {}),
        ):
            check_problem(await who.request(method, url, json=body), 404, "not_found")


async def test_a_user_who_comes_too_late_learns_nothing_of_operators(stage: Stage) -> None:
    ada, admin = await stage.user("ada"), await stage.operator()
    order = await order_of(ada, await package_of(stage))
    done = await admin.post(f"{QUEUE}/{order['id']}/fulfill", json={"note": "paid in cash"})
    late = await ada.post(f"{OWN}/{order['id']}/cancel", json={})
    check_problem(late, 409, "already_fulfilled")
    told = late.json()
    assert (told["entry"], told["fulfilled_at"]) == (done.json()["entry"], done.json()["as_of"])
    assert "fulfilled_by" not in told
    assert "op_" not in late.text
    seen = await admin.patch(f"{QUEUE}/{order['id']}/status", json={"state": "cancelled"})
    assert seen.json()["fulfilled_by"].startswith("operator:op_")
