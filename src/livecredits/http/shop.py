"""What a user's own screens do in the shop, with a screen token: order a package, redeem a voucher, see both."""

from __future__ import annotations

from functools import partial

from livecredits.core.changes import Redeem
from livecredits.errors import (
    AccountFrozen,
    AlreadyFulfilled,
    AlreadyRedeemed,
    KeyReused,
    NotFound,
    OrderClosed,
    OutcomeUnknown,
    PackageChanged,
    StorageFull,
    VoucherExpired,
    VoucherNotYetValid,
    VoucherRevoked,
    VoucherUsed,
    WrongCheckSymbol,
)
from livecredits.http.answers import ChangeAnswer
from livecredits.http.changes import actor_of, apply, common, key_headers, key_of
from livecredits.http.reading import listed
from livecredits.http.receipts import WaitQuery
from livecredits.http.routing import OWN_ACCOUNT, Answer, Call, NoBody, NoQuery, Reply, Routes, as_json
from livecredits.http.rules import EXPORTS, MOVED
from livecredits.http.shop_models import (
    CancelBody,
    OrderBody,
    OrderShape,
    OrdersPage,
    OwnOrdersQuery,
    OwnRedemptionsQuery,
    PackagesAnswer,
    RedeemBody,
    RedemptionsPage,
)
from livecredits.storage.shop_views import Billing

routes = Routes("User")

WRITTEN = (KeyReused, OutcomeUnknown, StorageFull)
ORDER_COLUMNS = (
    "id", "created_at", "state", "package.name", "package.credits", "package.unit", "package.price_minor",
    "package.currency", "purchase_reference", "billing.organisation", "billing.purchaser", "billing.address",
    "billing.email", "fulfilled_at", "cancelled_at", "cancel_reason", "refunded_at", "entry", "refund_entry",
)  # fmt: skip
REDEMPTION_COLUMNS = (
    "voucher", "code", "amount", "unit", "label", "redeemed_at", "expires_at", "welcome", "entry", "state",
)  # fmt: skip
REDEMPTION = (
    NotFound, AccountFrozen, VoucherUsed, AlreadyRedeemed, VoucherNotYetValid, VoucherExpired, VoucherRevoked,
    WrongCheckSymbol, *MOVED,
)  # fmt: skip
"""How a redemption can be refused."""


@routes.add("GET", "/credits/packages", rule=OWN_ACCOUNT, result=PackagesAnswer)
async def own_packages(call: Call[NoBody, NoQuery]) -> Reply:
    """What can be ordered, in the order of display."""
    packages = await call.services.credits.packages(active_only=True)
    return as_json({"items": [package.as_json() for package in packages]})


@routes.add("GET", "/credits/orders", rule=OWN_ACCOUNT, query=OwnOrdersQuery, result=OrdersPage,
            media_types=EXPORTS)  # fmt: skip
async def own_orders(call: Call[NoBody, OwnOrdersQuery]) -> Answer:
    """The own orders, newest first; as CSV or NDJSON with all pages."""
    read = partial(call.services.credits.orders, call.principal.id, state=call.query.state, audience="user")
    return await listed(call, "orders", ORDER_COLUMNS, read)


@routes.add("POST", "/credits/orders", rule=OWN_ACCOUNT, body=OrderBody, result=OrderShape, status=201, keyed=True,
            refuses=(NotFound, PackageChanged, *WRITTEN))  # fmt: skip
async def place_order(call: Call[OrderBody, NoQuery]) -> Reply:
    """Order a package. The order keeps the package as it is now; its credits come when it is fulfilled."""
    return await placed(call, call.principal.id, as_user=True)


async def placed(call: Call[OrderBody, NoQuery], user_id: str, *, as_user: bool) -> Reply:
    """Place an order; `as_user` says whose idempotency key it came with."""
    body, key = call.body, key_of(call)
    order = await call.services.credits.order(
        user_id, body.package_id,
        billing=None if body.billing is None else Billing(**body.billing.model_dump()),
        purchase_reference=body.purchase_reference, metadata=body.metadata, key=key, as_user=as_user,
        shown=None if body.shown is None else body.shown.model_dump(exclude_unset=True), actor=actor_of(call),
    )  # fmt: skip
    return as_json(order.as_json(), status=201, headers=key_headers(key, replayed=order.replayed))


@routes.add("POST", "/credits/orders/{order_id}/cancel", rule=OWN_ACCOUNT, body=CancelBody, result=OrderShape,
            keyed=True, refuses=(NotFound, AlreadyFulfilled, OrderClosed, *WRITTEN))  # fmt: skip
async def cancel_own_order(call: Call[CancelBody, NoQuery]) -> Reply:
    """Take an order back while it is pending."""
    key = key_of(call)
    order = await call.services.credits.cancel_order(
        call.params["order_id"],
        reason=call.body.reason,
        key=key,
        actor=actor_of(call),
        user_id=call.principal.id,
    )
    return as_json(order.as_json(), headers=key_headers(key, replayed=order.replayed))


@routes.add("POST", "/credits/vouchers/redeem", rule=OWN_ACCOUNT, body=RedeemBody,
            query=WaitQuery, result=ChangeAnswer, keyed=True, conditional=True, refuses=REDEMPTION)  # fmt: skip
async def redeem(call: Call[RedeemBody, WaitQuery]) -> Reply:
    """Take what a voucher pays.

    A typing error is told by the check symbol (422) before anything is looked up. Wrong codes are limited for each
    user and each address (429); that locks nobody else out.
    """
    user_id = call.principal.id
    change = Redeem(user_id=user_id, code=call.body.code, **common(call, audit="voucher.redeemed"))
    return await apply(call, change)


@routes.add("GET", "/credits/vouchers", rule=OWN_ACCOUNT, query=OwnRedemptionsQuery, result=RedemptionsPage,
            media_types=EXPORTS)  # fmt: skip
async def own_redemptions(call: Call[NoBody, OwnRedemptionsQuery]) -> Answer:
    """The own vouchers: those that wait, then redemptions, newest first; as CSV or NDJSON with all pages."""
    read = partial(call.services.credits.redemptions, call.principal.id, audience="user")
    return await listed(call, "vouchers", REDEMPTION_COLUMNS, read)
