"""A server and its screens: connect N receivers, let it push, read both sides' counts.

Promises: figures that push frames do it in the same way for us and for every peer.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.processes import Failed, Process
from bench.run import Run

LIVE_PATH = "/api/v1/credits/live"
BATCH = 256
"""Frames handed over at once: what one group commit brings under load."""
QUIET_MS = 1_000


@dataclass(frozen=True, slots=True)
class Pushed:
    """One round: frames that arrived, and what they cost."""

    frames: int
    handed: int
    seconds: float
    cpu_s: float

    @property
    def frames_per_s(self) -> float:
        """Arrived frames, from the first hand-over to the last arrival."""
        return self.frames / self.seconds

    @property
    def cpu_us_per_frame(self) -> float:
        """Processor time of the server process, user and system, per arrived frame."""
        return self.cpu_s / self.frames * 1e6


@dataclass(frozen=True, slots=True)
class Pair:
    """A server under measurement and the receivers that are connected to it."""

    server: Process
    receivers: Process
    screens: int

    def push(self, rounds: int) -> Pushed:
        """Send `rounds` frames to every screen as fast as the server can."""
        self.receivers.ask("reset")
        told = self.server.ask(f"go {rounds} {BATCH}")
        seen = self.receivers.ask(f"wait {rounds * self.screens} {QUIET_MS}")
        if seen["lost"]:
            raise Failed(f"{self.server.name} lost {seen['lost']} screens: {seen['last_close']}")
        return Pushed(
            seen["states"], told["handed"], (seen["last_ns"] - told["began_ns"]) / 1e9, told["cpu_s"]
        )

    def disconnect(self) -> None:
        """The screens go, the server stays."""
        self.receivers.end()


def connect(run: Run, server: Process, port: int, tokens: list[str]) -> Pair:
    """Connect one screen per token and wait until each has its hello.

    Raises:
        Failed: not all of them came in.
    """
    file = tokens_file(run.folder, tokens)
    receivers = run.program(
        "receivers",
        "--port",
        str(port),
        "--path",
        LIVE_PATH,
        "--count",
        str(len(tokens)),
        "--tokens",
        str(file),
    )
    ready: dict[str, Any] = receivers.hear()
    if ready["lost"]:
        raise Failed(f"{ready['lost']} of {len(tokens)} screens did not connect: {ready['last_close']}")
    return Pair(server, receivers, len(tokens))


def tokens_file(folder: Path, tokens: list[str]) -> Path:
    """The receivers read their tokens from a file, one per line."""
    file = folder / f"tokens-{time.monotonic_ns()}"
    file.write_text("\n".join(tokens) + "\n", encoding="ascii")
    return file


def users(count: int) -> list[str]:
    """The ids of so many users: u00000, u00001 and so on."""
    return [f"u{number:05d}" for number in range(count)]
