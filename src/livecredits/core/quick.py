"""Frozen dataclasses that are made nearly as quickly as plain ones.

Promises: `@quick` above `@dataclass(frozen=True, slots=True)` changes nothing that a program can see (fields, defaults,
equality, `replace`, the error on assignment) but how long it takes to make one; and so does a function of `maker` from
a call of its class. Must not know any class.

The odd thing: the `__init__` that `dataclass` writes for a frozen class calls `object.__setattr__` for each field. One
change makes a dozen rows with over a hundred fields, and those calls were a sixth of what it cost. Here the object is
for a moment of a twin class without the guard, so that its fields are set by plain assignment, and then becomes what it
is. Nobody else can see an object that is still being made.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, Field, fields
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

_become = object.__dict__["__class__"].__set__


def quick(cls: type[T]) -> type[T]:
    """Give a frozen dataclass with slots a quicker `__init__`.

    Args:
        cls: a class of which no other is made, and which has no `__post_init__` and takes every field.
    """
    assert not hasattr(cls, "__post_init__"), "it would not be called"
    made = _function("__init__", cls, ["self"], ["_become(self, _open)"], ["self.__class__ = _cls"])
    former = cls.__init__
    for name in ("__qualname__", "__annotations__", "__module__"):
        setattr(made, name, getattr(former, name))
    cls.__init__ = made  # type: ignore[method-assign]
    return cls


def maker(cls: Callable[P, T]) -> Callable[P, T]:
    """A function that makes objects of such a class, for where thousands are made.

    Python calls a function of its own in two thirds of the time in which it calls a class.
    """
    first, last = ["self = _new(_open)"], ["self.__class__ = _cls", "return self"]
    return _function(f"make_{cls.__name__.lower()}", cls, [], first, last)


def _function(
    name: str, cls: Callable[..., Any], parameters: list[str], first: list[str], last: list[str]
) -> Callable[..., Any]:
    """A function that takes the fields of a class and sets them, between first and last lines."""
    names = {"_become": _become, "_cls": cls, "_new": object.__new__, "_open": _twin(cls)}
    keywords: list[str] = []
    lines: list[str] = []
    for field in fields(cls):  # type: ignore[arg-type]
        (keywords if field.kw_only else parameters).append(_parameter(field, names))
        lines.append(_assignment(field))
    taken = ", ".join([*parameters, *(["*", *keywords] if keywords else [])])
    body = "\n    ".join([*first, *lines, *last])
    exec(f"def {name}({taken}):\n    {body}", names)  # noqa: S102 - as dataclasses does it, from names of fields
    made: Callable[..., Any] = names[name]
    return made


def _twin(cls: Any) -> type:
    """A class of the same layout whose instances take assignments."""
    # Python's own two, named here, make assignment the plain one again where a frozen base has replaced them. They
    # share one place in a class: were one of them left to the base, every assignment would look the other one up.
    members = {
        "__slots__": cls.__slots__,
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
