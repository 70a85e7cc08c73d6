"""S6: a token that is not exactly one of ours is refused, whatever it says about itself."""

import base64
import hmac
import json
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from tests.http.stage import ROOMY, Stage

from livecredits.config import Settings
from livecredits.errors import TokenExpired, Unauthenticated, Unavailable
from livecredits.http.jwks import KeySet
from livecredits.http.tokens import Tokens

BALANCE = "/api/v1/credits/balance"
OTHER_RSA = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
PROVIDER_RSA = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
PROVIDER_EC = ec.generate_private_key(ec.SECP256R1())


def segment(value: Any) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def own_key(stage: Stage) -> bytes:
    return stage.app.services.settings.derived_key("screen-token")


def claims(stage: Stage, **changed: Any) -> dict[str, Any]:
    now_s = stage.clock.now_us() // 1_000_000
    whole = {
        "iss": "livecredits", "aud": "livecredits", "sub": "ada", "iat": now_s, "exp": now_s + 600, "gen": 0,
    }  # fmt: skip
    return {name: value for name, value in {**whole, **changed}.items() if value is not ...}


async def status_of(stage: Stage, token: str) -> int:
    return (await stage.client(token).get(BALANCE)).status_code


async def test_a_whole_token_passes(stage: Stage) -> None:
    assert await status_of(stage, jwt.encode(claims(stage), own_key(stage), "HS256")) == 200


@pytest.mark.parametrize(
    "changed",
    [
        {"aud": ...}, {"exp": ...}, {"iss": ...}, {"sub": ...}, {"iat": ...}, {"gen": ...},
        {"aud": "other"}, {"aud": "livecredits/live"}, {"aud": []}, {"aud": None}, {"iss": "other"}, {"iss": None},
        {"sub": ""}, {"sub": 7}, {"sub": "a/b"}, {"sub": "x" * 129}, {"sub": None}, {"sub": ["ada"]},
        {"exp": "9999999999"}, {"exp": 9e9}, {"exp": True}, {"exp": 10**400}, {"exp": -1}, {"exp": None},
        {"iat": "1"}, {"iat": 10**12}, {"nbf": 10**12}, {"nbf": "soon"}, {"gen": 1}, {"gen": -1}, {"gen": "0"},
    ],
    ids=repr,
)  # fmt: skip
async def test_wrong_claims(stage: Stage, changed: dict[str, Any]) -> None:
    try:
        token = jwt.encode(claims(stage, **changed), own_key(stage), "HS256")
    except TypeError:
        head = segment({"alg": "HS256", "typ": "JWT"})
        token = f"{head}.{segment(claims(stage, **changed))}.{segment(b'x' * 32)}"
    assert await status_of(stage, token) == 401


async def test_a_token_that_lives_longer_than_an_hour(stage: Stage) -> None:
    now_s = stage.clock.now_us() // 1_000_000
    token = jwt.encode(claims(stage, exp=now_s + 3_700), own_key(stage), "HS256")
    assert await status_of(stage, token) == 401


async def test_other_algorithms_and_key_tricks(stage: Stage) -> None:
    key, content = own_key(stage), claims(stage)
    good = jwt.encode(content, key, "HS256")
    _, body, mark = good.split(".")
    tricks = [
        f"{segment({'alg': 'none', 'typ': 'JWT'})}.{body}.",
        f"{segment({'alg': 'None', 'typ': 'JWT'})}.{body}.",
        f"{segment({'alg': 'none', 'typ': 'JWT'})}.{body}.{mark}",
        f"{segment({'typ': 'JWT'})}.{body}.{mark}",
        f"{segment({'alg': ['HS256'], 'typ': 'JWT'})}.{body}.{mark}",
        f"{segment({'alg': 'HS256', 'typ': 'JWT', 'kid': '/dev/null'})}.{body}.{mark}",
        jwt.encode(content, key + key, "HS512"),
        jwt.encode(content, key, "HS256", headers={"kid": "../../dev/null"}),
        jwt.encode(content, key, "HS256", headers={"kid": "' OR 1=1 --"}),
        jwt.encode(content, b"\0" * 32, "HS256", headers={"kid": "/dev/null"}),
        jwt.encode(content, key, "HS256", headers={"jku": "https://evil.example/keys"}),
        jwt.encode(content, key, "HS256", headers={"jwk": {"kty": "oct", "k": "AAAA"}}),
        jwt.encode(content, key, "HS256", headers={"x5u": "https://evil.example"}),
        jwt.encode(content, key, "HS256", headers={"crit": ["exp"]}),
        jwt.encode(content, key, "HS256", headers={"typ": "at+jwt"}),
        jwt.encode(content, key, "HS256", headers={"typ": "operator+jwt"}),
        jwt.encode(content, OTHER_RSA, "RS256"),
        jwt.encode(content, PROVIDER_EC, "ES256"),
        jwt.encode(content, stage.credits.settings.derived_key("operator-live-token"), "HS256"),
        jwt.encode(content, b"s" * 48, "HS256"),
    ]
    for number, token in enumerate(tricks):
        assert await status_of(stage, token) == 401, number


async def test_malformed_tokens(stage: Stage) -> None:
    good = jwt.encode(claims(stage), own_key(stage), "HS256")
    head, body, mark = good.split(".")
    malformed = [
        "a", ".", "..", "...", "a.b", "a.b.c", "a.b.c.d", f"{head}.{body}", f"{head}.{body}.", f".{body}.{mark}",
        f"{head}..{mark}", f"{head}.{body}.{mark}.x", f"{head}.{body}.{mark[:-2]}", f"{head}.{body}.AAAA",
        f"{mark}.{body}.{head}", f"{head}.{head}.{mark}", f"{body}.{body}.{mark}", f"{head}.{segment([])}.{mark}",
        f"{head}.{segment('x')}.{mark}", f"{head}.{segment(b'{')}.{mark}", f"{segment([])}.{body}.{mark}",
        f"{segment(b'[' * 4_000)}.{body}.{mark}", f"{head}.{segment(b'[' * 4_000)}.{mark}", good + "x" * 9_000,
        f"{head}.{body}.{mark}=", f"{head}%00.{body}.{mark}", good.replace("e", "E", 1), good[::-1], "lck_",
        "lck_" + good,
    ]  # fmt: skip
    assert len(malformed) >= 30
    for token in malformed:
        assert await status_of(stage, token) == 401, token[:80]


async def test_an_expired_token_says_get_a_new_one(stage: Stage) -> None:
    token, _ = await stage.services.tokens.mint("ada", 1)
    stage.clock.shift_us += 2_000_000
    answer = await stage.client(token).get(BALANCE)
    assert answer.json()["code"] == "token_expired"
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]


async def test_revoked_tokens_end_and_new_ones_pass(stage: Stage) -> None:
    token, _ = await stage.services.tokens.mint("ada")
    other, _ = await stage.services.tokens.mint("bob")
    backend = await stage.backend()
    answer = await backend.delete("/api/v1/users/ada/tokens")
    assert answer.status_code == 200
    assert await status_of(stage, token) == 401
    assert await status_of(stage, other) == 200
    assert await status_of(stage, (await stage.services.tokens.mint("ada"))[0]) == 200


async def test_a_revoked_key_ends_at_once(stage: Stage) -> None:
    key, secret = await stage.services.tokens.keys.create("short-lived", ["read", "admin"])  # type: ignore[list-item]
    client = stage.client(secret)
    assert (await client.get("/api/v1/admin/keys")).status_code == 200
    assert (await client.delete(f"/api/v1/admin/keys/{key['id']}")).status_code == 200
    assert (await client.get("/api/v1/admin/keys")).status_code == 401


# --- the host's identity provider ------------------------------------------------------------------------------------


def key_set(**more: Any) -> bytes:
    keys = [
        {
            **json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(PROVIDER_RSA.public_key())),
            "kid": "r1",
            "use": "sig",
            **more,
        },
        {**json.loads(jwt.algorithms.ECAlgorithm.to_jwk(PROVIDER_EC.public_key())), "kid": "e1"},
        {"kty": "oct", "k": segment(b"k" * 32), "kid": "sym", "alg": "HS256"},
    ]
    return json.dumps({"keys": keys}).encode()


class Provider:
    def __init__(self, content: bytes | Exception) -> None:
        self.content = content
        self.fetches = 0

    def __call__(self, url: str) -> bytes:
        self.fetches += 1
        if isinstance(self.content, Exception):
            raise self.content
        return self.content


@pytest.fixture
def provider() -> Provider:
    return Provider(key_set())


@pytest.fixture
def tokens(stage: Stage, provider: Provider) -> Tokens:
    settings = Settings.load(
        **ROOMY, jwks_url="https://id.example/keys", jwks_issuer="https://id.example", jwks_audience="shop"
    )
    made = Tokens(stage.credits, settings)
    made._key_set = KeySet("https://id.example/keys", "RS256", 60, fetch=provider, clock=lambda: 0.0)
    return made


def foreign(
    stage: Stage, key: Any = PROVIDER_RSA, algorithm: str = "RS256", kid: Any = "r1", **changed: Any
) -> str:
    content = claims(stage, **{"iss": "https://id.example", "aud": "shop", "gen": ..., **changed})
    return jwt.encode(content, key, algorithm, headers={"kid": kid} if kid is not None else None)


async def test_the_providers_token_reads_its_users_account(stage: Stage, tokens: Tokens) -> None:
    principal = await tokens.authenticate_request(foreign(stage))
    assert principal.user_id == "ada"
    assert (await tokens.authenticate_request(foreign(stage, aud=["shop", "other"]))).user_id == "ada"


async def test_own_tokens_pass_beside_the_provider(stage: Stage, tokens: Tokens) -> None:
    token, _ = await tokens.mint("bob")
    assert (await tokens.authenticate_request(token)).user_id == "bob"


@pytest.mark.parametrize(
    "changed",
    [
        {"iss": "livecredits"}, {"aud": "livecredits"}, {"aud": ...}, {"exp": ...}, {"iat": ...}, {"sub": ...},
        {"exp": 9_999_999_999}, {"kid": "unknown"}, {"kid": None}, {"kid": "e1"}, {"kid": "sym"}, {"key": OTHER_RSA},
    ],
    ids=lambda changed: str(next(iter(changed.items())))[:40],
)  # fmt: skip
async def test_a_providers_token_that_is_not_right(
    stage: Stage, tokens: Tokens, changed: dict[str, Any]
) -> None:
    with pytest.raises(Unauthenticated):
        await tokens.authenticate_request(foreign(stage, **changed))


async def test_the_public_key_is_no_shared_secret(stage: Stage, tokens: Tokens) -> None:
    """The classic swap: HS256 with the provider's public key as the secret."""
    content = claims(stage, iss="https://id.example", aud="shop")
    for secret in (key_set(), json.dumps(json.loads(key_set())["keys"][0]).encode()):
        signed = f"{segment({'alg': 'HS256', 'typ': 'JWT', 'kid': 'r1'})}.{segment(content)}"
        token = f"{signed}.{segment(hmac.digest(secret, signed.encode(), 'sha256'))}"
        with pytest.raises(Unauthenticated):
            await tokens.authenticate_request(token)
    with pytest.raises(Unauthenticated):
        await tokens.authenticate_request(foreign(stage, PROVIDER_EC, "ES256", "e1"))


async def test_unknown_key_ids_cost_one_fetch_per_interval(
    stage: Stage, tokens: Tokens, provider: Provider
) -> None:
    for number in range(20):
        with pytest.raises(Unauthenticated):
            await tokens.authenticate_request(foreign(stage, kid=f"unknown{number}"))
    assert provider.fetches == 1


async def test_a_provider_that_is_down_keeps_its_known_keys(stage: Stage, provider: Provider) -> None:
    now = [0.0]
    keys = KeySet("https://id.example/keys", "RS256", 60, fetch=provider, clock=lambda: now[0])
    await keys.key("r1")
    provider.content = OSError("down")
    now[0] = 100.0
    with pytest.raises(Unauthenticated):
        await keys.key("unknown")
    assert (await keys.key("r1")).key_id == "r1"
    assert provider.fetches == 2


@pytest.mark.parametrize(
    "content", [OSError("down"), b"{", b"[]", b'{"keys": 7}', b'{"keys": [{"kty": "RSA", "kid": "r1"}]}']
)
async def test_a_provider_that_never_answered_is_not_the_users_fault(content: Any) -> None:
    keys = KeySet("https://id.example/keys", "RS256", 60, fetch=Provider(content))
    with pytest.raises(Unavailable):
        await keys.key("r1")


async def test_a_providers_tokens_are_revoked_by_their_age(stage: Stage, tokens: Tokens) -> None:
    old = foreign(stage)
    await tokens.authenticate_request(old)
    stage.clock.shift_us += 1_000_000
    await tokens.revoke("ada")
    with pytest.raises(Unauthenticated, match="revoked"):
        await tokens.authenticate_request(old)
    stage.clock.shift_us += 1_000_000
    assert (await tokens.authenticate_request(foreign(stage))).id == "ada"


async def test_an_expired_providers_token_says_so(stage: Stage, tokens: Tokens) -> None:
    token = foreign(stage)
    stage.clock.shift_us += 3_600_000_000
    with pytest.raises(TokenExpired):
        await tokens.authenticate_request(token)
