"""S2: what a WebSocket client may get wrong, byte by byte, and the close code that it gets for it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest
from tests.live.carriers import eventually
from tests.live.ledger import Ledger, make_live
from tests.live.raw import (
    AUTH,
    BINARY,
    CLOSE,
    CONT,
    PATH,
    PING,
    PONG,
    TEXT,
    frame,
    head,
    raw,
    say,
    shaking_hands,
)
from tests.live.servers import uvicorn_live

from livecredits.core.screen import Limits

LIMITS = Limits(frames=300, close_ms=600, auth_ms=1_500, step_ms=50, per_address=50)
RESYNC = b'{"type":"resync"}'


@pytest.fixture
async def port(ledger: Ledger) -> AsyncIterator[int]:
    live = make_live(ledger, limits=LIMITS)
    async with uvicorn_live(live) as port:
        yield port
    await eventually(lambda: not live.open_screens)


CASES: dict[str, tuple[bytes, int]] = {
    # framing (RFC 6455, section 5)
    "unmasked text": (frame(TEXT, RESYNC, masked=False), 1002),
    "unmasked ping": (frame(PING, masked=False), 1002),
    "unmasked close": (frame(CLOSE, masked=False), 1002),
    "reserved bit 1": (frame(TEXT, RESYNC, rsv=4), 1002),
    "reserved bit 2": (frame(TEXT, RESYNC, rsv=2), 1002),
    "reserved bit 3": (frame(TEXT, RESYNC, rsv=1), 1002),
    "reserved bit on a ping": (frame(PING, rsv=4), 1002),
    "opcode 3": (frame(3, b"x"), 1002),
    "opcode 7": (frame(7), 1002),
    "opcode 11": (frame(11), 1002),
    "opcode 15": (frame(15), 1002),
    "fragmented ping": (frame(PING, b"x", fin=False), 1002),
    "fragmented pong": (frame(PONG, b"x", fin=False), 1002),
    "fragmented close": (frame(CLOSE, b"\x03\xe8", fin=False), 1002),
    "ping of 126 bytes": (frame(PING, b"x" * 126), 1002),
    "close of 126 bytes": (frame(CLOSE, b"\x03\xe8" + b"x" * 124), 1002),
    "continuation of nothing": (frame(CONT, RESYNC), 1002),
    "open continuation of nothing": (frame(CONT, RESYNC, fin=False), 1002),
    "text within a message": (frame(TEXT, b"{", fin=False) + frame(TEXT, b"}"), 1002),
    "binary within a message": (frame(TEXT, b"{", fin=False) + frame(BINARY, b"}"), 1002),
    "a second request head": (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", 1002),
    "noise": (bytes(range(200, 256)) * 4, 1002),
    # sizes
    "a text of 4097 bytes": (frame(TEXT, b"x" * 4097), 1009),
    "a promise of 64 KiB": (frame(TEXT, b"x", length=65_535), 1009),
    "a promise of 2^62 bytes": (frame(TEXT, b"x", length=2**62), 1009),
    "a promise of 2^63 bytes": (frame(TEXT, b"x", length=2**63), 1009),
    "a giant": (frame(TEXT, b"x" * 1_000_000), 1009),
    "a giant in parts": (frame(TEXT, b"x" * 4000, fin=False) + frame(CONT, b"x" * 4000, fin=False), 1009),
    "many empty parts and then too much": (
        frame(TEXT, b"", fin=False) + frame(CONT, b"", fin=False) * 20 + frame(CONT, b"x" * 4097),
        1009,
    ),
    # kinds and encodings
    "binary": (frame(BINARY, RESYNC), 1003),
    "empty binary": (frame(BINARY), 1003),
    "text that is not UTF-8": (frame(TEXT, b"\xff\xfe"), 1007),
    "text cut within a letter": (frame(TEXT, "ö".encode()[:1]), 1007),
    "overlong UTF-8": (frame(TEXT, b"\xc0\xaf"), 1007),
    "a surrogate in UTF-8": (frame(TEXT, b"\xed\xa0\x80"), 1007),
    "a close reason that is not UTF-8": (frame(CLOSE, b"\x03\xe8\xff"), 1007),
    # close frames
    "close with one byte": (frame(CLOSE, b"\x03"), 1002),
    "close with code 999": (frame(CLOSE, (999).to_bytes(2, "big")), 1002),
    "close with code 1005": (frame(CLOSE, (1005).to_bytes(2, "big")), 1002),
    "close with code 1006": (frame(CLOSE, (1006).to_bytes(2, "big")), 1002),
    "close with code 5000": (frame(CLOSE, (5000).to_bytes(2, "big")), 1002),
    "close with code 1000": (frame(CLOSE, (1000).to_bytes(2, "big")), 1000),
    "close with code 4999": (frame(CLOSE, (4999).to_bytes(2, "big")), 4999),
    # what it says
    "an empty text": (frame(TEXT), 4300),
    "text that is not JSON": (frame(TEXT, b"hello"), 4300),
    "JSON that is no object": (frame(TEXT, b"[]"), 4300),
    "JSON that is too deep": (frame(TEXT, b"[" * 4096), 4300),
    "a type that there is not": (say(type="state"), 4300),
    "a frame of the server's": (say(type="hello", protocol=1), 4300),
    "a field of the wrong type": (say(type="pong", painted=7, visible=True), 4300),
    "a number that is not one": (
        frame(TEXT, b'{"type":"pong","painted":{"credits":NaN},"visible":true}'),
        4300,
    ),
}


@pytest.mark.parametrize("case", CASES)
async def test_a_fault_ends_the_connection_with_its_code(port: int, case: str) -> None:
    data, code = CASES[case]
    async with raw(port) as client:
        client.write(AUTH)
        await client.until(TEXT)
        client.write(data)
        assert await client.close_code() == code


@pytest.mark.parametrize("case", [name for name, (_, code) in CASES.items() if 1000 < code < 1010])
async def test_the_same_fault_before_the_token(port: int, case: str) -> None:
    data, code = CASES[case]
    async with raw(port) as client:
        client.write(data)
        assert await client.close_code() == code


async def test_the_first_frame_must_be_auth(port: int) -> None:
    async with raw(port) as client:
        client.write(say(type="resync"))
        assert await client.close_code() == 4304


@pytest.mark.parametrize(
    ("token", "code"), [("expired", 4200), ("nonsense", 4201), ("key:none", 4301), ("user:ada:-5", 4200)]
)
async def test_a_token_that_is_not_good(port: int, token: str, code: int) -> None:
    async with raw(port) as client:
        client.write(say(type="auth", token=token))
        assert await client.close_code() == code


async def test_a_stranger_who_says_nothing(port: int) -> None:
    async with raw(port) as client:
        assert await client.close_code() == 4203


@pytest.mark.parametrize(
    "flood", [frame(PING, b"x"), frame(PONG), say(type="resync")], ids=["ping", "pong", "resync"]
)
async def test_a_flood_is_too_fast(port: int, flood: bytes) -> None:
    async with raw(port) as client:
        client.write(AUTH)
        await client.until(TEXT)
        client.write(flood * (LIMITS.frames + 5))
        assert await client.close_code() == 4102


# --- what is allowed, however odd ---------------------------------------------------------------------------


async def test_a_ping_is_answered_with_its_payload(port: int) -> None:
    async with raw(port) as client:
        client.write(frame(PING, b"are you there"))
        assert await client.until(PONG) == b"are you there"


async def test_a_message_in_parts_with_a_ping_between(port: int) -> None:
    text = json.dumps({"type": "auth", "token": "user:sören"}, ensure_ascii=False).encode()
    cut = text.index("ö".encode()) + 1  # within a letter
    async with raw(port) as client:
        client.write(frame(TEXT, text[:cut], fin=False) + frame(PING, b"?"))
        assert await client.until(PONG) == b"?"
        client.write(frame(CONT, text[cut:], fin=False) + frame(CONT))
        assert json.loads(await client.until(TEXT))["user"] == "sören"


async def test_one_byte_at_a_time(port: int) -> None:
    async with raw(port) as client:
        for at in range(len(AUTH)):
            client.write(AUTH[at : at + 1])
            await client.writer.drain()
        assert json.loads(await client.until(TEXT))["type"] == "hello"


async def test_many_frames_in_one_segment(port: int) -> None:
    async with raw(port) as client:
        client.write(AUTH + frame(PONG) + frame(PING, b"1") + say(type="resync") + frame(PING, b"2"))
        assert await client.until(PONG) == b"1"
        assert await client.until(PONG) == b"2"
        assert json.loads(await client.until(TEXT))["type"] == "hello"


async def test_what_comes_behind_a_close_is_not_read(port: int) -> None:
    async with raw(port) as client:
        client.write(AUTH)
        await client.until(TEXT)
        client.write(frame(CLOSE, b"\x03\xe8") + frame(PING, b"x") + b"\xff" * 100)
        assert await client.close_code() == 1000
        assert await client.next() == (-1, b"")


async def test_who_does_not_go_is_cut(port: int) -> None:
    async with raw(port) as client:
        client.write(say(type="nonsense"))
        assert await client.close_code() == 4300
        client.write(frame(PING) * 10)
        assert await client.next() == (-1, b"")


# --- the handshake ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({}, 101),
        ({"Sec_WebSocket_Protocol": None}, 101),
        ({"Sec_WebSocket_Protocol": "chat, livecredits.v1"}, 101),
        ({"Sec_WebSocket_Protocol": "livecredits.v2"}, 400),
        ({"Sec_WebSocket_Key": None}, 400),
        ({"Sec_WebSocket_Key": "c2hvcnQ="}, 400),
        ({"Sec_WebSocket_Key": "not base 64!"}, 400),
        ({"Sec_WebSocket_Version": None}, 400),
        ({"Sec_WebSocket_Version": "8"}, 400),
        ({"Sec_WebSocket_Extensions": "permessage-deflate"}, 101),
    ],
)
async def test_a_handshake(port: int, fields: dict[str, str | None], status: int) -> None:
    async with shaking_hands(port, head(port, PATH, **fields)) as (got, answered, _):
        assert got == status
        assert "sec-websocket-extensions" not in answered
        if status == 101:
            offered = fields.get("Sec_WebSocket_Protocol", "livecredits.v1")
            assert answered.get("sec-websocket-protocol") == ("livecredits.v1" if offered else None)


@pytest.mark.parametrize(
    ("origin", "is_welcome"),
    [
        (None, True),
        ("http://127.0.0.1:{port}", True),
        ("https://127.0.0.1:{port}", True),
        ("https://shop.example", True),
        ("https://shop.example:443", True),
        ("http://shop.example", False),
        ("https://evil.example", False),
        ("https://shop.example.evil.example", False),
        ("http://127.0.0.1:1", False),
        ("http://localhost:{port}", False),
        ("null", False),
        ("", False),
        ("https://shop.example/path", False),
        ("file://", False),
    ],
)
async def test_only_known_pages_may_connect(ledger: Ledger, origin: str | None, is_welcome: bool) -> None:
    live = make_live(ledger, limits=LIMITS, allowed_origins="https://shop.example")
    async with uvicorn_live(live) as port:
        shown = origin.format(port=port) if origin is not None else None
        async with shaking_hands(port, head(port, Origin=shown)) as (_, _, client):
            client.write(AUTH)
            if is_welcome:
                assert json.loads(await client.until(TEXT))["type"] == "hello"
            else:
                assert await client.close_code() == 4303


async def test_a_trusted_proxy_names_host_scheme_and_address(ledger: Ledger) -> None:
    live = make_live(ledger, limits=Limits(per_address=1), trusted_proxies="127.0.0.0/8")
    async with uvicorn_live(live) as port:
        fields = {
            "X_Forwarded_Proto": "https",
            "X_Forwarded_Host": "app.example",
            "Origin": "https://app.example",
        }
        first = head(port, X_Forwarded_For="198.51.100.7", **fields)
        second = head(port, X_Forwarded_For="198.51.100.8", **fields)
        async with shaking_hands(port, first) as (_, _, one), shaking_hands(port, second) as (_, _, two):
            for client in (one, two):
                client.write(AUTH)
                assert json.loads(await client.until(TEXT))["type"] == "hello"
            async with shaking_hands(port, first) as (_, _, third):
                assert await third.close_code() == 4302


async def test_nobody_else_names_an_address(ledger: Ledger) -> None:
    live = make_live(ledger, limits=Limits(per_address=1))
    async with (
        uvicorn_live(live) as port,
        raw(port),
        shaking_hands(port, head(port, X_Forwarded_For="198.51.100.7")) as (_, _, second),
    ):
        assert await second.close_code() == 4302


async def test_too_many_handshakes_a_second_are_put_off(ledger: Ledger) -> None:
    live = make_live(ledger, handshakes_per_s=3)
    async with uvicorn_live(live) as port:
        statuses = []
        for _ in range(12):
            async with shaking_hands(port, head(port)) as (status, answered, _):
                statuses.append(status)
                assert status == 101 or answered["retry-after"] == "1"
        assert set(statuses) == {101, 503}


async def test_a_draining_server_takes_nobody(ledger: Ledger) -> None:
    live = make_live(ledger)
    async with uvicorn_live(live) as port:
        async with raw(port):
            live.begin_drain()
        async with shaking_hands(port, head(port)) as (status, answered, _):
            assert (status, answered["retry-after"]) == (503, "1")
