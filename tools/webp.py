"""WebP by the browser that took the picture: Chromium encodes, and the container of a moving one is put together here.

So the pictures need no image library. The odd thing: a moving picture holds of each frame only what differs from the
frame before, cut out on even places, since the container counts places in steps of two.

Source: RFC 9649, "WebP Image Format".
"""

from __future__ import annotations

import base64
import struct
from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Page

ANIMATED = 0x02
DO_NOT_BLEND = 0x02
STILL = """async ({ png, quality }) => {
  const bitmap = await createImageBitmap(await (await fetch(`data:image/png;base64,${png}`)).blob())
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height)
  canvas.getContext('2d', { alpha: false }).drawImage(bitmap, 0, 0)
  return window.base64(await canvas.convertToBlob({ type: 'image/webp', quality }))
}"""
HELPERS = """() => {
  window.base64 = async (blob) => {
    const bytes = new Uint8Array(await blob.arrayBuffer())
    let text = ''
    for (let at = 0; at < bytes.length; at += 32768) text += String.fromCharCode(...bytes.subarray(at, at + 32768))
    return btoa(text)
  }
}"""
FRAME = """async ({ width, height, panes, quality }) => {
  window.stage ??= new OffscreenCanvas(width, height)
  const paint = window.stage.getContext('2d', { alpha: false, willReadFrequently: true })
  paint.fillStyle = '#dfe3ea'
  paint.fillRect(0, 0, width, height)
  for (const { png, x, y, title } of panes) {
    const bitmap = await createImageBitmap(await (await fetch(`data:image/png;base64,${png}`)).blob())
    paint.fillStyle = '#1b2330'
    paint.font = '600 13px system-ui, sans-serif'
    paint.fillText(title, x + 4, y - 8)
    paint.save()
    paint.beginPath()
    paint.roundRect(x, y, bitmap.width, bitmap.height, 10)
    paint.clip()
    paint.drawImage(bitmap, x, y)
    paint.restore()
    paint.strokeStyle = '#b9c0cc'
    paint.beginPath()
    paint.roundRect(x + 0.5, y + 0.5, bitmap.width - 1, bitmap.height - 1, 10)
    paint.stroke()
  }
  const now = new Uint32Array(paint.getImageData(0, 0, width, height).data.buffer)
  const before = window.before
  window.before = now
  let [left, top, right, bottom] = before ? [width, height, 0, 0] : [0, 0, width, height]
  for (let y = 0; before && y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (now[y * width + x] === before[y * width + x]) continue
      left = Math.min(left, x)
      right = Math.max(right, x + 1)
      top = Math.min(top, y)
      bottom = y + 1
    }
  }
  if (right <= left) return null
  left -= left % 2
  top -= top % 2
  const part = new OffscreenCanvas(right - left, bottom - top)
  part.getContext('2d', { alpha: false }).drawImage(window.stage, -left, -top)
  const image = await window.base64(await part.convertToBlob({ type: 'image/webp', quality }))
  return { x: left, y: top, width: right - left, height: bottom - top, image }
}"""


@dataclass(frozen=True)
class Pane:
    """A screenshot and where it stands in the moving picture."""

    png: bytes
    x: int
    y: int
    title: str


@dataclass
class Frame:
    """What is new in a frame, and how long it stands."""

    x: int
    y: int
    width: int
    height: int
    image: bytes
    duration_ms: int


class Encoder:
    """Makes WebP in an empty page of any Chromium."""

    def __init__(self, page: Page) -> None:
        self._page = page
        page.goto("about:blank")
        page.evaluate(HELPERS)

    def still(self, png: bytes, quality: float = 0.9) -> bytes:
        """The same picture as WebP; `quality` from 0 to 1."""
        told = {"png": base64.b64encode(png).decode(), "quality": quality}
        return base64.b64decode(self._page.evaluate(STILL, told))

    def movie(self, width: int, height: int) -> Movie:
        """An empty moving picture of this size in pixels."""
        return Movie(self._page, width, height)


class Movie:
    """Frames that follow each other; a frame like the one before only makes that one last longer."""

    def __init__(self, page: Page, width: int, height: int) -> None:
        self._page, self._size = page, (width, height)
        self._frames: list[Frame] = []

    def add(self, panes: list[Pane], duration_ms: int, quality: float = 0.85) -> None:
        """Let these panes stand for so long."""
        told: dict[str, Any] = {"width": self._size[0], "height": self._size[1], "quality": quality}
        told["panes"] = [
            {"png": base64.b64encode(one.png).decode(), "x": one.x, "y": one.y, "title": one.title}
            for one in panes
        ]
        new = self._page.evaluate(FRAME, told)
        if new is None:
            self._frames[-1].duration_ms += duration_ms
        else:
            new["image"] = base64.b64decode(new["image"])
            self._frames.append(Frame(**new, duration_ms=duration_ms))

    def encoded(self) -> bytes:
        """The file, which begins again when it has ended."""
        width, height = self._size
        header = bytes([ANIMATED, 0, 0, 0]) + _size(width, height)
        body = _chunk(b"VP8X", header) + _chunk(b"ANIM", struct.pack("<IH", 0xFFFFFFFF, 0))
        body += b"".join(_chunk(b"ANMF", _frame(one)) for one in self._frames)
        return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def _frame(frame: Frame) -> bytes:
    place = _three(frame.x // 2) + _three(frame.y // 2) + _size(frame.width, frame.height)
    return place + _three(frame.duration_ms) + bytes([DO_NOT_BLEND]) + _picture(frame.image)


def _picture(image: bytes) -> bytes:
    """The chunk with the pixels out of a still picture."""
    at = 12
    while at < len(image):
        name, length = image[at : at + 4], int.from_bytes(image[at + 4 : at + 8], "little")
        if name in {b"VP8 ", b"VP8L"}:
            return _chunk(name, image[at + 8 : at + 8 + length])
        at += 8 + length + length % 2
    raise ValueError("no picture in this WebP")


def _chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content + bytes(len(content) % 2)


def _size(width: int, height: int) -> bytes:
    return _three(width - 1) + _three(height - 1)


def _three(number: int) -> bytes:
    return number.to_bytes(3, "little")
