"""The live path inside uvicorn: `uvicorn.Config(ws=make_ws_protocol(live))`, on the same port as everything else.

Promises: a screen costs one small object and its transport; a frame that was encoded once is written straight to
the transport, with no task, queue or generator in between; every other WebSocket path goes to uvicorn's own class.
Must not know: what frames mean, who anybody is.
The odd thing: uvicorn gives the connection to the class named here only after it has read the request head, and
plays that head back to `data_received`. So the first bytes choose who serves the connection, and `websockets`' own
sans-I/O object does the handshake and is then let go. uvicorn calls none of this public: its minor version is pinned,
and `tests/live/test_shell.py` breaks when the hook moves.
"""

from __future__ import annotations

import asyncio
import socket
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast

from uvicorn.protocols.utils import get_remote_addr, is_ssl
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.exceptions import NegotiationError
from websockets.frames import Opcode
from websockets.http11 import Request
from websockets.server import ServerProtocol

from livecredits.core import wire
from livecredits.live.inbound import Inbound, Violation
from livecredits.live.origins import may_connect
from livecredits.proxies import Origin, limit_key, parse_networks, seen_through

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from uvicorn.config import Config
    from uvicorn.server import ServerState
    from websockets.http11 import Response

    from livecredits.core.screen import Screen
    from livecredits.live.shell import Live
    from livecredits.proxies import Network

HIGH_WATER_BYTES = 4096
"""More than this unsent in our own memory, and the screen is paused."""
SEND_BUFFER_BYTES = 16_384
"""The kernel's send buffer (Linux doubles it): a client that stops reading holds no more."""
USER_AGENT_CHARS = 200


def make_ws_protocol(
    live: Live,
    *,
    path: str = wire.LIVE_PATH,
    other: Callable[..., asyncio.Protocol] = WebSocketsSansIOProtocol,
) -> type[asyncio.Protocol]:
    """The class for `uvicorn.Config(ws=…)`.

    Args:
        live: whose screens are served.
        path: the live path as it stands in the request line; with the prefix where the app is mounted under one.
        other: serves every other WebSocket path.
    """
    trusted = parse_networks(live.settings.trusted_proxies)

    class LiveProtocol(ScreenProtocol):
        __slots__ = ()

    LiveProtocol.live = live
    LiveProtocol.path = path
    LiveProtocol.other = staticmethod(other)
    LiveProtocol.trusted = trusted
    return LiveProtocol


class ScreenProtocol(asyncio.Protocol):
    """One connection: a doorman until the handshake, a screen's `Link` after it."""

    __slots__ = ("connections", "handed_to", "inbound", "is_closing", "screen", "transport", "upgrade")

    live: Live
    path: str
    other: Callable[..., asyncio.Protocol]
    trusted: Sequence[Network]

    transport: asyncio.Transport

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self.upgrade: tuple[Config, ServerState, dict[str, Any]] | None = (config, server_state, app_state)
        self.connections: set[Any] = server_state.connections
        self.screen: Screen | None = None
        self.handed_to: asyncio.Protocol | None = None
        self.inbound: Inbound | None = None
        self.is_closing = False

    # --- asyncio.Protocol -----------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The request head has been read by uvicorn; it comes to `data_received` next."""
        self.transport = cast("asyncio.Transport", transport)
        self.connections.add(self)

    def data_received(self, data: bytes) -> None:
        """The request head first, then what the client says."""
        if self.handed_to is not None:
            self.handed_to.data_received(data)
        elif self.upgrade is not None:
            upgrade, self.upgrade = self.upgrade, None
            self._open(data, upgrade)
        elif self.screen is not None:
            self._listen(self.screen, data)

    def eof_received(self) -> bool | None:
        """The client has no more to say; let the transport close itself."""
        return self.handed_to.eof_received() if self.handed_to is not None else None

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone, for whatever reason."""
        self.connections.discard(self)
        if self.handed_to is not None:
            self.handed_to.connection_lost(exc)
        elif self.screen is not None:
            self.live.left(self.screen)

    def pause_writing(self) -> None:
        """More than `HIGH_WATER_BYTES` are unsent: from now on only the newest state is kept."""
        if self.handed_to is not None:
            self.handed_to.pause_writing()
        elif self.screen is not None:
            self.live.paused(self.screen)

    def resume_writing(self) -> None:
        """The client reads again."""
        if self.handed_to is not None:
            self.handed_to.resume_writing()
        elif self.screen is not None:
            self.live.writable(self.screen)

    def shutdown(self) -> None:
        """The server stops gracefully: the first screen that hears of it says goodbye for all of them."""
        if self.handed_to is not None:
            cast("Any", self.handed_to).shutdown()
        else:
            self.live.begin_drain()
            if self.screen is None:
                self.transport.close()

    # --- Link -----------------------------------------------------------------------------------------------

    def close(self, verdict: wire.Close) -> None:
        """Say why, and wait for the client to go; the hub cuts it if it does not."""
        if self.is_closing:
            return
        self.is_closing = True
        if verdict.code == wire.NO_ANSWER.code or self.transport.get_write_buffer_size():
            self.transport.abort()  # nobody is there to read the reason
            return
        self.transport.write(wire.socket_close(verdict))
        if self.transport.can_write_eof():
            self.transport.write_eof()

    def cut(self) -> None:
        """It had its time."""
        self.transport.abort()

    # --- what the client says -------------------------------------------------------------------------------

    def _listen(self, screen: Screen, data: bytes) -> None:
        if self.is_closing:  # the reason is on its way; whatever comes now is the answer to it, or late
            if not self.transport.can_write_eof():
                self.transport.close()
            return
        screen.heard_ms = self.live.now_ms()
        inbound = self.inbound or Inbound()
        try:
            for opcode, payload in inbound.feed(data):
                if not self._take(screen, opcode, payload):
                    return
        except Violation as violation:
            self.live.fail(screen, violation.verdict)
        # Kept only while a frame or a message is unfinished: idle screens have none.
        self.inbound = inbound if inbound.rest or inbound.message is not None else None

    def _take(self, screen: Screen, opcode: Opcode, payload: bytes) -> bool:
        """One whole thing that the client sent; False where nothing more is listened to."""
        if opcode is Opcode.TEXT:
            self.live.heard_text(screen, payload)
        elif opcode is Opcode.CLOSE:
            self.is_closing = True
            self.transport.write(b"\x88" + len(payload).to_bytes(1, "big") + payload)
            self.transport.close()
        else:
            self.live.counted(screen)
            if opcode is Opcode.PING and not self.is_closing and not screen.paused:
                self.transport.write(b"\x8a" + len(payload).to_bytes(1, "big") + payload)
        return not self.is_closing

    # --- the handshake --------------------------------------------------------------------------------------

    def _open(self, head: bytes, upgrade: tuple[Config, ServerState, dict[str, Any]]) -> None:
        target = head.split(b" ", 2)[1].partition(b"?")[0]
        if target != self.path.encode():
            self._hand_over(head, upgrade)
            return
        handshake = ServerProtocol(
            subprotocols=[cast("Any", wire.SUBPROTOCOL)], select_subprotocol=_choose_subprotocol
        )
        handshake.receive_data(head)
        request = next(iter(handshake.events_received()), None)
        if not isinstance(request, Request):  # a head that uvicorn takes and `websockets` does not
            self._refuse(handshake, handshake.reject(HTTPStatus.BAD_REQUEST, "The request cannot be read.\n"))
            return
        retry_s = self.live.knock()
        if retry_s:
            response = handshake.reject(HTTPStatus.SERVICE_UNAVAILABLE, "Too many connections at once.\n")
            response.headers["Retry-After"] = str(retry_s)
            self._refuse(handshake, response)
            return
        response = handshake.accept(request)
        if response.status_code != HTTPStatus.SWITCHING_PROTOCOLS:
            self._refuse(handshake, response)
            return
        handshake.send_response(response)
        self.transport.write(b"".join(handshake.data_to_send()))
        self._become_screen(_lower(request))

    def _become_screen(self, headers: Mapping[str, str]) -> None:
        transport, live = self.transport, self.live
        transport.set_write_buffer_limits(high=HIGH_WATER_BYTES)
        _tune(transport, live.limits.silence_ms)
        peer = get_remote_addr(transport)
        reached = seen_through(
            self.trusted, peer[0] if peer else None, "https" if is_ssl(transport) else "http", headers
        )
        self.screen = live.join(
            self,
            wire.SOCKET,
            address=limit_key(reached.address),
            user_agent=headers.get("user-agent", "")[:USER_AGENT_CHARS],
        )
        if not _is_page_allowed(headers, reached, live):
            live.fail(self.screen, wire.ORIGIN_NOT_ALLOWED)

    def _refuse(self, handshake: ServerProtocol, response: Response) -> None:
        self.is_closing = True
        handshake.send_response(response)
        self.transport.write(b"".join(handshake.data_to_send()))
        self.transport.close()

    def _hand_over(self, head: bytes, upgrade: tuple[Config, ServerState, dict[str, Any]]) -> None:
        config, server_state, app_state = upgrade
        other = self.handed_to = self.other(config=config, server_state=server_state, app_state=app_state)
        self.connections.discard(self)
        other.connection_made(self.transport)
        other.data_received(head)
        # uvicorn makes *this* object the transport's protocol once we return; step aside right after.
        asyncio.get_running_loop().call_soon(self._step_aside)

    def _step_aside(self) -> None:
        if self.handed_to is not None and not self.transport.is_closing():
            self.transport.set_protocol(self.handed_to)


def _choose_subprotocol(_self: ServerProtocol, offered: Sequence[Any]) -> Any:
    """Ours if it is offered; none for a plain client that offers none; no version that we do not speak."""
    if wire.SUBPROTOCOL in offered:
        return wire.SUBPROTOCOL
    if offered:
        raise NegotiationError(f"this server speaks {wire.SUBPROTOCOL}")
    return None


def _lower(request: Request) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in request.headers.raw_items():
        key = name.lower()
        found[key] = f"{found[key]}, {value}" if key in found and key != "host" else value
    return found


def _is_page_allowed(headers: Mapping[str, str], reached: Origin, live: Live) -> bool:
    return may_connect(headers.get("origin"), reached, live.settings.allowed_origins)


def _tune(transport: asyncio.Transport, silence_ms: int) -> None:
    """Bound what a client that stops reading, or is gone, can hold (TCP_USER_TIMEOUT: RFC 5482)."""
    shown = transport.get_extra_info("socket")
    if shown is None or shown.family not in {socket.AF_INET, socket.AF_INET6}:
        return
    raw = socket.socket(fileno=shown.fileno())  # uvloop shows a socket without setsockopt
    try:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, silence_ms)
    finally:
        raw.detach()
