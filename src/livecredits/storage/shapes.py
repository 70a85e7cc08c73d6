"""The writer's rows in both directions: columns as a database gives them, values as the rules know them.

Promises: the lists of columns and the functions here belong together, so that a store only has to ask for the columns
in their order; both databases share them. Must not know how anything is asked or written.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from operator import attrgetter
from typing import Any

from livecredits.core.lots import Lot, Terms
from livecredits.core.rows import (
    Account,
    AccountKey,
    Entry,
    HoldRow,
    LotMove,
    OrderRow,
    Past,
    Redemption,
    Voucher,
)
from livecredits.storage.store import Side

ACCOUNT = (
    "a.user_id, a.unit, a.version, a.settled, a.held, a.floor, a.frozen, a.last_hash, a.changed_at_us, "
    "a.id, a.created_at_us, a.seal, a.user_keys, a.low_threshold"
)
LOT = (
    "l.account_id, l.id, l.amount, l.remaining, l.earmarked, l.priority, l.expires_at_us, l.source, l.born, "
    "l.created_at_us"
)
HOLD = "h.account_id, h.id, h.amount, h.state, h.expires_at_us, h.created_at_us, h.marks, h.captured, h.closed_at_us"
ENTRY = (
    "e.id", "e.version", "e.kind", "e.amount", "e.settled_delta", "e.held_delta", "e.settled_after",
    "e.held_after", "e.at_us", "e.actor", "e.reason", "e.label", "e.metadata", "e.user_key", "e.request_id",
    "e.reverses", "e.peer", "e.hold_id", "e.hold_expires_at_us", "e.origin",
)  # fmt: skip
ENTRY_COLUMNS = ", ".join(column.removeprefix("e.") for column in ENTRY)
ORDER = (
    "o.id, o.user_id, o.unit, o.credits, o.validity_s, o.state, o.entry_id, o.fulfilled_at_us, o.fulfilled_by, "
    "o.claimed_by, o.note, o.refund_entry_id, o.refunded_at_us, (o.package ->> 'name')"
)
"""In PostgreSQL's spelling; `spelling.in_sqlite` knows SQLite's."""
VOUCHER = (
    "v.id, coalesce(v.unit, c.unit), coalesce(v.amount, c.credits), v.campaign_id, v.user_id, c.validity_s, "
    "c.starts_at_us, coalesce(v.ends_at_us, c.ends_at_us), v.max_redemptions, "
    "CASE WHEN v.campaign_id IS NULL THEN 1 ELSE c.max_per_user END, v.redemptions, coalesce(c.listed, 0), "
    "v.revoked_at_us IS NOT NULL, c.label"
)
ORDER_MOVED = (
    "state", "entry_id", "fulfilled_at_us", "fulfilled_by", "claimed_by", "note", "refund_entry_id", "refunded_at_us",
)  # fmt: skip
"""What of an order changes when it moves on."""
PEER = 3 + ENTRY.index("e.peer")
"""Where an entry's peer stands in a row of user, unit, reversed by, ENTRY …, hash."""

burn_key = attrgetter("burn_key")
entry_values = attrgetter(*ENTRY_COLUMNS.split(", "), "hash")
dump = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


# --- from rows -----------------------------------------------------------------------------------------------------


def account_of(row: Sequence[Any]) -> tuple[Account, Side]:
    """An account and its side from a row of ACCOUNT."""
    return (
        Account(row[0], row[1], row[2], row[3], row[4], row[5], bool(row[6]), row[7], row[8]),
        Side(row[9], row[10], row[11], _user_keys(row[12]), row[13]),
    )


def _user_keys(stored: str | None) -> tuple[tuple[str, int], ...]:
    return tuple((key, version) for key, version in json.loads(stored)) if stored else ()


def lot_of(row: Sequence[Any], key: AccountKey) -> Lot:
    """A lot from a row of LOT."""
    return Lot(row[1], key[0], key[1], *row[2:])


def hold_of(row: Sequence[Any], key: AccountKey) -> HoldRow:
    """A hold from a row of HOLD."""
    marks = tuple((lot_id, part) for lot_id, part in json.loads(row[6]))
    return HoldRow(row[1], key[0], key[1], row[2], row[3], row[4], row[5], marks, row[7], row[8])


def past_of(
    entries: Sequence[Sequence[Any]], moves: Iterable[Sequence[Any]]
) -> tuple[dict[str, Past], list[Lot]]:
    """Entries with what they did to lots, and those lots.

    Args:
        entries: rows of user, unit, reversed by, ENTRY …, hash.
        moves: rows of entry, delta, LOT …, in the order of their places.
    """
    keys = {row[3]: (row[0], row[1], row[4]) for row in entries}
    lots: dict[str, Lot] = {}
    moved: dict[str, list[LotMove]] = {}
    for entry_id, delta, *columns in moves:
        user_id, unit, version = keys[entry_id]
        lot = lots[columns[1]] = lot_of(columns, (user_id, unit))
        moved.setdefault(entry_id, []).append(move_of(lot, delta, version))
    past = {row[3]: Past(_entry(row, tuple(moved.get(row[3], ()))), reversed_by=row[2]) for row in entries}
    return past, list(lots.values())


def _entry(row: Sequence[Any], moves: tuple[LotMove, ...]) -> Entry:
    entry = Entry(row[3], row[0], row[1], *row[4:-1])
    return replace(entry, lots=moves, hash=row[-1])


def move_of(lot: Lot, delta: int, version: int) -> LotMove:
    """An entry's move of a lot; the entry that made the lot carries its terms."""
    made = lot.born == version
    return LotMove(lot.id, delta, Terms(lot.priority, lot.expires_at_us, lot.source) if made else None)


def voucher_of(row: Sequence[Any]) -> Voucher:
    """A voucher from a row of VOUCHER."""
    return Voucher(*[*row[:-3], bool(row[-3]), bool(row[-2]), row[-1]])


# --- to rows -------------------------------------------------------------------------------------------------------


def account_values(account: Account, side: Side) -> tuple[Any, ...]:
    """An account as ACCOUNT_COLUMNS take it."""
    return (
        account.user_id, account.unit, account.version, account.settled, account.held, account.floor,
        int(account.frozen), account.last_hash, account.changed_at_us, side.id, side.created_at_us, side.seal,
        dump(side.user_keys) if side.user_keys else None,
    )  # fmt: skip


ACCOUNT_COLUMNS = (
    "user_id, unit, version, settled, held, floor, frozen, last_hash, changed_at_us, id, created_at_us, seal, "
    "user_keys"
)
ACCOUNT_MOVED = "id, version, settled, held, last_hash, changed_at_us, user_keys"


def account_moved(account: Account, side: Side) -> tuple[Any, ...]:
    """What of an account an entry changes, as ACCOUNT_MOVED has it."""
    return (
        side.id, account.version, account.settled, account.held, account.last_hash, account.changed_at_us,
        dump(side.user_keys) if side.user_keys else None,
    )  # fmt: skip


def lot_values(number: int, lot: Lot) -> tuple[Any, ...]:
    """A lot as LOT_COLUMNS take it."""
    return (
        number, lot.id, lot.amount, lot.remaining, lot.earmarked, lot.priority, lot.expires_at_us, lot.source,
        lot.born, lot.created_at_us,
    )  # fmt: skip


LOT_COLUMNS = (
    "account_id, id, amount, remaining, earmarked, priority, expires_at_us, source, born, created_at_us"
)
LOT_MOVED = "id, remaining, earmarked"
lot_moved = attrgetter(*LOT_MOVED.split(", "))


def hold_values(number: int, hold: HoldRow) -> tuple[Any, ...]:
    """A hold as HOLD_COLUMNS take it."""
    return (
        number, hold.id, hold.amount, hold.state, hold.expires_at_us, hold.created_at_us, dump(hold.marks),
        hold.captured, hold.closed_at_us,
    )  # fmt: skip


HOLD_COLUMNS = "account_id, id, amount, state, expires_at_us, created_at_us, marks, captured, closed_at_us"


def order_move(before: str, order: OrderRow) -> tuple[Any, ...]:
    """An order's id, the state that it is in, and what of it changes."""
    return (order.id, before, *(getattr(order, name) for name in ORDER_MOVED))


def redemption_values(one: Redemption) -> tuple[Any, ...]:
    """A redemption as REDEMPTION_COLUMNS take it."""
    return (
        one.voucher_id, one.turn, one.scope, one.user_id, one.user_turn, one.entry_id, one.amount, one.at_us,
        one.address,
    )  # fmt: skip


REDEMPTION_COLUMNS = "voucher_id, turn, scope, user_id, user_turn, entry_id, amount, at_us, address"
BROADCAST_COUNTED = (
    "open", "shown", "hidden", "asleep", "gone", "behind", "first_ms", "last_ms", "browsers", "off", "settled",
    "details",
)  # fmt: skip
