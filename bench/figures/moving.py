"""How long a ledger takes to be backed up, put back, and moved into PostgreSQL."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from tests.postgres import PostgresServer

from bench.report import Figure
from bench.run import Run
from livecredits.storage import postgres_schema
from livecredits.storage.backup import back_up
from livecredits.storage.copying import copy_ledger
from livecredits.storage.restore import restore
from livecredits.storage.verify import verify

TITLE = "entries/s of verify, backup, restore and copy into PostgreSQL"
INCLUDES = (
    "A ledger of spends by 10,000 users, each with its idempotency key and its movement of a lot, in one SQLite file "
    "on this machine's disk. Each clock runs over the whole call: `verify` of the file; `backup` with its check; "
    "`restore` with its check and the exchange; `copy` into a PostgreSQL of its own on the same machine (fsync on): "
    "all tables, the comparison row by row, the check of every entry, the commit. Nobody else uses the ledger."
)


def measure(run: Run) -> Figure:
    """Make a ledger, then do each in turn."""
    users, entries, turns = run.scaled(10_000, 1_000), run.scaled(100_000, 5_000), run.scaled(3, 1)
    run.steps("moving", 1 + turns)
    run.step("making a ledger")
    file = run.folder / "moving.db"
    program = run.python("bench.callers", str(file), core=None)
    program.hear()
    program.ask(f"seed {users}")
    program.ask(f"run spend 256 {entries} {users}")
    program.end()
    total = users + entries
    rates: dict[str, list[float]] = {}
    server = PostgresServer(durable=True)
    try:
        for turn in range(turns):
            run.step(f"turn {turn + 1} of {turns}")
            for name, work in _works(file, server, run.folder / f"moving{turn}"):
                began = time.perf_counter()
                work()
                rates.setdefault(name, []).append(total / (time.perf_counter() - began))
    finally:
        server.remove()
    figure = Figure(
        "moving", TITLE, INCLUDES, notes=[f"{total:,} entries, {file.stat().st_size / 1e6:,.0f} MB."]
    )
    for name, found in rates.items():
        figure.add(name, "/s", found)
    return figure


def _works(file: Path, server: PostgresServer, folder: Path) -> list[tuple[str, Callable[[], object]]]:
    folder.mkdir()
    database = server.url(server.create_database())
    postgres_schema.bring_up_to_date(database)
    copy, back = folder / "backup.db", folder / "restored.db"
    return [
        ("verify", lambda: verify(file)),
        ("backup", lambda: back_up(file, copy, _unseen)),
        ("restore", lambda: restore(copy, back, time.time_ns() // 1_000, _unseen)),
        ("copy into PostgreSQL", lambda: copy_ledger(file, database, _unseen, keep_source=True)),
    ]


def _unseen(_step: str, _done: int, _total: int) -> None:
    """Nobody watches."""
