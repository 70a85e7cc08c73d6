"""A large ledger on PostgreSQL within a minute or two: every user with one grant, as the library would have made it.

Promises: each row is decided by the ledger's own rules and hashed by its own chain, so that `verify` accepts the whole;
only the writing is another, by COPY. Must not be used where others write.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import Any

import psycopg

from bench.screens import users
from livecredits.core.changes import Grant
from livecredits.core.ledger import decide
from livecredits.core.rows import Book, Decision
from livecredits.storage import shapes
from livecredits.storage.ids import Ids
from livecredits.storage.store import Side, seal_of

AMOUNT = 1_000_000_000
PIECE = 20_000
UNIT = "credits"
COLUMNS = {
    "users": "user_id, created_at_us, updated_at_us",
    "accounts": shapes.ACCOUNT_COLUMNS,
    "entries": f"account_id, {shapes.ENTRY_COLUMNS}, hash",
    "lots": shapes.LOT_COLUMNS,
    "entry_lots": "entry_id, position, lot_id, delta",
}


def fill(db: psycopg.Connection[Any], count: int) -> None:
    """Give so many users an account with one grant each, in an empty ledger, and leave the server at rest.

    Args:
        db: as a superuser, outside any transaction.
        count: users u00000, u00001 and so on.
    """
    # The rows of a grant come together and whole: asking of each whether the others are there took half of the time.
    db.execute("SET session_replication_role = replica")
    ids, named = Ids(), users(count)
    for first in range(0, count, PIECE):
        ids.at(time.time_ns() // 1_000_000 * 1_000)
        _copy(db, list(_granted(named[first : first + PIECE], first + 1, ids)))
    db.execute("SELECT setval('account_numbers', %s)", (count,))
    db.execute("VACUUM (ANALYZE)")
    db.execute("CHECKPOINT")


def _granted(named: Iterable[str], first: int, ids: Ids) -> Iterable[tuple[int, int, Decision]]:
    now_us = time.time_ns() // 1_000
    for number, user_id in enumerate(named, first):
        decision = decide(Book(), Grant(user_id=user_id, amount=AMOUNT), now_us, ids)
        assert isinstance(decision, Decision)
        yield number, now_us, decision


def _copy(db: psycopg.Connection[Any], granted: Sequence[tuple[int, int, Decision]]) -> None:
    rows: dict[str, list[Sequence[Any]]] = {table: [] for table in COLUMNS}
    for number, now_us, decision in granted:
        (account,), (entry,), (lot,), (move,) = (
            decision.accounts, decision.entries, decision.lots, decision.entries[0].lots,
        )  # fmt: skip
        side = Side(number, now_us, seal_of(account.user_id, UNIT, 0, frozen=False, created_at_us=now_us))
        rows["users"].append((account.user_id, now_us, now_us))
        rows["accounts"].append(shapes.account_values(account, side))
        rows["entries"].append((number, *shapes.entry_values(entry)))
        rows["lots"].append(shapes.lot_values(number, lot))
        rows["entry_lots"].append((entry.id, 0, move.lot_id, move.delta))
    with db.transaction():
        for table, columns in COLUMNS.items():
            with db.cursor().copy(f"COPY {table} ({columns}) FROM STDIN".encode()) as copy:
                for row in rows[table]:
                    copy.write_row(row)
