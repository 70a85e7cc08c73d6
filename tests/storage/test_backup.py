"""Copies of a ledger, and copies put back: what they hold, what stays, and what is refused with which words."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import threading
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from livecredits import Credits
from livecredits.errors import StartRefused
from livecredits.storage import migrate
from livecredits.storage.backup import Copied, Damaged, back_up
from livecredits.storage.restore import Restored, restore
from livecredits.storage.verify import verify

SCHEMAS = Path(__file__).parent / "schemas"
NOW_US = 1_800_000_000_000_000


def quiet(_step: str, _done: int, _total: int) -> None:
    """Nobody watches."""


def granted(file: Path, *amounts: int, user: str = "ada") -> str:
    """Give credits one after the other; returns the ledger's epoch."""
    with closing(Credits(f"sqlite:///{file}")) as credits:
        for amount in amounts:
            credits.sync.grant(user, amount)
        credits.open()
        return credits.epoch


def available(file: Path, user: str = "ada") -> tuple[int, int]:
    with closing(Credits(f"sqlite:///{file}")) as credits:
        balance = credits.sync.balance(user)
        return balance.available, balance.version


def copied(file: Path, to: Path) -> Copied:
    return back_up(file, to, quiet)


def put_back(backup: Path, ledger: Path, **options: Any) -> Restored:
    return restore(backup, ledger, NOW_US, quiet, **options)


def rows(file: Path, statement: str) -> list[Any]:
    with closing(sqlite3.connect(file)) as db:
        return db.execute(statement).fetchall()


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    file = tmp_path / "ledger.db"
    granted(file, 100, 20)
    return file


@pytest.fixture
def backup(ledger: Path, tmp_path: Path) -> Path:
    copied(ledger, tmp_path / "backup.db")
    return tmp_path / "backup.db"


# --- a copy is taken ---------------------------------------------------------------------------------------------


def test_a_copy_is_the_whole_ledger_in_one_file_that_others_cannot_read(ledger: Path, tmp_path: Path) -> None:
    to = tmp_path / "copies" / "monday.db"
    to.parent.mkdir()
    told = copied(ledger, to)
    assert (told.content.entries, told.content.accounts, told.content.checked) == (2, 1, True)
    assert told.bytes == to.stat().st_size
    assert stat.S_IMODE(to.stat().st_mode) == 0o600
    assert [file.name for file in to.parent.iterdir()] == ["monday.db"]
    assert verify(to).is_clean
    assert available(to) == (120, 2)


def test_a_copy_is_one_moment_although_changes_go_on(tmp_path: Path) -> None:
    """A transfer moves between two accounts: in any one moment their sum is the same."""
    file = tmp_path / "busy.db"
    with closing(Credits(f"sqlite:///{file}")) as credits:
        for user in ("ada", "bob"):
            credits.sync.grant(user, 1_000)
        may_end, moved = threading.Event(), threading.Semaphore(0)

        def move() -> None:
            while not may_end.is_set():
                credits.sync.transfer("ada", "bob", 1)
                moved.release()
                credits.sync.transfer("bob", "ada", 1)

        mover = threading.Thread(target=move)
        mover.start()
        try:
            for number in range(4):
                moved.acquire()

                def wait_for_a_change(step: str, _done: int, _total: int) -> None:
                    if step == "Copying":
                        moved.acquire()

                told = back_up(file, tmp_path / f"copy{number}.db", wait_for_a_change)
                assert told.content.checked
        finally:
            may_end.set()
            mover.join()
    for number in range(4):
        sums = rows(tmp_path / f"copy{number}.db", "SELECT sum(settled), count(*) FROM accounts")
        assert sums == [(2_000, 2)]


def test_a_copy_replaces_nothing(ledger: Path, backup: Path) -> None:
    before = backup.read_bytes()
    with pytest.raises(StartRefused, match="exists already"):
        copied(ledger, backup)
    assert backup.read_bytes() == before


def test_a_damaged_ledger_is_not_passed_off_as_a_backup(ledger: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(ledger)) as db:
        db.execute("UPDATE accounts SET settled = settled + 1")
        db.commit()
    with pytest.raises(Damaged, match="settled is 121 and must be 120"):
        copied(ledger, tmp_path / "bad.db")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["ledger.db", "ledger.db.lock"]


def test_a_torn_file_is_told_as_such(ledger: Path, tmp_path: Path) -> None:
    torn = tmp_path / "torn.db"
    torn.write_bytes(ledger.read_bytes()[: 20 * 4096])
    with pytest.raises(StartRefused, match=r"malformed|does not check"):
        copied(torn, tmp_path / "copy.db")
    assert not (tmp_path / "copy.db").exists()


def test_an_older_schema_is_copied_as_it_is_and_brought_up_to_date_when_put_back(tmp_path: Path) -> None:
    old = tmp_path / "old.db"
    with closing(sqlite3.connect(old)) as db:
        db.executescript((SCHEMAS / "0001.sql").read_text() + (SCHEMAS / "0001-rows.sql").read_text())
    told = copied(old, tmp_path / "copy.db")
    assert not told.content.checked
    assert told.content.schema < migrate.HEAD
    done = put_back(tmp_path / "copy.db", tmp_path / "new.db")
    assert done.entries == told.content.entries
    assert verify(tmp_path / "new.db").is_clean


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda file: None, "There is no file"),
        (lambda file: file.mkdir(), "is not a file"),
        (lambda file: file.write_text("user_id,amount\n"), "is not a SQLite database"),
        (lambda file: sqlite3.connect(file).executescript("CREATE TABLE t (a); VACUUM"), "of something else"),
    ],
    ids=["absent", "folder", "text", "other database"],
)
def test_what_is_no_ledger_is_told_as_what_it_is(make: Any, told: str, ledger: Path, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong"
    made = make(wrong)
    if isinstance(made, sqlite3.Cursor):
        made.connection.close()
    with pytest.raises(StartRefused, match=told):
        copied(wrong, tmp_path / "copy.db")
    with pytest.raises(StartRefused, match=told):
        put_back(wrong, ledger)
    assert available(ledger) == (120, 2)


def test_a_newer_schema_is_refused(backup: Path, ledger: Path) -> None:
    with closing(sqlite3.connect(backup)) as db:
        db.execute("UPDATE alembic_version SET version_num = '9999'")
        db.commit()
    with pytest.raises(StartRefused, match="a newer version made it"):
        put_back(backup, ledger)


def test_no_room_is_told_before_anything_is_written(
    ledger: Path, backup: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=1_000_000))
    for attempt in (lambda: copied(ledger, tmp_path / "copy.db"), lambda: put_back(backup, ledger)):
        with pytest.raises(StartRefused, match=r"the disk of .* has 1 MB free"):
            attempt()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["backup.db", "ledger.db", "ledger.db.lock"]


def test_a_folder_that_is_not_there(ledger: Path, backup: Path, tmp_path: Path) -> None:
    with pytest.raises(StartRefused, match="There is no folder"):
        copied(ledger, tmp_path / "nowhere" / "copy.db")
    with pytest.raises(StartRefused, match="There is no folder"):
        put_back(backup, tmp_path / "nowhere" / "ledger.db")


# --- a copy is put back ------------------------------------------------------------------------------------------


def test_what_came_after_the_backup_is_gone_and_stays_beside_it(ledger: Path, backup: Path) -> None:
    epoch = granted(ledger, 7, 8)
    done = put_back(backup, ledger)
    assert (done.entries, done.lost) == (2, 2)
    assert available(ledger) == (120, 2)
    assert done.replaced is not None
    assert available(Path(done.replaced)) == (135, 4)
    assert available(backup) == (120, 2)
    assert done.epoch == granted(ledger) != epoch
    granted(ledger, 1)
    assert verify(ledger).is_clean


def test_a_ledger_knows_the_lines_of_history_that_it_was_on(ledger: Path, backup: Path) -> None:
    first = granted(ledger, 7)
    second = put_back(backup, ledger).epoch
    third = put_back(backup, ledger).epoch
    with closing(Credits(f"sqlite:///{ledger}")) as credits:
        credits.open()
        assert (credits.epoch, credits.former_epochs) == (third, {first, second})


def test_nobody_is_signed_in_any_more_and_it_is_written_down(ledger: Path, backup: Path) -> None:
    for file in (ledger, backup):
        with closing(sqlite3.connect(file)) as db:
            db.execute("INSERT INTO operators VALUES ('op_1', 'a@b.c', 'A', 'admin', NULL, NULL, NULL, 1, 1)")
            db.execute("INSERT INTO operator_sessions VALUES ('s', 'd', 'op_1', 1, 9, 1, NULL, NULL)")
            db.execute("INSERT INTO sign_in_codes VALUES ('c', 'op_1', 1, 9, NULL)")
            db.commit()
    done = put_back(backup, ledger)
    assert rows(ledger, "SELECT count(*) FROM operator_sessions") == [(0,)]
    assert rows(ledger, "SELECT count(*) FROM sign_in_codes") == [(0,)]
    audit = rows(ledger, "SELECT actor, action, after, details FROM audit WHERE action = 'ledger.restored'")
    assert audit == [
        ("system:restore", "ledger.restored", f'{{"epoch":"{done.epoch}"}}', '{"file":"backup.db"}')
    ]


def test_rights_that_ended_and_people_who_were_forgotten_since_are_told(ledger: Path, backup: Path) -> None:
    with closing(Credits(f"sqlite:///{ledger}")) as credits:
        credits.sync.erase("ada")
    again = put_back(backup, ledger).again
    assert [(deed.action, deed.target) for deed in again] == [("user.erased", "ada")]


def test_a_log_that_a_killed_server_left_goes_with_the_former_file(
    ledger: Path, backup: Path, tmp_path: Path
) -> None:
    killed = tmp_path / "killed.db"
    with closing(Credits(f"sqlite:///{ledger}")) as credits:
        credits.sync.grant("ada", 7)
        for side in ("", "-wal"):  # what lies on the disk of a process that is killed now
            shutil.copy(f"{ledger}{side}", f"{killed}{side}")
    done = put_back(backup, killed)
    assert not Path(f"{killed}-wal").exists()
    assert done.lost == 1
    assert available(killed) == (120, 2)
    assert done.replaced is not None
    assert available(Path(done.replaced)) == (127, 3)


def test_a_ledger_that_cannot_be_read_is_replaced_and_kept_as_it_is(ledger: Path, backup: Path) -> None:
    Path(f"{ledger}-wal").write_bytes(b"the log of a broken file")
    ledger.write_bytes(b"SQLite format 3\0 and then nothing of use")
    done = put_back(backup, ledger)
    assert done.lost is None
    assert done.replaced is not None
    assert Path(done.replaced).read_bytes() == b"SQLite format 3\0 and then nothing of use"
    assert Path(f"{done.replaced}-wal").read_bytes() == b"the log of a broken file"
    assert available(ledger) == (120, 2)


def test_where_there_was_no_ledger_it_is_simply_there(backup: Path, tmp_path: Path) -> None:
    done = put_back(backup, tmp_path / "new.db")
    assert (done.replaced, done.lost) == (None, 0)
    assert available(tmp_path / "new.db") == (120, 2)


def test_another_ledger_is_replaced_only_on_request(backup: Path, tmp_path: Path) -> None:
    other, empty = tmp_path / "other.db", tmp_path / "empty.db"
    granted(other, 5, user="bob")
    granted(empty)
    with pytest.raises(StartRefused, match="a backup of another ledger"):
        put_back(backup, other)
    assert available(other, "bob") == (5, 1)
    put_back(backup, other, unrelated=True)
    put_back(backup, empty)  # what a first start has made
    assert available(other) == available(empty) == (120, 2)


def test_the_ledger_is_no_backup_of_itself(ledger: Path, tmp_path: Path) -> None:
    (tmp_path / "alias.db").symlink_to(ledger)
    with pytest.raises(StartRefused, match="is the ledger itself"):
        put_back(ledger, tmp_path / "alias.db")


def test_by_another_name_the_file_behind_it_is_replaced(ledger: Path, backup: Path, tmp_path: Path) -> None:
    granted(ledger, 7)
    alias = tmp_path / "alias.db"
    alias.symlink_to(ledger)
    put_back(backup, alias)
    assert alias.is_symlink()
    assert available(ledger) == (120, 2)


def test_a_damaged_backup_is_not_put_in_place(ledger: Path, backup: Path) -> None:
    with closing(sqlite3.connect(backup)) as db:
        db.execute("UPDATE accounts SET settled = settled + 1")
        db.commit()
    with pytest.raises(Damaged, match="settled is 121"):
        put_back(backup, ledger)
    assert available(ledger) == (120, 2)


def test_nothing_is_replaced_under_a_process_that_uses_it(ledger: Path, backup: Path) -> None:
    with closing(Credits(f"sqlite:///{ledger}")) as credits:
        credits.open()
        with pytest.raises(StartRefused, match="open in this process"):
            put_back(backup, ledger)


def test_nothing_is_replaced_under_somebody_who_reads_it(
    ledger: Path, backup: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(sqlite3.connect(ledger, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM entries").fetchone()
        with pytest.raises(StartRefused, match="is reading"):
            put_back(backup, ledger)
    assert available(ledger) == (120, 2)


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read everything")
def test_a_backup_that_may_not_be_read(ledger: Path, backup: Path) -> None:
    backup.chmod(0)
    with pytest.raises(StartRefused, match="Permission denied"):
        put_back(backup, ledger)


def test_a_backup_is_read_where_nothing_can_be_written(ledger: Path, backup: Path, tmp_path: Path) -> None:
    """A file that was copied by hand is in WAL mode, and SQLite would want a log beside it."""
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    shutil.copy(ledger, shelf / "copied.db")
    (shelf / "copied.db").chmod(0o400)
    shelf.chmod(0o500)
    try:
        put_back(shelf / "copied.db", tmp_path / "new.db")
        assert [file.name for file in shelf.iterdir()] == ["copied.db"]
    finally:
        shelf.chmod(0o700)
    assert available(tmp_path / "new.db") == (120, 2)


def test_the_restored_file_is_whose_the_former_was(ledger: Path, backup: Path) -> None:
    ledger.chmod(0o640)
    put_back(backup, ledger)
    assert stat.S_IMODE(ledger.stat().st_mode) == 0o640


class Killed(BaseException):
    """The process ends here."""


STEPS = ((os, "link"), (os, "fsync"), (Path, "rename"), (Path, "replace"), (shutil, "copymode"))


def kill_at(step: int, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """End the process before its nth change of a name or sync; gives what was done until then."""
    done: list[str] = []

    def counting(name: str, original: Any) -> Any:
        def counted(*arguments: Any, **options: Any) -> Any:
            if len(done) == step:
                raise Killed(name)
            done.append(name)
            return original(*arguments, **options)

        return counted

    for place, name in STEPS:
        monkeypatch.setattr(place, name, counting(name, getattr(place, name)))
    return done


@pytest.mark.parametrize("step", range(9))
@pytest.mark.parametrize("has_links", [True, False])
def test_killed_at_any_step_the_name_leads_to_a_whole_ledger(
    step: int, has_links: bool, ledger: Path, backup: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed = tmp_path / "killed.db"
    with closing(Credits(f"sqlite:///{ledger}")) as credits:
        credits.sync.grant("ada", 7)
        for side in ("", "-wal"):
            shutil.copy(f"{ledger}{side}", f"{killed}{side}")

    def refuse(*_: Any) -> None:
        raise OSError(95, "Operation not supported")

    with monkeypatch.context() as patched:
        if not has_links:
            patched.setattr(os, "link", refuse)
        done = kill_at(step, patched)
        try:
            put_back(backup, killed)
        except Killed:
            assert len(done) == step
        else:
            assert step >= len(done) > 4  # every step there is was tried
    assert verify(killed).is_clean
    assert available(killed) in ({(127, 3)} if "replace" not in done else {(120, 2)})
