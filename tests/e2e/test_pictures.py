"""The moving picture of the README: what `tools/webp.py` puts together is what a browser plays."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page
from tests.demo_process import Demo
from tools.webp import Encoder, Pane

pytestmark = pytest.mark.e2e

FLOW = Path(__file__).parents[2] / "docs/images/flow.webp"
MOST_BYTES = 2_000_000
PLAY = """async (file) => {
  const data = Uint8Array.from(atob(file), (one) => one.charCodeAt(0))
  const decoder = new ImageDecoder({ data, type: 'image/webp' })
  await decoder.tracks.ready
  const { frameCount, repetitionCount } = decoder.tracks.selectedTrack
  const frames = []
  for (let frameIndex = 0; frameIndex < frameCount; frameIndex++) {
    const { image } = await decoder.decode({ frameIndex })
    const paint = new OffscreenCanvas(image.displayWidth, image.displayHeight).getContext('2d')
    paint.drawImage(image, 0, 0)
    const middle = [...paint.getImageData(image.displayWidth / 2, image.displayHeight / 2, 1, 1).data]
    frames.push({ ms: image.duration / 1000, width: image.displayWidth, height: image.displayHeight, middle })
  }
  return { frames, forever: repetitionCount === Infinity }
}"""


@pytest.fixture(scope="module")
def page(browser: Browser, demo: Demo) -> Page:
    """Only a page of a trusted address may take pictures apart."""
    one = browser.new_page()
    one.goto(f"{demo.url}/wallet/?user=ada")
    return one


def played(page: Page, file: bytes) -> Any:
    return page.evaluate(PLAY, base64.b64encode(file).decode())


def square(browser: Browser, colour: str) -> bytes:
    page = browser.new_page(viewport={"width": 60, "height": 40})
    page.set_content(f"<body style='background: {colour}'>")
    taken = page.screenshot()
    page.close()
    return taken


def test_frames_follow_each_other_and_one_like_the_last_only_lasts(browser: Browser, page: Page) -> None:
    red, blue = square(browser, "rgb(200, 0, 0)"), square(browser, "rgb(0, 0, 200)")
    movie = Encoder(browser.new_page()).movie(100, 80)
    for picture, duration_ms in ((red, 100), (red, 200), (blue, 400), (red, 50)):
        movie.add([Pane(picture, 21, 25, "A title")], duration_ms)
    told = played(page, movie.encoded())
    assert told["forever"]
    assert [one["ms"] for one in told["frames"]] == [300, 400, 50]
    assert {(one["width"], one["height"]) for one in told["frames"]} == {(100, 80)}
    brightest = [max(range(3), key=one["middle"].__getitem__) for one in told["frames"]]
    assert brightest == [0, 2, 0]


def test_the_picture_of_the_readme_is_small_and_plays(page: Page) -> None:
    file = FLOW.read_bytes()
    told = played(page, file)
    assert len(file) <= MOST_BYTES
    assert len(told["frames"]) >= 8
    assert 5_000 < sum(one["ms"] for one in told["frames"]) < 20_000
