"""One run of the bench: its depth, its folder, its processes, its progress on the terminal.

Promises: databases lie on a real disk (in `bench/.work`, beside the code, never in a tmpfs); the folder and the
processes are gone afterwards.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from bench.processes import LIVECREDITS, PYTHON, Process, compiled, load_core, server_core

WORK = Path(__file__).parent / ".work" / str(os.getpid())
"""One folder per run: two runs at once spoil each other's figures, but must not delete each other's files."""


class Run:
    """What a figure's `measure` is given.

    Attributes:
        quick: a tenth of the load, to see that everything works; its numbers are not kept.
        folder: an empty folder on a real disk.
    """

    def __init__(self, progress: Progress, folder: Path, *, quick: bool) -> None:
        self.quick = quick
        self.folder = folder
        self._progress = progress
        self._task: TaskID | None = None
        self._stack = contextlib.ExitStack()

    def scaled(self, figure: int, quick: int) -> int:
        """The full number, or the one of a quick run."""
        return quick if self.quick else figure

    def steps(self, title: str, total: int) -> None:
        """Announce a figure and how many steps it has."""
        self._task = self._progress.add_task(title, total=total, doing="starting")

    def step(self, doing: str) -> None:
        """One step is done, and this one begins."""
        if self._task is not None:
            self._progress.update(self._task, advance=1, doing=doing)

    def program(self, name: str, *words: str) -> Process:
        """Start a C program of bench/peers on the load core (the C server on the server core)."""
        core = server_core() if name == "epoll_send" else load_core()
        return self._keep(Process([compiled(name, WORK), *words], core))

    def python(self, module: str, *words: str, core: int | None) -> Process:
        """Start `python -m module` on a core, or on all of them."""
        return self._keep(Process([PYTHON, "-m", module, *words], core))

    def livecredits(
        self, *words: str, core: int | None = None, environment: dict[str, str] | None = None
    ) -> Process:
        """Start the product's own command."""
        return self._keep(Process([LIVECREDITS, *words], core, environment))

    def _keep(self, process: Process) -> Process:
        self._stack.callback(process.end)
        return process

    @contextlib.contextmanager
    def figure(self) -> Iterator[Run]:
        """The life of one figure: what it started ends with it."""
        try:
            yield self
        finally:
            self._stack.close()
            if self._task is not None:
                self._progress.update(
                    self._task, completed=self._progress.tasks[self._task].total, doing="done"
                )
            shutil.rmtree(self.folder, ignore_errors=True)
            self.folder.mkdir(parents=True, exist_ok=True)


@contextlib.contextmanager
def opened(*, quick: bool) -> Iterator[Run]:
    """A run with a fresh folder and a progress display."""
    folder = WORK / "data"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description:<12}"),
        BarColumn(24),
        TimeElapsedColumn(),
        TextColumn("[dim]{task.fields[doing]}"),
    )
    try:
        with Progress(*columns) as progress:
            yield Run(progress, folder, quick=quick)
    finally:
        shutil.rmtree(WORK, ignore_errors=True)
