"""The library as a program uses it: `Credits` on a SQLite file or a PostgreSQL database, and so many callers that wait.

Promises: each caller waits for one change before it asks for the next, as a request handler does; every change has an
idempotency key; a run counts only if every change was answered. Also makes the ledgers that other figures start from.
    python -m bench.callers FILE|URL              prints {"event":"listening"}
Commands: `seed USERS` · `run KIND CALLERS CHANGES USERS [FIRST]` (KIND: spend or grant; of users from FIRST on) ·
`log ROWS` (write as many rows of the broadcast log, a thousand at once) · `logged KIND CALLERS CHANGES USERS` (run, and
write a row for each change beside it, once a second) · `quit`.
"""

from __future__ import annotations

import asyncio
import sys
import time
from itertools import count
from typing import Any

import uvloop

from bench.peers.control import calm_collector, obey_stdin, tell
from bench.screens import users
from livecredits.core.crowds import Run
from livecredits.credits import Credits
from livecredits.live.log import BroadcastLog
from livecredits.storage.settings import StoredSettings

SEED = 1_000_000_000
"""Enough for every spend of a run."""
CALLERS_SEED = 400
APART = 611_953
"""From one account to the next, round and round: a prime, so that all have their turn, and neighbours not in a row."""
LOG_PIECE = 1_000
"""Rows in one transaction, as the server writes them."""


async def _defaults() -> StoredSettings:
    return StoredSettings()


class Program:
    """A ledger and its callers."""

    def __init__(self, file: str) -> None:
        self.credits = Credits(file if "://" in file else f"sqlite:///{file}")
        self.log = BroadcastLog(self.credits, "bench", _defaults)
        self.keys = count()
        self.run_id = time.time_ns()
        self.answered = self.changes = 0

    async def obey(self, line: str) -> dict[str, Any]:
        """Carry out one command."""
        kind, *figures = line.split()
        if kind == "log":
            return await self._log(int(figures[0]))
        if kind == "logged":
            self.changes = int(figures[2])
            writing = asyncio.create_task(self._log_beside())
            told = await self.obey(f"run {' '.join(figures)}")
            self.changes = 0
            await writing
            return told
        if kind == "seed":
            await self._all("grant", users(int(figures[0])), CALLERS_SEED, SEED)
            calm_collector()
            return {"event": "seeded"}
        callers, changes, among, *first = (int(figure) for figure in figures[1:])
        ids = users(among + sum(first))[sum(first) :]
        asked = [ids[number * APART % among] for number in range(changes)]
        began, cpu = time.perf_counter(), time.process_time()
        await self._all(figures[0], asked, callers, 1)
        seconds = time.perf_counter() - began
        return {
            "event": "ran",
            "per_s": changes / seconds,
            "cpu_us": (time.process_time() - cpu) / changes * 1e6,
        }

    async def _log(self, count: int) -> dict[str, Any]:
        began, cpu = time.perf_counter(), time.process_time()
        for _ in range(count // LOG_PIECE):
            await self.log.keep([self._run(LOG_PIECE)], None)
        seconds = time.perf_counter() - began
        return {
            "event": "logged",
            "us": seconds / count * 1e6,
            "cpu_us": (time.process_time() - cpu) / count * 1e6,
        }

    async def _log_beside(self) -> None:
        """As many rows as changes were made since the last look, as the server does where every user has a screen."""
        written, before = 0, self.answered
        while self.changes:
            await asyncio.sleep(1.0)
            due = self.answered - before - written
            for at in range(0, due, LOG_PIECE):
                await self.log.keep([self._run(min(LOG_PIECE, due - at))], None)
            written += due

    def _run(self, count: int) -> Run:
        """What one screen's word settles: so many changes, each with an id as the ledger makes them."""
        ids = [f"ent_{time.time_ns() // 1_000_000:012x}{next(self.keys):020x}" for _ in range(count)]
        return Run([(id, "credits", 1, 0) for id in ids], 14, is_browser=False)

    async def _all(self, kind: str, asked: list[str], callers: int, amount: int) -> None:
        left = iter(asked)
        await asyncio.gather(*(self._caller(kind, left, amount) for _ in range(callers)))

    async def _caller(self, kind: str, left: Any, amount: int) -> None:
        change = self.credits.spend if kind == "spend" else self.credits.grant
        for user in left:
            await change(user, amount, key=f"bench-{self.run_id}-{next(self.keys)}")
            self.answered += 1


async def main() -> None:
    """Obey until told to stop, then close the ledger."""
    program = Program(sys.argv[1])
    async with program.credits:
        tell(event="listening")
        await obey_stdin(program.obey)


if __name__ == "__main__":
    uvloop.run(main())
