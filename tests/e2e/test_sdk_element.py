"""`<live-credits>` from the script that the service itself serves, in pages as people write them: plain HTML, a
server's template, parts that are swapped, elements that a framework makes. The pages are answered by the browser's own
router, so that they are of the service's origin, or of none.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, Route, expect
from tests.demo_process import Demo
from tests.e2e.pages import Log, new_user
from tests.e2e.proxy import cable

pytestmark = pytest.mark.e2e
NewContext = Callable[[], BrowserContext]
BACK_MS = 25_000
"""The SDK's backoff while there is no way to the server."""

AXE = Path(__file__).parents[2] / "web/node_modules/axe-core/axe.min.js"
# As strict as a policy can be that still lets a script of the own origin run and connect.
POLICY = "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'none'"
PAGE = """<!doctype html><html lang="en"><head><title>Shop</title>
<script type="module" src="{script}"></script></head><body><main><h1>Shop</h1>{body}</main></body></html>"""


class Shop:
    """A host's site: one page, and the address that mints the token of whoever is signed in there."""

    def __init__(self, context: BrowserContext, demo: Demo, *, base: str | None = None) -> None:
        self.demo = demo
        self.base = base or demo.url
        self.signed_in: str | None = None
        self.asked = 0
        self.page = context.new_page()
        self.log = Log(self.page)
        self.page.route("**/shop/token", self._token)

    def open(self, body: str, *, script: str = "/sdk/element.js") -> Page:
        def answer(route: Route) -> None:
            text = PAGE.format(script=script, body=body)
            headers = {"content-type": "text/html", "content-security-policy": POLICY}
            route.fulfill(body=text, headers=headers)

        self.page.route("**/shop/", answer)
        self.page.goto(f"{self.base}/shop/")
        return self.page

    def _token(self, route: Route) -> None:
        self.asked += 1
        assert route.request.method == "POST"
        if self.signed_in is None:
            return route.fulfill(status=401, body="")
        made = self.demo.api("POST", "/tokens", json={"user_id": self.signed_in})
        assert made.status_code in {200, 201}, made.text
        return route.fulfill(
            body=json.dumps({"token": made.json()["token"]}), content_type="application/json"
        )


def shown(page: Page, at: int = 0) -> Locator:
    return page.locator("live-credits").nth(at).locator("[part=credits]")


def is_live(page: Page, at: int = 0) -> None:
    expect(page.locator("live-credits").nth(at)).to_have_attribute("status", "live")


def test_one_script_and_one_tag_show_the_live_number(demo: Demo, new_context: NewContext) -> None:
    shop = Shop(new_context(), demo)
    shop.signed_in = user = new_user(demo, "tag", 1_234)
    page = shop.open(
        f'<live-credits token-url="token" user="{user}" format="{{credits}} credits"></live-credits>'
        f'<live-credits token-url="token" user="{user}" unit="minutes"></live-credits>'
    )
    is_live(page)
    expect(shown(page)).to_have_text("1,234 credits")
    demo.api("POST", f"/users/{user}/grants", json={"amount": 1})
    demo.api("POST", f"/users/{user}/grants", json={"amount": 1234, "unit": "minutes"})
    expect(shown(page)).to_have_text("1,235 credits")
    expect(shown(page, 1)).to_have_text("12.34")
    assert len(demo.api("GET", "/admin/screens", params={"user": user}).json()["items"]) == 1
    assert shop.asked == 1
    assert shop.log.errors == []
    assert [line for line in shop.log.lines if "Content Security Policy" in line] == []


def test_a_template_writes_the_number_and_the_element_takes_over(demo: Demo, new_context: NewContext) -> None:
    shop = Shop(new_context(), demo)
    user = new_user(demo, "template", 40)
    tag = '<live-credits token-url="token" user="{user}">{credits}</live-credits>'
    page = shop.open(tag.format(user=user, credits=37), script="/none.js")
    expect(page.locator("main")).to_contain_text("37")  # without a script it is what the server wrote
    shop.signed_in = user
    page = shop.open(tag.format(user=user, credits=37))
    is_live(page)
    expect(shown(page)).to_have_text("40")
    assert "37" not in page.locator("main").aria_snapshot()
    page = shop.open(tag.format(user="", credits="Sign in to see your credits"))
    expect(page.locator("live-credits")).to_have_attribute("status", "signed-out")
    expect(page.get_by_text("Sign in to see your credits")).to_be_visible()
    assert shop.log.errors == []


def test_who_is_not_signed_in_any_more_is_told_so(demo: Demo, new_context: NewContext) -> None:
    shop = Shop(new_context(), demo)
    page = shop.open('<live-credits token-url="token" user="nobody">–</live-credits>')
    expect(page.locator("live-credits")).to_have_attribute("status", "signed-out")
    expect(shown(page)).to_have_text("")


def test_a_swapped_part_never_shows_the_former_users_number(demo: Demo, new_context: NewContext) -> None:
    shop = Shop(new_context(), demo)
    first, second = new_user(demo, "first", 111), new_user(demo, "second", 222)
    shop.signed_in = first
    page = shop.open(f'<live-credits token-url="token" user="{first}">111</live-credits>')
    is_live(page)
    expect(shown(page)).to_have_text("111")
    page.evaluate(SAMPLE)
    shop.signed_in = second
    page.evaluate("user => document.querySelector('live-credits').setAttribute('user', user)", second)
    expect(shown(page)).to_have_text("222")
    page.evaluate(
        "user => { document.querySelector('live-credits').outerHTML ="
        ' `<live-credits token-url="token" user="${user}">222</live-credits>` }',
        second,
    )
    expect(shown(page)).to_have_text("222")
    page.wait_for_function("window.samples.length > 5")
    samples = page.evaluate("window.samples")
    assert [text for user, text in samples if user == second and "111" in text] == []
    assert shop.log.errors == []


SAMPLE = """() => {
  window.samples = []
  const look = () => {
    const element = document.querySelector('live-credits')
    const slot = element.shadowRoot.querySelector('slot')
    const inside = slot.checkVisibility() ? element.textContent : ''
    const text = element.shadowRoot.querySelector('[part=credits]').textContent
    window.samples.push([element.getAttribute('user'), inside + text])
    requestAnimationFrame(look)
  }
  look()
}"""


def test_a_framework_makes_elements_with_properties(demo: Demo, new_context: NewContext) -> None:
    shop = Shop(new_context(), demo)
    shop.signed_in = user = new_user(demo, "vue", 5)
    page = shop.open("")
    page.evaluate(
        """user => {
          const element = document.createElement('live-credits')
          element.getToken = async () => (await (await fetch('token', { method: 'POST' })).json()).token
          window.heard = []
          document.addEventListener('credits', (event) => window.heard.push(event.detail.credits))
          document.querySelector('main').append(element)
          element.setAttribute('user', user)
        }""",
        user,
    )
    is_live(page)
    expect(shown(page)).to_have_text("5")
    demo.api("POST", f"/users/{user}/grants", json={"amount": 2})
    expect(shown(page)).to_have_text("7")
    assert page.evaluate("window.heard.at(-1)") == 7
    assert page.evaluate("document.querySelector('live-credits').snapshot.version") == 2


def test_a_lost_line_is_styled_and_read_out(demo: Demo, new_context: NewContext) -> None:
    user = new_user(demo, "lost", 9)
    with cable(demo.port) as line:
        shop = Shop(new_context(), demo, base=f"http://127.0.0.1:{line.port}")
        shop.signed_in = user
        page = shop.open(f'<live-credits token-url="token" user="{user}"></live-credits>')
        is_live(page)
        note = page.locator("live-credits [part=note]")
        expect(note).to_have_text("")
        assert axe(page) == []
        line.pull()
        expect(page.locator("live-credits[status=reconnecting], live-credits[status=stale]")).to_have_count(1)
        expect(shown(page)).to_have_text("9")
        expect(note).to_have_text("(not up to date)")
        assert page.locator("main").aria_snapshot().count("9 (not up to date)") == 1
        assert axe(page) == []
        line.mend()
        expect(page.locator("live-credits")).to_have_attribute("status", "live", timeout=BACK_MS)
        expect(note).to_have_text("")


def axe(page: Page) -> list[str]:
    page.evaluate(AXE.read_text())
    return [one["id"] for one in page.evaluate("() => axe.run(document)")["violations"]]


def test_a_token_in_the_page_is_replaced_by_a_newer_one(demo: Demo, new_context: NewContext) -> None:
    shop = Shop(new_context(), demo)
    user = new_user(demo, "literal", 3)
    token = demo.api("POST", "/tokens", json={"user_id": user}).json()["token"]
    page = shop.open(f'<live-credits token="{token}" user="{user}"></live-credits>')
    is_live(page)
    demo.api("DELETE", f"/users/{user}/tokens")
    expect(page.locator("live-credits")).not_to_have_attribute("status", "live")
    expect(shown(page)).to_have_text("3")
    newer = demo.api("POST", "/tokens", json={"user_id": user}).json()["token"]
    page.evaluate("token => document.querySelector('live-credits').setAttribute('token', token)", newer)
    expect(page.locator("live-credits")).to_have_attribute("status", "live", timeout=BACK_MS)
