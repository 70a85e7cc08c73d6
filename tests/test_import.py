"""`livecredits import`: files of any length, each row once, whatever is killed in the middle."""

from __future__ import annotations

import csv
import json
import os
import sqlite3
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.demo_process import environment, spawn
from tests.storage.hands import rows as sql
from typer.testing import CliRunner, Result

from livecredits.cli import app

DEEP = os.environ.get("LIVECREDITS_DEPTH") == "deep"
ROWS = 100_000 if DEEP else 5_000
AT_ONCE = ROWS // 20


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["import", *arguments])


def answer(*arguments: str, code: int = 0) -> Any:
    result = run(*arguments, "--json")
    assert result.exit_code == code, result.output
    return json.loads(result.stdout if code == 0 or result.stdout else result.stderr)


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A ledger in a file that no process has open."""
    for name, value in environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("LIVECREDITS_URL", raising=False)
    file = tmp_path / "own.db"
    monkeypatch.setenv("LIVECREDITS_DATABASE_URL", f"sqlite:///{file}")
    return file


def written(folder: Path, *lines: str, name: str = "users.csv") -> str:
    file = folder / name
    file.write_text("\n".join(("user_id,op,amount", *lines, "")))
    return str(file)


def balances(ledger: Path) -> dict[str, int]:
    with closing(sqlite3.connect(f"file:{ledger}?mode=ro", uri=True)) as db:
        return dict(db.execute("SELECT user_id, settled FROM accounts").fetchall())


def test_a_file_is_looked_at_applied_and_reported(ledger: Path, tmp_path: Path) -> None:
    file = written(tmp_path, "ada,grant,5", "bob,grant,7", "ada,adjust,-2", "cyd,adjust,-1")
    look = answer(file, "--dry-run", code=1)
    assert (look["applied"], look["refused"], look["report"]) == (3, 1, None)
    assert balances(ledger) == {}
    told = answer(file, "--reason", "start", code=1)
    assert (told["rows"], told["applied"], told["refused"], told["totals"]) == (4, 3, 1, {"credits": 10})
    assert balances(ledger) == {"ada": 3, "bob": 7}
    with Path(told["report"]).open(newline="") as report:
        rows = list(csv.DictReader(report))
    assert [(row["row"], row["ok"], row["code"], row["after"]) for row in rows] == [
        ("2", "true", "", "5"), ("3", "true", "", "7"), ("4", "true", "", "3"), ("5", "false", "not_found", ""),
    ]  # fmt: skip
    shown = run(file, "--reason", "start")
    assert "3 applied" in shown.stdout
    assert "There is no user cyd." in shown.stdout
    assert "Went on after row 4" in shown.stderr


def test_a_file_is_applied_once_unless_another_key_says_so(ledger: Path, tmp_path: Path) -> None:
    file = written(tmp_path, "ada,grant,5")
    first = answer(file)
    assert answer(file) == {**first, "resumed_at": 1}
    Path(first["report"]).unlink()
    # Without the report the rows are sent again, and their keys know them.
    assert answer(file)["replayed"] == 1
    assert balances(ledger) == {"ada": 5}
    copied = written(tmp_path, "ada,grant,5", name="copy.csv")
    assert answer(copied)["replayed"] == 1
    assert answer(file, "--key", "march")["replayed"] == 0
    assert balances(ledger) == {"ada": 10}


def test_a_torn_report_is_mended(ledger: Path, tmp_path: Path) -> None:
    file = written(tmp_path, *(f"u{number},grant,1" for number in range(10)))
    report = Path(answer(file)["report"])
    whole = report.read_bytes()
    report.write_bytes(whole[: len(whole) * 2 // 3])
    again = answer(file, "--rows-at-once", "3")
    assert 0 < again["resumed_at"] < 10
    assert (again["applied"], again["replayed"]) == (10, 10 - again["resumed_at"])
    assert set(balances(ledger).values()) == {1}
    with report.open(newline="") as told:
        assert [row["row"] for row in csv.DictReader(told)] == [str(number) for number in range(2, 12)]


def test_a_dry_run_says_what_it_cannot_see(ledger: Path, tmp_path: Path) -> None:
    file = written(tmp_path, "ada,grant,5", "ada,adjust,-2")
    assert "by themselves" not in run(file, "--dry-run").stderr
    parts = run(file, "--dry-run", "--rows-at-once", "1")
    assert "Each 1 rows were looked at by themselves" in parts.stderr
    assert "by themselves" not in run(file, "--rows-at-once", "1").stderr


def test_a_report_of_something_else_is_left_alone(ledger: Path, tmp_path: Path) -> None:
    one, two = written(tmp_path, "ada,grant,5"), written(tmp_path, "bob,grant,5", name="two.csv")
    report = str(tmp_path / "report.csv")
    answer(one, "--report", report)
    told = run(two, "--report", report)
    assert told.exit_code == 2
    assert "report of something else" in told.stderr
    assert balances(ledger) == {"ada": 5}


def test_a_dry_run_leaves_nothing_that_a_real_run_believes(ledger: Path, tmp_path: Path) -> None:
    file, report = written(tmp_path, "ada,grant,5"), str(tmp_path / "report.csv")
    answer(file, "--dry-run", "--report", report)
    more = written(tmp_path, "ada,grant,5", "bob,grant,1", name="more.csv")
    assert (
        answer(more, "--dry-run", "--report", report)["applied"] == 2
    )  # a dry run's report may be written over
    told = run(file, "--report", report)
    assert told.exit_code == 2
    assert "report of something else" in told.stderr
    assert balances(ledger) == {}
    assert answer(file)["applied"] == 1
    assert balances(ledger) == {"ada": 5}


@pytest.mark.parametrize("content", ["a letter without an end", "row,user_id\n1,ada\n", ""])
def test_nothing_is_written_over_what_is_no_report(ledger: Path, tmp_path: Path, content: str) -> None:
    file, other = written(tmp_path, "ada,grant,5"), tmp_path / "other"
    before = Path(file).read_bytes()
    for options in ((), ("--dry-run",)):
        other.write_text(content)
        told = run(file, "--report", str(other), *options)
        assert told.exit_code == (2 if content else 0)
        assert other.read_text() == content or not content
        assert run(file, "--report", file, *options).exit_code == 2
        assert Path(file).read_bytes() == before
    real = Path(answer(file, "--key", "again")["report"])
    whole = real.read_bytes()
    assert run(file, "--dry-run", "--report", str(real)).exit_code == 2
    assert real.read_bytes() == whole


def test_a_file_that_grew_is_not_applied_again_by_mistake(ledger: Path, tmp_path: Path) -> None:
    answer(written(tmp_path, "ada,grant,5"))
    grown = written(tmp_path, "ada,grant,5", "bob,grant,7")
    told = run(grown)
    assert told.exit_code == 2
    assert "--key" in told.stderr
    assert balances(ledger) == {"ada": 5}
    assert answer(grown, "--key", "two")["applied"] == 2
    assert balances(ledger) == {"ada": 10, "bob": 7}


def test_the_same_rows_are_the_same_import_however_they_are_written(ledger: Path, tmp_path: Path) -> None:
    first = answer(written(tmp_path, "ada,grant,5"))
    (tmp_path / "users.csv").write_bytes(b'\xef\xbb\xbf"user_id";"op";"amount"\r\n"ada";"grant";"5"\r\n')
    assert answer(str(tmp_path / "users.csv")) == {**first, "resumed_at": 1}
    assert balances(ledger) == {"ada": 5}


def test_what_is_wrong_is_told_before_anything_is_applied(ledger: Path, tmp_path: Path) -> None:
    lines = [f"u{number},grant,1" for number in range(7_000)]
    file = written(tmp_path, *lines, "ada,grant,1e3", "bob,give,5")
    told = run(file)
    assert told.exit_code == 1
    assert "Row 7002, column 3: amount" in told.stderr
    assert "op must be one of" in told.stdout
    assert not ledger.exists()
    problem = json.loads(run(file, "--json").stderr)
    assert [(fault["row"], fault["column"]) for fault in problem["errors"]] == [(7002, 3), (7003, 2)]
    for name, raw in (("empty", b""), ("bare", b"user_id,op,amount\n"), ("binary", b"\x7fELF\x00\x00")):
        bad = tmp_path / name
        bad.write_bytes(raw)
        assert run(str(bad)).exit_code == 1
    assert run(str(tmp_path / "nowhere.csv")).exit_code == 2
    assert run(written(tmp_path, "ada,grant,5"), "--op", "give").exit_code == 2


def test_a_key_that_stands_for_two_things_is_told_before_anything_is_applied(
    ledger: Path, tmp_path: Path
) -> None:
    """A preview looks at each request by itself, and would promise a row that the ledger then refuses."""
    header = "user_id,op,amount,reason,key"
    lines = ["ada,grant,5,,k", "bob,grant,7,,", "ada,grant,5,,k", "ada,grant,6,,k", "ada,grant,5,why,k"]
    file = tmp_path / "keyed.csv"
    file.write_text("\n".join([header, *lines]))
    for options in (("--dry-run",), ()):
        problem = json.loads(run(str(file), *options, "--rows-at-once", "1", "--json").stderr)
        assert [(fault["row"], fault["column"], fault["field"]) for fault in problem["errors"]] == [
            (5, 5, "key"),
            (6, 5, "key"),
        ]
        assert "stands in row 2 for something else" in problem["detail"]
    assert not ledger.exists()
    file.write_text("\n".join([header, *(f"ada,grant,{number},,k" for number in range(1, 100))]))
    assert len(json.loads(run(str(file), "--json").stderr)["errors"]) == 20
    file.write_text("\n".join([header, *lines[:3]]))
    done = answer(str(file), "--rows-at-once", "1")
    assert (done["applied"], done["replayed"]) == (3, 1), "the same again is the same change"
    assert balances(ledger) == {"ada": 5, "bob": 7}


def test_a_file_that_changes_meanwhile_is_noticed(
    ledger: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from livecredits.cli.ledger import Local

    file = written(tmp_path, *(f"u{number},grant,1" for number in range(10)))
    whole = Local.batch

    def meddle() -> None:
        with Path(file).open("a") as more:
            more.write("mallory,grant,1000000\n")

    async def meddled(self: Local, rows: Any, **options: Any) -> Any:
        told = await whole(self, rows, **options)
        meddle()
        return told

    monkeypatch.setattr(Local, "batch", meddled)
    told = run(file, "--rows-at-once", "5")
    assert told.exit_code == 1
    assert "has changed" in told.stderr
    assert sum(balances(ledger).values()) == 5


def test_a_long_line_and_a_giant_file_stay_bounded(ledger: Path, tmp_path: Path) -> None:
    giant = tmp_path / "giant.csv"
    with giant.open("wb") as file:
        file.write(b"user_id,op,amount\n")
        file.truncate(1024**3)
    # A gigabyte of zero bytes, of which the disk holds none: refused at its first line, without being read.
    told = json.loads(run(str(giant), "--json").stderr)
    assert told["errors"][0]["row"] in {1, 2}
    long = tmp_path / "long.csv"
    long.write_bytes(b"user_id,op,amount\nada,grant," + b"5" * 10_000_000)
    assert json.loads(run(str(long), "--json").stderr)["errors"][0] == {
        "field": "file", "message": "has a line of more than 65536 characters", "row": 2,
    }  # fmt: skip


# --- killed in the middle ------------------------------------------------------------------------------------------


def lines_of(report: Path) -> int:
    return report.read_bytes().count(b"\n") if report.exists() else 0


def kill_after(importing: subprocess.Popen[str], folder: Path, lines: int) -> bool:
    """SIGKILL once the report has so many lines; whether it was still at work."""
    tick = threading.Event()
    while importing.poll() is None:
        found = list(folder.glob("*.report.csv"))
        if found and lines_of(found[0]) >= lines:
            break
        tick.wait(0.002)
    was_at_work = importing.poll() is None
    importing.kill()
    importing.communicate()
    return was_at_work


@contextmanager
def serving(ledger: Path) -> Iterator[dict[str, str]]:
    made = CliRunner().invoke(app, ["key", "add", "importer", "--scope", "admin", "--json"])
    server = spawn("serve", "--port", "0", LIVECREDITS_DATABASE_URL=f"sqlite:///{ledger}")
    assert server.stderr is not None
    line = next(line for line in server.stderr if line.startswith("✓"))
    url = line.split()[1]
    try:
        yield {"LIVECREDITS_URL": url, "LIVECREDITS_KEY": json.loads(made.stdout)["secret"]}
    finally:
        server.terminate()
        server.communicate(timeout=30)


@pytest.mark.crash
@pytest.mark.timeout(600)
@pytest.mark.parametrize("place", ["file", "server"])
def test_killed_in_the_middle_and_started_again_each_row_counts_once(
    ledger: Path, tmp_path: Path, place: str
) -> None:
    users = 1_000
    file = written(tmp_path, *(f"u{number % users},grant,{number % 7 + 1}" for number in range(ROWS)))
    wanted: dict[str, int] = {}
    for number in range(ROWS):
        user_id = f"u{number % users}"
        wanted[user_id] = wanted.get(user_id, 0) + number % 7 + 1
    arguments = ("import", file, "--rows-at-once", str(AT_ONCE), "--json")

    def story(values: dict[str, str]) -> None:
        kills = sum(kill_after(spawn(*arguments, **values), tmp_path, lines) for lines in (1, ROWS // 2))
        assert kills == 2, "the import was not killed at work"
        last = spawn(*arguments, **values)
        out, err = last.communicate(timeout=300)
        assert last.returncode == 0, err
        told = json.loads(out)
        assert (told["rows"], told["applied"], told["refused"]) == (ROWS, ROWS, 0)
        assert 0 < told["resumed_at"] < ROWS
        print(f"{ROWS:,} rows, killed {kills} times, went on after {told['resumed_at']:,}")

    if place == "file":
        story({"LIVECREDITS_DATABASE_URL": f"sqlite:///{ledger}"})
    else:
        with serving(ledger) as values:
            story(values)
    assert balances(ledger) == wanted
    with closing(sqlite3.connect(ledger)) as db:
        assert db.execute("SELECT count(*) FROM entries").fetchone() == (ROWS,)
        assert db.execute("SELECT count(*) FROM idempotency").fetchone() == (ROWS,)
    assert CliRunner().invoke(app, ["verify"]).exit_code == 0


@pytest.mark.crash
@pytest.mark.timeout(300)
def test_killed_over_postgresql_it_goes_on_where_it_was(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {**environment(), "LIVECREDITS_DATABASE_URL": postgres_url}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("LIVECREDITS_URL", raising=False)
    count, at_once = ROWS // 2, str(AT_ONCE // 2)
    file = written(tmp_path, *(f"u{number % 100},grant,{number % 7 + 1}" for number in range(count)))
    importing = spawn(
        "import", file, "--rows-at-once", at_once, "--json", LIVECREDITS_DATABASE_URL=postgres_url
    )
    assert kill_after(importing, tmp_path, count // 4), "the import was not killed at work"
    told = answer(file, "--rows-at-once", at_once)
    assert (told["rows"], told["applied"], told["refused"]) == (count, count, 0)
    assert 0 < told["resumed_at"] < count
    entries = sql(postgres_url, "SELECT count(*), sum(amount), count(DISTINCT account_id) FROM entries")
    assert entries == [(count, sum(number % 7 + 1 for number in range(count)), 100)]
    assert sql(postgres_url, "SELECT count(*) FROM idempotency") == [(count,)]
    assert answer(file, "--rows-at-once", at_once)["resumed_at"] == count
    assert sql(postgres_url, "SELECT count(*) FROM entries") == [(count,)]
    assert CliRunner().invoke(app, ["verify"]).exit_code == 0


@pytest.mark.crash
@pytest.mark.timeout(300)
def test_a_server_killed_in_the_middle_leaves_nothing_half_done(ledger: Path, tmp_path: Path) -> None:
    file = written(tmp_path, *(f"u{number},grant,1" for number in range(ROWS)))
    arguments = ("import", file, "--rows-at-once", str(AT_ONCE), "--json")
    made = CliRunner().invoke(app, ["key", "add", "importer", "--scope", "admin", "--json"])
    server = spawn("serve", "--port", "0", LIVECREDITS_DATABASE_URL=f"sqlite:///{ledger}")
    assert server.stderr is not None
    url = next(line for line in server.stderr if line.startswith("✓")).split()[1]
    values = {"LIVECREDITS_URL": url, "LIVECREDITS_KEY": json.loads(made.stdout)["secret"]}
    importing = spawn(*arguments, **values)
    tick = threading.Event()
    while not any(lines_of(report) >= ROWS // 3 for report in tmp_path.glob("*.report.csv")):
        assert importing.poll() is None, importing.communicate()
        tick.wait(0.002)
    server.kill()
    server.communicate()
    _, err = importing.communicate(timeout=120)
    assert importing.returncode == 1, err
    told = answer(file)
    assert (told["applied"], told["refused"]) == (ROWS, 0)
    assert set(balances(ledger).values()) == {1}
