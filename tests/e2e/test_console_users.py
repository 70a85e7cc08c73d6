"""Operators at work on users, in Chromium: who has seen a change, many users at once, a long list broken off."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import BrowserContext, Page, Route, expect
from tests.demo_process import Demo
from tests.e2e.pages import Console, Wallet, new_user

NewContext = Callable[[], BrowserContext]
ROWS_AT_ONCE = 10_000
LONG_MS = 60_000


def test_the_toast_tells_on_how_many_screens_it_is_shown(demo: Demo, new_context: NewContext) -> None:
    user = new_user(demo, "seen")
    wallets = [Wallet(new_context(), demo, user) for _ in range(2)]
    for wallet in wallets:
        wallet.is_live()
    console = Console(new_context(), demo)
    console.show(user)
    console.edit(user, "+50")
    toast = console.toast("User credits updated successfully")
    # Two browsers; only the tab that is in front of its window has painted for certain.
    expect(toast.get_by_test_id("shown-on")).to_have_text(
        re.compile(r"^ ?shown on 2 of 2 (browsers|screens), \d+ ms$"), timeout=15_000
    )
    for wallet in wallets:
        wallet.shows(150)
    console.visit(f"users/{user}")
    screens = console.page.get_by_role("region", name="Connected screens")
    expect(screens.get_by_text(re.compile(r"^ ?shows v2$"))).to_have_count(2)
    # The page is open: who leaves is gone from it, and who comes is on it.
    wallets[0].page.close()
    expect(screens.get_by_text(re.compile("shows v2"))).to_have_count(1, timeout=15_000)


def test_all_users_who_match_are_changed_together_and_back(demo: Demo, new_context: NewContext) -> None:
    users = sorted(new_user(demo, "many", credits=10) for _ in range(30))
    wallet = Wallet(new_context(), demo, users[0])
    wallet.is_live()
    console = Console(new_context(), demo)
    page = console.page
    console.visit("users?q=many-&size=25")
    page.get_by_role("checkbox", name=f"Select {users[0]}", exact=True).check()
    page.get_by_role("button", name="Select all 30 matching").click()
    page.get_by_role("button", name="Change credits…").click()
    form = page.get_by_role("dialog", name="Change 30 users")
    form.get_by_label("Amount for each").fill("+5")
    form.get_by_role("combobox", name="Reason").fill("Goodwill")
    form.get_by_role("combobox", name="Reason").press("Tab")
    form.get_by_role("button", name="See what it would do").click()
    page.get_by_label("Type the total: +150").fill("150")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Undo 30 rows")).to_be_visible()
    wallet.shows(15)
    undo(page)
    expect(page.get_by_text("All rows are undone.")).to_be_visible()
    wallet.shows(10)


def test_a_long_list_goes_on_after_a_reload_in_the_middle(demo: Demo, new_context: NewContext) -> None:
    user = new_user(demo, "long", credits=1)
    console = Console(new_context(), demo)
    page = console.page
    console.visit("bulk")
    rows = "".join(f"{user},1,Gift\n" for _ in range(ROWS_AT_ONCE + 5))
    page.locator("input[type=file]").set_input_files(
        {"name": "gifts.csv", "mimeType": "text/csv", "buffer": f"user_id,amount,reason\n{rows}".encode()}
    )
    page.get_by_role("button", name="See what it would do").click()
    total = page.get_by_label("Type the total: +10,005")
    expect(total).to_be_visible(timeout=LONG_MS)
    sent: list[str] = []

    def only_the_first(route: Route) -> None:
        sent.append(route.request.headers["idempotency-key"])
        if len(set(sent)) > 1:
            route.abort()
        else:
            route.continue_()

    page.route("**/api/v1/admin/batches", only_the_first)
    total.fill("10005")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Stopped after 10,000 of 10,005 rows")).to_be_visible(timeout=LONG_MS)
    page.unroute("**/api/v1/admin/batches")
    page.reload()
    expect(page.get_by_text("10,000 of 10,005 rows are booked")).to_be_visible(timeout=LONG_MS)
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_role("button", name="Undo 10,005 rows")).to_be_visible(timeout=LONG_MS)
    assert demo.api("GET", f"/users/{user}/balance").json()["credits"] == ROWS_AT_ONCE + 6
    undo(page)
    expect(page.get_by_text("All rows are undone.")).to_be_visible(timeout=LONG_MS)
    assert demo.api("GET", f"/users/{user}/balance").json()["credits"] == 1


def undo(page: Page) -> None:
    page.get_by_role("button", name=re.compile("^Undo .* rows$")).click()
    dialog = page.get_by_role("dialog", name=re.compile("^Undo"))
    dialog.get_by_role("combobox", name="Reason").fill("Wrong file")
    dialog.get_by_role("combobox", name="Reason").press("Tab")
    dialog.get_by_role("button", name="Undo", exact=True).click()


NOTE_ANNOUNCEMENTS = """() => {
  window.said = []
  const began = performance.now()
  const region = document.querySelector('[data-announcer]')
  new MutationObserver(() => window.said.push([performance.now() - began, region.textContent]))
    .observe(region, { subtree: true, characterData: true, childList: true })
}"""


def test_a_flood_of_changes_is_said_once_in_two_seconds(demo: Demo, new_context: NewContext) -> None:
    users = [new_user(demo, "flood") for _ in range(8)]
    console = Console(new_context(), demo)
    console.show("flood-")
    console.shows(users[-1], 100)
    console.page.evaluate(NOTE_ANNOUNCEMENTS)
    rows = [{"user_id": user, "op": "grant", "amount": 1} for user in users]
    changes = 0
    while console.page.evaluate("window.said.length") < 3:
        demo.api("POST", "/admin/batches", json={"rows": rows, "reason": "flood"})
        changes += 1
        assert changes < 5_000, "nothing is said"
    said: list[tuple[float, str]] = console.page.evaluate("window.said")
    # Counted from the beginning: a busy page shows one of them late and the next one in time.
    assert all(at_ms > 2_000 * number for number, (at_ms, _) in enumerate(said)), said
    # One burst may fall on both sides of a sentence, so at least one of them has four or more to tell of.
    assert all(text.count(": ") <= 3 for _, text in said), said
    assert any(re.search(r"\d+ balances changed", text) for _, text in said[1:]), said
