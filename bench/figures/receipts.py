"""What receipts cost: delivery with and without them at a steady rate, and the log's rows beside changes."""

from __future__ import annotations

from typing import Any

from bench import serving
from bench.processes import Process, server_core
from bench.report import Figure, Target
from bench.run import Run
from bench.screens import Pair, connect, users

TITLE = "receipts and the broadcast log: what they cost at 5,000 frames/s, on and off in one run"
INCLUDES = (
    "Delivery: the real hub, shell and protocol class under uvicorn with 5,000 screens of distinct users, which answer "
    "each tick with the version that they were sent last; 5,000 states a second, 50 each 10 ms, for longer than a "
    "heartbeat. On: every state has its entry, is counted as a broadcast, settled by the pongs, and made a row that a "
    "stand-in for the database takes. Off: the same states without entries. CPU is the whole process's, user and "
    "system, less the making of states and entries, which the ledger's writer does. Both in turn. The log: rows as "
    "they are written to SQLite (synchronous=FULL), a thousand in a transaction; and changes/s of the library with 256 "
    "callers, without and with a row for every change written beside it once a second, as if every user had a screen."
)
RATE = 5_000


def measure(run: Run) -> Figure:
    """Pace with and without, in turn; then the rows alone, and changes without and with rows, in turn."""
    screens, seconds, turns = run.scaled(5_000, 500), run.scaled(24, 4), run.scaled(3, 1)
    run.steps("receipts", 2 * turns + 3)
    run.step("connecting")
    ours = run.python("bench.ours_push", core=server_core())
    pair = connect(run, ours, ours.hear()["port"], users(screens))
    ours.ask("calm")
    ours.ask(f"pace {RATE} {seconds // 4} on")
    paced: dict[str, list[dict[str, Any]]] = {"off": [], "on": []}
    for turn in range(turns):
        for switch in ("off", "on") if turn % 2 else ("on", "off"):
            run.step(f"{switch}: turn {turn + 1} of {turns}")
            paced[switch].append(_pace(pair, seconds, switch))
    run.step("rows and changes")
    rows, plain, logged = _rows(run)
    return _figure(paced, rows, plain, logged)


def _pace(pair: Pair, seconds: int, switch: str) -> dict[str, Any]:
    pair.receivers.ask("reset")
    told: dict[str, Any] = pair.server.ask(f"pace {RATE} {seconds} {switch}")
    seen = pair.receivers.ask(f"wait {told['handed']} 1000")
    return {**told, "states": seen["states"], "frames": seen["frames"], "pongs": seen["pongs"]}


def _rows(run: Run) -> tuple[list[dict[str, Any]], list[float], list[float]]:
    accounts, changes, turns = run.scaled(10_000, 1_000), run.scaled(60_000, 4_000), run.scaled(5, 1)
    program: Process = run.python("bench.callers", str(serving.seeded(run, accounts)), core=None)
    program.hear()
    program.ask(f"run spend 256 {changes // 4} {accounts}")
    rows, plain, logged = [], [], []
    for _ in range(turns):
        rows.append(program.ask(f"log {run.scaled(20_000, 2_000)}"))
        plain.append(program.ask(f"run spend 256 {changes} {accounts}")["per_s"])
        logged.append(program.ask(f"logged spend 256 {changes} {accounts}")["per_s"])
    return rows, plain, logged


def _figure(
    paced: dict[str, list[dict[str, Any]]],
    rows: list[dict[str, Any]],
    plain: list[float],
    logged: list[float],
) -> Figure:
    figure = Figure("receipts", TITLE, INCLUDES)
    cpu = {switch: [one["cpu_s"] / one["states"] * 1e6 for one in turns] for switch, turns in paced.items()}
    for switch in ("off", "on"):
        figure.add(f"CPU per frame, receipts {switch}", "µs", cpu[switch])
    shares = [(on / off - 1) * 100 for on, off in zip(cpu["on"], cpu["off"], strict=True)]
    figure.add("receipts cost of delivery", "%", shares, Target("<=", 5))
    extra = [
        (on["frames"] + on["pongs"] - off["frames"] - off["pongs"]) / on["states"] * 100
        for on, off in zip(paced["on"], paced["off"], strict=True)
    ]
    figure.add("more messages, both ways, per 100 states", "", extra)
    figure.add("a row of the log: CPU", "µs", [one["cpu_us"] for one in rows])
    figure.add("changes/s, no rows", "/s", plain)
    figure.add("changes/s, a row for each", "/s", logged)
    figure.add("with rows ÷ without", "×", [one / other for one, other in zip(logged, plain, strict=True)])
    shown, written = paced["on"][-1]["shown"], paced["on"][-1]["rows"]
    figure.notes.append(f"{shown:,} receipts were counted, and {written:,} rows given to the log.")
    return figure
