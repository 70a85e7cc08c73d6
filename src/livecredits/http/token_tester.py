"""Tells a developer what a token says and why it is refused: the console's token tester.

This promises that the verdict is that of the real check (`tokens`), that testing makes no user and changes nothing,
and that a token is neither kept nor logged. Whoever asks is a signed-in operator or a key of scope `admin`, so telling
which check failed helps no stranger. The odd thing: reasons are looked for only after the real check has said no; they
explain the verdict and never make it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from livecredits.errors import Unauthenticated
from livecredits.http.keys import PREFIX
from livecredits.http.tokens import ALGORITHM, LEEWAY_S, OPERATOR_TYPE, SCREEN_TYPE, header_of, user_of
from livecredits.http.trail import instant

if TYPE_CHECKING:
    from livecredits.config import Settings
    from livecredits.http.tokens import Tokens

_NAMES = ("sub", "aud", "iss", "exp", "iat")
_FAR_S = 253_402_300_799
"""The last second of the year 9999: no time beyond it can be written."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Which check failed, and what to do about it."""

    check: str
    detail: str


class Tester:
    """Tests one token at a time.

    Args:
        tokens: makes the verdict.
        settings: what issuer and audience must be.
        now_s: the time, in seconds UTC.
    """

    def __init__(self, tokens: Tokens, settings: Settings, now_s: int) -> None:
        self._tokens = tokens
        self._settings = settings
        self._now_s = now_s

    async def test(self, token: str) -> dict[str, Any]:
        """What the token says, and whether it would be taken now.

        Args:
            token: as somebody holds it.
        """
        if token.startswith(PREFIX):
            return _told("key", problem=Finding("kind", _KEY))
        try:
            header = header_of(token)
            claims = _unchecked(token)
        except Unauthenticated:
            return _told("unknown", problem=Finding("shape", _SHAPE))
        if header.get("typ") == OPERATOR_TYPE:
            return _told("operator", header, claims, problem=Finding("kind", _OPERATOR))
        kind = "screen" if self._tokens.is_own(header) else "provider"
        user_id, generation = await self._user(claims)
        problem = await self._refusal(token, header, claims, generation)
        told = _told(kind, header, claims, problem=problem)
        return {**told, "user_id": user_id, "known_user": None if user_id is None else generation is not None}

    async def _user(self, claims: Mapping[str, Any]) -> tuple[str | None, tuple[int, int] | None]:
        try:
            user_id = user_of(claims)
        except (Unauthenticated, KeyError, TypeError):
            return None, None
        return user_id, await self._tokens.generation_of(user_id)

    async def _refusal(
        self,
        token: str,
        header: Mapping[str, Any],
        said: Mapping[str, Any],
        generation: tuple[int, int] | None,
    ) -> Finding | None:
        try:
            claims = await self._tokens.read_claims(token, header)
        except Unauthenticated:
            return await self._unreadable(token, header, said)
        try:
            self._tokens.check_times(claims)
        except Unauthenticated:
            return self._untimely(claims)
        try:
            user_of(claims)
        except Unauthenticated:
            return Finding(
                "user", "sub can be nobody's id: 1 to 128 characters, no / and no control character."
            )
        # Somebody whom nobody knows is made by the first use; a user who is made has generation 0.
        if self._tokens.is_revoked(header, claims, generation or (0, 0)):
            return Finding("revoked", "The user's tokens were ended after this one was made. Mint a new one.")
        return None

    async def _unreadable(self, token: str, header: Mapping[str, Any], said: Mapping[str, Any]) -> Finding:
        own = self._tokens.is_own(header)
        needed = ALGORITHM if own else self._settings.jwks_algorithm
        if header.get("alg") != needed:
            return Finding("algorithm", f"It says alg {header.get('alg')!r}; here it must be {needed}.")
        try:
            is_signed = await self._tokens.is_signed(token, header)
        except Unauthenticated as error:
            return Finding("signature", error.detail)
        if not is_signed:
            return Finding("signature", _FOREIGN_SIGNATURE if own else _PROVIDER_SIGNATURE)
        if own and dict(header) != {"alg": ALGORITHM, "typ": SCREEN_TYPE}:
            return Finding("kind", _ODD_HEADER)
        return self._misfit(said, own=own)

    def _misfit(self, said: Mapping[str, Any], *, own: bool) -> Finding:
        settings = self._settings
        missing = [name for name in _NAMES if said.get(name) is None]
        if missing:
            return Finding("claims", f"It lacks {', '.join(missing)}.")
        issuer = settings.token_issuer if own else settings.jwks_issuer
        if said["iss"] != issuer:
            return Finding("issuer", f"It says iss {said['iss']!r}; here it must be {issuer!r}.")
        audience = settings.token_audience if own else settings.jwks_audience
        if audience not in (said["aud"] if isinstance(said["aud"], list) else [said["aud"]]):
            return Finding("audience", f"It says aud {said['aud']!r}; here it must be {audience!r}.")
        return Finding("claims", _WRONG_TYPE)

    def _untimely(self, claims: Mapping[str, Any]) -> Finding:
        issued_s, expires_s = claims.get("iat"), claims.get("exp")
        if type(issued_s) is not int or type(expires_s) is not int:
            return Finding("claims", "iat and exp must be whole seconds.")
        if expires_s <= self._now_s:
            return Finding("expired", f"It ended {_span(self._now_s - expires_s)} ago. Get a new one.")
        if issued_s > self._now_s + LEEWAY_S:
            return Finding(
                "times", f"It was made {_span(issued_s - self._now_s)} in the future: check the clocks."
            )
        not_before = claims.get("nbf")
        if isinstance(not_before, int) and not_before > self._now_s:
            return Finding("times", f"It is good only in {_span(not_before - self._now_s)} (nbf).")
        return Finding(
            "times", "It is good for more than an hour from now; a screen token may be good for one at most."
        )


_ODD_HEADER = "Its header is not exactly alg HS256 and typ JWT, as that of tokens that are minted here."
_WRONG_TYPE = "One of its claims has the wrong type: sub must be text, iat and exp whole seconds."
_KEY = (
    "This is a service key, not a screen token. It belongs on a server alone: if it was in a browser or a message, "
    "revoke it and make another one."
)
_SHAPE = (
    "A token is three parts of letters, digits, - and _, joined by dots, at most 8,192 characters in all."
)
_OPERATOR = "This is an operator's live token: it opens a live connection within a minute, and nothing else."
_FOREIGN_SIGNATURE = (
    "It was not signed with this installation's secret: another installation made it, LIVECREDITS_SECRET has changed, "
    "or in development the process was started anew."
)
_PROVIDER_SIGNATURE = "It was not signed with the key that the identity provider publishes under this kid."


def _unchecked(token: str) -> dict[str, Any]:
    import jwt

    try:
        return dict(jwt.decode(token, options={"verify_signature": False}))
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
        raise Unauthenticated(_SHAPE) from None


def _told(
    kind: str,
    header: Mapping[str, Any] | None = None,
    claims: Mapping[str, Any] | None = None,
    *,
    problem: Finding | None,
) -> dict[str, Any]:
    said = claims or {}
    return {
        "valid": problem is None,
        "kind": kind,
        "user_id": None,
        "known_user": None,
        "issued_at": _moment(said.get("iat")),
        "expires_at": _moment(said.get("exp")),
        "header": header,
        "claims": claims,
        "problem": None if problem is None else {"check": problem.check, "detail": problem.detail},
    }


def _moment(second: Any) -> str | None:
    return instant(second * 1_000_000) if type(second) is int and 0 <= second <= _FAR_S else None


def _span(seconds: int) -> str:
    for size, name in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= size:
            return f"{seconds // size} {name}{'s' if seconds >= 2 * size else ''}"
    return f"{seconds} second{'s' if seconds != 1 else ''}"
