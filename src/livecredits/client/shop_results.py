"""What the service answers about packages, orders, campaigns, vouchers and batches, as frozen types; see `results`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from livecredits.client.reading import Told


@dataclass(frozen=True, slots=True)
class Bought(Told):
    """A package as it was ordered. `price_minor` is in the currency's smallest part (ISO 4217)."""

    id: str
    name: str
    credits: int
    unit: str
    price_minor: int
    currency: str
    validity_s: int | None


@dataclass(frozen=True, slots=True)
class Package(Told):
    """What can be ordered; `validity_s` is how long its credits last, None for ever."""

    id: str
    name: str
    credits: int
    unit: str
    price_minor: int
    currency: str
    validity_s: int | None
    active: bool
    position: int
    description: str | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Billing(Told):
    """Whom to bill."""

    organisation: str | None = None
    purchaser: str | None = None
    address: str | None = None
    email: str | None = None


@dataclass(frozen=True, slots=True)
class Order(Told):
    """A user's order: `pending`, `fulfilled`, `cancelled` or `refunded`."""

    id: str
    user_id: str
    package: Bought
    state: str
    billing: Billing | None
    purchase_reference: str | None
    metadata: Mapping[str, Any] | None
    created_at: datetime
    fulfilled_at: datetime | None
    cancelled_at: datetime | None
    cancel_reason: str | None
    refunded_at: datetime | None
    entry: str | None
    refund_entry: str | None
    created_by: str | None = None
    fulfilled_by: str | None = None
    claimed_by: str | None = None
    note: str | None = None
    cancelled_by: str | None = None
    refunded_by: str | None = None
    refund_reason: str | None = None


@dataclass(frozen=True, slots=True)
class Funnel(Told):
    """How far a campaign has come: codes that exist, that have paid, that can still pay."""

    codes: int
    redeemed_codes: int
    redemptions: int
    credits_granted: int
    revoked: int
    open: int = 0


@dataclass(frozen=True, slots=True)
class Campaign(Told):
    """A campaign. `codes` were asked for, `funnel.codes` exist; `allowed_users` counts its list, None for everybody."""

    id: str
    name: str
    label: str | None
    credits: int
    unit: str
    validity_s: int | None
    starts_at: datetime | None
    ends_at: datetime | None
    max_per_code: int | None
    max_per_user: int | None
    prefix: str | None
    word: str | None
    welcome: bool
    codes: int
    allowed_users: int | None
    created_by: str
    created_at: datetime
    state: str
    funnel: Funnel


@dataclass(frozen=True, slots=True)
class Voucher(Told):
    """A code, a single one or a campaign's; `redeemed_by` is its last redeemer."""

    voucher: str
    code: str
    campaign: str | None
    amount: int
    unit: str
    user_id: str | None
    expires_at: datetime | None
    max_redemptions: int | None
    redemptions: int
    state: str
    redeemed_by: str | None
    redeemed_at: datetime | None
    created_by: str
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Redemption(Told):
    """One of a user's redemptions; `expires_at` is when its credits end."""

    voucher: str
    code: str
    user_id: str
    unit: str
    amount: int
    label: str | None
    entry: str
    redeemed_at: datetime
    expires_at: datetime | None
    welcome: bool
    campaign: str | None = None
    address: str | None = None


# --- batches -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class BatchRow:
    """One change of a batch, as `Client.batch` takes it; the library's own `BatchRow` will do as well.

    `op` is adjust, set or grant; `amount` signed for adjust, the wanted credits for set, at least 1 for grant.
    """

    row: int
    user_id: str
    op: str
    amount: int
    unit: str = "credits"
    reason: str | None = None
    label: str | None = None
    expires_at: datetime | None = None
    key: str | None = None


@dataclass(frozen=True, slots=True)
class RowResult(Told):
    """What one row came to: `entry` where it was accepted (and no dry run), else `code` and `detail` of its refusal."""

    row: int
    user_id: str
    unit: str
    op: str
    amount: int
    ok: bool
    before: int | None
    after: int | None
    entry: str | None = None
    code: str | None = None
    detail: str | None = None
    reversed_by: str | None = None
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Total(Told):
    """What the accepted rows of a batch move, in one unit."""

    added: int
    taken: int
    net: int


@dataclass(frozen=True, slots=True)
class BatchResult(Told):
    """What a batch came to. `batch` is None where nothing was kept: a dry run, or an atomic one that was refused."""

    batch: str | None
    dry_run: bool
    atomic: bool
    state: str
    applied: int
    refused: int
    totals: Mapping[str, Total]
    rows: tuple[RowResult, ...]
    reason: str | None = None
    label: str | None = None
    actor: str | None = None
    created_at: datetime | None = None
    finished_at: datetime | None = None
    run: str | None = None
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class BatchHead(Told):
    """A batch in a list; `rows` is how many it has."""

    batch: str
    state: str
    atomic: bool
    rows: int
    reason: str | None
    label: str | None
    actor: str
    created_at: datetime
    finished_at: datetime | None
    run: str | None = None
