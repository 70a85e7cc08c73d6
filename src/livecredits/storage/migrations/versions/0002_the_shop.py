"""Packages, orders, campaigns, vouchers and batches; thresholds for low balances; the erasure of a person.

The odd thing: it adds only what is missing. 0001 makes whatever the schema says on the day it runs, so that a chain of
migrations from nothing already has all of this, while a file of the first release has none of it.
"""

from __future__ import annotations

import secrets

import sqlalchemy as sa
from alembic import op

from livecredits.storage.append_only import append_only_triggers
from livecredits.storage.schema import APPEND_ONLY, metadata

revision = "0002"
down_revision = "0001"

COLUMNS = (("units", "low_threshold"), ("accounts", "low_threshold"), ("entries", "origin"))


def upgrade() -> None:
    connection = op.get_bind()
    present = sa.inspect(connection)
    for table, name in COLUMNS:
        if name not in {column["name"] for column in present.get_columns(table)}:
            column = metadata.tables[table].columns[name]
            op.add_column(table, sa.Column(name, column.type))
    metadata.create_all(connection, checkfirst=True)
    if connection.dialect.name == "sqlite":
        for guarded in APPEND_ONLY:
            for statement in append_only_triggers(guarded):
                connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {statement.split()[2]}")
                connection.exec_driver_sql(statement)
    connection.execute(
        sa.text("INSERT INTO meta (name, value) VALUES ('voucher_key', :key)"), {"key": secrets.token_hex(32)}
    )
