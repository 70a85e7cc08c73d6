"""Frozen dataclasses that are made nearly as quickly as plain ones.

Promises: `@quick` above `@dataclass(frozen=True, slots=True)` changes nothing that a program can see (fields, defaults,
equality, `replace`, the error on assignment) but how long it takes to make one. Must not know any class.

The odd thing: the `__init__` that `dataclass` writes for a frozen class calls `object.__setattr__` for each field. One
change makes a dozen rows with over a hundred fields, and those calls were a sixth of what it cost. Here the object is
for a moment of a twin class without the guard, so that its fields are set by plain assignment, and then becomes what it
is. Nobody else can see an object that is still being made.
"""

from __future__ import annotations

from dataclasses import MISSING, Field, fields
from typing import Any, TypeVar

T = TypeVar("T")

_become = object.__dict__["__class__"].__set__


def quick(cls: type[T]) -> type[T]:
    """Give a frozen dataclass with slots a quicker `__init__`.

    Args:
        cls: a class of which no other is made, and which has no `__post_init__` and takes every field.
    """
    assert not hasattr(cls, "__post_init__"), "it would not be called"
    names = {"_become": _become, "_cls": cls, "_open": _twin(cls)}
    positional: list[str] = []
    keywords: list[str] = []
    lines: list[str] = []
    for field in fields(cls):  # type: ignore[arg-type]
        (keywords if field.kw_only else positional).append(_parameter(field, names))
        lines.append(_assignment(field))
    parameters = ", ".join(["self", *positional, *(["*", *keywords] if keywords else [])])
    body = "\n    ".join(["_become(self, _open)", *lines, "self.__class__ = _cls"])
    exec(f"def __init__({parameters}):\n    {body}", names)  # noqa: S102 - as dataclasses does it, from names of fields
    made, former = names["__init__"], cls.__init__
    for name in ("__qualname__", "__annotations__", "__module__"):
        setattr(made, name, getattr(former, name))
    cls.__init__ = made  # type: ignore[method-assign]
    return cls


def _twin(cls: type) -> type:
    """A class of the same layout whose instances take assignments."""
    # Python's own two, named here, make assignment the plain one again where a frozen base has replaced them. They
    # share one place in a class: were one of them left to the base, every assignment would look the other one up.
    members = {
        "__slots__": cls.__slots__,  # type: ignore[attr-defined]
        "__setattr__": object.__setattr__,
        "__delattr__": object.__delattr__,
    }
    return type(f"_Open{cls.__name__}", cls.__bases__, members)


def _parameter(field: Field[Any], names: dict[str, Any]) -> str:
    assert field.init, f"{field.name} would not be set"
    if field.default is not MISSING:
        names[f"_default_{field.name}"] = field.default
    elif field.default_factory is not MISSING:
        names[f"_default_{field.name}"] = MISSING
        names[f"_make_{field.name}"] = field.default_factory
    else:
        return field.name
    return f"{field.name}=_default_{field.name}"


def _assignment(field: Field[Any]) -> str:
    name = field.name
    if field.default_factory is MISSING:
        return f"self.{name} = {name}"
    return f"self.{name} = _make_{name}() if {name} is _default_{name} else {name}"
