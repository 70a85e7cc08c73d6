"""An app of somebody else's that has mounted livecredits below a path of its own, as a process of its own.

It knows nothing of livecredits but the library; the key is made by the command beside it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
from fastapi import FastAPI
from tests.demo_process import COMMAND, START_S, STOP_S, Demo, environment, free_port

from livecredits import Credits

PREFIX = "/billing/credits"


def app() -> FastAPI:
    """What uvicorn starts."""
    credits = Credits(os.environ["HOST_DATABASE"])
    host = FastAPI(lifespan=credits.lifespan)
    host.mount(PREFIX, credits.asgi())
    return host


@contextmanager
def running_host(folder: Path) -> Iterator[Demo]:
    """The host app with its service, which is told by the address below the prefix."""
    database = f"sqlite:///{folder / 'credits.db'}"
    make_key = [str(COMMAND), "key", "add", "host", "--json", "--database", database]
    for scope in ("admin", "tokens", "read", "move"):
        make_key += ["--scope", scope]
    made = subprocess.run(make_key, env=environment(), capture_output=True, text=True, check=True)
    port = free_port()
    serve = [sys.executable, "-m", "uvicorn", "--factory", "tests.e2e.host:app", "--port", str(port)]
    process = subprocess.Popen(
        [*serve, "--log-level", "warning", "--timeout-graceful-shutdown", "1"],
        env=environment(HOST_DATABASE=database),
        text=True,
    )
    url = f"http://127.0.0.1:{port}{PREFIX}"
    try:
        _wait_until_ready(url, process)
        yield Demo(process, {"url": url, "service_key": json.loads(made.stdout)["secret"]})
    finally:
        process.terminate()
        process.wait(STOP_S + 5)


def _wait_until_ready(url: str, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        assert process.poll() is None, "the host app ended"
        try:
            if httpx2.get(f"{url}/readyz").status_code == 200:
                return
        except httpx2.TransportError:
            continue
    raise AssertionError("the host app did not start")
