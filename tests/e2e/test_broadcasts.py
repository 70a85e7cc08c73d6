"""The broadcast log in Chromium: an operator watches a change arrive on a user's screens, and sends it again."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, expect
from tests.demo_process import Demo
from tests.e2e.pages import Console, Wallet, new_user

pytestmark = pytest.mark.e2e
NewContext = Callable[[], BrowserContext]
RECEIPTS_MS = 30_000
"""Where nobody asked at once, a screen tells what it shows in its answer to a heartbeat."""

HIDE = """(hidden) => {
  Object.defineProperty(document, 'visibilityState', { get: () => hidden ? 'hidden' : 'visible', configurable: true })
  document.dispatchEvent(new Event('visibilitychange', { bubbles: true }))
}"""


def test_a_change_is_watched_until_every_screen_shows_it(demo: Demo, new_context: NewContext) -> None:
    user = new_user(demo, "watched")
    tabs = [Wallet(new_context(), demo, user) for _ in range(3)]
    for tab in tabs:
        tab.is_live()
        tab.shows(100)
    tabs[2].page.evaluate(HIDE, True)
    log, desk = Console(new_context(), demo), Console(new_context(), demo, name="Desk")
    log.visit(f"broadcasts?user={user}")
    rows = log.page.locator("tr[data-broadcast]")
    expect(rows).to_have_count(1)

    desk.show(user)
    desk.edit(user, "+50")
    change = rows.filter(has_text="+50")
    # It comes in by itself: nobody is at the list.
    expect(change.get_by_text("shown on 2 of 3 screens")).to_be_visible(timeout=RECEIPTS_MS)
    expect(change.get_by_text("1 hidden")).to_be_visible()
    expect(change.get_by_text(re.compile(r"\d ms$"))).to_be_visible()
    expect(change.get_by_text("Desk")).to_be_visible()
    # The desk's own step sends it to everybody once more after the change; that is in the log too, with who asked.
    asked = log.page.locator("tr[data-asked]")
    expect(asked).to_have_count(1)
    expect(asked.get_by_text("Desk")).to_be_visible()

    change.get_by_role("button", name="Details").click()
    screens = log.page.get_by_role("region", name="Screens of")
    expect(screens.get_by_role("listitem")).to_have_count(3)
    expect(screens.locator("[data-state=hidden].sight")).to_have_count(1)
    tabs[2].page.evaluate(HIDE, False)
    expect(change.get_by_text("shown on 3 of 3 screens")).to_be_visible(timeout=RECEIPTS_MS)
    expect(screens.get_by_text("shows v2")).to_have_count(3)

    log.page.get_by_role("button", name="Send again…").click()
    dialog = log.page.get_by_role("dialog")
    dialog.get_by_role("button", name="Send again", exact=True).click()
    expect(dialog.get_by_test_id("resent")).to_contain_text("shown on 3 of 3 screens")
    dialog.get_by_role("button", name="Close").last.click()
    # A row is open, so the new one waits until it is asked for.
    log.page.get_by_role("button", name="1 new broadcast: show").click()
    expect(asked).to_have_count(2)
    expect(rows.first.get_by_text("Sent again")).to_be_visible()
    expect(rows.first.get_by_text("shown on 3 of 3 screens")).to_be_visible(timeout=RECEIPTS_MS)
    expect(rows.first.get_by_text("(you)")).to_be_visible()
    assert log.log.errors == []
