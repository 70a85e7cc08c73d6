"""From a request's body to a `Change` of the ledger, and from its answer to a reply: the same for every route.

This promises that who asked, under which key, with which content, limit and reason is filled in at one place, so that
no route can forget it. It must not decide anything about credits; the core does, in the writer's transaction.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any

from pydantic_core import to_json

from livecredits.core.amounts import bad_field
from livecredits.core.changes import Actor
from livecredits.errors import Forbidden, Invalid, Malformed, Refused
from livecredits.http.bodies import canonical
from livecredits.http.problem import problem
from livecredits.http.receipts import receipts_of, waits
from livecredits.http.routing import Call, Reply
from livecredits.http.trail import new_id

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import BaseModel

    from livecredits.core.changes import Change

_KEY = re.compile(r"[!-~]{1,255}")
_MATCH = re.compile(r'(?:W/)?"([0-9]{1,16})"')


def actor_of(call: Call[Any, Any]) -> Actor:
    """Who makes this call, as history and audit name them."""
    principal = call.principal
    return Actor(principal.kind, principal.id, principal.name, call.origin.address, call.request_id)


def common(
    call: Call[Any, Any], *, audit: str, owner: str | None = None, content: str | None = None
) -> dict[str, Any]:
    """What every change of this call carries, as keyword arguments for a `Change`.

    Args:
        call: an admitted call whose body is a change's.
        audit: the action's name in the audit trail; written for operators, and for keys on administrative routes.
        owner: the user among whose own keys the key stands if the body says `as_user`.
        content: a digest of what is asked (`content_of`), where several routes ask for the same; else of this call.

    Raises:
        Malformed: the Idempotency-Key cannot be one.
        Forbidden: this principal may not go below the floor, or use a user's keys.
        Invalid: a reason is missing and the settings want one.
    """
    principal, body = call.principal, call.body
    is_operator = principal.kind == "operator"
    if getattr(body, "allow_below_floor", False) and not principal.may_go_below_floor():
        raise Forbidden("This principal may not let a balance pass its floor.")
    require_reason(call, body.reason)
    key_scope = principal.key_scope
    if getattr(body, "as_user", False):
        if is_operator:
            raise Forbidden("Only a service key passes on a user's own keys.")
        if not owner:
            raise bad_field("as_user", "needs a user in the address")
        key_scope = f"user:{owner}"
    return {
        "key": key_of(call),
        "key_scope": key_scope,
        "content": content or content_of(call.route.method, call.route.path, call.params, body),
        "actor": actor_of(call),
        "reason": body.reason,
        "label": body.label,
        "metadata": None if body.metadata is None else canonical(body.metadata),
        "receipt": body.receipt or waits(call),
        "audit": audit if is_operator or "/admin/" in call.route.path else None,
        "limit": principal.limit,
        "if_version": _if_version(call),
    }


async def apply(call: Call[Any, Any], change: Change) -> Reply:
    """Have the change decided and durable, and answer it; a refusal tells its key as an acceptance does."""
    try:
        answer = await call.services.credits.apply(change)
    except Refused as refused:
        told = problem(refused, call.request_id, call.root_path)
        told.headers += key_headers(change.key, replayed=refused.replayed)
        return told
    headers = [(b"etag", b'"%d"' % answer.version), *key_headers(change.key, replayed=answer.replayed)]
    told_of = answer.as_json()
    if waits(call):
        told_of["receipts"] = await receipts_of(call, answer.entry, is_new=not answer.replayed)
    return Reply(to_json(told_of), 200, headers)


def key_headers(key: str | None, *, replayed: bool) -> list[tuple[bytes, bytes]]:
    """With which key it was done, and whether a former request with it had done it already."""
    headers = [(b"idempotency-key", (key or "").encode())]
    return [*headers, (b"idempotency-replayed", b"true")] if replayed else headers


def _if_version(call: Call[Any, Any]) -> int | None:
    """The version that `If-Match` names; None without one, or with `*`.

    Raises:
        Malformed: it is no ETag of ours. A proxy that compresses may have made it weak; that is let pass.
    """
    given = call.headers.get("if-match")
    if given is None or given.strip() == "*":
        return None
    match = _MATCH.fullmatch(given.strip())
    if match is None:
        raise Malformed('If-Match must be a version in quotes, such as "42".')
    return int(match[1])


def key_of(call: Call[Any, Any]) -> str:
    """The Idempotency-Key, or a fresh one.

    Raises:
        Malformed: it cannot be one.
    """
    given = call.headers.get("idempotency-key")
    if given is None:
        return new_id("key")
    if not _KEY.fullmatch(given):
        raise Malformed("The Idempotency-Key must be 1 to 255 visible ASCII characters.")
    return given


def content_of(method: str, path: str, params: Mapping[str, str], body: BaseModel) -> str:
    """Digest of what was asked, without members at their default, so that a later version's new members change none."""
    if getattr(body, "metadata", None) is None:
        text = body.model_dump_json(exclude_defaults=True)
    else:
        text = canonical(body.model_dump(mode="json", exclude_defaults=True))
    asked = "\0".join((method, path, *params.values(), text))
    return hashlib.sha256(asked.encode()).hexdigest()


def require_reason(call: Call[Any, Any], reason: str | None) -> None:
    """Hold operators to the setting that wants a reason for every change.

    Raises:
        Invalid: there is none.
    """
    if reason is None and call.principal.kind == "operator" and call.services.settings.require_reason:
        raise Invalid(
            "reason is missing; this installation wants one for every change by an operator.",
            errors=[{"field": "reason", "message": "is missing"}],
        )
