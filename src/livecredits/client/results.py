"""What the service answers about credits, as frozen types; see also `shop_results` and `admin_results`.

Promises: every number is an `int` of the unit's smallest step, every time an aware `datetime` in UTC. Names are those
of the interface. Must not know: HTTP.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from livecredits.client.reading import Json, Told

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Amounts(Told):
    """`available` = `settled` − `held`; `available` is the number that people see."""

    settled: int
    held: int
    available: int


@dataclass(frozen=True, slots=True)
class Receipts(Told):
    """Where the screens stand that were open when a change was pushed: each in one class.

    `shown`: a visible tab painted it · `hidden`: no tab is visible · `asleep`: its script has not answered in time ·
    `gone`: closed before it painted · `behind`: open and visible, and has not painted it yet. `first_ms`, `last_ms`:
    from the commit to receipts, None before one. `counted`: `screens`, or `browsers` whose tabs share a connection.
    `off`: nobody is asked.
    """

    open: int
    shown: int
    hidden: int
    asleep: int
    gone: int
    behind: int
    first_ms: int | None
    last_ms: int | None
    counted: str
    off: bool = False


@dataclass(frozen=True, slots=True)
class Answer(Told):
    """What an accepted change did, and the account after it.

    `entry` is the id of the immutable row, `amount` its signed effect; `hold`, `order` and `voucher` are the ids of
    what it made, closed or came from. `replayed`: a former answer, given again for the same key; nothing happened now.
    `receipts`: on how many screens it was seen, where that was waited for (`wait="shown"`) and is known.
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
    order: str | None = None
    voucher: str | None = None
    replayed: bool = False
    receipts: Receipts | None = None


@dataclass(frozen=True, slots=True)
class Lot(Told):
    """A portion of granted credits. `earmarked` ones are held."""

    lot: str
    amount: int
    remaining: int
    earmarked: int
    priority: int
    expires_at: datetime | None
    source: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class NextExpiry(Told):
    """When credits expire next, and how many."""

    at: datetime
    amount: int


@dataclass(frozen=True, slots=True)
class Balance(Told):
    """One account as the ledger has it at `as_of`. `floor` is how low it may go; None = no floor.

    `low` says whether the credits are at or below the threshold; `lots` are the first to burn.
    """

    user_id: str
    unit: str
    version: int
    epoch: str
    credits: int
    balance: Amounts
    floor: int | None
    as_of: datetime
    frozen: bool = False
    scale: int = 0
    low_threshold: int | None = None
    low: bool = False
    lots: tuple[Lot, ...] = ()
    next_expiry: NextExpiry | None = None


@dataclass(frozen=True, slots=True)
class Entry(Told):
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
    metadata: Mapping[str, Any] | None = None
    reverses: str | None = None
    reversed_by: str | None = None
    hold: str | None = None
    order: str | None = None
    voucher: str | None = None


@dataclass(frozen=True, slots=True)
class Hold(Told):
    """Credits set aside until `expires_at`, to be captured or released; `captured` of them were."""

    hold: str
    user_id: str
    unit: str
    amount: int
    state: str
    expires_at: datetime
    captured: int = 0
    created_at: datetime | None = None
    closed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Token(Told):
    """A screen token: give it to that user's browser and to nobody else. It stands in no representation."""

    token: str
    expires_at: datetime

    def __repr__(self) -> str:
        return f"Token(token=…, expires_at={self.expires_at!r})"


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some items of a list, and the cursors to its neighbours (None at the end); `total` where the list is counted."""

    items: tuple[T, ...]
    next: str | None = None
    previous: str | None = None
    total: int | None = None

    def __iter__(self) -> Iterator[T]:
        return iter(self.items)

    @classmethod
    def read(cls, read_item: Callable[[Json], T], body: Json) -> Page[T]:
        """Read a page whose items `read_item` reads."""
        if not isinstance(body["items"], list):
            raise TypeError("a page is told as a list")
        items = tuple(read_item(item) for item in body["items"])
        return cls(items, body.get("next"), body.get("previous"), body.get("total"))
