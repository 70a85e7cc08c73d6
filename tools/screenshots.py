"""Take the pictures of docs/images/: every page of the demo, in both themes, on a desk and on a phone.

Run by `python -m tools.screenshots`. It starts `livecredits demo` on a free port, opens each link that the demo
prints, and follows the console's own navigation, so a new page needs no change here. The odd thing: one browser
context serves all pictures, because the operator's sign-in link works once.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from typing import Literal, get_args
from urllib.parse import urlsplit

from playwright.sync_api import Page, sync_playwright
from tools.chromium import find

IMAGES = Path(__file__).resolve().parent.parent / "docs" / "images"
Theme = Literal["light", "dark"]
SIZES = {"desk": (1280, 800), "phone": (390, 844)}
LINKS_WITHIN_LINES = 200
SETTLE_MS = 700


@contextmanager
def demo() -> Iterator[list[str]]:
    """A running demo, as the links that it printed."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    # BROWSER=true: where the demo would open a browser, it runs `true` instead.
    environment = {
        **os.environ,
        "BROWSER": "true",
        "PYTHONUNBUFFERED": "1",
        "COLUMNS": "400",
        "NO_COLOR": "1",
    }
    command = [str(Path(sys.executable).with_name("livecredits")), "demo", "--port", str(port)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield _links(process, port)
        finally:
            process.terminate()


def _links(process: subprocess.Popen[str], port: int) -> list[str]:
    # The wallets' links come after the console's, so the reading ends at the first line without one after a wallet.
    links: list[str] = []
    assert process.stdout is not None
    for _, line in zip(range(LINKS_WITHIN_LINES), process.stdout, strict=False):
        found = re.findall(rf"http://(?:127\.0\.0\.1|localhost):{port}[^\s\"'<>|│]*", line)
        links += [link for link in found if link not in links]
        if (
            not found
            and any("/wallet" in link for link in links)
            and any("/console" in link for link in links)
        ):
            return links
    sys.exit(f"The demo printed no link to a console and a wallet, only: {links}")


def shoot(page: Page, name: str) -> None:
    """Save the open page in every theme and size."""
    themes: tuple[Theme, ...] = get_args(Theme)
    for theme, (size, (width, height)) in product(themes, SIZES.items()):
        page.emulate_media(color_scheme=theme, reduced_motion="reduce")
        page.set_viewport_size({"width": width, "height": height})
        page.wait_for_timeout(SETTLE_MS)
        page.screenshot(path=IMAGES / f"{name}-{size}-{theme}.png")
        print(f"docs/images/{name}-{size}-{theme}.png")


def name_of(link: str) -> str:
    """`/console/users` becomes `console-users`, `/` becomes `front`; a query with the user stays in the name."""
    parts = urlsplit(link)
    user = re.search(r"user=([\w-]+)", parts.query)
    words = [*parts.path.split("/"), user.group(1) if user else ""]
    return "-".join(word for word in words if word) or "front"


def main() -> None:
    """Take all pictures anew."""
    browser_path = find()
    if browser_path is None:
        sys.exit("No Chromium: run `make setup`.")
    IMAGES.mkdir(parents=True, exist_ok=True)
    with demo() as links, sync_playwright() as playwright:
        options = ["--no-sandbox", "--disable-gpu", "--no-first-run"]
        browser = playwright.chromium.launch(executable_path=browser_path, args=options)
        page = browser.new_page()
        for link in links:
            page.goto(link)
            page.wait_for_timeout(SETTLE_MS)
            is_console = "/console" in page.url
            shoot(page, "console" if is_console else name_of(link))
            if is_console:
                page.set_viewport_size({"width": 1280, "height": 800})
                inner = page.eval_on_selector_all("nav a[href]", "links => links.map((link) => link.href)")
                for href in dict.fromkeys(inner):
                    if "/console/" in href and urlsplit(href).netloc == urlsplit(link).netloc:
                        page.goto(href)
                        shoot(page, name_of(href))
        browser.close()


if __name__ == "__main__":
    main()
