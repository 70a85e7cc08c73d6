"""Who has a PostgreSQL database open, and what its nodes count together; a SQLite file has one process."""

from __future__ import annotations

from alembic import op

from livecredits.storage.schema import several

revision = "0008"
down_revision = "0007"

TABLES = ("nodes", "attempts")


def upgrade() -> None:
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        several.create_all(connection, tables=[several.tables[name] for name in TABLES], checkfirst=True)
