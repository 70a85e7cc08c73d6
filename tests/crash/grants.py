"""A program on a failing disk: `python grants.py FILE COUNT` asks for grants and prints what each came to.

`ok`, or the code of the refusal; a line `failed` says that the writer has given up for good.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from tests.crash.story import open_store

from livecredits.clock import SystemClock
from livecredits.core.changes import Grant
from livecredits.errors import Refused
from livecredits.storage.handover import Subscribers
from livecredits.storage.writer import Writer


def say(word: str) -> None:
    os.write(1, f"{word}\n".encode())


def main() -> None:
    path, count = Path(sys.argv[1]), int(sys.argv[2])
    writer = Writer(lambda: open_store(path), SystemClock(), Subscribers())
    writer.on_failure.append(lambda _failure: say("failed"))
    for number in range(count):
        try:
            writer.submit(Grant(user_id="ada", amount=1, key=f"key-{number}", content="same")).result()
            say("ok")
        except Refused as refused:
            say(refused.code)
    writer.close()


if __name__ == "__main__":
    main()
