"""A real demo server in its own process, a real Chromium, and the few gestures that the flows share.

Each test worker starts one server, each file one browser; each test takes users of its own, so that tests may run in
any order and side by side. The browser must not outlive its file: Playwright keeps an event loop running in the main
thread, under which no asynchronous test of another file could start. Without a Chromium the tests are skipped by
name: `python -m tools.chromium` gets one.

The odd thing: where there is a Chromium without windows, it is the browser of nearly all tests, for it takes a quarter
less of the processor. What only the whole one has, such as the back/forward cache, is tested in that, and so is all in
`make deep`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Playwright, expect, sync_playwright
from tests.demo_process import Demo, running_demo
from tests.e2e.pages import WITHIN_MS
from tools.chromium import find, find_shell

IS_DEEP = os.environ.get("LIVECREDITS_DEPTH") == "deep"
WITHOUT = [
    # Of each window, two hidden pages of its address bar cost three times as much as the page under test.
    "WebUIOmniboxPopup", "WebUIOmniboxAimPopup",
    # A process for the next site that a window may turn to; ours never does.
    "SpareRendererForSitePerProcess",
    # What Playwright leaves out by itself: of two such lists the last one counts.
    "AvoidUnnecessaryBeforeUnloadCheckSync", "DestroyProfileOnBrowserClose", "HttpsUpgrades",
    "HttpsFirstBalancedModeAutoEnable", "LensOverlay", "MediaRouter", "PaintHolding", "ThirdPartyStoragePartitioning",
    "AvoidCorsURLLoaderRestartOnRedirect", "OptimizationHints", "NetworkTimeServiceQuerying", "AimEnabled",
    "PreconnectToSearch",
]  # fmt: skip
CHROMIUM_ARGS = [
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--disable-quic", "--no-first-run",
    "--host-resolver-rules=MAP app.test 127.0.0.1", f"--disable-features={','.join(WITHOUT)}",
]  # fmt: skip

expect.set_options(timeout=WITHIN_MS)


@pytest.fixture(scope="session")
def demo() -> Iterator[Demo]:
    """The demo, except that newcomers are given nothing: a test's numbers are its own."""
    with running_demo() as one:
        one.end_welcomes()
        yield one


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as one:
        yield one


def usual() -> Path | None:
    """The browser of a test that does not say which, or None."""
    return (None if IS_DEEP else find_shell()) or find()


def launch(playwright: Playwright, executable: Path | None) -> Browser:
    if executable is None:
        pytest.skip("no Chromium on this machine")
    return playwright.chromium.launch(
        executable_path=str(executable),
        args=CHROMIUM_ARGS,
        ignore_default_args=["--disable-back-forward-cache"],
    )


@pytest.fixture(scope="module")
def browser(playwright: Playwright) -> Iterator[Browser]:
    with launch(playwright, usual()) as one:
        yield one


@pytest.fixture(scope="module")
def whole_browser(playwright: Playwright) -> Iterator[Browser]:
    """A Chromium with all that belongs to windows."""
    with launch(playwright, find()) as one:
        yield one


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
