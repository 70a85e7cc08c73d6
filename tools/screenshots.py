"""Take the pictures of docs/images/: every page of the demo in both themes and two sizes, and flow 1 as a moving one.

Run by `python -m tools.screenshots [NAME …]`, where names are those of `PAGES`, and `flow` for the moving picture. The
odd thing: one browser context serves all pictures of the console, because the operator's sign-in link works once.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from typing import Any, Literal, get_args

import httpx2
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from tools.chromium import find
from tools.webp import Encoder, Movie, Pane

IMAGES = Path(__file__).resolve().parent.parent / "docs" / "images"
Theme = Literal["light", "dark"]
SIZES = {"desk": (1280, 800), "phone": (390, 844)}
SETTLE_MS = 350
"""The last of what a page paints by itself; fonts and lists are there long before."""
IS_READ = """() => document.querySelector('h1') !== null
  && document.querySelector('[aria-busy=true], .mantine-Skeleton-root') === null"""
PAGES = {
    "front": "/",
    "console-overview": "/console/overview",
    "console-users": "/console/users",
    "console-user": "/console/users/ada",
    "console-orders": "/console/orders",
    "console-packages": "/console/orders/packages",
    "console-campaigns": "/console/vouchers",
    "console-vouchers": "/console/vouchers/single",
    "console-bulk": "/console/bulk",
    "console-broadcasts": "/console/broadcasts",
    "console-audit": "/console/audit",
    "console-keys": "/console/developers",
    "console-token": "/console/developers/token",
    "console-frames": "/console/developers/frames",
    "console-api": "/console/developers/api?q=grant",
    "console-settings": "/console/settings",
    "wallet-studio": "/wallet/?user=ada",
    "wallet-account": "/wallet/?user=ada#/account",
    "wallet-shop": "/wallet/?user=ada#/shop",
    "wallet-vouchers": "/wallet/?user=ada#/vouchers",
    "wallet-team": "/wallet/?user=ada#/users",
}
FLOW = "flow"
FLOW_SIZE = (1180, 760)
CONSOLE_SIZE, TAB_SIZE = (700, 700), (420, 210)
CONSOLE_PLACE, TAB_PLACES = (20, 40), ((740, 40), (740, 285), (740, 530))

TAB_TITLES = ("Ada’s laptop", "Ada’s laptop, another tab", "Ada’s phone")


@contextmanager
def demo() -> Iterator[dict[str, Any]]:
    """A running demo, as the one line of JSON that it prints."""
    command = [
        str(Path(sys.executable).with_name("livecredits")),
        "demo",
        "--port",
        "0",
        "--json",
        "--no-browser",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.terminate()


def shoot(page: Page, name: str, encoder: Encoder) -> None:
    """Save the open page in every theme and size."""
    themes: tuple[Theme, ...] = get_args(Theme)
    for frame in page.frames:
        frame.wait_for_function(IS_READ)
    for theme, (size, (width, height)) in product(themes, SIZES.items()):
        page.emulate_media(color_scheme=theme, reduced_motion="reduce")
        page.set_viewport_size({"width": width, "height": height})
        page.wait_for_timeout(SETTLE_MS)
        _save(f"{name}-{size}-{theme}", encoder.still(page.screenshot()))


def _save(name: str, content: bytes) -> None:
    path = IMAGES / f"{name}.webp"
    path.write_bytes(content)
    print(f"docs/images/{path.name}  {len(content) // 1024} kB", flush=True)


def enliven(told: dict[str, Any], browser: Browser) -> None:
    """Let some users look at their wallets while their credits change, so that there are screens and receipts.

    Each in a browser of their own: a tab behind another is painted once a second at most.
    """
    headers = {"Authorization": f"Bearer {told['service_key']}"}
    tabs = [browser.new_context(locale="en-US").new_page() for _ in told["users"][:3]]
    for tab, user in zip(tabs, told["users"], strict=False):
        tab.goto(user["wallet_url"])
        expect(tab.get_by_test_id("status")).to_have_attribute("data-status", "live")
    with httpx2.Client(base_url=f"{told['url']}/api/v1", headers=headers) as backend:
        for turn, user in product(range(12), told["users"][:3]):
            amount, reason = ((5, "Goodwill"), (25, "Thank you"), (-10, "Correction"))[turn % 3]
            change = {"amount": amount, "reason": reason}
            place = f"/admin/users/{user['id']}/adjustments"
            asked = backend.post(place, json=change, params={"wait": "shown"})
            assert asked.status_code == 200, asked.text


def film(browser: Browser, operator: BrowserContext, told: dict[str, Any], encoder: Encoder) -> bytes:
    """Flow 1: the operator changes Ada's credits, and her tabs and her phone follow."""
    console = operator.new_page()
    console.set_viewport_size({"width": CONSOLE_SIZE[0], "height": CONSOLE_SIZE[1]})
    console.emulate_media(color_scheme="light", reduced_motion="reduce")
    console.goto(f"{told['url']}/console/users")
    laptop, phone = (browser.new_context(locale="en-US", reduced_motion="reduce") for _ in range(2))
    ada = next(user for user in told["users"] if user["id"] == "ada")
    tabs = [laptop.new_page(), laptop.new_page(), phone.new_page()]
    for tab, page in zip(tabs, ("", "#/account", "#/shop"), strict=True):
        tab.set_viewport_size({"width": TAB_SIZE[0], "height": TAB_SIZE[1]})
        tab.goto(ada["wallet_url"] + page)
        expect(tab.get_by_test_id("header-badge")).to_contain_text(",")
    movie = encoder.movie(*FLOW_SIZE)
    _act(console, tabs, lambda duration_ms: _add(movie, console, tabs, duration_ms))
    for context in (laptop, phone):
        context.close()
    console.close()
    return movie.encoded()


def _act(console: Page, tabs: list[Page], take: Callable[[int], None]) -> None:
    row = console.locator("tr[data-user='ada']")
    before = tabs[0].get_by_test_id("header-badge").inner_text()
    take(1400)
    row.get_by_role("button", name="change the credits").click()
    change = console.get_by_label("Change", exact=True)
    take(500)
    for key in "+50":
        change.press(key)
        take(220)
    reason = console.get_by_role("combobox", name="Reason")
    reason.fill("Goodwill")
    reason.press("Tab")
    take(700)
    console.get_by_role("button", name="Apply").click()
    for tab in tabs:
        expect(tab.get_by_test_id("header-badge")).not_to_have_text(before)
    take(300)
    expect(console.get_by_test_id("shown-on").first).to_contain_text("shown on")
    take(2200)
    console.get_by_role("group", name="User credits updated").get_by_role("button", name="Undo").click()
    expect(tabs[-1].get_by_test_id("header-badge")).to_have_text(before)
    expect(console.get_by_role("group", name="Change reversed").get_by_test_id("shown-on")).to_contain_text(
        "shown on"
    )
    take(2400)


def _add(movie: Movie, console: Page, tabs: list[Page], duration_ms: int) -> None:
    panes = [Pane(console.screenshot(), *CONSOLE_PLACE, "The operator’s console")]
    for tab, place, title in zip(tabs, TAB_PLACES, TAB_TITLES, strict=True):
        panes.append(Pane(tab.screenshot(), *place, title))
    movie.add(panes, duration_ms)


def main(wanted: list[str]) -> None:
    """Start the demo, sign in, visit every page."""
    browser_path = find()
    if browser_path is None:
        sys.exit("No Chromium here; python -m tools.chromium gets one.")
    if unknown := set(wanted) - {*PAGES, FLOW}:
        sys.exit(f"No such picture: {', '.join(sorted(unknown))}")
    IMAGES.mkdir(parents=True, exist_ok=True)
    with demo() as told, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(browser_path), args=["--no-sandbox", "--disable-gpu"]
        )
        operator = browser.new_context(locale="en-US")
        encoder = Encoder(browser.new_context().new_page())
        page = operator.new_page()
        page.goto(told["operator_link"])
        page.get_by_role("heading", name="Overview").wait_for()
        if not wanted or FLOW in wanted:
            _save(FLOW, film(browser, operator, told, encoder))
        enliven(told, browser)
        for name in [name for name in PAGES if not wanted or name in wanted]:
            page.goto(told["url"] + PAGES[name])
            shoot(page, name, encoder)
        if not wanted:
            signing_in = browser.new_context(locale="en-US").new_page()
            signing_in.goto(f"{told['url']}/console")
            shoot(signing_in, "console-sign-in", encoder)
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1:])
