"""What operators and the host's backend do in the shop: packages, and the queue of orders."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from pydantic_core import from_json

from livecredits.core.changes import Fulfil, Redeem, Refund
from livecredits.errors import (
    AlreadyFulfilled,
    Forbidden,
    InsufficientCredits,
    NotFound,
    OrderClosed,
    OrderNotFulfilled,
    OrderSpent,
    OutcomeUnknown,
    OverOperatorLimit,
    PackageChanged,
    PackageOrdered,
    RateLimited,
    StorageFull,
)
from livecredits.http.answers import ChangeAnswer
from livecredits.http.bodies import ReasonQuery
from livecredits.http.changes import actor_of, apply, common, content_of, key_headers, key_of, require_reason
from livecredits.http.reading import page_reply
from livecredits.http.receipts import WaitQuery, waits
from livecredits.http.routing import Call, NoBody, NoQuery, Reply, Routes, as_json
from livecredits.http.rules import MOVED, SELLS, SERVES, SERVES_USERS, SHOWS
from livecredits.http.shop import REDEMPTION, WRITTEN, placed
from livecredits.http.shop_models import (
    FulfilBody,
    OrderBody,
    OrderShape,
    OrdersPage,
    OrdersQuery,
    OrderStatusAnswer,
    OrderStatusBody,
    PackageBody,
    PackagesAnswer,
    PackageShape,
    RedeemForBody,
    RefundBody,
)

routes = Routes("Shop")

KEPT = (OutcomeUnknown, StorageFull)
FULFIL = "/admin/credits/orders/{order_id}/fulfill"
FULFILMENT = (NotFound, AlreadyFulfilled, OrderClosed, OverOperatorLimit, *MOVED)


# --- for the host's own users --------------------------------------------------------------------------------------


@routes.add("POST", "/users/{user_id}/orders", rule=SERVES_USERS, body=OrderBody, result=OrderShape, status=201,
            keyed=True, refuses=(NotFound, PackageChanged, *WRITTEN))  # fmt: skip
async def place_order_for(call: Call[OrderBody, NoQuery]) -> Reply:
    """Order a package for a user, who is created if they are not known yet."""
    return await placed(call, call.params["user_id"], as_user=False)


@routes.add("POST", "/users/{user_id}/redeem", rule=SERVES_USERS, body=RedeemForBody,
            query=WaitQuery, result=ChangeAnswer, keyed=True,
            conditional=True, refuses=(*REDEMPTION, RateLimited))  # fmt: skip
async def redeem_for(call: Call[RedeemForBody, WaitQuery]) -> Reply:
    """Redeem a code for a user, who is created if they are not known yet.

    Wrong codes are limited for each user, and for the address that you name: yours stands for all of your users.
    """
    body, user_id = call.body, call.params["user_id"]
    change = Redeem(
        user_id=user_id, code=body.code, address=body.address,
        **common(call, audit="voucher.redeemed", owner=user_id),
    )  # fmt: skip
    return await apply(call, change)


# --- packages ------------------------------------------------------------------------------------------------------


@routes.add("GET", "/admin/credits/packages", rule=SHOWS, result=PackagesAnswer)
async def list_packages(call: Call[NoBody, NoQuery]) -> Reply:
    """All packages, those that cannot be ordered too."""
    packages = await call.services.credits.packages()
    return as_json({"items": [package.as_json() for package in packages]})


@routes.add("POST", "/admin/credits/packages", rule=SELLS, body=PackageBody, result=PackageShape, status=201,
            keyed=True, refuses=WRITTEN)  # fmt: skip
async def create_package(call: Call[PackageBody, NoQuery]) -> Reply:
    """Make a package."""
    require_reason(call, call.body.reason)
    key = key_of(call)
    package = await call.services.credits.put_package(
        None, **call.body.model_dump(), key=key, actor=actor_of(call)
    )
    return as_json(package.as_json(), status=201, headers=key_headers(key, replayed=package.replayed))


@routes.add("PUT", "/admin/credits/packages/{package_id}", rule=SELLS, body=PackageBody, result=PackageShape,
            refuses=(NotFound, *KEPT))  # fmt: skip
async def put_package(call: Call[PackageBody, NoQuery]) -> Reply:
    """Replace what stands in a package; orders keep theirs as it was."""
    require_reason(call, call.body.reason)
    package = await call.services.credits.put_package(
        call.params["package_id"], **call.body.model_dump(), actor=actor_of(call)
    )
    return as_json(package.as_json())


@routes.add("DELETE", "/admin/credits/packages/{package_id}", rule=SELLS, query=ReasonQuery, status=204,
            refuses=(NotFound, PackageOrdered, *KEPT))  # fmt: skip
async def delete_package(call: Call[NoBody, ReasonQuery]) -> Reply:
    """Remove a package that was never ordered. One that was can be made inactive."""
    reason = call.query.reason
    require_reason(call, reason)
    await call.services.credits.delete_package(call.params["package_id"], reason=reason, actor=actor_of(call))
    return Reply(status=204)


# --- orders --------------------------------------------------------------------------------------------------------


@routes.add("GET", "/admin/credits/orders", rule=SHOWS, query=OrdersQuery, result=OrdersPage)
async def list_orders(call: Call[NoBody, OrdersQuery]) -> Reply:
    """All orders, newest first: by state, user, time, or a part of what stands in them."""
    query = call.query
    page = await call.services.credits.orders(
        query.user, state=query.state, search=query.q, since=query.since, until=query.until, before=query.before,
        after=query.after, limit=query.limit,
    )  # fmt: skip
    return page_reply(page)


@routes.add("GET", "/admin/credits/orders/{order_id}", rule=SHOWS, result=OrderShape, refuses=(NotFound,))
async def read_order(call: Call[NoBody, NoQuery]) -> Reply:
    """One order."""
    order = await call.services.credits.order_of(call.params["order_id"])
    return as_json(order.as_json())


@routes.add("POST", FULFIL, rule=SERVES, body=FulfilBody, query=WaitQuery,
            result=ChangeAnswer, keyed=True, conditional=True, refuses=FULFILMENT)  # fmt: skip
async def fulfil_order(call: Call[FulfilBody, WaitQuery]) -> Reply:
    """Grant what an order has bought, once. A second fulfilment is told by whom and when the first one was."""
    return await apply(call, _fulfilment(call))


@routes.add("PATCH", FULFIL, rule=SERVES, body=FulfilBody, query=WaitQuery,
            result=ChangeAnswer, keyed=True, conditional=True, refuses=FULFILMENT)  # fmt: skip
async def patch_fulfilment(call: Call[FulfilBody, WaitQuery]) -> Reply:
    """The same as POST, for clients that speak so."""
    return await apply(call, _fulfilment(call))


def _fulfilment(call: Call[Any, Any]) -> Fulfil:
    """The change that three routes ask for; one key means the same fulfilment on each of them."""
    body = FulfilBody(**call.body.model_dump(exclude={"state"}))
    content = content_of("POST", FULFIL, call.params, body)
    return Fulfil(
        order_id=call.params["order_id"], fulfilled_by=body.fulfilled_by, note=body.note,
        **common(call, audit="order.fulfilled", content=content),
    )  # fmt: skip


@routes.add("PATCH", "/admin/credits/orders/{order_id}/status", rule=SERVES, body=OrderStatusBody, query=WaitQuery,
            result=OrderStatusAnswer, keyed=True, refuses=FULFILMENT)  # fmt: skip
async def put_order_status(call: Call[OrderStatusBody, WaitQuery]) -> Reply:
    """Fulfil an order, or cancel it while it is pending; the answer is the order.

    A cancellation changes no balance, so there is nothing to wait for.
    """
    if call.body.state == "fulfilled":
        told = await apply(call, _fulfilment(call))
        if told.status != HTTPStatus.OK:
            return told
        order = await call.services.credits.order_of(call.params["order_id"])
        seen = {"receipts": from_json(told.body)["receipts"]} if waits(call) else {}
        keys = [header for header in told.headers if header[0].startswith(b"idempotency-")]
        return as_json({**order.as_json(), **seen}, headers=keys)
    require_reason(call, call.body.reason)
    key = key_of(call)
    order = await call.services.credits.cancel_order(
        call.params["order_id"], reason=call.body.reason, key=key, actor=actor_of(call)
    )
    return as_json(order.as_json(), headers=key_headers(key, replayed=order.replayed))


@routes.add("POST", "/admin/credits/orders/{order_id}/refund", rule=SELLS, body=RefundBody,
            query=WaitQuery, result=ChangeAnswer, keyed=True, conditional=True,
            refuses=(NotFound, InsufficientCredits, OrderNotFulfilled, OrderClosed, OrderSpent, OverOperatorLimit,
                     *MOVED))  # fmt: skip
async def refund_order(call: Call[RefundBody, WaitQuery]) -> Reply:
    """Take back what a fulfilled order granted, once.

    Where part of it is spent, `spent` says what is to happen: refuse, take exactly what is left, or go below the floor.
    """
    body = call.body
    if body.spent == "below_floor" and not call.principal.may_go_below_floor():
        raise Forbidden("This principal may not let a balance pass its floor.")
    change = Refund(
        order_id=call.params["order_id"], spent=body.spent, **common(call, audit="order.refunded")
    )
    return await apply(call, change)
