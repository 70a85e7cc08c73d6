"""Networks that spoil live connections, in a real browser: the number is right within five seconds all the same, and
what the screen says of it meanwhile is true (every frame of it is looked at)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect
from tests.demo_process import Demo
from tests.e2e.pages import Wallet, new_user
from tests.e2e.proxy import Middlebox, cable
from tests.waiting import eventually

pytestmark = pytest.mark.e2e
NewContext = Callable[[], BrowserContext]
WITHIN_S = 5.0


@pytest.fixture
def behind(demo: Demo) -> Iterator[Callable[..., Middlebox]]:
    """Middleboxes between a browser and the demo."""
    opened: list[Middlebox] = []

    def make(**faults: Any) -> Middlebox:
        box = Middlebox(demo.port, **faults)
        opened.append(box.__enter__())
        return box

    yield make
    for box in opened:
        box.__exit__()


def base(box: Middlebox) -> str:
    return f"http://127.0.0.1:{box.port}"


def carriers(demo: Demo, user: str) -> list[str]:
    items = demo.api("GET", "/admin/screens", params={"user": user}).json()["items"]
    return [item["carrier"] for item in items]


# What the badge says, frame by frame: a number may stand under `live` only while it is the ledger's.
SAMPLE = """() => {
  window.samples = []
  const look = () => {
    const status = document.querySelector('[data-testid=status]')?.dataset.status
    const text = document.querySelector('[data-testid=header-badge]')?.textContent.trim()
    if (status) window.samples.push([Date.now(), status, text])
    requestAnimationFrame(look)
  }
  requestAnimationFrame(look)
}"""


def samples(page: Page) -> list[tuple[float, str, str]]:
    return [tuple(one) for one in page.evaluate("window.samples")]


def waited_ms(page: Page) -> float:
    """How long people looked at the page before it was live."""
    told = samples(page)
    return next(at for at, status, _ in told if status == "live") - told[0][0]


class TestBlockedSockets:
    @pytest.mark.parametrize("how", ["refused", "unanswered"])
    def test_the_number_comes_by_an_event_stream(
        self, demo: Demo, new_context: NewContext, behind: Callable[..., Middlebox], how: str
    ) -> None:
        user = new_user(demo, f"blocked-{how}", 100)
        box = behind(sockets=how)
        context = new_context()
        context.add_init_script(f"({SAMPLE})()")
        tab = Wallet(context, demo, user, base=base(box))
        tab.is_live()
        tab.shows(100)
        assert waited_ms(tab.page) < WITHIN_S * 1000
        assert carriers(demo, user) == ["events"]
        for total in (101, 102, 103):
            demo.api("POST", f"/users/{user}/grants", json={"amount": 1})
            tab.shows(total, within_ms=1_000)
        tab.page.get_by_test_id("spend-5").click()
        tab.shows(98)
        told = samples(tab.page)
        assert {status for _, status, _ in told} <= {"idle", "connecting", "live"}
        assert [text for _, status, text in told if status == "connecting" and text != "…"] == []
        assert tab.log.errors == []
        # What came through is remembered: a page that is opened now does not even try the other.
        tried = box.seen
        again = Wallet(context, demo, user, base=base(box))
        again.is_live()
        tab.page.close()
        again.shows(98)
        again.is_live()
        assert box.seen == tried

    def test_a_stream_that_is_cut_is_made_again(
        self, demo: Demo, new_context: NewContext, behind: Callable[..., Middlebox]
    ) -> None:
        user = new_user(demo, "cut-stream", 100)
        box = behind(sockets="refused")
        tab = Wallet(new_context(), demo, user, base=base(box))
        tab.is_live()
        box.pull()
        expect(tab.status).to_have_attribute("data-status", "reconnecting")
        demo.api("POST", f"/users/{user}/grants", json={"amount": 11})
        box.mend()
        tab.shows(111, within_ms=int(WITHIN_S * 1000))
        tab.is_live()


class TestBufferedStreams:
    def test_the_socket_is_used(
        self, demo: Demo, new_context: NewContext, behind: Callable[..., Middlebox]
    ) -> None:
        user = new_user(demo, "buffered", 100)
        tab = Wallet(new_context(), demo, user, base=base(behind(buffers=True)))
        tab.is_live(within_ms=int(WITHIN_S * 1000))
        assert carriers(demo, user) == ["websocket"]
        demo.api("POST", f"/users/{user}/grants", json={"amount": 1})
        tab.shows(101, within_ms=1_000)

    def test_a_remembered_stream_gives_way_where_it_is_buffered(
        self, demo: Demo, new_context: NewContext, behind: Callable[..., Middlebox]
    ) -> None:
        user = new_user(demo, "moved", 100)
        box = behind(sockets="refused")
        context = new_context()
        tab = Wallet(context, demo, user, base=base(box))
        tab.is_live()
        tab.page.close()
        box.sockets, box.buffers = "open", True
        context.add_init_script(f"({SAMPLE})()")
        again = Wallet(context, demo, user, base=base(box))
        again.is_live()
        again.shows(100)
        assert waited_ms(again.page) < WITHIN_S * 1000

    def test_where_nothing_comes_through_the_screen_says_so(
        self, demo: Demo, new_context: NewContext, behind: Callable[..., Middlebox]
    ) -> None:
        user = new_user(demo, "nothing", 100)
        box = behind(sockets="unanswered", buffers=True)
        context = new_context()
        context.add_init_script(f"({SAMPLE})()")
        tab = Wallet(context, demo, user, base=base(box))
        expect(tab.status).to_have_attribute("data-status", "stale", timeout=20_000)
        assert {text for _, _, text in samples(tab.page)} == {"…"}
        assert "live" not in {status for _, status, _ in samples(tab.page)}
        box.sockets, box.buffers = "open", False
        box.pull()
        box.mend()
        tab.is_live(within_ms=25_000)
        tab.shows(100)


class TestShortLivedSockets:
    def test_each_cut_is_told_and_healed(
        self, demo: Demo, new_context: NewContext, behind: Callable[..., Middlebox]
    ) -> None:
        user = new_user(demo, "short", 1)
        box = behind(socket_s=2.0)
        context = new_context()
        context.add_init_script(f"({SAMPLE})()")
        tab = Wallet(context, demo, user, base=base(box))
        tab.is_live()
        total = 1
        while box.seen < 4:
            demo.api("POST", f"/users/{user}/grants", json={"amount": 1})
            total += 1
            tab.shows(total, within_ms=int(WITHIN_S * 1000))
        told = samples(tab.page)
        assert "reconnecting" in {status for _, status, _ in told}
        assert {status for _, status, _ in told} <= {"idle", "connecting", "live", "reconnecting"}
        numbers = [int(text) for _, _, text in told if text != "…"]
        assert numbers == sorted(numbers), "a number went back"
        eventually(lambda: carriers(demo, user) == ["websocket"])  # unless it is just cut once more


class TestSleep:
    def test_a_line_that_died_in_its_sleep_is_replaced_after_waking(
        self, demo: Demo, new_context: NewContext
    ) -> None:
        """A minute passes at once, as for a laptop that was shut: the late timer asks, waits 2 s, and goes on."""
        user = new_user(demo, "asleep", 100)
        context = new_context()
        context.clock.install()
        with cable(demo.port) as line:
            tab = Wallet(context, demo, user, base=f"http://127.0.0.1:{line.port}")
            tab.is_live()
            line.strand()
            demo.api("POST", f"/users/{user}/grants", json={"amount": 5})
            context.clock.fast_forward(60_000)
            tab.shows(105, within_ms=int(WITHIN_S * 1000))
            tab.is_live()
