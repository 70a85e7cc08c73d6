"""A copy of a SQLite ledger that a server may be writing to.

Promises: a copy is one moment of the ledger, in one file, readable by its owner alone; it is checked and on the disk
before it gets its name. Whatever goes wrong, nothing has that name, and an unfinished copy is removed. Must not write
to what it copies, nor wait for whoever writes there.

The odd thing: the copy is made under one open snapshot. Without it, every commit would make SQLite's backup begin
again, and a busy ledger could never be copied. The writer's log grows meanwhile, and shrinks afterwards.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from livecredits.errors import StartRefused
from livecredits.storage import migrate, sqlite
from livecredits.storage.answers import rfc3339
from livecredits.storage.verify import Damage, verify

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how much of it is done, and of how much."""

PAGES_AT_ONCE = 2_048
SPARE_BYTES = 4 * 1024 * 1024
"""What a copy needs beside its own length: a migration writes a little."""
MAGIC = b"SQLite format 3\0"
SIDES = ("-wal", "-shm", "-journal")


class Damaged(StartRefused):
    """A copy does not check; nothing was put in place."""

    def __init__(self, what: str, damages: tuple[Damage, ...]) -> None:
        more = f" (and {len(damages) - 1:,} more)" if len(damages) > 1 else ""
        super().__init__(f"{what} does not check: {damages[0]}{more}. Nothing was put in place.")


@dataclass(frozen=True, slots=True)
class Content:
    """What a copy holds.

    Attributes:
        schema: its version.
        epoch: the line of history that its versions belong to.
        entries: how many.
        accounts: how many.
        newest: when its newest entry was made; None where there is none.
        checked: every entry was re-added and re-hashed; an older schema is only read page by page.
    """

    schema: str
    epoch: str
    entries: int
    accounts: int
    newest: str | None
    checked: bool


@dataclass(frozen=True, slots=True)
class Copied:
    """A backup that was taken."""

    file: str
    bytes: int
    content: Content

    def as_json(self) -> dict[str, Any]:
        """The report by field."""
        return {"file": self.file, "bytes": self.bytes, **asdict(self.content)}


def back_up(ledger: Path, to: Path, progress: Progress) -> Copied:
    """Copy a ledger that may be in use by a server.

    Args:
        ledger: the file.
        to: what the copy shall be called; nothing may have that name.
        progress: hears how far it has come.

    Raises:
        StartRefused: there is no such ledger, `to` is taken or cannot be written, or there is too little room.
        Damaged: the copy does not check.
    """
    _require_new(to)
    require_ledger(ledger, is_still=False)
    with part_of(to) as part:
        copy(ledger, part, progress, is_still=False)
        content = checked(part, progress, f"The copy of {ledger}")
        sync(part)
        _require_new(to)
        part.rename(to)
        sync(to.parent)
    return Copied(str(to), to.stat().st_size, content)


def _require_new(to: Path) -> None:
    if os.path.lexists(to):
        raise StartRefused(f"{to} exists already. Choose another name: a backup replaces nothing.")


# --- what a file is ----------------------------------------------------------------------------------------------


def require_ledger(file: Path, *, is_still: bool) -> None:
    """Go on only with a file that holds a ledger which this program can read.

    Raises:
        StartRefused: with what it is instead.
    """
    if not file.exists():
        raise StartRefused(f"There is no file {file}.")
    if not file.is_file():
        raise StartRefused(f"{file} is not a file.")
    try:
        with file.open("rb") as head:
            is_database = head.read(len(MAGIC)) == MAGIC
    except OSError as error:
        raise StartRefused(f"{file} cannot be read: {error.strerror}.") from None
    if not is_database:
        raise StartRefused(f"{file} is not a SQLite database.")
    with reading(file, is_still=is_still) as db:
        version = migrate.version_of(db)
    if version is None:
        raise StartRefused(f"{file} is a database of something else: it has no schema of livecredits.")
    if version > migrate.HEAD:
        raise StartRefused(
            f"{file} has schema {version} and this livecredits knows schemas up to {migrate.HEAD}: "
            "a newer version made it. Install that version."
        )


@contextmanager
def reading(file: Path, *, is_still: bool) -> Iterator[sqlite3.Connection]:
    """A connection that reads.

    Args:
        file: a database.
        is_still: nobody writes to it. Then its folder is left as it is, and may be one that nobody can write to.

    Raises:
        StartRefused: SQLite cannot read it.
    """
    try:
        if is_still and not Path(f"{file}-wal").exists():
            address = f"{file.absolute().as_uri()}?immutable=1"
            db = sqlite3.connect(address, uri=True, isolation_level=None)
        else:
            db = sqlite.connect_reader(file)
        with closing(db):
            yield db
    except sqlite3.Error as error:
        raise StartRefused(f"{file} cannot be read: {error}.") from error


# --- the copy ----------------------------------------------------------------------------------------------------


@contextmanager
def part_of(whole: Path) -> Iterator[Path]:
    """An unfinished file beside the one that it will be, for its owner's eyes only; gone where it was not renamed.

    Raises:
        StartRefused: it cannot be written, or the disk is full.
    """
    try:
        handle, name = tempfile.mkstemp(prefix=f".{whole.name}.", suffix=".part", dir=whole.parent)
        os.close(handle)
    except FileNotFoundError:
        raise StartRefused(f"There is no folder {whole.parent}.") from None
    except OSError as error:
        raise StartRefused(f"{whole} cannot be written: {error.strerror}.") from None
    try:
        yield Path(name)
    except OSError as error:
        raise StartRefused(f"{whole} cannot be written: {error.strerror or error}.") from error
    except sqlite3.Error as error:
        raise StartRefused(f"{whole} cannot be written: {error}. Nothing was put in place.") from error
    finally:
        for side in ("", *SIDES):
            Path(f"{name}{side}").unlink(missing_ok=True)


def copy(source: Path, part: Path, progress: Progress, *, is_still: bool) -> None:
    """Copy one moment of a database into an empty file.

    Raises:
        StartRefused: the source cannot be read, or there is too little room.
        sqlite3.Error: the copy cannot be written.
    """
    _require_room(source, part)
    with closing(sqlite3.connect(part, isolation_level=None)) as to:
        # It has no name yet: nothing but the sync at the end counts.
        to.execute("PRAGMA journal_mode = OFF")
        to.execute("PRAGMA synchronous = OFF")
        with reading(source, is_still=is_still) as db:
            db.execute("BEGIN")
            db.execute("SELECT count(*) FROM sqlite_master").fetchone()
            db.backup(
                to, pages=PAGES_AT_ONCE, progress=lambda _, left, all_: progress("Copying", all_ - left, all_)
            )
            db.execute("ROLLBACK")
        # One file, with no log beside it: whoever moves it moves all of it.
        to.execute("PRAGMA journal_mode = DELETE")


def _require_room(source: Path, part: Path) -> None:
    sizes = [file.stat().st_size for file in (source, Path(f"{source}-wal")) if file.exists()]
    needed, free = sum(sizes) + SPARE_BYTES, shutil.disk_usage(part.parent).free
    if free < needed:
        raise StartRefused(
            f"The copy needs {needed / 1e6:,.0f} MB, and the disk of {part.parent} has {free / 1e6:,.0f} MB free."
        )


def checked(part: Path, progress: Progress, what: str) -> Content:
    """What a copy holds, after a look at every page, and at every entry where the schema is this program's.

    Raises:
        Damaged: something in it is not as it must be.
    """
    try:
        with closing(sqlite3.connect(part)) as db:
            fault = db.execute("PRAGMA integrity_check(1)").fetchone()[0]
            if fault != "ok":
                raise Damaged(what, (Damage("the file", "–", str(fault).replace("\n", " ")),))
            content = _content_of(db)
    except sqlite3.DatabaseError as error:
        raise Damaged(what, (Damage("the file", "–", str(error)),)) from error
    if content.checked:
        report = verify(part, lambda done, total: progress("Checking entries", done, total))
        if report.damages:
            raise Damaged(what, report.damages)
    return content


def _content_of(db: sqlite3.Connection) -> Content:
    schema = migrate.version_of(db) or ""
    epoch = db.execute("SELECT value FROM meta WHERE name = 'epoch'").fetchone()[0]
    entries, newest_us = db.execute("SELECT count(*), max(at_us) FROM entries").fetchone()
    accounts = db.execute("SELECT count(*) FROM accounts").fetchone()[0]
    newest = None if newest_us is None else rfc3339(newest_us)
    return Content(schema, epoch, entries, accounts, newest, checked=schema == migrate.HEAD)


def sync(path: Path) -> None:
    """Wait until the disk has a file, or the names in a folder."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
