"""The broadcast log, and users of whom no receipts are wanted. As in 0002, only what is missing is added."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from livecredits.storage.schema import metadata

revision = "0004"
down_revision = "0003"

TABLES = ("broadcasts", "broadcast_spans", "resends")


def upgrade() -> None:
    connection = op.get_bind()
    if "receipts" not in {column["name"] for column in sa.inspect(connection).get_columns("users")}:
        column = metadata.tables["users"].columns["receipts"]
        op.add_column(
            "users", sa.Column("receipts", column.type, nullable=False, server_default=sa.text("1"))
        )
        for index in metadata.tables["users"].indexes:
            index.create(connection, checkfirst=True)
    metadata.create_all(connection, tables=[metadata.tables[name] for name in TABLES], checkfirst=True)
