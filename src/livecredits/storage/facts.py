"""What a caller's own facts are searched for: whether a JSON object, kept as text, has a field of some value.

Promises: a value that is text finds what is spelled like it (`true`, `7`, `blue`); any other, what has its type. Both
databases give the same answer. Must not know whose facts they are.

The odd thing: fields are not found by a JSON path, for which there is no quoting of every key that JSON allows; and
PostgreSQL cannot unfold an object that has the character NUL somewhere, so that one is found by nothing there.
"""

from __future__ import annotations

import json
import re
from typing import Any

from sqlalchemy import (
    JSON,
    ColumnElement,
    Float,
    Numeric,
    Text,
    and_,
    case,
    cast,
    func,
    literal,
    or_,
    select,
)

from livecredits.storage.dialects import either

_spelled = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode
_WORDS = ("true", "false", "null")
_NUMBER = re.compile(r"-?(0|[1-9]\d{0,99})(\.\d{1,99})?([eE][+-]?\d{1,3})?", re.ASCII)
_NUL = "\\u0000"


def has(kept: ColumnElement[Any], name: str, value: object) -> ColumnElement[bool]:
    """Whether the object has a field of this name and value."""
    in_file = func.json_each(kept).table_valued("key", "value", "type")
    can_unfold = case((func.strpos(kept, _NUL) == 0, kept), else_=literal("{}"))
    in_server = func.json_each(cast(can_unfold, JSON)).table_valued("key", "value")
    return either(
        sqlite=_exists(in_file, and_(in_file.c.key == name, _is_in_sqlite(in_file, value))),
        postgresql=_exists(
            in_server, and_(in_server.c.key == name, _is_in_postgresql(in_server.c.value, value))
        ),
    )


def _exists(fields: Any, is_it: ColumnElement[bool]) -> ColumnElement[bool]:
    return select(literal(1)).select_from(fields).where(is_it).exists()


def _is_in_sqlite(field: Any, wanted: object) -> ColumnElement[bool]:
    if isinstance(wanted, bool) or wanted is None:
        return or_(field.c.type == json.dumps(wanted))
    is_number = field.c.type.in_(("integer", "real"))
    if isinstance(wanted, (int, float)):
        return and_(is_number, field.c.value == _number(wanted))
    if not isinstance(wanted, str):
        return and_(field.c.type.in_(("array", "object")), field.c.value == _spelled(wanted))
    spelled = [and_(field.c.type == "text", field.c.value == wanted)]
    if wanted in _WORDS:
        spelled.append(field.c.type == wanted)
    elif _NUMBER.fullmatch(wanted):
        spelled.append(and_(is_number, field.c.value == _number(json.loads(wanted))))
    return or_(*spelled)


def _number(number: float) -> ColumnElement[Any]:
    """A number as SQLite holds it: whole ones of 64 bits exactly, all others as a float."""
    fits = isinstance(number, int) and -(2**63) <= number < 2**63
    return literal(number) if fits else literal(float(number), Float)


def _is_in_postgresql(value: Any, wanted: object) -> ColumnElement[bool]:
    # Facts are kept as canonical JSON, so that all but numbers are equal when they are spelled alike.
    spelling = cast(value, Text)

    def is_equal(number: object) -> ColumnElement[bool]:
        # A CASE, since the conditions of an AND may be asked in any order, and a text is no number.
        same = cast(spelling, Numeric) == cast(literal(str(number)), Numeric)
        return case((func.json_typeof(value) == "number", same), else_=literal(False))

    if isinstance(wanted, (int, float)) and not isinstance(wanted, bool):
        return is_equal(wanted)
    spelled = [spelling == _spelled(wanted)]
    if isinstance(wanted, str) and wanted in _WORDS:
        spelled.append(spelling == wanted)
    elif isinstance(wanted, str) and _NUMBER.fullmatch(wanted):
        spelled.append(is_equal(wanted))
    return or_(*spelled)
