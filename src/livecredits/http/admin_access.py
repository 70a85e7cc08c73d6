"""Who has access: the operator's own session, operators, service keys; and the units that are counted."""

from __future__ import annotations

import logging
from typing import Any

from livecredits.access import Principal
from livecredits.core.changes import Actor
from livecredits.credits.opened import Unit
from livecredits.errors import Conflict, Forbidden, Invalid, NotFound, RateLimited, Unauthenticated
from livecredits.http.answers import (
    KeysAnswer,
    KeyShape,
    LinkAnswer,
    LiveTokenAnswer,
    NewKeyAnswer,
    OperatorsAnswer,
    OperatorShape,
    SessionAnswer,
    UnitsAnswer,
    UnitShape,
)
from livecredits.http.bodies import (
    KeyBody,
    NewOperatorBody,
    OperatorBody,
    SignInBody,
    UnitBody,
    check_unit_name,
)
from livecredits.http.changes import actor_of
from livecredits.http.guard import COOKIE_SECURE, session_cookie_name
from livecredits.http.routing import ANYBODY, Call, NoBody, NoQuery, Reply, Routes, as_json
from livecredits.http.rules import RULES, SEES, SIGNED_IN
from livecredits.http.trail import instant
from livecredits.storage.people import UNTOUCHED

log = logging.getLogger("livecredits.http")

routes = Routes("Access")


# --- the own session -----------------------------------------------------------------------------------------------


# Anybody: this is where credentials are turned into a session. The guard's origin check still holds, so that no other
# site can sign a visitor in as somebody else.
@routes.add("POST", "/admin/session", rule=ANYBODY, body=SignInBody, result=SessionAnswer,
            refuses=(Unauthenticated, Forbidden, RateLimited))  # fmt: skip
async def sign_in(call: Call[SignInBody, NoQuery]) -> Reply:
    """Sign in by e-mail and password, or by a one-time code. The session travels in a cookie."""
    body, sessions = call.body, call.services.sessions
    cookie = session_cookie_name(call.services.settings, call.origin.scheme)
    if cookie is None:
        raise Forbidden("In production operators sign in over https only.")
    who = Actor("operator", "unknown", None, call.origin.address, call.request_id)
    agent = call.headers.get("user-agent")
    if body.code is not None:
        secret, principal = await sessions.sign_in_by_code(body.code, who, agent)
    elif body.email is not None and body.password is not None:
        secret, principal = await sessions.sign_in(body.email, body.password, who, agent)
    else:
        raise Invalid(
            "Give an e-mail address and a password, or a code.",
            errors=[
                {"field": "email", "message": "is missing"},
                {"field": "password", "message": "is missing"},
            ],
        )
    if cookie != COOKIE_SECURE:
        log.warning("operator %s signed in over plain http: fine for development alone", principal.id)
    reply = await _session(call, principal)
    reply.headers.append((b"set-cookie", _cookie(cookie, secret, call.services.settings.session_ttl_s)))
    return reply


def _cookie(name: str, secret: str, ttl_s: int) -> bytes:
    secure = "; Secure" if name == COOKIE_SECURE else ""
    return f"{name}={secret}; Path=/; Max-Age={ttl_s}; HttpOnly; SameSite=Strict{secure}".encode()


@routes.add("GET", "/admin/session", rule=SIGNED_IN, result=SessionAnswer)
async def read_session(call: Call[NoBody, NoQuery]) -> Reply:
    """Who is signed in, and until when."""
    return await _session(call, call.principal)


async def _session(call: Call[Any, Any], principal: Principal) -> Reply:
    operator = await call.services.sessions.operators.read(principal.id)
    shown = {name: operator[name] for name in ("id", "email", "name", "role", "limit")}
    return as_json(
        {
            "operator": shown,
            "expires_at": instant(principal.expires_at_us or 0),
            "require_reason": call.services.settings.require_reason,
        }
    )


@routes.add("DELETE", "/admin/session", rule=SIGNED_IN, status=204)
async def sign_out(call: Call[NoBody, NoQuery]) -> Reply:
    """Sign out; live screens of this session close."""
    await call.services.sessions.end(call.principal, actor_of(call))
    call.services.nodes.end_session(str(call.principal.session_id))
    cookie = session_cookie_name(call.services.settings, call.origin.scheme) or COOKIE_SECURE
    return Reply(status=204, headers=[(b"set-cookie", _cookie(cookie, "", 0))])


@routes.add("POST", "/admin/session/live-token", rule=SIGNED_IN, result=LiveTokenAnswer)
async def mint_live_token(call: Call[NoBody, NoQuery]) -> Reply:
    """A token for the first frame of a live connection, good for a minute: scripts cannot read the cookie."""
    token, ends_us = call.services.tokens.mint_live(call.principal)
    return as_json({"token": token, "expires_at": instant(ends_us)})


# --- operators -----------------------------------------------------------------------------------------------------


@routes.add("GET", "/admin/operators", rule=RULES, result=OperatorsAnswer)
async def list_operators(call: Call[NoBody, NoQuery]) -> Reply:
    """All operators, by e-mail address."""
    return as_json({"items": await call.services.sessions.operators.every()})


@routes.add("POST", "/admin/operators", rule=RULES, body=NewOperatorBody, result=OperatorShape, status=201,
            refuses=(Conflict,))  # fmt: skip
async def create_operator(call: Call[NewOperatorBody, NoQuery]) -> Reply:
    """Make an operator."""
    _require_no_limit(call)
    body = call.body
    operator = await call.services.sessions.operators.create(
        body.email, body.name, body.role, password=body.password, limit=body.limit, actor=actor_of(call)
    )
    return as_json(operator, status=201)


@routes.add("PUT", "/admin/operators/{operator_id}", rule=RULES, body=OperatorBody, result=OperatorShape,
            refuses=(NotFound, Conflict))  # fmt: skip
async def change_operator(call: Call[OperatorBody, NoQuery]) -> Reply:
    """Change an operator; what is left out stays. A new password, or disabling, ends all their sessions."""
    _require_no_limit(call)
    body, sessions = call.body, call.services.sessions
    given = {name: getattr(body, name) for name in body.model_fields_set}
    operator, ended = await sessions.operators.change(call.params["operator_id"], given, actor=actor_of(call))
    sessions.forget()
    for session_id in ended:
        call.services.nodes.end_session(session_id)
    return as_json(operator)


@routes.add("POST", "/admin/operators/{operator_id}/link", rule=RULES, result=LinkAnswer, status=201,
            refuses=(NotFound, Conflict))  # fmt: skip
async def link_operator(call: Call[NoBody, NoQuery]) -> Reply:
    """A one-time code that signs an operator in, good for a quarter of an hour: for the fragment of a URL."""
    _require_no_limit(call)
    code, ends_us = await call.services.sessions.operators.create_code(
        call.params["operator_id"], actor=actor_of(call)
    )
    return as_json({"code": code, "expires_at": instant(ends_us)}, status=201)


# --- service keys --------------------------------------------------------------------------------------------------


@routes.add("GET", "/admin/keys", rule=RULES, result=KeysAnswer)
async def list_keys(call: Call[NoBody, NoQuery]) -> Reply:
    """All service keys, newest first, without their secrets."""
    return as_json({"items": await call.services.tokens.keys.every()})


@routes.add("POST", "/admin/keys", rule=RULES, body=KeyBody, result=NewKeyAnswer, status=201)
async def create_key(call: Call[KeyBody, NoQuery]) -> Reply:
    """Make a service key. Its secret is in this answer and nowhere else."""
    _require_no_limit(call)
    key, secret = await call.services.tokens.keys.create(
        call.body.name, call.body.scopes, actor=actor_of(call)
    )
    return as_json({"key": key, "secret": secret}, status=201)


@routes.add("DELETE", "/admin/keys/{key_id}", rule=RULES, result=KeyShape, refuses=(NotFound,))
async def revoke_key(call: Call[NoBody, NoQuery]) -> Reply:
    """End a service key; its live screens close."""
    key = await call.services.tokens.keys.revoke(call.params["key_id"], actor=actor_of(call))
    call.services.nodes.end_session(key["id"])
    return as_json(key)


def _require_no_limit(call: Call[Any, Any]) -> None:
    """A limit for one change would be none if whoever has it could lift it, or make an operator or a key without.

    Raises:
        Forbidden: 403.
    """
    if call.principal.limit is not None:
        raise Forbidden(
            "Whoever has a limit for one change may not make operators or keys, nor change operators."
        )


# --- units ---------------------------------------------------------------------------------------------------------


@routes.add("GET", "/admin/units", rule=SEES, result=UnitsAnswer)
async def list_units(call: Call[NoBody, NoQuery]) -> Reply:
    """What is counted here."""
    units = call.services.credits.units.values()
    return as_json({"items": [_unit(unit) for unit in units]})


def _unit(unit: Unit) -> dict[str, Any]:
    return {"name": unit.name, "scale": unit.scale, "low_threshold": unit.low_threshold}


@routes.add("PUT", "/admin/units/{unit}", rule=RULES, body=UnitBody, result=UnitShape, refuses=(Conflict,))
async def put_unit(call: Call[UnitBody, NoQuery]) -> Reply:
    """Make a unit, or change from where on it is low; its decimal places only while nobody has an account in it."""
    body = call.body
    threshold = body.low_threshold if "low_threshold" in body.model_fields_set else UNTOUCHED
    unit = await call.services.credits.put_unit(
        check_unit_name(call.params["unit"]), body.scale, low_threshold=threshold, actor=actor_of(call)
    )
    return as_json(_unit(unit))
