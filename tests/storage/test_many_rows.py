"""Rows are written as they came, whichever columns are left out of the statement because nothing stands in them."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Iterator

import pytest

from livecredits.storage.many_rows import SIZES, ManyRows

INSERT = ManyRows(
    "rows",
    "id, kind, a, b, c",
    "ON CONFLICT (id) DO UPDATE SET a = excluded.a, b = excluded.b, c = excluded.c",
    seldom=("a", "b, c"),
)
Row = tuple[int, str, int | None, int | None, int | None]


@pytest.fixture
def db() -> Iterator[sqlite3.Connection]:
    db = sqlite3.connect(":memory:")
    db.execute("CREATE TABLE rows (place INTEGER PRIMARY KEY, id UNIQUE, kind, a, b, c)")
    yield db
    db.close()


def rows_of(db: sqlite3.Connection) -> list[Row]:
    return db.execute("SELECT id, kind, a, b, c FROM rows ORDER BY place").fetchall()


@pytest.mark.parametrize("count", [0, 1, 2, 3, 255, 256, 257, sum(SIZES), 700])
def test_any_number_of_rows_stands_in_its_order(db: sqlite3.Connection, count: int) -> None:
    rows: list[Row] = [(-number, "x", number or None, None, number % 3 or None) for number in range(count)]
    INSERT.insert(db, iter(rows))
    assert rows_of(db) == rows


@pytest.mark.parametrize("filled", list(itertools.product([False, True], repeat=3)))
@pytest.mark.parametrize("is_first", [False, True])
def test_a_value_that_one_row_alone_has_is_written(
    db: sqlite3.Connection, filled: tuple[bool, ...], is_first: bool
) -> None:
    empty: Row = (1, "x", None, None, None)
    a, b, c = (0 if is_filled else None for is_filled in filled)
    rows = [(2, "x", a, b, c), empty] if is_first else [empty, (2, "x", a, b, c)]
    INSERT.insert(db, rows)
    assert rows_of(db) == rows


def test_what_is_left_out_empties_what_stood_there(db: sqlite3.Connection) -> None:
    INSERT.insert(db, [(1, "x", 1, 1, 1)])
    INSERT.insert(db, [(1, "x", None, None, None)])
    assert rows_of(db) == [(1, "x", None, None, None)]


def test_empty_columns_are_left_out(db: sqlite3.Connection) -> None:
    told: list[str] = []
    db.set_trace_callback(told.append)
    INSERT.insert(db, [(1, "x", None, None, None)])
    INSERT.insert(db, [(2, "x", None, 7, None)])
    db.set_trace_callback(None)
    inserted = [text.split(" VALUES")[0] for text in told if text.startswith("INSERT")]
    assert inserted == ["INSERT INTO rows (id, kind)", "INSERT INTO rows (id, kind, b, c)"]
