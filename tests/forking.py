"""A process in which the product is loaded already, and which becomes a command by forking.

Promises: what it starts is a process like any other, a child of the test with its own memory, arguments, environment
and streams, that ends as Python ends; only loading modules, four fifths of a command's processor time, was done
before. What starts from nothing is tested too: `test_forking`, `test_public`, `test_workers`, the examples.
Must not be asked to do anything itself: no thread, random number or id may be made before the fork.

The odd thing: a child of the fork's is no child of the test's. The one between them ends at once, and for that moment
the test takes in orphans (`PR_SET_CHILD_SUBREAPER`), so that it can wait for the command as for its own. Linux alone
has that; elsewhere commands are started as usual.
"""

from __future__ import annotations

import atexit
import ctypes
import gc
import importlib
import inspect
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

PR_SET_CHILD_SUBREAPER = 36
LONGEST = 1024 * 1024
"""Bytes of a request: arguments and an environment."""
LOADED = (
    "livecredits.cli", "livecredits.server", "livecredits.config", "livecredits.credits", "livecredits.demo",
    "livecredits.http.app", "livecredits.storage.postgres_database", "sqlalchemy.dialects.sqlite",
    "sqlalchemy.dialects.postgresql.psycopg", "uvicorn.protocols.http.httptools_impl",
)  # fmt: skip
IS_POSSIBLE = sys.platform == "linux"


class Forks:
    """The test's side: the process that forks, started when the first command is wanted."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._line: socket.socket | None = None
        self._owner = 0

    def start(self, arguments: Sequence[str], environment: dict[str, str], streams: Sequence[int]) -> int:
        """Start a command and return its process id; `streams` are its standard input, output and error."""
        request = json.dumps([list(arguments), environment, str(Path.cwd())]).encode()
        assert len(request) < LONGEST
        with self._lock:
            line = self._running()
            take_orphans(True)
            try:
                socket.send_fds(line, [request], streams)
                return int(line.recv(32))
            finally:
                take_orphans(False)

    def _running(self) -> socket.socket:
        if self._line is None or self._owner != os.getpid():
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            process = subprocess.Popen(
                [sys.executable, __file__, str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
            )
            theirs.close()
            self._line, self._owner = ours, os.getpid()
            atexit.register(_end, ours, process)
        return self._line


def _end(line: socket.socket, process: subprocess.Popen[bytes]) -> None:
    line.close()
    process.wait(10)


def take_orphans(does: bool) -> None:
    """Whether processes that lose their parent below this one become its children."""
    assert ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, int(does), 0, 0, 0) == 0


_forks = Forks()


class Forked(subprocess.Popen[str]):
    """`livecredits` with these arguments; its output is read as that of any process."""

    def __init__(self, arguments: Sequence[str], environment: dict[str, str]) -> None:
        super().__init__(
            arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
        )

    def _execute_child(self, *values: Any) -> None:
        """What the standard library does to start a program, done by the process that forks."""
        given = inspect.signature(super()._execute_child).bind(*values).arguments  # type: ignore[misc]
        self.pid = _forks.start(given["args"], given["env"], (0, given["c2pwrite"], given["errwrite"]))
        self._child_created = True
        ends = ("p2cread", "p2cwrite", "c2pread", "c2pwrite", "errread", "errwrite")
        self._close_pipe_fds(*(given[end] for end in ends))  # type: ignore[attr-defined]


# --- the process that forks -----------------------------------------------------------------------------------------


def serve(line: socket.socket) -> list[str] | None:
    """Fork for each request; returns None at the end, and in a fork its arguments."""
    while True:
        request, streams, _, _ = socket.recv_fds(line, LONGEST, 3)
        if not request:
            return None
        told, tell = os.pipe()
        between = os.fork()
        if between:
            # Not told before the one between has ended: until then the command is no child of the test's.
            os.waitpid(between, 0)
            line.send(os.read(told, 32))
            for stream in (*streams, told, tell):
                os.close(stream)
            continue
        command = os.fork()
        if command:
            os.write(tell, str(command).encode())
            os._exit(0)
        os.close(told)
        os.close(tell)
        line.close()
        arguments, environment, folder = json.loads(request)
        become(environment, folder, streams)
        return list(arguments)


def become(environment: dict[str, str], folder: str, streams: Sequence[int]) -> None:
    """Take over where a command runs, and what it reads and writes."""
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    for stream in streams:
        if stream > 2:
            os.close(stream)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.stdin = _text(0, "r")
    sys.stdout = _text(1, "w")
    sys.stderr = _text(2, "w", errors="backslashreplace", buffering=1)


def _text(stream: int, how: str, *, errors: str = "strict", buffering: int = -1) -> Any:
    return os.fdopen(stream, how, encoding="utf-8", errors=errors, buffering=buffering, closefd=False)


def main() -> None:
    """Load the product, then fork until nobody is there to ask."""
    gc.disable()
    for name in LOADED:
        importlib.import_module(name)
    gc.freeze()
    gc.enable()
    with socket.socket(fileno=int(sys.argv[1])) as line:
        arguments = serve(line)
    if arguments is None:
        return
    from livecredits.cli import main as run

    sys.argv = arguments
    run()


if __name__ == "__main__":
    main()
