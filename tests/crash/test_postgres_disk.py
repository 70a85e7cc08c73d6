"""C4: PostgreSQL has no room for its tables, or for its log: a clear refusal, nothing lost, and on again with room."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.crash.test_postgres import CALLERS, FIRST_WRITE_S, Crowd, seconds_until
from tests.postgres import NOBODY, PostgresServer
from tests.waiting import eventually

from livecredits import Credits, StorageFull, Unavailable
from livecredits.storage import postgres_schema

pytestmark = pytest.mark.crash
MEGABYTE = 1 << 20


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    own = PostgresServer(durable=True)
    yield own
    own.remove()


@pytest.fixture
def small_disk(server: PostgresServer) -> Iterator[Callable[[int], Path]]:
    """Mounts a file system of so many megabytes of its own, in the server's folder."""
    mount = shutil.which("mount")
    if mount is None or os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    folder = server.folder / "small"
    folder.mkdir()

    def mounted(megabytes: int) -> Path:
        options = f"size={megabytes}m,uid={NOBODY},gid={NOBODY},mode=700"
        done = subprocess.run(
            [mount, "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], check=False, capture_output=True
        )
        if done.returncode != 0:
            pytest.skip("a small disk cannot be mounted here")
        return folder

    yield mounted
    server.stop(signal.SIGQUIT)
    subprocess.run(["umount", "-l", str(folder)], check=False, capture_output=True)


def fill(disk: Path, left: int) -> Path:
    """Leave so many bytes of room; what takes the rest."""
    filler = disk / "filler"
    with filler.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, shutil.disk_usage(disk).free - left)
    return filler


def test_no_room_for_tables(server: PostgresServer, small_disk: Callable[[int], Path]) -> None:
    """Who asks is told so, numbers can be read, and it heals by itself when there is room."""
    tables = small_disk(64) / "tables"
    tables.mkdir()
    shutil.chown(tables, NOBODY, NOBODY)
    with server.connect() as db:
        db.execute(f"CREATE TABLESPACE small LOCATION '{tables}'".encode())
        db.execute("CREATE DATABASE ledger TABLESPACE small")
    url = server.url("ledger")
    postgres_schema.bring_up_to_date(url)
    credits = Credits(url)
    credits.sync.grant("ada", 10_000)
    filler = fill(tables.parent, MEGABYTE // 2)
    passed = _spend_until_full(credits)
    assert credits.sync.balance("ada").credits == 10_000 - passed
    with pytest.raises(StorageFull, match="disk is full; nothing was written"):
        credits.sync.spend("ada", 1, key=f"job-{passed}", metadata={"padding": "x" * 4_000})
    filler.unlink()
    assert credits.sync.spend("ada", 1, key=f"job-{passed}").credits == 10_000 - passed - 1
    report = credits.sync.verify()
    assert report.is_clean
    assert report.entries == passed + 2
    credits.sync.close()


def _spend_until_full(credits: Credits) -> int:
    for number in range(5_000):
        try:
            credits.sync.spend("ada", 1, key=f"job-{number}", metadata={"padding": "x" * 4_000})
        except StorageFull:
            return number
    raise AssertionError("the disk was not full")


def test_no_room_for_the_log(server: PostgresServer, small_disk: Callable[[int], Path]) -> None:
    """The server gives up, as it must; what was acknowledged is there when it is started again with room."""
    log = server.data / "pg_wal"
    name = server.create_database()
    url = server.url(name)
    postgres_schema.bring_up_to_date(url)
    server.stop()
    disk = small_disk(128)
    shutil.copytree(log, disk / "pg_wal")
    for path in (disk / "pg_wal", *(disk / "pg_wal").rglob("*")):
        shutil.chown(path, NOBODY, NOBODY)
    shutil.rmtree(log)
    log.symlink_to(disk / "pg_wal")
    server.start()
    credits = Credits(url)
    with Crowd(credits) as crowd:
        filler = fill(disk, MEGABYTE)
        eventually(lambda: _has_no_next_segment(server) or crowd.refusals, 60)
        eventually(lambda: len(crowd.refusals) >= CALLERS, 60)
        with pytest.raises(Unavailable):
            credits.sync.balance("user-1")
        filler.unlink()
        server.stop(signal.SIGQUIT)
        server.start()
        assert seconds_until(crowd) <= FIRST_WRITE_S
        crowd.wait_for_more()
    crowd.check(url)
    assert credits.sync.verify().is_clean
    credits.sync.close()


def _has_no_next_segment(server: PostgresServer) -> bool:
    """Go on to the next piece of the log; True once there is no room for one."""
    try:
        with server.connect() as db:
            db.execute("SELECT pg_switch_wal()")
    except Exception:  # noqa: BLE001 - however it says that it is gone
        return True
    return False
