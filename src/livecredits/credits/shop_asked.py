"""What is asked of the shop: the fields of packages and campaigns, the changes of orders and codes, and their ranges.

Promises: what a check lets pass can be stored as it is; whatever it does not is `Invalid` (422) and names its field.
Must not know of a database: whether a unit or a package exists is asked at the `desk`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from livecredits.core.amounts import bad_field, positive
from livecredits.core.changes import Fulfil, Redeem, Refund
from livecredits.core.vouchers import is_prefix, is_word
from livecredits.credits.asking import Common, check_user_id, common_fields

CODES_MOST = 100_000
LISTED_MOST = 100_000
VALIDITY_S_MOST = 100 * 366 * 86_400
ORDER_STATES = ("pending", "fulfilled", "cancelled", "refunded")
VOUCHER_STATES = ("upcoming", "open", "used", "expired", "revoked")
SHOWN = ("credits", "unit", "price_minor", "currency", "validity_s")
"""What a buyer decides by, and what an order may say that it was shown."""
CURRENCY = re.compile(r"[A-Z]{3}")


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedPackage:
    """The fields of a package, as `put_package` takes them."""

    name: str
    credits: int
    unit: str
    price_minor: int
    currency: str
    validity_s: int | None
    active: bool
    position: int
    description: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedCampaign:
    """The fields of a campaign, as `create_campaign` takes them."""

    name: str
    credits: int
    unit: str
    validity_s: int | None
    starts_at: datetime | None
    ends_at: datetime | None
    max_per_code: int | None
    max_per_user: int | None
    allowed_users: Collection[str] | None
    prefix: str | None
    codes: int | None
    word: str | None
    label: str | None
    welcome: bool


# --- changes -------------------------------------------------------------------------------------------------------


def fulfil_of(order_id: str, fulfilled_by: str | None, note: str | None, common: Common) -> Fulfil:
    """The change that fulfils an order; it leaves a row in the audit trail."""
    fields = common_fields("", common)
    return Fulfil(order_id=order_id, fulfilled_by=fulfilled_by, note=note, audit="order.fulfilled", **fields)


def refund_of(order_id: str, spent: Literal["refuse", "left", "below_floor"], common: Common) -> Refund:
    """The change that refunds an order; it leaves a row in the audit trail."""
    return Refund(order_id=order_id, spent=spent, audit="order.refunded", **common_fields("", common))


def redeem_of(user_id: str, code: str, address: str | None, common: Common) -> Redeem:
    """The change that redeems a code."""
    return Redeem(code=code, address=address, **common_fields(user_id, common))


# --- checks --------------------------------------------------------------------------------------------------------


def check_shown(shown: Mapping[str, Any] | None) -> None:
    """Refuse to compare what a package does not have."""
    for name, value in (shown or {}).items():
        if name not in SHOWN:
            raise bad_field("shown", f"may name {', '.join(SHOWN)}")
        if value is not None and not isinstance(value, int | str):
            raise bad_field(f"shown.{name}", "must be a whole number or text")


def check_flag(field: str, value: object) -> None:
    """Refuse what is neither true nor false."""
    if not isinstance(value, bool):
        raise bad_field(field, "must be true or false")


def check_state(state: str | None, states: Sequence[str]) -> None:
    """Refuse to look for a state that there is not."""
    if state is not None and state not in states:
        raise bad_field("state", f"must be one of {', '.join(states)}")


def check_codes(wanted: WantedCampaign) -> None:
    """Refuse a campaign that asks for both kinds of codes, or for none."""
    if (wanted.codes is None) == (wanted.word is None):
        raise bad_field("codes", "must be given, or a word, and not both")
    if wanted.codes is not None:
        positive("codes", wanted.codes, high=CODES_MOST)
    if wanted.word is not None and not is_word(wanted.word):
        raise bad_field("word", "must have 4–15 capital letters and digits")
    if wanted.prefix is not None and (wanted.word is not None or not is_prefix(wanted.prefix)):
        raise bad_field("prefix", "must have 1–12 capital letters and digits, and is for generated codes")


def checked_list(users: Collection[str] | None) -> list[str] | None:
    """The users who alone may redeem, each once and sorted; None for everybody."""
    if users is None:
        return None
    if isinstance(users, str) or not 1 <= len(users) <= LISTED_MOST:
        raise bad_field("allowed_users", f"must be a list of 1–{LISTED_MOST} users")
    for user_id in users:
        check_user_id("allowed_users", user_id)
    return sorted(set(users))
