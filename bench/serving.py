"""The product as people run it: a seeded SQLite file, a service key, screen tokens, and `livecredits serve`.

Promises: settings are the defaults but for what a load from one machine runs into (screens per address, handshakes
and requests a second); each server has its own file and port, and gets as many open files as the system grants.
"""

from __future__ import annotations

import json
import os
import resource
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import jwt

from bench.processes import LIVECREDITS, ROOT, Failed, Process, load_core
from bench.run import Run
from bench.screens import users

SECRET = "bench-bench-bench-bench-bench-bench-bench"
ENVIRONMENT = {
    "LIVECREDITS_SECRET": SECRET,
    "LIVECREDITS_SCREENS_PER_ADDRESS": "1000000",
    "LIVECREDITS_HANDSHAKES_PER_S": "1000000",
    "LIVECREDITS_REQUESTS_PER_S_SERVICE": "1000000",
}
"""Everything else is as it comes."""
START_S = 30.0
TOKEN_TTL_S = 3_600


@dataclass(frozen=True, slots=True)
class Serving:
    """A running server."""

    process: Process
    port: int
    key: str


def seeded(run: Run, count: int) -> Path:
    """A fresh SQLite file with so many users, each with more credits than any load will spend."""
    file = run.folder / f"ledger-{time.monotonic_ns()}.db"
    program = run.python("bench.callers", str(file), core=load_core())
    program.hear()
    program.ask(f"seed {count}")
    program.end()
    return file


def start(run: Run, ledger: Path | str, *, core: int | None = None, key: str | None = None) -> Serving:
    """Serve a ledger on a free port.

    Args:
        run: ends the server with itself.
        ledger: a file that nobody else has open, or the address of a PostgreSQL database.
        core: the core that the server gets; None leaves it to the scheduler.
        key: a service key of this ledger; one is made where there is none.

    Raises:
        Failed: the server does not answer.
    """
    port = free_port()
    url = ledger if isinstance(ledger, str) else f"sqlite:///{ledger}"
    environment = {**ENVIRONMENT, "LIVECREDITS_DATABASE_URL": url}
    key = key or _new_key(environment)
    process = run.livecredits("serve", "--port", str(port), core=core, environment=environment)
    wait_for_answer(process, port)
    return Serving(process, port, key)


def _new_key(environment: dict[str, str]) -> str:
    words = [LIVECREDITS, "key", "add", "bench", "--json"]
    told = subprocess.run(
        words, env={**os.environ, **environment}, cwd=ROOT, capture_output=True, text=True, check=False
    )
    if told.returncode:
        raise Failed(f"no service key could be made: {told.stderr.strip() or told.stdout.strip()}")
    return str(json.loads(told.stdout)["secret"])


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for_answer(process: Process, port: int, path: str = "/healthz") -> None:
    """Ask until the server answers with 200.

    Raises:
        Failed: it does not within 30 s, or ended.
    """
    until = time.monotonic() + START_S
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode()
    while time.monotonic() < until and process.is_running():
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
                connection.sendall(request)
                if connection.recv(64).startswith(b"HTTP/1.1 200"):
                    return
        except OSError:
            time.sleep(0.002)  # nobody listens yet
    raise Failed(f"{process.name} did not start\n{process.errors()}")


def tokens(count: int) -> list[str]:
    """A screen token for each of the first users, as `POST /tokens` would make them for users of generation 0."""
    from livecredits.config import Settings

    settings = Settings.load(secret=SECRET)
    key, now_s = settings.derived_key("screen-token"), int(time.time())
    common = {
        "iss": settings.token_issuer,
        "aud": settings.token_audience,
        "iat": now_s,
        "exp": now_s + TOKEN_TTL_S,
        "gen": 0,
    }
    return [jwt.encode({**common, "sub": user}, key, "HS256") for user in users(count)]


def lift_file_limit() -> int:
    """Let this process and its children have as many open files as the system grants; returns how many."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard
