"""The real `livecredits demo`, started as a process and stopped by SIGTERM."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
from tests import forking

COMMAND = Path(sys.executable).with_name("livecredits")
START_S = 60
STOP_S = 5


@dataclass
class Demo:
    """A running demo, and what it printed."""

    process: subprocess.Popen[str]
    told: dict[str, Any]

    @property
    def url(self) -> str:
        return str(self.told["url"])

    @property
    def port(self) -> int:
        return int(self.url.rsplit(":", 1)[1])

    def api(self, method: str, path: str, **options: Any) -> httpx2.Response:
        """A call with the service key, under /api/v1."""
        headers = {"Authorization": f"Bearer {self.told['service_key']}"}
        return httpx2.request(method, f"{self.url}/api/v1{path}", headers=headers, **options)

    def user(self, user_id: str) -> dict[str, str]:
        return next(user for user in self.told["users"] if user["id"] == user_id)

    def token(self, user_id: str) -> str:
        """A screen token, as the host app's backend mints it."""
        return str(self.api("POST", "/tokens", json={"user_id": user_id}).json()["token"])

    def end_welcomes(self) -> None:
        """From now on newcomers are given nothing, so that a test's numbers are its own."""
        for campaign in self.api("GET", "/admin/campaigns").json()["items"]:
            if campaign["welcome"] and campaign["state"] == "running":
                ended = self.api("POST", f"/admin/campaigns/{campaign['id']}/revoke")
                assert ended.status_code == 200, ended.text

    def stop(self) -> float:
        """Send SIGTERM; returns how many seconds it took to go."""
        started = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(START_S)
        return time.monotonic() - started


def environment(**values: str) -> dict[str, str]:
    """This environment without settings of a real installation."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LIVECREDITS_")}
    return {**kept, "COLUMNS": "200", **values}


def spawn(*arguments: str, **values: str) -> subprocess.Popen[str]:
    """The command `livecredits`, as a process of its own."""
    if forking.IS_POSSIBLE:
        return forking.Forked([str(COMMAND), *map(str, arguments)], environment(**values))
    return subprocess.Popen(
        [COMMAND, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(**values),
    )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running_demo(*arguments: str, port: int = 0, **values: str) -> Iterator[Demo]:
    """A demo on a free port (or this one), ready to answer."""
    process = spawn("demo", "--port", str(port), "--json", "--no-browser", *arguments, **values)
    try:
        assert process.stdout is not None
        ready, _, _ = select.select([process.stdout], [], [], START_S)
        line = process.stdout.readline() if ready else ""
        if not line:
            process.kill()
            raise AssertionError(f"the demo did not start: {process.communicate()[1]}")
        yield Demo(process, json.loads(line))
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(START_S)
        for pipe in (process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()
