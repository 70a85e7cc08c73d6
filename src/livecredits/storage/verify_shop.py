"""What `verify` asks of orders and vouchers: that they and the ledger's entries tell the same story.

Promises: an order is fulfilled exactly if one entry granted what it bought, to its user, at that moment; a redemption
stands exactly where an entry paid what its voucher promised; a voucher's count is the number of its redemptions. What
no entry covers (billing, a package's description, a code that nobody has redeemed) may be edited and is not noticed.
"""

from __future__ import annotations

_FULFILMENT = (
    "f.entry_id IS NOT DISTINCT FROM o.entry_id AND e.kind = 'fulfil' AND e.origin = o.id AND e.amount = o.credits "
    "AND e.at_us = o.fulfilled_at_us AND e.actor = o.fulfilled_by AND a.user_id = o.user_id AND a.unit = o.unit "
    "AND r.reversed_by IS NOT DISTINCT FROM o.refund_entry_id "
    "AND x.at_us IS NOT DISTINCT FROM o.refunded_at_us"
)
_REDEMPTION = (
    "e.kind = 'redeem' AND e.origin = r.voucher_id AND e.amount = r.amount AND e.at_us = r.at_us "
    "AND a.user_id = r.user_id AND r.scope = coalesce(v.campaign_id, v.id) "
    "AND a.unit = coalesce(v.unit, c.unit) AND r.amount = coalesce(v.amount, c.credits) "
    "AND r.turn BETWEEN 1 AND v.redemptions"
)

SHOP_STRAYS = (
    (
        "orders",
        (
            "SELECT o.id FROM orders AS o LEFT JOIN fulfilments AS f ON f.order_id = o.id "
            "LEFT JOIN entries AS e ON e.id = o.entry_id LEFT JOIN accounts AS a ON a.id = e.account_id "
            "LEFT JOIN reversals AS r ON r.entry_id = o.entry_id LEFT JOIN entries AS x ON x.id = r.reversed_by "
            f"WHERE o.state IN ('fulfilled', 'refunded') AND ({_FULFILMENT}) IS NOT TRUE"
        ),
        "is not what the entries of its fulfilment and refund say",
    ),
    (
        "orders",
        (
            "SELECT o.id FROM orders AS o LEFT JOIN fulfilments AS f ON f.order_id = o.id "
            "LEFT JOIN reversals AS r ON r.entry_id = o.entry_id "
            "WHERE (o.state IN ('fulfilled', 'refunded')) IS DISTINCT FROM (f.order_id IS NOT NULL) "
            "OR (o.state = 'refunded') IS DISTINCT FROM (r.entry_id IS NOT NULL) "
            "OR (o.state = 'cancelled') IS DISTINCT FROM (o.cancelled_at_us IS NOT NULL)"
        ),
        "is in another state than its entries say",
    ),
    (
        "fulfilments",
        "SELECT f.order_id FROM fulfilments AS f WHERE NOT EXISTS (SELECT 1 FROM orders AS o WHERE o.id = f.order_id)",
        "names an order that is missing",
    ),
    (
        "entries",
        (
            "SELECT e.id FROM entries AS e LEFT JOIN fulfilments AS f ON f.entry_id = e.id AND f.order_id = e.origin "
            "WHERE e.kind = 'fulfil' AND f.order_id IS NULL"
        ),
        "fulfils an order that does not know of it",
    ),
    (
        "redemptions",
        (
            "SELECT r.voucher_id || ' ' || r.turn FROM redemptions AS r LEFT JOIN vouchers AS v ON v.id = r.voucher_id "
            "LEFT JOIN campaigns AS c ON c.id = v.campaign_id LEFT JOIN entries AS e ON e.id = r.entry_id "
            f"LEFT JOIN accounts AS a ON a.id = e.account_id WHERE ({_REDEMPTION}) IS NOT TRUE"
        ),
        "is not what its entry and its voucher say",
    ),
    (
        "redemptions",
        (
            "SELECT scope || ' ' || user_id FROM redemptions GROUP BY scope, user_id "
            "HAVING min(user_turn) <> 1 OR max(user_turn) <> count(*)"
        ),
        "the user's turns have a gap",
    ),
    (
        "entries",
        (
            "SELECT e.id FROM entries AS e LEFT JOIN redemptions AS r ON r.entry_id = e.id "
            "WHERE e.kind = 'redeem' AND r.voucher_id IS NULL"
        ),
        "redeems a voucher that does not know of it",
    ),
    (
        "vouchers",
        (
            "SELECT v.id FROM vouchers AS v LEFT JOIN "
            "(SELECT voucher_id, count(*) AS redeemed FROM redemptions GROUP BY voucher_id) AS r "
            "ON r.voucher_id = v.id WHERE v.redemptions <> coalesce(r.redeemed, 0)"
        ),
        "counts other redemptions than there are",
    ),
)
"""Table, the rows, and what is wrong with them."""
