"""Where SQLite and PostgreSQL say the same thing differently through SQLAlchemy: one place for each difference.

Promises: whoever asks through here gets the same answer from both. `spelling` does the same for statements as text.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import JSON, ColumnElement, Connection, Text, cast, func, literal, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from livecredits.storage.schema import account_numbers, accounts

# --- expressions ---------------------------------------------------------------------------------------------------


class _Either(FunctionElement[Any]):
    """Two spellings of one expression, of which each database gets its own."""

    name = "either"
    inherit_cache = True


@compiles(_Either)
def _for_sqlite(element: Any, compiler: Any, **options: Any) -> str:
    return f"({compiler.process(element.clauses.clauses[0], **options)})"


@compiles(_Either, "postgresql")
def _for_postgresql(element: Any, compiler: Any, **options: Any) -> str:
    return f"({compiler.process(element.clauses.clauses[1], **options)})"


def either(*, sqlite: ColumnElement[Any], postgresql: ColumnElement[Any]) -> ColumnElement[Any]:
    """The expression that fits the database which is asked; both are of one type."""
    element = _Either(sqlite, postgresql)
    element.type = sqlite.type
    return element


def larger(one: ColumnElement[Any], other: ColumnElement[Any]) -> ColumnElement[Any]:
    """The larger of two values."""
    return either(sqlite=func.max(one, other), postgresql=func.greatest(one, other))


def server_clock_us(connection: Connection) -> int | None:
    """What a database server's clock shows, in microseconds UTC; None for a file, which has none."""
    if connection.dialect.name != "postgresql":
        connection.exec_driver_sql("SELECT 1")
        return None
    return int(connection.exec_driver_sql(f"SELECT {SERVER_CLOCK_US}").scalar_one())


SERVER_CLOCK_US = "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint"


def listed(connection: Connection, texts: Sequence[str]) -> Any:
    """A table of one column, `value`, with these texts: one parameter, however many they are."""
    told = literal(json.dumps(texts), Text)
    if connection.dialect.name == "postgresql":
        return func.json_array_elements_text(cast(told, JSON)).table_valued("value")
    return func.json_each(told).table_valued("value")


def as_object(name: ColumnElement[Any], value: ColumnElement[Any]) -> ColumnElement[Any]:
    """All rows as the text of one JSON object."""
    return either(
        sqlite=func.json_group_object(name, value),
        postgresql=func.coalesce(cast(func.json_object_agg(name, value), Text), "{}"),
    )


# --- rows ----------------------------------------------------------------------------------------------------------


def new_account_number(connection: Connection) -> int:
    """A number for a new account: counted on by SQLite's one writer, taken from a sequence by PostgreSQL's many."""
    if connection.dialect.name == "postgresql":
        return int(connection.scalar(account_numbers) or 0)
    return int(connection.execute(select(func.coalesce(func.max(accounts.c.id), 0) + 1)).scalar_one())


def is_taken(error: IntegrityError, table: str, column: str) -> bool:
    """Whether an insert was refused because another row of the table has this value."""
    told = str(error.orig)
    return f"{table}.{column}" in told or f'"{table}_{column}_key"' in told
