"""The rows of batches, some hundreds together: a table row for each of them was a tenth of what a batch cost.

What stands in the former table moves over, and the table goes. On PostgreSQL a node of the former program that still
runs beside fails at batches from then on, rather than apply a row that it cannot see was applied; none starts any more.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from livecredits.storage.schema import metadata

revision = "0009"
down_revision = "0008"

FORMER = "batch_rows"
_COLUMNS = '"row", user_id, unit, op, amount, "before", "after", entry_id, code, detail'
_TOGETHER = {
    "sqlite": f"json_group_array(json_array({_COLUMNS}))",
    "postgresql": f'json_agg(json_build_array({_COLUMNS}) ORDER BY "row")::text',
}
# SQLite's aggregates take rows as they come, and know no order of their own before 3.44.
_MOVE = (
    "INSERT INTO batch_parts (batch_id, position, rows) "
    "SELECT batch_id, part, {together} FROM (SELECT former.*, "
    '(row_number() OVER (PARTITION BY batch_id ORDER BY "row") - 1) / 500 AS part '
    'FROM batch_rows AS former ORDER BY batch_id, "row") AS numbered GROUP BY batch_id, part'
)


def upgrade() -> None:
    connection = op.get_bind()
    metadata.create_all(connection, tables=[metadata.tables["batch_parts"]], checkfirst=True)
    if FORMER in sa.inspect(connection).get_table_names():
        connection.exec_driver_sql(_MOVE.format(together=_TOGETHER[connection.dialect.name]))
        op.drop_table(FORMER)
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql(f"DROP FUNCTION {FORMER}_append_only()")
            connection.exec_driver_sql(f"UPDATE meta SET value = '{revision}' WHERE name = 'fits_from'")
