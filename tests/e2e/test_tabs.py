"""L10: many tabs, one truth, in a secure context (one connection per browser) and on a plain-HTTP host name."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page
from tests.demo_process import Demo
from tests.e2e.pages import Wallet, changed_at_ms, new_user, stamp_changes

pytestmark = pytest.mark.e2e
NewContext = Callable[[], BrowserContext]


def bases(demo: Demo) -> dict[str, str]:
    """127.0.0.1 counts as secure, a plain name does not: there, `navigator.locks` is missing."""
    return {"secure": demo.url, "plain": f"http://app.test:{demo.port}"}


def connections(demo: Demo, user: str) -> int:
    answer = demo.api("GET", "/admin/screens", params={"user": user})
    assert answer.status_code == 200, answer.text
    return len(answer.json()["items"])


@pytest.mark.parametrize(("kind", "expected"), [("secure", 1), ("plain", 12)])
def test_twelve_of_twelve_within_a_second(
    demo: Demo, new_context: NewContext, kind: str, expected: int
) -> None:
    user = new_user(demo, f"twelve-{kind}", 100)
    context = new_context()
    tabs = [Wallet(context, demo, user, base=bases(demo)[kind]) for _ in range(12)]
    for tab in tabs:
        tab.is_live()
    assert tabs[0].page.evaluate("'locks' in navigator") is (kind == "secure")
    assert connections(demo, user) == expected
    for tab in tabs:
        stamp_changes(tab.page, "header-badge")
    posted_ms = tabs[0].page.evaluate("Date.now()")
    demo.api("POST", f"/users/{user}/grants", json={"amount": 11})
    for tab in tabs:
        tab.shows(111)
    late = [changed_at_ms(tab.page) - posted_ms for tab in tabs]
    assert max(late) <= 1000, late


def freeze(page: Page, state: str = "frozen") -> None:
    """Chrome's life cycle, as for a tab that was in the background for long."""
    session = page.context.new_cdp_session(page)
    session.send("Page.setWebLifecycleState", {"state": state})


@pytest.fixture
def context_of_fate(request: pytest.FixtureRequest, fate: str) -> Iterator[BrowserContext]:
    """Only the whole Chromium has a cache of pages to go back to."""
    browser: Browser = request.getfixturevalue("whole_browser" if fate == "cached" else "browser")
    with browser.new_context(reduced_motion="reduce", locale="en-US") as context:
        yield context


@pytest.mark.parametrize("kind", ["secure", "plain"])
@pytest.mark.parametrize("fate", ["closed", "frozen", "cached"])
def test_when_the_leader_goes_the_others_go_on(
    demo: Demo, context_of_fate: BrowserContext, fate: str, kind: str
) -> None:
    """On the plain address nobody leads; there a tab that goes must not take the others' agreement with it."""
    user = new_user(demo, f"leader-{fate}-{kind}", 100)
    base, context = bases(demo)[kind], context_of_fate
    leader = Wallet(context, demo, user, base=base)
    leader.is_live()
    others = [Wallet(context, demo, user, base=base) for _ in range(2)]
    for tab in others:
        tab.is_live()
    leader.page.evaluate("window.isTheSamePage = true")
    if fate == "closed":
        leader.page.close()
    elif fate == "frozen":
        freeze(leader.page)
    else:
        leader.page.goto(f"{base}/healthz")
    demo.api("POST", f"/users/{user}/grants", json={"amount": 5})
    for tab in others:
        tab.shows(105)
    if fate == "cached":
        leader.page.evaluate(
            "history.back()"
        )  # `go_back` waits for a load, which a page from the cache never fires
        leader.shows(105)
        assert leader.page.evaluate("window.isTheSamePage === true"), "it was loaded anew, not from the cache"
    if fate == "frozen":
        freeze(leader.page, state="active")
        leader.shows(105)
        leader.is_live()


def test_two_users_in_one_browser_never_see_each_other(demo: Demo, new_context: NewContext) -> None:
    context = new_context()
    one, two = new_user(demo, "one", 100), new_user(demo, "two", 200)
    tabs = {one: Wallet(context, demo, one), two: Wallet(context, demo, two)}
    tabs[one].shows(100)
    tabs[two].shows(200)
    demo.api("POST", f"/users/{one}/grants", json={"amount": 1})
    tabs[one].shows(101)
    tabs[two].shows(200)
    assert not any(f"user {one}" in line for line in tabs[two].log.lines)
