"""A plugin that makes every page several times slower, so that a test which depends on a quick machine fails here.

`python -m pytest -p tests.e2e.slower tests/e2e`. What promises something "at once" misses its second then; nothing else
may fail. The odd thing: a page's speed is the debugger's to set, and pages are opened in many places, so the two ways
in which Playwright opens one are replaced.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page

TIMES = 4


def pytest_configure() -> None:
    for opener in (Browser, BrowserContext):
        opener.new_page = _slower(opener.new_page)  # type: ignore[method-assign]


def _slower(new_page: Callable[..., Page]) -> Callable[..., Page]:
    def opened(*arguments: Any, **options: Any) -> Page:
        page = new_page(*arguments, **options)
        page.context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": TIMES})
        return page

    return opened
