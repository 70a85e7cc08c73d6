"""Rows that wait for a ride: they cost no commit of their own while changes come, and none of them is lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.storage.hands import fresh_database, rows
from tests.storage.test_writer import counting

from livecredits import Credits, StorageFull
from livecredits.storage import writer as writers
from livecredits.storage.asides import ALONG_LEAST
from livecredits.storage.sqlite import SqliteStore
from livecredits.storage.store import Rows


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return fresh_database(tmp_path)


@pytest.fixture
async def credits(path: Path) -> AsyncIterator[Credits]:
    async with Credits(f"sqlite:///{path}") as opened:
        await opened.grant("ada", 1_000)
        yield opened


def broadcasts(*numbers: int) -> list[tuple[Any, ...]]:
    return [(f"ent_{number:032x}", "node", 1, 1, 0, 0, 0, 0, 5, 5, 0, 0, 1, "full") for number in numbers]


def written(path: Path) -> int:
    ((count,),) = rows(path, "SELECT count(*) FROM broadcasts")
    assert isinstance(count, int)
    return count


async def test_rows_go_along_with_changes(
    credits: Credits, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writers, "ASIDE_S", 60.0)  # nothing goes alone
    commits = counting(monkeypatch, "commit")
    many = range(3 * ALONG_LEAST)
    noting = asyncio.create_task(
        credits.note(Rows(broadcasts=broadcasts(*many), spans=[("node", "ent_0", "ent_9")]))
    )
    spends = 0
    while not noting.done():
        await credits.spend("ada", 1)
        spends += 1
        assert written(path) <= spends * ALONG_LEAST
    assert written(path) == len(many)
    assert rows(path, "SELECT * FROM broadcast_spans") == [("node", "ent_0", "ent_9")]
    assert spends <= 4
    assert len(commits) == spends


async def test_rows_go_alone_where_no_change_comes(credits: Credits, path: Path) -> None:
    await credits.note(Rows(broadcasts=broadcasts(1, 2)))
    assert written(path) == 2


async def test_urgent_rows_wait_for_nobody(
    credits: Credits, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writers, "ASIDE_S", 60.0)
    await credits.note(Rows(broadcasts=broadcasts(1)), urgent=True)
    assert written(path) == 1


async def test_rows_that_break_the_database_refuse_themselves_alone(
    credits: Credits, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writers, "ASIDE_S", 60.0)
    bad = asyncio.create_task(credits.note(Rows(broadcasts=[("ent_1", "node", "many", *([0] * 10), "full")])))
    good = asyncio.create_task(credits.note(Rows(broadcasts=broadcasts(1))))
    await asyncio.sleep(0)
    assert (await credits.spend("ada", 1)).credits == 999
    told = await asyncio.gather(bad, good, return_exceptions=True)
    assert isinstance(told[0], Exception)
    assert told[1] is None
    assert written(path) == 1
    assert (await credits.verify()).is_clean


async def test_on_a_full_disk_they_are_their_owners_again(
    credits: Credits, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writers, "ASIDE_S", 60.0)
    honest = SqliteStore.commit

    def full(_: SqliteStore) -> None:
        raise StorageFull("The disk is full.")

    noting = asyncio.create_task(credits.note(Rows(broadcasts=broadcasts(1))))
    await asyncio.sleep(0)
    monkeypatch.setattr(SqliteStore, "commit", full)
    told = await asyncio.gather(credits.spend("ada", 1), noting, return_exceptions=True)
    assert [type(one) for one in told] == [StorageFull, StorageFull]
    monkeypatch.setattr(SqliteStore, "commit", honest)
    assert (await credits.spend("ada", 1)).credits == 999
    assert written(path) == 0


async def test_what_waits_at_the_close_is_written(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writers, "ASIDE_S", 60.0)
    credits = Credits(f"sqlite:///{path}")
    await credits.grant("ada", 1)
    noting = asyncio.create_task(credits.note(Rows(broadcasts=broadcasts(1, 2, 3))))
    await asyncio.sleep(0)
    await credits.aclose()
    await noting
    assert written(path) == 3
