"""What several nodes on one database need; a SQLite file has one writer and needs none of it.

PostgreSQL begins here: a new database gets the newest schema at once, and none has ever had an older one.
"""

from __future__ import annotations

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Nothing: the files that come from 0006 are SQLite's."""
