"""Flows 2 and 3 in the wallet: what is ordered and what is redeemed stands on every screen of the user at once, and
an answer that got lost, a reload included, never pays twice."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
from playwright.sync_api import Browser, Page, Route, expect
from tests.demo_process import Demo
from tests.e2e.pages import Log, new_user, welcome

pytestmark = pytest.mark.e2e


@contextmanager
def screens(
    browser: Browser, demo: Demo, user: str, page: str, *, tabs: tuple[int, ...]
) -> Iterator[list[Page]]:
    """Tabs of one user, so many in each of several browsers."""
    with ExitStack() as stack:
        opened = []
        for count in tabs:
            context = stack.enter_context(browser.new_context(locale="en-US"))
            opened += [context.new_page() for _ in range(count)]
        for tab in opened:
            tab.goto(f"{demo.url}/wallet/?user={user}{page}")
            expect(tab.get_by_test_id("status")).to_have_attribute("data-status", "live")
        yield opened


def order_in(tab: Page, reference: str) -> None:
    tab.get_by_test_id("package-Starter").get_by_role("button").click()
    tab.get_by_label("Name").fill("Eva Enders")
    tab.get_by_label("Your purchase reference").fill(reference)
    tab.get_by_role("button", name="Order now").click()


def orders_of(demo: Demo, user: str) -> list[dict[str, object]]:
    found = demo.api("GET", "/admin/credits/orders", params={"user": user}).json()["items"]
    assert isinstance(found, list)
    return found


def test_an_order_and_its_fulfilment_stand_on_every_screen(browser: Browser, demo: Demo) -> None:
    user = new_user(demo, "buyer", 100)
    with screens(browser, demo, user, "#/shop", tabs=(2, 1)) as tabs:
        log = Log(tabs[0])
        order_in(tabs[0], "PO-1")
        for tab in tabs:
            expect(tab.get_by_test_id("order-row")).to_have_attribute("data-state", "pending")
        (made,) = orders_of(demo, user)
        fulfil = f"/admin/credits/orders/{made['id']}/fulfill"
        assert demo.api("POST", fulfil, json={}).status_code == 200
        for tab in tabs:
            expect(tab.get_by_test_id("order-row")).to_have_attribute("data-state", "fulfilled")
            expect(tab.get_by_test_id("header-badge")).to_have_text("600")
        second = demo.api("POST", fulfil, json={})
        assert (second.status_code, second.json()["code"]) == (409, "already_fulfilled")
        assert log.errors == []


def test_an_open_shop_shows_a_new_price_before_anything_is_ordered(browser: Browser, demo: Demo) -> None:
    packages = "/admin/credits/packages"
    terms = {"name": "Fleeting", "credits": 5, "price_minor": 900, "currency": "EUR", "position": 99}
    made = demo.api("POST", packages, json=terms).json()
    user = new_user(demo, "careful", 1)
    with screens(browser, demo, user, "#/shop", tabs=(1,)) as (tab,):
        tab.get_by_test_id("package-Fleeting").get_by_role("button").click()
        tab.get_by_label("Name").fill("Eva Enders")
        demo.api("PUT", f"{packages}/{made['id']}", json={**terms, "price_minor": 999_900})
        expect(tab.get_by_role("heading", name="Fleeting: 5 credits for €9,999.00")).to_be_visible()
        expect(tab.get_by_text("This package has just changed")).to_contain_text("€9.00")
        expect(tab.get_by_label("Name")).to_have_value("Eva Enders")
        tab.get_by_role("button", name="Order now").click()
        expect(tab.get_by_test_id("order-row")).to_contain_text("€9,999.00")
        demo.api("PUT", f"{packages}/{made['id']}", json={**terms, "active": False})
        expect(tab.get_by_test_id("package-Fleeting")).to_have_count(0)


def test_a_voucher_that_was_made_for_the_user_waits_and_is_taken_by_one_press(
    browser: Browser, demo: Demo
) -> None:
    user = new_user(demo, "lucky", 1)
    with screens(browser, demo, user, "#/vouchers", tabs=(1, 1)) as (one, two):
        made = demo.api("POST", "/admin/vouchers", json={"amount": 24, "user_id": user}).json()
        for tab in (one, two):
            expect(tab.get_by_test_id("waiting-voucher")).to_contain_text(made["code"])
        two.get_by_role("button", name=f"Redeem {made['code']}").click()
        for tab in (one, two):
            expect(tab.get_by_test_id("header-badge")).to_have_text("25")
            expect(tab.get_by_test_id("waiting-voucher")).to_have_count(0)
            expect(tab.get_by_test_id("voucher-row")).to_contain_text(made["code"])


def test_an_order_is_taken_back_while_it_waits(browser: Browser, demo: Demo) -> None:
    user = new_user(demo, "undecided", 100)
    with screens(browser, demo, user, "#/shop", tabs=(1, 1)) as (one, two):
        order_in(one, "PO-2")
        two.get_by_role("button", name="Cancel the order").click()
        for tab in (one, two):
            expect(tab.get_by_test_id("order-row")).to_have_attribute("data-state", "cancelled")


def test_a_lost_answer_and_a_reload_are_one_order(browser: Browser, demo: Demo) -> None:
    user = new_user(demo, "tunnel", 100)
    keys: list[str] = []

    def lose(route: Route) -> None:
        if route.request.method != "POST":
            return route.continue_()
        keys.append(route.request.headers["idempotency-key"])
        if len(keys) == 1:
            route.fetch()  # it arrives, and is done; only the answer is lost
            return route.abort()
        return route.continue_()

    with screens(browser, demo, user, "#/shop", tabs=(1,)) as (tab,):
        tab.route("**/credits/orders", lose)
        order_in(tab, "PO-3")
        expect(tab.get_by_role("alert")).to_contain_text("nothing happens twice")
        tab.reload()
        order_in(tab, "PO-3")
        expect(tab.get_by_test_id("toast")).to_contain_text("Starter ordered")
        expect(tab.get_by_test_id("order-row")).to_have_count(1)
        assert tab.evaluate("() => sessionStorage.length") == 0
    assert len(keys) == 2
    assert len(set(keys)) == 1
    assert len(orders_of(demo, user)) == 1


def test_a_voucher_pays_once_on_every_screen(browser: Browser, demo: Demo) -> None:
    user = new_user(demo, "redeemer", 100)
    with screens(browser, demo, user, "#/vouchers", tabs=(2, 1)) as tabs:
        field = tabs[0].get_by_test_id("voucher-code")
        field.fill("welcome-10")
        field.press("Enter")
        for tab in tabs:
            expect(tab.get_by_test_id("voucher-row")).to_contain_text("WELCOME10")
            expect(tab.get_by_test_id("header-badge")).to_have_text("110")
        tabs[2].get_by_test_id("voucher-code").fill("WELCOME10")
        tabs[2].get_by_role("button", name="Redeem").click()
        expect(tabs[2].get_by_role("alert")).to_contain_text("redeemed this code before")
        expect(tabs[0].get_by_test_id("header-badge")).to_have_text("110")


def test_a_typing_error_is_told_without_asking(browser: Browser, demo: Demo) -> None:
    user = new_user(demo, "typist", 100)
    with screens(browser, demo, user, "#/vouchers", tabs=(1,)) as (tab,):
        asked: list[str] = []
        tab.on("request", lambda request: asked.append(request.url) if "redeem" in request.url else None)
        tab.get_by_test_id("voucher-code").fill("AUTUMN-7K2M-9QXA-04TZ-HHN3-W")
        tab.get_by_role("button", name="Redeem").click()
        expect(tab.get_by_role("alert")).to_contain_text("typing error")
        assert asked == []


def test_whoever_is_new_is_welcomed_at_the_first_appearance(browser: Browser, demo: Demo) -> None:
    with welcome(demo, 40, "Open day"), screens(browser, demo, "ada", "#/", tabs=(1,)) as (tab,):
        expect(tab.get_by_test_id("welcome")).to_have_count(0)
        tab.get_by_test_id("user-switcher").select_option(label="A new user…")
        expect(tab.get_by_test_id("welcome")).to_contain_text("+40 credits are yours to begin with: Open day")
        expect(tab.get_by_test_id("header-badge")).to_have_text("40")
        tab.get_by_role("button", name="Close the welcome").click()
        tab.reload()
        expect(tab.get_by_test_id("header-badge")).to_have_text("40")
        tab.get_by_role("link", name="Vouchers").click()
        expect(tab.get_by_test_id("voucher-row")).to_contain_text("Open day")
        expect(tab.get_by_test_id("welcome")).to_have_count(0)


def test_whoever_came_last_in_the_demo_was_welcomed(browser: Browser, demo: Demo) -> None:
    with screens(browser, demo, "ida", "#/", tabs=(1,)) as (tab,):
        expect(tab.get_by_test_id("welcome")).to_contain_text("+50 credits are yours")
