"""A ledger in memory for tests of the rules: the pure core, a counter for ids, and a clock that the test turns.

It does what the writer does around the core and nothing more: settle what is due, decide, apply. Every entry it gets
is kept, so that a test can ask what the history says.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from livecredits.core.changes import Change
from livecredits.core.ledger import decide, settle_due
from livecredits.core.rows import Account, Book, Decision, Entry, HoldRow, Past, Refusal

START_US = 1_800_000_000_000_000
SECOND_US = 1_000_000


@dataclass
class Books:
    """All accounts, loaded whole."""

    book: Book = field(default_factory=lambda: Book(users={"ada", "bob"}))
    entries: list[Entry] = field(default_factory=list)
    now_us: int = START_US
    _ids: int = 0

    def new_id(self, prefix: str) -> str:
        self._ids += 1
        return f"{prefix}_{self._ids:06d}"

    def configure(self, user_id: str, unit: str = "credits", **fields: Any) -> None:
        self.book.accounts[user_id, unit] = replace(self.book.account(user_id, unit), **fields)

    def settle(self) -> None:
        for key in list(self.book.accounts):
            settled = settle_due(self.book, key, self.now_us, self.new_id)
            if settled is not None:
                self._keep(settled)

    def ask(self, change: Change) -> Decision | Refusal:
        self.settle()
        answer = decide(self.book, change, self.now_us, self.new_id)
        if isinstance(answer, Decision):
            self._keep(answer)
        return answer

    def do(self, change: Change) -> Entry:
        answer = self.ask(change)
        assert isinstance(answer, Decision), answer
        return answer.primary

    def refused(self, change: Change) -> Refusal:
        before = dict(self.book.accounts)
        answer = self.ask(change)
        assert isinstance(answer, Refusal), answer
        assert self.book.accounts == before, "a refusal leaves everything as it was"
        return answer

    def wait(self, seconds: int) -> None:
        self.now_us += seconds * SECOND_US
        self.settle()

    def account(self, user_id: str = "ada", unit: str = "credits") -> Account:
        return self.book.account(user_id, unit)

    def hold(self, hold_id: str | None) -> HoldRow:
        assert hold_id is not None
        return self.book.holds[hold_id]

    def history(self, user_id: str = "ada", unit: str = "credits") -> list[Entry]:
        return [entry for entry in self.entries if (entry.user_id, entry.unit) == (user_id, unit)]

    def _keep(self, decision: Decision) -> None:
        self.book.apply(decision)
        for entry in decision.entries:
            self.entries.append(entry)
            self.book.past[entry.id] = Past(entry)


def check(books: Books) -> None:
    """What holds after every decision, whatever was decided."""
    for key, account in books.book.accounts.items():
        check_account(account, books.history(*key))


def check_account(account: Account, history: list[Entry]) -> None:
    assert [entry.version for entry in history] == list(range(1, account.version + 1))
    assert account.settled == sum(entry.settled_delta for entry in history)
    assert account.held == sum(entry.held_delta for entry in history)
    assert sum(lot.remaining for lot in account.lots) == max(account.settled, 0)
    assert all(0 <= lot.earmarked <= lot.remaining <= lot.amount for lot in account.lots)
    assert sorted(account.lots, key=lambda lot: lot.burn_key) == list(account.lots)
    marks: dict[str, int] = {}
    for hold in account.holds.values():
        for lot_id, part in hold.marks:
            marks[lot_id] = marks.get(lot_id, 0) + part
    assert marks == {lot.id: lot.earmarked for lot in account.lots if lot.earmarked}
    assert account.held == sum(hold.amount for hold in account.holds.values())
    moved: dict[str, int] = {}
    for entry in history:
        for move in entry.lots:
            moved[move.lot_id] = moved.get(move.lot_id, 0) + move.delta
    assert {id: n for id, n in moved.items() if n} == {lot.id: lot.remaining for lot in account.lots}
