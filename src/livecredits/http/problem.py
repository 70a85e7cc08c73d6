"""One shape for every no: problem documents (RFC 9457), for refusals and framework errors alike.

This promises that whatever goes wrong leaves as `application/problem+json` with the same members, that the sentence
is fit for a human, and that nothing of an unexpected error but the request id reaches the caller. It must not know
routes. `type` points into this server's own documentation, so that it can be opened under any prefix.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError
from pydantic_core import to_json

from livecredits.errors import Invalid, Malformed, Refused
from livecredits.http.limits import retry_after
from livecredits.http.routing import Reply

log = logging.getLogger("livecredits.http")

MEDIA_TYPE = b"application/problem+json"
UNEXPECTED = {
    "title": "Something went wrong here",
    "status": 500,
    "detail": "Something went wrong on this server. The request id finds it in the log.",
    "code": "internal",
}
_UNAVAILABLE_RETRY_S = 1


def problem(refused: Refused, request_id: str, root_path: str = "") -> Reply:
    """The answer that tells of a refusal."""
    content = {
        "type": f"{root_path}/docs#{refused.code}",
        "title": refused.title,
        "status": refused.status,
        "detail": refused.detail,
        "code": refused.code,
        "request_id": request_id,
        **{name: value for name, value in refused.extra.items() if name != "allow"},
    }
    return Reply(to_json(content), refused.status, list(_headers(refused)), MEDIA_TYPE)


def unexpected(error: BaseException, request_id: str, root_path: str = "") -> Reply:
    """The answer to what nobody foresaw: the log has the story, the caller its number."""
    log.error("request %s failed unexpectedly", request_id, exc_info=error)
    content = {"type": f"{root_path}/docs#internal", **UNEXPECTED, "request_id": request_id}
    return Reply(to_json(content), 500, [], MEDIA_TYPE)


def _headers(refused: Refused) -> Sequence[tuple[bytes, bytes]]:
    if refused.status == 401:
        error = b', error="invalid_token"' if refused.code == "token_expired" else b""
        return [(b"www-authenticate", b'Bearer realm="livecredits"' + error)]
    if refused.status == 405:
        return [(b"allow", ", ".join(refused.extra.get("allow", ())).encode())]
    if refused.status in {429, 503}:
        seconds = retry_after(float(refused.extra.get("retry_after_s", _UNAVAILABLE_RETRY_S)))
        return [(b"retry-after", str(seconds).encode())]
    return []


def from_validation(error: ValidationError, where: str = "") -> Refused:
    """What pydantic found wrong, naming fields and never repeating what was sent."""
    found = error.errors(include_url=False, include_input=False)
    if found[0]["type"] == "json_invalid":
        return Malformed(f"The body is not JSON: {found[0]['msg'].removeprefix('Invalid JSON: ')}.")
    errors = [
        {"field": where + ".".join(str(step) for step in one["loc"]), "message": _message(one)}
        for one in found[:20]
    ]
    first = errors[0]
    return Invalid(f"{first['field'] or 'The body'}: {first['message']}.", errors=errors)


def _message(found: Any) -> str:
    message = str(found["msg"]).removeprefix("Value error, ")
    return message[:1].lower() + message[1:]
