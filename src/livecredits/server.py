"""One process that serves a ledger: the port, the event loop, the garbage collector, and how it ends.

Promises: it refuses to start with a sentence that names what is in the way; on SIGTERM or SIGINT it says goodbye to
every screen and is gone within five seconds, or, beside other nodes, sends its screens to them first; when the database
fails for good it ends with an error, so that a supervisor can start it anew.
Must not know routes or frames. These are the settings of a process, which is why the library never touches them.
The odd thing: uvicorn raises a caught signal again after its end, which would kill us before the ledger is closed;
so `_Server` catches signals in its own way.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import gc
import importlib
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Iterator
from typing import TYPE_CHECKING

import uvicorn
import uvloop

from livecredits.errors import StartRefused
from livecredits.live.protocol import make_ws_protocol

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from livecredits.credits import Credits
    from livecredits.live.shell import Live

GOODBYE_S = 3
"""How long requests may still take, and screens may stay, after the signal."""
GC_THRESHOLD = (20_000, 50, 1_000)
"""With thousands of connections a full collection pauses for up to 490 ms; these make it rare (measured: p99 of a
saturated push 120–527 ms → 30 ms)."""
SWITCH_INTERVAL_S = 0.001
"""The writer's thread and the loop's take turns; Python's 5 ms make one wait for the other (measured: +4–10 % changes
a second with 256 callers)."""

LOADED_LATER = ("jwt",)
"""What the first screen will need and a start does not; loaded in a thread once requests are answered."""


def listen(host: str, port: int) -> socket.socket:
    """Take the port, before anything else is done.

    Args:
        host: an address or a name of this machine.
        port: 0 takes any free one.

    Raises:
        StartRefused: with the port and why it cannot be had.
    """
    listener: socket.socket | None = None
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        # uvicorn listens much later; until then a second process would be let through to the same port.
        listener.listen(2048)
    except OSError as error:
        if listener is not None:
            listener.close()
        raise StartRefused(_why(error, host, port)) from None
    listener.set_inheritable(False)
    return listener


def inherited(number: int) -> socket.socket:
    """The port that a parent process has taken; it goes on holding it."""
    listener = socket.socket(fileno=number)
    listener.set_inheritable(False)
    return listener


def _why(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} on {host} is in use by another process. Choose another one: --port {port + 1}"
    if error.errno == errno.EACCES:
        return f"Port {port} on {host} needs more rights than this process has. Choose one above 1023 with --port."
    return f"This process cannot listen on {host}, port {port}: {error.strerror or error}."


def run(main: Callable[[], Awaitable[None]]) -> None:
    """Run a whole process on uvloop."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_awaited(main))


async def _awaited(main: Callable[[], Awaitable[None]]) -> None:
    await main()


async def serve(
    app: ASGIApp,
    live: Live,
    credits: Credits,
    listener: socket.socket,
    *,
    ready: Callable[[], Awaitable[None]],
) -> None:
    """Serve until a signal comes.

    Args:
        app: answers every request; a host app that mounts ours, or ours alone.
        live: serves the screens, on the same port.
        credits: the open ledger.
        listener: from `listen`.
        ready: called once, when requests are answered.

    Raises:
        StorageFailed: the database failed for good; reads and writes have ended.
    """
    config = uvicorn.Config(
        app,
        http="httptools",
        ws=make_ws_protocol(live),
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # our own rule of trusted proxies reads them
        timeout_graceful_shutdown=GOODBYE_S,
    )
    server = _Server(config, live, ready)
    stop_watching = credits.on_failure(server.end)
    try:
        await server.serve(sockets=[listener])
    finally:
        stop_watching()
        if server.failure is None:
            await live.receipts.flush(everything=True)
        live.close()
    if server.failure is not None:
        raise server.failure


class _Server(uvicorn.Server):
    """uvicorn's server, which tells when it is ready and leaves signals caught until the process ends by itself."""

    def __init__(self, config: uvicorn.Config, live: Live, ready: Callable[[], Awaitable[None]]) -> None:
        super().__init__(config)
        self.failure: Exception | None = None
        self._live = live
        self._ready = ready

    def end(self, failure: Exception) -> None:
        """Stop because of this."""
        self.failure = failure
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, settle the interpreter, tell that we are ready."""
        await super().startup(sockets=sockets)
        gc.collect()
        gc.freeze()
        gc.set_threshold(*GC_THRESHOLD)
        sys.setswitchinterval(SWITCH_INTERVAL_S)
        self._live.begin()
        self._live.neighbours.has_changed()
        await self._ready()
        loop = asyncio.get_running_loop()
        for name in LOADED_LATER:
            loop.run_in_executor(None, importlib.import_module, name)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Say goodbye to the screens first: event streams and long polls would keep uvicorn waiting for its time.

        Where other nodes take them they go one after the other, and requests are answered meanwhile.
        """
        await self._live.leave(self._live.settings.drain_s, lambda: self.force_exit)
        self._live.begin_drain()
        await super().shutdown(sockets=sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Catch SIGINT and SIGTERM for good: what follows the end is ours to finish."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self.handle_exit)
        yield
