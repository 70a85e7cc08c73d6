"""Several processes on one port: the parent starts, watches, restarts and ends them; here with workers of a few lines.

That they are whole nodes is tested with PostgreSQL in `tests/nodes`.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.demo_process import environment
from tests.waiting import eventually

from livecredits.cli import workers
from livecredits.config import Settings
from livecredits.errors import StartRefused

WORKER = """
import os, signal, sys
from livecredits.cli.workers import end_with_parent
end_with_parent()
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
with open(sys.argv[1], "a") as told:
    told.write(f"{sys.argv[2]} {os.getpid()}\\n")
print("{}", flush=True)
while True:
    signal.pause()
"""
REFUSING = "import sys; open(sys.argv[1], 'a').write('x 0\\n'); sys.exit(2)"
PARENT = """
import subprocess, sys
from livecredits.cli import workers
workers.PAUSE_S = 0.05

def start(number):
    return subprocess.Popen([sys.executable, "-c", sys.argv[1], sys.argv[2], str(number)],
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE)

sys.exit(workers.Workers(start, 2, drain_s=5, ready=lambda: print("ready", flush=True)).run())
"""


class Parent:
    def __init__(self, folder: Path, worker: str) -> None:
        self.told = folder / "told"
        self.process = subprocess.Popen(
            [sys.executable, "-c", PARENT, worker, str(self.told)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(),
        )  # fmt: skip

    def workers(self) -> list[tuple[str, int]]:
        """Number and process id of each worker that was ever started."""
        lines = self.told.read_text().splitlines() if self.told.exists() else []
        return [(number, int(pid)) for number, pid in (line.split() for line in lines)]

    def until_ready(self) -> None:
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == b"ready\n"


@pytest.fixture
def parent(tmp_path: Path) -> Iterator[Parent]:
    parent = Parent(tmp_path, WORKER)
    yield parent
    for pid in (parent.process.pid, *(pid for _, pid in parent.workers())):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    parent.process.communicate()


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_all_are_started_and_end_with_a_signal(parent: Parent) -> None:
    parent.until_ready()
    assert sorted(number for number, _ in parent.workers()) == ["1", "2"]
    parent.process.send_signal(signal.SIGTERM)
    assert parent.process.wait(20) == 0
    assert not any(is_alive(pid) for _, pid in parent.workers())


def test_a_worker_that_ends_is_started_anew_at_its_place(parent: Parent) -> None:
    parent.until_ready()
    number, pid = parent.workers()[1]
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: len(parent.workers()) == 3)
    assert parent.workers()[2][0] == number
    assert parent.process.poll() is None


def test_a_parent_that_is_killed_leaves_nobody_behind(parent: Parent) -> None:
    parent.until_ready()
    parent.process.kill()
    parent.process.wait()
    eventually(lambda: not any(is_alive(pid) for _, pid in parent.workers()))


def test_what_stops_one_stops_all_before_the_others_begin(tmp_path: Path) -> None:
    parent = Parent(tmp_path, REFUSING)
    assert parent.process.wait(20) == 2
    assert len(parent.workers()) == 1
    parent.process.communicate()


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({}, "A ledger in a file has one process; --workers needs LIVECREDITS_DATABASE_URL=postgresql://"),
        ({"database_url": "postgresql://h/d", "bus": "memory"}, "--workers needs LIVECREDITS_BUS=postgres"),
    ],
)
def test_settings_that_forbid_several_processes(settings: dict[str, str], told: str) -> None:
    with pytest.raises(StartRefused, match=told):
        workers.check(Settings.load(**settings), 2)
    workers.check(Settings.load(**settings), 1)


def test_the_command_refuses_them_before_it_takes_the_port(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", "from livecredits.cli import main; main()", "serve", "--workers", "2", "--port", "0",
         "--database", f"sqlite:///{tmp_path}/x.db"],
        env=environment(), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert ended.returncode == 2
    assert "A ledger in a file has one process" in " ".join(ended.stderr.split())


def test_what_stops_a_worker_is_told_as_a_sentence() -> None:
    """It was a line of JSON, which nobody had asked for."""
    ended = subprocess.run(
        [sys.executable, "-c", "from livecredits.cli import main; main()", "serve", "--workers", "2", "--port", "0",
         "--database", "postgresql://127.0.0.1:1/none"],
        env=environment(), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert ended.returncode == 2
    assert "✗ The database postgresql://127.0.0.1:1/none cannot be opened" in ended.stderr
    assert '"code"' not in ended.stderr
