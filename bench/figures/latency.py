"""From the POST of a change to its frame on the user's socket, under a steady load with thousands of screens."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from bench import posting, serving
from bench.posting import Load
from bench.report import Figure, Target
from bench.run import Run
from bench.screens import connect

TITLE = "POST → frame on the socket at 500 changes/s with 5,000 screens"
INCLUDES = (
    "From the moment at which a POST was due to the moment at which the user's screen read the frame, both on "
    "CLOCK_MONOTONIC of this machine (the change's label carries the first). So: HTTP, guard, decision, durable "
    "commit, hub, WebSocket, with `livecredits serve` on SQLite (synchronous=FULL) not pinned, poster and receivers "
    "on one core. The load is open: a stall of the server delays no later POST, and its waiting counts."
)
RATE = 500


def measure(run: Run) -> Figure:
    """All screens connect; then several runs of a steady load."""
    screens, seconds, turns = run.scaled(5_000, 500), run.scaled(12, 3), run.scaled(3, 1)
    run.steps("latency", 2 + turns)
    run.step("making users")
    serving.lift_file_limit()
    ours = serving.start(run, serving.seeded(run, screens))
    run.step("connecting")
    pair = connect(run, ours.process, ours.port, serving.tokens(screens))
    load = Load(ours.port, RATE * seconds, ours.key, users=screens, rate=RATE, connections=32)
    posting.whole(run, replace(load, requests=RATE))
    frames: list[dict[str, Any]] = []
    answers: list[dict[str, Any]] = []
    cpu: list[float] = []
    for turn in range(turns):
        run.step(f"turn {turn + 1} of {turns}")
        pair.receivers.ask("reset")
        before = ours.process.cpu_s()
        answers.append(posting.whole(run, load)["latency"])
        cpu.append((ours.process.cpu_s() - before) / seconds * 100)
        frames.append(pair.receivers.ask(f"wait {RATE * seconds} 1000")["latency"])
    return _figure(frames, answers, cpu, screens)


def _figure(
    frames: list[dict[str, Any]], answers: list[dict[str, Any]], cpu: list[float], screens: int
) -> Figure:
    figure = Figure("latency", TITLE, INCLUDES)
    targets = {"p50": Target("<=", 2), "p99": Target("<=", 10)}
    for share in ("p50", "p90", "p99", "p999", "max"):
        values = [one[f"{share}_us"] / 1000 for one in frames]
        figure.add(f"POST → frame, {share}", "ms", values, targets.get(share))
    for share in ("p50", "p99"):
        figure.add(f"POST → answer, {share}", "ms", [one[f"{share}_us"] / 1000 for one in answers])
    figure.add("CPU of the server", "%", cpu)
    arrived = sum(one["n"] for one in frames)
    figure.notes.append(f"{arrived:,} frames at {screens:,} screens, {RATE} POSTs/s.")
    return figure
