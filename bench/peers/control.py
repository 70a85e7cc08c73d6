"""How a Python server under measurement talks with the harness: commands in on stdin, one JSON line out each.

Promises: the same for our server and for the Starlette peer, so that neither pays more for being watched: listening
on a free port of loopback, uvicorn's default loop (uvloop) and HTTP parser, and after start the same settings of the
garbage collector (`gc.freeze()`, thresholds 20000/50/1000) that `livecredits serve` uses.
Must not know: what is measured.
"""

from __future__ import annotations

import asyncio
import gc
import json
import resource
import socket
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

Obey = Callable[[str], Awaitable[dict[str, Any]]]
"""Carries out one command line, answers with what the harness is to be told."""


def tell(**fields: Any) -> None:
    """One line of JSON to the harness."""
    sys.stdout.write(json.dumps(fields) + "\n")
    sys.stdout.flush()


def free_listener() -> socket.socket:
    """A listening socket on a free port of loopback."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", 0))
    listener.listen(4096)
    return listener


def lift_file_limit() -> None:
    """As many open files as this process may have: one screen is one file."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def calm_collector() -> None:
    """What is alive now stays: full collections over thousands of screens are long pauses."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 50, 1_000)


def resident_kib() -> int:
    """Resident memory of this process (VmRSS)."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:"))


def now_ns() -> int:
    """CLOCK_MONOTONIC, as the C programs read it."""
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC)


async def obey_stdin(obey: Obey) -> None:
    """Carry out the harness's commands until it closes the pipe; `rss` and `calm` are known everywhere."""
    loop = asyncio.get_running_loop()
    lines: asyncio.Queue[str | None] = asyncio.Queue()

    def read() -> None:
        for line in sys.stdin:
            loop.call_soon_threadsafe(lines.put_nowait, line.strip())
        loop.call_soon_threadsafe(lines.put_nowait, None)

    threading.Thread(target=read, daemon=True).start()
    while (line := await lines.get()) is not None:
        if line == "rss":
            tell(event="rss", kib=resident_kib(), cpu_s=time.process_time())
        elif line == "calm":
            calm_collector()
            tell(event="calm")
        elif line == "quit":
            break
        else:
            tell(**await obey(line))
