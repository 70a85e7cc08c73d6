"""The token tester says what the real check says, names the check that failed, and leaves nothing behind."""

import json
import logging
from typing import Any

import jwt
import pytest
from tests.http.stage import Stage
from tests.security.test_tokens import BALANCE, PROVIDER_RSA, claims, own_key, segment

from livecredits.access import Role
from livecredits.http.jwks import KeySet

TEST = "/api/v1/admin/tokens/test"


async def verdict(stage: Stage, token: str) -> dict[str, Any]:
    operator = await stage.operator(Role.SUPPORT)
    answer = await operator.post(TEST, json={"token": token})
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    assert told["valid"] is (told["problem"] is None)
    return told


def own(stage: Stage, **changed: Any) -> str:
    return jwt.encode(claims(stage, **changed), own_key(stage), "HS256")


async def test_a_good_token_is_read_out(stage: Stage) -> None:
    token, ends_us = await stage.services.tokens.mint("ada", 600)
    told = await verdict(stage, token)
    assert told["valid"]
    assert told["kind"] == "screen"
    assert told["user_id"] == "ada"
    assert told["known_user"] is True
    assert told["claims"]["exp"] == ends_us // 1_000_000
    assert told["expires_at"].endswith("Z")
    assert told["header"] == {"alg": "HS256", "typ": "JWT"}


@pytest.mark.parametrize(
    ("changed", "check"),
    [
        ({"aud": ...}, "claims"), ({"sub": ...}, "claims"), ({"gen": ...}, "revoked"), ({"gen": 1}, "revoked"),
        ({"aud": "other"}, "audience"), ({"aud": ["x", "y"]}, "audience"), ({"iss": "other"}, "issuer"),
        ({"sub": "a/b"}, "user"), ({"sub": 7}, "claims"), ({"sub": "x" * 129}, "user"),
        ({"exp": -1}, "expired"), ({"exp": "9999999999"}, "claims"), ({"exp": 10**400}, "times"),
        ({"iat": 10**12}, "times"), ({"nbf": 10**12}, "times"), ({"iat": "1"}, "claims"),
    ],
    ids=repr,
)  # fmt: skip
async def test_the_check_that_failed_is_named(stage: Stage, changed: dict[str, Any], check: str) -> None:
    token = own(stage, **changed)
    assert (await stage.client(token).get(BALANCE)).status_code == 401
    told = await verdict(stage, token)
    assert not told["valid"]
    assert told["problem"]["check"] == check
    assert told["problem"]["detail"].endswith(".")


async def test_time_is_told_in_words(stage: Stage) -> None:
    token, _ = await stage.services.tokens.mint("ada", 60)
    stage.clock.shift_us += 7_320_000_000
    assert (await verdict(stage, token))["problem"] == {
        "check": "expired", "detail": "It ended 2 hours ago. Get a new one.",
    }  # fmt: skip


async def test_a_token_of_another_installation(stage: Stage) -> None:
    told = await verdict(stage, jwt.encode(claims(stage), "x" * 48, "HS256"))
    assert told["problem"]["check"] == "signature"
    assert told["claims"]["sub"] == "ada", "what it says is shown, believed or not"


@pytest.mark.parametrize(
    "token", ["hello", "a.b.c", "a.b", f"{segment({'alg': 'HS256'})}.{segment([1])}.x", "x" * 8_000]
)
async def test_what_is_no_token(stage: Stage, token: str) -> None:
    told = await verdict(stage, token)
    assert (told["kind"], told["problem"]["check"]) == ("unknown", "shape")


async def test_a_revoked_token(stage: Stage) -> None:
    token, _ = await stage.services.tokens.mint("ada")
    await stage.services.tokens.revoke("ada")
    assert (await verdict(stage, token))["problem"]["check"] == "revoked"


async def test_keys_and_operators_tokens_are_told_apart(stage: Stage) -> None:
    key = await verdict(stage, await stage.key())
    assert (key["kind"], key["claims"]) == ("key", None)
    operator = await stage.operator()
    live = (await operator.post("/api/v1/admin/session/live-token")).json()["token"]
    assert (await verdict(stage, live))["kind"] == "operator"


async def test_another_algorithm_is_named(stage: Stage) -> None:
    told = await verdict(stage, jwt.encode(claims(stage), PROVIDER_RSA, "RS256"))
    assert told["problem"]["check"] == "algorithm"
    assert "RS256" in told["problem"]["detail"]


async def test_a_providers_token(stage: Stage) -> None:
    """The provider's kid is looked up as for any request; issuer and audience are the provider's."""
    tokens = stage.services.tokens
    tokens._settings = tokens._settings.model_copy(
        update={
            "jwks_url": "https://id.example/keys",
            "jwks_issuer": "https://id.example",
            "jwks_audience": "shop",
        }
    )
    key = jwt.algorithms.RSAAlgorithm.to_jwk(PROVIDER_RSA.public_key(), as_dict=True)
    published = json.dumps({"keys": [{**key, "kid": "k1"}]}).encode()
    tokens._key_set = KeySet("https://id.example/keys", "RS256", 60, fetch=lambda _: published)
    stage.services.settings = tokens._settings

    def made(kid: str = "k1", **changed: Any) -> str:
        said = {**claims(stage, gen=...), "iss": "https://id.example", "aud": "shop", **changed}
        return jwt.encode(said, PROVIDER_RSA, "RS256", headers={"kid": kid})

    good = await verdict(stage, made(sub="newcomer"))
    assert (good["valid"], good["kind"], good["known_user"]) == (True, "provider", False)
    assert (await verdict(stage, made(iss="https://evil.example")))["problem"]["check"] == "issuer"
    assert (await verdict(stage, made(kid="k2")))["problem"]["check"] == "signature"


async def test_testing_makes_nobody_and_is_not_logged(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    token = own(stage, sub="nobody-yet")
    with caplog.at_level(logging.DEBUG):
        told = await verdict(stage, token)
    assert told["valid"]
    assert told["known_user"] is False
    backend = await stage.backend()
    assert (await backend.get("/api/v1/admin/users/nobody-yet")).status_code == 404
    assert token not in caplog.text
    assert token not in (await backend.get("/api/v1/admin/audit")).text


async def test_an_admin_mints_one_and_it_is_written_down(stage: Stage) -> None:
    admin = await stage.operator()
    made = await admin.post("/api/v1/tokens", json={"user_id": "ada", "ttl_s": 300})
    assert made.status_code == 200
    assert (await verdict(stage, made.json()["token"]))["valid"]
    row = (await admin.get("/api/v1/admin/audit?action=token.minted")).json()["items"][0]
    assert row["target"] == "ada"
    assert row["actor"].startswith("operator:")
    assert made.json()["token"] not in str(row)


async def test_support_may_test_and_not_mint(stage: Stage) -> None:
    support = await stage.operator(Role.SUPPORT)
    assert (await support.post("/api/v1/tokens", json={"user_id": "ada"})).status_code == 403
