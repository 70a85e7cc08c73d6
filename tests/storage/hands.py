"""What the tests of storage share: a clock that is turned by hand, and databases that are made in no time."""

from __future__ import annotations

import os
import shutil
import sqlite3
import threading
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import psycopg
import pytest

from livecredits.storage import migrate, sqlite

START_US = 1_800_000_000_000_000
SECOND_US = 1_000_000
QUICK_BYTES = 2 * 1024**3
"""Each test process may keep a PostgreSQL in memory."""
IS_DEEP = os.environ.get("LIVECREDITS_DEPTH") == "deep"


class HandClock:
    """Time stands still until `advance`. Whoever waits for it is woken then."""

    def __init__(self, now_us: int = START_US) -> None:
        self._now_us = now_us
        self._waiting: set[threading.Event] = set()

    def now_us(self) -> int:
        return self._now_us

    def wait(self, bell: threading.Event, until_us: int | None) -> None:
        self._waiting.add(bell)
        # The time may have been moved before this bell was known.
        if until_us is None or until_us > self._now_us:
            bell.wait(60)

    def later(self, seconds: float) -> datetime:
        """So far from now."""
        return datetime.fromtimestamp(self._now_us / SECOND_US + seconds, UTC)

    def advance(self, seconds: float) -> None:
        self._now_us += round(seconds * SECOND_US)
        for bell in list(self._waiting):
            bell.set()


@cache
def _template() -> Path:
    path = Path(mkdtemp(prefix="livecredits-template-")) / "template.db"
    db = sqlite.connect(path)
    migrate.bring_up_to_date(db)
    db.close()
    return path


def fresh_database(folder: Path, name: str = "credits.db") -> Path:
    """A new database file; copying one is a hundred times as quick as making one."""
    path = folder / name
    shutil.copyfile(_template(), path)
    return path


def quick_folder() -> Path | None:
    """A folder in memory, where a commit costs nothing; for tests that are not about the disk.

    None where there is no room: containers are often given 64 MB.
    """
    shared = Path("/dev/shm")
    if not (shared.is_dir() and os.access(shared, os.W_OK)):
        return None
    return shared if shutil.disk_usage(shared).free >= QUICK_BYTES else None


def rows(where: Path | str, statement: str, *values: object) -> list[tuple[Any, ...]]:
    """What a statement gives on a connection of its own; `where` is a file, or an address of either kind."""
    url = str(where)
    if url.startswith("postgresql:"):
        with psycopg.connect(url, autocommit=True) as server:
            return server.execute(statement.replace("?", "%s"), values or None).fetchall()
    db = sqlite3.connect(url.removeprefix("sqlite:///"))
    try:
        return db.execute(statement, values).fetchall()
    finally:
        db.close()


def become_later(
    folder: Path, monkeypatch: pytest.MonkeyPatch, *, first: str, second: str, afterwards: str
) -> None:
    """Make this program a later one, with two migrations that run before a roll-out and one that runs after it."""
    migrations = folder / "migrations"
    shutil.copytree(migrate.FOLDER, migrations)
    former = migrate.HEAD
    for number, phase, statement in (
        ("9001", "pre", first),
        ("9002", "pre", second),
        ("9003", "post", afterwards),
    ):
        (migrations / "versions" / f"{number}_later.py").write_text(
            f"from alembic import op\nrevision = '{number}'\ndown_revision = '{former}'\nphase = '{phase}'\n"
            f"def upgrade():\n    op.execute({statement!r})\n"
        )
        former = number
    monkeypatch.setattr(migrate, "FOLDER", migrations)
    monkeypatch.setattr(migrate, "NEEDED", "9002")
    monkeypatch.setattr(migrate, "HEAD", "9003")
