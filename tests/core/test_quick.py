"""`@quick` is seen by nobody: what it makes cannot be told from what the dataclass alone would make."""

from __future__ import annotations

import copy
import inspect
import pickle
from collections.abc import Callable
from dataclasses import FrozenInstanceError, dataclass, field, fields, replace
from typing import Any

import pytest

from livecredits.core.changes import Adjust, Change, Spend
from livecredits.core.lots import Lot
from livecredits.core.quick import _twin, maker, quick
from livecredits.core.rows import Account, AccountState, Entry
from livecredits.credits.batches import BatchRow
from livecredits.storage.answers import Answer


@dataclass(frozen=True, slots=True)
class Plain:
    name: str
    parts: list[int] = field(default_factory=list)
    size: int = 3


@quick
@dataclass(frozen=True, slots=True)
class Made:
    name: str
    parts: list[int] = field(default_factory=list)
    size: int = 3


@pytest.mark.parametrize("by", [lambda cls: cls, maker], ids=["class", "maker"])
@pytest.mark.parametrize("cls", [Adjust, Spend, Lot, Account, AccountState, Entry, BatchRow, Answer, Made])
def test_every_field_is_where_it_was_put_and_stays(
    cls: type, by: Callable[[type], Callable[..., Any]]
) -> None:
    given = {one.name: object() for one in fields(cls)}
    made = by(cls)(**given)
    assert type(made) is cls
    assert made == cls(**given)
    assert {name: getattr(made, name) for name in given} == given
    for name in given:
        with pytest.raises(FrozenInstanceError):
            setattr(made, name, 1)
        with pytest.raises(FrozenInstanceError):
            delattr(made, name)
    with pytest.raises((AttributeError, TypeError)):
        made.another = 1  # type: ignore[attr-defined]


def test_a_field_is_set_without_looking_up_how() -> None:
    """One method of a frozen base that is left would cost four times the object; they share a place in the class."""
    twin = vars(_twin(Adjust))
    assert [twin[name] for name in ("__setattr__", "__delattr__")] == [object.__setattr__, object.__delattr__]


def test_defaults_are_each_objects_own() -> None:
    for make in (Made, maker(Made)):
        one, other = make("a"), make("a")
        assert one == other
        assert one.size == 3
        one.parts.append(1)
        assert other.parts == []
    assert Made("a", [2], 4) == Made(name="a", size=4, parts=[2])


def test_arguments_are_those_of_the_dataclass() -> None:
    made, plain = (inspect.signature(cls).parameters.values() for cls in (Made, Plain))
    assert [(one.name, one.kind, one.annotation) for one in made] == [
        (one.name, one.kind, one.annotation) for one in plain
    ]
    with pytest.raises(TypeError):
        Made()  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        Made("a", [], 3, 4)  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        Made("a", colour="red")  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        Adjust("ada", amount=1)  # type: ignore[call-arg]


def test_copies_and_replacements_are_equal_and_frozen() -> None:
    change = Adjust(user_id="ada", amount=5)
    assert isinstance(change, Change)
    assert hash(change) == hash(Adjust(user_id="ada", amount=5))
    other_kind: object = Spend(user_id="ada", amount=5)
    assert change != other_kind
    for twin in (copy.copy(change), copy.deepcopy(change), pickle.loads(pickle.dumps(change))):
        assert twin == change
        assert type(twin) is Adjust
    other = replace(change, amount=6)
    assert (other.amount, change.amount) == (6, 5)
    with pytest.raises(FrozenInstanceError):
        other.amount = 7  # type: ignore[misc]
