"""Bulk work and low balances in a real browser, with the users' own screens open beside the operator's."""

from __future__ import annotations

import csv
from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, Route, expect
from tests.demo_process import Demo
from tests.e2e.pages import Console, Wallet, new_user
from tests.waiting import eventually

pytestmark = pytest.mark.e2e
NewContext = Callable[[], BrowserContext]
ROWS = 10_200
"""More than one request takes, so that there is something to be under way."""
FIRST_REQUEST = 10_000
BULK_MS = 30_000

DROP = """([target, name, text]) => {
  const data = new DataTransfer()
  data.items.add(new File([text], name, { type: 'text/csv' }))
  for (const type of ['dragover', 'drop']) {
    target.dispatchEvent(new DragEvent(type, { dataTransfer: data, bubbles: true, cancelable: true }))
  }
}"""


def drop(page: Page, name: str, text: str) -> None:
    """Let go of a file over the page, as a file manager does."""
    place = page.get_by_text("Drop a CSV file here")
    expect(place).to_be_visible()
    page.evaluate(DROP, [place.element_handle(), name, text])


class SecondRequest:
    """Holds the second request that books rows, until it is let go."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._seen = 0
        self._held: Route | None = None
        page.route("**/admin/batches", self._meet)

    def _meet(self, route: Route) -> None:
        body = route.request.post_data_json or {}
        self._seen += body.get("dry_run") is False
        if self._seen == 2 and self._held is None:
            self._held = route
        else:
            route.continue_()

    def let_go(self) -> None:
        # Events come in while the page is asked something.
        eventually(lambda: self._page.evaluate("true") and self._held)
        assert self._held is not None
        self._held.continue_()


def test_a_long_list_from_the_drop_to_its_undo(demo: Demo, new_context: NewContext) -> None:
    users = [new_user(demo, "row", 100), new_user(demo, "row", 200)]
    tabs = [Wallet(new_context(), demo, user) for user in users]
    for tab, credits in zip(tabs, (100, 200), strict=True):
        tab.is_live()
        tab.shows(credits)
    console = Console(new_context(), demo)
    page = console.page
    console.visit("bulk")
    held = SecondRequest(page)
    rows = "\n".join(f"{users[at % 2]};{at % 2 + 1}" for at in range(ROWS))
    drop(page, "bonus.csv", f"who;how many\n{rows}\nghost;7\n")

    # Nobody guesses what "who" and "how many" are: the columns are mapped by hand.
    for field, column in (("User", "who"), ("Amount", "how many")):
        page.get_by_role("combobox", name=field, exact=True).click()
        page.get_by_role("option", name=column).click()
    page.get_by_role("combobox", name="Reason of rows").fill("Autumn bonus")
    page.get_by_role("button", name="See what it would do").click()
    total = page.get_by_role("textbox", name="Type the total: +15,300")
    expect(total).to_be_visible(timeout=BULK_MS)
    page.get_by_text("Errors 1", exact=True).click()
    expect(page.get_by_text("There is no user ghost.")).to_be_visible()
    for tab, credits in zip(tabs, (100, 200), strict=True):
        tab.shows(credits)  # looking at it changed nothing
    total.fill("15300")
    page.get_by_role("button", name="Apply 10,200 rows").click()

    expect(page.get_by_text("10,000 of 10,200 rows")).to_be_visible(timeout=BULK_MS)
    tabs[0].shows(100 + FIRST_REQUEST // 2)
    tabs[1].shows(200 + FIRST_REQUEST)
    held.let_go()
    tabs[0].shows(5_200, within_ms=BULK_MS)
    tabs[1].shows(10_400, within_ms=BULK_MS)
    with page.expect_download() as saved:
        page.get_by_role("button", name="Report as CSV").click()
    with saved.value.path().open(encoding="utf-8-sig", newline="") as file:
        report = list(csv.DictReader(file))
    assert len(report) == ROWS + 1
    last = [row for row in report if row["user_id"] == users[1]][-1]
    assert (last["before"], last["after"]) == ("10398", "10400")

    page.get_by_role("button", name="Undo 10,200 rows").click()
    dialog = page.get_by_role("dialog", name="Undo 10,200 rows?")
    dialog.get_by_role("combobox", name="Reason").fill("Wrong file")
    dialog.get_by_role("button", name="Undo", exact=True).click()
    tabs[0].shows(100, within_ms=BULK_MS)
    tabs[1].shows(200, within_ms=BULK_MS)
    expect(page.get_by_text("All rows are undone.")).to_be_visible(timeout=BULK_MS)
    assert [tab.log.errors for tab in tabs] == [[], []]
    assert console.log.errors == []


def test_a_low_balance_is_marked_where_it_is_shown(demo: Demo, new_context: NewContext) -> None:
    user = new_user(demo, "thrifty", 100)
    demo.api("PUT", f"/admin/users/{user}", json={"low_threshold": 60})
    tab = Wallet(new_context(), demo, user)
    tab.is_live()
    console = Console(new_context(), demo)
    console.show(user)
    console.shows(user, 100)

    def is_marked(low: bool) -> None:
        expect(tab.page.get_by_test_id("badge-frame")).to_have_attribute("data-low", str(low).lower())
        expect(tab.page.get_by_test_id("low-notice")).to_have_count(int(low))
        expect(console.row(user).get_by_text("Low")).to_have_count(int(low))

    is_marked(False)
    demo.api("POST", f"/users/{user}/spend", json={"amount": 35})
    tab.shows(65)
    is_marked(False)
    tab.page.get_by_test_id("spend-5").click()
    tab.shows(60)
    is_marked(True)
    demo.api("POST", f"/users/{user}/grants", json={"amount": 1})
    tab.shows(61)
    is_marked(False)
    # A threshold alone moves no credits, and is on every screen all the same.
    demo.api("PUT", f"/admin/users/{user}", json={"low_threshold": 61})
    is_marked(True)
