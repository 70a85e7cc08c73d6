"""Orders: which step may follow which, and how much of a fulfilled one can be given back.

Promises: an order goes from pending to fulfilled or cancelled, from fulfilled to refunded, and no other way; whoever
comes second is told what the first one did. Must not know accounts or entries: `ledger` posts them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from livecredits.core.draft import Refuse
from livecredits.core.rows import Entry, OrderRow
from livecredits.core.wire import time_text

LABEL_MOST = 200
"""Characters of a label, as everywhere."""


def order_label(package_name: str) -> str:
    """What the user's history calls a fulfilment that nobody gave another label."""
    return f"Order · {package_name}"[:LABEL_MOST]


def require_pending(order: OrderRow, *, for_user: bool = False) -> None:
    """Refuse unless the order waits for its fulfilment.

    A fulfilled order tells who fulfilled it and when, since two operators may work on the same queue; its user is told
    when, and nothing of operators.
    """
    if order.state == "fulfilled":
        done, by = dict(done_by(order)), f" by {order.fulfilled_by}"
        if for_user:
            del done["fulfilled_by"]
            by = ""
        raise Refuse("already_fulfilled", f"The order was fulfilled{by}.", order=order.id, **done)
    if order.state != "pending":
        raise Refuse("order_closed", f"The order is {order.state}.", order=order.id, state=order.state)


def require_fulfilled(order: OrderRow) -> None:
    """Refuse unless there are credits of this order to take back."""
    if order.state == "pending":
        raise Refuse("order_not_fulfilled", "The order is not fulfilled; cancel it.", order=order.id)
    if order.state != "fulfilled":
        raise Refuse("order_closed", f"The order is {order.state}.", order=order.id, state=order.state)


def require_whole_refund(entry: Entry, amount: int | None, *, may_refund: bool) -> None:
    """Refuse to undo a fulfilment in part (its order would be called refunded), or for whoever may not refund."""
    if not may_refund:
        raise Refuse("forbidden", "To undo a fulfilment is a refund, and you may not refund.", sticks=False)
    if amount not in (None, entry.amount):
        raise Refuse(
            "not_reversible",
            "A fulfilment is not undone in part; refund the order, which can take what is left of it.",
            kind=entry.kind,
        )


def done_by(order: OrderRow) -> Mapping[str, Any]:
    """Who fulfilled an order, when, and which entry that left."""
    at_us = order.fulfilled_at_us
    return {
        "fulfilled_by": order.fulfilled_by,
        "fulfilled_at": None if at_us is None else time_text(at_us),
        "entry": order.entry_id,
    }


def refundable(order: OrderRow, left: int, spent: str) -> tuple[int, bool]:
    """How much to take back, and whether the floor does not bind it.

    Args:
        order: fulfilled.
        left: what is left, free, of the lot that the fulfilment made.
        spent: what to do where part is gone: `refuse`, take what is `left`, or go `below_floor`.
    """
    if spent == "below_floor":
        return order.credits, True
    if left == order.credits:
        return left, False
    if spent == "refuse" or not left:
        raise Refuse(
            "order_spent",
            f"{left} of {order.credits} are left of this order.",
            order=order.id,
            left=left,
            amount=order.credits,
        )
    return left, False
