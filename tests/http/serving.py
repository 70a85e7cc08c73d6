"""The application behind a real uvicorn on a free port, in a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import uvicorn
from tests.http.stage import Stage, staged

T = TypeVar("T")


class Served:
    """A stage that is being served; `run` does something on its loop."""

    def __init__(self, stage: Stage, url: str, loop: asyncio.AbstractEventLoop) -> None:
        self.stage = stage
        self.url = url
        self._loop = loop

    def run(self, work: Awaitable[T]) -> T:
        async def do() -> T:
            return await work

        return asyncio.run_coroutine_threadsafe(do(), self._loop).result(30)


@asynccontextmanager
async def listening(app: Any) -> AsyncIterator[str]:
    """A uvicorn on this loop, with its own protocols; gives its address."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning", lifespan="on", ws="none"))
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn tells by this flag alone
        await asyncio.sleep(0.005)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        await serving


@contextmanager
def served(
    folder: Path, wrap: Callable[[Stage], Any] = lambda stage: stage.app, **settings: Any
) -> Iterator[Served]:
    """The application in a thread, for clients that block."""
    ready: list[Served] = []
    is_up, may_end = threading.Event(), threading.Event()

    async def serve() -> None:
        async with staged(folder, **settings) as stage, listening(wrap(stage)) as url:
            ready.append(Served(stage, url, asyncio.get_running_loop()))
            is_up.set()
            await asyncio.to_thread(may_end.wait)

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    assert is_up.wait(20), "the server did not start"
    try:
        yield ready[0]
    finally:
        may_end.set()
        thread.join(10)
