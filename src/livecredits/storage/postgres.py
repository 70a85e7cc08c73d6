"""PostgreSQL: the writer's statements, all in one place and on the plain driver.

Promises: several writers, in one process or in many, may stand on one database. Each batch first locks all rows that it
names (vouchers, orders, accounts, each in the order of their ids) and only then reads what may change; what slips
through is caught by a constraint and raised as `Raced`. A transaction holds the ledger's lock shared, a function of its
own transaction holds it alone, so that such a function meets what SQLite's one writer would show it.

The odd things: the planner may not choose here. On young tables that nobody has analysed it reads whole tables for a
batch (a factor of 2–4), so each transaction forbids that; SET LOCAL, since a pooler forgets plain SET. And statements
go out together where none needs the other's answer (`_together`): every wait is a chance for the event loop to keep
the interpreter for milliseconds.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import astuple
from typing import Any, TypeVar

import psycopg

from livecredits.core.lots import NEVER, Lot
from livecredits.core.rows import Account, AccountKey, HoldRow, Past
from livecredits.storage import postgres_line, shapes
from livecredits.storage.postgres_line import told_apart
from livecredits.storage.postgres_rows import ArrayRows, inserting, texts, wholes
from livecredits.storage.postgres_shop import ShopStore, require_all
from livecredits.storage.store import KeyOf, Named, Rows, Side

T = TypeVar("T")

IDLE = psycopg.pq.TransactionStatus.IDLE
LEDGER_LOCK = 0x6C63_0001
"""The number of the advisory lock: shared by whoever moves credits, held alone by functions of their own."""
NUMBERS_AT_ONCE = 50
"""Account numbers that are taken from the sequence in one go."""
ONLY_WHERE_ASKED = 2**31
"""How often a statement has to come before psycopg prepares it unasked. With none it prepares nothing at all."""
BOUNDS_MS = {
    "lock_timeout": 10_000,
    "idle_in_transaction_session_timeout": 30_000,
    "statement_timeout": 30_000,
}
"""Longest wait for a lock, longest pause inside a transaction, longest statement: a process that was stopped in the
middle of one must not keep everybody else waiting for ever. A batch of 10,000 rows is decided in a second or two."""


# --- statements ----------------------------------------------------------------------------------------------------

_BOUNDS = ", ".join(f"set_config('{name}', '{most}', true)" for name, most in BOUNDS_MS.items())
_ARRAYS = "set_config('array_nulls', 'on', true)"  # else a NULL in an array that is spelled out is a text
_PLANNER = "set_config('plan_cache_mode', 'force_generic_plan', true), " + ", ".join(
    f"set_config('{name}', 'off', true)"
    for name in ("enable_seqscan", "enable_hashjoin", "enable_mergejoin", "jit")
)
"""One plan for each statement, whatever it is asked for: there is only one that reads by index."""
_LOOK_AROUND = (
    "SELECT (SELECT json_object_agg(name, low_threshold) FROM units WHERE low_threshold IS NOT NULL), "
    "EXISTS (SELECT FROM campaigns WHERE welcome = 1)"
)
BEGIN = (
    "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; "
    f"SELECT {_BOUNDS}, {_ARRAYS}, {_PLANNER}, pg_advisory_xact_lock_shared({LEDGER_LOCK}); {_LOOK_AROUND}"
)
"""In each transaction anew, whatever the defaults of the role and of the database are."""
BEGIN_ALONE = BEGIN.replace("_lock_shared(", "_lock(")

_NAMED = "unnest($1::text[], $2::text[]) AS j (user_id, unit)"
LOCK_ACCOUNTS = (
    f"SELECT {shapes.ACCOUNT} FROM {_NAMED} JOIN accounts AS a ON a.user_id = j.user_id AND a.unit = j.unit "
    "ORDER BY a.id FOR NO KEY UPDATE OF a"
)
LOCK_ALL_ACCOUNTS = (
    f"SELECT {shapes.ACCOUNT} FROM accounts AS a WHERE a.id = ANY (ARRAY("
    f"SELECT a.id FROM {_NAMED} JOIN accounts AS a ON a.user_id = j.user_id AND a.unit = j.unit "
    "UNION SELECT h.account_id FROM unnest($3::text[]) AS j (id) JOIN holds AS h ON h.id = j.id "
    "UNION SELECT e.account_id FROM unnest($4::text[]) AS j (id) JOIN entries AS e ON e.id = j.id "
    "UNION SELECT p.account_id FROM unnest($4::text[]) AS j (id) JOIN entries AS e ON e.id = j.id "
    "JOIN entries AS p ON p.id = e.peer "
    "UNION SELECT a.id FROM unnest($5::text[]) AS j (id) JOIN orders AS o ON o.id = j.id "
    "JOIN accounts AS a ON a.user_id = o.user_id AND a.unit = o.unit "
    "UNION SELECT a.id FROM unnest($6::text[], $7::text[]) AS j (user_id, digest) "
    "JOIN vouchers AS v ON v.digest = j.digest LEFT JOIN campaigns AS c ON c.id = v.campaign_id "
    "JOIN accounts AS a ON a.user_id = j.user_id AND a.unit = coalesce(v.unit, c.unit)"
    ")) ORDER BY a.id FOR NO KEY UPDATE"
)
"""Those that are named, and those to which the named holds, entries, orders and codes lead."""
FIND_ANSWERS = (
    "SELECT i.scope, i.key, i.content, i.answer FROM unnest($1::text[], $2::text[]) AS j (scope, key) "
    "JOIN idempotency AS i ON i.scope = j.scope AND i.key = j.key"
)
FIND_USERS = "SELECT u.user_id FROM unnest($1::text[]) AS j (id) JOIN users AS u ON u.user_id = j.id"
FIND_HOLDS = (
    f"SELECT {shapes.HOLD}, a.user_id, a.unit FROM unnest($1::text[]) AS j (id) "
    "JOIN holds AS h ON h.id = j.id JOIN accounts AS a ON a.id = h.account_id"
)
FIND_ENTRIES = (
    f"SELECT a.user_id, a.unit, r.reversed_by, {', '.join(shapes.ENTRY)}, e.hash FROM unnest($1::text[]) AS j (id) "
    "JOIN entries AS e ON e.id = j.id JOIN accounts AS a ON a.id = e.account_id "
    "LEFT JOIN reversals AS r ON r.entry_id = e.id"
)
FIND_MOVES = (
    f"SELECT m.entry_id, m.delta, {shapes.LOT} FROM unnest($1::text[]) AS j (id) "
    "JOIN entry_lots AS m ON m.entry_id = j.id JOIN lots AS l ON l.id = m.lot_id ORDER BY m.entry_id, m.position"
)
_DUE_LOTS = "expires_at_us IS NOT NULL AND remaining > earmarked AND expires_at_us <= $2::bigint"
_DUE_HOLDS = "state = 'open' AND expires_at_us <= $2::bigint"
FIND_DUE = (
    "SELECT j.id FROM unnest($1::bigint[]) AS j (id) "
    f"WHERE EXISTS (SELECT FROM lots WHERE account_id = j.id AND {_DUE_LOTS}) "
    f"OR EXISTS (SELECT FROM holds WHERE account_id = j.id AND {_DUE_HOLDS})"
)
FIND_DUE_NAMED = (
    f"SELECT a.id FROM {_NAMED} JOIN accounts AS a ON a.user_id = j.user_id AND a.unit = j.unit "
    f"WHERE EXISTS (SELECT FROM lots WHERE account_id = a.id AND {_DUE_LOTS.replace('$2', '$3')}) "
    f"OR EXISTS (SELECT FROM holds WHERE account_id = a.id AND {_DUE_HOLDS.replace('$2', '$3')})"
)
DUE_ACCOUNTS = (
    "SELECT a.user_id, a.unit FROM ("
    f"(SELECT account_id FROM lots WHERE {_DUE_LOTS} ORDER BY expires_at_us LIMIT $1) "
    f"UNION (SELECT account_id FROM holds WHERE {_DUE_HOLDS} ORDER BY expires_at_us LIMIT $1)) AS d "
    "JOIN accounts AS a ON a.id = d.account_id"
)
OPEN_LOTS = (
    f"SELECT {shapes.LOT} FROM unnest($1::bigint[]) AS j (id) CROSS JOIN LATERAL ("
    "SELECT * FROM lots WHERE account_id = j.id AND remaining > 0 "
    f"ORDER BY priority, coalesce(expires_at_us, {NEVER}), born, id LIMIT $2) AS l"
)
OPEN_HOLDS = (
    f"SELECT {shapes.HOLD} FROM unnest($1::bigint[]) AS j (id) CROSS JOIN LATERAL ("
    "SELECT * FROM holds WHERE account_id = j.id AND state = 'open' LIMIT $2) AS h"
)
_CAN_EXPIRE = "expires_at_us IS NOT NULL AND remaining > earmarked"
NEXT_EXPIRIES = (
    "SELECT j.id, n.at_us, (SELECT sum(remaining - earmarked)::bigint FROM lots "
    f"WHERE account_id = j.id AND expires_at_us = n.at_us AND {_CAN_EXPIRE}) "
    "FROM unnest($1::bigint[]) AS j (id) CROSS JOIN LATERAL ("
    f"SELECT min(expires_at_us) AS at_us FROM lots WHERE account_id = j.id AND {_CAN_EXPIRE}) AS n "
    "WHERE n.at_us IS NOT NULL"
)
NEXT_DUE = (
    f"SELECT least((SELECT min(expires_at_us) FROM lots WHERE {_CAN_EXPIRE}), "
    "(SELECT min(expires_at_us) FROM holds WHERE state = 'open'))"
)
NEWEST_OF = (
    "SELECT max(e.id) FROM unnest($1::bigint[]) AS j (id) JOIN accounts AS a ON a.id = j.id "
    "JOIN entries AS e ON e.account_id = a.id AND e.version = a.version"
)
NEW_NUMBERS = "SELECT nextval('account_numbers') FROM generate_series(1, $1)"
EPOCH = (
    "SELECT value, (SELECT system_identifier FROM pg_control_system()), "
    "left(pg_walfile_name(pg_current_wal_lsn()), 8) FROM meta WHERE name = 'epoch'"
)
"""Our own mark, which server it is, and its timeline: a standby that takes over begins a new one."""
TELL = (
    "INSERT INTO notices (node, at_us, body) "
    "VALUES ($1, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint, $2)"
)

INSERT_USERS = inserting("users", "user_id, created_at_us, updated_at_us")
SAVE_ACCOUNTS = inserting(
    "accounts",
    shapes.ACCOUNT_COLUMNS,
    "ON CONFLICT (id) DO UPDATE SET version = excluded.version, settled = excluded.settled, held = excluded.held, "
    "last_hash = excluded.last_hash, changed_at_us = excluded.changed_at_us, user_keys = excluded.user_keys",
)
SAVE_LOTS = inserting(
    "lots",
    shapes.LOT_COLUMNS,
    "ON CONFLICT (id) DO UPDATE SET remaining = excluded.remaining, earmarked = excluded.earmarked",
)
SAVE_HOLDS = inserting(
    "holds",
    shapes.HOLD_COLUMNS,
    "ON CONFLICT (id) DO UPDATE SET state = excluded.state, marks = excluded.marks, "
    "captured = excluded.captured, closed_at_us = excluded.closed_at_us",
)
INSERT_ENTRIES = inserting("entries", f"account_id, {shapes.ENTRY_COLUMNS}, hash")
INSERT_MOVES = inserting("entry_lots", "entry_id, position, lot_id, delta")
INSERT_REVERSALS = inserting("reversals", "entry_id, reversed_by")
INSERT_ANSWERS = inserting("idempotency", "scope, key, content, answer, created_at_us")
INSERT_AUDIT = inserting(
    "audit", "id, at_us, actor, action, target, reason, before, after, address, request_id, details"
)
INSERT_BATCH_ROWS = inserting(
    "batch_rows", "batch_id, row, user_id, unit, op, amount, before, after, entry_id, code, detail"
)
_COUNTS = ", ".join(f"{name} = excluded.{name}" for name in shapes.BROADCAST_COUNTED)
SAVE_BROADCASTS = inserting(
    "broadcasts",
    f"id, node, {', '.join(shapes.BROADCAST_COUNTED)}",
    f"ON CONFLICT (id, node) DO UPDATE SET {_COUNTS}",
)
SAVE_SPANS = inserting(
    "broadcast_spans",
    "node, first_id, before_id",
    "ON CONFLICT (node, first_id) DO UPDATE SET before_id = excluded.before_id",
)


# --- the store -----------------------------------------------------------------------------------------------------


class PostgresStore(ShopStore):
    """One writer's side of a PostgreSQL database; `store.Store` says what each method promises."""

    is_alone = False

    def __init__(self, url: str, node: str = "") -> None:
        """Connect; what psycopg raises then is the opener's to tell. `node` signs what is told to others."""
        self._url = url
        self._node = node
        self._epoch = ""
        self._word: str | None = None
        self._engine: Any = None
        self._numbers: list[int] = []
        self._low_thresholds: dict[str, int] = {}
        self._has_welcomes = False
        self._is_alone = False
        self._locked: dict[AccountKey, tuple[Account, Side]] = {}
        self._answers: tuple[frozenset[KeyOf], list[Any]] = (frozenset(), [])
        self._due: tuple[int, set[int], set[int]] | None = None
        self._db = self._connect()

    def _connect(self) -> psycopg.Connection[Any]:
        db = postgres_line.connect(self._url, postgres_line.lent())
        self._cursor = psycopg.RawCursor(db)
        self._is_direct = postgres_line.is_direct(db)
        if self._is_direct:
            db.prepare_threshold = ONLY_WHERE_ASKED
        self._epoch = epoch_of(db)
        if self._engine is not None:
            self._engine.dispose()
            self._engine = None
        return db

    def _found(self, statement: str, *values: Any) -> list[Any]:
        with told_apart():
            return self._cursor.execute(statement, values, prepare=self._is_direct).fetchall()

    def _found_together(self, asked: Sequence[tuple[str, tuple[Any, ...]]]) -> list[list[Any]]:
        """What several statements give, one after the other and with one wait."""
        cursors = [psycopg.RawCursor(self._db) for _ in asked]
        with told_apart(), self._db.pipeline():
            for cursor, (statement, values) in zip(cursors, asked, strict=True):
                cursor.execute(statement, values, prepare=self._is_direct)
        return [cursor.fetchall() for cursor in cursors]

    def _one(self, statement: str) -> Any:
        (row,) = self._found(statement)
        return row[0]

    def epoch(self) -> str:
        """The identity of the database's line of history."""
        return self._epoch

    def newest_entry_id(self) -> str | None:
        """The largest id of an entry."""
        newest: str | None = self._one("SELECT max(id) FROM entries")
        return newest

    def newest_entry_of(self, account_ids: Collection[int]) -> str | None:
        """The largest id of the newest entries of these accounts."""
        newest: str | None = self._found(NEWEST_OF, wholes(account_ids))[0][0]
        return newest

    def low_threshold(self, unit: str) -> int | None:
        """At or below how many available credits an account of this unit is low."""
        return self._low_thresholds.get(unit)

    def has_welcomes(self) -> bool:
        """Whether new users may be given anything."""
        return self._has_welcomes

    def new_account_id(self) -> int:
        """The next of the numbers that were taken from the sequence; those of an undone transaction are lost."""
        if not self._numbers:
            self._numbers = [row[0] for row in reversed(self._found(NEW_NUMBERS, NUMBERS_AT_ONCE))]
        return self._numbers.pop()

    # --- the transaction -------------------------------------------------------------------------------------------

    def begin(self, *, alone: bool = False) -> None:
        """Begin, and look at what every batch needs of the tables that only `alone` transactions write.

        A connection that turns out to be dead is replaced once: nothing has been asked of it yet.
        """
        with told_apart():
            try:
                self._begin(alone=alone)
            except (psycopg.OperationalError, psycopg.InterfaceError):
                if not self._db.closed:
                    raise
                self._db = self._connect()
                self._begin(alone=alone)

    def _begin(self, *, alone: bool) -> None:
        self._is_alone = alone
        self._cursor.execute(BEGIN_ALONE if alone else BEGIN)
        self._look_around()

    def _look_around(self) -> None:
        self._cursor.set_result(-1)
        (thresholds, self._has_welcomes) = self._cursor.fetchall()[0]
        self._low_thresholds = thresholds or {}

    def tell(self, word: str) -> None:
        """Leave word; it is sent with the commit."""
        self._word = word

    def commit(self) -> None:
        """Commit. A transaction that had failed is answered with ROLLBACK, which is no error to PostgreSQL."""
        self._forget()
        word, self._word = self._word, None
        with told_apart(), self._db.pipeline():
            if word is not None:
                psycopg.RawCursor(self._db).execute(TELL, (self._node, word), prepare=self._is_direct)
            self._cursor.execute("COMMIT", prepare=self._is_direct)
        assert self._cursor.statusmessage == "COMMIT", self._cursor.statusmessage

    def rollback(self) -> None:
        """Undo; a connection that broke has been undone by the server."""
        self._forget()
        self._word = None
        with contextlib.suppress(psycopg.Error):
            if not self._db.closed:
                self._cursor.execute("ROLLBACK")
        if self._db.info.transaction_status != IDLE:  # cut in the middle of something: not worth mending
            self._db.close()

    def _forget(self) -> None:
        """What was read belongs to the transaction."""
        self._locked.clear()
        self._answers, self._due = (frozenset(), []), None

    def run(self, ask: Callable[[Any], T]) -> T:
        """Call `ask` with a SQLAlchemy connection that stands on the writer's own."""
        if self._engine is None:
            from sqlalchemy import StaticPool, create_engine

            self._engine = create_engine(
                "postgresql+psycopg://",
                creator=lambda: self._db,
                poolclass=StaticPool,
                use_native_hstore=False,
            )
        with told_apart(alone=self._is_alone), self._engine.connect() as connection:
            result = ask(connection)
        self._cursor.execute(_LOOK_AROUND)
        self._look_around()
        return result

    # --- locking and reading ---------------------------------------------------------------------------------------

    def lock(self, named: Named, now_us: int) -> None:
        """Lock vouchers, orders and accounts; what every batch asks for next is asked along with it, and kept."""
        self._lock_shop(named, welcomes=self._has_welcomes)
        accounts = _columns(named.accounts)
        asked: list[tuple[str, tuple[Any, ...]]] = [(LOCK_ACCOUNTS, accounts)]
        leads_on = bool(named.holds or named.entries or named.orders or named.codes)
        if leads_on:
            users, digests = zip(*named.codes, strict=True) if named.codes else ((), ())
            leads = map(texts, (named.holds, named.entries, named.orders, users, digests))
            asked = [(LOCK_ALL_ACCOUNTS, (*accounts, *leads))]
        asked.append((FIND_ANSWERS, _columns(named.keys)))
        if not leads_on:
            asked.append((FIND_DUE_NAMED, (*accounts, now_us)))
        locked, answers, *due = self._found_together(asked)
        self._keep_locked(locked)
        self._answers = (frozenset(named.keys), answers)
        # Of these accounts, and for this time; others are asked for when they turn up.
        self._due = (now_us, {row[9] for row in locked}, {row[0] for row in due[0]}) if due else None

    def _keep_locked(self, found: list[Any]) -> None:
        for row in found:
            account, side = shapes.account_of(row)
            self._locked[account.key] = (account, side)

    def find_accounts(self, keys: Collection[AccountKey]) -> list[tuple[Account, Side]]:
        """The accounts as they were when they were locked."""
        unlocked = [key for key in keys if key not in self._locked]
        if (
            unlocked
        ):  # made since, or due: rare, and out of order, so that at worst it deadlocks and is decided anew
            self._keep_locked(self._found(LOCK_ACCOUNTS, *_columns(unlocked)))
        return [self._locked.pop(key) for key in keys if key in self._locked]

    def find_answers(self, keys: Collection[KeyOf]) -> dict[KeyOf, tuple[str, str]]:
        """Content and stored answer of each used key."""
        known, rows = self._answers
        if not known.issuperset(keys):
            rows = self._found(FIND_ANSWERS, *_columns(keys))
        return {(scope, key): (content, answer) for scope, key, content, answer in rows}

    def find_users(self, user_ids: Collection[str]) -> set[str]:
        """Which of these users are known."""
        return {row[0] for row in self._found(FIND_USERS, texts(user_ids))}

    def find_holds(self, hold_ids: Collection[str]) -> list[HoldRow]:
        """These holds, open or not."""
        return [
            shapes.hold_of(row[:9], (row[9], row[10])) for row in self._found(FIND_HOLDS, texts(hold_ids))
        ]

    def find_past(self, entry_ids: Collection[str]) -> tuple[dict[str, Past], list[Lot]]:
        """These entries, their peers, and the lots that they moved."""
        found = self._found(FIND_ENTRIES, texts(entry_ids))
        peers = {row[shapes.PEER] for row in found if row[shapes.PEER] is not None} - set(entry_ids)
        found += self._found(FIND_ENTRIES, texts(peers)) if peers else []
        moves = self._found(FIND_MOVES, texts([row[3] for row in found]))
        return shapes.past_of(found, moves)

    def find_due(self, account_ids: Collection[int], now_us: int) -> set[int]:
        """Which of these accounts have something due."""
        if self._due is not None and self._due[0] == now_us and self._due[1].issuperset(account_ids):
            return self._due[2].intersection(account_ids)
        return {row[0] for row in self._found(FIND_DUE, wholes(account_ids), now_us)}

    def due_accounts(self, now_us: int, most: int) -> list[AccountKey]:
        """Accounts with something due, the longest overdue first."""
        return [(user_id, unit) for user_id, unit in self._found(DUE_ACCOUNTS, most, now_us)]

    def open_lots(self, accounts: Mapping[int, AccountKey], most: int | None) -> dict[int, list[Lot]]:
        """Open lots of each account in burn order."""
        found: dict[int, list[Lot]] = {}
        for row in self._found(OPEN_LOTS, wholes(accounts), most):
            found.setdefault(row[0], []).append(shapes.lot_of(row, accounts[row[0]]))
        for lots in found.values():
            lots.sort(key=shapes.burn_key)
        return found

    def open_holds(self, accounts: Mapping[int, AccountKey], most: int | None) -> dict[int, list[HoldRow]]:
        """Open holds of each account."""
        found: dict[int, list[HoldRow]] = {}
        for row in self._found(OPEN_HOLDS, wholes(accounts), most):
            found.setdefault(row[0], []).append(shapes.hold_of(row, accounts[row[0]]))
        return found

    def next_expiries(self, account_ids: Collection[int]) -> dict[int, tuple[int, int]]:
        """When each account's next lots expire, and how much then."""
        rows = self._found(NEXT_EXPIRIES, wholes(account_ids))
        return {number: (at_us, amount) for number, at_us, amount in rows}

    def next_due_us(self) -> int | None:
        """The earliest time at which anything is due."""
        at_us: int | None = self._one(NEXT_DUE)
        return at_us

    # --- writing ---------------------------------------------------------------------------------------------------

    def save(self, rows: Rows) -> None:
        """Write the rows, each table's in one statement, parents before children, all in one go."""
        moves = [
            (entry.id, position, move.lot_id, move.delta)
            for _, entry in rows.entries
            for position, move in enumerate(entry.lots)
        ]
        # Users sorted: two writers that make the same ones meet in one order.
        users = sorted((user_id, at_us, at_us) for user_id, at_us in rows.users.items())
        self._together(
            [
                (INSERT_USERS, users, False),
                (SAVE_ACCOUNTS, [shapes.account_values(*pair) for pair in rows.accounts.values()], False),
                (SAVE_LOTS, [shapes.lot_values(*pair) for pair in rows.lots.values()], False),
                (SAVE_HOLDS, [shapes.hold_values(*pair) for pair in rows.holds.values()], False),
                (
                    INSERT_ENTRIES,
                    [(number, *shapes.entry_values(entry)) for number, entry in rows.entries],
                    False,
                ),
                (INSERT_MOVES, moves, False),
                (INSERT_REVERSALS, rows.reversals, False),
                *self._shop_statements(rows),
                (INSERT_ANSWERS, rows.answers, False),
                (INSERT_AUDIT, [astuple(row) for row in rows.audit], False),
                (INSERT_BATCH_ROWS, rows.batch_rows, False),
                (SAVE_BROADCASTS, rows.broadcasts, False),
                (SAVE_SPANS, rows.spans, False),
            ]
        )

    def _together(self, statements: Sequence[tuple[ArrayRows, Sequence[Any], bool]]) -> None:
        """Send all statements that have rows, then wait once."""
        counted: list[tuple[psycopg.RawCursor[Any], int]] = []
        with told_apart(), self._db.pipeline():
            for statement, rows, must_hit in statements:
                if rows:
                    cursor = psycopg.RawCursor(self._db)
                    cursor.execute(statement.text, statement.values(rows), prepare=self._is_direct)
                    if must_hit:
                        counted.append((cursor, len(rows)))
        for cursor, meant in counted:
            require_all(cursor.rowcount, meant)

    # --- housekeeping ----------------------------------------------------------------------------------------------

    def tidy(self, *, idle: bool) -> bool:
        """Nothing: the server keeps house itself."""
        return True

    def empty_log(self) -> None:
        """Nothing: the server's log is its own, and goes by its rules of retention."""

    def close(self) -> None:
        """Undo what is open, and hang up."""
        self.rollback()
        self._db.close()


def epoch_of(connection: Any) -> str:
    """The identity of a database's line of history, asked of psycopg's connection or SQLAlchemy's."""
    ask = getattr(connection, "exec_driver_sql", connection.execute)
    place = " ".join(map(str, ask(EPOCH).fetchone()))
    return f"ep_{hashlib.sha256(place.encode()).hexdigest()[:16]}"


def _columns(pairs: Collection[tuple[str, str]]) -> tuple[str, str]:
    """Pairs as two arrays."""
    if not pairs:
        return "{}", "{}"
    first, second = zip(*pairs, strict=True)
    return texts(first), texts(second)
