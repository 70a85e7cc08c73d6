"""What the shop's routes take and answer, as pydantic models with examples; see `bodies` and `answers`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, JsonValue, StringConstraints

from livecredits.core.amounts import MAX_AMOUNT
from livecredits.credits.shop_asked import CODES_MOST, LISTED_MOST, VALIDITY_S_MOST
from livecredits.http.answers import Moment, PageShape
from livecredits.http.bodies import (
    Amount,
    Asked,
    Credits,
    Email,
    Format,
    Label,
    Metadata,
    Model,
    PageQuery,
    Reason,
    Time,
    UnitName,
    UserId,
    example_of,
)
from livecredits.http.receipts import CountsShape

_AT = "2026-11-23T05:36:21.123456Z"
_PACKAGE_ID = "pkg_019d1f7e5b2a7c3f8e0a1b2c3d4e5f65"
_ORDER_ID = "ord_019d1f7e5b2a7c3f8e0a1b2c3d4e5f66"
_CAMPAIGN_ID = "cmp_019d1f7e5b2a7c3f8e0a1b2c3d4e5f67"
_VOUCHER_ID = "vch_019d1f7e5b2a7c3f8e0a1b2c3d4e5f68"
_ENTRY = "ent_019d1f7e5b2a7c3f8e0a1b2c3d4e5f60"
_CODE = "SUMMER-7K2M-9QXA-04TZ-HHN3-W"
"""How a generated code looks; its check symbol is made up."""

Name = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00]*\S[^\x00]*$")]
Line = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]
Text = Annotated[str, StringConstraints(min_length=1, max_length=1_000, pattern=r"^[^\x00]*$")]
Validity = Annotated[int, Field(ge=1, le=VALIDITY_S_MOST)]
Times = Annotated[int, Field(ge=1, le=MAX_AMOUNT)]
Code = Annotated[str, StringConstraints(min_length=1, max_length=64)]
OrderState = Literal["pending", "fulfilled", "cancelled", "refunded"]
VoucherState = Literal["upcoming", "open", "used", "expired", "revoked"]


# --- packages ------------------------------------------------------------------------------------------------------


class PackageBody(Model):
    """What can be ordered."""

    model_config = example_of({"name": "100 credits", "credits": 100, "price_minor": 900, "currency": "EUR"})
    name: Name
    credits: Amount
    unit: UnitName = "credits"
    price_minor: Annotated[int, Field(ge=0, le=MAX_AMOUNT)] = Field(
        description="In the currency's smallest part (ISO 4217): 900 EUR cents are 9 EUR."
    )
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
    validity_s: Validity | None = Field(
        default=None, description="How many seconds the credits last after fulfilment; null for ever."
    )
    active: bool = Field(default=True, description="Whether it can be ordered.")
    position: int = Field(default=0, ge=-1_000_000, le=1_000_000, description="Low numbers stand first.")
    description: Annotated[str, StringConstraints(max_length=2_000, pattern=r"^[^\x00]*$")] | None = None
    reason: Reason | None = Field(default=None, description="Why, for the audit trail.")


_PACKAGE = {
    "id": _PACKAGE_ID, "name": "100 credits", "credits": 100, "unit": "credits", "price_minor": 900, "currency": "EUR",
    "validity_s": None,
}  # fmt: skip


class PackageSnapshot(Model):
    """A package as it was ordered."""

    model_config = example_of(_PACKAGE)
    id: str
    name: str
    credits: Credits
    unit: str
    price_minor: int
    currency: str
    validity_s: int | None


class PackageShape(PackageSnapshot):
    """A package."""

    model_config = example_of(
        {**_PACKAGE, "active": True, "position": 0, "description": None, "created_at": _AT, "updated_at": _AT}
    )
    active: bool
    position: int
    description: str | None
    created_at: Moment
    updated_at: Moment


class PackagesAnswer(Model):
    """Packages in their order of display."""

    model_config = example_of({"items": []})
    items: list[PackageShape]


# --- orders --------------------------------------------------------------------------------------------------------


class BillingBody(Model):
    """Whom to bill."""

    model_config = example_of({"organisation": "Analytical Engines Ltd", "purchaser": "Ada Lovelace"})
    organisation: Text | None = None
    purchaser: Text | None = None
    address: Text | None = None
    email: Email | None = None


class ShownBody(Model):
    """What the buyer saw of the package; only what is given is compared. A whole package will do."""

    model_config = ConfigDict(
        **example_of({"credits": 100, "price_minor": 900, "currency": "EUR"}) | {"extra": "ignore"}
    )
    credits: Amount = 1
    unit: UnitName = "credits"
    price_minor: Annotated[int, Field(ge=0, le=MAX_AMOUNT)] = 0
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")] = "EUR"
    validity_s: Validity | None = None


class OrderBody(Model):
    """Which package, and for whom the bill is."""

    model_config = example_of(
        {
            "package_id": _PACKAGE_ID,
            "billing": {"organisation": "Analytical Engines Ltd"},
            "purchase_reference": "PO-7",
        }
    )
    package_id: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    billing: BillingBody | None = None
    purchase_reference: Line | None = None
    metadata: Metadata | None = None
    shown: ShownBody | None = Field(
        default=None,
        description="What was shown: where the package is another by now, nothing is ordered (409).",
    )


class OrderShape(Model):
    """An order. Who fulfilled, cancelled or refunded it, and notes, are for operators and services only."""

    model_config = example_of({
        "id": _ORDER_ID, "user_id": "ada", "package": _PACKAGE, "state": "pending", "billing": None,
        "purchase_reference": "PO-7", "metadata": None, "created_at": _AT, "fulfilled_at": None, "cancelled_at": None,
        "cancel_reason": None, "refunded_at": None, "entry": None, "refund_entry": None,
    })  # fmt: skip
    id: str
    user_id: str
    package: PackageSnapshot
    state: OrderState
    billing: dict[str, str] | None
    purchase_reference: str | None
    metadata: dict[str, JsonValue] | None
    created_at: Moment
    fulfilled_at: Moment | None
    cancelled_at: Moment | None
    cancel_reason: str | None
    refunded_at: Moment | None
    entry: str | None
    refund_entry: str | None
    created_by: str | None = None
    fulfilled_by: str | None = None
    claimed_by: str | None = None
    note: str | None = None
    cancelled_by: str | None = None
    refunded_by: str | None = None
    refund_reason: str | None = None


class OrderStatusAnswer(OrderShape):
    """An order that was given a state, and on how many screens its credits were seen."""

    model_config = OrderShape.model_config
    receipts: CountsShape | None = Field(
        default=None,
        description="With `wait=shown`, where credits have moved: on how many screens it was seen.",
    )


class OrdersPage(PageShape):
    """Orders, newest first."""

    model_config = example_of({"items": [], "next": None, "previous": None})
    items: list[OrderShape]


class OwnOrdersQuery(PageQuery):
    """Which of the own orders, and in which form."""

    state: OrderState | None = None
    format: Format = "json"


class OrdersQuery(PageQuery):
    """Which orders, newest first."""

    state: OrderState | None = None
    q: str | None = Field(
        default=None, max_length=200, description="Part of an id, a user, a reference or a bill."
    )
    user: str | None = Field(default=None, max_length=128)
    since: Time | None = None
    until: Time | None = None


class CancelBody(Model):
    """Why an order is taken back."""

    model_config = example_of({"reason": "ordered twice"})
    reason: Reason | None = None


class AboutBody(Model):
    """What a change of the shop may say about itself."""

    reason: Reason | None = None
    label: Label | None = None
    metadata: Metadata | None = None
    receipt: bool = False


class FulfilBody(AboutBody):
    """That an order is done."""

    model_config = example_of({"fulfilled_by": "accounting", "note": "paid by transfer"})
    fulfilled_by: Line | None = Field(
        default=None, description="Whom you name; kept as a claim beside the credential."
    )
    note: Text | None = Field(default=None, description="For operators.")


class OrderStatusBody(AboutBody):
    """The state that an order is to have."""

    model_config = example_of({"state": "cancelled", "reason": "never paid"})
    state: Literal["fulfilled", "cancelled"]
    fulfilled_by: Line | None = None
    note: Text | None = None


class RefundBody(AboutBody):
    """How an order is refunded."""

    model_config = example_of({"spent": "left", "reason": "returned"})
    spent: Literal["refuse", "left", "below_floor"] = Field(
        default="refuse",
        description="Where part of its credits is gone: refuse, take what is left of them, or go below the floor.",
    )


# --- vouchers ------------------------------------------------------------------------------------------------------


class RedeemBody(AboutBody):
    """A voucher's code."""

    model_config = example_of({"code": _CODE})
    code: Code


class RedeemForBody(RedeemBody):
    """A voucher's code, for a user of yours."""

    model_config = example_of({"code": _CODE, "address": "203.0.113.7"})
    address: Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[^\x00]*$")] | None = (
        Field(
            default=None,
            description="From where the user asks: wrong codes are limited by it. Yours does not count.",
        )
    )
    as_user: bool = Field(
        default=False,
        description="The key was made by this user's browser and stands among the user's own keys.",
    )


class OwnRedemptionsQuery(PageQuery):
    """Which of the own redemptions, and in which form."""

    format: Format = "json"


class RedemptionShape(Model):
    """One redemption, or a voucher that waits for the user. `campaign` and `address` are for operators and services."""

    model_config = example_of({
        "voucher": _VOUCHER_ID, "code": _CODE, "user_id": "ada", "unit": "credits", "amount": 25, "label": "Summer",
        "entry": _ENTRY, "redeemed_at": _AT, "expires_at": None, "welcome": False, "state": "redeemed",
    })  # fmt: skip
    voucher: str
    code: str
    user_id: str
    unit: str
    amount: Credits
    label: str | None
    entry: str | None
    redeemed_at: Moment | None
    expires_at: Moment | None = Field(
        description="When these credits end; of an open one until when it can be redeemed."
    )
    welcome: bool
    state: Literal["open", "redeemed"] = Field(description="`open` ones were made for this user alone.")
    campaign: str | None = None
    address: str | None = None


class RedemptionsPage(PageShape):
    """Redemptions, newest first."""

    model_config = example_of({"items": [], "next": None, "previous": None})
    items: list[RedemptionShape]


class NewVoucherBody(Model):
    """A single voucher."""

    model_config = example_of({"amount": 25, "expires_at": "2099-12-31T23:59:59Z"})
    amount: Amount
    unit: UnitName = "credits"
    user_id: UserId | None = Field(default=None, description="Nobody else may redeem it.")
    expires_at: Time | None = Field(default=None, description="Until when it can be redeemed.")
    code: Code | None = Field(
        default=None, description="4–15 capital letters and digits; generated where left out."
    )
    reason: Reason | None = Field(default=None, description="Why, for the audit trail.")


class VoucherBody(Model):
    """What is to be changed about an unused voucher; what is left out stays."""

    model_config = example_of({"amount": 30})
    amount: Amount = 1
    expires_at: Time | None = None
    reason: Reason | None = Field(default=None, description="Why, for the audit trail.")


class VoucherShape(Model):
    """A code as operators see it: a single one, or a campaign's."""

    model_config = example_of({
        "voucher": _VOUCHER_ID, "code": _CODE, "campaign": None, "amount": 25, "unit": "credits", "user_id": None,
        "expires_at": None, "max_redemptions": 1, "redemptions": 0, "state": "open", "redeemed_by": None,
        "redeemed_at": None, "created_by": "operator:op_7f3e", "created_at": _AT, "updated_at": _AT,
    })  # fmt: skip
    voucher: str
    code: str
    campaign: str | None
    amount: Credits
    unit: str
    user_id: str | None
    expires_at: Moment | None
    max_redemptions: int | None
    redemptions: int
    state: VoucherState
    redeemed_by: str | None
    redeemed_at: Moment | None
    created_by: str
    created_at: Moment
    updated_at: Moment


class VouchersPage(PageShape):
    """Vouchers."""

    model_config = example_of({"items": [], "next": None, "previous": None})
    items: list[VoucherShape]


class CodesQuery(PageQuery):
    """Which codes."""

    q: str | None = Field(default=None, max_length=64, description="A code, or part of one.")
    state: VoucherState | None = None


class VouchersQuery(CodesQuery):
    """Which vouchers, newest first."""

    user: str | None = Field(
        default=None, max_length=128, description="For whom they are, or who redeemed them."
    )


class CodesFileQuery(Asked):
    """Which codes of a campaign."""

    q: str | None = Field(default=None, max_length=64)
    state: VoucherState | None = None


# --- campaigns -----------------------------------------------------------------------------------------------------

Member = Annotated[str, Field(min_length=1, max_length=128)]


class CampaignBody(Model):
    """A campaign: `codes` generated ones, or one chosen `word`."""

    model_config = example_of(
        {
            "name": "Summer fair",
            "credits": 25,
            "codes": 100,
            "prefix": "SUMMER",
            "ends_at": "2099-08-31T22:00:00Z",
        }
    )
    name: Name
    credits: Amount = Field(description="What each redemption grants.")
    unit: UnitName = "credits"
    codes: Annotated[int, Field(ge=1, le=CODES_MOST)] | None = None
    word: Code | None = Field(default=None, description="4–15 capital letters and digits, such as WELCOME10.")
    prefix: Annotated[str, StringConstraints(max_length=12)] | None = None
    label: Label | None = Field(default=None, description="What users read in their history.")
    validity_s: Validity | None = Field(default=None, description="How long the credits last; null for ever.")
    starts_at: Time | None = None
    ends_at: Time | None = None
    max_per_code: Times | None = Field(
        default=None,
        description="How often one code pays; null without limit. Left out: 1, and no limit for a word.",
    )
    max_per_user: Times | None = Field(
        default=1, description="How often one user may redeem; null without limit."
    )
    allowed_users: Annotated[list[Member], Field(min_length=1, max_length=LISTED_MOST)] | None = None
    welcome: bool = Field(default=False, description="Give it to every new user at the first appearance.")
    reason: Reason | None = Field(default=None, description="Why, for the audit trail.")


class FunnelShape(Model):
    """How far a campaign has come."""

    model_config = example_of(
        {
            "codes": 100,
            "redeemed_codes": 40,
            "redemptions": 40,
            "credits_granted": 1_000,
            "revoked": 0,
            "open": 60,
        }
    )
    codes: int
    redeemed_codes: int
    redemptions: int
    credits_granted: int
    revoked: int
    open: int = Field(description="Codes that are neither revoked nor used up.")


class CampaignShape(Model):
    """A campaign."""

    model_config = example_of({
        "id": _CAMPAIGN_ID, "name": "Summer fair", "label": "Summer", "credits": 25, "unit": "credits",
        "validity_s": None, "starts_at": None, "ends_at": _AT, "max_per_code": 1, "max_per_user": 1, "prefix": "SUMMER",
        "word": None, "welcome": False, "codes": 100, "allowed_users": None, "created_by": "operator:op_7f3e",
        "created_at": _AT, "state": "running",
        "funnel": {
            "codes": 100, "redeemed_codes": 0, "redemptions": 0, "credits_granted": 0, "revoked": 0, "open": 100,
        },
    })  # fmt: skip
    id: str
    name: str
    label: str | None
    credits: Credits
    unit: str
    validity_s: int | None
    starts_at: Moment | None
    ends_at: Moment | None
    max_per_code: int | None
    max_per_user: int | None
    prefix: str | None
    word: str | None
    welcome: bool
    codes: int
    allowed_users: int | None = Field(description="How many users are on its list; null where there is none.")
    created_by: str
    created_at: Moment
    state: Literal["upcoming", "running", "used_up", "ended", "revoked"]
    funnel: FunnelShape


class CampaignsPage(PageShape):
    """Campaigns, newest first."""

    model_config = example_of({"items": [], "next": None, "previous": None})
    items: list[CampaignShape]


# --- people --------------------------------------------------------------------------------------------------------


class ErasedAnswer(Model):
    """That a person's data is gone; the entries stay."""

    model_config = example_of({"user_id": "ada", "erased": {"users": 1, "orders": 2}})
    user_id: str
    erased: dict[str, JsonValue] = Field(description="How many rows of each table were emptied.")
