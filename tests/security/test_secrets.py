"""S7: what signs somebody in is in no log, no error, no repr and no address."""

import logging
import re
from typing import Any

import pytest
from tests.http.stage import ROOMY, Stage, staged

from livecredits.access import Role
from livecredits.http.openapi import describe

CANARY = "canary-9c1f-never-print-me"
SECRET = f"{CANARY}-{'s' * 32}"


async def test_canaries_stay_inside(tmp_path: Any, caplog: pytest.LogCaptureFixture, capsys: Any) -> None:
    caplog.set_level(logging.DEBUG)
    async with staged(tmp_path, **{**ROOMY, "secret": SECRET}) as stage:
        key = await stage.key()
        token, _ = await stage.services.tokens.mint("ada")
        operator = await stage.operator()
        (cookie,) = operator.cookies.jar
        words = [CANARY, key, token, cookie.value or "", "hunter2-hunter2-hunter2"]
        shown = [await _wander(stage, words)]
        shown += [
            repr(part) for part in (stage.credits.settings, stage.services, stage.services.tokens, stage.app)
        ]
    out = capsys.readouterr()
    # The client that we test with logs the addresses it was given; that is its own business.
    shown += [record.getMessage() for record in caplog.records if not record.name.startswith("http")]
    shown += [out.out, out.err]
    for word in words:
        assert word
        for text in shown:
            assert word not in text


async def _wander(stage: Stage, words: list[str]) -> str:
    """Present every secret in every wrong place; returns all that was answered."""
    answered = []
    _, key, token, cookie, password = words
    for bearer in (key + "x", token + "x", token[:-3], cookie, f"{key} {key}", SECRET):
        stranger = stage.client(bearer)
        answered += [
            (await stranger.get("/api/v1/credits/balance")).text,
            (await stranger.post("/api/v1/users/ada/spend")).text,
            (await stranger.get("/api/v1/credits/live")).text,
        ]
    client = stage.client(key)
    body = {"email": "olga@example.com", "password": password}
    answered.append((await client.post("/api/v1/admin/session", json=body)).text)
    answered.append((await client.post("/api/v1/admin/session", json={"code": cookie})).text)
    answered.append(
        (await client.post("/api/v1/admin/operators", json={**body, "role": "boss", "name": "x"})).text
    )
    answered.append((await client.post("/api/v1/users/ada/spend", json={"amount": SECRET})).text)
    answered.append((await client.post("/api/v1/users/ada/spend", content=SECRET.encode())).text)
    answered.append((await client.get(f"/api/v1/credits/balance?token={token}&unit={key}")).text)
    return "".join(answered)


def test_no_address_takes_a_secret(stage: Stage) -> None:
    for path, operations in describe(stage.services.table)["paths"].items():
        for operation in operations.values():
            for parameter in operation["parameters"]:
                if parameter["in"] != "header":
                    assert not re.search("token|secret|password|code|session", parameter["name"]), path


async def test_an_unexpected_error_logs_no_credentials(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(*_: Any) -> None:
        raise RuntimeError("inside")

    monkeypatch.setattr(stage.credits, "apply", broken)
    key = await stage.key()
    await stage.client(key).post("/api/v1/users/ada/spend", json={"amount": 1})
    assert "inside" in caplog.text
    assert key not in caplog.text


async def test_principals_tell_no_secret(stage: Stage) -> None:
    operator = await stage.operator(Role.ADMIN)
    (cookie,) = operator.cookies.jar
    principal = await stage.services.sessions.authenticate(cookie.value or "")
    assert (cookie.value or "?") not in repr(principal)
