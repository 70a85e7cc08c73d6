"""Flows 1 to 3 in one walk by keys alone: an operator and a user who have no mouse, each at a screen of their own.

After the sign-in nothing here clicks, fills or follows an address: whoever must get somewhere presses a shortcut or
Tab until the focus is there. What the screens show besides is held by the flows' own files.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Route, expect
from tests.demo_process import Demo
from tests.e2e.pages import Console, Wallet, new_user, order_by_keyboard, redeem_by_keyboard, tab_to
from tests.waiting import eventually

pytestmark = pytest.mark.e2e
NewContext = Callable[[], BrowserContext]


def press(console: Console, *keys: str) -> None:
    for key in keys:
        console.page.keyboard.press(key)


def search(console: Console, text: str) -> None:
    """`/` goes to the search of the screen."""
    press(console, "/")
    expect(console.page.locator("[data-search]")).to_be_focused()
    console.page.keyboard.type(text)


def open_page(tab: Wallet, name: str) -> None:
    tab_to(tab.page, tab.page.get_by_role("navigation", name="Pages").get_by_role("link", name=name))
    tab.page.keyboard.press("Enter")


def test_flows_1_to_3_without_a_mouse(demo: Demo, new_context: NewContext) -> None:
    user = new_user(demo, "keys", 100)
    code = demo.api("POST", "/admin/vouchers", json={"amount": 30, "user_id": user}).json()["code"]
    tab = Wallet(new_context(), demo, user)
    tab.is_live()
    console = Console(new_context(), demo)
    press(console, "g", "u")
    expect(console.page.get_by_role("heading", name="Users")).to_be_visible()

    change_inline(console, tab)
    order_and_fulfil(console, tab)
    open_page(tab, "Vouchers")
    redeem_by_keyboard(tab.page, code)
    tab.shows(700)
    expect(tab.page.get_by_test_id("voucher-row")).to_contain_text(code)
    press(console, "g", "u")
    expect(console.page.get_by_role("heading", name="Users")).to_be_visible()
    search(console, tab.user)
    console.shows(tab.user, 700)
    assert tab.log.errors == console.log.errors == []


def change_inline(console: Console, tab: Wallet) -> None:
    """Flow 1: in the row of the list, then back by the toast; Escape leaves everything as it was."""
    page, number = console.page, console.row(tab.user).get_by_role("button", name="change the credits")
    search(console, tab.user)
    # The list that was there before may have shown the user as well.
    expect(page.locator("tr[data-user]")).to_have_count(1)
    console.shows(tab.user, 100)
    tab_to(page, number)
    press(console, "F2")
    expect(page.get_by_label("Change", exact=True)).to_be_focused()
    page.keyboard.type("=999")
    press(console, "Escape")
    expect(number).to_be_focused()
    console.shows(tab.user, 100)

    for change, credits in (("+70", 170), ("-20", 150)):
        press(console, "Enter")
        expect(page.get_by_label("Change", exact=True)).to_be_focused()
        page.keyboard.type(change)
        expect(page.get_by_role("combobox", name="Reason")).to_be_enabled()
        press(console, "Tab")
        expect(page.get_by_role("combobox", name="Reason")).to_be_focused()
        page.keyboard.type("Goodwill")
        press(console, "Enter")
        tab.shows(credits)
        console.shows(tab.user, credits)
        expect(number).to_be_focused()

    latest = console.toast("User credits updated successfully").filter(has_text=re.compile(r"→ 150\b"))
    tab_to(page, latest.get_by_role("button", name="Undo"))
    press(console, "Enter")
    tab.shows(170)
    console.shows(tab.user, 170)


def order_and_fulfil(console: Console, tab: Wallet) -> None:
    """Flow 2: ordered in the shop, found in the queue, fulfilled by one key."""
    open_page(tab, "Shop")
    order_by_keyboard(tab.page, "PO-1")
    press(console, "g", "o")
    expect(console.page.get_by_role("heading", name="Orders")).to_be_visible()
    search(console, tab.user)
    rows = console.page.locator("tr[data-order]:not(.order-details)")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text(tab.user)
    tab_to(console.page, rows.locator(".row-open"))
    press(console, "f")
    tab.shows(670)
    expect(rows).to_have_attribute("data-state", "fulfilled")
    expect(rows.locator(".row-open")).to_be_focused()
    expect(tab.page.get_by_test_id("order-row")).to_have_attribute("data-state", "fulfilled")


def test_what_is_typed_before_the_palette_is_there_belongs_to_it(demo: Demo, new_context: NewContext) -> None:
    console = Console(new_context(), demo)
    page, held = console.page, list[Route]()

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/Palette-*.js", hold)
    with page.expect_request("**/Palette-*.js"):
        press(console, "Control+k")
    page.keyboard.type("go grac")  # to the Orders, were nobody to keep it
    eventually(lambda: page.evaluate("true") and held)  # events come in while the page is asked something
    held[0].continue_()
    field = page.get_by_role("dialog", name="Find").get_by_role("textbox")
    expect(field).to_be_focused()
    page.keyboard.type("e")
    expect(field).to_have_value("go grace")
    expect(page).to_have_url(re.compile("/overview$"))
    assert console.log.errors == []
