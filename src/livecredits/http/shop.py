"""What a user's own screens do in the shop, with a screen token: order a package, redeem a voucher, see both."""

from __future__ import annotations

from livecredits.core.changes import Redeem
from livecredits.errors import (
    AccountFrozen,
    AlreadyFulfilled,
    AlreadyRedeemed,
    KeyReused,
    NotFound,
    OrderClosed,
    OutcomeUnknown,
    StorageFull,
    VoucherExpired,
    VoucherNotYetValid,
    VoucherRevoked,
    VoucherUsed,
    WrongCheckSymbol,
)
from livecredits.http.answers import ChangeAnswer
from livecredits.http.bodies import PageQuery
from livecredits.http.changes import actor_of, apply, common, key_of
from livecredits.http.reading import page_reply
from livecredits.http.routing import OWN_ACCOUNT, Call, NoBody, NoQuery, Reply, Routes, as_json
from livecredits.http.rules import MOVED
from livecredits.http.shop_models import (
    CancelBody,
    OrderBody,
    OrderShape,
    OrdersPage,
    OwnOrdersQuery,
    PackagesAnswer,
    RedeemBody,
    RedemptionsPage,
)
from livecredits.storage.shop_views import Billing

routes = Routes("User")

WRITTEN = (KeyReused, OutcomeUnknown, StorageFull)
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


@routes.add("GET", "/credits/orders", rule=OWN_ACCOUNT, query=OwnOrdersQuery, result=OrdersPage)
async def own_orders(call: Call[NoBody, OwnOrdersQuery]) -> Reply:
    """The own orders, newest first."""
    query = call.query
    page = await call.services.credits.orders(
        call.principal.id, state=query.state, before=query.before, after=query.after, limit=query.limit, audience="user"
    )  # fmt: skip
    return page_reply(page)


@routes.add("POST", "/credits/orders", rule=OWN_ACCOUNT, body=OrderBody, result=OrderShape, status=201, keyed=True,
            refuses=(NotFound, *WRITTEN))  # fmt: skip
async def place_order(call: Call[OrderBody, NoQuery]) -> Reply:
    """Order a package. The order keeps the package as it is now; its credits come when it is fulfilled."""
    body, user_id, key = call.body, call.principal.id, key_of(call)
    order = await call.services.credits.order(
        user_id, body.package_id,
        billing=None if body.billing is None else Billing(**body.billing.model_dump()),
        purchase_reference=body.purchase_reference, metadata=body.metadata, key=key, as_user=True,
        actor=actor_of(call),
    )  # fmt: skip
    return as_json(order.as_json(), status=201, headers=[(b"idempotency-key", key.encode())])


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
    return as_json(order.as_json(), headers=[(b"idempotency-key", key.encode())])


@routes.add("POST", "/credits/vouchers/redeem", rule=OWN_ACCOUNT, body=RedeemBody, result=ChangeAnswer, keyed=True,
            conditional=True, refuses=REDEMPTION)  # fmt: skip
async def redeem(call: Call[RedeemBody, NoQuery]) -> Reply:
    """Take what a voucher pays.

    A typing error is told by the check symbol (422) before anything is looked up. Wrong codes are limited for each
    user and each address (429); that locks nobody else out.
    """
    user_id = call.principal.id
    change = Redeem(user_id=user_id, code=call.body.code, **common(call, audit="voucher.redeemed"))
    return await apply(call, change)


@routes.add("GET", "/credits/vouchers", rule=OWN_ACCOUNT, query=PageQuery, result=RedemptionsPage)
async def own_redemptions(call: Call[NoBody, PageQuery]) -> Reply:
    """The own redemptions, newest first."""
    query = call.query
    page = await call.services.credits.redemptions(
        call.principal.id, before=query.before, after=query.after, limit=query.limit, audience="user"
    )
    return page_reply(page)
