"""Durable changes a second on PostgreSQL: one and two processes, spread and hot, against pgbench on the same tables."""

from __future__ import annotations

import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.postgres import USER, PostgresServer

from bench.processes import PEERS, Failed, Process
from bench.report import Figure, Target
from bench.run import Run
from livecredits.storage import postgres_schema

TITLE = "durable changes/s of the library on PostgreSQL (fsync and synchronous_commit on)"
INCLUDES = (
    "`await credits.spend(user, 1, key=…)` from 256 callers in one process, or from 128 in each of two, each waiting "
    "for its answer before it asks again: facade, lanes, decision, hash chain, idempotency row, the word for other "
    "nodes, commit with fsync, answer back on the loop. Spread: over 5,000 accounts in turn. Hot: all on one account. "
    "The peer is pgbench with one statement per change (`bench/peers/pgbench_spend.sql`, prepared), one transaction "
    "each, over the same number of accounts in the same server, without hash chain, checks and words; of 16, 64 and "
    "256 of its clients the best is taken. Runs alternate; medians. All of it shares the machine's cores."
)
CLIENTS = (16, 64, 256)
SPREAD, HOT = "256 callers, spread", "256 callers, one hot account"
SPREAD_TWO, HOT_TWO = "two processes, spread", "two processes, one hot account"
PEER_SPREAD, PEER_HOT = "pgbench, spread", "pgbench, one hot account"


def measure(run: Run) -> Figure:
    """Warm up, then in turn: ours by one and two processes, and pgbench, each spread and hot."""
    accounts, turns, full = run.scaled(5_000, 500), run.scaled(5, 1), run.scaled(30_000, 4_000)
    run.steps("postgres", 3 + turns)
    run.step("starting PostgreSQL")
    server = PostgresServer(durable=True, folder=run.folder, max_connections="400", shared_buffers="256MB")
    try:
        return _figure(_rates(run, server, accounts, turns, full))
    finally:
        server.remove()


def _rates(run: Run, server: PostgresServer, accounts: int, turns: int, full: int) -> dict[str, list[float]]:
    database, peers = _ledger(server), _ledger(server)
    run.step("making users")
    one, other, seeding = (
        run.python("bench.callers", server.url(name), core=None) for name in (database, database, peers)
    )
    for program in (one, other, seeding):
        program.hear()
    one.ask(f"seed {accounts}")
    seeding.ask(f"seed {accounts}")
    seeding.end()
    run.step("warming up")
    one.ask(f"run spend 256 {full // 4} {accounts}")
    other.ask(f"run spend 256 {full // 4} {accounts}")
    rates: dict[str, list[float]] = {}
    for turn in range(turns):
        run.step(f"turn {turn + 1} of {turns}")
        for name, among in ((SPREAD, accounts), (HOT, 1)):
            rates.setdefault(name, []).append(one.ask(f"run spend 256 {full} {among}")["per_s"])
        for name, among in ((SPREAD_TWO, accounts), (HOT_TWO, 1)):
            rates.setdefault(name, []).append(_both(one, other, f"run spend 128 {full // 2} {among}"))
        for name, among in ((PEER_SPREAD, accounts), (PEER_HOT, 1)):
            best = max(_pgbench(server, peers, clients, among, run.scaled(6, 3)) for clients in CLIENTS)
            rates.setdefault(name, []).append(best)
    return rates


def _ledger(server: PostgresServer) -> str:
    name = server.create_database()
    postgres_schema.bring_up_to_date(server.url(name))
    return name


def _both(one: Process, other: Process, command: str) -> float:
    """What two processes do together, while both are at it."""
    with ThreadPoolExecutor(2) as asking:
        told: list[dict[str, Any]] = list(asking.map(lambda program: program.ask(command), (one, other)))
    return sum(float(answer["per_s"]) for answer in told)


def _pgbench(server: PostgresServer, database: str, clients: int, among: int, seconds: int) -> float:
    script = PEERS / "pgbench_spend.sql"
    words = [
        str(server.bin / "pgbench"), "-n", "-M", "prepared", "-f", str(script), "-D", f"users={among}",
        "-c", str(clients), "-j", "2", "-T", str(seconds), "-h", str(server.folder), "-p",
        str(server.port), "-U", USER, database,
    ]  # fmt: skip
    told = subprocess.run(words, capture_output=True, text=True, check=False)
    found = re.search(r"tps = ([\d.]+)", told.stdout)
    if told.returncode or found is None:
        raise Failed(f"pgbench failed: {told.stderr.strip()} {told.stdout.strip()}")
    return float(found[1])


def _figure(rates: dict[str, list[float]]) -> Figure:
    figure = Figure("postgres", TITLE, INCLUDES)
    for name, found in rates.items():
        figure.add(name, "/s", found)
    for name, ours, theirs, bound in (
        ("spread: ours ÷ pgbench", SPREAD, PEER_SPREAD, 2.5),
        ("hot: ours ÷ pgbench", HOT, PEER_HOT, 10.0),
    ):
        pairs = zip(rates[ours], rates[theirs], strict=True)
        figure.add(name, "×", [one / other for one, other in pairs], Target(">=", bound))
    pairs = zip(rates[SPREAD_TWO], rates[SPREAD], strict=True)
    figure.add("two processes ÷ one, spread", "×", [two / one for two, one in pairs])
    return figure
