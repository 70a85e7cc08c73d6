"""What the service answers, as frozen types.

Promises: every number is an `int` of the unit's smallest step, every time an aware `datetime` in UTC. Fields that
this version does not know are ignored, so that a newer service may say more; a field that it needs and misses raises
`KeyError`, which the exchange turns into `Malformed`. Must not know: HTTP.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

Json = Mapping[str, Any]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Amounts:
    """`available` = `settled` − `held`; `available` is the number that people see."""

    settled: int
    held: int
    available: int

    @classmethod
    def read(cls, body: Json) -> Amounts:
        """Read the `balance` member of an answer."""
        return cls(body["settled"], body["held"], body["available"])


@dataclass(frozen=True, slots=True)
class Answer:
    """What an accepted change did, and the account after it.

    `entry` is the id of the immutable row, `amount` its signed effect, `hold` the id of the hold it made or closed.
    """

    entry: str
    user_id: str
    unit: str
    kind: str
    amount: int
    version: int
    epoch: str
    credits: int
    balance: Amounts
    as_of: datetime
    hold: str | None = None

    @classmethod
    def read(cls, body: Json) -> Answer:
        """Read the answer of any change."""
        return cls(
            entry=body["entry"],
            user_id=body["user_id"],
            unit=body["unit"],
            kind=body["kind"],
            amount=body["amount"],
            version=body["version"],
            epoch=body["epoch"],
            credits=body["credits"],
            balance=Amounts.read(body["balance"]),
            as_of=datetime.fromisoformat(body["as_of"]),
            hold=body.get("hold"),
        )


@dataclass(frozen=True, slots=True)
class Balance:
    """One account as the ledger has it at `as_of`. `floor` is how low it may go; None = no floor."""

    user_id: str
    unit: str
    version: int
    epoch: str
    credits: int
    balance: Amounts
    floor: int | None
    as_of: datetime

    @classmethod
    def read(cls, body: Json) -> Balance:
        """Read the answer of a balance."""
        return cls(
            user_id=body["user_id"],
            unit=body["unit"],
            version=body["version"],
            epoch=body["epoch"],
            credits=body["credits"],
            balance=Amounts.read(body["balance"]),
            floor=body.get("floor"),
            as_of=datetime.fromisoformat(body["as_of"]),
        )


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of the ledger, with the balance that it left."""

    entry: str
    user_id: str
    unit: str
    version: int
    kind: str
    amount: int
    balance: Amounts
    at: datetime
    label: str | None = None
    reason: str | None = None
    actor: str | None = None
    reverses: str | None = None
    reversed_by: str | None = None
    hold: str | None = None

    @classmethod
    def read(cls, body: Json) -> Entry:
        """Read one item of a history."""
        return cls(
            entry=body["entry"],
            user_id=body["user_id"],
            unit=body["unit"],
            version=body["version"],
            kind=body["kind"],
            amount=body["amount"],
            balance=Amounts.read(body["balance"]),
            at=datetime.fromisoformat(body["at"]),
            **{name: body.get(name) for name in _TOLD_TO_SOME},
        )


_TOLD_TO_SOME = ("label", "reason", "actor", "reverses", "reversed_by", "hold")


@dataclass(frozen=True, slots=True)
class Hold:
    """Credits set aside until `expires_at`, to be captured or released."""

    hold: str
    user_id: str
    unit: str
    amount: int
    state: str
    expires_at: datetime

    @classmethod
    def read(cls, body: Json) -> Hold:
        """Read one item of a list of holds."""
        return cls(
            hold=body["hold"],
            user_id=body["user_id"],
            unit=body["unit"],
            amount=body["amount"],
            state=body["state"],
            expires_at=datetime.fromisoformat(body["expires_at"]),
        )


@dataclass(frozen=True, slots=True)
class Token:
    """A screen token: give it to that user's browser and to nobody else. It stands in no representation."""

    token: str
    expires_at: datetime

    def __repr__(self) -> str:
        return f"Token(token=…, expires_at={self.expires_at!r})"

    @classmethod
    def read(cls, body: Json) -> Token:
        """Read the answer of a minted token."""
        return cls(body["token"], datetime.fromisoformat(body["expires_at"]))


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some items of a list, newest first, and the cursors to its neighbours (None at the end)."""

    items: tuple[T, ...]
    next: str | None = None
    previous: str | None = None

    def __iter__(self) -> Iterator[T]:
        return iter(self.items)

    @classmethod
    def read(cls, read_item: Callable[[Json], T], body: Json) -> Page[T]:
        """Read a page whose items `read_item` reads."""
        return cls(tuple(read_item(item) for item in body["items"]), body.get("next"), body.get("previous"))
