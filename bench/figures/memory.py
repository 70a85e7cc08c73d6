"""Resident memory of the server process for each screen that is open and idle."""

from __future__ import annotations

import time

from bench import serving
from bench.processes import Failed, Process, server_core
from bench.report import Figure, Target
from bench.run import Run
from bench.screens import connect, users

TITLE = "memory per idle screen at 15,000 screens"
INCLUDES = (
    "Growth of the server process's resident memory (VmRSS) from before the first screen to one heartbeat after the "
    "last, divided by the number of screens. Every screen is another user, signed in with a real screen token over "
    "`livecredits serve`, has its hello and has answered a tick. The kernel's socket memory is not part of a process "
    "and not included. Starlette is the bare WebSocket app of `bench/peers/starlette_push.py` under uvicorn."
)
HEARTBEAT_S = 24
"""A heartbeat with its jitter (20 s + 10 %), and a little."""


def measure(run: Run) -> Figure:
    """Both servers take all screens, then one wait serves both."""
    screens = run.scaled(15_000, 1_500)
    if serving.lift_file_limit() < screens + 100:
        raise Failed(f"{screens:,} screens need as many open files: raise the hard limit (ulimit -Hn)")
    run.steps("memory", 5)
    run.step("making users")
    ours = serving.start(run, serving.seeded(run, screens), core=server_core())
    starlette = run.python("bench.peers.starlette_push", core=server_core())
    starlette_port = starlette.hear()["port"]
    servers: dict[str, Process] = {"ours": ours.process, "Starlette": starlette}
    before = {kind: server.rss_kib() for kind, server in servers.items()}
    run.step("ours: connecting")
    connect(run, ours.process, ours.port, serving.tokens(screens))
    run.step("Starlette: connecting")
    connect(run, starlette, starlette_port, users(screens))
    run.step("one heartbeat")
    time.sleep(HEARTBEAT_S if not run.quick else 1)
    after = {kind: server.rss_kib() for kind, server in servers.items()}
    figure = Figure("memory", TITLE, INCLUDES)
    for kind in servers:
        target = Target("<=", 8) if kind == "ours" else None
        figure.add(f"{kind}: per idle screen", "KiB", (after[kind] - before[kind]) / screens, target)
    for kind in servers:
        figure.add(f"{kind}: whole process", "MiB", after[kind] / 1024)
    figure.notes.append(
        f"{screens:,} screens each; ours stood at {before['ours'] / 1024:.0f} MiB without any."
    )
    return figure
