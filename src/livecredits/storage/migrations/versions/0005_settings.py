"""What operators set for the whole installation. As in 0002, only what is missing is added."""

from __future__ import annotations

from alembic import op

from livecredits.storage.schema import metadata

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    metadata.create_all(op.get_bind(), tables=[metadata.tables["settings"]], checkfirst=True)
