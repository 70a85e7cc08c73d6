"""Every screen and every dialogue of the console, as it is painted: usable by everybody.

No violation of axe-core in either theme, on a desk and on a phone; nothing that scrolls sideways, on a phone nor at
twice the size; nothing that moves where no motion is wanted; one live region; no name from right to left that turns
its neighbours round. The wallet's pages have the same in `test_wallet_pages`. The odd thing: the app is loaded once,
and turned to each case as by a link; theme and width are the browser's to change, and the page follows them by itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.demo_process import Demo
from tests.e2e.looks import (
    Theme,
    cut_off,
    is_wider_than_the_window,
    live_regions,
    moving,
    not_isolated,
    squeezed,
    stand_still,
    turn,
    violations,
    words,
)
from tests.e2e.pages import Console, new_user
from tests.e2e.screens import LONG_NAME, OPENED, SCREENS, Screen, furnish, furnish_at_length, see

pytestmark = pytest.mark.e2e

DESK, PHONE, TABLET, TWICE = (1280, 800), (390, 844), (780, 640), (640, 400)
"""TWICE is a desk at 200 %."""
LIGHT: Theme = "light"
DARK: Theme = "dark"
EVERYWHERE = [(LIGHT, DESK), (DARK, DESK), (DARK, PHONE), (LIGHT, PHONE)]
"""One size after the other, since a page is laid out anew for each."""
ACROSS = [(LIGHT, DESK), (DARK, PHONE)]
"""What opens on a screen: each theme and each size once."""


@pytest.fixture(scope="module")
def long_id(demo: Demo) -> str:
    """All that is shown is there before the first case, whichever that is."""
    furnish(demo)
    return furnish_at_length(demo)


@pytest.fixture(scope="module")
def console(browser: Browser, demo: Demo, long_id: str) -> Iterator[Console]:
    """One operator and one tab for all cases, so that each of them costs a load and no sign-in."""
    context = browser.new_context(reduced_motion="reduce", locale="en-US")
    yield Console(context, demo, name="Axel Tester")
    context.close()


def show(console: Console, screen: Screen) -> Page:
    page = console.page
    turn(page, size=DESK, theme=LIGHT)
    page.mouse.move(0, 0)  # what it came to rest on would look as if it were pointed at
    console.turn_to(screen.path)
    expect(page.get_by_role("heading", name=screen.heading, level=1)).to_be_visible()
    for step in screen.steps:
        step(page)
    console.log.rest()
    return page


def check(page: Page, looks: list[tuple[Theme, tuple[int, int]]]) -> None:
    """All that is wrong in any of these looks, told at once."""
    found: dict[str, Any] = {"names": not_isolated(page), "moving": moving(page)}
    for theme, size in looks:
        turn(page, size=size, theme=theme)
        found[f"{theme} {size[0]}"] = violations(page)
    for size in (PHONE, TABLET, TWICE):
        turn(page, size=size)
        found[f"wide {size[0]}"] = is_wider_than_the_window(page)
        found[f"cut off {size[0]}"] = cut_off(page)
    assert {name: wrong for name, wrong in found.items() if wrong} == {}
    assert len(live_regions(page)) == 1, live_regions(page)


@pytest.mark.parametrize("name", SCREENS)
def test_everybody_can_use_the_screen(console: Console, name: str) -> None:
    page = show(console, SCREENS[name])
    on_a_desk = words(page)
    check(page, EVERYWHERE)
    at_twice_the_size = words(page)
    turn(page, size=DESK)
    # What changed meanwhile, such as a median of times, is on the desk but once.
    lost = (on_a_desk & words(page)) - at_twice_the_size
    assert lost == set(), "lost where there is less room"


@pytest.mark.parametrize("name", OPENED)
def test_everybody_can_use_what_opens(console: Console, name: str) -> None:
    check(show(console, OPENED[name]), ACROSS)


@pytest.mark.parametrize(
    "name",
    [
        "overview",
        "overview, as a table",
        "users",
        "user",
        "orders",
        "packages",
        "campaigns",
        "campaign",
        "vouchers",
        "broadcasts",
        "audit",
        "keys",
    ],
)
def test_the_longest_leaves_room_for_all(console: Console, long_id: str, name: str) -> None:
    screen = {**SCREENS, **OPENED}[name]
    if name == "user":
        screen = Screen(f"users/{long_id}", LONG_NAME, (see("Holds"),))
    if name == "orders":
        screen = Screen(f"orders?user={long_id}", "Orders", (see(LONG_NAME),))
    page = show(console, screen)
    found: dict[str, Any] = {}
    for size in (DESK, TABLET, TWICE, PHONE):
        turn(page, size=size)
        found[f"wide {size[0]}"] = is_wider_than_the_window(page)
        found[f"cut off {size[0]}"] = cut_off(page)
        found[f"squeezed {size[0]}"] = squeezed(page)
    assert {look: wrong for look, wrong in found.items() if wrong} == {}


def test_the_palette_shows_the_credits_beside_the_longest_name(console: Console, long_id: str) -> None:
    page = show(console, OPENED["palette"])
    page.keyboard.insert_text(LONG_NAME[:20])
    find = page.get_by_role("dialog").get_by_role("button").filter(has_text=LONG_NAME)
    expect(find.first).to_be_visible()
    stand_still(page)
    box, inside = page.locator(".mantine-Spotlight-actionsList").bounding_box(), find.first.bounding_box()
    assert box is not None
    assert inside is not None
    assert inside["x"] + inside["width"] <= box["x"] + box["width"]


def test_signing_in(browser: Browser, demo: Demo) -> None:
    context = browser.new_context(reduced_motion="reduce", locale="en-US")
    page = context.new_page()
    page.goto(f"{demo.url}/console")
    page.get_by_label("Email").fill("nobody@example.com")
    page.get_by_label("Password", exact=True).fill("not the password")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_text("wrong")).to_be_visible()
    stand_still(page)
    check(page, EVERYWHERE)
    context.close()


def test_the_menu_of_a_phone(console: Console) -> None:
    page = show(console, SCREENS["settings"])
    turn(page, size=PHONE)
    page.get_by_role("button", name="Open the menu").click()
    expect(page.get_by_role("link", name="Overview")).to_be_visible()
    for theme in (LIGHT, DARK):
        turn(page, theme=theme)
        assert violations(page) == []


def test_what_is_pointed_at_can_be_read(console: Console) -> None:
    page = show(console, SCREENS["keys"])
    page.get_by_role("button", name="Revoke").first.hover()
    for theme in (LIGHT, DARK):
        turn(page, theme=theme)
        assert violations(page) == [], theme


def test_a_toast_and_a_conflict(console: Console, demo: Demo) -> None:
    user = new_user(demo, "axe")
    page = show(console, Screen(f"users?q={user}", "Users"))
    console.open_editor(user)
    demo.api("POST", f"/users/{user}/spend", json={"amount": 30})
    page.get_by_label("Change", exact=True).fill("=200")
    page.get_by_role("combobox", name="Reason").fill("Goodwill")
    page.get_by_role("button", name="Apply").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    check(page, ACROSS)
    page.get_by_role("button", name="Apply anyway").click()
    expect(console.toast("User credits updated successfully")).to_be_visible()
    check(page, EVERYWHERE)


def test_a_fault_is_found_where_all_was_well_before(browser: Browser) -> None:
    """What stands where it stood is looked at anew for its colours alone; each kind of fault is told all the same."""
    page = browser.new_page()
    page.set_content(
        '<html lang="en"><title>A page</title><main><h1>One</h1><p id="two">Two</p></main></html>'
    )
    assert violations(page) == []
    page.evaluate("two.style.color = '#ddd'")
    assert [name for name, _ in violations(page)] == ["color-contrast"]
    page.evaluate("two.style.color = ''; two.setAttribute('role', 'nonsense')")
    assert [name for name, _ in violations(page)] == ["aria-roles"]
    page.close()
