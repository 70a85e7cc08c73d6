"""A real `livecredits demo` in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

ROOT = Path(__file__).parents[2]


@dataclass
class Demo:
    """A running `livecredits demo`, and what its one line of JSON said."""

    process: subprocess.Popen[str]
    url: str
    service_key: str
    operator_link: str
    users: list[dict[str, str]]

    @property
    def port(self) -> int:
        return int(self.url.rstrip("/").rsplit(":", 1)[1])

    def api(self, method: str, path: str, **options: Any) -> httpx2.Response:
        """A call with the service key, under /api/v1."""
        headers = {"Authorization": f"Bearer {self.service_key}"}
        return httpx2.request(method, f"{self.url.rstrip('/')}/api/v1{path}", headers=headers, **options)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start_demo(port: int, *arguments: str) -> Demo:
    command = [str(Path(sys.executable).parent / "livecredits"), "demo", "--port", str(port)]
    process = subprocess.Popen(
        [*command, "--json", "--no-browser", *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=ROOT,
        env={key: value for key, value in os.environ.items() if not key.startswith("LIVECREDITS_")},
    )  # fmt: skip
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line, f"the demo ended with code {process.wait()}"
    told = json.loads(line)
    return Demo(process, told["url"], told["service_key"], told["operator_link"], told["users"])


def stop_demo(demo: Demo) -> None:
    demo.process.send_signal(signal.SIGTERM)
    demo.process.wait(timeout=10)
    if demo.process.stdout is not None:
        demo.process.stdout.close()
