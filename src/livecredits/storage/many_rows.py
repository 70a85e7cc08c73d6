"""One INSERT for any number of rows.

Promises: the rows are written in their order, in as few statements as can stay prepared. Must not know any table.
The odd things: why it is not `executemany`, `sqlite` tells at its top. And Python's driver takes ten times as long over
an empty value as over another, since it asks whether somebody has an adapter for it: a tenth of what a change cost, so
columns that no row fills are left out.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from operator import itemgetter
from typing import Any

SIZES = (256, 128, 64, 32, 16, 8, 4, 2, 1)
"""So many rows at once; a handful of texts that stay prepared."""


@dataclass(frozen=True, slots=True)
class _Shape:
    """The statements without some columns, and what picks the others out of a row."""

    pick: itemgetter[Any]
    width: int
    texts: list[tuple[int, str]]


class _Seldom:
    """Columns that are left out together where no row fills one of them."""

    def __init__(self, places: Sequence[int]) -> None:
        self.places = places
        self._pick = itemgetter(*places)
        self._nothing = (None,) * len(places) if len(places) > 1 else None

    def is_empty(self, rows: Sequence[Sequence[Any]]) -> bool:
        # The first row answers for most that are filled.
        return self._pick(rows[0]) == self._nothing and set(map(self._pick, rows)) == {self._nothing}


class ManyRows:
    """One INSERT for any number of rows.

    Args:
        into: the table.
        columns: as rows give them, separated by commas; two at least are always filled.
        after: what follows the rows, if they may be there already.
        seldom: columns that most rows leave empty, of which NULL is the default. Those in one text are left out
            together, so that there are few statements.
    """

    def __init__(self, into: str, columns: str, after: str = "", *, seldom: Sequence[str] = ()) -> None:
        self._into = into
        self._columns = columns.split(", ")
        self._after = after
        self._seldom = [
            _Seldom([self._columns.index(name) for name in names.split(", ")]) for names in seldom
        ]
        self._shapes: dict[tuple[int, ...], _Shape] = {}

    def insert(self, db: sqlite3.Connection, rows: Iterable[Sequence[Any]]) -> None:
        """Write the rows."""
        found = list(rows)
        if not found:
            return
        empty = tuple(place for some in self._seldom if some.is_empty(found) for place in some.places)
        shape = self._shapes.get(empty)
        if shape is None:
            shape = self._shapes[empty] = self._shape_without(empty)
        values = list(chain.from_iterable(map(shape.pick, found) if empty else found))
        at, left, width = 0, len(found), shape.width
        for size, text in shape.texts:
            while left >= size:
                end = at + size * width
                db.execute(text, values[at:end])
                at, left = end, left - size

    def _shape_without(self, empty: tuple[int, ...]) -> _Shape:
        kept = [place for place in range(len(self._columns)) if place not in empty]
        row = f"({', '.join('?' * len(kept))})"
        head = f"INSERT INTO {self._into} ({', '.join([self._columns[place] for place in kept])}) VALUES"
        texts = [(size, f"{head} {', '.join([row] * size)} {self._after}") for size in SIZES]
        return _Shape(itemgetter(*kept), len(kept), texts)
