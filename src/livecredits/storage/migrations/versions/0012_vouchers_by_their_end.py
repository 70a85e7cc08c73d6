"""An index of the vouchers that end: each node asks again and again which ends lie ahead.

It makes that quick, and nothing needs it, so it may come when the last node of the former program is gone.
"""

from __future__ import annotations

from alembic import op

revision = "0012"
down_revision = "0011"
phase = "post"


def upgrade() -> None:
    op.get_bind().exec_driver_sql(
        "CREATE INDEX IF NOT EXISTS vouchers_ends ON vouchers (ends_at_us) WHERE ends_at_us IS NOT NULL"
    )
