"""A TCP proxy between a browser and the server, whose cable a test can pull.

`pull()` cuts every open connection and refuses new ones, `stall()` keeps connections open but carries nothing (a
half-open line), `mend()` carries again. A `Middlebox` is a proxy that understands a little and spoils it: it blocks or
cuts WebSockets, or holds the bytes of event streams back. Both run on their own loop in a thread, because the browser
is driven from a synchronous test.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Coroutine, Iterator
from typing import Any, Literal, Self


class Cable:
    """A listening port on 127.0.0.1 that leads to another one."""

    def __init__(self, target_port: int) -> None:
        self.target_port = target_port
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._carrying = asyncio.Event()
        self._pulled = False
        self._writers: set[asyncio.StreamWriter] = set()
        self._joins: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._call(self._start())
        return self

    def __exit__(self, *_: object) -> None:
        self.pull()
        self._call(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=5)
        self._loop.close()

    def pull(self) -> None:
        """Cut what is open; refuse what comes."""
        self._loop.call_soon_threadsafe(self._cut)
        self._call(asyncio.sleep(0))

    def stall(self) -> None:
        """Carry nothing, close nothing."""
        self._loop.call_soon_threadsafe(self._carrying.clear)

    def strand(self) -> None:
        """What is open stands and carries nothing any more, as after a night's sleep; what comes is carried."""
        self._loop.call_soon_threadsafe(self._strand)
        self._call(asyncio.sleep(0))

    def mend(self) -> None:
        """Carry again."""
        self._pulled = False
        self._loop.call_soon_threadsafe(self._carrying.set)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    def _call(self, work: Coroutine[Any, Any, Any]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=10)

    async def _start(self) -> None:
        self._carrying.set()
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _stop(self) -> None:
        self._cut()
        for join in self._joins:
            join.cancel()
        # A server that closes forgets whom it is just accepting: they find the cable pulled first, and go.
        while tasks := asyncio.all_tasks() - {asyncio.current_task()}:
            await asyncio.gather(*tasks, return_exceptions=True)
        self._server.close()
        await asyncio.sleep(0)  # what was aborted is closed in the loop's next round

    def _strand(self) -> None:
        self._carrying.clear()
        self._carrying = asyncio.Event()
        self._carrying.set()

    def _cut(self) -> None:
        self._pulled = True
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        if self._pulled:
            writer.transport.abort()
            return
        task = self._loop.create_task(self._join(reader, writer))
        self._joins.add(task)
        task.add_done_callback(self._joins.discard)

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        pair = {writer}
        # The end of the test cancels what still waits; streams would complain of a cancelled task.
        with contextlib.suppress(OSError, asyncio.CancelledError):
            try:
                far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target_port)
                pair.add(far_writer)
                self._writers.add(far_writer)
                if not self._pulled:
                    await asyncio.gather(self._carry(reader, far_writer), self._carry(far_reader, writer))
            finally:
                self._writers -= pair
                for end in pair:
                    end.transport.abort()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        carrying = self._carrying
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65536):
                await carrying.wait()
                writer.write(data)
                await writer.drain()
        with contextlib.suppress(OSError, RuntimeError):
            writer.write_eof()


@contextlib.contextmanager
def cable(target_port: int) -> Iterator[Cable]:
    """A cable to the server on `target_port`."""
    with Cable(target_port) as one:
        yield one


class Middlebox(Cable):
    """A proxy of the kinds that stand in hotels and offices.

    Args:
        target_port: where it leads to.
        sockets: what becomes of a WebSocket's handshake: `open` lets it through, `refused` answers 403, `unanswered`
            never answers.
        socket_s: so long a WebSocket lives.
        buffers: event streams are held back until they end.
    """

    def __init__(
        self,
        target_port: int,
        *,
        sockets: Literal["open", "refused", "unanswered"] = "open",
        socket_s: float | None = None,
        buffers: bool = False,
    ) -> None:
        super().__init__(target_port)
        self.sockets = sockets
        self.socket_s = socket_s
        self.buffers = buffers
        self.seen = 0
        """How many handshakes of WebSockets came by."""

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65536):
                if _has(data, b"upgrade: websocket") and data.startswith(b"GET "):
                    self.seen += 1
                    if not self._lets_pass(writer):
                        return await self._refuse(writer)
                if self.buffers and _has(data, b"content-type: text/event-stream"):
                    await reader.read()  # until the stream ends
                writer.write(data)
                await writer.drain()
        with contextlib.suppress(OSError, RuntimeError):
            writer.write_eof()
        return None

    def _lets_pass(self, far: asyncio.StreamWriter) -> bool:
        if self.socket_s is not None:
            self._loop.call_later(self.socket_s, far.transport.abort)
        return self.sockets == "open"

    async def _refuse(self, far: asyncio.StreamWriter) -> None:
        if self.sockets == "unanswered":
            await asyncio.Event().wait()
        # The server's own answer to a request that it cannot like is the refusal.
        far.write(b"GET /sockets-are-blocked-here HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        await far.drain()


def _has(data: bytes, header: bytes) -> bool:
    return header in data.partition(b"\r\n\r\n")[0].lower()
