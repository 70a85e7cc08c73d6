"""The OpenAPI 3.1 document, derived from the route table.

This promises that every visible route is described with who may call it, its models with examples, and every status it
can answer with; a fuzzer holds the server to it. It must not describe anything that the table does not say: a status
follows from the rule, the models and the refusals that the route names.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from livecredits import __version__
from livecredits.errors import (
    BY_CODE,
    Forbidden,
    Invalid,
    Malformed,
    OriginNotAllowed,
    RateLimited,
    Refused,
    StorageFailed,
    TokenExpired,
    TooLarge,
    Unauthenticated,
    Unavailable,
    UnsupportedMedia,
)
from livecredits.http.answers import ProblemShape
from livecredits.http.routing import Route, Rule, Table

_REF = "#/components/schemas/{model}"
_ABOUT = """\
Prepaid credits for the users of an app. Amounts are whole numbers within ±(2^53 − 1), times are RFC 3339 in UTC, every
balance carries its `version` and the `epoch` of the ledger. Changes take an `Idempotency-Key`: the same key gets the
same answer, with `Idempotency-Replayed: true`. Everything that goes wrong is a problem document (RFC 9457).
"""
_PATH_PARAMETERS = {
    "user_id": {
        "schema": {
            "type": "string",
            "minLength": 1,
            "maxLength": 128,
            "pattern": r"^[^/\x00-\x1f\x7f-\x9f]+$",
        },
        "description": "The host app's own id of the user.",
        "example": "ada",
    },
}
_KEY_PARAMETER = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Names this change, so that sending it again changes nothing. Made and returned where absent.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
    "example": "job:118",
}
_MATCH_PARAMETER = {
    "name": "If-Match",
    "in": "header",
    "required": False,
    "description": "The version (ETag) that the change was decided on; another one is refused with 412.",
    "schema": {"type": "string", "pattern": r'^"[0-9]{1,16}"$'},
    "example": '"42"',
}
_SECURITY = {
    "screenToken": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "One user's own account.",
    },
    "serviceKey": {"type": "http", "scheme": "bearer", "description": "`lck_…`, within its scopes."},
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "__Host-livecredits",
        "description": "A signed-in operator.",
    },
}


@lru_cache(maxsize=8)
def describe(table: Table, root_path: str = "") -> dict[str, Any]:
    """The document for all visible routes; not to be changed by whoever reads it.

    Args:
        table: what is served.
        root_path: the prefix under which it is served.
    """
    visible = [route for route in table.routes if not route.hidden]
    paths: dict[str, dict[str, Any]] = {}
    for route in visible:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {"title": "livecredits", "version": __version__, "description": _ABOUT},
        "servers": [{"url": root_path or "/"}],
        "paths": paths,
        "components": {"schemas": _schemas(visible), "securitySchemes": _SECURITY},
    }


def _schemas(routes: Iterable[Route]) -> dict[str, Any]:
    models: dict[type[BaseModel], None] = {ProblemShape: None}
    for route in routes:
        for model in (route.body, route.result):
            if model is not None:
                models[model] = None
    _, whole = models_json_schema([(model, "validation") for model in models], ref_template=_REF)
    return dict(whole["$defs"])


def _operation(route: Route) -> dict[str, Any]:
    told = inspect.getdoc(route.answer) or ""
    summary, _, rest = told.partition("\n\n")
    operation: dict[str, Any] = {
        "operationId": operation_id(route),
        "tags": [route.tag],
        "summary": summary.removesuffix("."),
        "description": f"{rest}\n\n{who_may(route.rule)}".strip(),
        "parameters": list(_parameters(route)),
        "responses": {str(route.status): _good(route), **_problems(route)},
        "security": [{scheme: []} for scheme in _schemes(route.rule)],
    }
    if route.body is not None:
        required = any(field.is_required() for field in route.body.model_fields.values())
        operation["requestBody"] = {
            "required": required,
            "content": {
                "application/json": {"schema": _ref(route.body)},
                **{media: {"schema": {"type": "string"}} for media in route.takes},
            },
        }
    return operation


def operation_id(route: Route) -> str:
    """The name of the route's function, unique because the modules share no names."""
    return route.answer.__name__


def who_may(rule: Rule) -> str:
    """One sentence: which credentials a rule lets in."""
    if rule.anybody:
        return "Needs no credential."
    ways = [
        *(["a screen token (own account)"] if rule.user or rule.by_itself else []),
        *([f"a service key with scope `{rule.scope or 'live'}`"] if rule.scope or rule.by_itself else []),
        *([f"an operator of role {rule.role}"] if rule.role else []),
        *(["an operator's live token"] if rule.by_itself else []),
    ]
    return f"Needs {' or '.join(ways)}."


def _schemes(rule: Rule) -> Iterable[str]:
    if rule.user or rule.by_itself:
        yield "screenToken"
    if rule.scope or rule.by_itself:
        yield "serviceKey"
    if rule.role:
        yield "session"


def _ref(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": _REF.format(model=model.__name__)}


def _parameters(route: Route) -> Iterable[dict[str, Any]]:
    for name in re.findall(r"{(\w+)}", route.path):
        told = _PATH_PARAMETERS.get(name, {"schema": {"type": "string", "minLength": 1}})
        yield {"name": name, "in": "path", "required": True, **told}
    if route.query is not None:
        yield from _query_parameters(route.query)
    if route.keyed:
        yield _KEY_PARAMETER
    if route.conditional:
        yield _MATCH_PARAMETER


def _query_parameters(query: type[BaseModel]) -> Iterable[dict[str, Any]]:
    schema = query.model_json_schema()
    for name, told in schema["properties"].items():
        # A parameter that is left out is None in Python; on the wire there is no null.
        choices = [choice for choice in told.get("anyOf", ()) if choice != {"type": "null"}]
        kept = {key: value for key, value in told.items() if key not in {"title", "description", "anyOf"}}
        if kept.get("default", ...) is None:
            kept.pop("default")
        parameter = {"name": name, "in": "query", "required": name in schema.get("required", ())}
        if "description" in told:
            parameter["description"] = told["description"]
        yield {**parameter, "schema": {**(choices[0] if choices else {}), **kept}}


def _good(route: Route) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": HTTPStatus(route.status).phrase}
    content: dict[str, Any] = {media: {"schema": {"type": "string"}} for media in route.media_types}
    if route.result is not None:
        content["application/json"] = {"schema": _ref(route.result)}
    if content:
        answer["content"] = content
    headers = {"X-Request-Id": _header("Finds this request in the log.")}
    if route.keyed:
        headers["Idempotency-Key"] = _header("The change's key.")
        headers["Idempotency-Replayed"] = _header("`true` where this is the first answer again.")
    if route.keyed or route.conditional:
        headers["ETag"] = _header("The account's version.")
    answer["headers"] = headers
    return answer


def _header(meaning: str) -> dict[str, Any]:
    return {"description": meaning, "required": False, "schema": {"type": "string"}}


def refusals(route: Route) -> set[type[Refused]]:
    """Every way in which a route can say no."""
    found = {*route.refuses, Malformed}
    if route.body is not None:
        found |= {TooLarge, UnsupportedMedia, Invalid}
    if route.query is not None or "{user_id}" in route.path:
        found |= {Invalid}
    if not route.rule.anybody:
        found |= {Unauthenticated, TokenExpired, Forbidden, RateLimited, Unavailable, StorageFailed}
    if route.is_unsafe:
        found |= {OriginNotAllowed}
    return found


def _problems(route: Route) -> Mapping[str, Any]:
    by_status: dict[int, list[str]] = {}
    for leaf in refusals(route):
        by_status.setdefault(leaf.status, []).append(leaf.code)
    return {
        str(status): {
            "description": f"{HTTPStatus(status).phrase}: {', '.join(sorted(codes))}",
            "content": {"application/problem+json": {"schema": _ref(ProblemShape)}},
        }
        for status, codes in sorted(by_status.items())
    }


def problem_codes() -> list[tuple[str, int, str]]:
    """Every code with its status and its meaning, by status."""
    told = [
        (code, leaf.status, (leaf.__doc__ or "").strip().partition("\n")[0]) for code, leaf in BY_CODE.items()
    ]
    return sorted((one for one in told if one[0] != "refused"), key=lambda one: (one[1], one[0]))
