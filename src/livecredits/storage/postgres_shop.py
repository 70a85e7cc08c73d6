"""PostgreSQL: the writer's statements for orders and vouchers, in the same shapes as in `postgres`.

Promises: rows are locked in the order of their ids before any is read; an order moves on only from the state in which
it was decided, and a voucher's count only from the number that was read, whoever holds which lock.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from typing import Any, Protocol

from livecredits.core.rows import OrderRow, Voucher
from livecredits.storage import shapes
from livecredits.storage.postgres_pipe import Statement
from livecredits.storage.postgres_rows import TEXT, WHOLE, ArrayRows, each, inserting, texts
from livecredits.storage.spelling import in_postgresql
from livecredits.storage.store import Named, Raced, Rows

LOCK_ORDERS = (
    "SELECT o.id FROM orders AS o WHERE o.id = ANY (ARRAY(SELECT unnest($1::text[]) UNION "
    f"SELECT e.origin FROM unnest($2::text[]) AS j (id) {each('entries', 'e', 'id = j.id')} "
    "WHERE e.kind = 'fulfil')) ORDER BY o.id FOR NO KEY UPDATE"
)
"""Those that are named, and those that were fulfilled by the entries that are."""
LOCK_VOUCHERS = (
    "SELECT v.id FROM vouchers AS v WHERE v.id = ANY (ARRAY("
    f"SELECT v.id FROM unnest($1::text[]) AS j (digest) {each('vouchers', 'v', 'digest = j.digest')} UNION "
    f"SELECT v.id FROM campaigns AS c {each('vouchers', 'v', 'campaign_id = c.id')} WHERE c.welcome = 1 AND $2)) "
    "ORDER BY v.id FOR NO KEY UPDATE"
)
FIND_ORDERS = (
    f"SELECT {in_postgresql(shapes.ORDER)} FROM orders AS o WHERE o.id = ANY ($1::text[]) "
    "ORDER BY o.id FOR NO KEY UPDATE"
)
FIND_VOUCHERS = (
    f"SELECT v.digest, {shapes.VOUCHER} FROM unnest($1::text[]) AS j (digest) "
    f"{each('vouchers', 'v', 'digest = j.digest')} {each('campaigns', 'c', 'id = v.campaign_id', 'LEFT JOIN')}"
)
FIND_WELCOMES = (
    f"SELECT v.digest, {shapes.VOUCHER} FROM campaigns AS c "
    f"{each('vouchers', 'v', 'campaign_id = c.id AND revoked_at_us IS NULL')} WHERE c.welcome = 1 ORDER BY c.id"
)
FIND_REDEEMED = (
    "SELECT r.scope, r.user_id, max(r.user_turn) FROM unnest($1::text[], $2::text[]) AS j (scope, user_id) "
    f"{each('redemptions', 'r', 'scope = j.scope AND user_id = j.user_id')} GROUP BY r.scope, r.user_id"
)
FIND_LISTED = (
    "SELECT l.campaign_id, l.user_id FROM unnest($1::text[], $2::text[]) AS j (campaign_id, user_id) "
    f"{each('campaign_users', 'l', 'campaign_id = j.campaign_id AND user_id = j.user_id')}"
)
_MOVED_KINDS = (TEXT, TEXT, WHOLE, TEXT, TEXT, TEXT, TEXT, WHOLE)
MOVE_ORDERS = ArrayRows(
    (TEXT, TEXT, *_MOVED_KINDS),
    f"UPDATE orders SET {', '.join(f'{name} = j.{name}' for name in shapes.ORDER_MOVED)} "
    f"FROM {{rows}} AS j (id, former, {', '.join(shapes.ORDER_MOVED)}) "
    "CROSS JOIN LATERAL (SELECT ctid AS place FROM orders AS o WHERE o.id = j.id AND o.state = j.former OFFSET 0) AS o "
    "WHERE orders.ctid = o.place",
)
"""By their places, since of a table that was seen empty PostgreSQL before 17 would rather read all of an index."""
COUNT_VOUCHERS = ArrayRows(
    (TEXT, WHOLE, WHOLE),
    "UPDATE vouchers SET redemptions = j.redeemed FROM {rows} AS j (id, former, redeemed) "
    "WHERE vouchers.id = ANY ($1) AND vouchers.id = j.id AND vouchers.redemptions = j.former",
)
INSERT_FULFILMENTS = inserting("fulfilments", "order_id, entry_id")
INSERT_REDEMPTIONS = inserting("redemptions", shapes.REDEMPTION_COLUMNS)


class Asking(Protocol):
    """How a store puts its statements to the server."""

    def _found(self, statement: str, *values: Any) -> list[Any]: ...


class ShopStore:
    """What `PostgresStore` does with orders and vouchers; `store.Store` says what each method promises."""

    def _shop_locks(self, named: Named) -> list[Statement]:
        """What locks vouchers, then orders: the same order in every batch."""
        locks = []
        if named.codes or named.newcomers:
            digests = {digest for _, digest in named.codes}
            locks.append(Statement(LOCK_VOUCHERS, (texts(digests), "true" if named.newcomers else "false")))
        if named.orders or named.entries:
            locks.append(Statement(LOCK_ORDERS, (texts(named.orders), texts(named.entries))))
        return locks

    def find_orders(self: Asking, order_ids: Collection[str]) -> list[OrderRow]:
        """These orders."""
        return [OrderRow(*row) for row in self._found(FIND_ORDERS, texts(order_ids))]

    def find_vouchers(self: Asking, digests: Collection[str]) -> dict[str, Voucher]:
        """The vouchers that have these digests."""
        return {row[0]: shapes.voucher_of(row[1:]) for row in self._found(FIND_VOUCHERS, texts(digests))}

    def find_welcomes(self: Asking) -> list[Voucher]:
        """The vouchers of welcome campaigns."""
        return [shapes.voucher_of(row[1:]) for row in self._found(FIND_WELCOMES)]

    def find_redeemed(self: Asking, pairs: Collection[tuple[str, str]]) -> dict[tuple[str, str], int]:
        """How often each user has redeemed in each scope."""
        scopes, users = zip(*pairs, strict=True)
        return {(row[0], row[1]): row[2] for row in self._found(FIND_REDEEMED, texts(scopes), texts(users))}

    def find_listed(self: Asking, pairs: Collection[tuple[str, str]]) -> set[tuple[str, str]]:
        """Which of these users stand on which campaign's list."""
        campaigns, users = zip(*pairs, strict=True)
        return {(row[0], row[1]) for row in self._found(FIND_LISTED, texts(campaigns), texts(users))}

    def _shop_inserts(self, rows: Rows) -> list[tuple[ArrayRows, list[Any]]]:
        """What orders and vouchers have led to."""
        return [
            (INSERT_FULFILMENTS, rows.fulfilments),
            (INSERT_REDEMPTIONS, [shapes.redemption_values(one) for one in rows.redemptions]),
        ]

    def _shop_moves(self, rows: Rows) -> list[Statement]:
        """How orders and vouchers have moved on, each from where it stood."""
        moved = (
            (MOVE_ORDERS, [shapes.order_move(*pair) for pair in rows.orders.values()]),
            (COUNT_VOUCHERS, [(voucher_id, *pair) for voucher_id, pair in rows.vouchers.items()]),
        )
        return [
            Statement(one.text, one.values(of), count=partial(require_all, len(of)))
            for one, of in moved
            if of
        ]


def require_all(meant: int, changed: int) -> None:
    """Refuse where a conditional update found fewer rows than were decided on. Raises `Raced`."""
    if changed != meant:
        raise Raced(f"{meant - changed} of {meant} rows had moved on")
