"""What is looked for on every page, whatever it shows: each a question to the page that answers with what is wrong.

A page that has just been given another window or theme follows some frames later. So `turn` waits until it stands
still, and whoever measures turns first. The odd thing: the page's own policy forbids scripts from elsewhere, so
axe-core is evaluated by the debugger's door.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from playwright.sync_api import Error, Page

Theme = Literal["light", "dark"]

AXE = (Path(__file__).parents[2] / "web/node_modules/axe-core/axe.min.js").read_text("utf-8")
FOUND = """async () => {
  const all = { include: [['html']], exclude: [['tbody > tr:nth-child(n+5)'], ['.timeline > li:nth-child(n+8)']] }
  const options = { iframes: false, resultTypes: ['violations'] }
  const colours = { ...options, runOnly: { type: 'rule', values: ['color-contrast', 'link-in-text-block'] } }
  const dialogs = [...document.querySelectorAll('[role=dialog]')].filter((one) => one.checkVisibility())
  const before = dialogs.length ? { include: dialogs } : all
  const shape = [innerWidth, document.body.outerHTML.replaceAll(/ style="[^"]*"/g, '')]
  for (const one of document.querySelectorAll('body, body *')) {
    const { x, y, width, height } = one.getBoundingClientRect()
    shape.push(one.checkVisibility({ visibilityProperty: true, opacityProperty: true }), x, y, width, height)
  }
  const isSeenBefore = window.seenShape === (window.seenShape = shape.join(' '))
  if (isSeenBefore) return await axe.run(before, colours)
  if (!dialogs.length) return await axe.run(all, options)
  const behind = await axe.run(all, { ...options, rules: { 'color-contrast': { enabled: false } } })
  const painted = await axe.run(before, colours)
  return { violations: [...behind.violations, ...painted.violations] }
}"""
"""Looking takes a while. So the first few rows of a list stand for all of them, which are alike; what is dimmed behind
a dialogue is not looked at for its colours, since it was when nothing stood before it; and where the same things stand
at the same places as at the last look, which is what another theme does, only their colours are looked at."""

STAND_STILL = """(most_ms) => new Promise((told) => {
  const isDark = matchMedia('(prefers-color-scheme: dark)')
  const measured = () => {
    const boxes = [innerWidth, document.documentElement.scrollWidth, isDark.matches]
    for (const one of document.body.querySelectorAll('*')) {
      const { x, y, width, height } = one.getBoundingClientRect()
      boxes.push(x, y, width, height)
    }
    return boxes.join()
  }
  const follows = () => {
    const theme = document.documentElement.dataset.mantineColorScheme
    return theme === undefined || theme === (isDark.matches ? 'dark' : 'light')
  }
  const end = performance.now() + most_ms
  let same = 0
  let before = ''
  const look = () => {
    const now = measured()
    same = now === before && follows() ? same + 1 : 0
    before = now
    if (same === 2 || performance.now() > end) told(same === 2)
    else requestAnimationFrame(look)
  }
  look()
})"""
"""Every box is where it was in the two frames before, and the theme is the one that the browser asks for."""
STILL_MS = 20_000

MOVING = """() => document.getAnimations()
  .filter((one) => one.playState === 'running' && one.animationName !== 'flash')
  .map((one) => one.animationName ?? one.transitionProperty)"""
"""A flash is no motion: under reduced motion it is one colour for a while and then another."""

NOT_ISOLATED = r"""() => {
  const turns = /[\u0590-\u08ff]/
  const wrong = []
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  while (texts.nextNode()) {
    const { data, parentElement } = texts.currentNode
    if (!turns.test(data) || parentElement.closest('bdi, [dir=auto], script, textarea')) continue
    if (turns.test(data.replace(/\u2068[^\u2069]*\u2069/g, ''))) wrong.push(data)
  }
  for (const element of document.querySelectorAll('[aria-label], [title]')) {
    for (const name of ['aria-label', 'title']) {
      const text = element.getAttribute(name) ?? ''
      if (turns.test(text.replace(/\u2068[^\u2069]*\u2069/g, ''))) wrong.push(`${name}: ${text}`)
    }
  }
  for (const field of document.querySelectorAll('input, textarea'))
    if (turns.test(field.value) && getComputedStyle(field).unicodeBidi !== 'plaintext')
      wrong.push(`field: ${field.value}`)
  return wrong
}"""

REGIONS = """() => [...document.querySelectorAll(
  '[aria-live]:not([aria-live=off]), [role=alert], [role=status], [role=log], [role=timer], output'
)].map((one) => one.outerHTML.slice(0, 120))"""

WORDS = r"""async () => {
  const words = new Set()
  const read = () => {
    const texts = document.createTreeWalker(document.querySelector('main') ?? document.body, NodeFilter.SHOW_TEXT)
    while (texts.nextNode()) {
      const { data, parentElement } = texts.currentNode
      if (parentElement.closest('thead, time, .key') || !parentElement.checkVisibility()) continue
      for (const word of data.split(/\s+/)) words.add(word)
    }
  }
  const frame = () => new Promise(requestAnimationFrame)
  const scroll = async (top) => {
    scrollTo(0, top)
    for (let frames = 0; frames < 3; frames += 1) await frame()
  }
  const { scrollY } = window
  for (let top = 0; top === 0 || top < document.documentElement.scrollHeight; top += innerHeight / 2) {
    await scroll(top)
    read()
  }
  await scroll(scrollY)
  return [...words]
}"""
"""Of a long list only what is near the window is drawn, so the page is read from top to bottom."""

CUT_OFF = """() => {
  const scrolls = (one) => ['auto', 'scroll'].includes(getComputedStyle(one).overflowX)
  const wrong = []
  for (const one of document.querySelectorAll('main :is(td, th, button, input, a, dd)')) {
    const card = one.closest('.card')
    const head = one.closest('thead')
    const isForReaders = head && getComputedStyle(head).clipPath !== 'none'
    if (!card || isForReaders || !one.checkVisibility() || one.closest('.visually-hidden')) continue
    let between = one.parentElement
    while (between !== card && !scrolls(between)) between = between.parentElement
    const { right, width, height } = one.getBoundingClientRect()
    if (between === card && width > 1 && height > 1 && right > card.getBoundingClientRect().right + 1)
      wrong.push(one.outerHTML.slice(0, 160))
  }
  return wrong
}"""
"""A card hides what does not fit; whatever sticks out of it can be neither read nor pressed."""


SQUEEZED = """() => {
  const wrong = []
  for (const one of document.querySelectorAll('main :is(td, dd, h1, b, bdi, code)')) {
    const text = one.textContent.trim()
    if (text.length < 12 || one.querySelector('td, dd, b, bdi, code') || !one.checkVisibility()) continue
    const size = parseFloat(getComputedStyle(one).fontSize)
    const range = document.createRange()
    range.selectNodeContents(one)
    const { width } = range.getBoundingClientRect()
    const tops = [...range.getClientRects()].filter(({ width }) => width > 1).map(({ top }) => Math.round(top))
    const lines = new Set(tops).size
    if (lines > 5 && width < 6 * size) wrong.push(`${lines} lines, ${Math.round(width)} px: ${text.slice(0, 60)}`)
  }
  return wrong
}"""
"""Text in a column of a few letters: nothing is cut off, and nobody can read it."""


def stand_still(page: Page) -> None:
    """Wait until nothing on the page changes its place any more."""
    assert page.evaluate(STAND_STILL, STILL_MS), "the page does not come to rest"


def turn(page: Page, *, size: tuple[int, int] | None = None, theme: Theme | None = None) -> None:
    """Give the page another window or theme, and wait until it stands still in it."""
    if size is not None:
        page.set_viewport_size({"width": size[0], "height": size[1]})
    if theme is not None:
        page.emulate_media(color_scheme=theme, reduced_motion="reduce")
    stand_still(page)


def squeezed(page: Page) -> list[str]:
    """What stands on many lines of a few letters each, because something else took the room."""
    return list(page.evaluate(SQUEEZED))


def violations(page: Page) -> list[Any]:
    """What axe-core finds, with the place of each."""
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(AXE)
    found = page.evaluate(FOUND)
    return [(one["id"], node["html"][:200]) for one in found["violations"] for node in one["nodes"][:3]]


def is_wider_than_the_window(page: Page) -> bool:
    """Whether it stays so: what floats finds its place some frames after the window has changed."""
    try:
        page.wait_for_function("() => document.documentElement.scrollWidth <= innerWidth", timeout=3_000)
    except Error:
        return True
    return False


def cut_off(page: Page) -> list[str]:
    """What does not fit into its card, where nothing scrolls it into sight."""
    return list(page.evaluate(CUT_OFF))


def not_isolated(page: Page) -> list[str]:
    """Names from right to left that could turn round what stands beside them."""
    return list(page.evaluate(NOT_ISOLATED))


def moving(page: Page) -> list[str]:
    """What is moving on a page whose reader asked for no motion."""
    return list(page.evaluate(MOVING))


def live_regions(page: Page) -> list[str]:
    """Everything that a screen reader would read aloud by itself."""
    return list(page.evaluate(REGIONS))


def words(page: Page) -> set[str]:
    """What can be read on the page, but for the heads of tables: where there is little room they stand in the cells."""
    return set(page.evaluate(WORDS)) - {"–"}
