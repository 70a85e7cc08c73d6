"""Rows as arrays: whatever stands in them, PostgreSQL reads what was meant."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from tests.postgres import PostgresServer

from livecredits.storage import postgres_line
from livecredits.storage.postgres_pipe import Pipe, Statement
from livecredits.storage.postgres_rows import TEXT, WHOLE, ArrayRows, texts

ROWS = ArrayRows((WHOLE, TEXT, WHOLE, TEXT), "SELECT * FROM {rows}")
WHOLES = some.integers(-(2**63), 2**63 - 1)
TEXTS = some.text(some.characters(codec="utf-8", exclude_characters="\0"), max_size=6) | some.text(
    "\\\"'{},NUL ", max_size=6
)
rows = some.tuples(WHOLES, TEXTS, some.none() | WHOLES, some.none() | TEXTS)


@pytest.fixture(scope="module")
def pipe(postgres: PostgresServer) -> Iterator[Pipe]:
    with postgres_line.connect(postgres.url("postgres")) as db:
        yield Pipe(db, prepares=True)


@settings(max_examples=200, deadline=None)
@given(sent=some.lists(rows, min_size=1, max_size=8))
def test_rows_arrive_as_they_were(pipe: Pipe, sent: list[tuple[int, str, int | None, str | None]]) -> None:
    found: list[tuple[int, str, int | None, str | None]] = []
    pipe.put(Statement(ROWS.text, ROWS.values(sent), found.extend))
    assert pipe.wait() is None
    assert found == sent


def test_a_nul_is_refused_and_parts_no_text(pipe: Pipe) -> None:
    with pytest.raises(psycopg.DataError):
        pipe.put(Statement("SELECT unnest($1::text[])", (texts(["a\0b", "c"]),)))
