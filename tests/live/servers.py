"""Servers on free ports of 127.0.0.1, in the test's own loop: uvicorn with our protocol class, and hypercorn."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from typing import Any

import uvicorn
from hypercorn.asyncio import serve as serve_hypercorn
from hypercorn.config import Config as HypercornConfig

from livecredits.live.protocol import make_ws_protocol
from livecredits.live.shell import Live


@contextlib.asynccontextmanager
async def serving(app: Any, **config: Any) -> AsyncIterator[int]:
    """Uvicorn on a free port of 127.0.0.1, in this loop; yields the port."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=512)
    server = uvicorn.Server(
        uvicorn.Config(app, log_level="warning", lifespan="off", timeout_graceful_shutdown=5, **config)
    )
    server.capture_signals = contextlib.nullcontext  # type: ignore[assignment,method-assign]
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        await task


async def not_here(scope: Any, receive: Any, send: Any) -> None:
    """The app beside the live path: an echo for WebSockets, 404 for HTTP."""
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        while (message := await receive())["type"] == "websocket.receive":
            await send({"type": "websocket.send", "text": f"echo {message['text']}"})
    else:
        await send({"type": "http.response.start", "status": 404, "headers": []})
        await send({"type": "http.response.body", "body": b""})


@contextlib.asynccontextmanager
async def uvicorn_live(live: Live, **config: Any) -> AsyncIterator[int]:
    """Uvicorn with our protocol class on the live path, and the ASGI endpoint behind it for HTTP."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        is_live = scope["path"].startswith("/api/v1/credits/live") and scope["type"] == "http"
        await (live.endpoint if is_live else not_here)(scope, receive, send)

    async with serving(app, ws=make_ws_protocol(live), **config) as port:
        yield port


@contextlib.asynccontextmanager
async def hypercorn_live(live: Live) -> AsyncIterator[int]:
    """The ASGI endpoint under another server."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = HypercornConfig()
    port = listener.getsockname()[1]
    config.bind = [f"fd://{listener.detach()}"]
    config.graceful_timeout = 1
    config.loglevel = "WARNING"
    stop = asyncio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            return
        await live.endpoint(scope, receive, send)

    task = asyncio.create_task(serve_hypercorn(app, config, shutdown_trigger=stop.wait))
    try:
        yield port
    finally:
        await live.drain(1)
        stop.set()
        await task
