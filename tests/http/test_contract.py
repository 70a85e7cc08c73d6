"""S1: a fuzzer reads the published document and finds no unexpected 5xx, no undocumented answer, no second error shape.

`make deep` asks more: LIVECREDITS_DEPTH=deep.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from tests.http.serving import Served, served

EXAMPLES = 2_500 if os.environ.get("LIVECREDITS_DEPTH") == "deep" else 20
OWN_SESSION = {"read_session", "sign_out", "mint_live_token"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("contract"), requests_per_s_service=1_000_000) as made:
        made.run(_seed(made))
        yield made


async def _seed(server: Served) -> None:
    for user_id in ("ada", "bob"):
        await server.stage.credits.grant(user_id, 1_000)


@pytest.fixture(scope="module")
def credentials(server: Served) -> dict[str, dict[str, str]]:
    stage = server.stage
    token, _ = server.run(stage.services.tokens.mint("ada"))
    return {
        "screenToken": {"authorization": f"Bearer {token}"},
        "serviceKey": {"authorization": f"Bearer {server.run(stage.key())}"},
    }


@pytest.fixture(scope="module")
def api(server: Served) -> Any:
    # Imported by the one process that runs these tests: it takes the other ones a second.
    import schemathesis

    # The live path never ends; tests/live has its contract.
    return schemathesis.openapi.from_url(f"{server.url}/openapi.json").exclude(path_regex="/credits/live")


def test_the_server_keeps_its_word(api: Any, server: Served, credentials: dict[str, dict[str, str]]) -> None:
    broken = []
    for found in api.get_all_operations():
        operation = found.ok()
        try:
            _attack(operation, server, credentials)
        except (Exception, BaseExceptionGroup) as error:  # noqa: BLE001 - all operations are tried, then all findings told
            told = error.exceptions if isinstance(error, BaseExceptionGroup) else [error]
            broken += [f"{operation.label}: {one}" for one in told]
    assert not broken, "\n\n".join(broken)


def _checks() -> list[Any]:
    from schemathesis import checks
    from schemathesis.specs.openapi import checks as of_openapi

    return [
        checks.not_a_server_error,
        of_openapi.status_code_conformance,
        of_openapi.content_type_conformance,
        of_openapi.response_headers_conformance,
        of_openapi.response_schema_conformance,
    ]


def _attack(operation: Any, server: Served, credentials: dict[str, dict[str, str]]) -> None:
    from schemathesis import GenerationMode

    checks = _checks()
    own_session = operation.definition.raw["operationId"] in OWN_SESSION
    headers: dict[str, str] = {}
    for scheme in (scheme for requirement in operation.definition.raw["security"] for scheme in requirement):
        headers |= credentials.get(scheme, {})

    @settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy() | operation.as_strategy(generation_mode=GenerationMode.NEGATIVE))
    def ask(case: Any) -> None:
        if own_session:
            headers["cookie"] = f"livecredits_session={server.run(_fresh_session(server))}"
        answer = case.call(headers=headers)
        case.validate_response(answer, checks=checks)
        if answer.status_code >= 400:
            problem = answer.json()
            assert problem["status"] == answer.status_code
            assert problem["request_id"] == answer.headers["x-request-id"][0]

    ask()


async def _fresh_session(server: Served) -> str:
    operator = await server.stage.operator()
    (cookie,) = operator.cookies.jar
    return cookie.value or ""


def test_the_served_document_is_the_described_one(server: Served, tmp_path: Path) -> None:
    import schemathesis

    assert len(list(schemathesis.openapi.from_url(f"{server.url}/openapi.json").get_all_operations())) >= 40
