"""What the service answers about users, the audit trail, units and access, as frozen types; see `results`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from livecredits.client.reading import Told
from livecredits.client.results import Amounts, Lot, NextExpiry


@dataclass(frozen=True, slots=True)
class User(Told):
    """A user with the account of one unit; `screens` is how many are open now."""

    user_id: str
    name: str | None
    email: str | None
    credits: int
    balance: Amounts
    version: int
    unit: str
    frozen: bool
    floor: int | None
    low: bool
    updated_at: datetime | None
    screens: int = 0


@dataclass(frozen=True, slots=True)
class Account(Told):
    """One account of a user."""

    unit: str
    version: int
    credits: int
    balance: Amounts
    floor: int | None
    frozen: bool
    scale: int
    low_threshold: int | None
    low: bool
    next_expiry: NextExpiry | None
    updated_at: datetime | None


@dataclass(frozen=True, slots=True)
class UserDetail(Told):
    """A user with all accounts, and the lots of one; `receipts`: whether their screens are asked what they painted."""

    user_id: str
    name: str | None
    email: str | None
    metadata: Mapping[str, Any] | None
    created_at: datetime
    credits: int
    balance: Amounts
    version: int
    unit: str
    frozen: bool
    floor: int | None
    low: bool
    updated_at: datetime | None
    lots: tuple[Lot, ...]
    next_expiry: NextExpiry | None
    accounts: tuple[Account, ...]
    screens: int = 0
    receipts: bool = True


@dataclass(frozen=True, slots=True)
class AuditRow(Told):
    """Who did what, when and why; `before` and `after` are the fields that changed, by name."""

    id: str
    at: datetime
    actor: str
    action: str
    target: str | None
    reason: str | None
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None
    address: str | None
    request_id: str | None
    details: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Unit(Told):
    """What is counted; `scale` is the number of decimal places that people see and type."""

    name: str
    scale: int
    low_threshold: int | None = None


@dataclass(frozen=True, slots=True)
class Screen(Told):
    """One open connection, as its node sees it."""

    screen: str
    user: str | None
    kind: str
    carrier: str
    since: datetime
    user_agent: str | None
    visible: bool | None
    tabs: int | None
    painted: Mapping[str, int]
    sent: Mapping[str, int]
    behind: bool
    asleep: bool = False
    node: str = ""


@dataclass(frozen=True, slots=True)
class Operator(Told):
    """Somebody who works in the console; `limit` is the most credits that they may move in one change."""

    id: str
    email: str
    name: str
    role: str
    limit: int | None
    disabled: bool
    created_at: datetime


@dataclass(frozen=True, slots=True)
class SignInCode(Told):
    """A one-time code that signs an operator in: `URL/console#code=…`. It stands in no representation."""

    code: str
    expires_at: datetime

    def __repr__(self) -> str:
        return f"SignInCode(code=…, expires_at={self.expires_at!r})"


@dataclass(frozen=True, slots=True)
class Key(Told):
    """A service key, without its secret."""

    id: str
    name: str
    scopes: tuple[str, ...]
    hint: str
    created_by: str | None
    created_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class NewKey(Told):
    """A new key with its secret, which is told this once. It stands in no representation."""

    key: Key
    secret: str

    def __repr__(self) -> str:
        return f"NewKey(key={self.key!r}, secret=…)"
