"""From the POST of a change to the painted number in Chromium: on one wallet page of the demo, and on the last of 5."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tools import chromium

from bench import serving
from bench.processes import Failed
from bench.report import Figure, Target
from bench.run import Run

if TYPE_CHECKING:
    from playwright.sync_api import Page

TITLE = "POST → painted pixel in Chromium"
INCLUDES = (
    "The wallet page of `livecredits demo` in headless Chromium. A script in the page posts a grant of 1 for the user "
    "shown (a plain fetch with a service key; the page's own code knows nothing of it), and takes the time of the "
    "first animation frame after both places of the page that show the balance hold the new number: all on the page's "
    "performance.now(). So: fetch, HTTP, decision, durable commit, push, SDK, React, DOM, next animation frame (60 a "
    "second). Pauses between changes are random, so that they do not fall into step with the frames. With five tabs of "
    "one browser, which share a connection, each notes when it painted, on the wall clock that they share; what counts "
    "is the last of them. Each has a window of its own: a tab behind another is painted once a second at most."
)
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    "--no-first-run",
)
USER = "ada"
TABS = 5
SCRIPT = """
async ({ url, key, changes }) => {
  const places = '[data-testid="header-badge"] .number, [data-testid="sidebar-balance"]'
  const numbers = () => [...document.querySelectorAll(places)]
    .map((place) => Number(place.textContent.replace(/[^0-9]/g, '')))
  const painted = (wanted) => new Promise((resolve, reject) => {
    const failed = setTimeout(() => reject(new Error(`not painted: ${wanted}, but ${numbers()}`)), 5000)
    const observer = new MutationObserver(() => {
      if (!numbers().every((number) => number === wanted)) return
      observer.disconnect()
      clearTimeout(failed)
      requestAnimationFrame(() => {
        const frame = performance.now()
        const { port1, port2 } = new MessageChannel()
        port1.onmessage = () => resolve([frame, performance.now()])
        port2.postMessage(null) // comes after this frame's style, layout and paint
      })
    })
    observer.observe(document.body, { subtree: true, childList: true, characterData: true })
  })
  const times = []
  for (let change = 0; change < changes; change++) {
    await new Promise((resolve) => setTimeout(resolve, 20 + Math.random() * 60))
    const shown = painted(numbers()[0] + 1)
    const posted = performance.now()
    const answer = await fetch(url, {
      method: 'POST',
      headers: {
        'Content-Type': 'application/json',
        Authorization: `Bearer ${key}`,
        'Idempotency-Key': crypto.randomUUID(),
      },
      body: JSON.stringify({ amount: 1, label: 'bench' }),
    })
    const answered = performance.now()
    if (!answer.ok) throw new Error(await answer.text())
    const [frame, after] = await shown
    times.push([frame - posted, after - posted, answered - posted])
  }
  return times
}
"""

# Runs in every tab: notes on the wall clock when each number, or a later one, was painted first.
NOTE = """
(least) => {
  const places = '[data-testid="header-badge"] .number, [data-testid="sidebar-balance"]'
  let next = least
  window.paintedAt = []
  new MutationObserver(() => {
    const shown = Math.min(...[...document.querySelectorAll(places)]
      .map((place) => Number(place.textContent.replace(/[^0-9]/g, ''))))
    if (shown < next) return
    const from = next
    next = shown + 1
    requestAnimationFrame(() => {
      const at = performance.timeOrigin + performance.now()
      for (let number = from; number <= shown; number++) window.paintedAt[number - least] = at
    })
  }).observe(document.body, { subtree: true, childList: true, characterData: true })
}
"""
POST = """
async ({ url, key, changes }) => {
  const posted = []
  for (let change = 0; change < changes; change++) {
    await new Promise((resolve) => setTimeout(resolve, 20 + Math.random() * 60))
    posted.push(performance.timeOrigin + performance.now())
    const answer = await fetch(url, {
      method: 'POST',
      headers: {
        'Content-Type': 'application/json',
        Authorization: `Bearer ${key}`,
        'Idempotency-Key': crypto.randomUUID(),
      },
      body: JSON.stringify({ amount: 1, label: 'bench' }),
    })
    if (!answer.ok) throw new Error(await answer.text())
  }
  return posted
}
"""


def measure(run: Run) -> Figure:
    """Start the demo, open the wallet, change its user's credits again and again."""
    browser = chromium.find()
    if browser is None:
        raise Failed("there is no Chromium: `make setup` gets one")
    changes, turns = run.scaled(120, 20), run.scaled(3, 1)
    run.steps("painted", 2 + turns)
    port = serving.free_port()
    demo = run.livecredits("demo", "--port", str(port), "--json", "--no-browser", core=None)
    links = demo.hear(serving.START_S)
    wallet = next(user["wallet_url"] for user in links["users"] if user["id"] == USER)
    asked = {
        "url": f"{links['url']}/api/v1/users/{USER}/grants",
        "key": links["service_key"],
        "changes": changes,
    }
    found = _drive(run, str(browser), wallet, asked, turns)
    run.step(f"{TABS} tabs")
    in_tabs = _drive_tabs(str(browser), wallet, {**asked, "changes": run.scaled(200, 20)})
    return _figure(found, in_tabs)


def _drive(run: Run, browser: str, wallet: str, asked: dict[str, Any], turns: int) -> list[list[list[float]]]:
    from playwright.sync_api import Error, sync_playwright

    found = []
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=browser, args=list(ARGUMENTS))
        try:
            page = opened.new_page()
            page.goto(wallet)
            _wait_until_live(page)
            page.evaluate(SCRIPT, {**asked, "changes": 5})
            for turn in range(turns):
                run.step(f"turn {turn + 1} of {turns}")
                found.append(page.evaluate(SCRIPT, asked))
        except Error as error:
            raise Failed(f"the wallet page: {error.message}") from None
        finally:
            opened.close()
    return found


def _drive_tabs(browser: str, wallet: str, asked: dict[str, Any]) -> list[float]:
    """For each change the milliseconds from its POST until the last tab had painted it."""
    from playwright.sync_api import Error, sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=browser, args=list(ARGUMENTS))
        try:
            context = opened.new_context()
            tabs = [context.new_page()]
            while len(tabs) < TABS:
                with context.expect_page() as opening:
                    tabs[0].evaluate("window.open('about:blank', '', 'popup,width=500,height=500') && null")
                tabs.append(opening.value)
            for tab in tabs:
                tab.goto(wallet)
                _wait_until_live(tab)
            tabs[0].evaluate(SCRIPT, {**asked, "changes": 5})
            shown = int("".join(filter(str.isdigit, tabs[0].inner_text('[data-testid="sidebar-balance"]'))))
            for tab in tabs:
                tab.evaluate(NOTE, shown + 1)
            posted = tabs[0].evaluate(POST, asked)
            for tab in tabs:
                tab.wait_for_function("(most) => window.paintedAt[most - 1] !== undefined", arg=len(posted))
            painted = [tab.evaluate("window.paintedAt") for tab in tabs]
        except Error as error:
            raise Failed(f"the wallet pages: {error.message}") from None
        finally:
            opened.close()
    return [max(each) - at for at, *each in zip(posted, *painted, strict=True)]


def _wait_until_live(page: Page) -> None:
    page.wait_for_selector('[data-testid="status"][data-status="live"]', timeout=15_000)
    page.wait_for_function(
        "/[0-9]/.test(document.querySelector('[data-testid=\"sidebar-balance\"]').textContent)"
    )


def _figure(found: list[list[list[float]]], in_tabs: list[float]) -> Figure:
    figure = Figure("painted", TITLE, INCLUDES)
    columns = [[sorted(column) for column in zip(*turn, strict=True)] for turn in found]

    def share(part: float, which: int) -> list[float]:
        return [turn[which][int((len(turn[which]) - 1) * part)] for turn in columns]

    figure.add("POST → painted, p50", "ms", share(0.5, 0), Target("<=", 40))
    figure.add("POST → painted, p99", "ms", share(0.99, 0), Target("<=", 200))
    figure.add("POST → painted, slowest", "ms", share(1, 0))
    figure.add("POST → that frame's paint is over, p50", "ms", share(0.5, 1))
    figure.add("POST → that frame's paint is over, p99", "ms", share(0.99, 1))
    figure.add("POST → answer in the page, p50", "ms", share(0.5, 2))
    ordered = sorted(in_tabs)
    for name, part, most in (("p50", 0.5, 40), ("p99", 0.99, 200)):
        reached = ordered[int((len(ordered) - 1) * part)]
        figure.add(f"POST → painted on the last of {TABS} tabs, {name}", "ms", [reached], Target("<=", most))
    figure.notes.append(f"{sum(len(turn) for turn in found)} changes, and {len(ordered)} with {TABS} tabs.")
    return figure
