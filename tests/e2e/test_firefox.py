"""The first flow and the tabs in Firefox, where there is one that can be driven; elsewhere skipped by name.

Playwright drives a Firefox of its own only, not a distribution's: `python -m playwright install firefox` gets it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Playwright
from tests.demo_process import Demo
from tests.e2e.pages import Console, Wallet, new_user

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def firefox(playwright: Playwright) -> Iterator[BrowserContext]:
    if not Path(playwright.firefox.executable_path).exists():
        pytest.skip("no Firefox that can be driven: `python -m playwright install firefox` gets one")
    browser = playwright.firefox.launch()
    yield browser.new_context(locale="en-US")
    browser.close()


def test_a_change_stands_on_every_tab(demo: Demo, firefox: BrowserContext) -> None:
    user = new_user(demo, "fox")
    tabs = [Wallet(firefox, demo, user) for _ in range(3)]
    for tab in tabs:
        tab.is_live()
        tab.shows(100)
    console = Console(firefox, demo)
    console.show(user)
    console.edit(user, "+50")
    for tab in tabs:
        tab.shows(150)
    console.shows(user, 150)
    assert [error for tab in tabs for error in tab.log.errors] == []


def test_the_others_go_on_when_the_tab_that_connects_is_closed(demo: Demo, firefox: BrowserContext) -> None:
    user = new_user(demo, "fox")
    first, *others = [Wallet(firefox, demo, user) for _ in range(3)]
    for tab in (first, *others):
        tab.is_live()
    first.page.close()
    demo.api("POST", f"/users/{user}/grants", json={"amount": 7})
    for tab in others:
        tab.shows(107)
        tab.is_live()
