"""C2: what the disk says is told honestly: an I/O error ends the writer, a full disk refuses cleanly and heals."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.crash.test_kill_points import STRACE
from tests.storage.hands import START_US, HandClock, fresh_database, rows

from livecredits import AccountState, Credits, StorageFull
from livecredits.storage.verify import verify

ROOT = Path(__file__).resolve().parents[2]
GRANTS = Path(__file__).with_name("grants.py")

pytestmark = pytest.mark.crash
needs_strace = pytest.mark.skipif(STRACE is None, reason="strace is not installed")


def grant(path: Path, count: int, inject: str) -> list[str]:
    """What each of `count` grants came to while strace injects a fault into calls on the log file."""
    done = subprocess.run(
        [STRACE or "", "-f", "-qq", "-P", f"{path}-wal", "-e", f"inject={inject}", "-o", "/dev/null",
         sys.executable, str(GRANTS), str(path), str(count)],
        capture_output=True, check=True, timeout=60, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    return done.stdout.decode().split()


@needs_strace
@pytest.mark.parametrize("fault", ["fdatasync:error=EIO:when=4+", "pwrite64:error=EIO:when=100+"])
def test_an_io_error_ends_the_writer_for_good(tmp_path: Path, fault: str) -> None:
    path = fresh_database(tmp_path)
    words = grant(path, 10, fault)
    passed = words.index("failed")
    assert passed > 0
    assert words[:passed] == ["ok"] * passed
    assert words[passed + 1 :] == ["outcome_unknown", *["storage_failed"] * (9 - passed)]
    report = verify(path)
    assert report.is_clean
    # The one whose outcome is not known happened once or never.
    assert passed <= report.entries <= passed + 1


@needs_strace
def test_a_full_disk_refuses_cleanly_and_heals_by_itself(tmp_path: Path) -> None:
    path = fresh_database(tmp_path)
    words = grant(path, 40, "pwrite64:error=ENOSPC:when=150..170")
    assert set(words) == {"ok", "storage_full"}
    assert words[0] == words[-1] == "ok"
    assert rows(path, "SELECT count(*) FROM entries") == [(words.count("ok"),)]
    assert verify(path).is_clean


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 4 MB of its own."""
    mount = shutil.which("mount")
    if mount is None or os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        [mount, "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)], check=False, capture_output=True
    )
    if mounted.returncode != 0:
        pytest.skip("a small disk cannot be mounted here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


async def test_reads_and_pushes_go_on_while_the_disk_is_full(small_disk: Path) -> None:
    path = fresh_database(small_disk)
    told: list[AccountState] = []
    clock = HandClock()
    async with Credits(f"sqlite:///{path}", clock=clock) as credits:
        credits.on_update(told.append)
        await credits.grant("ada", 1_000)
        await credits.grant("bob", 5, expires_at=datetime.fromtimestamp(START_US / 1e6 + 60, UTC))
        filler = small_disk / "filler"
        filler.write_bytes(b"\x00" * (shutil.disk_usage(small_disk).free - 65_536))
        passed = await _spend_until_full(credits)
        assert (await credits.balance("ada")).credits == 1_000 - passed
        assert told[-1].credits == 1_000 - passed
        clock.advance(60)
        assert (
            await credits.balance("bob")
        ).credits == 5  # what is due cannot be posted; the last posted state stands
        filler.unlink()
        assert (await credits.balance("bob")).credits == 0
        assert (await credits.spend("ada", 1, key=f"job-{passed}")).credits == 1_000 - passed - 1
        assert (await credits.verify()).is_clean


async def _spend_until_full(credits: Credits) -> int:
    for number in range(1_000):
        try:
            await credits.spend("ada", 1, key=f"job-{number}", metadata={"padding": "x" * 500})
        except StorageFull:
            return number
    raise AssertionError("the disk was not full")
