"""What reading the shop answers: packages, orders, campaigns, codes and redemptions, as frozen values.

Promises: every `as_json` gives the shape of the HTTP interface, times as RFC 3339, amounts and prices as whole numbers;
what is for operators' eyes is left out where `for_user` says so. Must not know how anything is read.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from livecredits.core.vouchers import masked
from livecredits.storage.answers import rfc3339

_PAYING = ("upcoming", "open", "running")
"""States of vouchers and campaigns whose codes can pay, or will."""


def _when(at_us: int | None) -> str | None:
    return None if at_us is None else rfc3339(at_us)


@dataclass(frozen=True, slots=True)
class Package:
    """What can be ordered. `price_minor` is in the currency's smallest part (ISO 4217); `validity_s` None: for ever."""

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
    created_at_us: int
    updated_at_us: int
    replayed: bool = False
    """A former request with this key had made it already."""

    def as_json(self) -> dict[str, Any]:
        """The package by field."""
        return {
            "id": self.id, "name": self.name, "credits": self.credits, "unit": self.unit,
            "price_minor": self.price_minor, "currency": self.currency, "validity_s": self.validity_s,
            "active": self.active, "position": self.position, "description": self.description,
            "created_at": rfc3339(self.created_at_us), "updated_at": rfc3339(self.updated_at_us),
        }  # fmt: skip

    def snapshot(self) -> dict[str, Any]:
        """What an order keeps of it."""
        names = ("id", "name", "credits", "unit", "price_minor", "currency", "validity_s")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True, slots=True, kw_only=True)
class Billing:
    """Whom to bill. Personal data: it goes when the person is erased, and the order stays."""

    organisation: str | None = None
    purchaser: str | None = None
    address: str | None = None
    email: str | None = None

    def as_json(self) -> dict[str, Any]:
        """The fields that are filled in, by name."""
        return {name: value for name, value in asdict(self).items() if value is not None}


@dataclass(frozen=True, slots=True)
class Order:
    """A user's order; `package` is the package as it was ordered, `billing` and `metadata` are JSON text."""

    id: str
    user_id: str
    package: Mapping[str, Any]
    state: str
    billing: Mapping[str, Any] | None
    purchase_reference: str | None
    metadata: str | None
    created_by: str
    created_at_us: int
    entry_id: str | None
    fulfilled_at_us: int | None
    fulfilled_by: str | None
    claimed_by: str | None
    note: str | None
    cancelled_at_us: int | None
    cancelled_by: str | None
    cancel_reason: str | None
    refund_entry_id: str | None
    refunded_at_us: int | None
    refunded_by: str | None
    refund_reason: str | None
    for_user: bool = False
    replayed: bool = field(default=False, compare=False)
    """Whether a former request with the same key had done it already."""

    def as_json(self) -> dict[str, Any]:
        """The order by field; a user is not told who in the house did what, nor the note."""
        body: dict[str, Any] = {
            "id": self.id, "user_id": self.user_id, "package": dict(self.package), "state": self.state,
            "billing": None if self.billing is None else dict(self.billing),
            "purchase_reference": self.purchase_reference,
            "metadata": None if self.metadata is None else json.loads(self.metadata),
            "created_at": rfc3339(self.created_at_us), "fulfilled_at": _when(self.fulfilled_at_us),
            "cancelled_at": _when(self.cancelled_at_us), "cancel_reason": self.cancel_reason,
            "refunded_at": _when(self.refunded_at_us), "entry": self.entry_id,
            "refund_entry": self.refund_entry_id,
        }  # fmt: skip
        if not self.for_user:
            body |= {
                "created_by": self.created_by, "fulfilled_by": self.fulfilled_by, "claimed_by": self.claimed_by,
                "note": self.note, "cancelled_by": self.cancelled_by, "refunded_by": self.refunded_by,
                "refund_reason": self.refund_reason,
            }  # fmt: skip
        return body


@dataclass(frozen=True, slots=True)
class Funnel:
    """How far a campaign has come. `codes` are made, `redeemed_codes` have paid at least once, `open` can still pay."""

    codes: int = 0
    redeemed_codes: int = 0
    redemptions: int = 0
    credits_granted: int = 0
    revoked: int = 0
    open: int = 0

    def as_json(self) -> dict[str, int]:
        """The numbers by name."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Campaign:
    """A campaign and how far it has come. `codes` were asked for; `funnel.codes` exist already."""

    id: str
    name: str
    label: str | None
    credits: int
    unit: str
    validity_s: int | None
    starts_at_us: int | None
    ends_at_us: int | None
    max_per_code: int | None
    max_per_user: int | None
    prefix: str | None
    word: str | None
    welcome: bool
    codes: int
    allowed_users: int | None
    created_by: str
    created_at_us: int
    state: str
    funnel: Funnel
    replayed: bool = field(default=False, compare=False)
    """Whether a former request with the same key had done it already."""

    def masked(self) -> Campaign:
        """The campaign for whoever may not redeem its word."""
        is_open = self.word is not None and self.state in _PAYING
        return replace(self, word=masked(self.word or "")) if is_open else self

    def as_json(self) -> dict[str, Any]:
        """The campaign by field; `state` is `upcoming`, `running`, `used_up`, `ended` or `revoked`."""
        return {
            "id": self.id, "name": self.name, "label": self.label, "credits": self.credits, "unit": self.unit,
            "validity_s": self.validity_s, "starts_at": _when(self.starts_at_us), "ends_at": _when(self.ends_at_us),
            "max_per_code": self.max_per_code, "max_per_user": self.max_per_user, "prefix": self.prefix,
            "word": self.word, "welcome": self.welcome, "codes": self.codes, "allowed_users": self.allowed_users,
            "created_by": self.created_by, "created_at": rfc3339(self.created_at_us), "state": self.state,
            "funnel": self.funnel.as_json(),
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class VoucherView:
    """A code as operators see it, a single one or a campaign's; `redeemed_by` is its last redeemer."""

    voucher: str
    code: str
    campaign_id: str | None
    amount: int
    unit: str
    user_id: str | None
    expires_at_us: int | None
    max_redemptions: int | None
    redemptions: int
    state: str
    redeemed_by: str | None
    redeemed_at_us: int | None
    created_by: str
    created_at_us: int
    updated_at_us: int
    replayed: bool = field(default=False, compare=False)
    """Whether a former request with the same key had done it already."""

    def masked(self) -> VoucherView:
        """The voucher for whoever may not redeem it: a code that can still pay is not told."""
        return replace(self, code=masked(self.code)) if self.state in _PAYING else self

    def as_json(self) -> dict[str, Any]:
        """The voucher by field; `state` is `upcoming`, `open`, `used`, `expired` or `revoked`."""
        return {
            "voucher": self.voucher, "code": self.code, "campaign": self.campaign_id, "amount": self.amount,
            "unit": self.unit, "user_id": self.user_id, "expires_at": _when(self.expires_at_us),
            "max_redemptions": self.max_redemptions, "redemptions": self.redemptions, "state": self.state,
            "redeemed_by": self.redeemed_by, "redeemed_at": _when(self.redeemed_at_us),
            "created_by": self.created_by, "created_at": rfc3339(self.created_at_us),
            "updated_at": rfc3339(self.updated_at_us),
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class RedemptionView:
    """One of a user's redemptions; without `entry` and `at_us` a voucher that waits for this user alone."""

    voucher: str
    code: str
    user_id: str
    unit: str
    amount: int
    label: str | None
    entry: str | None
    at_us: int | None
    expires_at_us: int | None
    welcome: bool
    campaign_id: str | None
    address: str | None
    for_user: bool = False

    def masked(self) -> RedemptionView:
        """The redemption for whoever may not redeem its code, which may pay others still."""
        return replace(self, code=masked(self.code))

    def as_json(self) -> dict[str, Any]:
        """The redemption by field; `address` is for operators alone.

        `expires_at` is when the credits end, and of a voucher that is `open` until when it can be redeemed.
        """
        body: dict[str, Any] = {
            "voucher": self.voucher, "code": self.code, "user_id": self.user_id, "unit": self.unit,
            "amount": self.amount, "label": self.label, "entry": self.entry, "redeemed_at": _when(self.at_us),
            "expires_at": _when(self.expires_at_us), "welcome": self.welcome,
            "state": "open" if self.entry is None else "redeemed",
        }  # fmt: skip
        if not self.for_user:
            body |= {"campaign": self.campaign_id, "address": self.address}
        return body
