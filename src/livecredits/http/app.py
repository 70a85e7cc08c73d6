"""The composition root: puts ledger, live part, guard and routes together as one ASGI application.

This promises one journey for every request (find the route, admit the caller, read the body within its limit, answer)
and one shape for every way it can fail. It works under any path prefix and on any ASGI server. The odd thing: a mounted
application's lifespan never runs, so nothing here may wait for it; everything opens on first use.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping, MutableMapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from pydantic import ValidationError
from uuid_utils import uuid7

from livecredits.errors import Invalid, Malformed, Refused, TooLarge, UnsupportedMedia
from livecredits.http import (
    admin,
    admin_access,
    admin_batches,
    admin_broadcasts,
    admin_developers,
    admin_overview,
    admin_records,
    admin_shop,
    admin_vouchers,
    backend,
    console,
    live_routes,
    sdk,
    shop,
    system,
    user,
)
from livecredits.http.bodies import check_user_id
from livecredits.http.figures import Figures
from livecredits.http.fitness import Fitness
from livecredits.http.gathered import Gathered
from livecredits.http.guard import Guard, is_cross_origin_allowed
from livecredits.http.kept import Kept
from livecredits.http.metrics import Metrics
from livecredits.http.node import this_node
from livecredits.http.nodes import nodes_around
from livecredits.http.problem import from_validation, problem, unexpected
from livecredits.http.routing import (
    ANYBODY,
    Answer,
    Call,
    Handover,
    Reply,
    Route,
    Stream,
    Table,
    allowed_methods,
    choose,
)
from livecredits.http.services import Services
from livecredits.http.sessions import Sessions
from livecredits.http.tokens import Tokens
from livecredits.http.trail import Trail
from livecredits.live.log import BroadcastLog
from livecredits.live.shell import Live
from livecredits.proxies import parse_networks, seen_through

if TYPE_CHECKING:
    from starlette.types import Message, Receive, Scope, Send

    from livecredits.config import Settings
    from livecredits.credits import Credits

log = logging.getLogger("livecredits.http")

BODY_WAIT_S = 30.0
READ_AT_ONCE = 65_536
"""Bytes of a body that are read on the loop."""
REQUEST_ID_LENGTH_MAX = 64
CORS_MAX_AGE_S = b"600"
CORS_HEADERS = b"authorization, content-type, idempotency-key, if-match, x-request-id"
CORS_EXPOSED = b"etag, idempotency-key, idempotency-replayed, retry-after, x-request-id"
_FIXED_HEADERS = ((b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff"))
_REPLACEMENT = "\ufffd"


_ROUTES = (
    user, shop, live_routes, backend, admin, admin_shop, admin_vouchers, admin_batches, admin_records,
    admin_broadcasts, admin_access, admin_overview, admin_developers, system, console, sdk,
)  # fmt: skip


def build_app(credits: Credits, *, settings: Settings | None = None) -> App:
    """The whole HTTP face of a ledger: API, live, console, documentation and figures.

    Args:
        credits: the ledger; opened by whoever uses it first.
        settings: how to behave; the ledger's own by default.

    Raises:
        StartRefused: the settings do not allow a start.
    """
    return App(credits, settings or credits.settings)


class App:
    """An ASGI application; see `build_app`."""

    def __init__(self, credits: Credits, settings: Settings) -> None:
        table = Table(_opened(route, settings) for routes in _ROUTES for route in routes.routes.routes)
        sessions = Sessions(credits, settings)
        tokens = Tokens(credits, settings, sessions=sessions)
        guard = Guard(settings, tokens, sessions)
        kept, node = Kept(credits), this_node(credits)
        broadcasts = BroadcastLog(credits, node.name, kept.current)
        self._live = live = Live(
            credits, tokens.authenticate_live, settings, forget=tokens.forget, kept_by=broadcasts
        )
        metrics, figures = Metrics(), Figures(credits)
        nodes = nodes_around(credits, settings, live, tokens, sessions, kept)
        self.services = Services(
            credits, settings, tokens, sessions, guard, live, Trail(credits), metrics, table, figures, kept, node,
            broadcasts, nodes, Gathered(nodes, node, live, metrics, figures), Fitness(credits, nodes),
        )  # fmt: skip
        self._trusted = parse_networks(settings.trusted_proxies)
        system.watch_figures(self.services)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] == "http":
            await self._serve(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._serve_websocket(scope, receive, send)
        else:
            await _acknowledge_lifespan(receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        self._live.begin()
        call: Call[Any, Any] = Call()
        call.services, call.asgi, call.receive = self.services, scope, receive
        call.headers = headers = _headers(scope)
        call.request_id = _request_id(headers)
        call.root_path = root_path = scope.get("root_path", "")
        route: Route | None = None
        try:
            client = scope.get("client")
            call.origin = seen_through(self._trusted, client[0] if client else None, scope["scheme"], headers)
            methods, call.params = self.services.table.find(_path_below(scope["path"], root_path))
            if scope["method"] == "OPTIONS":
                await _send(send, self._preflight(methods, headers), call, with_body=True)
                return
            call.route = route = choose(methods, scope["method"])
            answer = await self._answer(call, route)
        except Refused as refused:
            answer = problem(refused, call.request_id, root_path)
        except Exception as error:  # noqa: BLE001 - whatever happens, the caller gets a problem document
            answer = unexpected(error, call.request_id, root_path)
        if isinstance(answer, Handover):
            await answer.to(scope, receive, _with_request_id(send, call.request_id))
            return
        if route is not None and route.rule.from_elsewhere:
            self._share(answer, headers)
        await _send(send, answer, call, with_body=scope["method"] != "HEAD")
        self.services.metrics.answered(
            scope["method"], route.path if route else "unknown", answer.status, time.perf_counter() - started
        )

    async def _answer(self, call: Call[Any, Any], route: Route) -> Answer:
        await self.services.guard.admit(call)
        params = call.params
        if _REPLACEMENT in call.asgi["path"]:
            raise Malformed("The address is not UTF-8.")
        if "user_id" in params:
            _check_user(params["user_id"])
        if route.query is not None:
            call.query = _read_query(call.asgi["query_string"], route)
        if route.body is not None:
            most = route.body_bytes_max or self.services.settings.body_bytes_max
            raw, media_type = await _read_body(call, most)
            call.body = await _understood(call, raw, media_type)
        return await route.answer(call)

    def _preflight(self, methods: Mapping[str, Route], headers: Mapping[str, str]) -> Reply:
        reply = Reply(status=204, headers=[(b"allow", ", ".join(sorted(allowed_methods(methods))).encode())])
        asked = methods.get(headers.get("access-control-request-method", ""))
        if asked is not None and asked.rule.from_elsewhere:
            self._share(reply, headers)
            if len(reply.headers) > 2:
                reply.headers += [
                    (b"access-control-allow-methods", asked.method.encode()),
                    (b"access-control-allow-headers", CORS_HEADERS),
                    (b"access-control-max-age", CORS_MAX_AGE_S),
                ]
        return reply

    def _share(self, answer: Reply | Stream, headers: Mapping[str, str]) -> None:
        """Let pages of allowed origins read the answer (no credentials mode: these routes know no cookies)."""
        answer.headers.append((b"vary", b"origin"))
        origin = headers.get("origin")
        if origin is not None and is_cross_origin_allowed(origin, self.services.settings.allowed_origins):
            answer.headers.append((b"access-control-allow-origin", origin.encode("latin-1")))
            answer.headers.append((b"access-control-expose-headers", CORS_EXPOSED))

    async def _serve_websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = _path_below(scope["path"], scope.get("root_path", ""))
        if path == live_routes.PATH:
            await self.services.live.endpoint(scope, receive, send)
            return
        await receive()
        await send({"type": "websocket.close", "code": 1000, "reason": ""})


def _opened(route: Route, settings: Settings) -> Route:
    """The route as this installation serves it."""
    return replace(route, rule=ANYBODY) if route.path == "/metrics" and settings.metrics_open else route


def _headers(scope: Scope) -> MutableMapping[str, str]:
    found: dict[str, str] = {}
    for name, value in scope["headers"]:
        key, text = name.decode("latin-1"), value.decode("latin-1")
        found[key] = f"{found[key]}, {text}" if key in found and key != "host" else text
    return found


def _request_id(headers: Mapping[str, str]) -> str:
    given = headers.get("x-request-id")
    if (
        given
        and len(given) <= REQUEST_ID_LENGTH_MAX
        and given.isascii()
        and given.replace("-", "").replace("_", "").isalnum()
    ):
        return given
    return f"req_{uuid7().hex}"


def _path_below(path: str, root_path: str) -> str:
    """The path as our routes know it. Servers differ in whether `path` still carries the prefix (ASGI says it does)."""
    if root_path and path.startswith(root_path) and path[len(root_path) : len(root_path) + 1] in {"/", ""}:
        return path[len(root_path) :] or "/"
    return path


def _check_user(user_id: str) -> None:
    try:
        check_user_id(user_id)
    except ValueError as error:
        raise Invalid(f"user_id {error}.", errors=[{"field": "user_id", "message": str(error)}]) from None


def _read_query(query_string: bytes, route: Route) -> Any:
    assert route.query is not None
    try:
        pairs = parse_qsl(
            query_string.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=50
        )
    except (ValueError, UnicodeDecodeError):
        raise Malformed("The query cannot be read.") from None
    asked = dict(pairs)
    if len(asked) < len(pairs):
        raise Malformed("A query parameter is given twice.")
    try:
        return route.query.model_validate(asked)
    except ValidationError as error:
        raise from_validation(error) from None


async def _understood(call: Call[Any, Any], raw: bytes, media_type: str) -> Any:
    """The body as its route's model; a large one is read in a thread, so that the loop goes on."""
    route = call.route
    if media_type in route.takes:
        return await asyncio.to_thread(route.takes[media_type], raw, call.query)
    if len(raw) > READ_AT_ONCE:
        return await asyncio.to_thread(_validated, route, raw)
    return _validated(route, raw)


def _validated(route: Route, raw: bytes) -> Any:
    assert route.body is not None
    try:
        return route.body.model_validate_json(raw or b"{}")
    except ValidationError as error:
        raise from_validation(error) from None


async def _read_body(call: Call[Any, Any], most: int) -> tuple[bytes, str]:
    """The body and its media type.

    Raises:
        TooLarge, UnsupportedMedia, Malformed.
    """
    length = call.headers.get("content-length")
    if length is not None and length.isdigit() and int(length) > most:
        raise TooLarge(f"The body may be at most {most} bytes.", limit=most)
    message = await call.receive()
    body: bytes = message.get("body", b"")
    if message.get("more_body", False):
        body = await _read_rest(call, body, most)
    if len(body) > most:
        raise TooLarge(f"The body may be at most {most} bytes.", limit=most)
    media_type = call.headers.get("content-type", "").partition(";")[0].strip().lower()
    if body and media_type != "application/json" and media_type not in call.route.takes:
        raise UnsupportedMedia(f"The body must be {' or '.join(('application/json', *call.route.takes))}.")
    return body, media_type


async def _read_rest(call: Call[Any, Any], first: bytes, most: int) -> bytes:
    parts, size, more = [first], len(first), True
    try:
        async with asyncio.timeout(BODY_WAIT_S):
            while more and size <= most:
                message = await call.receive()
                if message["type"] == "http.disconnect":
                    raise Malformed("The body ended early.")
                parts.append(message.get("body", b""))
                size += len(parts[-1])
                more = message.get("more_body", False)
    except TimeoutError:
        raise Malformed(f"The body did not arrive within {BODY_WAIT_S:.0f} s.") from None
    return b"".join(parts)


async def _send(send: Send, answer: Reply | Stream, call: Call[Any, Any], *, with_body: bool) -> None:
    headers = [
        (b"content-type", answer.media_type),
        (b"x-request-id", call.request_id.encode()),
        *(
            _FIXED_HEADERS
            if not any(name == b"cache-control" for name, _ in answer.headers)
            else _FIXED_HEADERS[1:]
        ),
        *answer.headers,
    ]
    start: Message = {"type": "http.response.start", "status": answer.status, "headers": headers}
    if isinstance(answer, Stream):
        await send(start)
        if with_body:
            async for chunk in answer.chunks:
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
        return
    if answer.status in {204, 304}:
        headers.pop(0)
    else:
        headers.append((b"content-length", str(len(answer.body)).encode()))
    await send(start)
    await send({"type": "http.response.body", "body": answer.body if with_body else b""})


def _with_request_id(send: Send, request_id: str) -> Send:
    """`send` for an endpoint that writes its own headers."""

    async def send_with_id(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message["headers"], (b"x-request-id", request_id.encode())]}
        await send(message)

    return send_with_id


async def _acknowledge_lifespan(receive: Receive, send: Send) -> None:
    """Say yes to a server that asks; there is nothing to do (see the top of this file)."""
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            await send({"type": "lifespan.startup.complete"})
        else:
            await send({"type": "lifespan.shutdown.complete"})
            return
