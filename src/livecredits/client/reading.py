"""From an answer's JSON to a frozen type, by the type's own fields.

Promises: a field is what its annotation says (a whole number is an `int`, a time an aware `datetime`), or the reader
raises `TypeError`, `ValueError` or `KeyError`, which the exchange turns into `Malformed`. Fields that a type does not
know are ignored, so that a newer service may say more; those with a default may be missing. Must not know HTTP.
The odd thing: annotations are read once for each type and become a plain list of functions; reading an answer then
costs a few microseconds.
"""

from __future__ import annotations

import functools
import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import datetime
from typing import Any, ClassVar, Self, TypeVar, Union, get_args, get_origin, get_type_hints

Json = Mapping[str, Any]
T = TypeVar("T")
Read = Callable[[Any], Any]


class Told:
    """What the service tells; its types are read by their fields."""

    __slots__: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def read(cls, body: Json) -> Self:
        """Read it from an answer's JSON."""
        if not isinstance(body, Mapping):
            raise TypeError(f"{cls.__name__} is told as an object")
        kind: Any = cls
        told = {name: read(body[name]) for name, read in _needed(kind) if name in body}
        missing = _obligatory(kind) - told.keys()
        if missing:
            raise KeyError(min(missing))
        return cls(**told)


@functools.cache
def _needed(cls: Any) -> tuple[tuple[str, Read], ...]:
    hints = get_type_hints(cls)
    return tuple((field.name, _reader(hints[field.name])) for field in fields(cls))


@functools.cache
def _obligatory(cls: Any) -> frozenset[str]:
    return frozenset(
        field.name for field in fields(cls) if field.default is MISSING and field.default_factory is MISSING
    )


def _reader(kind: Any) -> Read:
    if get_origin(kind) is not None:
        return _reader_of_parts(get_origin(kind), get_args(kind))
    if kind is Any:
        return lambda value: value
    if kind is datetime:
        return lambda value: datetime.fromisoformat(_checked(str, value))
    if is_dataclass(kind):
        read: Read = kind.read  # type: ignore[union-attr]
        return read
    return functools.partial(_checked, kind)


def _reader_of_parts(whole: Any, parts: tuple[Any, ...]) -> Read:
    if whole in (Union, types.UnionType):
        (present,) = (one for one in parts if one is not type(None))
        read = _reader(present)
        return lambda value: None if value is None else read(value)
    if whole is tuple:
        read = _reader(parts[0])
        return lambda values: tuple(read(value) for value in _checked(list, values))
    read = _reader(parts[1])
    return lambda values: {name: read(value) for name, value in _checked(dict, values).items()}


def _checked(kind: type[T], value: Any) -> T:
    # Not by `isinstance`: True is an int there, and a subclass is nothing that JSON has.
    if type(value) is not kind:
        raise TypeError(f"{value!r} is no {kind.__name__}")
    return value
