"""What can be asked of the ledger: one frozen class for each kind of change, and who asks.

Promises nothing about whether a change is possible; `ledger.decide` says that. Amounts are checked for type and
range at the edges (`amounts`), before a change is made. Redemption and fulfilment are
grants that other rows gate.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from livecredits.core.lots import EVERGREEN, Terms
from livecredits.core.quick import maker, quick


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks. `id` is the operator's, the key's or the user's; `system` acts for time itself."""

    kind: Literal["service", "operator", "user", "system"]
    id: str
    name: str | None = None
    address: str | None = None
    request_id: str | None = None

    def __str__(self) -> str:
        return f"{self.kind}:{self.id}"


LIBRARY = Actor("service", "library")
SYSTEM = Actor("system", "time")
WELCOMER = Actor("system", "welcome")


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What every change carries; the subclasses say what is to happen.

    Attributes:
        user_id: whose account; empty where a hold, an entry or an order names it (`Capture`, `Reverse`, `Fulfil` …).
        unit: which of the user's accounts.
        key: the idempotency key, 1–255 characters.
        key_scope: whose key it is: `user:<id>`, `operator:<id>` or `service`.
        content: digest of what was asked; the same key with another content is refused.
        actor: who asks.
        reason: why, for operators' eyes.
        label: what the user may read about it.
        metadata: the caller's own facts, as canonical JSON text.
        receipt: whether screens are asked to tell at once that they painted it.
        audit: the action's name in the audit trail, if the change is to leave a row there.
        allow_below_floor: whether the floor does not bind this change.
        limit: the most credits that this actor may move in one change; None for no limit.
        if_version: refuse unless the account is still at this version; None to take it as it is.
    """

    user_id: str = ""
    unit: str = "credits"
    key: str | None = None
    key_scope: str = "service"
    content: str = ""
    actor: Actor = LIBRARY
    reason: str | None = None
    label: str | None = None
    metadata: str | None = None
    receipt: bool = False
    audit: str | None = None
    allow_below_floor: bool = False
    limit: int | None = None
    if_version: int | None = None


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class Adjust(Change):
    """Add `amount`, or take it where it is negative."""

    amount: int


make_adjust = maker(Adjust)


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class Set(Change):
    """Make the available credits equal to `credits`."""

    credits: int


make_set = maker(Set)


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class Grant(Change):
    """Add `amount` as a lot with its own terms."""

    amount: int
    terms: Terms = EVERGREEN


make_grant = maker(Grant)


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class Spend(Change):
    """Take `amount`."""

    amount: int


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class Hold(Change):
    """Set `amount` aside for `ttl_s` seconds."""

    amount: int
    ttl_s: int = 900


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class Capture(Change):
    """Spend what a hold has set aside: `amount` of it (all by default); the rest is released."""

    hold_id: str
    amount: int | None = None


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class Release(Change):
    """Give back what a hold has set aside."""

    hold_id: str


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class Reverse(Change):
    """Undo an entry: `amount` of it (all by default). Both sides of a transfer are undone together.

    To undo a fulfilment is to refund its order, which `may_refund` says that the asker may.
    """

    entry_id: str
    amount: int | None = None
    may_refund: bool = True


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer(Change):
    """Move `amount` to another user's account of the same unit; lots keep their terms."""

    to_user_id: str
    amount: int


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class Redeem(Change):
    """Take what a voucher pays. The voucher says of which unit.

    Attributes:
        code: what the user typed, or the symbols that were read from it.
        digest: under what the code is looked up; filled in where the change is checked.
        address: from where it was asked, for the operators.
    """

    code: str
    digest: str = ""
    address: str | None = None


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class Welcome(Change):
    """Give a new user the welcome vouchers that they have not had."""


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class Fulfil(Change):
    """Grant what a pending order has bought. `fulfilled_by` is the caller's claim; the actor is who did it."""

    order_id: str
    fulfilled_by: str | None = None
    note: str | None = None


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class Refund(Change):
    """Take back what a fulfilled order granted.

    Attributes:
        order_id: which order.
        spent: where part of its credits is gone: `refuse`, take what is `left`, or go `below_floor`.
    """

    order_id: str
    spent: Literal["refuse", "left", "below_floor"] = "refuse"


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class Settle(Change):
    """Post what time has brought about on this account, and nothing else; the scheduler's change."""
