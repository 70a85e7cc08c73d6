"""M6: history cannot be rewritten: the database refuses it, and whoever edits the file is found out, field by field."""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.storage.hands import IS_DEEP, HandClock, fresh_database, rows

from livecredits import BatchRow, Credits, StartRefused
from livecredits.core.changes import Actor, Spend
from livecredits.storage.verify import verify

EDITS = 1_000 if IS_DEEP else 200
EDITED = {
    "accounts": ("user_id", "unit", "version", "settled", "held", "floor", "frozen", "last_hash", "user_keys",
                 "changed_at_us", "created_at_us", "seal", "low_threshold"),
    "entries": ("id", "account_id", "version", "kind", "amount", "settled_delta", "held_delta", "settled_after",
                "held_after", "at_us", "actor", "reason", "label", "metadata", "user_key", "request_id", "reverses",
                "peer", "hold_id", "hold_expires_at_us", "hash", "origin"),
    "lots": ("id", "account_id", "amount", "remaining", "earmarked", "priority", "expires_at_us", "source", "born",
             "created_at_us"),
    "holds": ("id", "account_id", "amount", "state", "marks", "captured", "expires_at_us", "created_at_us",
              "closed_at_us"),
    "entry_lots": ("entry_id", "lot_id", "delta"),
    "reversals": ("entry_id", "reversed_by"),
    "orders": ("id", "user_id", "unit", "credits", "state", "entry_id", "fulfilled_at_us", "fulfilled_by",
               "refund_entry_id", "refunded_at_us"),
    "fulfilments": ("order_id", "entry_id"),
    "redemptions": ("voucher_id", "turn", "scope", "user_id", "user_turn", "entry_id", "amount", "at_us"),
}  # fmt: skip
KEYS = {
    "accounts": "user_id, unit", "entry_lots": "entry_id", "reversals": "entry_id", "fulfilments": "order_id",
    "redemptions": "voucher_id, turn", "batch_parts": "batch_id, position",
}  # fmt: skip
"""What names a row, where it is not its `id`."""
UNCOVERED = {
    ("accounts", "id"),  # the others' references lead nowhere without it
    ("entry_lots", "position"),
    ("redemptions", "address"),  # goes when a person is erased
    # What was sold, to whom it is billed, and what was said about it, moves no credits.
    *(("orders", name) for name in ("package_id", "package", "validity_s", "billing", "purchase_reference", "metadata",
                                    "created_by", "created_at_us", "claimed_by", "note", "cancelled_at_us",
                                    "cancelled_by", "cancel_reason")),
}  # fmt: skip


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A closed file with every kind of entry in it."""
    path = fresh_database(tmp_path_factory.mktemp("verify"))
    clock = HandClock()
    credits = Credits(f"sqlite:///{path}", clock=clock)
    _live(credits, clock)
    credits.sync.close()
    return path


def _live(credits: Credits, clock: HandClock) -> None:
    ask = credits.sync
    ask.create_campaign("word", credits=4, word="WORD", max_per_user=None)
    package = ask.put_package(name="S", credits=9, price_minor=1, currency="EUR")
    for number in range(12):
        user = f"user-{number % 4}"
        later = clock.later(50)
        ask.grant(user, 100, key=f"grant-{number}", reason="r", label="l", metadata={"n": number})
        ask.grant(user, 20, expires_at=later, priority=1, source="gift")
        spent = ask.spend(user, 7, key=f"mine-{number}", as_user=True)
        held = ask.hold(user, 30, ttl_s=1000)
        if number % 3:
            ask.capture(held.hold or "", 10)
        if number % 3 == 2:
            ask.release(ask.hold(user, 5).hold or "")
        if number > 3:
            ask.transfer(user, f"user-{(number + 1) % 4}", 3)
        ask.reverse(spent.entry)
        ask.redeem(user, "WORD", address="192.0.2.1")
        ask.redeem(user, ask.create_voucher(2).code)
        order = ask.order(user, package.id)
        ask.fulfil(order.id, fulfilled_by="eve")
        if number % 3 == 1:
            ask.refund(order.id, spent="left")
        clock.advance(20)
    ask.put_user("user-1", floor=-50)
    ask.batch([BatchRow(1, "user-1", "grant", 3)])
    ask.apply(
        Spend(user_id="user-1", amount=5, audit="x", actor=Actor("operator", "op_1", request_id="req_1"))
    )


def test_an_honest_ledger_is_clean(ledger: Path) -> None:
    told: list[tuple[int, int]] = []
    report = verify(ledger, lambda done, total: told.append((done, total)))
    assert report.is_clean, [str(damage) for damage in report.damages]
    assert told[-1] == (report.entries, report.entries)
    assert report.entries > 60


@pytest.mark.parametrize(
    "table", ["entries", "entry_lots", "reversals", "audit", "fulfilments", "redemptions", "batch_parts"]
)
@pytest.mark.parametrize(
    "statement", ["UPDATE {} SET rowid = rowid", "DELETE FROM {}", "REPLACE INTO {} SELECT * FROM {}"]
)
async def test_the_database_refuses_to_rewrite_it(
    ledger: Path, tmp_path: Path, table: str, statement: str
) -> None:
    path = Path(shutil.copy(ledger, tmp_path))
    first = KEYS.get(table, "id").partition(",")[0]
    statement = statement.replace("rowid", first).replace("{}", table)
    async with Credits(f"sqlite:///{path}") as credits:
        with pytest.raises(Exception, match="append-only"):
            await credits.write(lambda connection: connection.exec_driver_sql(statement))


@pytest.mark.parametrize("table", ["audit", "redemptions", "batch_parts"])
def test_nobody_replaces_a_row_that_nothing_else_tells_of(ledger: Path, tmp_path: Path, table: str) -> None:
    """Over any connection: by itself, SQLite deletes a replaced row without asking the trigger that guards it."""
    path = Path(shutil.copy(ledger, tmp_path))
    before = rows(path, f"SELECT * FROM {table}")
    db = sqlite3.connect(path)
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        db.execute(f"REPLACE INTO {table} SELECT * FROM {table}")
    db.close()
    assert rows(path, f"SELECT * FROM {table}") == before
    assert before


def test_nobody_replaces_a_redemption_by_another_of_its_keys(ledger: Path, tmp_path: Path) -> None:
    path = Path(shutil.copy(ledger, tmp_path))
    db = sqlite3.connect(path)
    for moved in ("voucher_id, turn + 90, scope, user_id, user_turn, entry_id || 'x'",
                  "voucher_id, turn + 90, scope, user_id, user_turn + 90, entry_id"):  # fmt: skip
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            db.execute(f"REPLACE INTO redemptions SELECT {moved}, amount, at_us, address FROM redemptions")
    db.close()


def test_every_single_edit_of_a_field_is_found(ledger: Path, tmp_path: Path) -> None:
    chance = random.Random(20_261_123)
    path = tmp_path / "edited.db"
    missed = []
    for _ in range(EDITS):
        shutil.copyfile(ledger, path)
        edit = _edit(path, chance)
        if verify(path).is_clean:
            missed.append(edit)
    assert not missed


def test_every_field_of_every_table_is_among_the_edits(ledger: Path) -> None:
    """A new column must either be covered by `verify` or be named here with the reason why it need not be."""
    db = sqlite3.connect(ledger)
    for table, fields in EDITED.items():
        columns = {row[1] for row in db.execute(f"PRAGMA table_info({table})")}
        assert columns - set(fields) <= {name for owner, name in UNCOVERED if owner == table}
    db.close()


def _edit(path: Path, chance: random.Random) -> tuple[str, str, Any, Any]:
    """Change one field of one row to another value of its kind, past all triggers and constraints."""
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA ignore_check_constraints = ON")
    put_back = _drop_triggers(db)
    while True:
        table = chance.choice(list(EDITED))
        field = chance.choice(EDITED[table])
        count = db.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
        row = chance.randrange(count)
        key = KEYS.get(table, "id")
        where = f"({key}) = (SELECT {key} FROM {table} ORDER BY {key} LIMIT 1 OFFSET {row})"
        if table == "entry_lots":
            where += " AND position = 0"
        (former,) = db.execute(f"SELECT {field} FROM {table} WHERE {where}").fetchone()
        value = _another(former, chance)
        try:
            db.execute(f"UPDATE {table} SET {field} = ? WHERE {where}", (value,))
        except sqlite3.IntegrityError:
            continue
        put_back()
        db.close()
        return table, field, former, value


def _drop_triggers(db: sqlite3.Connection) -> Callable[[], None]:
    """Take all triggers away; the answer puts them back, so that their absence is not what is found."""
    triggers = db.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
    for name, _ in triggers:
        db.execute(f"DROP TRIGGER {name}")

    def put_back() -> None:
        for _, sql in triggers:
            db.execute(sql)

    return put_back


def _another(former: Any, chance: random.Random) -> Any:
    if isinstance(former, int):
        return former + chance.choice([-1, 1, 1_000, -(2**40)])
    if former is None:
        return chance.choice([1, 2**40])
    place = chance.randrange(len(former))
    return former[:place] + ("0" if former[place] != "0" else "1") + former[place + 1 :]


def test_a_missing_row_is_found(ledger: Path, tmp_path: Path) -> None:
    for table in ("entries", "entry_lots", "lots", "holds", "reversals", "accounts", "users"):
        path = Path(shutil.copyfile(ledger, tmp_path / f"{table}.db"))
        db = sqlite3.connect(path, isolation_level=None)
        put_back = _drop_triggers(db)
        first = {
            "accounts": "user_id",
            "users": "user_id",
            "entry_lots": "entry_id",
            "reversals": "entry_id",
        }.get(table, "id")
        db.execute(f"DELETE FROM {table} WHERE {first} = (SELECT max({first}) FROM {table})")
        put_back()
        db.close()
        assert not verify(path).is_clean, table


def test_a_missing_trigger_is_found(ledger: Path, tmp_path: Path) -> None:
    path = Path(shutil.copy(ledger, tmp_path))
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("DROP TRIGGER entries_no_update")
    db.close()
    (damage,) = verify(path).damages
    assert damage.table == "entries"
    assert "trigger" in damage.what


def test_an_answer_whose_entry_is_gone_is_found(ledger: Path, tmp_path: Path) -> None:
    path = Path(shutil.copy(ledger, tmp_path))
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("UPDATE idempotency SET answer = replace(answer, 'ent_', 'ent-') WHERE key = 'grant-3'")
    db.close()
    (damage,) = verify(path).damages
    assert (damage.table, damage.row) == ("idempotency", "service grant-3")


async def test_it_reads_beside_a_running_writer(tmp_path: Path) -> None:
    path = fresh_database(tmp_path)
    async with Credits(f"sqlite:///{path}") as credits:
        await credits.grant("ada", 5)
        assert verify(path).entries == 1
        await credits.grant("ada", 5)
        assert (await credits.verify()).entries == 2


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    sqlite3.connect(path).close()
    with pytest.raises(StartRefused, match="migrate"):
        verify(path)
