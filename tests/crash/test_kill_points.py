"""C1: killed at any write or flush, the ledger keeps every acknowledged change, and no other change twice.

`strace` kills the process on entering the n-th call of a kind that touches the database's files. Then the same story is
told again, with the same keys, by a process that lives: what was acknowledged must be answered the same, and the ledger
must end as if nothing had happened.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from tests.storage.hands import IS_DEEP, fresh_database, rows

from livecredits.storage.verify import verify

CALLS = ("pwrite64", "fdatasync", "fsync", "ftruncate", "unlink")
POINTS = 10_000 if IS_DEEP else 40
STORY = Path(__file__).with_name("story.py")
STRACE = shutil.which("strace")

pytestmark = [
    pytest.mark.crash,
    pytest.mark.skipif(STRACE is None, reason="strace is not installed"),
    pytest.mark.timeout(2_400 if IS_DEEP else 300),
]


def tell(path: Path, *strace: str) -> tuple[int, list[dict[str, Any]]]:
    """Run the story, under strace if it is to be watched or killed; its return code and what it told."""
    watched = [str(path) + suffix for suffix in ("", "-wal", "-shm", "-journal")]
    paths = [part for name in watched for part in ("-P", name)]
    prefix = [STRACE or "", "-f", "-qq", *paths, *strace] if strace else []
    done = subprocess.run(
        [*prefix, sys.executable, str(STORY), str(path)], capture_output=True, check=False, timeout=120,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )  # fmt: skip
    lines = done.stdout.decode().splitlines(keepends=True)
    told = [json.loads(line) for line in lines if line.endswith("\n")]
    if done.returncode != 0 and not strace:
        pytest.fail(done.stderr.decode()[-2_000:])
    return done.returncode, told


def kill_points(path: Path, log: Path) -> list[tuple[str, int]]:
    """Every (call, number) that an undisturbed telling makes, in their order."""
    code, _ = tell(path, "-e", f"trace={','.join(CALLS)}", "-o", str(log))
    assert code == 0
    seen: Counter[str] = Counter()
    points = []
    for line in log.read_text().splitlines():
        found = re.search(rf"\b({'|'.join(CALLS)})\(", line)
        if found:
            seen[found[1]] += 1
            points.append((found[1], seen[found[1]]))
    return points


def chosen(points: list[tuple[str, int]], most: int) -> list[tuple[str, int]]:
    """So many of the points, spread evenly."""
    step = max(len(points) / most, 1)
    return [points[int(number * step)] for number in range(min(most, len(points)))]


def state(path: Path) -> list[tuple[object, ...]]:
    accounts = rows(path, "SELECT user_id, version, settled, held FROM accounts ORDER BY user_id")
    kinds = rows(path, "SELECT account_id, version, kind, amount FROM entries ORDER BY id")
    return accounts + kinds + rows(path, "SELECT action, target FROM audit")


def check(
    folder: Path, start: Path | None, point: tuple[str, int], right: list[tuple[object, ...]]
) -> str | None:
    """Kill one telling at a point, tell the story again, and say what is wrong, if anything."""
    call, number = point
    path = folder / f"{call}-{number}.db"
    if start is not None:
        shutil.copyfile(start, path)
    code, before = tell(path, "-e", f"trace={call}", "-e", f"inject={call}:signal=KILL:when={number}")
    if code == 0:
        return f"{point}: was not killed"
    if before and not verify(path).is_clean:
        return f"{point}: damaged after the kill"
    _, after = tell(path)
    answers = {line["key"]: line for line in after}
    for line in before:
        again = answers[line["key"]]
        if not again["replayed"] or {**again, "replayed": False} != line:
            return f"{point}: {line['key']} was acknowledged and is not the same any more"
    if state(path) != right:
        return f"{point}: the ledger does not end as it must"
    report = verify(path)
    return None if report.is_clean else f"{point}: {report.damages[0]}"


@pytest.mark.parametrize("is_new", [False, True], ids=["a ledger in use", "opening and migrating"])
def test_acknowledged_is_durable_and_nothing_happens_twice(tmp_path: Path, *, is_new: bool) -> None:
    start = None if is_new else fresh_database(tmp_path, "start.db")
    path = tmp_path / "undisturbed.db"
    if start is not None:
        shutil.copyfile(start, path)
    points = kill_points(path, tmp_path / "calls.log")
    right = state(path)
    assert verify(path).is_clean
    few = chosen(points[: len(points) // 3] if is_new else points, POINTS // 5 if is_new else POINTS * 4 // 5)
    with ThreadPoolExecutor(2) as pool:
        wrong = [
            found for found in pool.map(lambda point: check(tmp_path, start, point, right), few) if found
        ]
    print(f"{len(few)} of {len(points)} points")
    assert not wrong
