"""What keeps the append-only tables as they are: triggers that refuse to rewrite a row, whoever asks and however.

Promises: an UPDATE, a DELETE, a REPLACE or a TRUNCATE of such a table fails, but for the values that the erasure of a
person may empty. `verify` compares these statements with those that a database really has.

Must not know the tables themselves: `storage.schema` makes them, and says which of them are guarded.
"""

from __future__ import annotations

from sqlalchemy import DDL, Table, event

_EMPTIED_USER = "new.before IS NULL AND new.after IS NULL AND new.details = '{\"erased\":true}'"
_EMPTIED_WORDS = (
    "new.before IS old.before AND new.after IS old.after "
    "AND new.details IS json_remove(old.details, '$.fulfilled_by', '$.note')"
)
_OF_A_USER, _OF_AN_ORDER = "old.action GLOB 'user.*'", "old.action GLOB 'order.*'"
_ERASED_DEED = (
    f"({_OF_A_USER} AND {_EMPTIED_USER}) OR (({_OF_A_USER} OR {_OF_AN_ORDER}) AND {_EMPTIED_WORDS})"
)
_MAY_CHANGE: dict[str, tuple[str, tuple[str, ...]]] = {
    "audit": (f"new.reason IS NULL AND ({_ERASED_DEED})", ("reason", "before", "after", "details")),
    "redemptions": ("new.address IS NULL", ("address",)),
}
"""What the erasure of a person may do to an append-only row: the new values that pass, and in which columns.

Of the audit trail only rows about users and their orders hold what somebody wrote of a person. Nothing else passes.
"""
_STANDS_ALONE = {
    "audit": (("id",),),
    "batch_parts": (("batch_id", "position"),),
    "redemptions": (("voucher_id", "turn"), ("scope", "user_id", "user_turn"), ("entry_id",)),
}
"""Append-only tables of which no other row tells what stood there, and what each row is unique by.

SQLite's REPLACE deletes a row without asking its delete trigger, unless the connection has `recursive_triggers` on; so
these refuse the insert. In the others `verify` sees it: their rows are chained, or paired with those of another table.
"""


def guard(table: Table) -> None:
    """Let the triggers be made with the table."""
    for dialect, statements in (
        ("sqlite", append_only_triggers(table)),
        ("postgresql", postgres_triggers(table)),
    ):
        for statement in statements:
            # DDL formats its text with `%`.
            trigger = DDL(statement.replace("%", "%%"))  # type: ignore[no-untyped-call]
            event.listen(table, "after_create", trigger.execute_if(dialect=dialect))


def keep(table: Table) -> None:
    """Let PostgreSQL refuse to remove or to renumber a row, as the foreign keys do that SQLite has."""
    for statement in postgres_keepers(table):
        event.listen(table, "after_create", DDL(statement).execute_if(dialect="postgresql"))  # type: ignore[no-untyped-call]


def erasable_columns(table: str) -> tuple[str, ...]:
    """The columns of an append-only table that the erasure of a person may empty."""
    return _MAY_CHANGE[table][1] if table in _MAY_CHANGE else ()


def append_only_triggers(table: Table) -> list[str]:
    """The statements by which SQLite refuses to rewrite a table, whoever asks and over whatever connection."""
    conditions = {"UPDATE": _unless_erased(table), "DELETE": "", "INSERT": _if_taken(table)}
    return [
        f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table}{condition} "
        f"BEGIN SELECT RAISE(ABORT, '{table}: append-only'); END"
        for verb, condition in conditions.items()
        if verb != "INSERT" or condition
    ]


def postgres_triggers(table: Table) -> list[str]:
    """The same for PostgreSQL: a function for each table, and two triggers that call it.

    An INSERT needs none: there is no REPLACE, and ON CONFLICT DO UPDATE asks the trigger of UPDATE.
    """
    passes, free = _MAY_CHANGE.get(table.name, ("false", ()))
    for former, own in _AS_IN_POSTGRESQL:
        passes = passes.replace(former, own)
    kept = [f'"{column.name}"' for column in table.columns if column.name not in free]
    same = " AND ".join(f"new.{name} IS NOT DISTINCT FROM old.{name}" for name in kept)
    function = f"{table}_append_only()"
    body = (
        f"BEGIN IF TG_OP = 'UPDATE' THEN IF ({passes}) AND {same} THEN RETURN new; END IF; END IF; "
        f"RAISE EXCEPTION '{table}: append-only' USING ERRCODE = 'restrict_violation'; END"
    )
    rows = f"CREATE TRIGGER {table}_no_rewriting BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW"
    whole = f"CREATE TRIGGER {table}_no_truncating BEFORE TRUNCATE ON {table} FOR EACH STATEMENT"
    return [
        f"CREATE FUNCTION {function} RETURNS trigger LANGUAGE plpgsql AS $$ {body} $$",
        f"{rows} EXECUTE FUNCTION {function}",
        f"{whole} EXECUTE FUNCTION {function}",
    ]


def postgres_keepers(table: Table) -> list[str]:
    """A function and a trigger of statements, since one of rows would be asked for each row of every change."""
    body = f"BEGIN RAISE EXCEPTION '{table}: rows stay, and keep their id' USING ERRCODE = 'restrict_violation'; END"
    return [
        f"CREATE FUNCTION {table}_kept() RETURNS trigger LANGUAGE plpgsql AS $$ {body} $$",
        (
            f"CREATE TRIGGER {table}_kept BEFORE DELETE OR UPDATE OF id OR TRUNCATE ON {table} "
            f"FOR EACH STATEMENT EXECUTE FUNCTION {table}_kept()"
        ),
    ]


_AS_IN_POSTGRESQL = (
    ("new.before IS old.before", "new.before IS NOT DISTINCT FROM old.before"),
    ("new.after IS old.after", "new.after IS NOT DISTINCT FROM old.after"),
    (
        "new.details IS json_remove(old.details, '$.fulfilled_by', '$.note')",
        "new.details::jsonb IS NOT DISTINCT FROM old.details::jsonb - '{fulfilled_by,note}'::text[]",
    ),
    ("old.action GLOB 'user.*'", "old.action LIKE 'user.%'"),
    ("old.action GLOB 'order.*'", "old.action LIKE 'order.%'"),
)
"""What the two databases spell differently in `_MAY_CHANGE`."""


def _unless_erased(table: Table) -> str:
    if table.name not in _MAY_CHANGE:
        return ""
    passes, free = _MAY_CHANGE[table.name]
    kept = [column.name for column in table.columns if column.name not in free]
    same = " AND ".join(f"new.{name} IS old.{name}" for name in kept)
    return f" WHEN NOT ({passes} AND {same})"


def _if_taken(table: Table) -> str:
    places = [
        " AND ".join(f"{name} = new.{name}" for name in key) for key in _STANDS_ALONE.get(table.name, ())
    ]
    if not places:
        return ""
    return f" WHEN EXISTS (SELECT 1 FROM {table} WHERE {' OR '.join(f'({place})' for place in places)})"
