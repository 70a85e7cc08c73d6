"""L6: a client that stops reading costs a bounded amount, delays nobody, and gets one frame when it returns."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator
from dataclasses import replace

from tests.live.carriers import Sockets, eventually
from tests.live.ledger import Ledger, make_live
from tests.live.raw import TEXT, Raw, head, say
from tests.live.servers import uvicorn_live

from livecredits.core.rows import Cause
from livecredits.core.screen import Limits
from livecredits.live.shell import Live

SLOW = 20
CHANGES = 400
BOUND_BYTES = 64_000


@contextlib.asynccontextmanager
async def deaf_screen(port: int, token: str) -> AsyncIterator[Raw]:
    """A screen with a small receive buffer whose client reads only when the test does."""
    bare = socket.socket()
    bare.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    bare.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(bare, ("127.0.0.1", port))
    await loop.sock_sendall(bare, head(port))
    answered = b""
    while not answered.endswith(b"\r\n\r\n"):
        answered += await loop.sock_recv(bare, 1)
    await loop.sock_sendall(bare, say(type="auth", token=token))
    try:
        reader, writer = await asyncio.open_connection(sock=bare, limit=2**12)
        yield Raw(reader, writer)
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


def unsent_bytes(live: Live) -> list[int]:
    """What each screen's transport holds in our own memory."""
    return [screen.link.transport.get_write_buffer_size() for screen in live.hub.screens.values()]


async def test_who_does_not_read_costs_little_and_gets_the_newest_frame_alone(ledger: Ledger) -> None:
    live = make_live(ledger, limits=Limits(per_user=100))
    async with uvicorn_live(live) as port, contextlib.AsyncExitStack() as stack:
        carrier = Sockets()
        carrier.live, carrier.port = live, port
        quick = await stack.enter_async_context(carrier.screen("user:quick"))
        await quick.until("hello")
        for _ in range(SLOW):
            client = await stack.enter_async_context(deaf_screen(port, "user:ada"))
            await client.until(TEXT)
            client.writer.transport.pause_reading()  # type: ignore[attr-defined]
        label = "x" * 2_000  # long frames fill buffers soon
        for _ in range(CHANGES):
            ledger.tell(replace(ledger.write("ada"), cause=Cause("ent", "grant", 1, label)))
            ledger.commit("quick")
            assert (await quick.next())["user"] == "quick"  # nobody waits for the slow ones
        slow = [screen for screen in live.hub.screens.values() if screen.who and screen.who.user_id == "ada"]
        assert all(screen.paused for screen in slow)
        assert all(len(screen.slot or ()) == 1 for screen in slow)
        assert max(unsent_bytes(live)) < BOUND_BYTES
        newest = ledger.rows["ada", "credits"].version
        client.writer.transport.resume_reading()  # type: ignore[attr-defined]
        versions: list[int] = []
        while not versions or versions[-1] != newest:
            versions.append(json.loads(await client.until(TEXT))["version"])
        # What stood in the kernel's buffers comes first, in order; then the slot, and in it the newest alone.
        assert versions == sorted(set(versions))
        assert versions[-1] - versions[-2] > CHANGES // 4
        await eventually(lambda: slow[-1].slot is None and not slow[-1].paused)


async def test_a_deaf_client_is_given_up_after_one_and_a_half_heartbeats(ledger: Ledger) -> None:
    live = make_live(ledger, limits=Limits(heartbeat_ms=400, step_ms=50))
    async with uvicorn_live(live) as port, deaf_screen(port, "user:ada") as client:
        await client.until(TEXT)
        await eventually(lambda: not live.open_screens)
    assert live.counts.closes == {"no_answer": 1}
