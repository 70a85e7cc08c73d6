"""The processes of a measurement: compiled peers, servers under measurement, load generators, each on its core.

Promises: the server side and the load side never share a core where there are two; every process that a run starts
ends with it, whatever goes wrong; waiting for an answer is bounded.
Must not know: what is measured. Linux only: epoll, /proc and CPU affinity.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import queue
import shutil
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

PEERS = Path(__file__).parent / "peers"
ROOT = Path(__file__).parent.parent
PYTHON = sys.executable
LIVECREDITS = str(Path(sys.executable).parent / "livecredits")
"""The command as it is installed beside this interpreter."""
ANSWER_S = 120.0


class Failed(Exception):
    """A measurement could not be made; the sentence says why."""


def server_core() -> int:
    """The core that the measured process has for itself."""
    return min(os.sched_getaffinity(0))


def load_core() -> int:
    """The core that makes the load."""
    return max(os.sched_getaffinity(0))


def compiled(name: str, folder: Path) -> str:
    """Compile one of the C programs.

    Args:
        name: the file in bench/peers without `.c`.
        folder: where the program goes.

    Raises:
        Failed: there is no C compiler, or it refused.
    """
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        raise Failed(
            "the peers and the load generators are C programs: a C compiler is needed (apt install gcc)"
        )
    sources = [PEERS / f"{name}.c", PEERS / "common.h"]
    digest = hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()[:12]
    program = folder / f"{name}-{digest}"
    if not program.exists():
        told = subprocess.run(
            [compiler, "-O2", "-o", str(program), str(sources[0])],
            capture_output=True,
            text=True,
            check=False,
        )
        if told.returncode:
            raise Failed(f"{name}.c does not compile here: {told.stderr.strip()[:500]}")
    return str(program)


def family_cpu_s(pid: int) -> float:
    """Processor time of a process and its children, those that have ended included."""
    ticks = 0
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            fields = path.read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
            if int(path.parent.name) == pid:
                ticks += sum(int(field) for field in fields[11:15])
            elif int(fields[1]) == pid:
                ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


class Process:
    """One child that takes commands on stdin and answers with lines of JSON."""

    def __init__(
        self, words: Sequence[str], core: int | None, environment: dict[str, str] | None = None
    ) -> None:
        self.name = Path(words[0]).name if words[0] != sys.executable else words[2]
        self._child = subprocess.Popen(
            words,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, **(environment or {})},
            preexec_fn=None if core is None else lambda: os.sched_setaffinity(0, {core}),  # noqa: PLW1509
        )
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._errors: list[str] = []
        threading.Thread(target=self._read_answers, daemon=True).start()
        threading.Thread(target=self._read_errors, daemon=True).start()

    @property
    def pid(self) -> int:
        """The child's process id."""
        return self._child.pid

    def _read_answers(self) -> None:
        for line in self._child.stdout or ():
            self._lines.put(line)
        self._lines.put(None)

    def _read_errors(self) -> None:
        for line in self._child.stderr or ():
            self._errors.append(line)
            del self._errors[:-40]

    def tell(self, line: str) -> None:
        """Give one command."""
        assert self._child.stdin is not None
        self._child.stdin.write(line + "\n")
        self._child.stdin.flush()

    def hear(self, timeout_s: float = ANSWER_S) -> dict[str, Any]:
        """The next line of JSON.

        Raises:
            Failed: the child ended, or said nothing for so long; with what it wrote to stderr.
        """
        while True:
            try:
                line = self._lines.get(timeout=timeout_s)
            except queue.Empty:
                line = None
            if line is None:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._child.wait(1)
                raise Failed(
                    f"{self.name} gave no answer (exit code {self._child.returncode})\n{self.errors()}"
                )
            if line.startswith("{"):
                answer: dict[str, Any] = json.loads(line)
                return answer

    def ask(self, line: str, timeout_s: float = ANSWER_S) -> dict[str, Any]:
        """Give a command and wait for its answer."""
        self.tell(line)
        return self.hear(timeout_s)

    def is_running(self) -> bool:
        """Whether the child has not ended."""
        return self._child.poll() is None

    def errors(self) -> str:
        """The last lines that the child wrote to stderr."""
        return "".join(self._errors[-15:])

    def rss_kib(self) -> int:
        """Resident memory of the child (VmRSS), in KiB."""
        lines = Path(f"/proc/{self.pid}/status").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))

    def cpu_s(self) -> float:
        """Processor time that the child has used, user and system."""
        fields = Path(f"/proc/{self.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def end(self) -> None:
        """Stop the child, kindly first."""
        if self._child.poll() is None:
            self._child.terminate()
        try:
            self._child.wait(5)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
        for pipe in (self._child.stdin, self._child.stdout, self._child.stderr):
            with contextlib.suppress(OSError, ValueError):
                pipe.close() if pipe else None
