"""SQLite: the writer's statements for the broadcast log, in the same shapes as in `sqlite`.

Promises: a row that is written again replaces what it said before. Must not know what the numbers mean.
"""

from __future__ import annotations

import sqlite3

from livecredits.storage.many_rows import ManyRows
from livecredits.storage.shapes import BROADCAST_COUNTED
from livecredits.storage.store import Rows

SAVE_BROADCASTS = ManyRows(
    "broadcasts",
    f"id, node, {', '.join(BROADCAST_COUNTED)}",
    f"ON CONFLICT (id, node) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in BROADCAST_COUNTED)}",
)
SAVE_SPANS = ManyRows(
    "broadcast_spans",
    "node, first_id, before_id",
    "ON CONFLICT (node, first_id) DO UPDATE SET before_id = excluded.before_id",
)


def save_broadcasts(db: sqlite3.Connection, rows: Rows) -> None:
    """Write what the rows hold of the broadcast log."""
    if rows.broadcasts:
        SAVE_BROADCASTS.insert(db, rows.broadcasts)
    if rows.spans:
        SAVE_SPANS.insert(db, rows.spans)
