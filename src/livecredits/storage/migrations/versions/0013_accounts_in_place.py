"""PostgreSQL: pages of accounts keep room for new versions of their rows, as those of lots do.

No column and no index changes, and nobody waits: pages that are full already stay so until their rows move on. Nothing
needs it, so it may come when the last node of the former program is gone.
"""

from __future__ import annotations

from alembic import op

revision = "0013"
down_revision = "0012"
phase = "post"


def upgrade() -> None:
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("ALTER TABLE accounts SET (fillfactor = 90)")
