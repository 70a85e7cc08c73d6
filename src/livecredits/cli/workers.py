"""`livecredits serve --workers N`: several serving processes on one port of one machine.

Promises: the parent holds the port from before the first worker until after the last, so that nobody is refused while a
worker is missing; one that ends is started anew, at once and then ever more slowly; SIGTERM and SIGINT reach them all,
and the parent goes last. When the parent is killed, its workers say goodbye by themselves.
Must not know what a worker does with the port: each is a whole node, like one on another machine.

The odd thing: a worker's standard input is a pipe on which nothing ever comes. That it ends is how a worker learns that
its parent has; and its standard output tells the parent once that requests are answered.
"""

from __future__ import annotations

import os
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING

from livecredits.cli.output import err
from livecredits.errors import StartRefused

if TYPE_CHECKING:
    from livecredits.config import Settings

PAUSE_S, PAUSE_MOST_S = 0.5, 30.0
"""A worker that ends is started anew after this; each further time after twice as long."""
STEADY_S = 60.0
"""Whoever ran for so long begins with the shortest pause again."""
GRACE_S = 10.0
"""Beyond the drain a worker may take so long to end; then it is killed."""
LOOK_S = 1.0


def check(settings: Settings, count: int) -> None:
    """Refuse settings by which several processes cannot work together.

    Raises:
        StartRefused: with what to do about it.
    """
    if count > 1 and settings.is_one_process:
        raise StartRefused(
            "A ledger in a file has one process; --workers needs LIVECREDITS_DATABASE_URL=postgresql://… "
            "(see docs/guides/several-nodes.md)."
        )
    if count > 1 and settings.bus == "memory":
        raise StartRefused(
            "--workers needs LIVECREDITS_BUS=postgres: with memory, workers do not hear of each other."
        )


@dataclass(eq=False)
class Worker:
    """One place among the workers, and the process that has it just now."""

    number: int
    process: subprocess.Popen[bytes] | None = None
    started_s: float = 0.0
    due_s: float = 0.0
    failures: int = 0
    is_ready: bool = False
    lines: bytes = field(default=b"", repr=False)

    @property
    def output(self) -> IO[bytes]:
        """What it says that it is ready on."""
        assert self.process is not None
        assert self.process.stdout is not None
        return self.process.stdout


class Workers:
    """The parent.

    Args:
        start: starts the process of a worker with this number.
        count: how many there are to be.
        drain_s: so long may a worker take to send its screens away.
        ready: called once, when all of them answer requests.
    """

    def __init__(
        self,
        start: Callable[[int], subprocess.Popen[bytes]],
        count: int,
        *,
        drain_s: float,
        ready: Callable[[], None],
    ) -> None:
        self._start_process = start
        self._workers = [Worker(number) for number in range(1, count + 1)]
        self._drain_s = drain_s
        self._ready = ready
        self._selector = selectors.DefaultSelector()
        self._was_ready = False
        self._signals: list[int] = []
        self._kill_s: float | None = None
        self._refusal: int | None = None

    def run(self) -> int:
        """Have them run until a signal comes; gives the exit code."""
        bell, ring = socket.socketpair()
        for end in (bell, ring):
            end.setblocking(False)
        signal.set_wakeup_fd(ring.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda got, _frame: self._signals.append(got))
        signal.signal(signal.SIGCHLD, lambda *_: None)  # so that the end of a worker wakes us
        self._selector.register(bell, selectors.EVENT_READ)
        try:
            while not self._is_over():
                self._start_due()
                for key, _ in self._selector.select(LOOK_S):
                    if key.fileobj is bell:
                        bell.recv(4_096)
                    else:
                        self._listen(key.data)
                self._pass_on()
                self._bury()
        finally:
            signal.set_wakeup_fd(-1)
            self._selector.close()
            bell.close()
            ring.close()
        return self._refusal or 0

    @property
    def _is_stopping(self) -> bool:
        return self._kill_s is not None

    def _is_over(self) -> bool:
        return self._is_stopping and all(worker.process is None for worker in self._workers)

    def _start_due(self) -> None:
        """Start who is missing; until the first one answers, no other, so that a wrong setting is told once."""
        now_s = time.monotonic()
        for worker in self._workers:
            if self._is_stopping or (
                worker.number > 1 and not (self._was_ready or self._workers[0].is_ready)
            ):
                return
            if worker.process is None and worker.due_s <= now_s:
                worker.process = self._start_process(worker.number)
                worker.started_s, worker.is_ready, worker.lines = now_s, False, b""
                self._selector.register(worker.output, selectors.EVENT_READ, worker)

    def _listen(self, worker: Worker) -> None:
        said = os.read(worker.output.fileno(), 4_096)
        if not said:
            self._selector.unregister(worker.output)
            return
        worker.lines += said
        if not worker.is_ready and b"\n" in worker.lines:
            worker.is_ready = True
            if not self._was_ready and all(one.is_ready for one in self._workers):
                self._was_ready = True
                self._ready()

    def _pass_on(self) -> None:
        """Hand signals on; the first begins the end, a second one hurries it."""
        signals, self._signals = self._signals, []
        for _ in signals:
            self._stop(signal.SIGINT if self._is_stopping else signal.SIGTERM)
        if self._kill_s is not None and time.monotonic() > self._kill_s:
            self._tell_all(signal.SIGKILL)

    def _stop(self, number: signal.Signals) -> None:
        if self._kill_s is None:
            self._kill_s = time.monotonic() + self._drain_s + GRACE_S
        self._tell_all(number)

    def _tell_all(self, number: signal.Signals) -> None:
        for worker in self._workers:
            if worker.process is not None:
                worker.process.send_signal(number)

    def _bury(self) -> None:
        """Note who has ended, and when they are started anew."""
        now_s = time.monotonic()
        for worker in self._workers:
            process = worker.process
            if process is None or process.poll() is None:
                continue
            if worker.output in {key.fileobj for key in self._selector.get_map().values()}:
                self._selector.unregister(worker.output)
            worker.output.close()
            if process.stdin is not None:
                process.stdin.close()
            worker.process, worker.is_ready = None, False
            if self._is_stopping:
                continue
            if not self._was_ready and worker.number == 1:
                self._refusal = process.returncode if process.returncode > 0 else 1
                self._stop(signal.SIGTERM)
                return
            worker.failures = 0 if now_s - worker.started_s > STEADY_S else worker.failures + 1
            pause_s = min(PAUSE_S * 2 ** max(0, worker.failures - 1), PAUSE_MOST_S)
            worker.due_s = now_s + pause_s
            err().print(
                f"[yellow]![/yellow] Worker {worker.number} ended with code {process.returncode}; "
                f"it is started anew in {pause_s:g} s.",
                soft_wrap=True,
            )


def starter(
    listener: socket.socket, settings: Settings, folder: Path, *, as_json: bool
) -> Callable[[int], subprocess.Popen[bytes]]:
    """What starts a worker on this listener, with settings that are the same for all of them; they meet in `folder`.

    `as_json`: what stops a worker is told as JSON.
    """
    from livecredits.storage.nodes import name_of_process

    name = name_of_process(settings.node_name, is_alone=True)
    fixed = {
        # By the environment: what stands on a command line is read by everybody on the machine.
        "LIVECREDITS_DATABASE_URL": settings.database_url,
        "LIVECREDITS_SECRET": settings.shared_secret,
    }

    def start(number: int) -> subprocess.Popen[bytes]:
        return subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-c", "from livecredits.cli import main; main()", "serve", "--listener",
             str(listener.fileno()), "--siblings", str(folder / f"{number}.sock"), *(["--json"] if as_json else [])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=(listener.fileno(),),
            env={**os.environ, **fixed, "LIVECREDITS_NODE_NAME": f"{name}-{number}"},
        )  # fmt: skip

    return start


def end_with_parent() -> None:
    """In a worker: say goodbye as soon as the parent is gone, however it ended."""

    def watch() -> None:
        while os.read(0, 4_096):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="livecredits-parent", daemon=True).start()
