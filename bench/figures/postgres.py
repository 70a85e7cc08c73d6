"""Durable changes a second on PostgreSQL: one and two processes, spread and hot, against pgbench on the same tables."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, NamedTuple

from tests.postgres import USER, PostgresServer

from bench.processes import PEERS, Failed, Process, family_cpu_s
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
    "256 of its clients the best is taken. Both go by the server's own socket. Runs alternate; medians. All of it "
    "shares the machine's cores. CPU is what one change takes of them, of the processes that ask (with pgbench: "
    "pgbench) and of all of the server's."
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


class Took(NamedTuple):
    """One measurement: changes a second, and the microseconds of CPU that a change took on either side."""

    per_s: float
    client_us: float
    server_us: float


def _rates(run: Run, server: PostgresServer, accounts: int, turns: int, full: int) -> dict[str, list[Took]]:
    database, peers = _ledger(server), _ledger(server)
    run.step("making users")
    one, other, seeding = (
        run.python("bench.callers", server.local_url(name), core=None) for name in (database, database, peers)
    )
    for program in (one, other, seeding):
        program.hear()
    one.ask(f"seed {accounts}")
    seeding.ask(f"seed {accounts}")
    seeding.end()
    run.step("warming up")
    one.ask(f"run spend 256 {full // 4} {accounts}")
    other.ask(f"run spend 256 {full // 4} {accounts}")
    rates: dict[str, list[Took]] = {}

    def measure(name: str, ask: Callable[[], Took]) -> None:
        rates.setdefault(name, []).append(ask())

    for turn in range(turns):
        run.step(f"turn {turn + 1} of {turns}")
        for name, among in ((SPREAD, accounts), (HOT, 1)):
            measure(name, partial(_ours, server, [one], f"run spend 256 {full} {among}", full))
        for name, among in ((SPREAD_TWO, accounts), (HOT_TWO, 1)):
            measure(name, partial(_ours, server, [one, other], f"run spend 128 {full // 2} {among}", full))
        for name, among in ((PEER_SPREAD, accounts), (PEER_HOT, 1)):
            measure(name, partial(_best_of_pgbench, server, peers, among, run.scaled(6, 3)))
    return rates


def _ledger(server: PostgresServer) -> str:
    name = server.create_database()
    postgres_schema.bring_up_to_date(server.url(name))
    return name


def _ours(server: PostgresServer, programs: list[Process], command: str, changes: int) -> Took:
    """What so many processes do together, while all are at it."""
    before = family_cpu_s(server.pid)
    with ThreadPoolExecutor(len(programs)) as asking:
        told: list[dict[str, Any]] = list(asking.map(lambda program: program.ask(command), programs))
    return Took(
        sum(float(answer["per_s"]) for answer in told),
        sum(float(answer["cpu_us"]) for answer in told) / len(told),
        (family_cpu_s(server.pid) - before) / changes * 1e6,
    )


def _best_of_pgbench(server: PostgresServer, database: str, among: int, seconds: int) -> Took:
    return max(_pgbench(server, database, clients, among, seconds) for clients in CLIENTS)


def _pgbench(server: PostgresServer, database: str, clients: int, among: int, seconds: int) -> Took:
    script = PEERS / "pgbench_spend.sql"
    words = [
        str(server.bin / "pgbench"), "-n", "-M", "prepared", "-f", str(script), "-D", f"users={among}",
        "-c", str(clients), "-j", "2", "-T", str(seconds), "-h", str(server.folder), "-p",
        str(server.port), "-U", USER, database,
    ]  # fmt: skip
    before, own = family_cpu_s(server.pid), os.times()
    told = subprocess.run(words, capture_output=True, text=True, check=False)
    rate = re.search(r"tps = ([\d.]+)", told.stdout)
    count = re.search(r"actually processed: (\d+)", told.stdout)
    if told.returncode or rate is None or count is None:
        raise Failed(f"pgbench failed: {told.stderr.strip()} {told.stdout.strip()}")
    now = os.times()
    client_s = now.children_user + now.children_system - own.children_user - own.children_system
    server_s, changes = family_cpu_s(server.pid) - before, int(count[1])
    return Took(float(rate[1]), client_s / changes * 1e6, server_s / changes * 1e6)


def _figure(rates: dict[str, list[Took]]) -> Figure:
    figure = Figure("postgres", TITLE, INCLUDES)
    per_s = {name: [took.per_s for took in found] for name, found in rates.items()}
    for name, rounds in per_s.items():
        figure.add(name, "/s", rounds)
    for name, ours, theirs, bound in (
        ("spread: ours ÷ pgbench", SPREAD, PEER_SPREAD, 2.5),
        ("hot: ours ÷ pgbench", HOT, PEER_HOT, 10.0),
    ):
        pairs = zip(per_s[ours], per_s[theirs], strict=True)
        figure.add(name, "×", [one / other for one, other in pairs], Target(">=", bound))
    pairs = zip(per_s[SPREAD_TWO], per_s[SPREAD], strict=True)
    figure.add("two processes ÷ one, spread", "×", [two / one for two, one in pairs])
    for name, found in rates.items():
        figure.add(f"{name}: CPU of the asking side", "µs", [took.client_us for took in found])
        figure.add(f"{name}: CPU of the server", "µs", [took.server_us for took in found])
    return figure
