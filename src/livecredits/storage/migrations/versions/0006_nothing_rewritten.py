"""The triggers of the append-only tables anew: no REPLACE passes, no row of a batch changes, less can be erased.

As in 0002: what stands already is dropped and made again, so that its text is the one that `verify` looks for.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from livecredits.storage.append_only import append_only_triggers
from livecredits.storage.schema import APPEND_ONLY

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    connection = op.get_bind()
    if connection.dialect.name != "sqlite":
        return
    present = sa.inspect(connection).get_table_names()
    for guarded in (table for table in APPEND_ONLY if table.name in present):
        for statement in append_only_triggers(guarded):
            connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {statement.split()[2]}")
            connection.exec_driver_sql(statement)
