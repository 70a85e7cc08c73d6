"""L12: a receipt is honest. A tab that nobody sees, that is too busy to paint, or that crashed, is never counted as one
that has shown the change; asked through the API, as an operator's tool would ask, while real tabs are open."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Error, Page
from tests.demo_process import Demo
from tests.e2e.pages import Wallet, new_user
from tests.waiting import eventually

pytestmark = pytest.mark.e2e
NewContext = Callable[[], BrowserContext]

HIDE = """(hidden) => {
  Object.defineProperty(document, 'visibilityState', { get: () => hidden ? 'hidden' : 'visible', configurable: true })
  document.dispatchEvent(new Event('visibilitychange', { bubbles: true }))
}"""


@contextmanager
def too_busy(page: Page) -> Iterator[None]:
    """Meanwhile the page composes no frame, as if a script of its own did not end."""
    stopped: list[object] = []
    debugger = page.context.new_cdp_session(page)
    debugger.on("Debugger.paused", lambda _: stopped.append(True))
    debugger.send("Debugger.enable")
    page.evaluate("setTimeout(() => { debugger })")
    eventually(
        lambda: debugger.send("Debugger.enable") and stopped
    )  # events come in while something is asked
    yield
    debugger.send("Debugger.resume")
    debugger.detach()


def set_credits(demo: Demo, user: str, credits: int, *, timeout_ms: int = 10_000) -> dict[str, Any]:
    """Set them, and wait until no screen is behind, or so long."""
    answer = demo.api(
        "PUT",
        f"/admin/users/{user}/credits",
        params={"wait": "shown", "timeout_ms": str(timeout_ms)},
        json={"credits": credits, "reason": "test"},
        timeout=30,
    )
    assert answer.status_code == 200, answer.text
    counts: dict[str, Any] = answer.json()["receipts"]
    return counts


def classes(counts: dict[str, Any]) -> dict[str, int]:
    names = ("open", "shown", "hidden", "asleep", "gone", "behind")
    return {name: counts[name] for name in names if counts[name]}


def has_painted(demo: Demo, user: str) -> None:
    """The first number was painted and told: from here on, a change is what the screens wait for."""
    assert set_credits(demo, user, 101)["behind"] == 0


def open_tab(context: BrowserContext, demo: Demo, user: str) -> Wallet:
    tab = Wallet(context, demo, user)
    tab.is_live()
    return tab


def test_an_open_tab_has_shown_it_within_a_frame_or_two(demo: Demo, new_context: NewContext) -> None:
    user = new_user(demo, "seen")
    tab = open_tab(new_context(), demo, user)
    has_painted(demo, user)
    counts = set_credits(demo, user, 150)
    tab.shows(150)
    assert classes(counts) == {"open": 1, "shown": 1}
    assert 0 < counts["first_ms"] <= counts["last_ms"] < 1_000
    assert counts["counted"] == "screens"


def test_by_an_event_stream_too(demo: Demo, new_context: NewContext) -> None:
    user = new_user(demo, "streamed")
    context = new_context()
    context.add_init_script("window.WebSocket = class extends EventTarget { close() {} }")
    tab = Wallet(context, demo, user)
    tab.is_live()
    has_painted(demo, user)
    assert classes(set_credits(demo, user, 150)) == {"open": 1, "shown": 1}
    tab.shows(150)


def test_a_tab_that_nobody_sees_has_not_shown_it(demo: Demo, new_context: NewContext) -> None:
    user = new_user(demo, "unseen")
    tab = open_tab(new_context(), demo, user)
    has_painted(demo, user)
    tab.page.evaluate(HIDE, True)
    counts = set_credits(demo, user, 150)
    assert classes(counts) == {"open": 1, "hidden": 1}
    assert counts["first_ms"] is None
    tab.shows(150)  # it is in the document, and nobody looks at it
    tab.page.evaluate(HIDE, False)
    assert classes(set_credits(demo, user, 160)) == {"open": 1, "shown": 1}


def test_a_tab_that_is_too_busy_has_not_shown_it_until_it_has(demo: Demo, new_context: NewContext) -> None:
    user = new_user(demo, "busy")
    tab = open_tab(new_context(), demo, user)
    has_painted(demo, user)
    with ThreadPoolExecutor(1) as pool:
        with too_busy(tab.page):
            early = set_credits(demo, user, 150, timeout_ms=300)
            assert classes(early) == {"open": 1, "behind": 1}
            late = pool.submit(set_credits, demo, user, 160, timeout_ms=10_000)
        assert classes(late.result()) == {"open": 1, "shown": 1}
    tab.shows(160)


def test_a_tab_that_crashed_has_not_shown_it(demo: Demo, new_context: NewContext) -> None:
    user = new_user(demo, "crashed")
    tab, other = open_tab(new_context(), demo, user), open_tab(new_context(), demo, user)
    has_painted(demo, user)
    tab.page.evaluate(
        "window.requestAnimationFrame = () => 0"
    )  # it composes nothing any more, and then it dies
    counts: list[dict[str, Any]] = []
    asking = threading.Thread(target=lambda: counts.append(set_credits(demo, user, 150, timeout_ms=10_000)))
    asking.start()
    other.shows(150)
    with pytest.raises(Error, match="crash"):
        tab.page.goto("chrome://crash")
    asking.join()
    assert classes(counts[0]) == {"open": 2, "shown": 1, "gone": 1}
    assert classes(set_credits(demo, user, 160)) == {"open": 1, "shown": 1}


def test_tabs_that_share_a_connection_have_shown_it_when_all_have(
    demo: Demo, new_context: NewContext
) -> None:
    user = new_user(demo, "shared")
    context = new_context()
    tabs = [open_tab(context, demo, user) for _ in range(3)]
    has_painted(demo, user)
    counts = set_credits(demo, user, 150)
    assert (classes(counts), counts["counted"]) == ({"open": 1, "shown": 1}, "browsers")
    with too_busy(tabs[2].page):
        assert classes(set_credits(demo, user, 160, timeout_ms=300)) == {"open": 1, "behind": 1}
        tabs[0].shows(160)
    assert classes(set_credits(demo, user, 170, timeout_ms=10_000)) == {"open": 1, "shown": 1}
    tabs[1].page.evaluate(HIDE, True)
    assert classes(set_credits(demo, user, 180)) == {"open": 1, "shown": 1}
