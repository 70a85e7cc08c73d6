"""Statements as text that both databases share: written in PostgreSQL's spelling, and how each of the two reads them.

Promises: a field of a JSON object that is kept as text is written `(column ->> 'name')`, a comparison that takes NULL
for a value `IS DISTINCT FROM`. Must stay small: what needs more than this is written for each database.
"""

from __future__ import annotations

import re

_FIELD = re.compile(r"\(([\w.]+) ->> '(\w+)'\)")


def in_sqlite(statement: str) -> str:
    """A statement as SQLite reads it: its `IS DISTINCT FROM` and its `->>` are younger than the oldest that we take."""
    statement = statement.replace("IS NOT DISTINCT FROM", "IS").replace("IS DISTINCT FROM", "IS NOT")
    return _FIELD.sub(r"json_extract(\1, '$.\2')", statement)


def in_postgresql(statement: str) -> str:
    """A statement as PostgreSQL reads it."""
    return _FIELD.sub(r"(\1::json ->> '\2')", statement)
