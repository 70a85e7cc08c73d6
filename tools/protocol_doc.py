"""Write `docs/protocol.md` from `core/wire.py` and `core/wire_doc.py`, so that the page cannot drift from the code.

`--check` only tells whether the committed page is up to date; `tests/core/test_protocol_doc.py` asks the same.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "docs" / "protocol.md"
sys.path.insert(0, str(ROOT / "src"))

from livecredits.core import wire  # noqa: E402 - runs from a bare checkout too
from livecredits.core.wire_doc import CLIENT_FRAMES, SERVER_FRAMES, FrameDoc  # noqa: E402

ADVICE = {
    "reconnect_now": "reconnect now",
    "reconnect_with_backoff": "reconnect with back-off",
    "get_new_token": "get a new token, then reconnect",
    "stay_away": "stay away: the same would happen again",
}

INTRODUCTION = f"""# Live protocol {wire.PROTOCOL}

<!-- Made by tools/protocol_doc.py from src/livecredits/core/wire.py and wire_doc.py. Do not edit. -->

A frame is one JSON object with a `type`. The same frames travel on every carrier. A `state` is the **whole** current
state of an account with its version, never a difference: the newest one heals all that were lost, older ones are
dropped. Times are RFC 3339 in UTC. Fields and types that you do not know are to be ignored.

## The reducer

1. A `state` of the known epoch wins if its version is higher; else it is dropped.
2. A `state` of another epoch is ignored and answered with `resync`; so is a `tick` of another epoch.
3. A `tick` whose versions differ from what is held is answered with `resync`.
4. A `hello` replaces everything, unconditionally.

`conformance/vectors.json` holds every implementation to these four sentences.

## Carriers

- **WebSocket** at `{wire.LIVE_PATH}`, subprotocol `{wire.SUBPROTOCOL}`, no compression. The first frame is
  `auth`, at the latest 5 s after the handshake. Pings come with every `tick`;
  any bytes from the client count as a sign of life.
- **Server-sent events**: `GET {wire.LIVE_PATH}` with `Accept: text/event-stream` and `Authorization: Bearer …`.
  Each frame is one `data:` line; `id:` of a state is `epoch.version`. Frames of the client go, one or an array, to
  `POST {wire.LIVE_PATH}/{{screen}}` with the same token, and are answered with 204.
- **Long poll**: `GET /api/v1/credits/balance?after_version=41&wait=25` answers as soon as the version is another one,
  or with the current state when the time is over.

## Limits

A client frame has at most {wire.MAX_FRAME_BYTES} bytes, a token {wire.MAX_TOKEN_CHARS} characters. Silence of one
and a half heartbeats ends a screen. Versions and amounts are integers within ±(2^53 − 1).
"""


def page() -> str:
    """The whole page."""
    return "\n".join(
        [
            INTRODUCTION,
            "## Server → client\n",
            *(line for frame in SERVER_FRAMES for line in _section(frame)),
            "## Client → server\n",
            *(line for frame in CLIENT_FRAMES for line in _section(frame)),
            *_closes(),
        ]
    )


def _section(frame: FrameDoc) -> Iterator[str]:
    yield f"### `{frame.type}`\n\n{frame.purpose}\n"
    if frame.fields:
        yield "| field | type | meaning |\n|---|---|---|"
        for field in frame.fields:
            yield f"| `{field.name}` | {field.type} | {field.meaning} |"
        yield ""
    yield f"```json\n{frame.example}\n```\n"


def _closes() -> Iterator[str]:
    yield "## Close codes\n\nThe range is the advice.\n"
    yield "| codes | what to do |\n|---|---|"
    for low, high, advice in wire.ADVICE:
        yield f"| {low}–{high} | {ADVICE[advice]} |"
    yield "\n| code | name | sentence |\n|---|---|---|"
    for close in wire.CLOSES:
        yield f"| {close.code} | `{close.name}` | {close.sentence} |"
    yield (
        "\nThe reason of a close frame is the name, a colon and a sentence. Faults in the WebSocket framing itself\n"
        "end with the codes of RFC 6455: 1002 protocol error, 1003 not text, 1007 not UTF-8, 1009 too big; stay away\n"
        "after those. Anything else, 1006 above all, means: reconnect with back-off.\n"
    )


def main() -> None:
    """Write the page, or check it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="tell whether the committed page is up to date")
    made = page()
    if parser.parse_args().check:
        current = TARGET.read_text(encoding="utf-8") if TARGET.exists() else ""
        sys.exit(0 if current == made else f"{TARGET} is out of date: run python tools/protocol_doc.py")
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_text(made, encoding="utf-8")
    print(f"{TARGET.relative_to(ROOT)}: {made.count(chr(10))} lines")


if __name__ == "__main__":
    main()
