"""Moving credits over HTTP: amounts are exact, keys are honoured, limits hold on every path."""

import asyncio
import json
from typing import Any

import pytest
from tests.http.stage import ROOMY, Stage, staged
from tests.http.test_problems import check_problem

from livecredits.access import Role, Scope
from livecredits.core.amounts import MAX_AMOUNT
from livecredits.http.answers import ChangeAnswer, CheckAnswer

ADA = "/api/v1/users/ada"
ADMIN_ADA = "/api/v1/admin/users/ada"


async def granted(stage: Stage, amount: int = 100) -> Any:
    backend = await stage.backend()
    answer = await backend.post(f"{ADA}/grants", json={"amount": amount})
    assert answer.status_code == 200, answer.text
    return backend


async def credits_of(client: Any, user_id: str = "ada") -> int:
    return int((await client.get(f"/api/v1/users/{user_id}/balance")).json()["credits"])


async def test_the_life_of_credits(stage: Stage) -> None:
    backend = await granted(stage, 100)
    spent = await backend.post(f"{ADA}/spend", json={"amount": 5, "label": "Image"})
    ChangeAnswer.model_validate_json(spent.content)
    assert (spent.json()["amount"], spent.json()["credits"], spent.json()["version"]) == (-5, 95, 2)
    assert spent.headers["etag"] == '"2"'
    held = (await backend.post(f"{ADA}/holds", json={"amount": 30})).json()
    assert held["balance"] == {"settled": 95, "held": 30, "available": 65}
    captured = await backend.post(f"{ADA}/holds/{held['hold']}/capture", json={"amount": 10})
    assert captured.json()["balance"] == {"settled": 85, "held": 0, "available": 85}
    held = (await backend.post(f"{ADA}/holds", json={"amount": 30})).json()
    released = await backend.post(f"{ADA}/holds/{held['hold']}/release")
    assert released.json()["credits"] == 85
    await backend.post("/api/v1/users/bob/grants", json={"amount": 1})
    body = {"from_user_id": "ada", "to_user_id": "bob", "amount": 5}
    sent = (await backend.post("/api/v1/transfers", json=body)).json()
    assert (sent["user_id"], sent["credits"]) == ("ada", 80)
    assert await credits_of(backend, "bob") == 6
    for amount, affordable in ((80, True), (81, False)):
        answer = await backend.post(f"{ADA}/check", json={"amount": amount})
        CheckAnswer.model_validate_json(answer.content)
        assert answer.json()["affordable"] is affordable


async def test_refusals_of_the_ledger(stage: Stage) -> None:
    backend = await granted(stage, 3)
    content = check_problem(
        await backend.post(f"{ADA}/spend", json={"amount": 5}), 402, "insufficient_credits"
    )
    assert (content["needed"], content["available"]) == (5, 3)
    check_problem(await backend.post(f"{ADA}/holds/hld_{'0' * 32}/capture"), 404, "not_found")
    held = (await backend.post(f"{ADA}/holds", json={"amount": 1})).json()["hold"]
    check_problem(await backend.post(f"/api/v1/users/bob/holds/{held}/release"), 404, "not_found")
    await backend.post(f"{ADA}/holds/{held}/release")
    check_problem(await backend.post(f"{ADA}/holds/{held}/capture"), 409, "hold_closed")


async def test_unknown_users_are_created_by_grants_and_tokens_alone(stage: Stage) -> None:
    backend = await stage.backend()
    for method, path, body in (
        ("POST", "/api/v1/users/nobody/spend", {"amount": 1}),
        ("POST", "/api/v1/users/nobody/holds", {"amount": 1}),
        ("POST", "/api/v1/users/nobody/check", {"amount": 1}),
        ("GET", "/api/v1/users/nobody/balance", None),
        ("GET", "/api/v1/users/nobody/history", None),
        ("GET", "/api/v1/users/nobody/holds", None),
        ("DELETE", "/api/v1/users/nobody/tokens", None),
        ("GET", "/api/v1/admin/users/nobody", None),
        ("GET", "/api/v1/admin/users/nobody/history", None),
        ("PUT", "/api/v1/admin/users/nobody/credits", {"credits": 1}),
        ("POST", "/api/v1/admin/users/nobody/adjustments", {"amount": 1}),
        ("POST", "/api/v1/admin/users/nobody/broadcast", None),
        ("POST", "/api/v1/transfers", {"from_user_id": "nobody", "to_user_id": "noone", "amount": 1}),
    ):
        check_problem(await backend.request(method, path, json=body), 404, "not_found")
    assert (await backend.post("/api/v1/tokens", json={"user_id": "nobody"})).status_code == 200
    assert (await backend.get("/api/v1/users/nobody/balance")).json()["version"] == 0


@pytest.mark.parametrize(
    "text",
    [
        "0", "-1", "-0", "1.0", "1.5", "1e3", "1E0", "NaN", "Infinity", "-Infinity", "true", "false", "null", '"1"',
        '"1e3"', "[]", "[1]", "{}", str(2**53), str(2**53 + 1), str(2**63), str(-(2**63)), str(2**64), "9" * 400,
        "٣", "１", "0x10", "01", "+1", "1_000", ".5", "1.",
    ],
)  # fmt: skip
async def test_no_silent_damage_to_numbers(stage: Stage, text: str) -> None:
    """M7: what is not a whole number in range is refused, and named where JSON can be read at all."""
    backend = await granted(stage)
    paths = [f"{ADA}/spend", f"{ADA}/grants", f"{ADA}/holds", f"{ADA}/check", f"{ADMIN_ADA}/adjustments"]
    if text in {"-1", "-0"}:
        paths.pop()
    for path in paths:
        answer = await backend.post(
            path, content=f'{{"amount": {text}}}'.encode(), headers={"content-type": "application/json"}
        )
        assert answer.status_code in {400, 422}, (path, answer.text)
        if answer.status_code == 422:
            assert answer.json()["errors"][0]["field"] == "amount"
    assert await credits_of(backend) == 100


async def test_the_largest_amount_is_exact(stage: Stage) -> None:
    backend = await granted(stage, MAX_AMOUNT)
    assert await credits_of(backend) == MAX_AMOUNT
    check_problem(await backend.post(f"{ADA}/grants", json={"amount": 1}), 422, "balance_limit")
    spent = await backend.post(f"{ADA}/spend", json={"amount": MAX_AMOUNT})
    assert json.loads(spent.text)["amount"] == -MAX_AMOUNT


async def test_100_parallel_posts_of_one_key_are_one_entry(stage: Stage) -> None:
    """M2."""
    backend = await granted(stage, 100)
    headers = {"idempotency-key": "job:1"}
    answers = await asyncio.gather(
        *(backend.post(f"{ADA}/spend", json={"amount": 5}, headers=headers) for _ in range(100))
    )
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert sum(answer.headers.get("idempotency-replayed") == "true" for answer in answers) == 99
    assert await credits_of(backend) == 95
    other = await backend.post(f"{ADA}/spend", json={"amount": 6}, headers=headers)
    check_problem(other, 422, "idempotency_key_reused")


async def test_a_key_means_one_request(stage: Stage) -> None:
    backend = await granted(stage)
    headers = {"idempotency-key": "k"}
    first = await backend.post(
        f"{ADA}/spend", json={"amount": 5, "metadata": {"b": 1, "a": 2}}, headers=headers
    )
    same = b'{ "metadata": {"a": 2, "b": 1}, "unit": "credits", "amount": 5 }'
    json_type = {**headers, "content-type": "application/json"}
    again = await backend.post(f"{ADA}/spend", content=same, headers=json_type)
    assert again.content == first.content
    assert again.headers["idempotency-replayed"] == "true"
    for path, body in (
        (f"{ADA}/spend", {"amount": 5}),
        (f"{ADA}/spend", {"amount": 5, "metadata": {"a": 2, "b": 2}}),
        (f"{ADA}/holds", {"amount": 5, "metadata": {"a": 2, "b": 1}}),
        ("/api/v1/users/bob/grants", {"amount": 5, "metadata": {"a": 2, "b": 1}}),
    ):
        check_problem(await backend.post(path, json=body, headers=headers), 422, "idempotency_key_reused")


async def test_refusals_stick_and_errors_do_not(stage: Stage) -> None:
    backend = await granted(stage, 3)
    headers = {"idempotency-key": "too-much"}
    check_problem(await backend.post(f"{ADA}/spend", json={"amount": 0}, headers=headers), 422, "invalid")
    check_problem(
        await backend.post("/api/v1/users/x/spend", json={"amount": 5}, headers=headers), 404, "not_found"
    )
    first = await backend.post(f"{ADA}/spend", json={"amount": 5}, headers=headers)
    check_problem(first, 402, "insufficient_credits")
    assert first.headers["idempotency-key"] == "too-much"
    assert "idempotency-replayed" not in first.headers
    await backend.post(f"{ADA}/grants", json={"amount": 100})
    again = await backend.post(f"{ADA}/spend", json={"amount": 5}, headers=headers)
    check_problem(again, 402, "insufficient_credits")
    assert again.headers["idempotency-replayed"] == "true"


async def test_a_missing_key_is_made_and_returned(stage: Stage) -> None:
    backend = await granted(stage)
    first = await backend.post(f"{ADA}/spend", json={"amount": 5})
    key = first.headers["idempotency-key"]
    again = await backend.post(f"{ADA}/spend", json={"amount": 5}, headers={"idempotency-key": key})
    assert again.content == first.content


@pytest.mark.parametrize("key", ["", "x" * 256, "a b", "schlüssel"])
async def test_keys_that_cannot_be(stage: Stage, key: str) -> None:
    backend = await stage.backend()
    answer = await backend.post(
        f"{ADA}/grants", json={"amount": 1}, headers=[(b"idempotency-key", key.encode())]
    )
    check_problem(answer, 400, "malformed")


async def test_nobody_probes_anothers_keys(stage: Stage) -> None:
    backend, headers = await granted(stage), {"idempotency-key": "k"}
    await backend.post(f"{ADA}/grants", json={"amount": 1}, headers=headers)
    for role in (Role.SUPPORT, Role.ADMIN):
        operator = await stage.operator(role)
        answer = await operator.post(f"{ADA}/grants", json={"amount": 1}, headers=headers)
        assert answer.status_code == 200
        assert "idempotency-replayed" not in answer.headers
    # All service keys of one host stand for one backend.
    other = await stage.backend(Scope.MOVE)
    answer = await other.post(f"{ADA}/grants", json={"amount": 1}, headers=headers)
    assert answer.headers["idempotency-replayed"] == "true"


async def test_a_users_own_key_comes_back_in_their_state(stage: Stage) -> None:
    backend = await granted(stage)
    headers = {"idempotency-key": "browser-1"}
    answer = await backend.post(f"{ADA}/spend", json={"amount": 5, "as_user": True}, headers=headers)
    (state,) = [state for state in (await stage.credits.states(["ada"]))["ada"] if state.unit == "credits"]
    assert state.keys == (("browser-1", answer.json()["version"]),)
    operator = await stage.operator()
    answer = await operator.post(f"{ADA}/grants", json={"amount": 5, "as_user": True})
    check_problem(answer, 403, "forbidden")


async def test_set_with_and_without_if_match(stage: Stage) -> None:
    backend = await granted(stage, 100)
    operator = await stage.operator(Role.SUPPORT)
    url = f"{ADMIN_ADA}/credits"
    answer = await operator.put(url, json={"credits": 150}, headers={"if-match": '"1"'})
    assert (answer.json()["credits"], answer.headers["etag"]) == (150, '"2"')
    stale = await operator.put(url, json={"credits": 1}, headers={"if-match": '"1"'})
    content = check_problem(stale, 412, "version_mismatch")
    assert content["version"] == 2
    assert content["balance"] == {"settled": 150, "held": 0, "available": 150}
    assert (await operator.put(url, json={"credits": 20}, headers={"if-match": 'W/"2"'})).status_code == 200
    assert (await operator.put(url, json={"credits": 10})).status_code == 200
    for wrong in ("2", "two", '"-1"', '"1", "2"'):
        answer = await operator.put(url, json={"credits": 1}, headers={"if-match": wrong})
        check_problem(answer, 400, "malformed")
    assert await credits_of(backend) == 10


async def test_an_operators_limit_holds_on_every_path(stage: Stage) -> None:
    backend = await granted(stage, 1_000)
    big = (await backend.post(f"{ADA}/spend", json={"amount": 60})).json()["entry"]
    held = (await backend.post(f"{ADA}/holds", json={"amount": 60})).json()["hold"]
    operator = await stage.operator(Role.SUPPORT, limit=50)
    for method, path, body in (
        ("POST", f"{ADA}/grants", {"amount": 51}),
        ("POST", f"{ADMIN_ADA}/adjustments", {"amount": 51}),
        ("POST", f"{ADMIN_ADA}/adjustments", {"amount": -51}),
        ("PUT", f"{ADMIN_ADA}/credits", {"credits": 1_000}),
        ("PUT", f"{ADMIN_ADA}/credits", {"credits": 0}),
        ("POST", f"/api/v1/admin/entries/{big}/reverse", {}),
        ("POST", f"{ADA}/holds/{held}/release", {}),
    ):
        check_problem(await operator.request(method, path, json=body), 403, "over_operator_limit")
    assert (await operator.post(f"{ADA}/grants", json={"amount": 50})).status_code == 200
    assert (
        await operator.post(f"/api/v1/admin/entries/{big}/reverse", json={"amount": 50})
    ).status_code == 200


async def test_below_the_floor_is_for_admins(stage: Stage) -> None:
    await granted(stage, 10)
    body = {"amount": -20, "allow_below_floor": True}
    support, admin = await stage.operator(Role.SUPPORT), await stage.operator(Role.ADMIN)
    check_problem(await support.post(f"{ADMIN_ADA}/adjustments", json=body), 403, "forbidden")
    assert (await admin.post(f"{ADMIN_ADA}/adjustments", json=body)).json()["credits"] == -10
    mover = await stage.backend(Scope.MOVE)
    spend = {"amount": 1, "allow_below_floor": True}
    check_problem(await mover.post(f"{ADA}/spend", json=spend), 403, "forbidden")


async def test_a_reason_is_wanted_where_the_settings_say_so(tmp_path: Any) -> None:
    async with staged(tmp_path, **{**ROOMY, "require_reason": True}) as stage:
        await granted(stage)
        operator = await stage.operator()
        content = check_problem(
            await operator.put(f"{ADMIN_ADA}/credits", json={"credits": 1}), 422, "invalid"
        )
        assert content["errors"] == [{"field": "reason", "message": "is missing"}]
        answer = await operator.put(f"{ADMIN_ADA}/credits", json={"credits": 1, "reason": "goodwill"})
        assert answer.status_code == 200


async def test_reversal_is_once(stage: Stage) -> None:
    backend = await granted(stage)
    entry = (await backend.post(f"{ADA}/spend", json={"amount": 5})).json()["entry"]
    operator = await stage.operator(Role.SUPPORT)
    undone = await operator.post(f"/api/v1/admin/entries/{entry}/reverse", json={"reason": "mistake"})
    assert undone.json()["credits"] == 100
    again = await operator.post(f"/api/v1/admin/entries/{entry}/reverse")
    content = check_problem(again, 409, "already_reversed")
    assert content["reversed_by"] == undone.json()["entry"]
    check_problem(
        await operator.post(f"/api/v1/admin/entries/{undone.json()['entry']}/reverse"), 409, "not_reversible"
    )
    check_problem(await operator.post(f"/api/v1/admin/entries/ent_{'0' * 32}/reverse"), 404, "not_found")


async def test_a_grant_with_terms(stage: Stage) -> None:
    backend = await stage.backend()
    body = {
        "amount": 5,
        "expires_at": "2099-01-01T00:00:00.123456+01:00",
        "priority": 3,
        "source": "invoice 7",
    }
    assert (await backend.post(f"{ADA}/grants", json=body)).status_code == 200
    balance = (await backend.get(f"{ADA}/balance")).json()
    assert balance["next_expiry"] == {"at": "2098-12-31T23:00:00.123456Z", "amount": 5}
    (lot,) = balance["lots"]
    assert (lot["priority"], lot["source"], lot["remaining"]) == (3, "invoice 7", 5)
    for wrong in (
        "2001-01-01T00:00:00Z",
        "2099-01-01T00:00:00",
        "tomorrow",
        4_070_908_800,
        "4070908800",
        "2099-01-01 00:00:00Z",
        "2099-13-01T00:00:00Z",
        "2099-01-01",
        "9999-12-31T23:59:59-23:59",
        "0001-01-01T00:00:00+23:59",
    ):
        check_problem(
            await backend.post(f"{ADA}/grants", json={"amount": 5, "expires_at": wrong}), 422, "invalid"
        )
