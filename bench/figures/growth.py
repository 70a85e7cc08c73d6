"""What a change costs on PostgreSQL as the ledger grows: 1,000 to 1,000,000 accounts, 10 to 100,000 entries of one."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median

from tests.postgres import PostgresServer

from bench.filling import fill
from bench.processes import Failed, Process, family_cpu_s
from bench.report import Figure, Target
from bench.run import Run
from livecredits.credits import Credits
from livecredits.storage import postgres_schema

TITLE = "cost of a change on PostgreSQL as the ledger grows (fsync and synchronous_commit on)"
INCLUDES = (
    "`await credits.spend(user, 1, key=…)` from 256 callers in one process, as in `postgres`, over all accounts of a "
    "ledger, far apart from one to the next. The ledgers stand beside each other in one server (shared_buffers 256 MB) "
    "and take turns: 1,000, 10,000, 100,000 and 1,000,000 accounts, each account with a grant that the ledger's rules "
    "made and COPY wrote, checkpointed before the first turn; and one account with 100,000 entries beside one that has "
    "one, a new one in each turn. CPU is that of the process with the callers and of all of the server's processes. "
    "Medians. The smallest ledger is verified at the end."
)
SIZES = (1_000, 10_000, 100_000, 1_000_000)
QUICK_SIZES = (100, 1_000)
ENTRIES = 100_000
PIECES = 5
FLAT = 1.25
"""What counts as flat: a quarter more is noise on machines whose cores are shared."""


@dataclass(slots=True)
class Ledger:
    """A ledger of this size, and a process with callers on it."""

    name: str
    url: str
    callers: Process
    among: int
    seconds: list[float]
    client: list[float]
    server: list[float]

    def take_turn(self, server: PostgresServer, changes: int, first: int = 0) -> None:
        """Measure so many changes, from this account on."""
        before = family_cpu_s(server.pid)
        told = self.callers.ask(f"run spend 256 {changes} {self.among} {first}")
        self.server.append((family_cpu_s(server.pid) - before) / changes * 1e6)
        self.client.append(told["cpu_us"])
        self.seconds.append(1e6 / told["per_s"])


def measure(run: Run) -> Figure:
    """Fill the ledgers, then let them take turns."""
    sizes = QUICK_SIZES if run.quick else SIZES
    turns, changes = run.scaled(5, 1), run.scaled(20_000, 2_000)
    run.steps("growth", 2 + len(sizes) + turns)
    run.step("starting PostgreSQL")
    server = PostgresServer(durable=True, folder=run.folder, max_connections="200", shared_buffers="256MB")
    try:
        ledgers = []
        for size in sizes:
            run.step(f"making {size:,} accounts")
            ledgers.append(_ledger(run, server, f"{size:,} accounts", size, size))
        run.step("making entries")
        old = _ledger(run, server, "100,000 entries", 1, 1)
        young = _ledger(run, server, "one entry", turns + 1, 1)
        for _ in range(PIECES):  # each is waited for no longer than `ask` waits
            old.callers.ask(f"run spend 256 {run.scaled(ENTRIES, 2_000) // PIECES} 1")
        for one in (*ledgers, young, old):
            one.callers.ask(f"run spend 256 {run.scaled(4_000, 500)} {one.among}")
        for turn in range(turns):
            run.step(f"turn {turn + 1} of {turns}")
            for one in ledgers:
                one.take_turn(server, changes)
            for one in (young, old):
                one.take_turn(server, changes // 5, first=turn + 1 if one is young else 0)
        figure = _figure(ledgers, young, old)
        _verify(ledgers[0])
        return figure
    finally:
        server.remove()


def _ledger(run: Run, server: PostgresServer, name: str, size: int, among: int) -> Ledger:
    database = server.create_database()
    url = server.url(database)
    postgres_schema.bring_up_to_date(url)
    with server.connect(database) as db:
        fill(db, size)
    callers = run.python("bench.callers", url, core=None)
    callers.hear()
    return Ledger(name, url, callers, among, [], [], [])


def _verify(ledger: Ledger) -> None:
    ledger.callers.end()
    credits = Credits(ledger.url)
    report = credits.sync.verify()
    credits.sync.close()
    if not report.is_clean:
        raise Failed(f"the ledger of {ledger.name} is damaged: {report.damages[:3]}")


def _figure(ledgers: list[Ledger], young: Ledger, old: Ledger) -> Figure:
    figure = Figure("growth", TITLE, INCLUDES)
    for one in (*ledgers, young, old):
        figure.add(f"{one.name}: time per change", "µs", one.seconds)
        figure.add(f"{one.name}: CPU of the callers' process", "µs", one.client)
        figure.add(f"{one.name}: CPU of the server", "µs", one.server)
    small, large = ledgers[0], ledgers[-1]
    for name, one, other in (
        (f"{large.name} ÷ {small.name}", large, small),
        (f"{old.name} ÷ {young.name}, one account", old, young),
    ):
        times = [mine / theirs for mine, theirs in zip(one.seconds, other.seconds, strict=True)]
        figure.add(f"{name}: time per change", "×", times, Target("<=", FLAT))
        figure.add(f"{name}: CPU", "×", (_cpu(one) / _cpu(other)))
    return figure


def _cpu(ledger: Ledger) -> float:
    return median(ledger.client) + median(ledger.server)
