"""A backup that is put back in the place of a ledger.

Promises: it is copied, brought to this program's schema and checked before anything is touched; what it replaces stays
beside it under another name; wherever the process is killed, the ledger's name leads to the former file whole or to
the new one whole. The new file is on another line of history: it has a new epoch, keeps the former ones (a screen that
showed what is lost now is known by them), and nobody is signed in.

The odd thing: the former file is closed off before it is set aside. A log (`-wal`) that stayed behind under the
ledger's name would be played into the new file by the next process that opens it.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sqlite3
from collections.abc import Collection
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from livecredits.core.chain import canonical
from livecredits.core.changes import Actor
from livecredits.errors import StartRefused
from livecredits.storage import migrate, sqlite
from livecredits.storage.answers import rfc3339
from livecredits.storage.backup import SIDES, Progress, checked, copy, part_of, reading, require_ledger, sync
from livecredits.storage.ids import new_id
from livecredits.storage.lockfile import FileLock

RESTORER = Actor("system", "restore")
TO_DO_AGAIN = (
    "campaign.revoked", "key.created", "key.revoked", "operator.changed", "operator.created", "tokens.revoked",
    "user.erased", "voucher.revoked",
)  # fmt: skip
"""What gave or ended a right, or forgot a person: an older ledger has not heard of it."""
DEEDS_TOLD = 200


@dataclass(frozen=True, slots=True)
class Deed:
    """A deed that the replaced ledger knew of and the restored one does not."""

    at: str
    action: str
    target: str | None


@dataclass(frozen=True, slots=True)
class Restored:
    """A ledger that was put back, and what went with the one that it replaced.

    Attributes:
        file: the ledger.
        replaced: where the former file is now; None where there was none.
        epoch: the new line of history.
        entries: how many it holds, each of them checked.
        accounts: how many.
        newest: when its newest entry was made.
        lost: how many entries the replaced file has beyond it; None where that file cannot be read.
        again: deeds to be done again, the oldest first.
    """

    file: str
    replaced: str | None
    epoch: str
    entries: int
    accounts: int
    newest: str | None
    lost: int | None
    again: tuple[Deed, ...]

    def as_json(self) -> dict[str, Any]:
        """The report by field."""
        return asdict(self)


def restore(
    backup: Path, ledger: Path, now_us: int, progress: Progress, *, unrelated: bool = False
) -> Restored:
    """Put a backup in the place of a ledger that nobody has open.

    Args:
        backup: what `back_up` made, or any file of a ledger; it stays as it is.
        ledger: the file that shall become it; there need not be one.
        now_us: the time, in microseconds UTC.
        progress: hears how far it has come.
        unrelated: replace a ledger with another history than the backup's, too.

    Raises:
        StartRefused: it is no backup of this ledger, a process has the ledger open, or there is too little room.
        Damaged: the backup does not check.
    """
    require_ledger(backup, is_still=True)
    ledger = ledger.resolve()
    if ledger.exists() and backup.samefile(ledger):
        raise StartRefused(f"{backup} is the ledger itself.")
    if not ledger.parent.is_dir():
        raise StartRefused(f"There is no folder {ledger.parent} for the ledger {ledger.name}.")
    lock = FileLock(ledger)
    try:
        with part_of(ledger) as part:
            copy(backup, part, progress, is_still=True)
            with closing(sqlite.connect(part)) as db:
                migrate.bring_up_to_date(db)
            content = checked(part, progress, str(backup))
            with reading(part, is_still=True) as db:
                known = _known_in(db)
            seen = _seen_in(ledger, known)
            if not unrelated:
                _require_related(backup, ledger, known, seen)
            epoch = _begin_new_line(part, {*known.epochs, *seen.epochs}, now_us, backup.name)
            replaced = _exchange(part, ledger, now_us)
    finally:
        lock.release()
    return Restored(
        file=str(ledger),
        replaced=None if replaced is None else str(replaced),
        epoch=epoch,
        entries=content.entries,
        accounts=content.accounts,
        newest=content.newest,
        lost=seen.lost,
        again=seen.again,
    )


# --- what the two files know --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Known:
    """How far a file has come: its lines of history, the newest first, and its newest rows."""

    epochs: tuple[str, ...]
    entry: str
    deed: str


def _known_in(db: sqlite3.Connection) -> _Known:
    meta = dict(db.execute("SELECT name, value FROM meta").fetchall())
    newest = [
        db.execute(f"SELECT coalesce(max(id), '') FROM {table}").fetchone()[0]
        for table in ("entries", "audit")
    ]
    return _Known((meta["epoch"], *json.loads(meta.get(migrate.FORMER_EPOCHS, "[]"))), *newest)


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the file that will be replaced has seen, beyond the backup."""

    epochs: tuple[str, ...] = ()
    entries: int = 0
    lost: int | None = None
    again: tuple[Deed, ...] = ()


def _seen_in(ledger: Path, known: _Known) -> _Seen:
    """Read the file that will be replaced; that it cannot be read may be the very reason to replace it."""
    if not ledger.is_file() or not ledger.stat().st_size:
        return _Seen(lost=0)
    marks = ", ".join("?" * len(TO_DO_AGAIN))
    with contextlib.suppress(sqlite3.Error, StartRefused, KeyError), reading(ledger, is_still=False) as db:
        entries, lost = db.execute(
            "SELECT count(*), count(*) FILTER (WHERE id > ?) FROM entries", (known.entry,)
        ).fetchone()
        deeds = db.execute(
            f"SELECT at_us, action, target FROM audit WHERE id > ? AND action IN ({marks}) "
            f"ORDER BY id LIMIT {DEEDS_TOLD}",
            (known.deed, *TO_DO_AGAIN),
        )
        again = tuple(Deed(rfc3339(at_us), action, target) for at_us, action, target in deeds)
        return _Seen(_known_in(db).epochs, entries, lost, again)
    return _Seen()


def _require_related(backup: Path, ledger: Path, known: _Known, seen: _Seen) -> None:
    if seen.entries and not set(known.epochs) & set(seen.epochs):
        raise StartRefused(
            f"{backup} is a backup of another ledger than {ledger}, which holds {seen.entries:,} entries. "
            "Is --database right? To replace it all the same: --unrelated."
        )


# --- the exchange ------------------------------------------------------------------------------------------------


def _begin_new_line(part: Path, former: Collection[str], now_us: int, name: str) -> str:
    """Give the copy an epoch of its own, end every session in it, and write down what was done."""
    epoch = migrate.new_epoch()
    with closing(sqlite3.connect(part, isolation_level=None)) as db:
        db.execute("BEGIN IMMEDIATE")
        before = db.execute("SELECT value FROM meta WHERE name = 'epoch'").fetchone()[0]
        db.execute("UPDATE meta SET value = ? WHERE name = 'epoch'", (epoch,))
        db.execute(
            "INSERT INTO meta (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = ?2",
            (migrate.FORMER_EPOCHS, json.dumps(sorted(former))),
        )
        db.execute("DELETE FROM meta WHERE name = ?", (migrate.MOVED_TO,))
        # Whoever was signed out, or locked out, since the backup was taken would be in again.
        db.execute("DELETE FROM operator_sessions")
        db.execute("DELETE FROM sign_in_codes WHERE used_at_us IS NULL")
        db.execute(
            "INSERT INTO audit (id, at_us, actor, action, before, after, details) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                new_id("aud", now_us), now_us, str(RESTORER), "ledger.restored", canonical({"epoch": before}),
                canonical({"epoch": epoch}), canonical({"file": name}),
            ),
        )  # fmt: skip
        db.execute("COMMIT")
        # The copy's log is folded in: what is renamed is one file.
        db.execute("PRAGMA journal_mode = DELETE")
    sync(part)
    return epoch


def _exchange(part: Path, ledger: Path, now_us: int) -> Path | None:
    """Let the ledger's name lead to the copy; returns the former file's new name."""
    stamp = rfc3339(now_us)[:19].replace("-", "").replace(":", "")
    aside = _free(ledger.with_name(f"{ledger.name}.replaced-{stamp}Z"))
    _close_off(ledger, aside)
    if not ledger.exists():
        part.rename(ledger)
        sync(ledger.parent)
        return None
    shutil.copymode(ledger, part)
    former = ledger.stat()
    if os.geteuid() == 0:
        os.chown(part, former.st_uid, former.st_gid)
    try:
        os.link(ledger, aside)
    except OSError:  # a file system without hard links
        shutil.copy2(ledger, aside)
        sync(aside)
    part.replace(ledger)
    sync(ledger.parent)
    return aside


def _free(name: Path) -> Path:
    tried, count = name, 1
    while os.path.lexists(tried):
        count += 1
        tried = name.with_name(f"{name.name}-{count}")
    return tried


def _close_off(ledger: Path, aside: Path) -> None:
    """Fold the former file's log into it, so that no log is left to be played into the new one.

    Raises:
        StartRefused: somebody is reading it.
    """
    if ledger.is_file() and ledger.stat().st_size:
        try:
            with closing(sqlite3.connect(ledger, isolation_level=None, timeout=5)) as db:
                mode = db.execute("PRAGMA journal_mode = DELETE").fetchone()[0]
        except sqlite3.DatabaseError as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
                mode = "busy"
            else:
                mode = "damaged"
        if mode in {"busy", "wal"}:
            raise StartRefused(
                f"Another process is reading {ledger}. End it first; nothing was put in place."
            )
    for side in SIDES:
        left = Path(f"{ledger}{side}")
        if left.exists():
            left.rename(f"{aside}{side}")
