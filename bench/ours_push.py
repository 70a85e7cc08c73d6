"""Our delivery plane alone: the real hub, shell and WebSocket protocol class under uvicorn, a stand-in for the ledger.

Promises: everything between "a batch was committed" and the socket is the product's own code: `Live._committed`, the
hub's registration, encoding, framing, slots, back-pressure, ticks and pings. What stands in is the ledger (it makes
states without deciding anything, and the clock stands still meanwhile) and the check of the token (it is the user's
id). So this measures what a frame costs; what a change costs is another figure.
    python -m bench.ours_push                     prints {"event":"listening","port":…}
Commands: `go ROUNDS BATCH` · `pace RATE SECONDS on|off` (a steady rate, with or without what receipts are counted
by) · `sample` (one frame as text) · `rss` · `calm` · `quit`.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass, field
from typing import Any

import uvicorn
import uvloop

from bench.peers.control import free_listener, lift_file_limit, now_ns, obey_stdin, tell
from livecredits.access import Principal
from livecredits.config import Settings
from livecredits.core.broadcasts import Row, Span
from livecredits.core.crowds import Run
from livecredits.core.rows import AccountState, Cause, Entry
from livecredits.core.wire import state_text
from livecredits.live.protocol import make_ws_protocol
from livecredits.live.shell import Live

EPOCH = "ep_0123456789abcdef"


@dataclass(frozen=True, slots=True)
class Batch:
    """What the ledger hands over after a commit."""

    epoch: str
    states: Sequence[AccountState]
    lists: dict[str, set[str]] = field(default_factory=dict)
    entries: Sequence[Entry] = ()
    committed_monotonic_ns: int = 0
    signed_out: Sequence[str] = ()
    anew: Sequence[str] = ()

    def states_of(self, user_ids: Container[str]) -> Sequence[AccountState]:
        """Those of these users."""
        return [state for state in self.states if state.user_id in user_ids]


@dataclass(frozen=True, slots=True)
class Unit:
    """The one unit there is."""

    name: str = "credits"
    scale: int = 0


class StandIn:
    """A ledger that knows every user and never changes by itself."""

    epoch = EPOCH
    former_epochs = ()
    units = {"credits": Unit()}  # noqa: RUF012  (nobody writes to it)

    def __init__(self) -> None:
        self.hand_over: Callable[[Any], None] = lambda _batch: None
        self.version = 1

    async def states(self, user_ids: Sequence[str]) -> dict[str, list[AccountState]]:
        """The snapshot of a join."""
        return {user_id: [state(user_id, self.version)] for user_id in user_ids}

    def on_commit(self, callback: Callable[[Any], None]) -> Callable[[], None]:
        """One feed: the hub's."""
        self.hand_over = callback
        return lambda: None


def state(user_id: str, version: int) -> AccountState:
    """An account after a grant of 1."""
    cause = Cause("ent_01998a5e7c3b7d0f8a6b5c4d3e2f1a0b", "grant", 1, None)
    return AccountState(
        user_id,
        "credits",
        version,
        1000 + version,
        0,
        0,
        False,
        1_795_412_181_123_456,
        cause,
    )


async def authenticate(token: str) -> Principal:
    """The token is the user's id."""
    return Principal("user", token, token)


class Server:
    """The delivery plane and what drives it."""

    def __init__(self) -> None:
        self.ledger = StandIn()
        settings = Settings(handshakes_per_s=1_000_000, screens_per_address=1_000_000)
        self.log = Sink()
        self.live = Live(self.ledger, authenticate, settings, kept_by=self.log)
        self.turn = self.entries = 0

    async def obey(self, line: str) -> dict[str, Any]:
        """`go ROUNDS BATCH`, `pace RATE SECONDS on|off`, `sample`."""
        if line.startswith("pace"):
            _, rate, seconds, switch = line.split()
            return await self.pace(int(rate), int(seconds), counted=switch == "on")
        if line == "sample":
            return {"event": "sample", "text": state_text(state("u00000", 1234), EPOCH, 0)}
        _, rounds, size = line.split()
        users = list(self.live.hub.audiences)
        began_ns, began_cpu, handed = now_ns(), time.process_time(), 0
        making_ns, making_cpu = 0, 0.0
        for _ in range(int(rounds)):
            self.ledger.version += 1
            for at in range(0, len(users), int(size)):
                paused_ns, paused_cpu = now_ns(), time.process_time()
                batch = Batch(
                    EPOCH, [state(user, self.ledger.version) for user in users[at : at + int(size)]]
                )
                making_ns += now_ns() - paused_ns
                making_cpu += time.process_time() - paused_cpu
                self.ledger.hand_over(batch)
                handed += len(batch.states)
                await asyncio.sleep(0)
        return {
            "event": "pushed",
            "handed": handed,
            "began_ns": began_ns + making_ns,
            "cpu_s": time.process_time() - began_cpu - making_cpu,
        }

    async def pace(self, rate: int, seconds: int, *, counted: bool) -> dict[str, Any]:
        """Push `rate` states a second, in steps of 10 ms; the processor's clock stands while they are made."""
        users = list(self.live.hub.audiences)
        size, handed = rate // 100, 0
        began_ns, began_cpu, making_cpu = now_ns(), time.process_time(), 0.0
        for step in range(seconds * 100):
            paused_cpu = time.process_time()
            states = [self._next(users) for _ in range(size)]
            entries = [self._entry(state) for state in states] if counted else ()
            batch = Batch(EPOCH, states, entries=entries, committed_monotonic_ns=now_ns())
            making_cpu += time.process_time() - paused_cpu
            self.ledger.hand_over(batch)
            handed += size
            await asyncio.sleep(max(0.0, (began_ns + (step + 1) * 10_000_000 - now_ns()) / 1e9))
        return {
            "event": "paced",
            "handed": handed,
            "cpu_s": time.process_time() - began_cpu - making_cpu,
            "shown": self.live.hub.receipts.totals.shown,
            "rows": self.log.rows,
        }

    def _next(self, users: list[str]) -> AccountState:
        at = self.turn % len(users)
        if not at:
            self.ledger.version += 1
        self.turn += 1
        return state(users[at], self.ledger.version)

    def _entry(self, pushed: AccountState) -> Entry:
        self.entries += 1
        id, user, version = f"ent_{self.entries:032x}", pushed.user_id, pushed.version
        return Entry(id, user, "credits", version, "grant", 1, 1, 0, 1, 0, 0, "service:bench")


class Sink:
    """Takes the rows of the broadcast log, and counts them; what writing them costs is another figure."""

    def __init__(self) -> None:
        self.rows = 0

    async def keep(self, rows: Sequence[Row | Run], _span: Span | None, *, urgent: bool = False) -> None:
        """Count them."""
        self.rows += sum(len(one.plain) if isinstance(one, Run) else 1 for one in rows)

    async def wanted(self) -> tuple[bool, frozenset[str]]:
        """Of all."""
        return True, frozenset()


async def no_http(_scope: Any, _receive: Any, _send: Any) -> None:
    """Nobody asks over HTTP here."""


async def serve() -> None:
    """Serve as `livecredits serve` does, beside the harness's commands."""
    lift_file_limit()
    listener = free_listener()
    server = Server()
    config = uvicorn.Config(
        no_http, ws=make_ws_protocol(server.live), lifespan="off", log_level="warning", access_log=False
    )
    serving = asyncio.create_task(uvicorn.Server(config).serve(sockets=[listener]))
    tell(event="listening", port=listener.getsockname()[1])
    await obey_stdin(server.obey)
    serving.cancel()
    os._exit(0)  # open screens are not this program's concern any more


if __name__ == "__main__":
    uvloop.run(serve())
