"""A WebSocket client that is free to misbehave: bytes in, bytes out."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

from websockets.frames import Close

PATH = "/api/v1/credits/live"
MASK = b"\x11\x22\x33\x44"
TEXT, BINARY, CLOSE, PING, PONG, CONT = 1, 2, 8, 9, 10, 0


def frame(
    opcode: int,
    payload: bytes = b"",
    *,
    fin: bool = True,
    masked: bool = True,
    rsv: int = 0,
    length: int | None = None,
) -> bytes:
    """One frame; `length` lies about the payload, `rsv` sets reserved bits."""
    size = len(payload) if length is None else length
    head = bytes([(0x80 if fin else 0) | rsv << 4 | opcode])
    flag = 0x80 if masked else 0
    if size < 126:
        head += bytes([flag | size])
    elif size < 65_536:
        head += bytes([flag | 126]) + size.to_bytes(2, "big")
    else:
        head += bytes([flag | 127]) + size.to_bytes(8, "big")
    if not masked:
        return head + payload
    return head + MASK + bytes(byte ^ MASK[at % 4] for at, byte in enumerate(payload))


def say(**fields: Any) -> bytes:
    return frame(TEXT, json.dumps(fields).encode())


AUTH = say(type="auth", token="user:ada")


class Raw:
    """One connection after its handshake."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def write(self, data: bytes) -> None:
        with contextlib.suppress(ConnectionError):
            self.writer.write(data)

    async def next(self) -> tuple[int, bytes]:
        """(opcode, payload) of the server's next frame; (-1, b"") at the end of the stream."""
        try:
            async with asyncio.timeout(8):
                first, second = await self.reader.readexactly(2)
                assert not second & 0x80, "a server never masks"
                size = second & 0x7F
                if size == 126:
                    size = int.from_bytes(await self.reader.readexactly(2), "big")
                elif size == 127:
                    size = int.from_bytes(await self.reader.readexactly(8), "big")
                return first & 0x0F, await self.reader.readexactly(size)
        except (asyncio.IncompleteReadError, ConnectionError):
            return -1, b""

    async def until(self, opcode: int) -> bytes:
        while True:
            got, payload = await self.next()
            if got == opcode:
                return payload
            assert got != -1, "the stream ended"

    async def close_code(self) -> int:
        """The code by which the server ends it; 1006 where it just ends."""
        while True:
            opcode, payload = await self.next()
            if opcode == -1:
                return 1006
            if opcode == CLOSE:
                return Close.parse(payload).code


def head(port: int, path: str = PATH, **fields: str | None) -> bytes:
    """The request head; a field that is None is left away."""
    wanted: dict[str, str | None] = {
        "Host": f"127.0.0.1:{port}",
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Key": base64.b64encode(b"0123456789abcdef").decode(),
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Protocol": "livecredits.v1",
    }
    wanted |= {name.replace("_", "-"): value for name, value in fields.items()}
    lines = [f"{name}: {value}" for name, value in wanted.items() if value is not None]
    return "\r\n".join([f"GET {path} HTTP/1.1", *lines, "", ""]).encode()


@contextlib.asynccontextmanager
async def raw(port: int, *, limit: int = 2**16) -> AsyncIterator[Raw]:
    """A connection whose handshake was accepted."""
    async with shaking_hands(port, head(port), limit=limit) as (status, _, connection):
        assert status == 101
        yield connection


@contextlib.asynccontextmanager
async def shaking_hands(
    port: int, request: bytes, *, limit: int = 2**16
) -> AsyncIterator[tuple[int, dict[str, str], Raw]]:
    """A handshake and its answer: status, header fields in lower case, the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=limit)
    try:
        writer.write(request)
        async with asyncio.timeout(8):
            lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        fields = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines[1:] if line)}
        yield int(lines[0].split()[1]), fields, Raw(reader, writer)
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
