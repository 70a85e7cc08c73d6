"""The two apps as a person meets them: what they see, press and type. No selector stands anywhere else."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx2
from playwright.sync_api import BrowserContext, ConsoleMessage, Locator, Page, Request, expect
from tests.demo_process import Demo
from tests.e2e.looks import stand_still
from tests.waiting import eventually

_numbers = itertools.count(1)
WITHIN_MS = 15_000
"""So long may a busy machine take; what is promised within a time says so where it is asked for."""
MOST_TABS = 60


def new_user(demo: Demo, prefix: str, credits: int = 100) -> str:
    """A user of this test alone, with credits."""
    user = f"{prefix}-{next(_numbers)}-{demo.process.pid}"
    done = demo.api("POST", f"/users/{user}/grants", json={"amount": credits, "label": "Welcome"})
    assert done.status_code == 200, done.text
    return user


@contextmanager
def welcome(demo: Demo, credits: int, label: str) -> Iterator[None]:
    """Meanwhile every newcomer of this server is given a voucher."""
    terms = {"name": label, "label": label, "credits": credits, "word": f"HELLO{next(_numbers)}"}
    made = demo.api("POST", "/admin/campaigns", json={**terms, "welcome": True})
    assert made.status_code in {200, 201}, made.text
    try:
        yield
    finally:
        demo.end_welcomes()


def place_order(demo: Demo, user: str, package: str = "Starter", reference: str | None = None) -> str:
    """What the user's own page asks for, by HTTP; returns the order's id."""
    as_user = {"Authorization": f"Bearer {demo.token(user)}"}
    shop = f"{demo.url}/api/v1/credits"
    packages = httpx2.get(f"{shop}/packages", headers=as_user).json()["items"]
    wanted = next(item["id"] for item in packages if item["name"] == package)
    body = {"package_id": wanted, "purchase_reference": reference}
    made = httpx2.post(f"{shop}/orders", headers=as_user, json=body)
    assert made.status_code == 201, made.text
    return str(made.json()["id"])


def tab_to(page: Page, wanted: Locator, key: str = "Tab") -> None:
    """Reach it by the keyboard alone."""
    for _ in range(MOST_TABS):
        if wanted.evaluate("one => one === document.activeElement"):
            return
        page.keyboard.press(key)
    raise AssertionError(f"no way to {wanted} by {key}")


def order_by_keyboard(page: Page, reference: str) -> None:
    """In the shop: order the Starter package with this purchase reference."""
    tab_to(page, page.get_by_test_id("package-Starter").get_by_role("button"))
    page.keyboard.press("Enter")
    expect(page.get_by_label("Name")).to_be_focused()
    page.keyboard.insert_text("Eva Enders")
    tab_to(page, page.get_by_label("Your purchase reference"))
    page.keyboard.insert_text(reference)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="My orders")).to_be_focused()


def redeem_by_keyboard(page: Page, code: str) -> None:
    """On the page of vouchers: type the code over the former one, once that was answered."""
    expect(page.get_by_role("button", name="Redeem", exact=True)).to_be_enabled()
    tab_to(page, page.get_by_test_id("voucher-code"))
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type(code)
    page.keyboard.press("Enter")


def stamp_changes(page: Page, test_id: str) -> None:
    """From now on the page notes when that text first changed; `changed_at_ms` reads it."""
    page.evaluate(STAMP_CHANGES, test_id)


def changed_at_ms(page: Page) -> float:
    return float(page.evaluate("window.changedAt"))


STAMP_CHANGES = """id => {
  window.changedAt = undefined
  new MutationObserver(() => { window.changedAt ??= Date.now() })
    .observe(document.querySelector(`[data-testid=${id}]`), { subtree: true, characterData: true, childList: true })
}"""


class Log:
    """What a page wrote to its console, the errors that it did not catch, and what it is still reading."""

    def __init__(self, page: Page) -> None:
        self.lines: list[str] = []
        self.errors: list[str] = []
        self._page = page
        self._reading: set[Request] = set()
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", self._ask)
        page.on("requestfinished", self._have)
        page.on("requestfailed", self._have)

    # Methods of our own: Playwright puts a mark on whatever hears an event, and those of a set take none.
    def _ask(self, request: Request) -> None:
        if request.method == "GET":  # of others the SDK leaves an answer unread, which never ends then
            self._reading.add(request)

    def _have(self, request: Request) -> None:
        self._reading.discard(request)

    def rest(self) -> None:
        """Wait until the page has every answer and shows it: what it kept from before is replaced by then."""

        def rests() -> bool:
            had_all = not self._reading
            stand_still(self._page)
            return had_all and not self._reading

        eventually(rests, 30, told=lambda: f"no answer to {[one.url for one in self._reading]}")

    def _hear(self, message: ConsoleMessage) -> None:
        self.lines.append(message.text)


class Wallet:
    """One tab of the host app."""

    def __init__(
        self, context: BrowserContext, demo: Demo, user: str, *, at: str = "", base: str | None = None
    ) -> None:
        self.page = context.new_page()
        self.log = Log(self.page)
        self.user = user
        self.page.goto(f"{base or demo.url}/wallet/?user={user}{at}")

    @property
    def badge(self) -> Locator:
        return self.page.get_by_test_id("header-badge")

    @property
    def sidebar(self) -> Locator:
        return self.page.get_by_test_id("sidebar-balance")

    @property
    def status(self) -> Locator:
        return self.page.get_by_test_id("status")

    @property
    def toast(self) -> Locator:
        return self.page.get_by_test_id("toast")

    def go(self, name: str) -> None:
        self.page.get_by_role("navigation", name="Pages").get_by_role("link", name=name).click()

    def shows(self, credits: int, within_ms: int = WITHIN_MS) -> None:
        """Every component of the tab shows this number."""
        expect(self.badge).to_have_text(f"{credits:,}".replace("-", "−"), timeout=within_ms)
        expect(self.sidebar).to_have_text(f"{credits:,}".replace("-", "−"), timeout=within_ms)

    def is_live(self, within_ms: int = WITHIN_MS) -> None:
        expect(self.status).to_have_attribute("data-status", "live", timeout=within_ms)

    def switch_to(self, user: str) -> None:
        """Become another user in the same tab."""
        self.page.evaluate(
            "user => { const to = new URL(location.href); to.searchParams.set('user', user);"
            " history.pushState(null, '', to); dispatchEvent(new PopStateEvent('popstate')) }",
            user,
        )
        self.user = user


class Console:
    """An operator's tab."""

    def __init__(
        self, context: BrowserContext, demo: Demo, *, role: str = "admin", name: str = "Test", **limits: Any
    ) -> None:
        self.demo = demo
        self.email = f"op-{next(_numbers)}-{demo.process.pid}@example.com"
        made = demo.api(
            "POST",
            "/admin/operators",
            json={"email": self.email, "name": name, "role": role, "password": "correct horse", **limits},
        )
        assert made.status_code in {200, 201}, made.text
        self.page = context.new_page()
        self.log = Log(self.page)
        self.page.goto(f"{demo.url}/console")
        self.page.get_by_label("Email").fill(self.email)
        self.page.get_by_label("Password", exact=True).fill("correct horse")
        self.page.get_by_role("button", name="Sign in").click()
        expect(self.page.get_by_role("heading", name="Overview")).to_be_visible()

    def visit(self, path: str) -> None:
        self.page.goto(f"{self.demo.url}/console/{path}")

    def turn_to(self, path: str) -> None:
        """Go there as a link does, without loading the app anew; what stood open is closed before."""
        self.page.keyboard.press("Escape")
        for there in ("nowhere", path):
            self.page.evaluate("there => history.pushState(null, '', there)", f"/console/{there}")
            if there == "nowhere":
                expect(self.page.get_by_role("heading", name="Not found")).to_be_visible()
                expect(self.page.get_by_role("dialog")).to_have_count(0)

    def show(self, search: str) -> None:
        """The Users screen with the users that match."""
        self.visit(f"users?q={search}")

    def row(self, user: str) -> Locator:
        return self.page.locator(f"tr[data-user='{user}']")

    def number(self, user: str) -> Locator:
        return self.row(user).locator(".balance-number")

    def shows(self, user: str, credits: int) -> None:
        expect(self.number(user)).to_have_text(f"{credits:,}".replace("-", "−"), timeout=WITHIN_MS)

    def open_editor(self, user: str) -> None:
        self.row(user).get_by_role("button", name="change the credits").click()

    def edit(self, user: str, change: str, reason: str = "Goodwill") -> None:
        """Type `+50`, `-50` or `=200` with a reason into the row, and apply it."""
        self.open_editor(user)
        self.page.get_by_label("Change", exact=True).fill(change)
        self.page.get_by_role("combobox", name="Reason").fill(reason)
        self.page.get_by_role("button", name="Apply").click()

    def toast(self, text: str) -> Locator:
        return self.page.get_by_role("group", name=text)


class Queue:
    """The orders of one user in an operator's tab."""

    def __init__(self, console: Console, user: str, state: str = "pending") -> None:
        self.page = console.page
        console.visit(f"orders?user={user}&state={state}")
        expect(self.page.get_by_role("heading", name="Orders")).to_be_visible()

    @property
    def rows(self) -> Locator:
        return self.page.locator("tr[data-order]:not(.order-details)")

    def row(self, order: str) -> Locator:
        return self.page.locator(f"tr[data-order='{order}']:not(.order-details)")

    def opener(self, order: str) -> Locator:
        return self.row(order).locator(".row-open")

    @property
    def order(self) -> list[str]:
        """The ids of the rows, from the top."""
        ids: list[str] = self.rows.evaluate_all("rows => rows.map((row) => row.dataset.order)")
        return ids

    def is_in_state(self, order: str, state: str) -> None:
        expect(self.row(order)).to_have_attribute("data-state", state, timeout=WITHIN_MS)
