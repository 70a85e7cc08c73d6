"""Files that are there whole or not at all.

Promises: a file that was named gets its name when all of it is written; until then, and where writing ends early, what
stood there before stays. Must not know what is written.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

Target = str | os.PathLike[str] | BinaryIO
"""Where something is saved: the name of a file, or one that is open for bytes."""


@contextmanager
def opened(to: Target) -> Iterator[BinaryIO]:
    """The file to write into. Behind the name of an unfinished one stands `.part`; an open one is written as it is."""
    if not isinstance(to, (str, os.PathLike)):
        yield to
        return
    whole = Path(to)
    part = whole.with_name(f"{whole.name}.part")
    try:
        with part.open("wb") as file:
            yield file
        part.replace(whole)
    finally:
        part.unlink(missing_ok=True)
