"""Bring a SQLite file's schema up to date: numbered migrations, each whole or not at all.

Promises: a process killed at any point leaves the former schema or the new one; a database that is newer than this
program is refused, never touched. Must not load Alembic, nor SQLAlchemy, when there is nothing to do: together they
take longer than everything else at a start.
"""

from __future__ import annotations

import logging
import secrets
import sqlite3
from pathlib import Path
from typing import Any

from livecredits.errors import StartRefused

_log = logging.getLogger(__name__)

HEAD = "0013"
"""The schema that this program works with; a test holds it to the newest file in migrations/versions."""
NEEDED = "0010"
"""The oldest schema that this program works with: HEAD, but for migrations of `post` at its end (PostgreSQL)."""
VOUCHER_KEY_BYTES = 32
MOVED_TO = "moved_to"
"""In `meta`: where a ledger was copied to, which goes on there."""
FORMER_EPOCHS = "former_epochs"
"""In `meta`, as a JSON list: the lines of history that this database was on before it was restored."""
FOLDER = Path(__file__).parent / "migrations"


def version_of(db: sqlite3.Connection) -> str | None:
    """The schema that a database has; None for an empty one."""
    found = db.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone()
    row = db.execute("SELECT version_num FROM alembic_version").fetchone() if found else None
    return str(row[0]) if row else None


def bring_up_to_date(db: sqlite3.Connection) -> bool:
    """Migrate the database behind a plain SQLite connection that owns its file.

    Returns:
        Whether there was anything to do.

    Raises:
        StartRefused: the schema is of a later version of this program, or the file belongs to something else.
    """
    version = version_of(db)
    if version == HEAD:
        return False
    if version is not None and version > HEAD:
        raise StartRefused(
            f"The database has schema {version} and this livecredits knows schemas up to {HEAD}: "
            "it was opened by a newer version. Install that version, or restore a backup."
        )
    if version is None and db.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone():
        raise StartRefused(
            "The file is a database of something else: it has tables, but none of livecredits."
        )
    db.execute("BEGIN IMMEDIATE")
    try:
        if version is None:
            _create(db)
        else:
            _upgrade(db, version)
    except BaseException:
        db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")
    return True


def require_up_to_date(db: sqlite3.Connection) -> None:
    """Refuse to read a database whose schema is not this program's."""
    version = version_of(db)
    if version != HEAD:
        raise StartRefused(
            f"The database has schema {version or 'none'}, and {HEAD} is needed: livecredits migrate"
        )


def require_here(db: sqlite3.Connection) -> None:
    """Refuse a file whose ledger goes on elsewhere.

    Raises:
        StartRefused: naming where.
    """
    if version_of(db) is None:
        return
    row = db.execute("SELECT value FROM meta WHERE name = ?", (MOVED_TO,)).fetchone()
    if row is not None:
        raise StartRefused(
            f"This ledger has moved to {row[0]}, and goes on there. The file is what it was then; to use it again, "
            "`livecredits backup` it and `livecredits restore` the copy."
        )


def mark_as_moved(db: sqlite3.Connection, target: str) -> None:
    """Let nobody open the file as a ledger any more."""
    db.execute("INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)", (MOVED_TO, target))


def _create(db: sqlite3.Connection) -> None:
    """The newest schema at once, and the beginning of a line of history.

    A test holds it equal to what the migrations add up to.
    """
    from sqlalchemy import StaticPool, create_engine

    from livecredits.storage.schema import metadata

    metadata.create_all(
        create_engine("sqlite://", creator=lambda: db, poolclass=StaticPool), checkfirst=False
    )
    db.execute(ALEMBICS_OWN_TABLE)
    db.execute("INSERT INTO alembic_version (version_num) VALUES (?)", (HEAD,))
    db.execute("INSERT INTO meta (name, value) VALUES ('epoch', ?)", (new_epoch(),))
    db.execute(
        "INSERT INTO meta (name, value) VALUES ('voucher_key', ?)", (secrets.token_hex(VOUCHER_KEY_BYTES),)
    )
    db.execute("INSERT INTO units (name, scale) VALUES ('credits', 0)")


ALEMBICS_OWN_TABLE = (
    "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, "
    "CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
)


def _upgrade(db: sqlite3.Connection, version: str) -> None:
    from alembic import command
    from sqlalchemy import StaticPool, create_engine

    _log.info("Bringing the database from schema %s to %s", version, HEAD)
    engine = create_engine("sqlite://", creator=lambda: db, poolclass=StaticPool)
    with engine.connect() as connection:
        command.upgrade(alembic_config(connection), HEAD)


def alembic_config(connection: Any) -> Any:
    """What Alembic has to know: where the migrations are, and the connection that they run on."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def new_epoch() -> str:
    """An identity for a line of history; a restored backup gets a new one."""
    return f"ep_{secrets.token_hex(8)}"
