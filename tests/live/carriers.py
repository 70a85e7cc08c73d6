"""A screen as a test sees it, the same on every carrier: say a frame, get the next one, get the verdict."""

from __future__ import annotations

import asyncio
import contextlib
import json
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from typing import Any

from tests.live.servers import hypercorn_live, uvicorn_live
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from livecredits.live.shell import Live

PATH = "/api/v1/credits/live"
WAIT_S = 8.0


class Guest(ABC):
    """One screen of a test."""

    @abstractmethod
    async def next(self) -> dict[str, Any]:
        """The next frame; raises `Ended` where there is none any more."""

    @abstractmethod
    async def say(self, *frames: dict[str, Any]) -> None: ...

    async def until(self, kind: str) -> dict[str, Any]:
        """The next frame of this type, whatever comes before it."""
        while (frame := await self.next())["type"] != kind:
            pass
        return frame

    async def verdict(self) -> tuple[int, str]:
        """The close code, when the server ends it."""
        with contextlib.suppress(AssertionError):
            while True:
                await self.next()
        return self.ended

    ended: tuple[int, str] = (0, "")


class Ended(AssertionError):
    """The server ended the screen."""


class SocketGuest(Guest):
    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    async def next(self) -> dict[str, Any]:
        try:
            async with asyncio.timeout(WAIT_S):
                frame: dict[str, Any] = json.loads(await self.connection.recv())
        except ConnectionClosed as closed:
            received = closed.rcvd
            self.ended = (received.code, received.reason) if received is not None else (1006, "")
            raise Ended(self.ended) from None
        return frame

    async def say(self, *frames: dict[str, Any]) -> None:
        for frame in frames:
            await self.connection.send(json.dumps(frame))


class EventsGuest(Guest):
    """A reader of the event stream, by hand over a bare socket: headers, chunks, lines."""

    def __init__(self, reader: asyncio.StreamReader, port: int, token: str) -> None:
        self.reader = reader
        self.port = port
        self.token = token
        self.screen = ""
        self.headers: dict[str, str] = {}
        self.last_id = ""
        self._lines: list[str] = []

    async def next(self) -> dict[str, Any]:
        async with asyncio.timeout(WAIT_S):
            frame = await self._next_event()
        if frame["type"] == "hello":
            self.screen = frame["screen"]
        if frame["type"] == "closed":
            self.ended = (frame["code"], frame["reason"])
            raise Ended(self.ended)
        return frame

    async def _next_event(self) -> dict[str, Any]:
        while True:
            while self._lines:
                line = self._lines.pop(0)
                if line.startswith("id: "):
                    self.last_id = line[4:]
                if line.startswith("data: "):
                    frame: dict[str, Any] = json.loads(line[6:])
                    return frame
            size = int((await self.reader.readline()).strip() or b"0", 16)
            if not size:
                raise Ended("the stream ended")
            chunk = await self.reader.readexactly(size)
            await self.reader.readexactly(2)
            self._lines = chunk.decode().split("\n")

    async def say(self, *frames: dict[str, Any]) -> None:
        status, _, _ = await request(
            self.port, "POST", f"{PATH}/{self.screen}", self.token, json.dumps(frames)
        )
        assert status == 204, status


async def request(
    port: int, method: str, path: str, token: str | None, body: str = "", **headers: str
) -> tuple[int, dict[str, str], bytes]:
    """One HTTP/1.1 request on a connection of its own; status, headers, body."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(_head(method, path, token, port, body, {**headers, "connection": "close"}))
        status, answered = await _read_head(reader)
        async with asyncio.timeout(WAIT_S):
            return status, answered, await reader.read()
    finally:
        writer.close()


def _head(method: str, path: str, token: str | None, port: int, body: str, headers: dict[str, str]) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", f"host: 127.0.0.1:{port}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    if token is not None:
        lines.append(f"authorization: Bearer {token}")
    if body:
        lines += [f"content-length: {len(body.encode())}", "content-type: application/json"]
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


async def _read_head(reader: asyncio.StreamReader) -> tuple[int, dict[str, str]]:
    async with asyncio.timeout(WAIT_S):
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    fields = dict(line.lower().split(": ", 1) for line in head[1:] if line)
    return int(head[0].split()[1]), fields


class Carrier(ABC):
    """A way to reach a screen: a server, and how to connect to it."""

    live: Live
    port: int

    @abstractmethod
    def serving(self, live: Live) -> contextlib.AbstractAsyncContextManager[int]: ...

    @abstractmethod
    def screen(self, token: str) -> contextlib.AbstractAsyncContextManager[Guest]: ...


class Sockets(Carrier):
    def serving(self, live: Live) -> contextlib.AbstractAsyncContextManager[int]:
        return uvicorn_live(live)

    @contextlib.asynccontextmanager
    async def screen(self, token: str) -> AsyncIterator[Guest]:
        url = f"ws://127.0.0.1:{self.port}{PATH}"
        async with connect(url, subprotocols=["livecredits.v1"], compression=None) as connection:  # type: ignore[list-item]
            assert connection.subprotocol == "livecredits.v1"
            guest = SocketGuest(connection)
            await guest.say({"type": "auth", "token": token})
            yield guest


class SocketsElsewhere(Sockets):
    def serving(self, live: Live) -> contextlib.AbstractAsyncContextManager[int]:
        return hypercorn_live(live)


class Events(Carrier):
    def serving(self, live: Live) -> contextlib.AbstractAsyncContextManager[int]:
        return uvicorn_live(live)

    @contextlib.asynccontextmanager
    async def screen(self, token: str) -> AsyncIterator[Guest]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(_head("GET", PATH, token, self.port, "", {"accept": "text/event-stream"}))
        guest = EventsGuest(reader, self.port, token)
        status, guest.headers = await _read_head(reader)
        assert status == 200, status
        try:
            yield guest
        finally:
            writer.close()


class EventsElsewhere(Events):
    def serving(self, live: Live) -> contextlib.AbstractAsyncContextManager[int]:
        return hypercorn_live(live)


CARRIERS = (Sockets, SocketsElsewhere, Events, EventsElsewhere)


async def eventually(is_so: Any) -> None:
    """Let the loop turn until something is so; for what has no frame to wait for."""
    async with asyncio.timeout(WAIT_S):
        while not is_so():  # noqa: ASYNC110 - the server has no event to tell a test
            await asyncio.sleep(0.005)
