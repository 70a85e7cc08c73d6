"""The live path under any ASGI server: a WebSocket, or a stream of server-sent events with its upstream POST.

Promises: the same hub, the same frames, the same verdicts as inside uvicorn, at the price of a task per screen. The
event stream sends its headers and its hello at once, and its ticks are events, so that proxies and readers see life.
Must not know: what frames mean.
The odd thing: ASGI hides pings and full buffers. So `send` returning counts as a sign of life, and what piles up
while it does not return counts as a full transport.
"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from livecredits.core import wire
from livecredits.errors import (
    Draining,
    Forbidden,
    Malformed,
    MethodNotAllowed,
    NotAcceptable,
    NotFound,
    OriginNotAllowed,
    RateLimited,
    Refused,
    TooLarge,
    Unauthenticated,
)
from livecredits.live.origins import may_connect
from livecredits.proxies import limit_key, parse_networks, seen_through

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import Message, Receive, Scope, Send

    from livecredits.core.screen import Screen
    from livecredits.live.shell import Live

HIGH_WATER_BYTES = 4096
UPSTREAM_BYTES = 16_384
UPSTREAM_FRAMES = 64
UPSTREAM_WAIT_S = 10.0
USER_AGENT_CHARS = 200

EVENT_HEADERS = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store, no-transform"),
    (b"x-accel-buffering", b"no"),
    (b"x-content-type-options", b"nosniff"),
)


class Outbox:
    """What waits for an ASGI `send`; the `Link` and its transport in one."""

    __slots__ = ("_size", "is_cut", "queue", "verdict", "wakeup")

    def __init__(self) -> None:
        self.queue: list[bytes | str] = []
        self.verdict: wire.Close | None = None
        self.is_cut = False
        self.wakeup = asyncio.Event()
        self._size = 0

    @property
    def transport(self) -> Outbox:
        """Itself."""
        return self

    @property
    def is_full(self) -> bool:
        """More waits than a transport of ours would take."""
        return self._size > HIGH_WATER_BYTES

    def write(self, data: bytes | str) -> None:
        """Queue one frame."""
        self.queue.append(data)
        self._size += len(data)
        self.wakeup.set()

    def close(self, verdict: wire.Close) -> None:
        """After what is queued, say why it ends."""
        self.verdict = verdict
        self.wakeup.set()

    def cut(self) -> None:
        """Send nothing more."""
        self.is_cut = True
        self.wakeup.set()

    def taken(self) -> list[bytes | str]:
        """What is queued; it is the caller's now."""
        queue, self.queue, self._size = self.queue, [], 0
        return queue


class Endpoint:
    """An ASGI application that serves the live path and what is below it."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._trusted = parse_networks(live.settings.trusted_proxies)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        visit = Visit(scope, self._trusted)
        if scope["type"] == "websocket":
            await self._serve_socket(visit, receive, send)
            return
        try:
            if visit.method == "GET":
                visit.require_events()
                await self._serve_events(visit, receive, send)
            elif visit.method == "POST":
                await self._take_upstream(visit, receive, send)
            else:
                raise MethodNotAllowed("The live path takes GET and POST.", allow=["GET", "POST"])
        except Refused as refused:
            await _send_problem(send, refused, visit)

    # --- WebSocket ------------------------------------------------------------------------------------------

    async def _serve_socket(self, visit: Visit, receive: Receive, send: Send) -> None:
        await receive()  # websocket.connect
        offered = visit.scope.get("subprotocols") or []
        if self._live.knock() or (offered and wire.SUBPROTOCOL not in offered):
            await send({"type": "websocket.close"})  # the server answers the handshake with 403
            return
        await send({"type": "websocket.accept", "subprotocol": wire.SUBPROTOCOL if offered else None})
        outbox = Outbox()
        screen = self._live.join(outbox, wire.TEXT, address=visit.address, user_agent=visit.user_agent)
        if not may_connect(visit.headers.get("origin"), visit.reached, self._live.settings.allowed_origins):
            self._live.fail(screen, wire.ORIGIN_NOT_ALLOWED)
        try:
            await _until_either(self._listen(screen, receive), self._speak_socket(screen, outbox, send))
        finally:
            self._live.left(screen)

    async def _listen(self, screen: Screen, receive: Receive) -> None:
        while True:
            message = await receive()
            if message["type"] != "websocket.receive":
                return
            text = message.get("text")
            if text is None:
                self._live.fail(screen, wire.Close(1003, "unsupported_data", "Frames are text."))
            elif len(text.encode()) > wire.MAX_FRAME_BYTES:
                self._live.fail(screen, wire.Close(1009, "too_big", "A message has at most 4096 bytes."))
            else:
                self._live.heard_text(screen, text)

    async def _speak_socket(self, screen: Screen, outbox: Outbox, send: Send) -> None:
        async def put(frames: list[bytes | str]) -> None:
            for frame in frames:
                await send({"type": "websocket.send", "text": frame})

        verdict = await self._speak(screen, outbox, put)
        if verdict is not None:
            await send({"type": "websocket.close", "code": verdict.code, "reason": verdict.reason})

    # --- events ---------------------------------------------------------------------------------------------

    async def _serve_events(self, visit: Visit, receive: Receive, send: Send) -> None:
        self._check_page(visit)
        principal = await self._live.authenticate(visit.token())
        retry_s = self._live.knock()
        if retry_s:
            raise Draining("This server takes no more connections now.", retry_after_s=retry_s)
        outbox = Outbox()
        screen = await self._live.join_as(
            outbox, wire.EVENTS, principal, address=visit.address, user_agent=visit.user_agent
        )
        try:
            if outbox.verdict is not None:
                raise _as_refusal(outbox.verdict)
            headers = [*EVENT_HEADERS, *self._shared_headers(visit)]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await _until_either(_disconnected(receive), self._speak_events(screen, outbox, send))
        finally:
            self._live.left(screen)

    async def _speak_events(self, screen: Screen, outbox: Outbox, send: Send) -> None:
        async def put(frames: list[bytes | str]) -> None:
            body = b"".join(frame for frame in frames if isinstance(frame, bytes))
            await send({"type": "http.response.body", "body": body, "more_body": True})

        verdict = await self._speak(screen, outbox, put)
        last = b"" if verdict is None else wire.event_bytes(wire.closed_text(verdict))
        await send({"type": "http.response.body", "body": last, "more_body": False})

    # --- both -----------------------------------------------------------------------------------------------

    async def _speak(self, screen: Screen, outbox: Outbox, put: Any) -> wire.Close | None:
        """Send what is queued until there is a verdict; returns it, or None where there is no time to tell."""
        while True:
            await outbox.wakeup.wait()
            outbox.wakeup.clear()
            while outbox.queue and not outbox.is_cut:
                frames = outbox.taken()
                sending = asyncio.ensure_future(put(frames))
                await self._watch(screen, outbox, sending)
                screen.heard_ms = self._live.now_ms()
                if screen.paused:
                    self._live.writable(screen)
            if outbox.is_cut:
                return None
            if outbox.verdict is not None:
                return outbox.verdict

    async def _watch(self, screen: Screen, outbox: Outbox, sending: asyncio.Future[None]) -> None:
        """Wait for `sending`; meanwhile notice that the outbox fills up, or that the screen is cut."""
        try:
            while not sending.done():
                filled = asyncio.ensure_future(outbox.wakeup.wait())
                waited: list[asyncio.Future[Any]] = [sending, filled]
                await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
                filled.cancel()
                outbox.wakeup.clear()
                if outbox.is_full and not screen.paused:
                    self._live.paused(screen)
                if outbox.is_cut:
                    return
            await sending
        finally:
            sending.cancel()

    # --- upstream -------------------------------------------------------------------------------------------

    async def _take_upstream(self, visit: Visit, receive: Receive, send: Send) -> None:
        self._check_page(visit)
        principal = await self._live.authenticate(visit.token())
        told = _read_array(await _read_body(receive))
        frames = _understood(told)
        screen = self._live.screen_of(visit.last_segment, principal.kind, principal.id)
        if screen is not None:
            for frame in frames:
                self._live.heard(screen, frame)
        elif not await self._live.neighbours.forward(visit.last_segment, principal, told):
            raise NotFound("No such screen is open with this token.")
        headers = [(b"cache-control", b"no-store"), *self._shared_headers(visit)]
        await send({"type": "http.response.start", "status": 204, "headers": headers})
        await send({"type": "http.response.body", "body": b""})

    def _check_page(self, visit: Visit) -> None:
        if not may_connect(visit.headers.get("origin"), visit.reached, self._live.settings.allowed_origins):
            raise OriginNotAllowed("Pages of this origin may not connect.")

    def _shared_headers(self, visit: Visit) -> list[tuple[bytes, bytes]]:
        """Let a page of an allowed origin read the answer (its preflight is answered by the app)."""
        origin = visit.headers.get("origin")
        if origin is None:
            return [(b"vary", b"origin")]
        return [(b"vary", b"origin"), (b"access-control-allow-origin", origin.encode("latin-1"))]


class Visit:
    """One request, as far as live delivery looks at it."""

    __slots__ = ("address", "headers", "reached", "scope")

    def __init__(self, scope: Scope, trusted: Any) -> None:
        self.scope = scope
        self.headers: Mapping[str, str] = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]
        }
        client = scope.get("client")
        self.reached = seen_through(trusted, client[0] if client else None, scope["scheme"], self.headers)
        self.address = limit_key(self.reached.address)

    @property
    def method(self) -> str:
        """GET, POST …."""
        return str(self.scope["method"])

    @property
    def user_agent(self) -> str:
        """What the client calls itself, cut to a decent length."""
        return self.headers.get("user-agent", "")[:USER_AGENT_CHARS]

    @property
    def last_segment(self) -> str:
        """The screen's id in an upstream path."""
        return str(self.scope["path"]).rpartition("/")[2]

    def require_events(self) -> None:
        """Refuse whoever asks for something else than an event stream; who does not say takes what there is."""
        wanted = self.headers.get("accept", "*/*")
        if not any(kind in wanted for kind in ("text/event-stream", "text/*", "*/*")):
            raise NotAcceptable("The live path answers with text/event-stream, or as a WebSocket.")

    def token(self) -> str:
        """The bearer token.

        Raises:
            Unauthenticated: there is none.
        """
        scheme, _, token = self.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise Unauthenticated("Send the token as `Authorization: Bearer …`.")
        return token.strip()


async def _until_either(first: Any, second: Any) -> None:
    """Run both; when one ends, or this task is cancelled, end the other."""
    tasks = [asyncio.ensure_future(first), asyncio.ensure_future(second)]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        error = task.exception()
        if error is not None and not isinstance(error, OSError):  # a client that is gone is no error
            raise error


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _read_body(receive: Receive) -> bytes:
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(UPSTREAM_WAIT_S):
            while True:
                message: Message = await receive()
                if message["type"] == "http.disconnect":
                    raise Malformed("The body ended early.")
                parts.append(message.get("body", b""))
                size += len(parts[-1])
                if size > UPSTREAM_BYTES:
                    raise TooLarge(f"The body may be at most {UPSTREAM_BYTES} bytes.", limit=UPSTREAM_BYTES)
                if not message.get("more_body", False):
                    return b"".join(parts)
    except TimeoutError:
        raise Malformed(f"The body did not arrive within {UPSTREAM_WAIT_S:.0f} s.") from None


def _read_array(body: bytes) -> list[Any]:
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        raise Malformed("The body is not JSON.") from None
    if isinstance(told, dict):
        told = [told]
    if not isinstance(told, list) or len(told) > UPSTREAM_FRAMES:
        raise Malformed(f"The body is a frame, or an array of at most {UPSTREAM_FRAMES} frames.")
    return told


def _understood(told: list[Any]) -> list[wire.ClientFrame]:
    try:
        return [wire.decode_object(frame) for frame in told]
    except wire.Malformed as error:
        raise Malformed(f"A frame is malformed: {error}.") from None


def _as_refusal(verdict: wire.Close) -> Refused:
    if verdict.code == wire.TOO_MANY_SCREENS.code:
        return RateLimited(verdict.sentence, retry_after_s=30)
    if verdict.code == wire.FORBIDDEN.code:
        return Forbidden(verdict.sentence)
    return Draining(verdict.sentence, retry_after_s=1)


async def _send_problem(send: Send, refused: Refused, visit: Visit) -> None:
    """An RFC 9457 document; the same members as everywhere."""
    content = {
        "type": f"{visit.scope.get('root_path', '')}/docs#{refused.code}",
        "title": refused.title,
        "status": refused.status,
        "detail": refused.detail,
        "code": refused.code,
        # Whoever handed the request over knows it by this id and writes it into the headers.
        "request_id": visit.scope.get("livecredits.request_id", ""),
        **{name: value for name, value in refused.extra.items() if name != "allow"},
    }
    body = json.dumps(content).encode()
    headers = [
        (b"content-type", b"application/problem+json"),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
    ]
    if refused.status == 401:
        headers.append((b"www-authenticate", b'Bearer realm="livecredits"'))
    if "allow" in refused.extra:
        headers.append((b"allow", ", ".join(refused.extra["allow"]).encode()))
    if "retry_after_s" in refused.extra:
        headers.append((b"retry-after", str(refused.extra["retry_after_s"]).encode()))
    await send({"type": "http.response.start", "status": refused.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
