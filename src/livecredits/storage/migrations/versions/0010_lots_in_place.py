"""PostgreSQL: indexes of lots that a spend does not touch, beside the former ones, which the former program reads.

The server works out the two columns that say which lots stand in them, so the former program need not know them.
Adding them writes the table of lots anew; whoever wants a lot meanwhile waits, or is told to come again.
"""

from __future__ import annotations

from alembic import op

revision = "0010"
down_revision = "0009"
phase = "pre"

_KEPT = """
CREATE OR REPLACE FUNCTION {0}_kept() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION '{0}: rows stay, and keep their id' USING ERRCODE = 'restrict_violation'; END $$;
DROP TRIGGER IF EXISTS {0}_kept ON {0};
CREATE TRIGGER {0}_kept BEFORE DELETE OR UPDATE OF id OR TRUNCATE ON {0}
FOR EACH STATEMENT EXECUTE FUNCTION {0}_kept()
"""
_IN_PLACE = (
    (
        "ALTER TABLE lots ADD COLUMN IF NOT EXISTS is_open boolean GENERATED ALWAYS AS (remaining > 0) STORED, "
        "ADD COLUMN IF NOT EXISTS can_expire boolean GENERATED ALWAYS AS "
        "(expires_at_us IS NOT NULL AND remaining > earmarked) STORED, SET (fillfactor = 80)"
    ),
    (
        "CREATE INDEX IF NOT EXISTS lots_open ON lots "
        "(account_id, priority, (coalesce(expires_at_us, 9223372036854775807)), born, id) WHERE is_open"
    ),
    "CREATE INDEX IF NOT EXISTS lots_expiring ON lots (expires_at_us) WHERE can_expire",
    "CREATE INDEX IF NOT EXISTS lots_expiring_of_account ON lots (account_id, expires_at_us) WHERE can_expire",
    _KEPT.format("accounts"),
    _KEPT.format("lots"),
)


def upgrade() -> None:
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        for statement in _IN_PLACE:
            connection.exec_driver_sql(statement)
