"""One INSERT for any number of rows.

Promises: however many rows, a handful of texts that the driver keeps prepared. Must not know any table.
The odd thing: Python's driver gives up the interpreter's lock at each step of a statement, so many rows in one
statement are written several times as quickly as one row in many.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any


class ManyRows:
    """One INSERT for any number of rows, in a handful of texts that stay prepared: 256 rows, 128, 64 … 1."""

    def __init__(self, into: str, columns: str, after: str = "") -> None:
        width = columns.count(",") + 1
        row = f"({', '.join('?' * width)})"
        self._width = width
        self._texts = [
            (size, f"INSERT INTO {into} ({columns}) VALUES {', '.join([row] * size)} {after}")
            for size in (256, 128, 64, 32, 16, 8, 4, 2, 1)
        ]

    def insert(self, db: sqlite3.Connection, rows: Iterable[Sequence[Any]]) -> None:
        """Write the rows."""
        values = list(chain.from_iterable(rows))
        at, left = 0, len(values) // self._width
        for size, text in self._texts:
            while left >= size:
                end = at + size * self._width
                db.execute(text, values[at:end])
                at, left = end, left - size
