"""Whatever goes wrong leaves in one shape, and tells no more than it should."""

import logging
from typing import Any

import httpx2
import pytest
from tests.http.stage import ROOMY, Stage, staged

from livecredits.access import Scope

SPEND = "/api/v1/users/ada/spend"


def check_problem(answer: httpx2.Response, status: int, code: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    content: dict[str, Any] = answer.json()
    assert content["status"] == status
    assert content["code"] == code
    assert content["type"].endswith(f"/docs#{code}")
    assert content["request_id"] == answer.headers["x-request-id"]
    assert content["title"]
    assert content["detail"].endswith((".", "!", '"42".'))
    return content


async def test_nothing_there(stage: Stage) -> None:
    check_problem(await stage.client().get("/api/v1/nothing"), 404, "not_found")
    check_problem(await stage.client().get("/"), 404, "not_found")


async def test_another_method(stage: Stage) -> None:
    answer = await stage.client().patch(SPEND)
    check_problem(answer, 405, "method_not_allowed")
    assert answer.headers["allow"] == "OPTIONS, POST"
    assert "allow" not in answer.json()


async def test_no_credential_and_a_wrong_one(stage: Stage) -> None:
    for client in (stage.client(), stage.client("lck_wrong"), stage.client(authorization="Basic YTpi")):
        answer = await client.post(SPEND, json={"amount": 1})
        check_problem(answer, 401, "unauthenticated")
        assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_not_the_right(stage: Stage) -> None:
    backend = await stage.backend(Scope.READ)
    content = check_problem(await backend.post(SPEND, json={"amount": 1}), 403, "forbidden")
    assert "scope move" in content["detail"]


@pytest.mark.parametrize(
    ("body", "code", "status", "field"),
    [
        (b"", "invalid", 422, "amount"),
        (b"{}", "invalid", 422, "amount"),
        (b"[]", "invalid", 422, ""),
        (b'{"amount": 1, "amonut": 2}', "invalid", 422, "amonut"),
        (b'{"amount": 1, "metadata": {"a": NaN}}', "invalid", 422, "metadata"),
        (b'{"amount": 1, "unit": "Not a unit"}', "invalid", 422, "unit"),
        (b"{", "malformed", 400, None),
        (b"\xff", "malformed", 400, None),
        (b"[" * 5_000, "malformed", 400, None),
        (b'{"amount": 1, "metadata": ' + b'{"a":' * 500 + b"1" + b"}" * 501, "malformed", 400, None),
    ],
)
async def test_bodies(stage: Stage, body: bytes, code: str, status: int, field: str | None) -> None:
    backend = await stage.backend()
    answer = await backend.post(SPEND, content=body, headers={"content-type": "application/json"})
    content = check_problem(answer, status, code)
    if field is not None:
        assert [error["field"] for error in content["errors"]] == [field]


async def test_too_large_and_of_another_type(stage: Stage) -> None:
    backend = await stage.backend()
    large = b'{"amount": 1, "label": "' + b"x" * 70_000 + b'"}'
    json = {"content-type": "application/json"}
    check_problem(await backend.post(SPEND, content=large, headers=json), 413, "too_large")

    async def in_chunks() -> Any:
        for _ in range(100):
            yield b"x" * 1_000

    check_problem(await backend.post(SPEND, content=in_chunks(), headers=json), 413, "too_large")
    for media_type in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""):
        answer = await backend.post(SPEND, content=b'{"amount": 1}', headers={"content-type": media_type})
        check_problem(answer, 415, "unsupported_media_type")


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("unti=credits", 422, "invalid"),
        ("unit=a&unit=b", 400, "malformed"),
        ("limit=0", 422, "invalid"),
        ("limit=1e1", 422, "invalid"),
        ("limit=1_0", 422, "invalid"),
        ("limit=%D9%A3", 422, "invalid"),
        ("since=yesterday", 422, "invalid"),
        ("since=4070908800", 422, "invalid"),
        ("until=0001-01-01T00:00:00%2B23:59", 422, "invalid"),
        ("kind=gift", 422, "invalid"),
        ("unit=%FF", 400, "malformed"),
        ("after=nonsense", 400, "malformed"),
    ],
)
async def test_queries(stage: Stage, query: str, status: int, code: str) -> None:
    ada = await stage.user("ada")
    check_problem(await ada.get(f"/api/v1/credits/history?{query}"), status, code)


@pytest.mark.parametrize("user_id", ["x" * 129, "a%00b", "a%0Ab", "a%C2%85b"])
async def test_user_ids(stage: Stage, user_id: str) -> None:
    backend = await stage.backend()
    content = check_problem(
        await backend.post(f"/api/v1/users/{user_id}/grants", json={"amount": 1}), 422, "invalid"
    )
    assert content["errors"][0]["field"] == "user_id"


async def test_a_path_that_is_not_utf8(stage: Stage) -> None:
    backend = await stage.backend()
    check_problem(await backend.post("/api/v1/users/a%FF/grants", json={"amount": 1}), 400, "malformed")


async def test_a_bug_of_ours_tells_its_number_and_nothing_else(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(*_: Any) -> None:
        raise ZeroDivisionError("secret inner word")

    monkeypatch.setattr(stage.credits, "apply", broken)
    backend = await stage.backend()
    with caplog.at_level(logging.ERROR):
        answer = await backend.post(SPEND, json={"amount": 1}, headers={"x-request-id": "trace-7"})
    content = check_problem(answer, 500, "internal")
    assert content["request_id"] == "trace-7"
    assert "secret inner word" not in answer.text
    assert "trace-7" in caplog.text


async def test_request_ids_are_taken_over_only_when_harmless(stage: Stage) -> None:
    client = stage.client()
    for given, kept in (("abc_1-2", True), ("x" * 65, False), ("a b", False), ("<b>", False)):
        answer = await client.get("/healthz", headers={"x-request-id": given})
        assert (answer.headers["x-request-id"] == given) is kept


async def test_limits_answer_429_and_lock_nobody_else_out(tmp_path: Any) -> None:
    async with staged(tmp_path, **{**ROOMY, "requests_per_s_user": 1}) as stage:
        ada, bob = await stage.user("ada"), await stage.user("bob")
        answers = [await ada.get("/api/v1/credits/balance") for _ in range(10)]
        refused = [answer for answer in answers if answer.status_code == 429]
        assert len(refused) >= 4
        content = check_problem(refused[0], 429, "rate_limited")
        assert int(refused[0].headers["retry-after"]) >= 1 == content["retry_after_s"]
        assert (await bob.get("/api/v1/credits/balance")).status_code == 200


async def test_strangers_who_try_too_often_wait(tmp_path: Any) -> None:
    async with staged(tmp_path, **{**ROOMY, "refusals_per_s_address": 1}) as stage:
        stranger = stage.client("lck_guess")
        statuses = [(await stranger.get("/api/v1/credits/balance")).status_code for _ in range(8)]
        assert statuses[0] == 401
        assert statuses[-1] == 429
        neighbour = await stage.user("ada")
        assert (await neighbour.get("/api/v1/credits/balance")).status_code == 200


async def test_every_answer_carries_its_safety_headers(stage: Stage) -> None:
    for answer in (await stage.client().get("/healthz"), await stage.client().get("/nothing")):
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"


async def test_head_is_get_without_its_body(stage: Stage) -> None:
    answer = await stage.client().head("/healthz")
    assert answer.status_code == 200
    assert answer.content == b""
    assert int(answer.headers["content-length"]) > 0
