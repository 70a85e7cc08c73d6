"""Who may do what: the one place where a request is admitted or refused, before any route sees it.

This promises, in this order: no page of a foreign origin reaches an unsafe route; nobody is let in without the
credential that the route's `Rule` names; nobody asks more often than the settings allow. It must not know what routes
do. Which credential counts is odd in one way: a bearer token always wins over a cookie, and a browser's cookie is
looked at only where the rule names a role, so that a screen token's routes can never be reached by ambient authority.
"""

from __future__ import annotations

from collections.abc import Collection
from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING, Any

from livecredits.config import Settings
from livecredits.errors import Forbidden, OriginNotAllowed, RateLimited, Unauthenticated
from livecredits.http.limits import Allowance, retry_after
from livecredits.proxies import Origin, limit_key, normalise_origin

if TYPE_CHECKING:
    from livecredits.access import Principal, PrincipalKind
    from livecredits.http.routing import Call, Rule
    from livecredits.http.sessions import Sessions
    from livecredits.http.tokens import Tokens

COOKIE_SECURE = "__Host-livecredits"
COOKIE_PLAIN = "livecredits_session"
BURST_S = 5
"""How many seconds' worth of requests may come at once."""


def check_origin(origin: str | None, fetch_site: str | None, own: Origin, allowed: Collection[str]) -> None:
    """Refuse a browser's unsafe request that another site's page has made.

    Browsers send `Origin` with every unsafe cross-origin request and `Sec-Fetch-Site` in secure contexts; scripts can
    set neither. No `Origin` and no `Sec-Fetch-Site` means that no browser is involved: the credential suffices.

    Args:
        origin: the header `Origin`, None if there is none.
        fetch_site: the header `Sec-Fetch-Site`, None if there is none.
        own: what the client used to reach us.
        allowed: origins that count as our own, normalised.

    Raises:
        OriginNotAllowed: 403.
    """
    if origin is None:
        if fetch_site in {None, "same-origin", "none"}:
            return
        raise OriginNotAllowed("A page of another site made this request.")
    asked = normalise_origin(origin)
    if asked is not None and asked in allowed:
        return
    if asked is not None and _is_same(asked, fetch_site, own):
        return
    raise OriginNotAllowed(
        "Pages of this origin may not do that; add it to LIVECREDITS_ALLOWED_ORIGINS, or name the proxy in "
        "LIVECREDITS_TRUSTED_PROXIES if this is our own address."
    )


def _is_same(asked: str, fetch_site: str | None, own: Origin) -> bool:
    if fetch_site not in {None, "same-origin", "none"}:
        return False
    if asked == normalise_origin(f"{own.scheme}://{own.host}"):
        return True
    # Behind a TLS proxy that is not trusted we take our scheme for http; the browser's own word settles it.
    return fetch_site == "same-origin" and asked == normalise_origin(f"https://{own.host}")


def is_cross_origin_allowed(origin: str | None, allowed: Collection[str]) -> bool:
    """Whether a page of `origin` may read our answers (CORS)."""
    return origin is not None and normalise_origin(origin) in allowed


def session_cookie_name(settings: Settings, scheme: str) -> str | None:
    """Under which name an operator's session travels; None where it must not travel at all."""
    if scheme == "https":
        return COOKIE_SECURE
    return COOKIE_PLAIN if settings.mode == "development" else None


def _permits(rule: Rule, principal: Principal) -> bool:
    if principal.kind == "user":
        return rule.user
    if principal.kind == "service":
        return rule.scope is not None and principal.has_scope(rule.scope)
    return rule.role is not None and principal.has_role(rule.role)


class Guard:
    """Admits requests.

    Args:
        settings: limits, allowed origins, mode.
        tokens: knows screen tokens and service keys.
        sessions: knows operators' sessions.
    """

    def __init__(self, settings: Settings, tokens: Tokens, sessions: Sessions) -> None:
        self._settings = settings
        self._tokens = tokens
        self._sessions = sessions
        self._allowed = frozenset(settings.allowed_origins)
        self._rates: dict[PrincipalKind, Allowance] = {
            "user": _per_second(settings.requests_per_s_user),
            "operator": _per_second(settings.requests_per_s_operator),
            "service": _per_second(settings.requests_per_s_service),
        }
        self._refusals = _per_second(settings.refusals_per_s_address)

    async def admit(self, call: Call[Any, Any]) -> None:
        """Let the call pass and write down whose it is, or refuse it.

        Raises:
            OriginNotAllowed, Unauthenticated, TokenExpired, Forbidden, RateLimited.
        """
        if call.route.is_unsafe:
            headers = call.headers
            check_origin(headers.get("origin"), headers.get("sec-fetch-site"), call.origin, self._allowed)
        rule = call.route.rule
        if rule.anybody or rule.by_itself:
            return
        principal = await self._authenticate(call)
        if not _permits(rule, principal):
            raise Forbidden(_needed(rule))
        self._take(self._rates[principal.kind], principal.id)
        call.principal = principal

    async def _authenticate(self, call: Call[Any, Any]) -> Principal:
        """Whose credential the request carries.

        Strangers who try too often are told to wait. A good credential from the same address still passes: behind one
        address there may be a whole company, or a proxy that nobody has declared as trusted.
        """
        try:
            return await self._look_up(call)
        except Unauthenticated:
            if wait := self._refusals.take(limit_key(call.origin.address)):
                raise _too_often(wait) from None
            raise

    async def _look_up(self, call: Call[Any, Any]) -> Principal:
        authorization = call.headers.get("authorization")
        if authorization is not None:
            kind, _, token = authorization.partition(" ")
            if kind.lower() != "bearer" or not token:
                raise Unauthenticated("The Authorization header must read: Bearer, then the token.")
            return await self._tokens.authenticate_request(token.strip())
        if call.route.rule.role is not None and (session := self.session_token(call)):
            return await self._sessions.authenticate(session)
        raise Unauthenticated("This needs a credential.")

    def session_token(self, call: Call[Any, Any]) -> str | None:
        """The secret in the operator's session cookie, if the request carries one."""
        name = session_cookie_name(self._settings, call.origin.scheme)
        header = call.headers.get("cookie")
        if name is None or header is None:
            return None
        try:
            morsel = SimpleCookie(header).get(name)
        except CookieError:
            return None
        return morsel.value if morsel else None

    @staticmethod
    def _take(rate: Allowance, key: str) -> None:
        if wait := rate.take(key):
            raise _too_often(wait)


def _per_second(rate: int) -> Allowance:
    return Allowance(rate, rate * BURST_S)


def _too_often(wait_s: float) -> RateLimited:
    seconds = retry_after(wait_s)
    return RateLimited(f"Too many requests; try again in {seconds} s.", retry_after_s=seconds)


def _needed(rule: Rule) -> str:
    ways = []
    if rule.user:
        ways.append("a screen token")
    if rule.scope:
        ways.append(f"a service key with the scope {rule.scope}")
    if rule.role:
        ways.append(f"an operator with the role {rule.role}")
    return f"This needs {' or '.join(ways)}."
