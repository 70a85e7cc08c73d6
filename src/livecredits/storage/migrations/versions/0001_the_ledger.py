"""The ledger and everything around it.

Frozen: a released migration says what it said, so it names nothing of `storage.schema`, which goes on.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
NEVER_US = 2**63 - 1


def upgrade() -> None:
    op.create_table(
        "api_keys",
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("hint", sa.Text(), nullable=True),
        sa.Column("scopes", sa.Text(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=True),
        sa.Column("created_at_us", WHOLE, nullable=False),
        sa.Column("last_used_at_us", WHOLE, nullable=True),
        sa.Column("revoked_at_us", WHOLE, nullable=True),
        sa.PrimaryKeyConstraint("key_id"),
        sa.UniqueConstraint("digest"),
        sqlite_strict=True,
        sqlite_with_rowid=True,
    )
    op.create_table(
        "audit",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("at_us", WHOLE, nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("before", sa.Text(), nullable=True),
        sa.Column("after", sa.Text(), nullable=True),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("request_id", sa.Text(), nullable=True),
        sa.Column("details", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sqlite_strict=True,
        sqlite_with_rowid=True,
    )
    op.create_index("audit_actor", "audit", ["actor", "id"], unique=False)
    op.create_index("audit_target", "audit", ["target", "id"], unique=False)
    op.create_table(
        "idempotency",
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("created_at_us", WHOLE, nullable=False),
        sa.UniqueConstraint("scope", "key", name="idempotency_key"),
        sqlite_strict=True,
        sqlite_with_rowid=True,
    )
    op.create_table(
        "meta",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_table(
        "operators",
        sa.Column("operator_id", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("password_digest", sa.Text(), nullable=True),
        sa.Column("change_limit", WHOLE, nullable=True),
        sa.Column("disabled_at_us", WHOLE, nullable=True),
        sa.Column("created_at_us", WHOLE, nullable=False),
        sa.Column("updated_at_us", WHOLE, nullable=False),
        sa.PrimaryKeyConstraint("operator_id"),
        sa.UniqueConstraint("email"),
        sqlite_strict=True,
        sqlite_with_rowid=True,
    )
    op.create_table(
        "units",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("scale", WHOLE, nullable=False),
        sa.CheckConstraint("scale BETWEEN 0 AND 9", name="units_scale"),
        sa.PrimaryKeyConstraint("name"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_table(
        "users",
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("metadata", sa.Text(), nullable=True),
        sa.Column("token_generation", WHOLE, server_default=sa.text("0"), nullable=False),
        sa.Column("tokens_valid_from_us", WHOLE, nullable=True),
        sa.Column("created_at_us", WHOLE, nullable=False),
        sa.Column("updated_at_us", WHOLE, nullable=False),
        sa.PrimaryKeyConstraint("user_id"),
        sqlite_strict=True,
        sqlite_with_rowid=True,
    )
    op.create_table(
        "accounts",
        sa.Column("id", WHOLE, autoincrement=False, nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("version", WHOLE, nullable=False),
        sa.Column("settled", WHOLE, nullable=False),
        sa.Column("held", WHOLE, nullable=False),
        sa.Column("floor", WHOLE, nullable=True),
        sa.Column("frozen", WHOLE, nullable=False),
        sa.Column("last_hash", sa.Text(), nullable=False),
        sa.Column("user_keys", sa.Text(), nullable=True),
        sa.Column("changed_at_us", WHOLE, nullable=True),
        sa.Column("created_at_us", WHOLE, nullable=False),
        sa.Column("seal", sa.Text(), nullable=False),
        sa.CheckConstraint("frozen IN (0, 1)", name="accounts_frozen"),
        sa.CheckConstraint("held >= 0", name="accounts_held"),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["users.user_id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("user_id", "unit", name="accounts_user_unit"),
        sqlite_strict=True,
        sqlite_with_rowid=True,
    )
    op.create_table(
        "operator_sessions",
        sa.Column("session_id", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("operator_id", sa.Text(), nullable=False),
        sa.Column("created_at_us", WHOLE, nullable=False),
        sa.Column("expires_at_us", WHOLE, nullable=False),
        sa.Column("last_seen_at_us", WHOLE, nullable=False),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("user_agent", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["operator_id"],
            ["operators.operator_id"],
        ),
        sa.PrimaryKeyConstraint("session_id"),
        sa.UniqueConstraint("digest"),
        sqlite_strict=True,
        sqlite_with_rowid=True,
    )
    op.create_index("operator_sessions_operator", "operator_sessions", ["operator_id"], unique=False)
    op.create_table(
        "sign_in_codes",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("operator_id", sa.Text(), nullable=False),
        sa.Column("created_at_us", WHOLE, nullable=False),
        sa.Column("expires_at_us", WHOLE, nullable=False),
        sa.Column("used_at_us", WHOLE, nullable=True),
        sa.ForeignKeyConstraint(
            ["operator_id"],
            ["operators.operator_id"],
        ),
        sa.PrimaryKeyConstraint("digest"),
        sqlite_strict=True,
        sqlite_with_rowid=True,
    )
    op.create_table(
        "entries",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("account_id", WHOLE, nullable=False),
        sa.Column("version", WHOLE, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("amount", WHOLE, nullable=False),
        sa.Column("settled_delta", WHOLE, nullable=False),
        sa.Column("held_delta", WHOLE, nullable=False),
        sa.Column("settled_after", WHOLE, nullable=False),
        sa.Column("held_after", WHOLE, nullable=False),
        sa.Column("at_us", WHOLE, nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("label", sa.Text(), nullable=True),
        sa.Column("metadata", sa.Text(), nullable=True),
        sa.Column("user_key", sa.Text(), nullable=True),
        sa.Column("request_id", sa.Text(), nullable=True),
        sa.Column("reverses", sa.Text(), nullable=True),
        sa.Column("peer", sa.Text(), nullable=True),
        sa.Column("hold_id", sa.Text(), nullable=True),
        sa.Column("hold_expires_at_us", WHOLE, nullable=True),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["accounts.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("account_id", "version", name="entries_account_version"),
        sqlite_strict=True,
        sqlite_with_rowid=True,
    )
    op.create_table(
        "holds",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("account_id", WHOLE, nullable=False),
        sa.Column("amount", WHOLE, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("marks", sa.Text(), nullable=False),
        sa.Column("captured", WHOLE, nullable=False),
        sa.Column("expires_at_us", WHOLE, nullable=False),
        sa.Column("created_at_us", WHOLE, nullable=False),
        sa.Column("closed_at_us", WHOLE, nullable=True),
        sa.CheckConstraint("state IN ('open', 'captured', 'released')", name="holds_state"),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["accounts.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sqlite_strict=True,
        sqlite_with_rowid=True,
    )
    op.create_index("holds_account", "holds", ["account_id", "id"], unique=False)
    op.create_index(
        "holds_due",
        "holds",
        ["expires_at_us"],
        unique=False,
        sqlite_where=sa.text("state = 'open'"),
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_index(
        "holds_open",
        "holds",
        ["account_id"],
        unique=False,
        sqlite_where=sa.text("state = 'open'"),
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_table(
        "lots",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("account_id", WHOLE, nullable=False),
        sa.Column("amount", WHOLE, nullable=False),
        sa.Column("remaining", WHOLE, nullable=False),
        sa.Column("earmarked", WHOLE, nullable=False),
        sa.Column("priority", WHOLE, nullable=False),
        sa.Column("expires_at_us", WHOLE, nullable=True),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("born", WHOLE, nullable=False),
        sa.Column("created_at_us", WHOLE, nullable=False),
        sa.CheckConstraint(
            "0 <= earmarked AND earmarked <= remaining AND remaining <= amount", name="lots_parts"
        ),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["accounts.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sqlite_strict=True,
        sqlite_with_rowid=True,
    )
    op.create_index(
        "lots_due",
        "lots",
        ["expires_at_us"],
        unique=False,
        sqlite_where=sa.text("expires_at_us IS NOT NULL AND remaining > earmarked"),
        postgresql_where=sa.text("expires_at_us IS NOT NULL AND remaining > earmarked"),
    )
    op.create_index(
        "lots_next_expiry",
        "lots",
        ["account_id", "expires_at_us"],
        unique=False,
        sqlite_where=sa.text("expires_at_us IS NOT NULL AND remaining > earmarked"),
        postgresql_where=sa.text("expires_at_us IS NOT NULL AND remaining > earmarked"),
    )
    op.create_table(
        "entry_lots",
        sa.Column("entry_id", sa.Text(), nullable=False),
        sa.Column("position", WHOLE, nullable=False),
        sa.Column("lot_id", sa.Text(), nullable=False),
        sa.Column("delta", WHOLE, nullable=False),
        sa.ForeignKeyConstraint(
            ["entry_id"],
            ["entries.id"],
        ),
        sa.ForeignKeyConstraint(
            ["lot_id"],
            ["lots.id"],
        ),
        sa.PrimaryKeyConstraint("entry_id", "position"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_table(
        "reversals",
        sa.Column("entry_id", sa.Text(), nullable=False),
        sa.Column("reversed_by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["entry_id"],
            ["entries.id"],
        ),
        sa.PrimaryKeyConstraint("entry_id"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_index(
        "lots_burn_order",
        "lots",
        ["account_id", "priority", sa.text(f"coalesce(expires_at_us, {NEVER_US})"), "born", "id"],
        sqlite_where=sa.text("remaining > 0"),
        postgresql_where=sa.text("remaining > 0"),
    )
    for table in ("entries", "entry_lots", "reversals", "audit"):
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table}: append-only'); END"
            )
