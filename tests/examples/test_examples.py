"""Each example is started as its README says, and a change is seen to arrive."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest
from playwright.sync_api import Page, expect
from tests.demo_process import COMMAND, environment, free_port, running_demo
from tests.examples.conftest import EXAMPLES, App

pytestmark = pytest.mark.e2e
START_S = 60.0


@contextmanager
def started(
    *command: str, cwd: Path, settings: dict[str, str], port: int | None = None
) -> Iterator[subprocess.Popen[str]]:
    """A program, once it listens on `port`; ended afterwards."""
    process = subprocess.Popen(
        command,
        cwd=cwd,
        env=environment(**settings),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        if port is not None:
            _wait_for(port, process)
        yield process
    finally:
        process.terminate()
        process.communicate(timeout=START_S)


def _wait_for(port: int, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise AssertionError(f"it ended: {process.communicate()[0]}")
        with socket.socket() as probe:
            probe.settimeout(0.2)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
    raise AssertionError("it did not start")


def test_fastapi_and_react(fresh_app: App, tmp_path: Path, page: Page) -> None:
    shutil.copy(EXAMPLES / "fastapi-react/backend.py", tmp_path)
    fresh_app.build()
    port = free_port()
    serve = ("-m", "uvicorn", "backend:app", "--port", str(port), "--timeout-graceful-shutdown", "1")
    with started(sys.executable, *serve, cwd=tmp_path, settings={}, port=port):
        url = f"http://127.0.0.1:{port}"
        other = page.context.new_page()
        for tab in (page, other):
            tab.goto(url)
        page.get_by_label("Name").fill("ada")
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_test_id("credits")).to_have_text("20")
        other.reload()
        expect(other.get_by_test_id("credits")).to_have_text("20")
        for left in ("15", "10", "5", "0"):
            page.get_by_role("button", name="Paint a picture").click()
            expect(page.get_by_role("status")).to_have_text("Your picture is painted.")
            expect(page.get_by_test_id("credits")).to_have_text(left)
            expect(other.get_by_test_id("credits")).to_have_text(left)
        page.get_by_role("button", name="Paint a picture").click()
        expect(page.get_by_role("status")).to_contain_text("credits are needed")
        expect(page.get_by_test_id("credits")).to_have_text("0")
        # The service below the prefix serves the element, which finds it there.
        tag = '<live-credits user="ada" token-url="/credits-token"></live-credits>'
        script = '<script type="module" src="/billing/credits/sdk/element.js"></script>'
        page.route("**/plain", lambda route: route.fulfill(body=script + tag, content_type="text/html"))
        page.goto(f"{url}/plain")
        expect(page.locator("live-credits")).to_have_attribute("status", "live")
        expect(page.locator("live-credits [part=credits]")).to_have_text("0")
        other.goto("about:blank")


def test_plain_html(tmp_path: Path, page: Page) -> None:
    site_port, service_port = free_port(), free_port()
    site, service = f"http://127.0.0.1:{site_port}", f"http://127.0.0.1:{service_port}"
    database = f"sqlite:///{tmp_path}/credits.db"
    own = {"LIVECREDITS_DATABASE_URL": database, "LIVECREDITS_ALLOWED_ORIGINS": site}
    own["LIVECREDITS_HEARTBEAT_S"] = "5"  # a tick is answered, which a browser does here by POST
    made = subprocess.run(
        [COMMAND, "key", "add", "shop", "--scope", "tokens", "--scope", "read", "--scope", "move", "--json"],
        env=environment(**own),
        capture_output=True,
        text=True,
        check=True,
    )
    access = {"LIVECREDITS_URL": service, "LIVECREDITS_KEY": json.loads(made.stdout)["secret"]}
    with (
        started(
            str(COMMAND), "serve", "--port", str(service_port), cwd=tmp_path, port=service_port, settings=own
        ),
        started(
            sys.executable,
            "shop.py",
            cwd=EXAMPLES / "plain-html",
            port=site_port,
            settings={**access, "PORT": str(site_port)},
        ),
    ):
        grant = [str(COMMAND), "grant", "ada", "50"]
        subprocess.run(grant, env=environment(**access), check=True, capture_output=True)
        assert ">50</live-credits>" in httpx2.get(site).text
        page.goto(site)
        tag = page.locator("live-credits")
        expect(tag).to_have_attribute("status", "live")
        expect(tag.locator("[part=credits]")).to_have_text("50")
        subprocess.run(grant, env=environment(**access), check=True, capture_output=True)
        expect(tag.locator("[part=credits]")).to_have_text("100")
        # By an event stream as well, from a page of another origin than the service's: requests up included.
        faults: list[str] = []
        page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
        page.add_init_script("window.WebSocket = class extends EventTarget { close() {} }")
        with page.expect_response(lambda answer: "/credits/live/scr_" in answer.url) as sent_up:
            page.goto(site)
            expect(tag).to_have_attribute("status", "live", timeout=10_000)
        assert sent_up.value.status == 204
        assert faults == []
        page.goto("about:blank")


def test_a_program_that_listens() -> None:
    with running_demo() as demo:
        user = f"listened-{demo.process.pid}"
        demo.api("POST", f"/users/{user}/grants", json={"amount": 12})
        before = demo.api("GET", f"/users/{user}/balance").json()["credits"]  # there may be a welcome in it
        access = {"LIVECREDITS_URL": demo.url, "LIVECREDITS_KEY": str(demo.told["service_key"])}
        with started(
            sys.executable, "listen.py", user, cwd=EXAMPLES / "python-listener", settings=access
        ) as listener:
            assert listener.stdout is not None
            assert listener.stdout.readline() == f"{user}: {before} credits\n"
            demo.api("POST", f"/users/{user}/spend", json={"amount": before - 7})
            assert listener.stdout.readline() == f"{user}: 7 credits — running low!\n"
