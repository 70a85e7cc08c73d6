"""A real demo server in its own process, a real Chromium, and the few gestures that the flows share.

Each test worker starts one server and one browser; each test takes users of its own, so that tests may run in any
order and side by side. Without a Chromium the tests are skipped by name: `tools/chromium.py` gets one.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Playwright, sync_playwright

from tools.chromium import find

ROOT = Path(__file__).parents[2]
CHROMIUM_ARGS = [
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--disable-quic", "--no-first-run",
    "--host-resolver-rules=MAP app.test 127.0.0.1",
]  # fmt: skip


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

    def operator_code(self) -> str:
        """A fresh one-time sign-in link."""
        return self.operator_link

    def wallet(self, user: str) -> str:
        known = next((row["wallet_url"] for row in self.users if row["id"] == user), None)
        return known or f"{self.url.rstrip('/')}/wallet/?user={user}"


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


@pytest.fixture(scope="session")
def demo() -> Iterator[Demo]:
    one = start_demo(free_port())
    yield one
    stop_demo(one)


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as one:
        yield one


@pytest.fixture(scope="session")
def browser(playwright: Playwright) -> Iterator[Browser]:
    executable = find()
    if executable is None:
        pytest.skip("no Chromium on this machine")
    one = playwright.chromium.launch(
        executable_path=str(executable),
        args=CHROMIUM_ARGS,
        ignore_default_args=["--disable-back-forward-cache"],
    )
    yield one
    one.close()


@pytest.fixture
def new_context(browser: Browser) -> Iterator[Callable[[], BrowserContext]]:
    """Browsers that share nothing: each call is another person's, or another device's."""
    contexts: list[BrowserContext] = []

    def make() -> BrowserContext:
        contexts.append(browser.new_context(reduced_motion="reduce", locale="en-US"))
        return contexts[-1]

    yield make
    for context in contexts:
        context.close()


class Log:
    """What a page wrote to its console."""

    def __init__(self, page: Page) -> None:
        self.lines: list[str] = []
        self.errors: list[str] = []
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    def _hear(self, message: ConsoleMessage) -> None:
        self.lines.append(message.text)
