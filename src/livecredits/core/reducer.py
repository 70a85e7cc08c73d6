"""The one rule that keeps every copy of a balance right, whatever the wire did to the frames.

A frame carries a whole state with its version, never a difference, so the rule fits in three lines:
a state of the known epoch wins if its version is higher; a state of another epoch is ignored and answered with
`resync`; a `hello` replaces everything, unconditionally.

`ScreenState` is that rule as a browser applies it (`web/sdk` holds its twin; `conformance/vectors.json` holds both
to each other). `newest` is the same rule inside the server, where two states wait in one slot.
The odd thing: `newest` unites the keys of both states even when one of them loses, because the loser may be the
only one that names a change whose optimistic number still stands on a screen.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from livecredits.core.rows import AccountState

MAX_KEYS = 16
"""So many of a user's own idempotency keys travel with a state."""


class ScreenState:
    """What one screen knows: an epoch, and the newest state of each account it was told of.

    `accounts` maps (user, unit) to the `state` frame that won.
    """

    __slots__ = ("accounts", "epoch", "user")

    def __init__(self) -> None:
        self.epoch: str | None = None
        self.user: str | None = None
        self.accounts: dict[tuple[str, str], Mapping[str, Any]] = {}

    def apply(self, frame: Mapping[str, Any]) -> bool:
        """Take one server frame in.

        Returns:
            True where the screen must answer with `resync`. Frames that carry no state, and types that a later
            server may add, change nothing.
        """
        kind = frame["type"]
        if kind == "state":
            return self._apply_state(frame)
        if kind == "tick":
            return self._disagrees(frame)
        if kind == "hello":
            self.epoch, self.user = frame["epoch"], frame["user"]
            self.accounts = {(state["user"], state["unit"]): state for state in frame["accounts"]}
        return False

    def forget(self, users: Iterable[str]) -> None:
        """Drop the accounts of users that the screen no longer watches."""
        gone = set(users)
        self.accounts = {key: state for key, state in self.accounts.items() if key[0] not in gone}

    def versions(self, user: str) -> dict[str, int]:
        """The versions held of one user's accounts, by unit; an account that does not exist yet is absent."""
        return {
            unit: state["version"]
            for (owner, unit), state in self.accounts.items()
            if owner == user and state["version"]
        }

    def _apply_state(self, frame: Mapping[str, Any]) -> bool:
        if frame["epoch"] != self.epoch:
            return True
        key = (frame["user"], frame["unit"])
        held = self.accounts.get(key)
        if held is None or frame["version"] > held["version"]:
            self.accounts[key] = frame
        return False

    def _disagrees(self, tick: Mapping[str, Any]) -> bool:
        if tick["epoch"] != self.epoch:
            return True
        if self.user is not None and self.versions(self.user) != _existing(tick["versions"]):
            return True
        watched = tick.get("watched", {})
        return any(self.versions(user) != _existing(versions) for user, versions in watched.items())


def _existing(versions: Mapping[str, int]) -> dict[str, int]:
    """A tick may spell version 0 out or leave it away; both mean that there is no account yet."""
    return {unit: version for unit, version in versions.items() if version}


def newest(held: AccountState | None, incoming: AccountState) -> AccountState:
    """The state that a slot keeps of two of the same account and epoch, in whatever order they came.

    The higher version wins and inherits the loser's keys (the newest 16) and its wish for a receipt.
    """
    if held is None or held is incoming:
        return incoming
    winner, loser = (incoming, held) if incoming.version > held.version else (held, incoming)
    keys = _united_keys(winner.keys, loser.keys)
    receipt = winner.receipt or loser.receipt
    if keys == winner.keys and receipt == winner.receipt:
        return winner
    return replace(winner, keys=keys, receipt=receipt)


def _united_keys(
    winner: tuple[tuple[str, int], ...], loser: tuple[tuple[str, int], ...]
) -> tuple[tuple[str, int], ...]:
    if not loser or loser == winner:
        return winner
    united = sorted({*winner, *loser}, key=_by_version)
    return tuple(united[-MAX_KEYS:])


def _by_version(pair: tuple[str, int]) -> tuple[int, str]:
    return pair[1], pair[0]
