"""The writer: shared commits, faults that stay with their cause, and what is said when the database fails."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.storage.hands import fresh_database, rows

from livecredits import Answer, Credits, Draining, OutcomeUnknown, StorageFailed, StorageFull
from livecredits.core.rows import AccountState
from livecredits.credits.batches import BatchAsked, BatchRow
from livecredits.errors import Refused, Unavailable
from livecredits.storage import batch
from livecredits.storage import writer as writers
from livecredits.storage.answers import CommittedBatch
from livecredits.storage.batch import Batch
from livecredits.storage.sqlite import SqliteStore
from livecredits.storage.verify import verify


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return fresh_database(tmp_path)


@pytest.fixture
async def credits(path: Path) -> AsyncIterator[Credits]:
    async with Credits(f"sqlite:///{path}") as opened:
        await opened.grant("ada", 1_000)
        yield opened


async def outcomes(*asked: Any) -> list[Any]:
    return list(await asyncio.gather(*asked, return_exceptions=True))


def counting(monkeypatch: pytest.MonkeyPatch, name: str) -> list[None]:
    """Grows with each call of this method of the store."""
    calls: list[None] = []
    honest = getattr(SqliteStore, name)

    def counted(store: SqliteStore, *args: Any) -> Any:
        calls.append(None)
        return honest(store, *args)

    monkeypatch.setattr(SqliteStore, name, counted)
    return calls


async def test_many_callers_share_few_commits(credits: Credits, monkeypatch: pytest.MonkeyPatch) -> None:
    commits = counting(monkeypatch, "commit")
    await asyncio.gather(*(credits.spend("ada", 1) for _ in range(300)))
    assert len(commits) < 30


async def test_the_lots_of_many_users_are_loaded_together(
    credits: Credits, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch, "PART", 1)
    users = [f"user-{number:03d}" for number in range(200)]
    for days in (1, 2, 3):
        ends_at = datetime.now(UTC) + timedelta(days=days)
        await credits.batch(
            [BatchRow(row, user, "grant", 5, expires_at=ends_at) for row, user in enumerate(users, 1)]
        )
    loads = counting(monkeypatch, "open_lots")
    emptied = await credits.batch([BatchRow(row, user, "set", 0) for row, user in enumerate(users, 1)])
    assert [(row.before, row.after) for row in emptied.rows] == [(15, 0)] * 200
    assert len(loads) < 15
    assert verify(path).is_clean


async def test_a_row_that_breaks_the_database_refuses_itself_alone(
    credits: Credits, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    honest = Batch._decided

    def decide(batch: Batch, change: Any) -> Any:
        if change.label == "broken":
            raise sqlite3.IntegrityError("a constraint that nobody foresaw")
        return honest(batch, change)

    monkeypatch.setattr(Batch, "_decided", decide)
    labels = ["fine", "broken", "fine too"]
    first, second, third = await outcomes(*(credits.spend("ada", 1, label=label) for label in labels))
    assert isinstance(first, Answer)
    assert isinstance(second, sqlite3.IntegrityError)
    assert isinstance(third, Answer)
    assert "one by one" in caplog.text
    assert (await credits.verify()).is_clean


@pytest.mark.parametrize(
    ("code", "said", "later"),
    [
        (sqlite3.SQLITE_FULL, StorageFull, None),
        (sqlite3.SQLITE_IOERR_FSYNC, OutcomeUnknown, StorageFailed),
        (sqlite3.SQLITE_BUSY, OutcomeUnknown, None),
    ],
    ids=["full", "fsync", "busy"],
)
async def test_an_error_at_commit_is_told_as_what_it_is(
    credits: Credits, path: Path, monkeypatch: pytest.MonkeyPatch, code: int, said: Any, later: Any
) -> None:
    failures: list[Refused] = []
    credits.on_failure(failures.append)

    class Failing(sqlite3.OperationalError):
        sqlite_errorcode = code

    with monkeypatch.context() as patch:
        patch.setattr(SqliteStore, "commit", _failing_commit(Failing("the disk says no")))
        first, second = await outcomes(credits.spend("ada", 1, key="a"), credits.spend("ada", 2, key="b"))
    assert {type(first), type(second)} <= {said, later}
    assert isinstance(first, Unavailable)
    assert first.retryable
    if later is None:
        assert (await credits.spend("ada", 1, key="a")).credits in {999, 997}
        assert not failures
        return
    assert [type(failure) for failure in failures] == [StorageFailed]
    for ask in (credits.spend("ada", 1, key="a"), credits.balance("ada"), credits.states(["ada"])):
        with pytest.raises(StorageFailed):
            await ask
    await credits.aclose()
    assert verify(path).is_clean


def _failing_commit(error: sqlite3.Error) -> Any:
    from livecredits.storage.sqlite import told_apart

    def commit(_store: SqliteStore) -> None:
        with told_apart():
            raise error

    return commit


async def test_an_own_transaction_is_whole_or_nothing(credits: Credits, path: Path) -> None:
    def half(connection: Any) -> None:
        connection.exec_driver_sql("INSERT INTO meta (name, value) VALUES ('a', 'b')")
        raise RuntimeError("after all not")

    with pytest.raises(RuntimeError, match="after all not"):
        await credits.write(half)
    assert await credits.write(lambda connection: connection.exec_driver_sql("SELECT 5").scalar()) == 5
    assert rows(path, "SELECT count(*) FROM meta WHERE name = 'a'") == [(0,)]
    assert isinstance(await credits.spend("ada", 1), Answer)


async def test_too_many_that_wait_are_turned_away(credits: Credits, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writers, "WAITING_MOST", 3)
    answers = await outcomes(*(credits.spend("ada", 1) for _ in range(50)))
    refused = [one for one in answers if isinstance(one, Unavailable)]
    assert len(refused) + sum(isinstance(one, Answer) for one in answers) == 50
    assert refused
    assert refused[0].extra == {"retry_after_s": 1}


async def test_what_waits_at_the_close_is_written_or_refused(path: Path) -> None:
    credits = Credits(f"sqlite:///{path}")
    await credits.grant("ada", 1_000)
    waiting = [asyncio.ensure_future(credits.spend("ada", 1, key=f"k{n}")) for n in range(100)]
    await asyncio.sleep(0)
    await credits.aclose()
    answers = await outcomes(*waiting)
    passed = [one for one in answers if isinstance(one, Answer)]
    assert all(isinstance(one, (Answer, Draining)) for one in answers)
    assert rows(path, "SELECT count(*) FROM entries") == [(1 + len(passed),)]


async def test_the_log_is_copied_into_the_file_and_stays_short(credits: Credits, path: Path) -> None:
    longest = 0
    for _ in range(12):
        padding = {"padding": "x" * 10_000}
        await asyncio.gather(*(credits.spend("ada", 1, metadata=padding) for _ in range(60)))
        longest = max(longest, _log_size(path))
    assert longest < 12 * 1024 * 1024
    await credits.aclose()
    assert _log_size(path) == 0


def _log_size(path: Path) -> int:
    log = Path(f"{path}-wal")
    return log.stat().st_size if log.exists() else 0


async def test_a_caller_that_has_gone_stops_nobody(credits: Credits) -> None:
    gone = asyncio.ensure_future(credits.spend("ada", 1))
    stays = asyncio.ensure_future(credits.spend("ada", 1))
    await asyncio.sleep(0)
    gone.cancel()
    assert isinstance(await stays, Answer)


@pytest.mark.parametrize("broken", ["commit", "ask"])
async def test_a_threshold_that_was_not_written_marks_nobody(
    credits: Credits, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    """The writer keeps the thresholds in memory; they must be those of the file, whatever was begun and undone."""
    told: list[bool] = []
    credits.on_update(lambda state: told.append(state.low))
    await credits.put_unit("credits", low_threshold=5)

    def full(*_: Any, **__: Any) -> None:
        raise StorageFull("The disk is full; nothing was written.")

    with monkeypatch.context() as patch:
        if broken == "commit":
            patch.setattr(SqliteStore, "commit", full)
        else:
            patch.setattr("livecredits.storage.people.audit.record", full)
        with pytest.raises(StorageFull):
            await credits.put_unit("credits", low_threshold=5_000)
    await credits.grant("ada", 1)
    await credits.put_unit("credits", low_threshold=5_000)
    await credits.grant("ada", 1)
    assert told == [False, True]


async def test_states_that_are_looked_at_late_are_those_of_their_commit(credits: Credits) -> None:
    """They are made when somebody looks; by then the same account has moved on in the writer's memory."""
    batches: list[CommittedBatch] = []
    at_once: list[AccountState] = []
    credits.on_commit(batches.append)
    credits.on_update(at_once.append)
    await credits.spend("ada", 1, key="first", as_user=True)
    await credits.grant("ada", 5, expires_at=datetime(2099, 1, 1, tzinfo=UTC), receipt=True)
    await credits.spend("ada", 2, key="second", as_user=True)
    await credits.put_unit("credits", low_threshold=5_000)
    assert [state for batch in batches for state in batch.states] == at_once
    assert [state.keys for state in at_once] == [
        (("first", 2),),
        (("first", 2),),
        (("first", 2), ("second", 4)),
    ]
    assert [state.low for state in at_once] == [False] * 3


async def test_states_can_be_asked_for_by_user(credits: Credits) -> None:
    batches: list[CommittedBatch] = []
    credits.on_commit(batches.append)
    users = ["bob", "cem", "dan"]
    await credits.apply_batch(
        BatchAsked(rows=[BatchRow(at, user, "grant", at) for at, user in enumerate(users, 1)])
    )
    (batch,) = batches
    assert (len(batch.states), [state.credits for state in batch.states[1:]]) == (3, [2, 3])
    assert [state.user_id for state in batch.states_of({"cem", "ada"})] == ["cem"]
    assert batch.states_of({"cem"}) == [batch.states[1]] == list(batch.states)[1:2]
