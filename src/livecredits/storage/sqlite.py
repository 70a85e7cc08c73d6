"""SQLite: how its connections are set up, and the writer's statements, all in one place and on the plain driver.

Promises: a commit that returned is on the disk (WAL, `synchronous=FULL`); one connection writes and also checkpoints
(older SQLite can reset a WAL wrongly with two); a full disk is told from a broken one.

The odd thing is the shape of the statements. Python's driver gives up the interpreter's lock at every row that it
steps over, and when the event loop is busy each return costs up to 5 ms. So a batch is read as one row of JSON
(`json_group_array`) and written with many rows in one `VALUES`: a few steps for each batch, however long it is.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
from collections.abc import Callable, Collection, Mapping
from dataclasses import astuple
from pathlib import Path
from typing import Any, TypeVar

from livecredits.core.lots import NEVER, Lot
from livecredits.core.rows import Account, AccountKey, HoldRow, Past
from livecredits.errors import StartRefused, StorageFailed, StorageFull
from livecredits.storage import shapes
from livecredits.storage.many_rows import ManyRows
from livecredits.storage.shapes import dump, entry_values
from livecredits.storage.sqlite_broadcasts import save_broadcasts
from livecredits.storage.sqlite_shop import ShopStore
from livecredits.storage.store import KeyOf, Named, Rows, Side

T = TypeVar("T")

OLDEST_SQLITE = (3, 37, 0)
"""The first with STRICT tables; `UPSERT`, `->>` and long lists of parameters are older."""
BUSY_TIMEOUT_MS = 5_000
CHECKPOINT_BYTES = 16 * 1024 * 1024
"""A log longer than this is copied into the file between two batches. Each copying writes a page once, however often
the log has it: at a quarter of this, a batch of 10,000 rows wrote the same pages five times."""
KEPT_LOG_BYTES = 1024 * 1024
STATEMENTS_KEPT = 256


class Lent(sqlite3.Connection):
    """A connection that SQLAlchemy may use and whose transaction stays ours: we say BEGIN and COMMIT as statements."""

    def commit(self) -> None:
        """Leave the transaction to its owner."""

    def rollback(self) -> None:
        """Leave the transaction to its owner."""


def connect(path: Path) -> sqlite3.Connection:
    """A connection that writes.

    Raises:
        StartRefused: this SQLite is too old, or the file cannot be opened or is no database.
    """
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        wanted = ".".join(map(str, OLDEST_SQLITE))
        raise StartRefused(f"SQLite {wanted} or newer is needed; this Python has {sqlite3.sqlite_version}.")
    try:
        db = _open(path, read_only=False)
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.execute("PRAGMA wal_autocheckpoint = 0")
        db.execute(f"PRAGMA journal_size_limit = {KEPT_LOG_BYTES}")
        db.execute("PRAGMA foreign_keys = ON")
        # What a person's erasure empties must not stay readable in the file's free space; not every build does it.
        db.execute("PRAGMA secure_delete = ON")
        # Without it, REPLACE deletes rows behind the back of the triggers that guard the append-only tables.
        db.execute("PRAGMA recursive_triggers = ON")
    except sqlite3.Error as error:
        raise StartRefused(f"The database {path} cannot be opened: {error}.") from error
    return db


def connect_reader(path: Path) -> sqlite3.Connection:
    """A connection that only reads; it may stand beside another process that writes."""
    return _open(path, read_only=True)


def _open(path: Path, *, read_only: bool) -> sqlite3.Connection:
    db = sqlite3.connect(
        path,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=STATEMENTS_KEPT,
        factory=sqlite3.Connection if read_only else Lent,
    )
    db.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
    db.execute("PRAGMA temp_store = MEMORY")
    db.execute("PRAGMA cache_size = -65536")
    if read_only:
        db.execute("PRAGMA query_only = ON")
    return db


@contextlib.contextmanager
def told_apart() -> Any:
    """Turn what SQLite says about the disk into what a caller can act on; other errors pass unchanged."""
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0)
        if code & 0xFF == sqlite3.SQLITE_FULL or code == sqlite3.SQLITE_IOERR_SHMSIZE:
            raise StorageFull("The disk is full; nothing was written.") from error
        if code & 0xFF in _BROKEN:
            raise StorageFailed(f"The database failed ({error}) and must be opened anew.") from error
        raise


_BROKEN = frozenset({sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})


# --- statements ----------------------------------------------------------------------------------------------------

_BURN_ORDER = f"priority, coalesce(expires_at_us, {NEVER}), born, id"
_DUE_LOTS = "expires_at_us IS NOT NULL AND remaining > earmarked AND expires_at_us <= ?2"
_DUE_HOLDS = "state = 'open' AND expires_at_us <= ?2"


def _as_one(columns: str, rest: str) -> str:
    """A query whose whole result comes as one JSON array of rows."""
    return f"SELECT json_group_array(json_array({columns})) FROM {rest}"


FIND_ANSWERS = _as_one(
    "i.scope, i.key, i.content, i.answer",
    "json_each(?1) AS j CROSS JOIN idempotency AS i "
    "ON i.scope = json_extract(j.value, '$[0]') AND i.key = json_extract(j.value, '$[1]')",
)
FIND_USERS = _as_one("u.user_id", "json_each(?1) AS j CROSS JOIN users AS u ON u.user_id = j.value")
FIND_ACCOUNTS = _as_one(
    shapes.ACCOUNT,
    "json_each(?1) AS j CROSS JOIN accounts AS a "
    "ON a.user_id = json_extract(j.value, '$[0]') AND a.unit = json_extract(j.value, '$[1]')",
)
FIND_HOLDS = _as_one(
    f"{shapes.HOLD}, a.user_id, a.unit",
    "json_each(?1) AS j CROSS JOIN holds AS h ON h.id = j.value JOIN accounts AS a ON a.id = h.account_id",
)
FIND_ENTRIES = _as_one(
    f"a.user_id, a.unit, r.reversed_by, {', '.join(shapes.ENTRY)}, e.hash",
    "json_each(?1) AS j CROSS JOIN entries AS e ON e.id = j.value JOIN accounts AS a ON a.id = e.account_id "
    "LEFT JOIN reversals AS r ON r.entry_id = e.id",
)
FIND_MOVES = _as_one(
    f"m.entry_id, m.delta, {shapes.LOT}",
    "(SELECT * FROM json_each(?1) AS j CROSS JOIN entry_lots AS m ON m.entry_id = j.value "
    "ORDER BY m.entry_id, m.position) AS m JOIN lots AS l ON l.id = m.lot_id",
)
FIND_DUE = (
    "SELECT json_group_array(j.value) FROM json_each(?1) AS j "
    f"WHERE EXISTS (SELECT 1 FROM lots WHERE account_id = j.value AND {_DUE_LOTS}) "
    f"OR EXISTS (SELECT 1 FROM holds WHERE account_id = j.value AND {_DUE_HOLDS})"
)
DUE_ACCOUNTS = _as_one(
    "a.user_id, a.unit",
    "(SELECT account_id FROM (SELECT account_id FROM lots "
    f"WHERE {_DUE_LOTS} ORDER BY expires_at_us LIMIT ?1) "
    f"UNION SELECT account_id FROM (SELECT account_id FROM holds "
    f"WHERE {_DUE_HOLDS} ORDER BY expires_at_us LIMIT ?1)) AS d JOIN accounts AS a ON a.id = d.account_id",
)
OPEN_LOTS = _as_one(
    shapes.LOT,
    "json_each(?1) AS j CROSS JOIN lots AS l ON l.rowid IN (SELECT rowid FROM lots "
    f"WHERE account_id = j.value AND remaining > 0 ORDER BY {_BURN_ORDER} LIMIT ?2)",
)
OPEN_HOLDS = _as_one(
    shapes.HOLD,
    "json_each(?1) AS j CROSS JOIN holds AS h ON h.rowid IN (SELECT rowid FROM holds "
    "WHERE account_id = j.value AND state = 'open' LIMIT ?2)",
)
NEXT_EXPIRIES = _as_one(
    "n.account_id, n.at_us, (SELECT sum(remaining - earmarked) FROM lots WHERE account_id = n.account_id "
    "AND expires_at_us = n.at_us AND expires_at_us IS NOT NULL AND remaining > earmarked)",
    "(SELECT j.value AS account_id, (SELECT min(expires_at_us) FROM lots WHERE account_id = j.value "
    "AND expires_at_us IS NOT NULL AND remaining > earmarked) AS at_us FROM json_each(?1) AS j) AS n "
    "WHERE n.at_us IS NOT NULL",
)
NEXT_DUE = (
    "SELECT min((SELECT coalesce(min(expires_at_us), :never) FROM lots "
    "WHERE expires_at_us IS NOT NULL AND remaining > earmarked), "
    "(SELECT coalesce(min(expires_at_us), :never) FROM holds WHERE state = 'open'))"
).replace(":never", str(NEVER))
ALL = -1
"""As a LIMIT: no limit."""


INSERT_USERS = ManyRows("users", "user_id, created_at_us, updated_at_us")
SAVE_ACCOUNTS = ManyRows(
    "accounts",
    shapes.ACCOUNT_COLUMNS,
    "ON CONFLICT (id) DO UPDATE SET version = excluded.version, settled = excluded.settled, "
    "held = excluded.held, last_hash = excluded.last_hash, changed_at_us = excluded.changed_at_us, "
    "user_keys = excluded.user_keys",
    seldom=("user_keys",),
)
SAVE_LOTS = ManyRows(
    "lots",
    shapes.LOT_COLUMNS,
    "ON CONFLICT (id) DO UPDATE SET remaining = excluded.remaining, earmarked = excluded.earmarked",
    seldom=("expires_at_us", "source"),
)
SAVE_HOLDS = ManyRows(
    "holds",
    shapes.HOLD_COLUMNS,
    "ON CONFLICT (id) DO UPDATE SET state = excluded.state, marks = excluded.marks, "
    "captured = excluded.captured, closed_at_us = excluded.closed_at_us",
)
INSERT_ENTRIES = ManyRows(
    "entries",
    f"account_id, {shapes.ENTRY_COLUMNS}, hash",
    seldom=(
        "reason",
        "label",
        "metadata",
        "user_key",
        "request_id",
        "reverses, peer, hold_id, hold_expires_at_us, origin",
    ),
)
INSERT_MOVES = ManyRows("entry_lots", "entry_id, position, lot_id, delta")
INSERT_REVERSALS = ManyRows("reversals", "entry_id, reversed_by")
INSERT_ANSWERS = ManyRows("idempotency", "scope, key, content, answer, created_at_us")
INSERT_AUDIT = ManyRows(
    "audit", "id, at_us, actor, action, target, reason, before, after, address, request_id, details"
)
INSERT_BATCH_PARTS = ManyRows("batch_parts", "batch_id, position, rows")


# --- the store -----------------------------------------------------------------------------------------------------


class SqliteStore(ShopStore):
    """The writer's side of one SQLite file; `store.Store` says what each method promises."""

    is_alone = True

    def __init__(self, path: Path) -> None:
        self._path = path
        self._log_path = Path(f"{path}-wal")
        self._db = connect(path)
        self._checkpoint_at = CHECKPOINT_BYTES
        self._must_empty_log = False
        self._engine: Any = None
        self._has_run = False
        self._look_around()

    def _one(self, statement: str, *values: Any) -> Any:
        row = self._db.execute(statement, values).fetchone()
        return row[0] if row else None

    def _rows(self, statement: str, *values: Any) -> list[Any]:
        rows: list[Any] = json.loads(self._one(statement, *values))
        return rows

    def epoch(self) -> str:
        """The identity of the database's line of history."""
        return str(self._one("SELECT value FROM meta WHERE name = 'epoch'"))

    def newest_entry_id(self) -> str | None:
        """The largest id of an entry."""
        newest: str | None = self._one("SELECT max(id) FROM entries")
        return newest

    def newest_entry_of(self, account_ids: Collection[int]) -> str | None:
        """Nobody's but ours, and our ids are in order."""
        return None

    def _look_around(self) -> None:
        """Read what batches need of tables that only functions of their own transaction (`run`) write.

        It holds for the rest of the open transaction, too; if that is undone, it is read anew.
        """
        self._last_account_id: int = self._one("SELECT coalesce(max(id), 0) FROM accounts")
        self._low_thresholds: dict[str, int] = dict(
            self._rows(
                "SELECT json_group_array(json_array(name, low_threshold)) FROM units WHERE low_threshold IS NOT NULL"
            )
        )
        self._has_welcomes = bool(self._one("SELECT EXISTS (SELECT 1 FROM campaigns WHERE welcome = 1)"))

    def low_threshold(self, unit: str) -> int | None:
        """At or below how many available credits an account of this unit is low."""
        return self._low_thresholds.get(unit)

    def has_welcomes(self) -> bool:
        """Whether new users may be given anything."""
        return self._has_welcomes

    def new_account_id(self) -> int:
        """The next number; nobody else writes to this file."""
        self._last_account_id += 1
        return self._last_account_id

    # --- the transaction -------------------------------------------------------------------------------------------

    def begin(self, *, alone: bool = False) -> None:
        """Take the file's one write lock."""
        with told_apart():
            self._db.execute("BEGIN IMMEDIATE")

    def commit(self) -> None:
        """Write the batch to the log and wait until the disk has it."""
        with told_apart():
            self._db.execute("COMMIT")
        self._has_run = False

    def rollback(self) -> None:
        """Undo; SQLite has done so itself after some errors."""
        with contextlib.suppress(sqlite3.Error):
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            if self._has_run:  # what was seen then is not so
                self._look_around()
                self._has_run = False

    def tell(self, word: str) -> None:
        """Nothing: nobody else has the file open."""

    def run(self, ask: Callable[[Any], T]) -> T:
        """Call `ask` with a SQLAlchemy connection that stands on the writer's own."""
        if self._engine is None:
            from sqlalchemy import StaticPool, create_engine

            self._engine = create_engine("sqlite://", creator=lambda: self._db, poolclass=StaticPool)
        with self._engine.connect() as connection, told_apart():
            self._has_run = True
            result = ask(connection)
        self._look_around()
        return result

    # --- reading ---------------------------------------------------------------------------------------------------

    def lock(self, named: Named, now_us: int, most_lots: int) -> None:
        """Nothing: the file's one writer has it to itself."""

    def find_answers(self, keys: Collection[KeyOf]) -> dict[KeyOf, tuple[str, str]]:
        """Content and stored answer of each used key."""
        rows = self._rows(FIND_ANSWERS, dump(list(keys)))
        return {(scope, key): (content, answer) for scope, key, content, answer in rows}

    def find_users(self, user_ids: Collection[str]) -> set[str]:
        """Which of these users are known."""
        return {row[0] for row in self._rows(FIND_USERS, dump(list(user_ids)))}

    def find_accounts(self, keys: Collection[AccountKey]) -> list[tuple[Account, Side]]:
        """The accounts that exist; the file's one writer needs no row locks."""
        return [shapes.account_of(row) for row in self._rows(FIND_ACCOUNTS, dump(list(keys)))]

    def find_holds(self, hold_ids: Collection[str]) -> list[HoldRow]:
        """These holds, open or not."""
        rows = self._rows(FIND_HOLDS, dump(list(hold_ids)))
        return [shapes.hold_of(row[:9], (row[9], row[10])) for row in rows]

    def find_past(self, entry_ids: Collection[str]) -> tuple[dict[str, Past], list[Lot]]:
        """These entries, their peers, and the lots that they moved."""
        found = self._rows(FIND_ENTRIES, dump(list(entry_ids)))
        peers = {row[shapes.PEER] for row in found if row[shapes.PEER] is not None} - set(entry_ids)
        found += self._rows(FIND_ENTRIES, dump(list(peers))) if peers else []
        moves = self._rows(FIND_MOVES, dump([row[3] for row in found]))
        return shapes.past_of(found, moves)

    def find_due(self, account_ids: Collection[int], now_us: int) -> set[int]:
        """Which of these accounts have something due."""
        return set(self._rows(FIND_DUE, dump(list(account_ids)), now_us))

    def due_accounts(self, now_us: int, most: int) -> list[AccountKey]:
        """Accounts with something due, the longest overdue first."""
        return [(user_id, unit) for user_id, unit in self._rows(DUE_ACCOUNTS, most, now_us)]

    def open_lots(self, accounts: Mapping[int, AccountKey], most: int | None) -> dict[int, list[Lot]]:
        """Open lots of each account in burn order."""
        found: dict[int, list[Lot]] = {}
        for row in self._rows(OPEN_LOTS, dump(list(accounts)), ALL if most is None else most):
            found.setdefault(row[0], []).append(shapes.lot_of(row, accounts[row[0]]))
        for lots in found.values():
            lots.sort(key=shapes.burn_key)
        return found

    def open_holds(self, accounts: Mapping[int, AccountKey], most: int | None) -> dict[int, list[HoldRow]]:
        """Open holds of each account."""
        found: dict[int, list[HoldRow]] = {}
        for row in self._rows(OPEN_HOLDS, dump(list(accounts)), ALL if most is None else most):
            found.setdefault(row[0], []).append(shapes.hold_of(row, accounts[row[0]]))
        return found

    def next_expiries(self, account_ids: Collection[int]) -> dict[int, tuple[int, int]]:
        """When each account's next lots expire, and how much then."""
        rows = self._rows(NEXT_EXPIRIES, dump(list(account_ids)))
        return {number: (at_us, amount) for number, at_us, amount in rows}

    def next_due_us(self) -> int | None:
        """The earliest time at which anything is due."""
        at_us: int = self._one(NEXT_DUE)
        return None if at_us == NEVER else at_us

    # --- writing ---------------------------------------------------------------------------------------------------

    def save(self, rows: Rows) -> None:
        """Write the rows, each table's in one go, parents before children."""
        db = self._db
        with told_apart():
            INSERT_USERS.insert(db, ((user_id, at_us, at_us) for user_id, at_us in rows.users.items()))
            SAVE_ACCOUNTS.insert(db, (shapes.account_values(*pair) for pair in rows.accounts.values()))
            SAVE_LOTS.insert(db, (shapes.lot_values(*pair) for pair in rows.lots.values()))
            SAVE_HOLDS.insert(db, (shapes.hold_values(*pair) for pair in rows.holds.values()))
            INSERT_ENTRIES.insert(db, ((number, *entry_values(entry)) for number, entry in rows.entries))
            INSERT_MOVES.insert(
                db,
                (
                    (entry.id, position, move.lot_id, move.delta)
                    for _, entry in rows.entries
                    for position, move in enumerate(entry.lots)
                ),
            )
            INSERT_REVERSALS.insert(db, rows.reversals)
            self._save_shop(rows)
            INSERT_ANSWERS.insert(db, rows.answers)
            INSERT_AUDIT.insert(db, (astuple(row) for row in rows.audit))
            INSERT_BATCH_PARTS.insert(db, rows.batch_parts)
            save_broadcasts(db, rows)

    # --- housekeeping ----------------------------------------------------------------------------------------------

    def tidy(self, *, idle: bool) -> bool:
        """Copy the log into the file when nobody waits, or when the log has grown long."""
        size = self._log_size()
        if size and (idle or size > self._checkpoint_at):
            self._checkpoint(size)
        return not (self._must_empty_log and size)

    def empty_log(self) -> None:
        """Copy the log into the file and cut it to nothing: former versions of rows stand in it, erased ones too.

        A reader at work keeps the log for as long as it reads. Nobody waits for it here: `tidy` tries again.
        """
        self._must_empty_log = True
        self._checkpoint(self._log_size())

    def _log_size(self) -> int:
        try:
            return os.stat(self._log_path).st_size  # noqa: PTH116 - twice as quick, once for each batch
        except FileNotFoundError:
            return 0

    def _checkpoint(self, size: int) -> None:
        # An open snapshot or a full disk stops a checkpoint half-way; the next one goes on where it stopped.
        with contextlib.suppress(sqlite3.OperationalError):
            if self._must_empty_log:
                self._cut_log()
            _, frames, copied = self._db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            self._checkpoint_at = CHECKPOINT_BYTES if frames == copied else size + CHECKPOINT_BYTES

    def _cut_log(self) -> None:
        self._db.execute("PRAGMA busy_timeout = 0")
        try:
            is_busy, _, _ = self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        finally:
            self._db.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
        self._must_empty_log = bool(is_busy)

    def close(self) -> None:
        """Close the file; the last connection copies the log into it and removes the log."""
        self.rollback()
        if self._engine is not None:
            self._engine.dispose()
        self._db.close()
