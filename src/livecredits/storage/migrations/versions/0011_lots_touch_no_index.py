"""PostgreSQL: what only the former program needed of lots, and foreign keys of what each change writes, go.

As long as the former indexes stand, a spend writes to each of them; 0010 made those that take their place.
"""

from __future__ import annotations

from alembic import op

revision = "0011"
down_revision = "0010"
phase = "post"

_GONE = (
    "DROP INDEX IF EXISTS lots_burn_order, lots_due, lots_next_expiry",
    "ALTER TABLE entries DROP CONSTRAINT IF EXISTS entries_account_id_fkey",
    (
        "ALTER TABLE entry_lots DROP CONSTRAINT IF EXISTS entry_lots_entry_id_fkey, "
        "DROP CONSTRAINT IF EXISTS entry_lots_lot_id_fkey"
    ),
)


def upgrade() -> None:
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        for statement in _GONE:
            connection.exec_driver_sql(statement)
