"""Check the whole ledger: re-add every balance, re-hash every entry, compare all that must agree.

Promises: any single field of an entry, an account, a lot, a hold, a movement or a reversal that was edited behind the
ledger's back is found, and named by table and row. Reads beside a running writer, in short snapshots of a few hundred
accounts each, because a long one would stop the checkpoint. Must not mend anything.

The odd thing: what cannot be found is an edit of everything at once by somebody who knows how the chain is made.
Keeping `last_hash` of some accounts elsewhere is the answer to that.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass, field, replace
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, Protocol

from livecredits.core.chain import GENESIS, canonical, link
from livecredits.core.lots import Lot
from livecredits.core.rows import Entry, LotMove
from livecredits.storage import migrate, shapes, sqlite
from livecredits.storage.append_only import append_only_triggers
from livecredits.storage.batch import KEPT_KEYS
from livecredits.storage.schema import APPEND_ONLY
from livecredits.storage.spelling import in_sqlite
from livecredits.storage.store import seal_of
from livecredits.storage.verify_shop import SHOP_STRAYS

Progress = Callable[[int, int], None]
"""Called with how many entries are checked, and of how many."""

ACCOUNTS_AT_ONCE = 256
DAMAGES_TOLD = 10_000
"""A file that is damaged throughout need not be described row by row."""


@dataclass(frozen=True, slots=True)
class Damage:
    """One thing that is not as it must be: in which table, in which row, and what is wrong."""

    table: str
    row: str
    what: str

    def __str__(self) -> str:
        return f"{self.table} {self.row}: {self.what}"


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What `verify` found: how much it looked at, and every damage."""

    entries: int
    accounts: int
    damages: tuple[Damage, ...] = ()

    @property
    def is_clean(self) -> bool:
        """Whether all is as it must be."""
        return not self.damages

    def as_json(self) -> dict[str, Any]:
        """The report by field."""
        damages = [{"table": one.table, "row": one.row, "what": one.what} for one in self.damages]
        return {
            "entries": self.entries,
            "accounts": self.accounts,
            "clean": self.is_clean,
            "damages": damages,
        }


class Moments(Protocol):
    """A database as the check asks it. Rows give their columns by name."""

    def moment(self) -> AbstractContextManager[None]:
        """What is asked within the block is answered from one moment of the database."""

    def rows(self, statement: str, *values: Any) -> list[Any]:
        """All rows that a statement gives."""

    def stream(self, statement: str, *values: Any) -> Iterator[Any]:
        """The same, row by row: there may be a million."""

    def firsts(self, statement: str) -> list[Any]:
        """The first column of each row."""

    def rewritable(self) -> list[str]:
        """The append-only tables that lack what guards them."""


def verify(path: Path, progress: Progress | None = None) -> VerifyReport:
    """Check a database file; it may be open in a running server.

    Raises:
        StartRefused: its schema is not this program's.
    """
    with closing(sqlite.connect_reader(path)) as db:
        migrate.require_up_to_date(db)
        return check(_File(db), progress)


def check(moments: Moments, progress: Progress | None) -> VerifyReport:
    """Check a ledger, whatever it is kept in."""
    return _Check(moments, progress).run()


class _File:
    """A SQLite file as the check asks it."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    @contextlib.contextmanager
    def moment(self) -> Iterator[None]:
        self._db.execute("BEGIN")
        try:
            yield
        finally:
            self._db.execute("ROLLBACK")

    def rows(self, statement: str, *values: Any) -> list[Any]:
        return list(self.stream(statement, *values))

    def stream(self, statement: str, *values: Any) -> Iterator[Any]:
        cursor = self._db.cursor()
        cursor.row_factory = sqlite3.Row
        yield from cursor.execute(in_sqlite(statement), values)

    def firsts(self, statement: str) -> list[Any]:
        return [row[0] for row in self.stream(statement)]

    def rewritable(self) -> list[str]:
        standing = set(self.firsts("SELECT sql FROM sqlite_master WHERE type = 'trigger'"))
        return [
            table.name
            for table in APPEND_ONLY
            for statement in append_only_triggers(table)
            if statement not in standing
        ]


@dataclass(slots=True)
class _Running:
    """What the entries of one account add up to."""

    version: int = 0
    settled: int = 0
    held: int = 0
    last_hash: str = GENESIS
    at_us: int | None = None
    keys: list[tuple[str, int]] = field(default_factory=list)
    lots: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    holds: dict[str, list[Any]] = field(default_factory=lambda: defaultdict(list))


class _Check:
    def __init__(self, moments: Moments, progress: Progress | None) -> None:
        self._moments = moments
        self._rows, self._stream = moments.rows, moments.stream
        self._progress = progress or (lambda _done, _total: None)
        self._damages: list[Damage] = []
        self._done = 0
        self._total = 0

    def run(self) -> VerifyReport:
        self._total = self._moments.firsts("SELECT count(*) FROM entries")[0]
        checked, last = 0, 0
        while True:
            # One moment of the database for accounts, entries, lots and holds alike.
            with self._moments.moment():
                numbers = self._rows(
                    "SELECT id FROM accounts WHERE id > ? ORDER BY id LIMIT ?", last, ACCOUNTS_AT_ONCE
                )
                if numbers:
                    self._check_accounts(last + 1, last := numbers[-1]["id"])
            checked += len(numbers)
            if not numbers:
                break
            self._progress(self._done, max(self._total, self._done))
        for table in self._moments.rewritable():
            self._report(table, "–", "can be rewritten: its trigger is missing or altered")
        for table, statement, what in STRAYS:
            for row in self._moments.firsts(statement):
                self._report(table, row, what)
        return VerifyReport(self._done, checked, tuple(self._damages))

    def _report(self, table: str, row: object, what: str) -> None:
        if len(self._damages) < DAMAGES_TOLD:
            self._damages.append(Damage(table, str(row), what))

    def _require(self, table: str, row: object, pairs: Mapping[str, tuple[Any, Any]]) -> None:
        """Report every field that is not as the entries have it: name → (stored, right)."""
        for name, (stored, right) in pairs.items():
            if stored != right:
                self._report(table, row, f"{name} is {stored!r} and must be {right!r}")

    # --- accounts --------------------------------------------------------------------------------------------------

    def _check_accounts(self, first: int, last: int) -> None:
        between = (first, last)
        accounts = {row["id"]: row for row in self._rows(ACCOUNTS, *between)}
        lots = _grouped(self._rows(LOTS, *between))
        holds = _grouped(self._rows(HOLDS, *between))
        # In the order of the entries, so that an account with a million of them needs no more memory than one.
        moves = groupby(self._stream(MOVES, *between), key=itemgetter("entry_id"))
        entry_id, mine = next(moves, (None, iter(())))
        running = {number: _Running() for number in accounts}
        for row in self._stream(ENTRIES, *between):
            moved = []
            if entry_id == row["id"]:
                moved = list(mine)
                entry_id, mine = next(moves, (None, iter(())))
            account = accounts.get(row["account_id"])
            if account is not None:
                self._check_entry(account, row, moved, running[account["id"]])
        for number, account in accounts.items():
            self._check_account(account, running[number])
            self._check_lots(account, running[number], lots.get(number, []), holds.get(number, []))
            self._check_holds(running[number], holds.get(number, []))

    def _check_entry(self, account: Any, row: Any, moves: list[Any], running: _Running) -> None:
        entry = _entry(account, row, moves)
        stored = row["hash"]
        self._require(
            "entries",
            entry.id,
            {
                "version": (entry.version, running.version + 1),
                "settled_after": (entry.settled_after, running.settled + entry.settled_delta),
                "held_after": (entry.held_after, running.held + entry.held_delta),
                "amount": (entry.amount, entry.settled_delta or entry.held_delta),
                "hash": (stored, link(running.last_hash, canonical(entry.fields()))),
            },
        )
        running.version, running.last_hash, running.at_us = entry.version, stored, entry.at_us
        running.settled, running.held = entry.settled_after, entry.held_after
        if entry.user_key is not None:
            running.keys.append((entry.user_key, entry.version))
        if entry.hold_id is not None:
            running.holds[entry.hold_id].append(row)
        for move in moves:
            running.lots[move["lot_id"]] += move["delta"]
            if move["account_id"] != account["id"]:
                self._report("lots", move["lot_id"], f"belongs to another account than entry {entry.id}")
            elif move["born"] == entry.version:
                right = {
                    "amount": (move["amount"], move["delta"]),
                    "created_at_us": (move["created_at_us"], entry.at_us),
                }
                self._require("lots", move["lot_id"], right)
        self._done += 1
        if self._done % 10_000 == 0:
            self._progress(self._done, max(self._total, self._done))

    def _check_account(self, account: Any, running: _Running) -> None:
        keys = json.dumps(running.keys[-KEPT_KEYS:], ensure_ascii=False, separators=(",", ":"))
        seal = seal_of(
            account["user_id"], account["unit"], account["floor"], account["frozen"], account["created_at_us"],
            account["low_threshold"],
        )  # fmt: skip
        self._require(
            "accounts",
            f"{account['user_id']}/{account['unit']}",
            {
                "version": (account["version"], running.version),
                "settled": (account["settled"], running.settled),
                "held": (account["held"], running.held),
                "last_hash": (account["last_hash"], running.last_hash),
                "changed_at_us": (account["changed_at_us"], running.at_us),
                "user_keys": (account["user_keys"], keys if running.keys else None),
                "seal": (account["seal"], seal),
            },
        )

    # --- lots and holds --------------------------------------------------------------------------------------------

    def _check_lots(self, account: Any, running: _Running, lots: list[Any], holds: list[Any]) -> None:
        earmarked: dict[str, int] = defaultdict(int)
        for hold in holds:
            for lot_id, part in _marks(hold):
                earmarked[lot_id] += part
        for lot in lots:
            right = {
                "remaining": (lot["remaining"], running.lots.get(lot["id"], 0)),
                "earmarked": (lot["earmarked"], earmarked.pop(lot["id"], 0)),
            }
            self._require("lots", lot["id"], right)
        for lot_id in earmarked:
            self._report("holds", lot_id, "a hold earmarks a lot that its account does not have")
        total = sum(lot["remaining"] for lot in lots)
        if total != max(running.settled, 0):
            name = f"{account['user_id']}/{account['unit']}"
            self._report("lots", name, f"add up to {total} and must to {max(running.settled, 0)}")

    def _check_holds(self, running: _Running, holds: list[Any]) -> None:
        for hold in holds:
            rows = running.holds.pop(hold["id"], [])
            if not rows:
                self._report("holds", hold["id"], "no entry has made it")
                continue
            self._require("holds", hold["id"], _right_hold(hold, rows))
            if sum(part for _, part in _marks(hold)) > hold["amount"]:
                self._report("holds", hold["id"], "marks are more than its amount")
        for hold_id in running.holds:
            self._report("holds", hold_id, "is missing, or belongs to another account than its entries")


def _right_hold(hold: Any, rows: list[Any]) -> dict[str, tuple[Any, Any]]:
    """Each field of a hold, as it is and as the entries that name it have it."""
    opened, closed = rows[0], rows[1:]
    captures = [row for row in closed if row["kind"] == "capture"]
    state = "captured" if captures else "released" if closed else "open"
    right = {
        "amount": (hold["amount"], opened["held_delta"]),
        "expires_at_us": (hold["expires_at_us"], opened["hold_expires_at_us"]),
        "created_at_us": (hold["created_at_us"], opened["at_us"]),
        "state": (hold["state"], state),
        "captured": (hold["captured"], -sum(row["settled_delta"] for row in captures)),
        "closed_at_us": (hold["closed_at_us"], closed[0]["at_us"] if closed else None),
    }
    if closed:
        right["marks"] = (hold["marks"], "[]")
    return right


def _marks(hold: Any) -> list[tuple[str, int]]:
    try:
        return [(lot_id, int(part)) for lot_id, part in json.loads(hold["marks"])]
    except (ValueError, TypeError):
        return [(f"unreadable marks of {hold['id']}", 1)]


def _grouped(rows: list[Any]) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = {}
    for row in rows:
        found.setdefault(row["account_id"], []).append(row)
    return found


def _entry(account: Any, row: Any, moves: list[Any]) -> Entry:
    names = [name for name in row.keys() if name not in {"account_id", "hash"}]  # noqa: SIM118 - a Row is no mapping
    entry = Entry(user_id=account["user_id"], unit=account["unit"], **{name: row[name] for name in names})
    return replace(entry, lots=tuple(_move(account, entry, move) for move in moves))


def _move(account: Any, entry: Entry, row: Any) -> LotMove:
    lot = Lot(
        row["lot_id"], account["user_id"], account["unit"], row["amount"], 0, 0, row["priority"],
        row["expires_at_us"], row["source"], row["born"], row["created_at_us"],
    )  # fmt: skip
    return shapes.move_of(lot, row["delta"], entry.version)


_BETWEEN = "account_id BETWEEN ? AND ?"
ACCOUNTS = "SELECT * FROM accounts WHERE id BETWEEN ? AND ?"
# By name: between the halves of a roll-out there are columns of a later version, too.
ENTRIES = f"SELECT account_id, {shapes.ENTRY_COLUMNS}, hash FROM entries WHERE {_BETWEEN} ORDER BY account_id, version"
LOTS = f"SELECT * FROM lots WHERE {_BETWEEN}"
HOLDS = f"SELECT * FROM holds WHERE {_BETWEEN}"
MOVES = (
    "SELECT m.entry_id, m.lot_id, m.delta, l.account_id, l.amount, l.priority, l.expires_at_us, l.source, l.born, "
    "l.created_at_us FROM entries AS e JOIN entry_lots AS m ON m.entry_id = e.id "
    f"LEFT JOIN lots AS l ON l.id = m.lot_id WHERE e.{_BETWEEN} ORDER BY e.account_id, e.version, m.position"
)
STRAYS = (
    (
        "entries",
        "SELECT x.id FROM entries AS x WHERE NOT EXISTS (SELECT 1 FROM accounts AS a WHERE a.id = x.account_id)",
        "belongs to no account",
    ),
    (
        "lots",
        "SELECT x.id FROM lots AS x WHERE NOT EXISTS (SELECT 1 FROM accounts AS a WHERE a.id = x.account_id)",
        "belongs to no account",
    ),
    (
        "holds",
        "SELECT x.id FROM holds AS x WHERE NOT EXISTS (SELECT 1 FROM accounts AS a WHERE a.id = x.account_id)",
        "belongs to no account",
    ),
    (
        "entry_lots",
        "SELECT m.entry_id FROM entry_lots AS m WHERE NOT EXISTS (SELECT 1 FROM entries AS e WHERE e.id = m.entry_id)",
        "names an entry that is missing",
    ),
    (
        "accounts",
        "SELECT a.user_id FROM accounts AS a WHERE NOT EXISTS (SELECT 1 FROM users AS u WHERE u.user_id = a.user_id)",
        "names a user who is missing",
    ),
    (
        "reversals",
        (
            "SELECT r.entry_id FROM reversals AS r LEFT JOIN entries AS e "
            "ON e.id = r.reversed_by AND e.reverses = r.entry_id WHERE e.id IS NULL"
        ),
        "no entry reverses it",
    ),
    (
        "entries",
        (
            "SELECT e.id FROM entries AS e LEFT JOIN reversals AS r "
            "ON r.entry_id = e.reverses AND r.reversed_by = e.id WHERE e.reverses IS NOT NULL AND r.entry_id IS NULL"
        ),
        "reverses an entry that is not marked as reversed",
    ),
    (
        "idempotency",
        (
            "SELECT i.scope || ' ' || i.key FROM idempotency AS i LEFT JOIN entries AS e "
            "ON e.id = (i.answer ->> 'entry') WHERE (i.answer ->> 'code') IS NULL AND (i.answer ->> 'made') IS NULL "
            "AND (e.id IS NULL OR CAST(e.amount AS TEXT) IS DISTINCT FROM (i.answer ->> 'amount') "
            "OR e.kind IS DISTINCT FROM (i.answer ->> 'kind'))"
        ),
        "was answered with an entry that is missing or another one",
    ),
    *SHOP_STRAYS,
)
"""What stands alone: table, the rows, and what is wrong with them."""
