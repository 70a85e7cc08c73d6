"""The check of a whole ledger, asked of PostgreSQL; what is checked, `verify` says.

Promises: reads on a connection of its own, in short snapshots, beside whoever writes. Must not mend anything.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from typing import Any

import psycopg
from psycopg.rows import dict_row

from livecredits.storage import postgres_line, postgres_schema
from livecredits.storage.append_only import postgres_keepers, postgres_triggers
from livecredits.storage.schema import APPEND_ONLY, KEPT
from livecredits.storage.spelling import in_postgresql
from livecredits.storage.verify import Progress, VerifyReport, check

ROWS_AT_ONCE = 2_000
_BODIES = "SELECT proname, prosrc FROM pg_proc WHERE pronamespace = current_schema()::regnamespace"
_TRIGGERS = (
    "SELECT pg_get_triggerdef(t.oid), current_schema() FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid "
    "WHERE NOT tgisinternal AND tgenabled = 'O' AND c.relnamespace = current_schema()::regnamespace"
)


def verify(url: str, progress: Progress | None = None) -> VerifyReport:
    """Check a database.

    Raises:
        StartRefused: it cannot be reached, or its schema is not this program's.
    """
    try:
        with postgres_line.connect(url) as db:
            postgres_schema.require_fit(db)
            return check(_Server(db), progress)
    except psycopg.Error as error:
        raise postgres_line.start_refused(url, error) from None


def verify_inside(db: psycopg.Connection[Any], progress: Progress | None = None) -> VerifyReport:
    """Check what the open transaction of a connection sees, committed or not."""
    return check(_Inside(db), progress)


class _Server:
    """A PostgreSQL database as the check asks it."""

    def __init__(self, db: psycopg.Connection[Any]) -> None:
        self._db = db
        self._streams = 0

    @contextlib.contextmanager
    def moment(self) -> Iterator[None]:
        self._db.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        self._db.execute(postgres_line.UNHURRIED)
        try:
            yield
        finally:
            self._db.execute("ROLLBACK")

    def rows(self, statement: str, *values: Any) -> list[Any]:
        cursor = self._db.cursor(row_factory=dict_row)
        return cursor.execute(_asked(statement), values or None).fetchall()

    def stream(self, statement: str, *values: Any) -> Iterator[Any]:
        self._streams += 1
        name = f"rows_{self._streams}"
        with self._db.cursor(name, row_factory=dict_row) as cursor:
            cursor.itersize = ROWS_AT_ONCE
            yield from cursor.execute(_asked(statement), values)

    def firsts(self, statement: str) -> list[Any]:
        return [row[0] for row in self._db.execute(_asked(statement)).fetchall()]

    def rewritable(self) -> list[str]:
        bodies = dict(self._db.execute(_BODIES).fetchall())
        triggers = [_plain(*row) for row in self._db.execute(_TRIGGERS).fetchall()]
        missing = []
        guards = [(table, postgres_triggers(table)) for table in APPEND_ONLY]
        guards += [(table, postgres_keepers(table)) for table in KEPT]
        for table, (function, *calls) in guards:
            _, name, body, *_ = re.split(r"CREATE FUNCTION |\(\) RETURNS .*?\$\$|\$\$", function)
            stand = all(any(_plain(call) == found for found in triggers) for call in calls)
            if bodies.get(name) != body or not stand:
                missing.append(table.name)
        return missing


class _Inside(_Server):
    """The same within a transaction that somebody else has begun and will end."""

    @contextlib.contextmanager
    def moment(self) -> Iterator[None]:
        yield


def _plain(trigger: str, schema: str = "public") -> str:
    """A trigger's definition without the accidents of spelling; none of our names needs its quotes."""
    plain = trigger.replace('"', "").replace(f" {schema}.", " ")
    return " ".join(plain.replace("DELETE OR UPDATE", "UPDATE OR DELETE").split())


def _asked(statement: str) -> str:
    """A statement as psycopg and PostgreSQL read it."""
    return in_postgresql(statement).replace("?", "%s")
