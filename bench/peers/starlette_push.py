"""The same push as one would write it with Starlette: a WebSocket endpoint, a registry, `send_text` under uvicorn.

Promises: the cheapest form that the framework allows: one loop sends to all, with no queue or task per screen beyond
the handler that the framework needs; the same JSON per change, made once by `json.dumps`. No ledger, no slots, no
back-pressure, and any token will do.
    python -m bench.peers.starlette_push          prints {"event":"listening","port":…}
Commands: `go ROUNDS BATCH` · `rss` · `calm` · `quit`.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from typing import Any

import uvicorn
import uvloop
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from bench.peers.control import free_listener, lift_file_limit, now_ns, obey_stdin, tell

SCREENS: dict[str, WebSocket] = {}


async def live(websocket: WebSocket) -> None:
    """One screen: reads the token, registers, then only listens for the end."""
    await websocket.accept(subprotocol="livecredits.v1")
    await websocket.receive_text()
    user = f"u{len(SCREENS):05d}"
    SCREENS[user] = websocket
    await websocket.send_text(json.dumps({"type": "hello", "user": user}))
    try:
        while True:
            await websocket.receive_text()
    except WebSocketDisconnect:
        SCREENS.pop(user, None)


def state(user: str, version: int) -> str:
    """A frame of the same fields and nearly the same length as ours."""
    frame: dict[str, Any] = {
        "type": "state",
        "epoch": "ep_0123456789abcdef",
        "user": user,
        "unit": "credits",
        "version": version,
        "balance": {"settled": 1000 + version, "held": 0, "available": 1000 + version},
        "credits": 1000 + version,
        "scale": 0,
        "next_expiry": None,
        "changed_at": "2026-11-23T05:36:21.123456Z",
        "cause": {
            "entry": "ent_01998a5e7c3b7d0f8a6b5c4d3e2f1a0b",
            "kind": "grant",
            "amount": 1,
            "label": None,
        },
        "keys": [],
    }
    return json.dumps(frame, separators=(",", ":"))


async def obey(line: str) -> dict[str, Any]:
    """`go ROUNDS BATCH`: a frame to every screen, ROUNDS times; other work gets its turn after every BATCH."""
    _, rounds, batch = line.split()
    began_ns, began_cpu, handed = now_ns(), time.process_time(), 0
    for version in range(int(rounds)):
        for user, websocket in SCREENS.items():
            await websocket.send_text(state(user, version))
            handed += 1
            if handed % int(batch) == 0:
                await asyncio.sleep(0)
    cpu_s = time.process_time() - began_cpu
    return {"event": "pushed", "handed": handed, "began_ns": began_ns, "cpu_s": cpu_s}


async def serve() -> None:
    """Serve with the defaults of uvicorn, beside the harness's commands."""
    lift_file_limit()
    listener = free_listener()
    app = Starlette(routes=[WebSocketRoute("/{path:path}", live)])
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False, lifespan="off"))
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    tell(event="listening", port=listener.getsockname()[1])
    await obey_stdin(obey)
    serving.cancel()
    os._exit(0)  # open screens are not this program's concern any more


if __name__ == "__main__":
    uvloop.run(serve())
