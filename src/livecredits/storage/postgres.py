"""PostgreSQL: what the writer locks, reads and writes, and which of it goes out together.

Promises: several writers, in one process or in many, may stand on one database. Each batch first locks all rows that it
names (vouchers, orders, accounts, each in the order of their ids) and only then reads what may change; what slips
through is caught by a constraint and raised as `Raced`.

The odd thing: what nearly every batch asks next is asked along with the locks (`_Ahead`), each statement behind the one
that it needs. So a batch waits twice: for what it has to know, and for the commit.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import astuple, dataclass, field
from typing import Any

from livecredits.clock import Clock
from livecredits.core.lots import Lot
from livecredits.core.rows import Account, AccountKey, HoldRow, Past
from livecredits.storage import postgres_statements as statements
from livecredits.storage import shapes
from livecredits.storage.postgres_pipe import Statement
from livecredits.storage.postgres_rows import ArrayRows, texts, wholes
from livecredits.storage.postgres_session import Session
from livecredits.storage.postgres_shop import ShopStore
from livecredits.storage.store import KeyOf, Named, Rows, Side

NUMBERS_AT_ONCE = 50
"""Account numbers that are taken from the sequence in one go."""


@dataclass(slots=True)
class _Ahead:
    """What was asked along with the locks, and of what; it holds until something is written."""

    now_us: int = 0
    most_lots: int = 0
    accounts: set[AccountKey] = field(default_factory=set)
    takers: set[AccountKey] = field(default_factory=set)
    keys: set[KeyOf] = field(default_factory=set)
    numbers: set[int] = field(default_factory=set)
    """The accounts of which `due` tells."""
    answers: list[Any] = field(default_factory=list)
    lots: list[Any] = field(default_factory=list)
    due: set[int] = field(default_factory=set)

    def note_due(self, found: list[Any]) -> None:
        """Accounts that have something due."""
        self.due = {row[0] for row in found}


class PostgresStore(Session, ShopStore):
    """One writer's side of a PostgreSQL database; `store.Store` says what each method promises."""

    def __init__(self, url: str, node: str = "", clock: Clock | None = None) -> None:
        """Connect, as `Session` does."""
        self._numbers: list[int] = []
        self._locked: dict[AccountKey, tuple[Account, Side]] = {}
        self._ahead = _Ahead()
        super().__init__(url, node, clock)

    def newest_entry_id(self) -> str | None:
        """The largest id of an entry."""
        newest: str | None = self._found(statements.NEWEST)[0][0]
        return newest

    def newest_entry_of(self, account_ids: Collection[int]) -> str | None:
        """The largest id of the newest entries of these accounts."""
        newest: str | None = self._found(statements.NEWEST_OF, wholes(account_ids))[0][0]
        return newest

    def new_account_id(self) -> int:
        """The next of the numbers that were taken from the sequence; those of an undone transaction are lost."""
        if not self._numbers:
            found = self._found(statements.NEW_NUMBERS, NUMBERS_AT_ONCE)
            self._numbers = [row[0] for row in reversed(found)]
        return self._numbers.pop()

    def begin(self, *, alone: bool = False) -> None:
        """Begin; what was read before belonged to another transaction."""
        self._locked.clear()
        self._ahead = _Ahead()
        super().begin(alone=alone)

    # --- locking and reading ---------------------------------------------------------------------------------------

    def lock(self, named: Named, now_us: int, most_lots: int) -> None:
        """Lock vouchers, orders and accounts; what every batch asks for next is asked along with it, and kept."""
        ahead = self._ahead = _Ahead(now_us, most_lots, named.accounts, named.takers, named.keys)
        accounts, asked = _columns(named.accounts), self._shop_locks(named)
        leads_on = bool(named.holds or named.entries or named.orders or named.codes)
        if leads_on:
            users, digests = zip(*named.codes, strict=True) if named.codes else ((), ())
            leads = map(texts, (named.holds, named.entries, named.orders, users, digests))
            asked.append(Statement(statements.LOCK_ALL_ACCOUNTS, (*accounts, *leads), self._keep_locked))
        else:
            asked.append(Statement(statements.LOCK_ACCOUNTS, accounts, self._keep_locked))
            asked.append(Statement(statements.FIND_DUE_NAMED, (*accounts, now_us), ahead.note_due))
        if named.keys:
            asked.append(Statement(statements.FIND_ANSWERS, _columns(named.keys), ahead.answers.extend))
        if named.takers:
            takers = (*_columns(named.takers), most_lots)
            asked.append(Statement(statements.OPEN_LOTS_NAMED, takers, ahead.lots.extend))
        self._ask(*asked)
        if not leads_on:  # of others it is asked when they turn up
            ahead.numbers = {side.id for _, side in self._locked.values()}

    def _keep_locked(self, found: list[Any]) -> None:
        for row in found:
            account, side = shapes.account_of(row)
            self._locked[account.key] = (account, side)

    def find_accounts(self, keys: Collection[AccountKey]) -> list[tuple[Account, Side]]:
        """The accounts as they were when they were locked."""
        unlocked = [key for key in keys if key not in self._locked and key not in self._ahead.accounts]
        if (
            unlocked
        ):  # due, or led to by a row that was made since: rare, and out of order, so that at worst it
            # deadlocks and is decided anew
            self._keep_locked(self._found(statements.LOCK_ACCOUNTS, *_columns(unlocked)))
        return [self._locked.pop(key) for key in keys if key in self._locked]

    def find_answers(self, keys: Collection[KeyOf]) -> dict[KeyOf, tuple[str, str]]:
        """Content and stored answer of each used key."""
        rows = self._ahead.answers
        if not self._ahead.keys.issuperset(keys):
            rows = self._found(statements.FIND_ANSWERS, *_columns(keys))
        return {(scope, key): (content, answer) for scope, key, content, answer in rows}

    def find_users(self, user_ids: Collection[str]) -> set[str]:
        """Which of these users are known."""
        return {row[0] for row in self._found(statements.FIND_USERS, texts(user_ids))}

    def find_holds(self, hold_ids: Collection[str]) -> list[HoldRow]:
        """These holds, open or not."""
        return [
            shapes.hold_of(row[:9], (row[9], row[10]))
            for row in self._found(statements.FIND_HOLDS, texts(hold_ids))
        ]

    def find_past(self, entry_ids: Collection[str]) -> tuple[dict[str, Past], list[Lot]]:
        """These entries, their peers, and the lots that they moved."""
        found = self._found(statements.FIND_ENTRIES, texts(entry_ids))
        peers = {row[shapes.PEER] for row in found if row[shapes.PEER] is not None} - set(entry_ids)
        found += self._found(statements.FIND_ENTRIES, texts(peers)) if peers else []
        moves = self._found(statements.FIND_MOVES, texts([row[3] for row in found]))
        return shapes.past_of(found, moves)

    def find_due(self, account_ids: Collection[int], now_us: int) -> set[int]:
        """Which of these accounts have something due."""
        ahead = self._ahead
        if ahead.now_us == now_us and ahead.numbers.issuperset(account_ids):
            return ahead.due.intersection(account_ids)
        return {row[0] for row in self._found(statements.FIND_DUE, wholes(account_ids), now_us)}

    def due_accounts(self, now_us: int, most: int) -> list[AccountKey]:
        """Accounts with something due, the longest overdue first."""
        return [(user_id, unit) for user_id, unit in self._found(statements.DUE_ACCOUNTS, most, now_us)]

    def open_lots(self, accounts: Mapping[int, AccountKey], most: int | None) -> dict[int, list[Lot]]:
        """Open lots of each account in burn order."""
        found: dict[int, list[Lot]] = {}
        ahead = self._ahead
        rows = ahead.lots
        if most != ahead.most_lots or not ahead.takers.issuperset(accounts.values()):
            rows = self._found(statements.OPEN_LOTS, wholes(accounts), most)
        for row in rows:
            if row[0] in accounts:
                found.setdefault(row[0], []).append(shapes.lot_of(row, accounts[row[0]]))
        for lots in found.values():
            lots.sort(key=shapes.burn_key)
        return found

    def open_holds(self, accounts: Mapping[int, AccountKey], most: int | None) -> dict[int, list[HoldRow]]:
        """Open holds of each account."""
        found: dict[int, list[HoldRow]] = {}
        for row in self._found(statements.OPEN_HOLDS, wholes(accounts), most):
            found.setdefault(row[0], []).append(shapes.hold_of(row, accounts[row[0]]))
        return found

    def next_expiries(self, account_ids: Collection[int]) -> dict[int, tuple[int, int]]:
        """When each account's next lots expire, and how much then."""
        rows = self._found(statements.NEXT_EXPIRIES, wholes(account_ids))
        return {number: (at_us, amount) for number, at_us, amount in rows}

    def next_due_us(self) -> int | None:
        """The earliest time at which anything is due."""
        at_us: int | None = self._found(statements.NEXT_DUE)[0][0]
        return at_us

    # --- writing ---------------------------------------------------------------------------------------------------

    def save(self, rows: Rows) -> None:
        """Send the rows, each table's in one statement, parents before children; nothing waits for them yet."""
        self._ahead = _Ahead()  # what was read is no longer so
        moves = [
            (entry.id, position, move.lot_id, move.delta)
            for _, entry in rows.entries
            for position, move in enumerate(entry.lots)
        ]
        # Users sorted: two writers that make the same ones meet in one order.
        users = sorted((user_id, at_us, at_us) for user_id, at_us in rows.users.items())
        entries = [(number, *shapes.entry_values(entry)) for number, entry in rows.entries]
        written: list[tuple[ArrayRows, Sequence[Any]]] = [
            (statements.INSERT_USERS, users),
            *_accounts_and_lots(rows),
            (statements.SAVE_HOLDS, [shapes.hold_values(*pair) for pair in rows.holds.values()]),
            (statements.INSERT_ENTRIES, entries),
            (statements.INSERT_MOVES, moves),
            (statements.INSERT_REVERSALS, rows.reversals),
            *self._shop_inserts(rows),
            (statements.INSERT_ANSWERS, rows.answers),
            (statements.INSERT_AUDIT, [astuple(row) for row in rows.audit]),
            (statements.INSERT_BATCH_PARTS, rows.batch_parts),
            (statements.SAVE_BROADCASTS, rows.broadcasts),
            (statements.SAVE_SPANS, rows.spans),
        ]
        sent = [Statement(one.text, one.values(of)) for one, of in written if of]
        moved = self._shop_moves(rows)
        self._must_hit |= bool(moved)
        self._begin_with((*sent, *moved))


def _accounts_and_lots(rows: Rows) -> list[tuple[ArrayRows, Sequence[Any]]]:
    """What entries made goes as a whole; of what was there before only goes what has changed."""
    # An account may be there before it has an entry.
    opened = {number for number, entry in rows.entries if entry.version == 1}
    made = {move.lot_id for _, entry in rows.entries for move in entry.lots if move.terms is not None}
    accounts, lots = rows.accounts.values(), rows.lots.values()
    return [
        (
            statements.SAVE_ACCOUNTS,
            [shapes.account_values(*pair) for pair in accounts if pair[1].id in opened],
        ),
        (
            statements.MOVE_ACCOUNTS,
            [shapes.account_moved(*pair) for pair in accounts if pair[1].id not in opened],
        ),
        (statements.SAVE_LOTS, [shapes.lot_values(number, lot) for number, lot in lots if lot.id in made]),
        (statements.MOVE_LOTS, [shapes.lot_moved(lot) for _, lot in lots if lot.id not in made]),
    ]


def _columns(pairs: Collection[tuple[str, str]]) -> tuple[str, str]:
    """Pairs as two arrays."""
    if not pairs:
        return "{}", "{}"
    first, second = zip(*pairs, strict=True)
    return texts(first), texts(second)
