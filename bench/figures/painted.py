"""From the POST of a change to the painted number in Chromium, on the demo's wallet page."""

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
    "second). Pauses between changes are random, so that they do not fall into step with the frames."
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


def measure(run: Run) -> Figure:
    """Start the demo, open the wallet, change its user's credits again and again."""
    browser = chromium.find()
    if browser is None:
        raise Failed("there is no Chromium: `make setup` gets one")
    changes, turns = run.scaled(120, 20), run.scaled(3, 1)
    run.steps("painted", 1 + turns)
    port = serving.free_port()
    demo = run.livecredits("demo", "--port", str(port), "--json", "--no-browser", core=None)
    links = demo.hear(serving.START_S)
    wallet = next(user["wallet_url"] for user in links["users"] if user["id"] == USER)
    asked = {
        "url": f"{links['url']}/api/v1/users/{USER}/grants",
        "key": links["service_key"],
        "changes": changes,
    }
    return _figure(_drive(run, str(browser), wallet, asked, turns))


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


def _wait_until_live(page: Page) -> None:
    page.wait_for_selector('[data-testid="status"][data-status="live"]', timeout=15_000)
    page.wait_for_function(
        "/[0-9]/.test(document.querySelector('[data-testid=\"sidebar-balance\"]').textContent)"
    )


def _figure(found: list[list[list[float]]]) -> Figure:
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
    figure.notes.append(f"{sum(len(turn) for turn in found)} changes.")
    return figure
