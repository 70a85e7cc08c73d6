"""SQLite: the writer's statements for orders and vouchers, in the same shapes as in `sqlite`.

Promises: an order moves on only from the state in which it was decided, and a voucher's count only from the number
that was read; whoever finds fewer rows changed than meant raises `Raced`, and the transaction is undone. Where rows
are locked, as here by the file's one writer, that never happens; it is the net under every other database.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection
from typing import Any

from livecredits.core.rows import OrderRow, Voucher
from livecredits.storage import shapes
from livecredits.storage.many_rows import ManyRows
from livecredits.storage.shapes import dump
from livecredits.storage.spelling import in_sqlite
from livecredits.storage.store import Raced, Rows


def _as_one(columns: str, rest: str) -> str:
    """A query whose whole result comes as one JSON array of rows."""
    return f"SELECT json_group_array(json_array({columns})) FROM {rest}"


FIND_ORDERS = _as_one(in_sqlite(shapes.ORDER), "json_each(?1) AS j CROSS JOIN orders AS o ON o.id = j.value")
FIND_VOUCHERS = _as_one(
    f"v.digest, {shapes.VOUCHER}",
    "json_each(?1) AS j CROSS JOIN vouchers AS v ON v.digest = j.value "
    "LEFT JOIN campaigns AS c ON c.id = v.campaign_id",
)
FIND_WELCOMES = _as_one(
    f"v.digest, {shapes.VOUCHER}",
    "(SELECT * FROM campaigns WHERE welcome = 1 ORDER BY id) AS c "
    "JOIN vouchers AS v ON v.campaign_id = c.id AND v.revoked_at_us IS NULL",
)
_PAIR = "json_extract(j.value, '$[0]'), json_extract(j.value, '$[1]')"
FIND_REDEEMED = _as_one(
    "r.scope, r.user_id, r.user_turn",
    f"(SELECT r.scope, r.user_id, max(r.user_turn) AS user_turn FROM json_each(?1) AS j "
    f"CROSS JOIN redemptions AS r ON (r.scope, r.user_id) = ({_PAIR}) GROUP BY r.scope, r.user_id) AS r",
)
FIND_LISTED = _as_one(
    "l.campaign_id, l.user_id",
    f"json_each(?1) AS j CROSS JOIN campaign_users AS l ON (l.campaign_id, l.user_id) = ({_PAIR})",
)
_SET = ", ".join(
    f"{name} = json_extract(j.value, '$[{place}]')" for place, name in enumerate(shapes.ORDER_MOVED, 2)
)
MOVE_ORDERS = (
    f"UPDATE orders SET {_SET} FROM json_each(?1) AS j "
    "WHERE orders.id = json_extract(j.value, '$[0]') AND orders.state = json_extract(j.value, '$[1]')"
)
COUNT_VOUCHERS = (
    "UPDATE vouchers SET redemptions = json_extract(j.value, '$[2]') FROM json_each(?1) AS j "
    "WHERE vouchers.id = json_extract(j.value, '$[0]') AND vouchers.redemptions = json_extract(j.value, '$[1]')"
)
INSERT_FULFILMENTS = ManyRows("fulfilments", "order_id, entry_id")
INSERT_REDEMPTIONS = ManyRows("redemptions", shapes.REDEMPTION_COLUMNS)


class ShopStore:
    """What `SqliteStore` does with orders and vouchers; `store.Store` says what each method promises."""

    _db: sqlite3.Connection

    def _found(self, statement: str, *values: Any) -> list[Any]:
        found: list[Any] = json.loads(self._db.execute(statement, values).fetchone()[0])
        return found

    def find_orders(self, order_ids: Collection[str]) -> list[OrderRow]:
        """These orders."""
        return [OrderRow(*row) for row in self._found(FIND_ORDERS, dump(list(order_ids)))]

    def find_vouchers(self, digests: Collection[str]) -> dict[str, Voucher]:
        """The vouchers that have these digests."""
        return {row[0]: shapes.voucher_of(row[1:]) for row in self._found(FIND_VOUCHERS, dump(list(digests)))}

    def find_welcomes(self) -> list[Voucher]:
        """The vouchers of welcome campaigns."""
        return [shapes.voucher_of(row[1:]) for row in self._found(FIND_WELCOMES)]

    def find_redeemed(self, pairs: Collection[tuple[str, str]]) -> dict[tuple[str, str], int]:
        """How often each user has redeemed in each scope."""
        rows = self._found(FIND_REDEEMED, dump(list(pairs)))
        return {(scope, user_id): turn for scope, user_id, turn in rows}

    def find_listed(self, pairs: Collection[tuple[str, str]]) -> set[tuple[str, str]]:
        """Which of these users stand on which campaign's list."""
        return {
            (campaign_id, user_id) for campaign_id, user_id in self._found(FIND_LISTED, dump(list(pairs)))
        }

    def _save_shop(self, rows: Rows) -> None:
        """Write what changed about orders and vouchers, if anything did."""
        if rows.orders:
            moves = [shapes.order_move(before, order) for before, order in rows.orders.values()]
            self._change(MOVE_ORDERS, moves)
            INSERT_FULFILMENTS.insert(self._db, rows.fulfilments)
        if rows.redemptions:
            counts = [(voucher_id, *pair) for voucher_id, pair in rows.vouchers.items()]
            self._change(COUNT_VOUCHERS, counts)
            INSERT_REDEMPTIONS.insert(self._db, (shapes.redemption_values(one) for one in rows.redemptions))

    def _change(self, statement: str, rows: list[tuple[Any, ...]]) -> None:
        """Run a conditional update of exactly these rows."""
        changed = self._db.execute(statement, (dump(rows),)).rowcount
        if changed != len(rows):
            raise Raced(f"{len(rows) - changed} of {len(rows)} rows had moved on")
