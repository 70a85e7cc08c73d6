"""S4: every operation is denied to everybody whom its rule does not name, generated from the route table."""

import pytest
from tests.http.stage import Stage

from livecredits.access import ALL_SCOPES, Principal, Role, Scope
from livecredits.http.openapi import describe
from livecredits.http.routing import Route

PUBLIC = {
    ("GET", "/healthz"), ("GET", "/readyz"), ("GET", "/openapi.json"), ("GET", "/docs"), ("GET", "/console"),
    ("GET", "/console/{rest*}"), ("GET", "/sdk/{rest*}"), ("POST", "/api/v1/admin/session"),
}  # fmt: skip
"""What anybody may call. Whoever adds a line here says why in review."""


def guarded(stage: Stage) -> list[Route]:
    return [route for route in stage.services.table.routes if not route.rule.anybody]


def address(route: Route) -> str:
    return route.path.replace("{user_id}", "bob").replace("{", "").replace("}", "")


def test_what_is_public_is_listed_here(stage: Stage) -> None:
    public = {(route.method, route.path) for route in stage.services.table.routes if route.rule.anybody}
    assert public == PUBLIC


def test_the_documentation_names_a_credential_for_all_others(stage: Stage) -> None:
    for path, operations in describe(stage.services.table)["paths"].items():
        for method, operation in operations.items():
            assert bool(operation["security"]) is ((method.upper(), path) not in PUBLIC), path


async def test_nobody_without_a_credential(stage: Stage) -> None:
    client = stage.client()
    for route in guarded(stage):
        answer = await client.request(route.method, address(route))
        assert answer.status_code == 401, route.path
        assert answer.json()["code"] == "unauthenticated"


async def test_no_expired_token(stage: Stage) -> None:
    token, _ = await stage.services.tokens.mint("ada", 60)
    live_token, _ = stage.services.tokens.mint_live(await _operator_principal(stage))
    stage.clock.shift_us += 61_000_000
    for route in guarded(stage):
        for old in (token, live_token):
            answer = await stage.client(old).request(route.method, address(route))
            assert answer.status_code == 401, route.path


async def test_no_user_on_anything_but_the_own_account(stage: Stage) -> None:
    ada = await stage.user("ada")
    for route in guarded(stage):
        if route.rule.user or route.rule.by_itself:
            continue
        answer = await ada.request(route.method, address(route))
        assert answer.status_code == 403, route.path
        assert answer.json()["code"] == "forbidden"


async def test_no_key_beyond_its_scopes(stage: Stage) -> None:
    for scope in Scope:
        others = await stage.backend(*(ALL_SCOPES - {scope}))
        for route in guarded(stage):
            if route.rule.scope == scope:
                answer = await others.request(route.method, address(route))
                assert answer.status_code == 403, (scope, route.path)


async def test_no_key_on_what_is_for_people_or_users(stage: Stage) -> None:
    backend = await stage.backend()
    for route in guarded(stage):
        if route.rule.scope is None and not route.rule.by_itself:
            answer = await backend.request(route.method, address(route))
            assert answer.status_code == 403, route.path


@pytest.mark.parametrize("role", list(Role))
async def test_no_operator_beyond_their_role(stage: Stage, role: Role) -> None:
    operator = await stage.operator(role)
    denied = 0
    for route in guarded(stage):
        if route.rule.by_itself or (route.rule.role is not None and role.covers(route.rule.role)):
            continue
        answer = await operator.request(route.method, address(route))
        # Where no role is named the cookie is not even looked at.
        assert answer.status_code == (401 if route.rule.role is None else 403), route.path
        denied += 1
    assert denied >= 10


async def test_a_viewer_changes_nothing(stage: Stage) -> None:
    viewer = await stage.operator(Role.VIEWER)
    own = {"/api/v1/admin/session", "/api/v1/admin/session/live-token"}
    for route in guarded(stage):
        if route.is_unsafe and route.path not in own:
            answer = await viewer.request(route.method, address(route))
            assert answer.status_code in {401, 403}, route.path


async def test_an_operators_live_token_opens_nothing_but_live(stage: Stage) -> None:
    token, _ = stage.services.tokens.mint_live(await _operator_principal(stage))
    for route in guarded(stage):
        if not route.rule.by_itself:
            answer = await stage.client(token).request(route.method, address(route))
            assert answer.status_code == 401, route.path


async def test_a_user_sees_the_own_account_and_no_other(stage: Stage) -> None:
    backend = await stage.backend()
    await backend.post("/api/v1/users/ada/grants", json={"amount": 7})
    await backend.post("/api/v1/users/bob/grants", json={"amount": 9, "reason": "for operators only"})
    bob = await stage.user("bob")
    assert (await bob.get("/api/v1/credits/balance")).json()["credits"] == 9
    history = await bob.get("/api/v1/credits/history")
    assert {item["user_id"] for item in history.json()["items"]} == {"bob"}
    assert "for operators only" not in history.text
    for sneaky in ("?user_id=ada", "?user=ada"):
        assert (await bob.get(f"/api/v1/credits/balance{sneaky}")).status_code == 422


async def _operator_principal(stage: Stage) -> Principal:
    operator = await stage.operator()
    (cookie,) = operator.cookies.jar
    return await stage.services.sessions.authenticate(cookie.value or "")
