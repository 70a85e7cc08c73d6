"""Signing in and out: cookies that scripts cannot read, codes that work once, guesses that run dry."""

from typing import Any

import pytest
from tests.http.stage import PASSWORD, ROOMY, Stage, staged
from tests.http.test_problems import check_problem
from tests.postgres import of_both

from livecredits.access import Role
from livecredits.http.answers import LiveTokenAnswer, SessionAnswer

SESSION = "/api/v1/admin/session"
GOOD = {"email": "olga@example.com", "password": PASSWORD}


async def with_olga(stage: Stage) -> dict[str, Any]:
    return await stage.services.sessions.operators.create(
        "Olga@example.com", "Olga", Role.ADMIN, password=PASSWORD
    )


@of_both
async def test_signing_in_and_out_over_https(stage: Stage) -> None:
    await with_olga(stage)
    client = stage.client(base="https://testserver")
    answer = await client.post(SESSION, json=GOOD)
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-livecredits=")
    for part in ("HttpOnly", "Secure", "SameSite=Strict", "Path=/"):
        assert part in cookie
    assert "Domain" not in cookie
    SessionAnswer.model_validate_json(answer.content)
    assert (await client.get(SESSION)).json()["operator"]["email"] == "olga@example.com"
    secret = client.cookies["__Host-livecredits"]
    assert (await client.delete(SESSION)).status_code == 204
    stolen = stage.client(base="https://testserver", cookie=f"__Host-livecredits={secret}")
    check_problem(await stolen.get(SESSION), 401, "unauthenticated")


async def test_plain_http_has_its_own_cookie_in_development(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    await with_olga(stage)
    answer = await stage.client().post(SESSION, json=GOOD)
    assert answer.headers["set-cookie"].startswith("livecredits_session=")
    assert "Secure" not in answer.headers["set-cookie"]
    assert "plain http" in caplog.text
    secret = answer.headers["set-cookie"].partition("=")[2].partition(";")[0]
    # A cookie of the weaker name is worth nothing over https, where a man in the middle of http could have set it.
    over_https = stage.client(base="https://testserver", cookie=f"livecredits_session={secret}")
    assert (await over_https.get(SESSION)).status_code == 401


async def test_production_signs_in_over_https_alone(tmp_path: Any) -> None:
    async with staged(tmp_path, mode="production") as stage:
        await with_olga(stage)
        check_problem(await stage.client().post(SESSION, json=GOOD), 403, "forbidden")
        assert (await stage.client(base="https://testserver").post(SESSION, json=GOOD)).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        {**GOOD, "password": "wrong horse battery"},
        {**GOOD, "email": "nobody@example.com"},
        {"code": "lcc_wrong"},
    ],
)
async def test_wrong_words(stage: Stage, body: dict[str, str]) -> None:
    await with_olga(stage)
    answer = await stage.client().post(SESSION, json=body)
    check_problem(answer, 401, "unauthenticated")
    assert "set-cookie" not in answer.headers


async def test_half_a_credential(stage: Stage) -> None:
    for body in ({}, {"email": "olga@example.com"}, {"password": PASSWORD}):
        check_problem(await stage.client().post(SESSION, json=body), 422, "invalid")


@of_both
async def test_a_code_works_once_and_not_for_long(stage: Stage) -> None:
    olga = await with_olga(stage)
    operators = stage.services.sessions.operators
    code, _ = await operators.create_code(olga["id"])
    assert (await stage.client().post(SESSION, json={"code": code})).status_code == 200
    check_problem(await stage.client().post(SESSION, json={"code": code}), 401, "unauthenticated")
    code, _ = await operators.create_code(olga["id"], ttl_s=60)
    stage.clock.shift_us += 60_000_001
    check_problem(await stage.client().post(SESSION, json={"code": code}), 401, "unauthenticated")


async def test_guesses_run_dry_for_the_guesser_alone(tmp_path: Any) -> None:
    async with staged(tmp_path, **{**ROOMY, "sign_in_attempts": 3, "trusted_proxies": "127.0.0.1"}) as stage:
        await with_olga(stage)
        guesser = stage.client(**{"x-forwarded-for": "203.0.113.7"})
        wrong = {**GOOD, "password": "wrong horse battery"}
        statuses = [(await guesser.post(SESSION, json=wrong)).status_code for _ in range(5)]
        assert statuses == [401, 401, 401, 429, 429]
        check_problem(await guesser.post(SESSION, json=GOOD), 429, "rate_limited")
        olga = stage.client(**{"x-forwarded-for": "198.51.100.9"})
        assert (await olga.post(SESSION, json=GOOD)).status_code == 200


async def test_whoever_signs_in_uses_up_nothing(tmp_path: Any) -> None:
    async with staged(tmp_path, **{**ROOMY, "sign_in_attempts": 3}) as stage:
        await with_olga(stage)
        office = stage.client()
        assert {(await office.post(SESSION, json=GOOD)).status_code for _ in range(8)} == {200}


@of_both
async def test_a_session_ends_by_itself(stage: Stage) -> None:
    operator = await stage.operator()
    assert (await operator.get(SESSION)).status_code == 200
    stage.clock.shift_us += 43_200_000_001
    check_problem(await operator.get(SESSION), 401, "unauthenticated")


async def test_a_live_token_is_good_for_a_minute_and_ends_with_the_session(stage: Stage) -> None:
    operator = await stage.operator(Role.VIEWER)
    answer = await operator.post(f"{SESSION}/live-token")
    LiveTokenAnswer.model_validate_json(answer.content)
    token = answer.json()["token"]
    tokens = stage.services.tokens
    principal = await tokens.authenticate_live(token)
    assert (principal.kind, principal.role, principal.may_watch()) == ("operator", Role.VIEWER, True)
    await operator.delete(SESSION)
    with pytest.raises(Exception, match="signed out"):
        await tokens.authenticate_live(token)


async def test_nothing_is_stored_that_signs_in(stage: Stage) -> None:
    await with_olga(stage)
    answer = await stage.client().post(SESSION, json=GOOD)
    secret = answer.headers["set-cookie"].partition("=")[2].partition(";")[0]
    key = await stage.key()

    def everything(connection: Any) -> str:
        tables = ("operators", "operator_sessions", "sign_in_codes", "api_keys", "audit")
        return str([connection.exec_driver_sql(f"SELECT * FROM {table}").all() for table in tables])

    stored = await stage.credits.read(everything)
    for word in (secret, key, PASSWORD):
        assert word not in stored
    assert "$argon2id$" in stored


async def test_a_limit_is_not_lifted_by_whoever_has_it(stage: Stage) -> None:
    limited, other = await stage.operator(Role.ADMIN, limit=50), await stage.operator(Role.ADMIN)
    own = (await limited.get("/api/v1/admin/session")).json()["operator"]["id"]
    attempts = [
        limited.put(f"/api/v1/admin/operators/{own}", json={"limit": None}),
        limited.post("/api/v1/admin/operators/op_other/link", json={}),
        limited.post("/api/v1/admin/keys", json={"name": "mine", "scopes": ["move", "admin"]}),
        limited.post(
            "/api/v1/admin/operators",
            json={"email": "x@example.com", "name": "X", "role": "admin", "password": "a long enough one"},
        ),
    ]
    for attempt in attempts:
        check_problem(await attempt, 403, "forbidden")
    lifted = await other.put(f"/api/v1/admin/operators/{own}", json={"limit": 60})
    assert lifted.json()["limit"] == 60
