"""The wallet and the demo's first page as they are painted: no violation of axe-core in either theme, nothing that
scrolls sideways, no error in the console; and what the first minute promises."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from typing import get_args

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.demo_process import Demo
from tests.e2e.looks import Theme, is_wider_than_the_window, moving, squeezed, stand_still, turn, violations
from tests.e2e.pages import Log, Wallet, new_user
from tests.e2e.screens import furnish_at_length

pytestmark = pytest.mark.e2e

WIDTHS = (320, 390, 1280)
PAGES = {
    "studio": ("#/", "spend-5"),
    "shop": ("#/shop", "order-row"),
    "vouchers": ("#/vouchers", "voucher-row"),
    "account": ("#/account", "history-row"),
    "team": ("#/users", "user-ada"),
}


@contextmanager
def tab(browser: Browser, scheme: Theme, width: int) -> Iterator[Page]:
    """A page of its own, of that theme and width."""
    context = browser.new_context(
        color_scheme=scheme, viewport={"width": width, "height": 844}, reduced_motion="reduce", locale="en-US"
    )
    yield context.new_page()
    context.close()


@pytest.mark.parametrize("name", PAGES)
def test_every_page_can_be_used_by_everybody(browser: Browser, demo: Demo, name: str) -> None:
    address, landmark = PAGES[name]
    with tab(browser, "light", WIDTHS[0]) as page:
        log = Log(page)
        page.goto(f"{demo.url}/wallet/?user=ada{address}")
        expect(page.get_by_test_id("status")).to_have_attribute("data-status", "live")
        expect(page.get_by_test_id(landmark).first).to_be_visible()
        log.rest()
        # One load for all: theme and width are the browser's to change, and the page follows them by itself.
        for width, scheme in product(WIDTHS, get_args(Theme)):
            turn(page, size=(width, 844), theme=scheme)
            assert violations(page) == [], (scheme, width)
            assert not is_wider_than_the_window(page), (scheme, width)
        assert moving(page) == []
        assert log.errors == []


def test_the_longest_fits_on_every_page(browser: Browser, demo: Demo) -> None:
    user = furnish_at_length(demo)
    with tab(browser, "light", WIDTHS[0]) as page:
        log = Log(page)
        for name, (address, _) in PAGES.items():
            page.set_viewport_size({"width": WIDTHS[0], "height": 844})
            page.goto(f"{demo.url}/wallet/?user={user}{address}")
            page.reload()  # only what stands behind the # is another one
            expect(page.get_by_test_id("status")).to_have_attribute("data-status", "live")
            expect(page.get_by_text("Reading the")).to_have_count(0)
            log.rest()
            for width in WIDTHS:
                turn(page, size=(width, 844))
                assert not is_wider_than_the_window(page), (name, width)
                assert squeezed(page) == [], (name, width)


@pytest.mark.parametrize("width", [390, 1440])
def test_the_first_page_shows_the_effect_in_the_first_minute(
    browser: Browser, demo: Demo, width: int
) -> None:
    with tab(browser, "light", width) as page:
        page.goto(demo.url)
        ada = page.frame_locator("iframe[title='Ada’s wallet']")
        grace = page.frame_locator("iframe[title='Grace’s wallet']")
        expect(ada.get_by_test_id("status")).to_have_text("Live")
        expect(grace.get_by_test_id("status")).to_have_text("Live")
        stand_still(page)
        assert not is_wider_than_the_window(page)
        assert violations(page) == []
        before = ada.get_by_test_id("sidebar-balance").inner_text()
        ada.get_by_test_id("spend-5").click()
        expect(ada.get_by_test_id("sidebar-balance")).not_to_have_text(before)
        expect(ada.get_by_label("A generated picture")).to_be_visible()


def test_the_one_time_code_leaves_the_address_and_signs_the_frame_in(browser: Browser, demo: Demo) -> None:
    operators = demo.api("GET", "/admin/operators").json()["items"]
    code = demo.api("POST", f"/admin/operators/{operators[0]['id']}/link", json={}).json()["code"]
    with tab(browser, "light", 1440) as page:
        page.goto(f"{demo.url}/#code={code}")
        expect(page.frame_locator("#console").get_by_role("heading", name="Users")).to_be_visible()
        assert "code" not in page.url


def test_history_grows_with_every_change_and_reads_older_pages(browser: Browser, demo: Demo) -> None:
    user = new_user(demo, "reader")
    for at in range(24):
        demo.api("POST", f"/users/{user}/spend", json={"amount": 1, "label": f"Step {at}"})
    context = browser.new_context(reduced_motion="reduce", locale="en-US")
    wallet = Wallet(context, demo, user)
    wallet.go("Account")
    rows = wallet.page.get_by_test_id("history-row")
    expect(rows).to_have_count(20)
    expect(rows.first).to_contain_text("Step 23")
    demo.api("POST", f"/users/{user}/spend", json={"amount": 1, "label": "One more"})
    expect(rows.first).to_contain_text("One more")
    wallet.page.get_by_role("button", name="Older entries").click()
    expect(rows).to_have_count(26)
    expect(rows.last).to_contain_text("Welcome")
    expect(wallet.page.get_by_role("button", name="Older entries")).to_have_count(0)
    context.close()


def test_a_second_unit_stands_beside_the_credits(browser: Browser, demo: Demo) -> None:
    user = new_user(demo, "talker")
    context = browser.new_context(reduced_motion="reduce", locale="en-US")
    wallet = Wallet(context, demo, user)
    wallet.is_live()
    expect(wallet.page.get_by_test_id("sidebar-minutes")).to_have_text("0.00")
    demo.api("POST", f"/users/{user}/grants", json={"amount": 1234, "unit": "minutes"})
    expect(wallet.page.get_by_test_id("sidebar-minutes")).to_have_text("12.34")
    wallet.shows(100)
    context.close()


def test_a_refused_spend_puts_the_number_back_and_says_why(browser: Browser, demo: Demo) -> None:
    user = new_user(demo, "poor", credits=3)
    context = browser.new_context(reduced_motion="reduce", locale="en-US")
    wallet = Wallet(context, demo, user)
    wallet.is_live()
    wallet.page.get_by_test_id("spend-5").click()
    expect(wallet.toast).to_contain_text("3")
    wallet.shows(3)
    context.close()
