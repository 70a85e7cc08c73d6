"""A ledger that moves into PostgreSQL: everything is there, nothing is half there, and no two copies are served."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from tests.postgres import PASSWORD, PostgresServer

from livecredits import Credits, InsufficientCredits
from livecredits.errors import StartRefused
from livecredits.storage import copying, postgres_rights, postgres_schema
from livecredits.storage.backup import Damaged, back_up
from livecredits.storage.copying import Moved, copy_ledger
from livecredits.storage.restore import restore
from livecredits.storage.schema import metadata


def quiet(_step: str, _done: int, _total: int) -> None:
    """Nobody watches."""


def moved(file: Path, url: str, **options: Any) -> Moved:
    return copy_ledger(file, url, quiet, **options)


def lived(file: Path) -> None:
    """A ledger in which a bit of everything has happened."""
    later = datetime.now(UTC) + timedelta(days=3)
    with closing(Credits(f"sqlite:///{file}")) as opened:
        credits = opened.sync
        credits.put_unit("minutes", scale=2, low_threshold=50)
        credits.grant("ada", 100, reason="welcome — ❤️", key="g1")
        credits.grant("ada", 30, expires_at=later, priority=5)
        credits.grant("Zoë \U0001f600", 7)
        credits.grant("ada", 500, unit="minutes")
        hold = credits.hold("ada", 40, key="h1")
        assert hold.hold is not None
        credits.capture(hold.hold, 15)
        credits.hold("ada", 3)
        spent = credits.spend("ada", 5, key="s1", metadata={"job": "a'b\"c\\d\te\n"})
        credits.reverse(spent.entry)
        credits.grant("bob", 10)
        credits.transfer("ada", "bob", 11)
        with pytest.raises(InsufficientCredits):
            credits.spend("bob", 1_000, key="refused")
        package = credits.put_package(None, name="Ten", credits=10, price_minor=999, currency="EUR")
        order = credits.order("bob", package.id)
        credits.fulfil(order.id)
        credits.order("ada", package.id)
        campaign = credits.create_campaign("Spring", credits=5, codes=20)
        code = credits.campaign_codes(campaign.id).items[0].code
        credits.redeem("ada", code)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("lived") / "ledger.db"
    lived(file)
    return file


@pytest.fixture
def ledger(template: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(template, tmp_path / "ledger.db"))


@pytest.fixture
def url(postgres: PostgresServer, migrated: str) -> Iterator[str]:
    """An empty ledger in a database of its own: these tests alter it."""
    name = postgres.create_database(migrated)
    yield postgres.url(name)
    postgres.drop_database(name)


def tables(db: Any) -> dict[str, list[Any]]:
    """Every row of every table, but for what a database says of itself."""
    found = {}
    for table in metadata.sorted_tables:
        columns = ", ".join(f'"{column.name}"' for column in table.columns)
        rows = db.execute(f'SELECT {columns} FROM "{table.name}"').fetchall()
        found[table.name] = sorted(map(tuple, rows), key=repr)
    found["meta"] = [row for row in found["meta"] if row[0] == "voucher_key"]
    return found


def test_every_row_of_every_table_is_there(ledger: Path, url: str) -> None:
    told = moved(ledger, url)
    with closing(sqlite3.connect(ledger)) as file, psycopg.connect(url) as server:
        ours, theirs = tables(file), tables(server)
    assert theirs == ours
    assert sum(map(bool, ours.values())) > 15  # it is a ledger in which something has happened
    assert told.rows == sum(len(rows) for name, rows in ours.items() if name != "meta")
    assert told.entries == len(ours["entries"])


def test_it_goes_on_there_with_its_versions_its_keys_and_its_rules(ledger: Path, url: str) -> None:
    with closing(Credits(f"sqlite:///{ledger}")) as credits:
        former, epoch = credits.sync.balance("ada"), credits.open().epoch
        same = credits.sync.spend("ada", 5, key="s1", metadata={"job": "a'b\"c\\d\te\n"})
    moved(ledger, url)
    with closing(Credits(url)) as credits:
        assert credits.sync.balance("ada").version == former.version
        assert credits.sync.balance("ada").available == former.available
        assert credits.open().former_epochs == {epoch}
        again = credits.sync.spend("ada", 5, key="s1", metadata={"job": "a'b\"c\\d\te\n"})
        assert (again.entry, again.replayed) == (same.entry, True)
        assert credits.sync.spend("ada", 1).version == former.version + 1
        assert credits.sync.grant("newcomer", 3).version == 1  # the number of its account is taken by nobody
        assert credits.sync.verify().is_clean


def test_the_file_is_served_no_more_unless_it_was_a_rehearsal(ledger: Path, url: str) -> None:
    moved(ledger, url, keep_source=True)
    with closing(Credits(f"sqlite:///{ledger}")) as credits:
        assert credits.sync.balance("ada").version
    assert moved(ledger, url).marked  # the very ledger that is there already: only the mark was missing
    with (
        closing(Credits(f"sqlite:///{ledger}")) as credits,
        pytest.raises(StartRefused, match="has moved to") as told,
    ):
        credits.open()
    assert "only-for-tests" not in str(told.value)
    with pytest.raises(StartRefused, match="has moved to"):
        moved(ledger, url)


def test_a_file_that_has_moved_comes_back_by_a_backup(ledger: Path, url: str, tmp_path: Path) -> None:
    moved(ledger, url)
    back_up(ledger, tmp_path / "copy.db", quiet)
    restore(tmp_path / "copy.db", ledger, 1_800_000_000_000_000, quiet)
    with closing(Credits(f"sqlite:///{ledger}")) as credits:
        assert credits.sync.balance("ada").version


def rows_of(url: str) -> int:
    with psycopg.connect(url) as server:
        return sum(len(rows) for name, rows in tables(server).items() if name not in {"meta", "units"})


@pytest.mark.parametrize("step", ["Copying", "Comparing", "Checking entries"])
def test_broken_off_at_any_step_nothing_is_there_and_it_can_begin_again(
    ledger: Path, url: str, step: str
) -> None:
    def break_off(now: str, _done: int, _total: int) -> None:
        if now == step:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        copy_ledger(ledger, url, break_off)
    assert rows_of(url) == 0
    with closing(Credits(f"sqlite:///{ledger}")) as credits:
        assert credits.sync.balance("ada").version  # and the file goes on
    assert moved(ledger, url).rows == rows_of(url) + len(["credits", "minutes"])


def test_a_database_that_holds_anything_is_left_alone(ledger: Path, url: str) -> None:
    with closing(Credits(url)) as credits:
        credits.sync.grant("eve", 1)
    with pytest.raises(StartRefused, match="is not empty: there are rows in users"):
        moved(ledger, url)
    with closing(Credits(url)) as credits:
        assert credits.sync.balance("eve").available == 1


def test_a_database_without_tables_is_refused_with_what_makes_them(
    ledger: Path, postgres: PostgresServer
) -> None:
    name = postgres.create_database()
    try:
        with pytest.raises(StartRefused, match="livecredits migrate"):
            moved(ledger, postgres.url(name))
    finally:
        postgres.drop_database(name)


def test_a_role_that_does_not_own_the_tables_is_refused(
    ledger: Path, url: str, postgres: PostgresServer
) -> None:
    with postgres.connect(url.rpartition("/")[2]) as db:
        db.execute("DROP ROLE IF EXISTS copier")
        db.execute(f"CREATE ROLE copier LOGIN PASSWORD '{PASSWORD}'")
        postgres_rights.give_rights(url, "copier")
        with pytest.raises(StartRefused, match="copier may not lock the tables"):
            moved(ledger, postgres.url(url.rpartition("/")[2], user="copier"))
        db.execute("DROP OWNED BY copier")
        db.execute("DROP ROLE copier")


def test_a_database_that_somebody_uses_is_refused(ledger: Path, url: str) -> None:
    with psycopg.connect(url) as other:
        other.execute("INSERT INTO users (user_id, created_at_us, updated_at_us) VALUES ('eve', 1, 1)")
        with pytest.raises(StartRefused, match="is using") as told:
            moved(ledger, url)
    assert "only-for-tests" not in str(told.value)


def test_a_database_that_a_node_has_open_is_refused(ledger: Path, url: str) -> None:
    with closing(Credits(url)) as idle:
        idle.open()
        with pytest.raises(StartRefused, match="is open in "):
            moved(ledger, url)
    assert moved(ledger, url).marked


def test_a_ledger_that_is_open_is_refused(ledger: Path, url: str) -> None:
    with closing(Credits(f"sqlite:///{ledger}")) as credits:
        credits.open()
        with pytest.raises(StartRefused, match="is open in this process"):
            moved(ledger, url)


def test_a_damaged_ledger_is_not_moved(ledger: Path, url: str) -> None:
    with closing(sqlite3.connect(ledger)) as db:
        db.execute("UPDATE accounts SET settled = settled + 1 WHERE user_id = 'bob'")
        db.commit()
    with pytest.raises(Damaged, match="settled is 32 and must be 31"):
        moved(ledger, url)
    assert rows_of(url) == 0


def test_a_row_that_did_not_arrive_as_it_was_sent_is_noticed(
    ledger: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with psycopg.connect(url) as server:
        server.execute(
            "CREATE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN new.name := 'spoilt'; RETURN new; END $$"
        )
        server.execute("CREATE TRIGGER spoil BEFORE INSERT ON packages FOR EACH ROW EXECUTE FUNCTION spoil()")
    with pytest.raises(StartRefused, match="A row of packages did not arrive"):
        moved(ledger, url)
    assert rows_of(url) == 0


def test_no_server_and_a_wrong_password_are_told_without_it(ledger: Path, url: str) -> None:
    for wrong in (
        url.replace("only-for-tests", "another-secret"),
        "postgresql://u:another-secret@127.0.0.1:1/none",
    ):
        with pytest.raises(StartRefused, match="cannot be opened") as told:
            moved(ledger, wrong)
        assert "another-secret" not in str(told.value)


def test_the_tables_are_copied_in_portions(ledger: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copying, "ROWS_AT_ONCE", 3)
    steps: dict[str, list[int]] = {}
    told = copy_ledger(ledger, url, lambda step, done, _total: steps.setdefault(step, []).append(done))
    assert steps["Copying"] == steps["Comparing"] == sorted(steps["Copying"])
    assert steps["Copying"][-1] == told.rows
    assert len(steps["Copying"]) > told.rows / 4
    assert postgres_schema.FITS_FROM in copying.OF_THE_TARGET
