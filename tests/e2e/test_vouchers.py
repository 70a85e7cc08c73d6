"""Flow 3 in a real browser: a redeemed voucher stands on every component and tab of the user, in the operators' lists
and in the campaign's funnel at once; by keyboard, by HTTP, and with a clear answer for every code that does not pay."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest
from playwright.sync_api import Browser, BrowserContext, expect
from tests.demo_process import Demo
from tests.e2e.pages import Console, Wallet, new_user, redeem_by_keyboard, tab_to

pytestmark = pytest.mark.e2e
NewContext = Callable[[], BrowserContext]


@pytest.fixture(scope="module")
def operators(browser: Browser, demo: Demo) -> Iterator[tuple[Console, Console]]:
    contexts = [browser.new_context(reduced_motion="reduce", locale="en-US") for _ in range(2)]
    yield Console(contexts[0], demo), Console(contexts[1], demo)
    for context in contexts:
        context.close()


def made(demo: Demo, path: str, **terms: Any) -> dict[str, Any]:
    answer = demo.api("POST", f"/admin/{path}", json=terms)
    assert answer.status_code == 201, answer.text
    thing: dict[str, Any] = answer.json()
    return thing


def codes_of(demo: Demo, campaign: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = demo.api("GET", f"/admin/campaigns/{campaign}/codes").json()["items"]
    return items


def redeem_by_http(demo: Demo, user: str, code: str) -> httpx2.Response:
    """As the host's backend does it for its user, with a token that it minted by its key."""
    return httpx2.post(
        f"{demo.url}/api/v1/credits/vouchers/redeem",
        headers={"Authorization": f"Bearer {demo.token(user)}"},
        json={"code": code},
    )


def test_it_stands_on_every_screen_at_once(
    demo: Demo, new_context: NewContext, operators: tuple[Console, Console]
) -> None:
    user = new_user(demo, "flow3", 100)
    campaign = made(demo, "campaigns", name=f"Fair of {user}", credits=50, codes=3, label="Autumn fair")
    context = new_context()
    tabs = [Wallet(context, demo, user, at=at) for at in ("#/vouchers", "#/account", "#/account")]
    for tab in tabs:
        tab.is_live()
    expect(tabs[0].page.get_by_text("Nothing yet. Codes that you redeem stand here.")).to_be_visible()
    expect(tabs[1].page.get_by_text("None yet.")).to_be_visible()
    olga, pavel = operators
    olga.visit(f"vouchers/campaigns/{campaign['id']}")
    pavel.visit(f"vouchers/single?user={user}")
    press = pavel.page.keyboard.press

    # An operator makes a voucher for this user without a mouse, and mends its amount while it is unused.
    tab_to(pavel.page, pavel.page.get_by_role("button", name="New voucher"))
    press("Enter")
    expect(pavel.page.get_by_label("Amount")).to_be_focused()
    pavel.page.keyboard.type("30")
    tab_to(pavel.page, pavel.page.get_by_label("For user"))
    pavel.page.keyboard.type(user)
    press("Enter")
    rows = pavel.page.locator("tr[data-voucher]")
    expect(rows).to_have_count(1)
    tab_to(pavel.page, rows.get_by_role("button", name="Edit"))
    press("Enter")
    expect(pavel.page.get_by_label("Amount")).to_be_focused()
    pavel.page.keyboard.type("35")
    press("Enter")
    expect(rows.get_by_role("cell", name="35 credits", exact=True)).to_be_visible()
    code = rows.locator("code").inner_text()

    redeem_by_keyboard(tabs[0].page, code)
    for tab in tabs:
        tab.shows(135)
        assert f"💳 CreditDisplay: Received credit update for user {user}" in tab.log.lines
    expect(tabs[0].page.get_by_test_id("voucher-row")).to_contain_text(code)
    for tab in tabs[1:]:
        expect(tab.page.get_by_test_id("latest-voucher")).to_contain_text(code)
    expect(rows).to_have_attribute("data-state", "used")
    expect(rows).to_contain_text(user)
    expect(rows.get_by_role("button", name="Delete")).to_have_count(0)
    used = demo.api("DELETE", f"/admin/vouchers/{rows.get_attribute('data-voucher')}")
    assert (used.status_code, used.json()["code"]) == (409, "voucher_used")

    # A campaign's code: the funnel and the row move, no row changes its place.
    lines = olga.page.locator("tr[data-voucher]")
    expect(lines).to_have_count(3)
    before = lines.evaluate_all("rows => rows.map((row) => row.dataset.voucher)")
    second = codes_of(demo, campaign["id"])[1]
    redeem_by_keyboard(tabs[0].page, second["code"])
    for tab in tabs:
        tab.shows(185)
    line = olga.page.locator(f"tr[data-voucher='{second['voucher']}']")
    expect(line).to_have_attribute("data-state", "used")
    expect(line).to_contain_text(user)
    funnel = olga.page.get_by_role("region", name="Redemptions")
    expect(funnel).to_contain_text("Redeemed codes1 33 %")
    expect(funnel).to_contain_text("Granted credits50")
    assert lines.evaluate_all("rows => rows.map((row) => row.dataset.voucher)") == before

    # The same by the host's backend, while all look. All three tabs list vouchers by `registerVoucherRefresh` now.
    tabs[0].go("Account")
    issued = made(demo, "vouchers", amount=15, user_id=user)
    pavel.page.get_by_role("button", name="1 new voucher: show").click()
    expect(rows).to_have_count(2)
    assert redeem_by_http(demo, user, issued["code"]).status_code == 200
    for tab in tabs:
        tab.shows(200)
        expect(tab.page.get_by_test_id("latest-voucher")).to_have_count(3)
        expect(tab.page.get_by_test_id("latest-voucher").first).to_contain_text(issued["code"])
    expect(pavel.page.locator(f"tr[data-voucher='{issued['voucher']}']")).to_have_attribute(
        "data-state", "used"
    )

    # "Read everything again" is `refreshVouchers` and `refreshUserCredits` of the nine names.
    tabs[2].page.get_by_role("button", name="Read everything again").click()
    expect(tabs[2].page.get_by_test_id("latest-voucher")).to_have_count(3)
    assert f"🔄 Refreshing credits for user {user} (current user)" in tabs[2].log.lines
    assert [log.errors for log in (*[tab.log for tab in tabs], olga.log, pavel.log)] == [[]] * 5


def test_every_code_that_does_not_pay_has_its_answer(demo: Demo, new_context: NewContext) -> None:
    user, other = new_user(demo, "unlucky", 100), new_user(demo, "lucky", 100)
    used, foreign = made(demo, "vouchers", amount=5), made(demo, "vouchers", amount=5, user_id=other)
    assert redeem_by_http(demo, other, used["code"]).status_code == 200
    campaign = made(demo, "campaigns", name=f"Withdrawn {user}", credits=5, codes=2)
    codes = [voucher["code"] for voucher in codes_of(demo, campaign["id"])]
    assert demo.api("POST", f"/admin/campaigns/{campaign['id']}/revoke").status_code == 200
    tab = Wallet(new_context(), demo, user, at="#/vouchers")
    tab.is_live()
    asked: list[str] = []
    tab.page.on("request", lambda request: asked.append(request.url) if "redeem" in request.url else None)
    wrong = codes[0][:-1] + ("0" if codes[0][-1] != "0" else "1")
    answers = {
        wrong: "This code has a typing error. Compare it symbol by symbol.",
        codes[0]: "This code has been withdrawn.",
        used["code"]: "Somebody has used this code already.",
        foreign["code"]: "We do not know this code. Please check it; it may be meant for somebody else.",
        "EARLYBIRD": "This code has expired.",
        "NOSUCHWORD": "We do not know this code. Please check it; it may be meant for somebody else.",
    }
    for code, answer in answers.items():
        redeem_by_keyboard(tab.page, code)
        expect(tab.page.get_by_role("alert")).to_have_text(answer)
    assert len(asked) == len(answers) - 1  # the wrong check symbol was told by the page itself
    tab.shows(100)
    redeem_by_keyboard(tab.page, "welcome-10")
    tab.shows(110)
    redeem_by_keyboard(tab.page, "WELCOME10")
    expect(tab.page.get_by_role("alert")).to_have_text(
        "You have redeemed this code before. Its credits are in your history."
    )
    assert tab.log.errors == []
