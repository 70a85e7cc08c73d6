"""One INSERT for any number of rows.

Promises: the rows are written in their order, in as few statements as can stay prepared. Must not know any table.
The odd thing: why it is not `executemany`, `sqlite` tells at its top.
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
