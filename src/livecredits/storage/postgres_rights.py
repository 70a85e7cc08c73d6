"""What the role needs that serves a ledger in PostgreSQL: given by the tables' owner, looked for at each start.

Promises: what is given and what is looked for is one list, so that no node starts which could not write what it must;
nothing append-only can be rewritten by that role, and it makes no tables. Must not know what the rights are used for.

The odd thing: a table that is not there is not missed. A newer program may work with a database of before.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from livecredits.errors import StartRefused
from livecredits.storage import postgres_line

if TYPE_CHECKING:
    import psycopg

_READ_ALONE = ("alembic_version", "meta")
"""Tables that only a migration writes."""
_LACKING = """
SELECT string_agg(name, ', ' ORDER BY name) FROM (
    SELECT name FROM unnest(%(privileges)s::text[], %(names)s::text[]) AS needed (privilege, name)
    WHERE to_regclass(name) IS NOT NULL
    GROUP BY name
    HAVING NOT bool_and(CASE privilege
        WHEN 'USAGE' THEN has_sequence_privilege(name, privilege) ELSE has_table_privilege(name, privilege) END)
    UNION
    SELECT name FROM unnest(%(columns)s::text[], %(owners)s::text[]) AS needed (column_name, name)
    JOIN pg_attribute ON attrelid = to_regclass(name) AND attname = column_name
    WHERE NOT has_column_privilege(attrelid, attnum, 'UPDATE')
) AS lacking
"""


def require_rights(connection: psycopg.Connection[Any]) -> None:
    """Refuse a role that could not do all that a node does.

    Raises:
        StartRefused: naming the tables that it lacks a right on.
    """
    whole, columns = list(_of_tables()), list(_of_columns())
    values = {
        "privileges": [privilege for privilege, _ in whole],
        "names": [name for _, name in whole],
        "columns": [column for column, _ in columns],
        "owners": [name for _, name in columns],
    }
    row = connection.execute(_LACKING, values).fetchone()
    if row is not None and row[0]:
        raise StartRefused(
            f"The role {connection.info.user} lacks rights on {row[0]}. "
            f"Their owner can give them: livecredits migrate --app-role {connection.info.user}"
        )


def require_role(url: str, role: str) -> None:
    """Refuse a role that cannot be the app's, before anything is made for it.

    Raises:
        StartRefused: there is none of that name, or it is the one that the tables belong to.
    """
    psycopg = postgres_line.driver()
    try:
        with postgres_line.connect(url) as db:
            found = db.execute(
                "SELECT rolname = current_user FROM pg_roles WHERE rolname = %s", (role,)
            ).fetchone()
    except psycopg.Error as error:
        raise postgres_line.start_refused(url, error) from None
    if found is None:
        raise StartRefused(f"There is no role {role}. Make it first: CREATE ROLE {role} LOGIN PASSWORD '…'")
    if found[0]:
        raise StartRefused(
            f"{role} makes the tables, and may alter them whatever it is given. Name the one that the nodes serve as."
        )


def give_rights(url: str, role: str) -> None:
    """Let a role use the ledger and no more: it makes no tables, and rewrites nothing that is append-only.

    Args:
        url: the database, as the owner of its tables.
        role: a role of the server; the one that `serve` connects as.

    Raises:
        StartRefused: the tables belong to somebody else.
    """
    from psycopg.sql import SQL, Identifier

    from livecredits.storage.schema import APPEND_ONLY, KEPT

    psycopg = postgres_line.driver()
    grants = [f"{privilege} ON {name}" for privilege, name in _of_tables()]
    grants += [f"UPDATE ({column}) ON {name}" for column, name in _of_columns()]
    try:
        with postgres_line.connect(url) as db, db.transaction():
            to = Identifier(role)
            (here,) = db.execute("SELECT current_schema()").fetchall()[0]
            db.execute(SQL("GRANT USAGE ON SCHEMA {} TO {}").format(Identifier(here), to))
            for table in (*APPEND_ONLY, *KEPT):
                db.execute(SQL("REVOKE ALL ON {} FROM {}").format(Identifier(table.name), to))
            for grant in grants:
                db.execute(SQL("GRANT {} TO {}").format(SQL(grant), to))
    except psycopg.Error as error:
        raise postgres_line.start_refused(url, error) from None


def _of_tables() -> Iterator[tuple[str, str]]:
    """Each right on a whole table or sequence, with its name."""
    from livecredits.storage.schema import APPEND_ONLY, KEPT, account_numbers, metadata, several

    append_only, kept = {table.name for table in APPEND_ONLY}, {table.name for table in KEPT}
    yield "USAGE", account_numbers.name
    for name in dict.fromkeys((*_READ_ALONE, *metadata.tables, *several.tables)):
        yield "SELECT", name
        if name not in _READ_ALONE:
            yield "INSERT", name
        if name not in (*_READ_ALONE, *append_only):
            yield "UPDATE", name
        if name not in (*_READ_ALONE, *append_only, *kept):
            yield "DELETE", name


def _of_columns() -> Iterator[tuple[str, str]]:
    """Each column of an append-only table that the erasure of a person empties, with its table."""
    from livecredits.storage.append_only import erasable_columns
    from livecredits.storage.schema import APPEND_ONLY

    for table in APPEND_ONLY:
        for column in erasable_columns(table.name):
            yield column, table.name
