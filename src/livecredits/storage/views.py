"""What reading answers: balances, history, holds, users, as frozen values that can spell themselves in JSON.

Promises: every `as_json` gives the shape of the HTTP interface, times as RFC 3339, amounts as whole numbers; what is
for operators' eyes (reason, actor, metadata) is left out for a user. Must not know how anything is read.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from livecredits.core.rows import Entry
from livecredits.storage.answers import Amounts, moment, rfc3339

T = TypeVar("T")


def _when(at_us: int | None) -> str | None:
    return None if at_us is None else rfc3339(at_us)


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of a list. `next` and `previous` are cursors to what comes after and before it; None at an end."""

    items: Sequence[T]
    next: str | None = None
    previous: str | None = None
    total: int | None = None


@dataclass(frozen=True, slots=True)
class LotView:
    """An open lot."""

    lot: str
    amount: int
    remaining: int
    earmarked: int
    priority: int
    expires_at_us: int | None
    source: str | None
    created_at_us: int

    def as_json(self) -> dict[str, Any]:
        """The lot by field."""
        return {
            "lot": self.lot, "amount": self.amount, "remaining": self.remaining, "earmarked": self.earmarked,
            "priority": self.priority, "expires_at": _when(self.expires_at_us), "source": self.source,
            "created_at": rfc3339(self.created_at_us),
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Balance:
    """An account as it stands: version 0 where the user has none yet.

    `lots` are the first to burn (at most 100); `as_of_us` is when it was read. `low_threshold` is the
    account's own; `low` goes by the unit's where there is none.
    """

    user_id: str
    unit: str
    scale: int
    version: int
    epoch: str
    settled: int
    held: int
    floor: int | None
    frozen: bool
    lots: tuple[LotView, ...]
    next_expiry_us: int | None
    next_expiry_amount: int
    changed_at_us: int | None
    as_of_us: int
    low_threshold: int | None = None
    low: bool = False

    @property
    def balance(self) -> Amounts:
        """Settled, held and available credits."""
        return Amounts(self.settled, self.held)

    @property
    def as_of(self) -> datetime:
        """When it was read."""
        return moment(self.as_of_us)

    @property
    def available(self) -> int:
        """Settled credits that are not held."""
        return self.settled - self.held

    @property
    def credits(self) -> int:
        """The number that people see: `available`."""
        return self.settled - self.held

    def as_json(self) -> dict[str, Any]:
        """The body of an HTTP answer."""
        return {
            "user_id": self.user_id, "unit": self.unit, "version": self.version, "epoch": self.epoch,
            "credits": self.credits, "balance": self.balance.as_json(), "floor": self.floor,
            "frozen": self.frozen, "scale": self.scale, "low_threshold": self.low_threshold, "low": self.low,
            "lots": [lot.as_json() for lot in self.lots],
            "next_expiry": next_expiry_json(self.next_expiry_us, self.next_expiry_amount),
            "as_of": rfc3339(self.as_of_us),
        }  # fmt: skip


def next_expiry_json(at_us: int | None, amount: int) -> dict[str, Any] | None:
    """When the next credits expire, and how many."""
    return None if at_us is None else {"at": rfc3339(at_us), "amount": amount}


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """An entry, and what became of it; `for_user` leaves out of `as_json` what is not for the user's eyes."""

    entry: Entry
    reversed_by: str | None = None
    for_user: bool = False

    def as_json(self) -> dict[str, Any]:
        """The entry by field."""
        entry = self.entry
        body: dict[str, Any] = {
            "entry": entry.id, "user_id": entry.user_id, "unit": entry.unit, "version": entry.version,
            "kind": entry.kind, "amount": entry.amount, "settled_delta": entry.settled_delta,
            "held_delta": entry.held_delta,
            "balance": Amounts(entry.settled_after, entry.held_after).as_json(),
            "credits": entry.settled_after - entry.held_after, "at": rfc3339(entry.at_us), "label": entry.label,
        }  # fmt: skip
        links = {"reverses": entry.reverses, "reversed_by": self.reversed_by, "hold": entry.hold_id}
        if entry.origin is not None:
            links["order" if entry.kind == "fulfil" else "voucher"] = entry.origin
        body.update({name: value for name, value in links.items() if value is not None})
        if not self.for_user:
            body["reason"], body["actor"] = entry.reason, entry.actor
            body["metadata"] = None if entry.metadata is None else json.loads(entry.metadata)
        return body


@dataclass(frozen=True, slots=True)
class HoldView:
    """A hold, open or closed."""

    hold: str
    user_id: str
    unit: str
    amount: int
    state: str
    captured: int
    expires_at_us: int
    created_at_us: int
    closed_at_us: int | None

    def as_json(self) -> dict[str, Any]:
        """The hold by field."""
        return {
            "hold": self.hold, "user_id": self.user_id, "unit": self.unit, "amount": self.amount,
            "state": self.state, "captured": self.captured, "expires_at": rfc3339(self.expires_at_us),
            "created_at": rfc3339(self.created_at_us), "closed_at": _when(self.closed_at_us),
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class UserRow:
    """A user with one account, as a list shows them."""

    user_id: str
    name: str | None
    email: str | None
    unit: str
    version: int
    settled: int
    held: int
    floor: int | None
    frozen: bool
    updated_at_us: int
    low: bool = False

    @property
    def credits(self) -> int:
        """The number that people see."""
        return self.settled - self.held

    def as_json(self) -> dict[str, Any]:
        """The user by field."""
        return {
            "user_id": self.user_id, "name": self.name, "email": self.email, "credits": self.credits,
            "balance": Amounts(self.settled, self.held).as_json(), "version": self.version, "unit": self.unit,
            "frozen": self.frozen, "floor": self.floor, "low": self.low,
            "updated_at": rfc3339(self.updated_at_us),
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class UserDetail:
    """A user with all that concerns one account, and the balances of the others."""

    row: UserRow
    metadata: str | None
    created_at_us: int
    balance: Balance
    accounts: tuple[Balance, ...]
    receipts: bool = True

    def as_json(self) -> dict[str, Any]:
        """The user by field."""
        return {
            **self.row.as_json(),
            "metadata": None if self.metadata is None else json.loads(self.metadata),
            "receipts": self.receipts,
            "created_at": rfc3339(self.created_at_us),
            "lots": [lot.as_json() for lot in self.balance.lots],
            "next_expiry": next_expiry_json(self.balance.next_expiry_us, self.balance.next_expiry_amount),
            "accounts": [_brief(account) for account in self.accounts],
        }


def _brief(account: Balance) -> dict[str, Any]:
    names = (
        "unit",
        "version",
        "credits",
        "balance",
        "floor",
        "frozen",
        "scale",
        "low_threshold",
        "low",
        "next_expiry",
    )
    body = account.as_json()
    return {**{name: body[name] for name in names}, "updated_at": _when(account.changed_at_us)}
