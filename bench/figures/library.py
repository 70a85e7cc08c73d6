"""Durable changes a second of the library on SQLite: 1, 16 and 256 callers, spread and hot, against plain sqlite3."""

from __future__ import annotations

from bench import serving
from bench.processes import Process, load_core
from bench.report import Figure, Target
from bench.run import Run

TITLE = "durable changes/s of the library on SQLite (synchronous=FULL)"
INCLUDES = (
    "`await credits.spend(user, 1, key=…)` from so many callers in one process, each waiting for its answer before it "
    "asks again: facade, writer thread, decision, hash chain, idempotency row, commit with fsync, answer back on the "
    "loop. Spread: over 10,000 accounts in turn. Hot: all on one account. The peer is the same work as one transaction "
    "per change with Python's sqlite3 (`bench/peers/plain_sqlite.py`) on the same schema and disk, without hash chain "
    "and checks. Runs alternate; medians. Nothing is pinned: the loop's thread and the writer's share two cores."
)


def measure(run: Run) -> Figure:
    """Warm up, then in turn: spread, hot, plain, and the smaller numbers of callers."""
    accounts, turns = run.scaled(10_000, 1_000), run.scaled(5, 2)
    full = run.scaled(40_000, 4_000)
    run.steps("library", 2 + turns)
    run.step("making users")
    ours, granting, plain = _programs(run, accounts)
    runs = {
        "256 callers, spread": f"run spend 256 {full} {accounts}",
        "256 callers, one hot account": f"run spend 256 {full} 1",
        "16 callers, spread": f"run spend 16 {full // 4} {accounts}",
        "1 caller, spread": f"run spend 1 {full // 20} {accounts}",
    }
    run.step("warming up")
    ours.ask(f"run spend 256 {full // 4} {accounts}")
    rates: dict[str, list[float]] = {name: [] for name in (*runs, GRANTS, PLAIN)}
    cpu_us: list[float] = []
    for turn in range(turns):
        run.step(f"turn {turn + 1} of {turns}")
        for name, command in runs.items():
            told = ours.ask(command)
            rates[name].append(told["per_s"])
            if name == "256 callers, spread":
                cpu_us.append(told["cpu_us"])
        rates[GRANTS].append(granting.ask(f"run grant 256 {full // 2} {accounts}")["per_s"])
        rates[PLAIN].append(plain.ask(f"run {full // 20} {accounts}")["per_s"])
    return _figure(rates, cpu_us)


GRANTS, PLAIN = "256 callers, grants, spread", "plain sqlite3, one transaction each"


def _programs(run: Run, accounts: int) -> tuple[Process, Process, Process]:
    """One ledger for spends, one for grants (each leaves a lot, which later spends would read), one for the peer."""
    ours, granting = (
        run.python("bench.callers", str(serving.seeded(run, accounts)), core=None) for _ in range(2)
    )
    plain = run.python("bench.peers.plain_sqlite", str(serving.seeded(run, accounts)), core=load_core())
    for program in (ours, granting, plain):
        program.hear()
    return ours, granting, plain


def _figure(rates: dict[str, list[float]], cpu_us: list[float]) -> Figure:
    figure = Figure("library", TITLE, INCLUDES)
    for name, found in rates.items():
        target = Target(">=", 10_000) if name == "256 callers, spread" else None
        figure.add(name, "/s", found, target)
    hot = zip(rates["256 callers, one hot account"], rates["256 callers, spread"], strict=True)
    figure.add("hot ÷ spread", "×", [one / other for one, other in hot], Target(">=", 0.8))
    against = zip(rates["256 callers, spread"], rates[PLAIN], strict=True)
    figure.add("ours ÷ plain", "×", [one / other for one, other in against])
    figure.add("256 callers, spread: CPU per change", "µs", cpu_us)
    return figure
