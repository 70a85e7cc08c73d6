"""What the framework alone costs: a FastAPI route that reads a JSON body, checks it, and answers; no ledger.

Promises: the smallest POST that FastAPI under uvicorn can make of the same request and an answer of the same length.
    python -m bench.peers.fastapi_noop            prints {"event":"listening","port":…}
Commands: `quit`.
"""

from __future__ import annotations

import asyncio
import os
from typing import Any

import uvicorn
import uvloop
from fastapi import FastAPI
from pydantic import BaseModel

from bench.peers.control import free_listener, obey_stdin, tell

app = FastAPI()
ANSWER = {
    "entry": "ent_01998a5e7c3b7d0f8a6b5c4d3e2f1a0b",
    "user_id": "u00000",
    "unit": "credits",
    "kind": "spend",
    "amount": -1,
    "version": 12,
    "epoch": "ep_0123456789abcdef",
    "credits": 999_999_988,
    "balance": {"settled": 999_999_988, "held": 0, "available": 999_999_988},
    "as_of": "2026-11-23T05:36:21.123456Z",
}


class Body(BaseModel):
    """What a spend says."""

    amount: int
    label: str | None = None


@app.post("/api/v1/users/{user_id}/spend")
async def spend(user_id: str, body: Body) -> dict[str, Any]:  # noqa: ARG001  (read and checked, that is all)
    """Nothing is spent."""
    return ANSWER


async def obey(_line: str) -> dict[str, Any]:
    """No commands of its own."""
    return {"event": "nothing"}


async def serve() -> None:
    """Serve with the defaults of uvicorn, beside the harness's commands."""
    listener = free_listener()
    config = uvicorn.Config(app, log_level="warning", access_log=False, lifespan="off")
    serving = asyncio.create_task(uvicorn.Server(config).serve(sockets=[listener]))
    tell(event="listening", port=listener.getsockname()[1])
    await obey_stdin(obey)
    serving.cancel()
    os._exit(0)


if __name__ == "__main__":
    uvloop.run(serve())
