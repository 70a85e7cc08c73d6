"""Migrations: a fresh file equals an upgraded one, and nothing that is not ours is touched."""

from __future__ import annotations

import json
import re
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import create_mock_engine
from sqlalchemy.dialects import postgresql
from tests.storage.hands import fresh_database, rows

from livecredits import BatchRow, Credits, StartRefused
from livecredits.storage import migrate, sqlite
from livecredits.storage.schema import metadata


def schema_of(path: Path) -> list[list[str]]:
    """Every table, index and trigger, without the accidents of spelling: spaces, quotes, the order of constraints."""
    found = rows(path, "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL")
    texts = (re.sub(r"\s+|\"", "", str(sql)).rpartition(")") for (sql,) in found)
    return sorted(sorted([*body.split(","), options]) for body, _, options in texts)


def test_a_fresh_schema_equals_what_the_migrations_add_up_to(tmp_path: Path) -> None:
    fresh = fresh_database(tmp_path)
    db = sqlite.connect(tmp_path / "upgraded.db")
    db.execute("BEGIN IMMEDIATE")
    migrate._upgrade(db, "none")
    db.execute("COMMIT")
    db.close()
    assert schema_of(tmp_path / "upgraded.db") == schema_of(fresh)


def test_the_first_release_is_upgraded_with_all_that_it_holds(tmp_path: Path) -> None:
    """Seals, chains and balances stay right; the file ends with the columns, indexes and triggers of a fresh one."""
    path = _first_release(tmp_path)
    credits = Credits(f"sqlite:///{path}")
    assert credits.sync.balance("ada").credits == 7
    voucher = credits.sync.create_voucher(5)
    assert credits.sync.redeem("ada", voucher.code).credits == 12
    credits.sync.put_user("ada", low_threshold=3)
    report = credits.sync.verify()
    assert report.is_clean, [str(damage) for damage in report.damages]
    credits.sync.close()
    assert _shape_of(path) == _shape_of(fresh_database(tmp_path))


ROW_BY_ROW = """
CREATE TABLE batch_rows (batch_id TEXT NOT NULL, "row" INTEGER NOT NULL, user_id TEXT NOT NULL, unit TEXT NOT NULL,
  op TEXT NOT NULL, amount INTEGER NOT NULL, "before" INTEGER, "after" INTEGER, entry_id TEXT, code TEXT, detail TEXT,
  PRIMARY KEY (batch_id, "row"), FOREIGN KEY(batch_id) REFERENCES batches (id)) STRICT, WITHOUT ROWID;
INSERT INTO batch_rows SELECT batch_id, json_extract(value, '$[0]'), json_extract(value, '$[1]'),
  json_extract(value, '$[2]'), json_extract(value, '$[3]'), json_extract(value, '$[4]'), json_extract(value, '$[5]'),
  json_extract(value, '$[6]'), json_extract(value, '$[7]'), json_extract(value, '$[8]'), json_extract(value, '$[9]')
  FROM batch_parts, json_each(batch_parts.rows);
CREATE TRIGGER batch_rows_no_delete BEFORE DELETE ON batch_rows
  BEGIN SELECT RAISE(ABORT, 'batch_rows: append-only'); END;
DROP TABLE batch_parts;
UPDATE alembic_version SET version_num = '0008';
"""
"""A file of today as the schema before 0009 had it: a table row for each row of a batch."""


def test_rows_that_were_kept_one_by_one_move_over(tmp_path: Path) -> None:
    """They read as they did, are undone, and a batch that had broken off goes on behind them."""
    path = tmp_path / "own.db"
    credits = Credits(f"sqlite:///{path}")
    given = [BatchRow(2 * number + 1, f"u{number}", "grant", 5) for number in range(1_200)]
    made = credits.sync.batch([*given, BatchRow(7_000, "nobody", "adjust", -1)], reason='it\'s "new"')
    broken = credits.sync.batch(given[:600], key="k")
    credits.sync.close()
    taken = rows(path, f"SELECT rows FROM batch_parts WHERE position = 1 AND batch_id = '{broken.batch}'")
    lost = {row[0] for row in json.loads(str(taken[0][0]))}
    assert len(lost) == 100
    _run(path, "UPDATE batches SET state = 'running', finished_at_us = NULL WHERE key = 'k'")
    db = sqlite3.connect(path)
    db.executescript("DROP TRIGGER batch_parts_no_delete; DELETE FROM batch_parts WHERE position = 1 AND batch_id = "
                     f"'{broken.batch}';" + ROW_BY_ROW)  # fmt: skip
    db.close()
    credits = Credits(f"sqlite:///{path}")
    assert made.batch is not None
    assert credits.sync.batch_of(made.batch) == made
    assert _shape_of(path) == _shape_of(fresh_database(tmp_path))
    again = credits.sync.batch(given[:600], key="k")
    assert (again.batch, again.applied, len(again.rows)) == (broken.batch, 600, 600)
    # What is staged here took the rows of the second part away, but not their entries: those rows are applied anew.
    anew = [row for row, former in zip(again.rows, broken.rows, strict=True) if row.entry != former.entry]
    assert {row.row for row in anew} == lost
    assert {row.before for row in anew} == {10}
    assert credits.sync.reverse_batch(made.batch).state == "reversed"
    assert credits.sync.verify().is_clean
    credits.sync.close()


def _first_release(folder: Path) -> Path:
    """A file as the first release made it, with one account."""
    path = folder / "first.db"
    db = sqlite3.connect(path)
    db.executescript((Path(__file__).parent / "schemas" / "0001.sql").read_text("utf-8"))
    db.executescript((Path(__file__).parent / "schemas" / "0001-rows.sql").read_text("utf-8"))
    db.close()
    return path


def _shape_of(path: Path) -> dict[str, object]:
    """Columns by table whatever their order, and the texts of indexes and triggers."""
    tables = rows(path, "SELECT name FROM sqlite_master WHERE type = 'table'")
    shape: dict[str, object] = {
        str(table): sorted(row[1:6] for row in rows(path, f"PRAGMA table_info({table})"))
        for (table,) in tables
    }
    others = rows(path, "SELECT name, sql FROM sqlite_master WHERE type <> 'table' AND sql IS NOT NULL")
    shape.update({str(name): re.sub(r'\s+|"', "", str(sql)) for name, sql in others})
    return shape


def test_the_newest_migration_is_the_head() -> None:
    versions = sorted(path.name[:4] for path in (migrate.FOLDER / "versions").glob("[0-9]*.py"))
    assert versions[-1] == migrate.HEAD


async def test_a_file_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    path = fresh_database(tmp_path)
    _run(path, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StartRefused, match="newer version"):
        await Credits(f"sqlite:///{path}").balance("ada")


async def test_a_database_of_something_else_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    _run(path, "CREATE TABLE theirs (id)")
    with pytest.raises(StartRefused, match="something else"):
        await Credits(f"sqlite:///{path}").balance("ada")
    assert rows(path, "SELECT name FROM sqlite_master") == [("theirs",)]


async def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "letter.db"
    path.write_text("Dear Ada, " * 1_000)
    with pytest.raises(StartRefused, match="cannot be opened"):
        await Credits(f"sqlite:///{path}").balance("ada")


def test_opening_an_up_to_date_file_loads_no_alembic(tmp_path: Path) -> None:
    path = fresh_database(tmp_path)
    program = (
        "import sys; from livecredits import Credits; c = Credits(sys.argv[1]); c.sync.grant('ada', 1); "
        "c.sync.close(); print('alembic' in sys.modules)"
    )
    url = f"sqlite:///{path}"
    done = subprocess.run([sys.executable, "-c", program, url], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_partial_indexes_are_partial_in_postgresql_too() -> None:
    said: list[str] = []
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    engine = create_mock_engine(
        "postgresql+psycopg://",
        lambda statement, *_, **__: said.append(str(statement.compile(dialect=dialect))),
    )
    metadata.create_all(engine, checkfirst=False)
    indexes = {index.name: index for table in metadata.tables.values() for index in table.indexes}
    partial = {
        name for name, index in indexes.items() if index.dialect_options["sqlite"]["where"] is not None
    }
    assert {"lots_due", "holds_open"} < partial
    for statement in said:
        name = next((name for name in indexes if f"INDEX {name} ON" in statement), None)
        if name is not None:
            assert (" WHERE " in statement) == (name in partial), statement


def _run(path: Path, statement: str) -> None:
    db = sqlite3.connect(path, isolation_level=None)
    db.execute(statement)
    db.close()
