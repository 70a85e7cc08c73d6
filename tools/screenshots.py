"""Take the pictures of docs/images/: every page of the demo, in both themes, on a desk and on a phone.

Run by `python -m tools.screenshots`. The odd thing: one browser context serves all pictures, because the operator's
sign-in link works once.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from typing import Any, Literal, get_args

from playwright.sync_api import Page, sync_playwright
from tools.chromium import find

IMAGES = Path(__file__).resolve().parent.parent / "docs" / "images"
Theme = Literal["light", "dark"]
SIZES = {"desk": (1280, 800), "phone": (390, 844)}
SETTLE_MS = 700
PAGES = {
    "front": "/",
    "console-users": "/console/users",
    "console-user": "/console/users/ada",
    "console-orders": "/console/orders",
    "console-vouchers": "/console/vouchers",
    "console-bulk": "/console/bulk",
    "console-audit": "/console/audit",
    "wallet-studio": "/wallet/?user=ada",
    "wallet-account": "/wallet/?user=ada#/account",
    "wallet-shop": "/wallet/?user=ada#/shop",
    "wallet-vouchers": "/wallet/?user=ada#/vouchers",
    "wallet-team": "/wallet/?user=ada#/users",
}


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


def shoot(page: Page, name: str) -> None:
    """Save the open page in every theme and size."""
    themes: tuple[Theme, ...] = get_args(Theme)
    for theme, (size, (width, height)) in product(themes, SIZES.items()):
        page.emulate_media(color_scheme=theme, reduced_motion="reduce")
        page.set_viewport_size({"width": width, "height": height})
        page.wait_for_timeout(SETTLE_MS)
        page.screenshot(path=IMAGES / f"{name}-{size}-{theme}.png")
        print(f"docs/images/{name}-{size}-{theme}.png")


def main() -> None:
    """Start the demo, sign in, visit every page."""
    browser_path = find()
    if browser_path is None:
        sys.exit("No Chromium here; python tools/chromium.py gets one.")
    IMAGES.mkdir(parents=True, exist_ok=True)
    with demo() as told, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(browser_path), args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_context(locale="en-US").new_page()
        page.goto(told["operator_link"])
        page.get_by_role("heading", name="Overview").wait_for()
        for name, path in PAGES.items():
            page.goto(told["url"] + path)
            shoot(page, name)
        browser.close()


if __name__ == "__main__":
    main()
