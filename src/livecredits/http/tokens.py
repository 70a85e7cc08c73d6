"""Bearer tokens: screen tokens of our own, those of the host's identity provider, operators' live tokens, service keys.

This promises that a token's kind is settled by its header before any key is touched and that each kind has exactly one
algorithm and one key, so that no token can choose how it is checked (RFC 8725 §3.1, §3.11). A screen token reads one
user's account, nothing else, for at most an hour, and not after that user's tokens were revoked.
The odd things: times are checked here and not by the JWT library, since our clock can be a test's. And that library is
loaded where it is used: it brings `cryptography`, which only an identity provider's keys need, and a start would wait.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sqlalchemy import select, update

from livecredits.access import Principal, Scope
from livecredits.core.changes import LIBRARY, Actor
from livecredits.errors import Invalid, NotFound, TokenExpired, Unauthenticated
from livecredits.http.bodies import TOKEN_TTL_MAX_S, check_user_id
from livecredits.http.fresh import Fresh
from livecredits.http.jwks import KeySet
from livecredits.http.keys import PREFIX, Keys
from livecredits.storage.audit import record
from livecredits.storage.handover import Told
from livecredits.storage.schema import users
from livecredits.storage.shop_rows import make_user

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from livecredits.config import Settings
    from livecredits.credits import Credits
    from livecredits.http.sessions import Sessions

ALGORITHM = "HS256"
SCREEN_TYPE = "JWT"
OPERATOR_TYPE = "operator+jwt"
LIVE_TOKEN_TTL_S = 60
TOKEN_LENGTH_MAX = 8_192
LEEWAY_S = 10
"""How far the clocks of those who sign and those who check may differ."""
_COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_BAD = "This token is not valid."
_SIGNATURE_ALONE: Any = {
    "verify_exp": False, "verify_iat": False, "verify_nbf": False, "verify_aud": False, "verify_iss": False,
    "verify_sub": False, "verify_jti": False,
}  # fmt: skip


class Tokens:
    """Makes and checks tokens.

    Args:
        credits: the ledger whose users they are about.
        settings: secret, issuer, audience, the identity provider.
    """

    def __init__(self, credits: Credits, settings: Settings, *, sessions: Sessions | None = None) -> None:
        self.keys = Keys(credits)
        self._credits = credits
        self._settings = settings
        self._sessions = sessions
        self._screen_key = settings.derived_key("screen-token")
        self._operator_key = settings.derived_key("operator-live-token")
        self._live_audience = f"{settings.token_audience}/live"
        self._key_set = (
            KeySet(settings.jwks_url, settings.jwks_algorithm, settings.jwks_refetch_s)
            if settings.jwks_url
            else None
        )
        self._generations: Fresh[tuple[int, int]] = Fresh()

    # -- making

    async def mint(self, user_id: str, ttl_s: int = TOKEN_TTL_MAX_S) -> tuple[str, int]:
        """A screen token for one user, who is created if they are not known yet.

        Args:
            user_id: the host's id of the user.
            ttl_s: how long it is good, 1–3600 seconds.

        Returns:
            The token, and when it ends (microseconds UTC).

        Raises:
            Invalid: 422, the id or the time is out of range.
        """
        try:
            check_user_id(user_id)
        except ValueError as error:
            raise Invalid(f"user_id {error}.", errors=[{"field": "user_id", "message": str(error)}]) from None
        if not 1 <= ttl_s <= TOKEN_TTL_MAX_S:
            message = f"must be from 1 to {TOKEN_TTL_MAX_S}"
            raise Invalid(f"ttl_s {message}.", errors=[{"field": "ttl_s", "message": message}])
        import jwt

        generation, _ = await self._generation(user_id)
        now_s = self._now_s()
        claims = {
            "iss": self._settings.token_issuer,
            "aud": self._settings.token_audience,
            "sub": user_id,
            "iat": now_s,
            "exp": now_s + ttl_s,
            "gen": generation,
        }
        return jwt.encode(claims, self._screen_key, ALGORITHM), (now_s + ttl_s) * 1_000_000

    def mint_live(self, operator: Principal) -> tuple[str, int]:
        """A token for the first frame of a signed-in operator's live connection, good for a minute."""
        import jwt

        now_s = self._now_s()
        claims = {
            "iss": self._settings.token_issuer,
            "aud": self._live_audience,
            "sub": operator.id,
            "sid": operator.session_id,
            "iat": now_s,
            "exp": now_s + LIVE_TOKEN_TTL_S,
        }
        token = jwt.encode(claims, self._operator_key, ALGORITHM, headers={"typ": OPERATOR_TYPE})
        return token, (now_s + LIVE_TOKEN_TTL_S) * 1_000_000

    async def revoke(self, user_id: str, *, actor: Actor = LIBRARY) -> int:
        """End all screen tokens of a user that were made until now.

        Args:
            user_id: whose.
            actor: who asks, for the audit trail.

        Returns:
            When that was (microseconds UTC).

        Raises:
            NotFound: there is no such user.
        """
        now_us = self._credits.clock.now_us()
        ending = (
            update(users)
            .where(users.c.user_id == user_id)
            .values(token_generation=users.c.token_generation + 1, tokens_valid_from_us=now_us)
        )

        def write(connection: Connection) -> Told:
            if not connection.execute(ending).rowcount:
                raise NotFound(f"There is no user {user_id}.")
            record(connection, at_us=now_us, actor=actor, action="tokens.revoked", target=user_id)
            return Told(None, [], {user_id: {"audit"}})

        await self._credits.write(write)
        self.forget(user_id)
        return now_us

    def forget(self, user_id: str | None = None) -> None:
        """Look a user's generation up anew, or everybody's: their tokens have ended, or may have."""
        self._generations.forget(user_id)

    # -- checking

    async def authenticate_request(self, token: str) -> Principal:
        """Whose token an HTTP request carries: a user's or a service's.

        Raises:
            Unauthenticated, TokenExpired: 401.
        """
        if token.startswith(PREFIX):
            return await self.keys.authenticate(token)
        header = header_of(token)
        if header.get("typ", SCREEN_TYPE) != SCREEN_TYPE:
            raise Unauthenticated(_BAD)
        return await self._user(token, header)

    async def authenticate_live(self, token: str) -> Principal:
        """Whose token a live connection sent: a user's, an operator's, or a service's with the scope `live`.

        Raises:
            Unauthenticated, TokenExpired: 401; also for a key without the scope.
        """
        if token.startswith(PREFIX):
            principal = await self.keys.authenticate(token)
            if not principal.has_scope(Scope.LIVE):
                raise Unauthenticated("This needs a service key with the scope live.")
            return principal
        header = header_of(token)
        if header.get("typ") == OPERATOR_TYPE:
            return await self._operator(token, header)
        return await self._user(token, header)

    async def _user(self, token: str, header: Mapping[str, Any]) -> Principal:
        claims = await self.read_claims(token, header)
        expires_s = self.check_times(claims, TOKEN_TTL_MAX_S)
        user_id = user_of(claims)
        if self.is_revoked(header, claims, await self._generation(user_id)):
            raise Unauthenticated("This token was revoked.")
        return Principal("user", user_id, user_id=user_id, expires_at_us=expires_s * 1_000_000)

    def is_own(self, header: Mapping[str, Any]) -> bool:
        """Whether a screen token with this header is to be one of ours, and not the identity provider's."""
        return self._key_set is None or header.get("alg") == ALGORITHM

    async def read_claims(self, token: str, header: Mapping[str, Any]) -> dict[str, Any]:
        """What a screen token says, signature, issuer and audience checked.

        Raises:
            Unauthenticated: 401.
        """
        if self.is_own(header):
            return self._own(token, header, SCREEN_TYPE, self._screen_key, self._settings.token_audience)
        return await self._foreign(token, header)

    async def is_signed(self, token: str, header: Mapping[str, Any]) -> bool:
        """Whether the signature is right, whatever the token says.

        Raises:
            Unauthenticated: 401, the provider has no such key.
        """
        import jwt

        key: Any = self._screen_key
        if not self.is_own(header):
            assert self._key_set is not None
            key = await self._key_set.key(header.get("kid"))
        algorithm = ALGORITHM if self.is_own(header) else self._settings.jwks_algorithm
        try:
            jwt.decode(token, key, algorithms=[algorithm], options=_SIGNATURE_ALONE)
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
            return False
        return True

    def is_revoked(
        self, header: Mapping[str, Any], claims: Mapping[str, Any], generation: tuple[int, int]
    ) -> bool:
        """Whether the user's tokens ended after this one was made.

        Our tokens carry the generation they were made in; a provider's know only when they were made.
        """
        if self.is_own(header):
            return bool(claims.get("gen") != generation[0])
        return bool(claims["iat"] * 1_000_000 < generation[1])

    async def _foreign(self, token: str, header: Mapping[str, Any]) -> dict[str, Any]:
        settings = self._settings
        if self._key_set is None or header.get("alg") != settings.jwks_algorithm:
            raise Unauthenticated(_BAD)
        key = await self._key_set.key(header.get("kid"))
        return _decode(token, key, settings.jwks_algorithm, settings.jwks_audience, settings.jwks_issuer)

    async def _operator(self, token: str, header: Mapping[str, Any]) -> Principal:
        claims = self._own(token, header, OPERATOR_TYPE, self._operator_key, self._live_audience)
        self.check_times(claims, LIVE_TOKEN_TTL_S)
        if self._sessions is None or not isinstance(claims.get("sid"), str):
            raise Unauthenticated(_BAD)
        return await self._sessions.authenticate_id(claims["sid"])

    def _own(
        self, token: str, header: Mapping[str, Any], kind: str, key: bytes, audience: str
    ) -> dict[str, Any]:
        # Our own tokens have exactly this header: whatever else one carries (kid, jku, crit …) was put there to try us.
        if dict(header) != {"alg": ALGORITHM, "typ": kind}:
            raise Unauthenticated(_BAD)
        return _decode(token, key, ALGORITHM, audience, self._settings.token_issuer)

    def check_times(self, claims: Mapping[str, Any], ttl_max_s: int = TOKEN_TTL_MAX_S) -> int:
        """When a token ends (seconds UTC).

        Raises:
            Unauthenticated, TokenExpired: 401.
        """
        issued_s, expires_s = claims.get("iat"), claims.get("exp")
        if type(issued_s) is not int or type(expires_s) is not int:
            raise Unauthenticated(_BAD)
        now_s = self._now_s()
        if expires_s <= now_s:
            raise TokenExpired("This token has expired; get a new one.")
        if issued_s > now_s + LEEWAY_S or expires_s > now_s + ttl_max_s + LEEWAY_S:
            raise Unauthenticated(_BAD)
        not_before = claims.get("nbf", issued_s)
        if type(not_before) is not int or not_before > now_s + LEEWAY_S:
            raise Unauthenticated(_BAD)
        return expires_s

    async def _generation(self, user_id: str) -> tuple[int, int]:
        """The user's token generation and the time before which tokens count no longer; makes the user if need be."""
        return await self._generations.find(user_id, lambda: self._found_or_made(user_id))

    async def _found_or_made(self, user_id: str) -> tuple[int, int]:
        found = await self.generation_of(user_id)
        if found is not None:
            return found
        now_us = self._credits.clock.now_us()
        made: tuple[int, int] = await self._credits.write(
            lambda connection: _make_user(connection, user_id, now_us)
        )
        return made

    async def generation_of(self, user_id: str) -> tuple[int, int] | None:
        """The same, read alone; None for a user whom nobody knows."""
        return await self._credits.read(lambda connection: _read_generation(connection, user_id))

    def _now_s(self) -> int:
        return self._credits.clock.now_us() // 1_000_000


def header_of(token: str) -> dict[str, Any]:
    """A token's header, unchecked.

    Raises:
        Unauthenticated: 401, it has not the shape of a token.
    """
    import jwt

    # The library forgives padding; RFC 7515 does not, and one token should have one spelling.
    if len(token) > TOKEN_LENGTH_MAX or not _COMPACT.fullmatch(token):
        raise Unauthenticated(_BAD)
    try:
        return dict(jwt.get_unverified_header(token))
    except (jwt.PyJWTError, ValueError, RecursionError):
        raise Unauthenticated(_BAD) from None


def _decode(token: str, key: Any, algorithm: str, audience: str | None, issuer: str | None) -> dict[str, Any]:
    import jwt

    options: Any = {
        "require": ["sub", "aud", "iss", "exp", "iat"],
        "verify_exp": False,
        "verify_iat": False,
        "verify_nbf": False,
    }
    try:
        return dict(
            jwt.decode(token, key, algorithms=[algorithm], audience=audience, issuer=issuer, options=options)
        )
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
        raise Unauthenticated(_BAD) from None


def user_of(claims: Mapping[str, Any]) -> str:
    """Whose account a screen token opens.

    Raises:
        Unauthenticated: 401, `sub` can be nobody's id.
    """
    try:
        return check_user_id(claims["sub"])
    except ValueError:
        raise Unauthenticated(_BAD) from None


def _read_generation(connection: Connection, user_id: str) -> tuple[int, int] | None:
    wanted = select(users.c.token_generation, users.c.tokens_valid_from_us).where(users.c.user_id == user_id)
    row = connection.execute(wanted).first()
    return (row[0], row[1] or 0) if row else None


def _make_user(connection: Connection, user_id: str, now_us: int) -> Any:
    """The user's generation. One who is made is told to whoever follows the list of users; the writer welcomes them."""
    newcomers = make_user(connection, user_id, now_us)
    generation = _read_generation(connection, user_id)
    return Told(generation, [], {user_id: {"users"}} if newcomers else {}, newcomers)
