"""A tiny ledger that behaves like the real one where live delivery looks, and tokens that say who they are."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Container, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

from livecredits.access import Principal, Role
from livecredits.config import Settings
from livecredits.core.rows import AccountState, Cause, Entry
from livecredits.core.screen import Limits
from livecredits.errors import TokenExpired, Unauthenticated
from livecredits.live.shell import Live


@dataclass(frozen=True)
class Unit:
    name: str
    scale: int


@dataclass
class Batch:
    epoch: str
    states: list[AccountState]
    lists: dict[str, set[str]] = field(default_factory=dict)
    committed_monotonic_ns: int = field(default_factory=time.monotonic_ns)
    entries: Sequence[Any] = ()
    signed_out: frozenset[str] = frozenset()
    anew: frozenset[str] = frozenset()

    def states_of(self, user_ids: Container[str]) -> list[AccountState]:
        return [state for state in self.states if state.user_id in user_ids]


def entry_of(state: AccountState) -> Entry:
    """The entry that brought an account to this state."""
    assert state.cause is not None
    return Entry(
        state.cause.entry,
        state.user_id,
        state.unit,
        state.version,
        "grant",
        state.cause.amount,
        0,
        0,
        0,
        0,
        0,
        "t",
    )


class Ledger:
    """Rows in a dict. `before_read` and `after_read` are barriers: a commit may be put in at either step."""

    def __init__(self) -> None:
        self.epoch = "ep_a"
        self.former_epochs: tuple[str, ...] = ()
        self.units = {"credits": Unit("credits", 0)}
        self.rows: dict[tuple[str, str], AccountState] = {}
        self.callbacks: list[Callable[[Any], None]] = []
        self.reads: list[list[str]] = []
        self.before_read: Callable[[], Awaitable[None]] | None = None
        self.after_read: Callable[[], Awaitable[None]] | None = None
        self.failures = 0
        self.numbers = count(1)

    async def states(self, user_ids: Sequence[str]) -> dict[str, list[AccountState]]:
        if user_ids:
            self.reads.append(list(user_ids))
            if self.before_read is not None:
                await self.before_read()
        if self.failures:
            self.failures -= 1
            raise OSError("the disk is gone")
        found = {
            user: [self.rows.get((user, unit), AccountState(user, unit)) for unit in self.units]
            for user in user_ids
        }
        if user_ids and self.after_read is not None:
            await self.after_read()
        return found

    def on_commit(self, callback: Callable[[Any], None]) -> Callable[[], None]:
        self.callbacks.append(callback)
        return lambda: self.callbacks.remove(callback)

    def write(self, user: str, amount: int = 1, *, unit: str = "credits", **fields: Any) -> AccountState:
        """Commit without telling anybody: what a lost hand-over looks like."""
        before = self.rows.get((user, unit), AccountState(user, unit))
        after = replace(
            before,
            version=before.version + 1,
            settled=before.settled + amount,
            changed_at_us=1_700_000_000_000_000 + before.version,
            cause=Cause(f"ent_{next(self.numbers):08d}", "grant", amount, None),
            **{"receipt": False, **fields},
        )
        self.rows[user, unit] = after
        return after

    def tell(self, *states: AccountState, lists: dict[str, set[str]] | None = None) -> None:
        batch = Batch(self.epoch, list(states), lists or {}, entries=[entry_of(state) for state in states])
        for callback in list(self.callbacks):
            callback(batch)

    def commit(self, user: str, amount: int = 1, **fields: Any) -> AccountState:
        state = self.write(user, amount, **fields)
        self.tell(state)
        return state


async def authenticate(token: str) -> Principal:
    """`user:ada`, `user:ada:2000` (ends in so many ms), `operator:olga`, `key:live`, `key:none`, `expired`."""
    kind, _, rest = token.partition(":")
    name, _, left_ms = rest.partition(":")
    if token == "expired":
        raise TokenExpired("The token has expired.")
    expires = time.time_ns() // 1000 + int(left_ms) * 1000 if left_ms else None
    if kind == "user":
        return Principal("user", name, user_id=name, expires_at_us=expires)
    if kind == "operator":
        return Principal("operator", name, role=Role.VIEWER, session_id=f"ses_{name}", expires_at_us=expires)
    if kind == "key":
        return Principal("service", name, scopes=frozenset({"live"} if name == "live" else {"move"}))
    raise Unauthenticated("The token is not one of ours.")


def make_live(ledger: Ledger, *, limits: Limits | None = None, **settings: Any) -> Live:
    return Live(ledger, authenticate, Settings(**settings), limits=limits)
