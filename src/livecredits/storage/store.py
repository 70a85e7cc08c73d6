"""What the writer asks of a database: the few set-based statements of one transaction.

Promises nothing itself; `sqlite.SqliteStore` keeps the promises. One store belongs to one thread. Every method takes
and gives a whole batch at once, because a statement per change is what makes ledgers slow.

The odd thing: an account has a side that the rules never see (`Side`): its number, its age, its seal, its user's keys.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from livecredits.core.chain import canonical
from livecredits.core.lots import Lot
from livecredits.core.quick import quick
from livecredits.core.rows import Account, AccountKey, Entry, HoldRow, OrderRow, Past, Redemption, Voucher

T = TypeVar("T")
UserKeys = tuple[tuple[str, int], ...]
KeyOf = tuple[str, str]
"""An idempotency key with its scope: (scope, key)."""


class Raced(Exception):
    """A row had moved on since it was read; the transaction is to be undone and decided anew."""


class Undone(Exception):
    """A commit was not even tried, since something before it was refused."""

    def __init__(self, why: Exception) -> None:
        """`why` is what to tell."""
        super().__init__(str(why))
        self.why = why


@quick
@dataclass(frozen=True, slots=True)
class Side:
    """What an account's row holds beyond the core's `Account`."""

    id: int
    created_at_us: int
    seal: str
    user_keys: UserKeys = ()
    low_threshold: int | None = None


def seal_of(
    user_id: str,
    unit: str,
    floor: int | None,
    frozen: bool,  # noqa: FBT001 - a column's value
    created_at_us: int,
    low_threshold: int | None = None,
) -> str:
    """A digest of the fields of an account that no entry covers, so that `verify` notices an edit of them.

    A threshold of none is left out, so that the seals of a file that knew no thresholds stay right.
    """
    fields: dict[str, Any] = {
        "user_id": user_id, "unit": unit, "floor": floor, "frozen": bool(frozen),
        "created_at_us": created_at_us,
    }  # fmt: skip
    if low_threshold is not None:
        fields["low_threshold"] = low_threshold
    return hashlib.sha256(canonical(fields).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One line of the audit trail; `before`, `after` and `details` are JSON text."""

    id: str
    at_us: int
    actor: str
    action: str
    target: str | None = None
    reason: str | None = None
    before: str | None = None
    after: str | None = None
    address: str | None = None
    request_id: str | None = None
    details: str | None = None


@dataclass(slots=True)
class Named:
    """The rows that the changes of a batch name, before any of them is read."""

    accounts: set[AccountKey] = field(default_factory=set)
    takers: set[AccountKey] = field(default_factory=set)
    """Those of the accounts from which a change may take."""
    orders: set[str] = field(default_factory=set)
    holds: set[str] = field(default_factory=set)
    entries: set[str] = field(default_factory=set)
    codes: set[tuple[str, str]] = field(default_factory=set)
    """User and digest."""
    newcomers: set[str] = field(default_factory=set)
    """Users whom the changes may make, and who would then be welcomed."""
    keys: set[KeyOf] = field(default_factory=set)


@dataclass(slots=True)
class Rows:
    """What a batch writes, each row in its last form."""

    users: dict[str, int] = field(default_factory=dict)
    """New users and when they appeared."""
    accounts: dict[AccountKey, tuple[Account, Side]] = field(default_factory=dict)
    entries: list[tuple[int, Entry]] = field(default_factory=list)
    lots: dict[str, tuple[int, Lot]] = field(default_factory=dict)
    holds: dict[str, tuple[int, HoldRow]] = field(default_factory=dict)
    reversals: list[tuple[str, str]] = field(default_factory=list)
    answers: list[tuple[str, str, str, str, int]] = field(default_factory=list)
    """Scope, key, content, answer and time of each new idempotency key."""
    audit: list[AuditRow] = field(default_factory=list)
    batch_parts: list[tuple[str, int, str]] = field(default_factory=list)
    """Rows of `schema.batch_parts`, in the order of its columns."""
    orders: dict[str, tuple[str, OrderRow]] = field(default_factory=dict)
    """Orders that moved on, with the state that they are in until this is written."""
    fulfilments: list[tuple[str, str]] = field(default_factory=list)
    """Order and entry."""
    vouchers: dict[str, tuple[int, int]] = field(default_factory=dict)
    """How often each voucher was redeemed until this is written, and with it."""
    redemptions: list[Redemption] = field(default_factory=list)
    broadcasts: list[tuple[Any, ...]] = field(default_factory=list)
    """Rows of `schema.broadcasts`, in the order of its columns."""
    spans: list[tuple[str, str, str]] = field(default_factory=list)
    """Rows of `schema.broadcast_spans`."""


class Store(Protocol):
    """A database as the writer sees it."""

    is_alone: bool
    """Whether nobody else writes to this database, so that what was read may be remembered from batch to batch."""

    def begin(self, *, alone: bool = False) -> None:
        """Start a transaction that may write; `alone`: no other that moves credits may be open meanwhile.

        Raises:
            Unavailable: the database cannot be reached just now.
        """

    def commit(self) -> None:
        """Make the transaction durable, with what was saved.

        Raises:
            StorageFull, Raced, Undone: it certainly was not made; after any other error nobody knows.
        """

    def rollback(self) -> None:
        """Undo what the transaction did; quiet if there is none."""

    def lock(self, named: Named, now_us: int, most_lots: int) -> None:
        """Lock all that a batch names, in one order for every batch, before any of it is read.

        Ids of holds and entries lead to accounts that never change. Nothing to do where nobody else writes.

        Args:
            named: the rows.
            now_us: the batch's time; what is due by then on these accounts will be asked for next.
            most_lots: how many open lots of each account in `named.takers` will be asked for next.
        """

    def find_answers(self, keys: Collection[KeyOf]) -> dict[KeyOf, tuple[str, str]]:
        """Content and stored answer of each key that has been used."""
        ...

    def find_users(self, user_ids: Collection[str]) -> set[str]:
        """Which of these users are known."""
        ...

    def find_accounts(self, keys: Collection[AccountKey]) -> list[tuple[Account, Side]]:
        """The accounts that exist, locked, without lots and holds."""
        ...

    def find_holds(self, hold_ids: Collection[str]) -> list[HoldRow]:
        """These holds, open or not."""
        ...

    def find_past(self, entry_ids: Collection[str]) -> tuple[dict[str, Past], list[Lot]]:
        """These entries and their peers, and every lot that they moved."""
        ...

    def find_due(self, account_ids: Collection[int], now_us: int) -> set[int]:
        """Which of these accounts have a lot past its second or an overdue hold."""
        ...

    def due_accounts(self, now_us: int, most: int) -> list[AccountKey]:
        """Up to `most` accounts that have something due."""
        ...

    def open_lots(self, accounts: Mapping[int, AccountKey], most: int | None) -> dict[int, list[Lot]]:
        """The first `most` open lots of each account in burn order, or all of them."""
        ...

    def open_holds(self, accounts: Mapping[int, AccountKey], most: int | None) -> dict[int, list[HoldRow]]:
        """Up to `most` open holds of each account, or all of them."""
        ...

    def next_expiries(self, account_ids: Collection[int]) -> dict[int, tuple[int, int]]:
        """When each account's next lots expire, and how much then."""
        ...

    def next_due_us(self) -> int | None:
        """The earliest time at which anything expires or times out, anywhere."""
        ...

    def find_orders(self, order_ids: Collection[str]) -> list[OrderRow]:
        """These orders, locked."""
        ...

    def find_vouchers(self, digests: Collection[str]) -> dict[str, Voucher]:
        """The vouchers that have these digests, locked."""
        ...

    def find_welcomes(self) -> list[Voucher]:
        """The vouchers that new users are given, in the order of their campaigns, locked."""
        ...

    def has_welcomes(self) -> bool:
        """Whether there may be any; costs nothing."""
        ...

    def find_redeemed(self, pairs: Collection[tuple[str, str]]) -> dict[tuple[str, str], int]:
        """How often users have redeemed, by (scope, user)."""
        ...

    def find_listed(self, pairs: Collection[tuple[str, str]]) -> set[tuple[str, str]]:
        """Which of these (campaign, user) stand on the campaign's list."""
        ...

    def low_threshold(self, unit: str) -> int | None:
        """At or below how many available credits an account of this unit is low; costs nothing."""
        ...

    def new_account_id(self) -> int:
        """A number for a new account."""
        ...

    def save(self, rows: Rows) -> None:
        """Write a batch's rows; raises `Raced` where another writer was quicker, so that all is to be decided anew.

        Whether they were taken may also turn out with the next question, or with the commit.
        """

    def tell(self, word: str) -> None:
        """Leave word for other nodes with this transaction; not asked where there can be none."""

    def run(self, ask: Callable[[Any], T]) -> T:
        """Give the open transaction as a SQLAlchemy connection, for what is no change of credits."""
        ...

    def tidy(self, *, idle: bool) -> bool:
        """Housekeeping between batches; must not raise for a passing reason. False: something is left to do soon."""
        ...

    def empty_log(self) -> None:
        """Leave nothing of what was overwritten in any file beside the tables; `tidy` goes on with what was in use."""

    def newest_entry_id(self) -> str | None:
        """The largest id of an entry."""
        ...

    def newest_entry_of(self, account_ids: Collection[int]) -> str | None:
        """The largest id of the newest entries of these accounts; not asked where nobody else writes."""

    def epoch(self) -> str:
        """The identity of the database's line of history."""
        ...

    def close(self) -> None:
        """Leave the database tidy and let go of it."""


def ids_of(accounts: Iterable[tuple[Account, Side]]) -> dict[int, AccountKey]:
    """Number and key of each account."""
    return {side.id: account.key for account, side in accounts}
