"""A server that looks whether a voucher is free and then redeems it: the fault that the attack on M4 must catch.

It stands on the same ledger and in as many processes as the honest one. Run: `python planted.py DATABASE PORT`.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import uvicorn
from sqlalchemy import select, update
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from livecredits import Credits
from livecredits.storage.schema import vouchers

CREDITS = 5


async def main(url: str, port: int) -> None:
    async with Credits(url) as credits:
        opened = credits.open()

        async def redeem(request: Request) -> JSONResponse:
            asked = await request.json()
            mine = vouchers.c.code == asked["code"]

            def look(connection: Any) -> int:
                return int(connection.execute(select(vouchers.c.redemptions).where(mine)).scalar_one())

            if await asyncio.to_thread(opened.read, look):
                return JSONResponse({}, 409)
            await credits.grant(request.path_params["user"], CREDITS, source=asked["code"])
            mark = update(vouchers).where(mine).values(redemptions=1)
            await asyncio.to_thread(opened.write, lambda c: c.execute(mark))
            return JSONResponse({})

        app = Starlette(routes=[Route("/api/v1/users/{user}/redeem", redeem, methods=["POST"])])
        server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="warning"))
        serving = asyncio.create_task(server.serve())
        while not server.started:  # noqa: ASYNC110 - uvicorn tells by this flag alone
            await asyncio.sleep(0.005)
        print("ready", flush=True)
        await serving


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
