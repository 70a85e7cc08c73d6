"""Batches; 0009 says how their rows are kept. As in 0002, only what is missing is added."""

from __future__ import annotations

from alembic import op

from livecredits.storage.schema import metadata

revision = "0003"
down_revision = "0002"

TABLES = ("batches", "batch_parts")


def upgrade() -> None:
    tables = [metadata.tables[name] for name in TABLES]
    metadata.create_all(op.get_bind(), tables=tables, checkfirst=True)
