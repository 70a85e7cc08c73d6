"""The schema of a PostgreSQL database: who makes it, when it moves on, and which programs may work with it.

Promises: only `livecredits migrate` changes it, in one transaction and one at a time; a program that does not fit says
so and touches nothing. A migration has a phase: `pre` ones only add, so that the former program goes on beside the new
one, and run before a roll-out; `post` ones take away what the former program needed, and run after it. What was taken
away last stands in `meta.fits_from`: the oldest schema whose programs can still work with the database.
"""

from __future__ import annotations

import logging
import secrets
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any, Literal

from livecredits.errors import StartRefused
from livecredits.storage import migrate, postgres_line, postgres_rights

if TYPE_CHECKING:
    import psycopg
    from sqlalchemy import Connection

_log = logging.getLogger(__name__)

Phase = Literal["pre", "post", "all"]
MIGRATION_LOCK = 0x6C63_0002
FITS_FROM = "fits_from"
CLOCK_OFF_S_MAX = 5
TURNS = 5
"""How often migrating is tried where it met others that wait for it."""
OF_ITS_OWN = "Give livecredits a database of its own, or a schema of its own"

_WHOSE = """
SELECT to_regclass('entry_lots') IS NOT NULL, EXISTS (
    SELECT FROM pg_class WHERE relname = 'alembic_version' AND relnamespace = to_regnamespace(current_schema()::text))
"""


def version_of(connection: psycopg.Connection[Any]) -> str | None:
    """The schema that a database has; None for one that has none of ours.

    Raises:
        StartRefused: another program keeps its migrations where ours would be.
    """
    is_here, is_taken = connection.execute(_WHOSE).fetchall()[0]
    if is_taken and not is_here:
        raise StartRefused(
            f"The table alembic_version in this database is another program's. {OF_ITS_OWN}, e.g. "
            f"CREATE SCHEMA livecredits; ALTER ROLE {connection.info.user} SET search_path = livecredits"
        )
    if not is_here:
        return None
    row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return str(row[0]) if row else None


def require_fit(connection: psycopg.Connection[Any]) -> None:
    """Refuse a database that this program cannot work with.

    Raises:
        StartRefused: its server or its schema is too old or too new.
    """
    if connection.info.server_version < postgres_line.OLDEST_SERVER * 10_000:
        raise StartRefused(
            f"PostgreSQL {postgres_line.OLDEST_SERVER} or newer is needed; this server is "
            f"{connection.info.server_version // 10_000}."
        )
    _require_unicode(connection)
    _compare_clocks(connection)
    version = _version_if_allowed(connection)
    if version is None:
        raise StartRefused(_why_no_tables(connection))
    if version < migrate.NEEDED:
        raise StartRefused(
            f"The database has schema {version}, and this livecredits needs {migrate.NEEDED}: livecredits migrate --pre"
        )
    postgres_rights.require_rights(connection)
    if version > migrate.HEAD and _fits_from(connection) > migrate.HEAD:
        raise StartRefused(
            f"The database has schema {version} and this livecredits knows schemas up to {migrate.HEAD}: "
            "a newer version has finished its roll-out. Install that version."
        )


def _require_unicode(connection: psycopg.Connection[Any]) -> None:
    encoding = connection.info.parameter_status("server_encoding") or "UTF8"
    if encoding != "UTF8":
        raise StartRefused(
            f"The database's encoding is {encoding}, which cannot hold every name. Make it anew: CREATE DATABASE … "
            "ENCODING 'UTF8' TEMPLATE template0"
        )


_ELSEWHERE = """
SELECT string_agg(quote_ident(nspname), ', ' ORDER BY nspname), current_setting('search_path')
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE relname = 'entry_lots' AND relkind = 'r'
"""


def _why_no_tables(connection: psycopg.Connection[Any]) -> str:
    row = connection.execute(_ELSEWHERE).fetchone()
    if row is None or row[0] is None:
        return "The database has none of livecredits' tables yet. Make them: livecredits migrate"
    (schema, path), role = row, connection.info.user
    return (
        f"livecredits' tables are in the schema {schema}, which the role {role} does not see: its search_path is "
        f"{path}. ALTER ROLE {role} SET search_path = {schema}, and GRANT USAGE ON SCHEMA {schema} TO {role} where it "
        "lacks that."
    )


def _version_if_allowed(connection: psycopg.Connection[Any]) -> str | None:
    import psycopg

    try:
        return version_of(connection)
    except psycopg.errors.InsufficientPrivilege:
        postgres_rights.require_rights(connection)
        raise


def _compare_clocks(connection: psycopg.Connection[Any]) -> None:
    """Warn where this machine's clock is off; much further off, the process is not ready."""
    row = connection.execute("SELECT extract(epoch FROM clock_timestamp())::float8").fetchone()
    off_s = 0.0 if row is None else abs(float(row[0]) - time.time())
    if off_s > CLOCK_OFF_S_MAX:
        _log.warning("The clocks of this machine and of the database server differ by %.0f s", off_s)


def _fits_from(connection: psycopg.Connection[Any]) -> str:
    row = connection.execute("SELECT value FROM meta WHERE name = %s", (FITS_FROM,)).fetchone()
    return str(row[0]) if row else migrate.HEAD


def bring_up_to_date(url: str, phase: Phase = "all") -> str:
    """Make the schema, or bring it to this program's.

    Args:
        url: the database.
        phase: which migrations to run: those of before a roll-out, those of after it, or both.

    Returns:
        The schema that the database has then.

    Raises:
        StartRefused: the database cannot be reached or changed, or has a schema that this program does not know.
    """
    from sqlalchemy.exc import DBAPIError

    psycopg = postgres_line.driver()
    for left in reversed(range(TURNS)):
        try:
            with closing(postgres_line.connect(url, postgres_line.lent())) as db:
                return _bring_up_to_date(db, phase)
        except (psycopg.Error, DBAPIError) as error:
            # Nodes that go on meanwhile lock tables in another order. Nothing is half done: it is one transaction.
            is_deadlock = isinstance(getattr(error, "orig", error), psycopg.errors.DeadlockDetected)
            if not left or not is_deadlock:
                raise _not_made(url, error) from None
    raise AssertionError("the last turn returns or raises")


def _not_made(url: str, error: Exception) -> StartRefused:
    """Why the schema stays as it was."""
    refused, cause = postgres_line.start_refused(url, error), getattr(error, "orig", error)
    errors = postgres_line.driver().errors
    if isinstance(cause, errors.DuplicateObject | errors.DuplicateTable | errors.DuplicateFunction):
        return StartRefused(f"{refused}. Another program has one of that name. {OF_ITS_OWN}.")
    if isinstance(cause, errors.InsufficientPrivilege | errors.InvalidSchemaName):
        return StartRefused(
            f"{refused}. Whoever migrates owns the tables, and may make some: GRANT CREATE, USAGE ON SCHEMA … TO …"
        )
    return refused


def _bring_up_to_date(db: psycopg.Connection[Any], phase: Phase) -> str:
    from sqlalchemy import StaticPool, create_engine

    db.execute("BEGIN ISOLATION LEVEL READ COMMITTED")
    db.execute(postgres_line.UNHURRIED)
    db.execute("SELECT pg_advisory_xact_lock(%s)", (MIGRATION_LOCK,))
    _require_unicode(db)
    version = version_of(db)
    if version is not None and version > migrate.HEAD:
        raise StartRefused(
            f"The database has schema {version}, and this livecredits knows schemas up to {migrate.HEAD}."
        )
    engine = create_engine(
        "postgresql+psycopg://", creator=lambda: db, poolclass=StaticPool, use_native_hstore=False
    )
    with engine.connect() as connection:
        if version is None:
            _create(connection)
        elif version != migrate.HEAD:
            _upgrade(connection, version, phase)
    reached = version_of(db)
    assert reached is not None
    db.execute("COMMIT")
    return reached


def _create(connection: Connection) -> None:
    """The newest schema at once, and the beginning of a line of history."""
    from sqlalchemy import insert, text

    from livecredits.storage.schema import meta, metadata, several, units

    metadata.create_all(connection, checkfirst=False)
    several.create_all(connection, checkfirst=False)
    connection.execute(text(migrate.ALEMBICS_OWN_TABLE))
    connection.execute(
        text("INSERT INTO alembic_version (version_num) VALUES (:head)"), {"head": migrate.HEAD}
    )
    began = {
        "epoch": migrate.new_epoch(),
        "voucher_key": secrets.token_hex(migrate.VOUCHER_KEY_BYTES),
        FITS_FROM: migrate.HEAD,
    }
    connection.execute(insert(meta), [{"name": name, "value": value} for name, value in began.items()])
    connection.execute(insert(units).values(name="credits", scale=0))


def _upgrade(connection: Connection, version: str, phase: Phase) -> None:
    """Run the migrations that are due in this phase."""
    from alembic import command
    from alembic.script import ScriptDirectory
    from alembic.util.exc import CommandError
    from sqlalchemy import update

    from livecredits.storage.schema import meta

    config = migrate.alembic_config(connection)
    script = ScriptDirectory.from_config(config)
    pending = [one for one in script.walk_revisions("base", "heads") if one.revision > version]
    pending.sort(key=lambda one: one.revision)
    first_post = next((at for at, one in enumerate(pending) if _phase_of(one) == "post"), len(pending))
    if phase == "post" and first_post:
        raise StartRefused(
            "Migrations that belong before the roll-out are missing: livecredits migrate --pre"
        )
    due = pending[:first_post] if phase == "pre" else pending
    if not due:
        return
    _log.info("Bringing the database from schema %s to %s", version, due[-1].revision)
    try:
        command.upgrade(config, due[-1].revision)
    except CommandError as error:
        raise StartRefused(f"The database's schema is none that livecredits knows: {error}.") from None
    if any(_phase_of(one) == "post" for one in due):
        connection.execute(update(meta).where(meta.c.name == FITS_FROM).values(value=due[-1].revision))


def _phase_of(migration: Any) -> str:
    """A migration that says nothing only adds."""
    return getattr(migration.module, "phase", "pre")
