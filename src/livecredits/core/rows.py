"""The ledger's rows as the rules see them: accounts, holds, entries, and the answers to a change.

Everything is frozen but `Book`, which is the one place where a batch's decisions add up. Times are whole microseconds
UTC, credits whole numbers of the unit's smallest part.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from json.encoder import encode_basestring as _quoted
from typing import Any, Literal, NamedTuple

from livecredits.core.chain import GENESIS
from livecredits.core.lots import BurnKey, Lot, Mark, Terms
from livecredits.core.quick import maker, quick

Kind = Literal[
    "adjust",
    "set",
    "grant",
    "spend",
    "hold",
    "capture",
    "release",
    "expire",
    "reverse",
    "transfer",
    "redeem",
    "fulfil",
]
KINDS: tuple[Kind, ...] = (
    "adjust", "set", "grant", "spend", "hold", "capture", "release", "expire", "reverse", "transfer", "redeem",
    "fulfil",
)  # fmt: skip
HoldState = Literal["open", "captured", "released"]
OrderState = Literal["pending", "fulfilled", "cancelled", "refunded"]
AccountKey = tuple[str, str]
"""(user_id, unit)."""


@quick
@dataclass(frozen=True, slots=True)
class HoldRow:
    """Credits set aside: `amount`, of which `marks` are earmarked in lots (less where the floor lends)."""

    id: str
    user_id: str
    unit: str
    amount: int
    state: HoldState
    expires_at_us: int
    created_at_us: int
    marks: tuple[Mark, ...] = ()
    captured: int = 0
    closed_at_us: int | None = None


@dataclass(frozen=True, slots=True)
class OrderRow:
    """A user's order with the package as it was when it was ordered; `validity_s` is how long its credits last."""

    id: str
    user_id: str
    unit: str
    credits: int
    validity_s: int | None
    state: OrderState = "pending"
    entry_id: str | None = None
    fulfilled_at_us: int | None = None
    fulfilled_by: str | None = None
    claimed_by: str | None = None
    note: str | None = None
    refund_entry_id: str | None = None
    refunded_at_us: int | None = None
    package_name: str | None = None


@dataclass(frozen=True, slots=True)
class Voucher:
    """A code with the terms under which it pays; those of a campaign stand in each of its vouchers.

    `redemptions` counts them all. `max_redemptions` and `max_per_user` of None are no limit. `user_id` binds it to one
    user; `is_listed` says that the campaign names its users. `validity_s` is how long the credits last.
    """

    id: str
    unit: str
    amount: int
    campaign_id: str | None = None
    user_id: str | None = None
    validity_s: int | None = None
    starts_at_us: int | None = None
    ends_at_us: int | None = None
    max_redemptions: int | None = 1
    max_per_user: int | None = 1
    redemptions: int = 0
    is_listed: bool = False
    is_revoked: bool = False
    label: str | None = None

    @property
    def scope(self) -> str:
        """Over what a user's redemptions are counted: the campaign, or the voucher that stands alone."""
        return self.campaign_id or self.id


@dataclass(frozen=True, slots=True)
class Redemption:
    """That a voucher paid. `turn` counts the voucher's redemptions, `user_turn` those of the user in its scope.

    Both are unique in the database, so that no turn is taken twice whoever looked at which row.
    """

    voucher_id: str
    turn: int
    scope: str
    user_id: str
    user_turn: int
    entry_id: str
    amount: int
    at_us: int
    address: str | None = None


@quick
@dataclass(frozen=True, slots=True)
class Account:
    """One user's credits of one unit, as its newest entry left them.

    `lots` are the open ones in burn order; if `loaded_through` is a burn key, only those up to it were loaded.
    `holds` are the open ones (all of them when `loaded_through` is None).
    """

    user_id: str
    unit: str
    version: int = 0
    settled: int = 0
    held: int = 0
    floor: int | None = 0
    frozen: bool = False
    last_hash: str = GENESIS
    changed_at_us: int | None = None
    lots: tuple[Lot, ...] = ()
    holds: Mapping[str, HoldRow] = field(default_factory=dict)
    loaded_through: BurnKey | None = None

    @property
    def key(self) -> AccountKey:
        """Which account this is."""
        return (self.user_id, self.unit)

    @property
    def available(self) -> int:
        """What can be spent."""
        return self.settled - self.held


make_account = maker(Account)


@quick
@dataclass(frozen=True, slots=True)
class LotMove:
    """What an entry did to one lot: `delta` into it or out of it; `terms` where the entry made the lot."""

    lot_id: str
    delta: int
    terms: Terms | None = None


make_move = maker(LotMove)


@quick
@dataclass(frozen=True, slots=True)
class Entry:
    """The immutable row that an accepted change leaves.

    `amount` is the entry's effect: `settled_delta` where settled credits move, else `held_delta`. The chain covers
    `fields()`, as the text `content()`; `hash` links it to the entry before. `origin` is the order or the voucher that
    it came from.
    """

    id: str
    user_id: str
    unit: str
    version: int
    kind: Kind
    amount: int
    settled_delta: int
    held_delta: int
    settled_after: int
    held_after: int
    at_us: int
    actor: str
    reason: str | None = None
    label: str | None = None
    metadata: str | None = None
    user_key: str | None = None
    request_id: str | None = None
    reverses: str | None = None
    peer: str | None = None
    hold_id: str | None = None
    hold_expires_at_us: int | None = None
    origin: str | None = None
    lots: tuple[LotMove, ...] = ()
    hash: str = ""

    def fields(self) -> dict[str, Any]:
        """The named fields that the hash covers; empty ones are left out."""
        fields = {
            "id": self.id, "user_id": self.user_id, "unit": self.unit, "version": self.version, "kind": self.kind,
            "amount": self.amount, "settled_delta": self.settled_delta, "held_delta": self.held_delta,
            "settled_after": self.settled_after, "held_after": self.held_after, "at_us": self.at_us,
            "actor": self.actor,
        }  # fmt: skip
        for name in _OPTIONAL_FIELDS:
            value = getattr(self, name)
            if value is not None:
                fields[name] = value
        if self.lots:
            fields["lots"] = [_move_fields(move) for move in self.lots]
        return fields

    def content(self) -> str:
        """`chain.canonical(self.fields())`, spelled out: it is made for every entry and costs a third of it."""
        label, reason, request_id = self.label, self.reason, self.request_id
        hold = self._hold_text() if self.hold_id is not None or self.hold_expires_at_us is not None else ""
        moves = f',"lots":[{",".join([_move_text(move) for move in self.lots])}]' if self.lots else ""
        return (
            f'{{"actor":{_quoted(self.actor)},"amount":{self.amount},"at_us":{self.at_us},'
            f'"held_after":{self.held_after},"held_delta":{self.held_delta}{hold},"id":{_quoted(self.id)},'
            f'"kind":"{self.kind}"{"" if label is None else _named("label", label)}{moves}{self._link_text()}'
            f"{'' if reason is None else _named('reason', reason)}"
            f"{'' if request_id is None else _named('request_id', request_id)}"
            f"{'' if self.reverses is None else _named('reverses', self.reverses)}"
            f',"settled_after":{self.settled_after},"settled_delta":{self.settled_delta},'
            f'"unit":{_quoted(self.unit)},"user_id":{_quoted(self.user_id)}'
            f'{"" if self.user_key is None else _named("user_key", self.user_key)},"version":{self.version}}}'
        )

    def _link_text(self) -> str:
        told = "" if self.metadata is None else _named("metadata", self.metadata)
        if self.origin is not None:
            told += _named("origin", self.origin)
        return told if self.peer is None else told + _named("peer", self.peer)

    def _hold_text(self) -> str:
        told = "" if self.hold_expires_at_us is None else f',"hold_expires_at_us":{self.hold_expires_at_us}'
        return told if self.hold_id is None else f'{told},"hold_id":{_quoted(self.hold_id)}'


make_entry = maker(Entry)


_OPTIONAL_FIELDS = (
    "reason", "label", "metadata", "user_key", "request_id", "reverses", "peer", "hold_id", "hold_expires_at_us",
    "origin",
)  # fmt: skip


def _named(name: str, value: str) -> str:
    return f',"{name}":{_quoted(value)}'


def _move_fields(move: LotMove) -> list[Any]:
    if move.terms is None:
        return [move.lot_id, move.delta]
    terms = move.terms
    return [move.lot_id, move.delta, terms.priority, terms.expires_at_us, terms.source]


def _move_text(move: LotMove) -> str:
    terms = move.terms
    if terms is None:
        return f"[{_quoted(move.lot_id)},{move.delta}]"
    expires = "null" if terms.expires_at_us is None else terms.expires_at_us
    source = "null" if terms.source is None else _quoted(terms.source)
    return f"[{_quoted(move.lot_id)},{move.delta},{terms.priority},{expires},{source}]"


@quick
@dataclass(frozen=True, slots=True)
class Past:
    """An entry that a reversal names, and what has become of it."""

    entry: Entry
    reversed_by: str | None = None


@dataclass(slots=True)
class Book:
    """The rows that a batch has locked. Decisions are applied to it one after the other.

    `users` are the known ones among those that the batch names; `holds` those that changes name, open or not; `past`
    the entries that reversals name, with their peers; `lots` those that the reversed entries moved, spent or not.
    `orders` those that changes name, `codes` the vouchers by the digest that was asked for, `welcomes` the vouchers
    that a new user is given. `redeemed` counts (scope, user), `listed` holds the pairs that a campaign's list allows.
    """

    users: set[str] = field(default_factory=set)
    accounts: dict[AccountKey, Account] = field(default_factory=dict)
    holds: dict[str, HoldRow] = field(default_factory=dict)
    past: dict[str, Past] = field(default_factory=dict)
    lots: dict[str, Lot] = field(default_factory=dict)
    orders: dict[str, OrderRow] = field(default_factory=dict)
    vouchers: dict[str, Voucher] = field(default_factory=dict)
    codes: dict[str, str] = field(default_factory=dict)
    welcomes: tuple[str, ...] = ()
    redeemed: dict[tuple[str, str], int] = field(default_factory=dict)
    listed: set[tuple[str, str]] = field(default_factory=set)

    def account(self, user_id: str, unit: str) -> Account:
        """The account, or an empty one where this user has none yet."""
        return self.accounts.get((user_id, unit)) or Account(user_id, unit)

    def apply(self, decision: Decision) -> None:
        """Make the decision's rows the current ones."""
        for account in decision.accounts:
            self.accounts[account.user_id, account.unit] = account
            self.users.add(account.user_id)
        for hold in decision.holds:
            self.holds[hold.id] = hold
        for lot in decision.lots:
            self.lots[lot.id] = lot
        for order in decision.orders:
            self.orders[order.id] = order
            if order.state == "fulfilled":
                # Whoever refunds it in the same batch names the order, and cannot have named this entry.
                self.past[decision.primary.id] = Past(decision.primary)
        for redemption in decision.redemptions:
            voucher = self.vouchers[redemption.voucher_id]
            self.vouchers[voucher.id] = replace(voucher, redemptions=redemption.turn)
            self.redeemed[redemption.scope, redemption.user_id] = redemption.user_turn
        for entry in decision.entries:
            if entry.reverses is not None and entry.reverses in self.past:
                self.past[entry.reverses] = replace(self.past[entry.reverses], reversed_by=entry.id)


@quick
@dataclass(frozen=True, slots=True)
class Decision:
    """An accepted change: its entries in the order of writing, and every row as it is afterwards.

    `primary` is the entry that answers the caller, on the account that `accounts` begins with.
    """

    primary: Entry
    entries: tuple[Entry, ...]
    accounts: tuple[Account, ...]
    holds: tuple[HoldRow, ...] = ()
    lots: tuple[Lot, ...] = ()
    orders: tuple[OrderRow, ...] = ()
    redemptions: tuple[Redemption, ...] = ()


make_decision = maker(Decision)


class EntryMark(NamedTuple):
    """Which entry it is, and of which version: all that is told of one that another node has made."""

    id: str
    user_id: str
    unit: str
    version: int


AnyEntry = Entry | EntryMark


@dataclass(frozen=True, slots=True)
class Refusal:
    """A change answered with a reason. `sticks` says whether its idempotency key remembers the answer."""

    code: str
    detail: str
    extra: Mapping[str, Any] = field(default_factory=dict)
    sticks: bool = True


@quick
@dataclass(frozen=True, slots=True)
class Cause:
    """The entry that brought an account to its version, as far as its user may see it."""

    entry: str
    kind: str
    amount: int
    label: str | None


@quick
@dataclass(frozen=True, slots=True)
class AccountState:
    """The whole current state of an account: what is read, pushed and compared. Version 0 = no entry yet.

    `keys` are the user's own last ≤ 16 (idempotency key, version) pairs, oldest first; `receipt` asks the screens to
    tell at once that they painted it. `low` says that `credits` is at or below the account's or the unit's threshold.
    """

    user_id: str
    unit: str
    version: int = 0
    settled: int = 0
    held: int = 0
    floor: int | None = 0
    frozen: bool = False
    changed_at_us: int | None = None
    cause: Cause | None = None
    next_expiry_us: int | None = None
    next_expiry_amount: int = 0
    keys: tuple[tuple[str, int], ...] = ()
    receipt: bool = False
    low: bool = False

    @property
    def available(self) -> int:
        """Settled credits that are not held."""
        return self.settled - self.held

    @property
    def credits(self) -> int:
        """The number that people see: `available`."""
        return self.settled - self.held
