"""The flows that must always work, in a real browser against a real server, as 1-product tells them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, expect
from tests.demo_process import Demo, free_port, running_demo
from tests.e2e.pages import Console, Wallet, new_user
from tests.e2e.proxy import cable

pytestmark = pytest.mark.e2e
NewContext = Callable[[], BrowserContext]


class TestOperatorChangesCredits:
    """Flow 1."""

    def test_every_screen_of_the_user_shows_it_at_once(self, demo: Demo, new_context: NewContext) -> None:
        user = new_user(demo, "flow1", 100)
        laptop, phone = new_context(), new_context()
        tabs = [Wallet(laptop, demo, user), Wallet(laptop, demo, user), Wallet(phone, demo, user)]
        for tab in tabs:
            tab.shows(100)
        console = Console(new_context(), demo)
        console.show(user)
        console.edit(user, "=250", reason="Goodwill")
        for tab in tabs:
            tab.shows(250)
        console.shows(user, 250)
        expect(console.toast("User credits updated successfully")).to_be_visible()
        assert f"📢 Broadcasting credit update for user {user}" in console.log.lines
        for tab in tabs:
            assert f"💳 CreditDisplay: Received credit update for user {user}" in tab.log.lines
            assert tab.log.errors == []
        assert console.log.errors == []

    def test_undo_in_the_toast_puts_the_old_value_back_everywhere(
        self, demo: Demo, new_context: NewContext
    ) -> None:
        user = new_user(demo, "undo", 100)
        tab = Wallet(new_context(), demo, user)
        console = Console(new_context(), demo)
        console.show(user)
        console.edit(user, "+50")
        tab.shows(150)
        console.toast("User credits updated successfully").get_by_role("button", name="Undo").click()
        tab.shows(100)
        console.shows(user, 100)
        kinds = [item["kind"] for item in demo.api("GET", f"/users/{user}/history").json()["items"]]
        assert kinds == ["reverse", "adjust", "grant"]

    def test_a_refusal_says_why_and_the_old_value_returns(self, demo: Demo, new_context: NewContext) -> None:
        user = new_user(demo, "refused", 100)
        console = Console(new_context(), demo, role="support", limit=50)
        console.show(user)
        console.edit(user, "+51")
        expect(console.page.get_by_text("you may move 50 in one change").first).to_be_visible()
        console.shows(user, 100)

    def test_a_balance_that_moved_meanwhile_asks_before_it_is_overwritten(
        self, demo: Demo, new_context: NewContext
    ) -> None:
        user = new_user(demo, "conflict", 100)
        console = Console(new_context(), demo)
        console.show(user)
        console.open_editor(user)
        demo.api("POST", f"/users/{user}/spend", json={"amount": 30})
        console.page.get_by_label("Change", exact=True).fill("=200")
        console.page.get_by_role("combobox", name="Reason").fill("Correction")
        console.page.get_by_role("button", name="Apply", exact=True).click()
        dialog = console.page.get_by_role("dialog")
        expect(dialog).to_contain_text("70")
        expect(dialog).to_contain_text("200")
        dialog.get_by_role("button", name="Apply anyway").click()
        console.shows(user, 200)

    def test_the_users_page_written_on_the_nine_names(self, demo: Demo, new_context: NewContext) -> None:
        admin = Wallet(new_context(), demo, "grace")
        user = "ada"
        before = demo.api("GET", f"/users/{user}/balance").json()["credits"]
        screen = Wallet(new_context(), demo, user)
        screen.shows(before)
        admin.go("Team")
        field = admin.page.get_by_test_id(f"user-{user}").get_by_role("textbox")
        field.fill(str(before + 7))
        field.press("Enter")
        screen.shows(before + 7)
        expect(admin.toast).to_contain_text("User credits updated successfully")
        assert f"📢 Broadcasting credit update for user {user}" in admin.log.lines
        field.fill("-5")
        field.press("Enter")
        expect(admin.toast.last).to_contain_text("available")
        expect(field).to_have_value(f"{before + 7:,}")
        screen.shows(before + 7)


class TestManyScreens:
    """Flow 4."""

    def test_components_tabs_and_browsers_agree_when_one_of_them_spends(
        self, demo: Demo, new_context: NewContext
    ) -> None:
        user = new_user(demo, "spend", 100)
        laptop, phone = new_context(), new_context()
        tabs = [Wallet(laptop, demo, user), Wallet(laptop, demo, user), Wallet(phone, demo, user)]
        for tab in tabs:
            tab.is_live()
        for _ in range(4):
            tabs[0].page.get_by_test_id("spend-5").click()
        for tab in tabs:
            tab.shows(80)
        tabs[1].go("Account")
        expect(tabs[1].page.get_by_test_id("account-balance")).to_have_text("80")
        expect(tabs[1].page.get_by_test_id("history-row")).to_have_count(5)

    def test_a_spend_that_is_refused_comes_back_with_the_reason(
        self, demo: Demo, new_context: NewContext
    ) -> None:
        user = new_user(demo, "poor", 3)
        tab = Wallet(new_context(), demo, user)
        tab.is_live()
        tab.page.get_by_test_id("spend-5").click()
        expect(tab.toast).to_contain_text("5 credits are needed and 3 are available")
        tab.shows(3)


class TestEveryWayCreditsMove:
    """Flow 6: the same push from the same commit, whatever moved them."""

    def test_spend_hold_capture_release_reversal_and_expiry(
        self, demo: Demo, new_context: NewContext
    ) -> None:
        user = new_user(demo, "moves", 100)
        tab = Wallet(new_context(), demo, user)
        tab.shows(100)

        def move(path: str, **body: object) -> dict[str, str]:
            answer = demo.api("POST", path, json=body)
            assert answer.status_code == 200, answer.text
            moved: dict[str, str] = answer.json()
            return moved

        spent = move(f"/users/{user}/spend", amount=10)
        tab.shows(90)
        hold = move(f"/users/{user}/holds", amount=40)["hold"]
        tab.shows(50)
        expect(tab.page.get_by_label("Credits", exact=True)).to_contain_text("40 held")
        move(f"/users/{user}/holds/{hold}/capture", amount=15)
        tab.shows(75)
        hold = move(f"/users/{user}/holds", amount=5)["hold"]
        tab.shows(70)
        move(f"/users/{user}/holds/{hold}/release")
        tab.shows(75)
        move(f"/admin/entries/{spent['entry']}/reverse", reason="mistake")
        tab.shows(85)
        other = new_user(demo, "taker", 1)
        move("/transfers", from_user_id=user, to_user_id=other, amount=5)
        tab.shows(80)
        tab.page.evaluate(NOTE_NUMBERS)
        move(f"/users/{user}/holds", amount=30, ttl_s=1)
        # The hold timed out: nobody asked, nobody read. A slow test may look when it is over already.
        tab.page.wait_for_function("window.numbers.join() === '50,80'")
        tab.shows(80)


NOTE_NUMBERS = """() => {
  window.numbers = []
  const badge = document.querySelector('[data-testid=header-badge]')
  new MutationObserver(() => {
    const text = badge.textContent.trim()
    if (window.numbers.at(-1) !== text) window.numbers.push(text)
  }).observe(badge, { subtree: true, characterData: true, childList: true })
}"""


class TestUserSwitch:
    """Flow 5 and promise L11."""

    def test_no_frame_shows_the_former_users_number(self, demo: Demo, new_context: NewContext) -> None:
        first, second = new_user(demo, "first", 111_000), new_user(demo, "second", 222_000)
        tab = Wallet(new_context(), demo, first)
        tab.shows(111_000)
        tab.page.evaluate(SAMPLE_EVERY_FRAME)
        for round_ in range(3):
            for user in (second, first):
                for _ in range(10):  # a flood for both while the user changes
                    demo.api("POST", f"/users/{first}/grants", json={"amount": 1})
                    demo.api("POST", f"/users/{second}/grants", json={"amount": 1})
                tab.switch_to(user)
                total = (round_ * 2 + (1 if user == second else 2)) * 10
                tab.shows((111_000 if user == first else 222_000) + total)
        tab.page.wait_for_function("window.samples.length > 20")
        seen = tab.page.evaluate("window.samples")
        numbers = {first: "111,", second: "222,"}
        wrong = [(user, text) for user, text in seen if text != "…" and not text.startswith(numbers[user])]
        assert wrong == []


SAMPLE_EVERY_FRAME = """() => {
  window.samples = []
  const look = () => {
    const user = new URLSearchParams(location.search).get('user')
    for (const id of ['header-badge', 'sidebar-balance']) {
      window.samples.push([user, document.querySelector(`[data-testid=${id}]`).textContent.trim()])
    }
    requestAnimationFrame(look)
  }
  requestAnimationFrame(look)
}"""


class TestConnectionLost:
    """Flow 7."""

    def test_the_screen_says_so_and_then_shows_the_truth(self, demo: Demo, new_context: NewContext) -> None:
        user = new_user(demo, "cable", 100)
        with cable(demo.port) as line:
            tab = Wallet(new_context(), demo, user, base=f"http://127.0.0.1:{line.port}")
            tab.is_live()
            tab.shows(100)
            line.pull()
            expect(tab.status).to_have_attribute("data-status", "reconnecting")
            tab.shows(100)  # the last number stays, under an honest sign
            demo.api("POST", f"/users/{user}/grants", json={"amount": 11})
            line.mend()
            tab.is_live(within_ms=25_000)
            tab.shows(111)

    def test_a_server_that_restarts_is_found_again(self, new_context: NewContext, tmp_path: object) -> None:
        port, file = free_port(), f"{tmp_path}/restart.db"
        with running_demo("--file", file, port=port) as demo:
            demo.end_welcomes()
            user = new_user(demo, "restart", 100)
            tab = Wallet(new_context(), demo, user)
            tab.is_live()
            tab.shows(100)
        expect(tab.status).not_to_have_attribute("data-status", "live")
        with running_demo("--file", file, port=port) as demo:
            demo.api("POST", f"/users/{user}/grants", json={"amount": 5})
            tab.is_live(within_ms=25_000)
            tab.shows(105)
