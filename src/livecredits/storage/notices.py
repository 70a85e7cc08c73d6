"""What a commit means for other nodes, as the text of its row in `notices`: written with it, and read by them.

Promises: `decode` gives back what `encode` was given, as far as anybody's screens need it; what a newer version adds is
passed over, since during a roll-out old nodes and new ones stand side by side. Must not know of any database.
The odd thing: of an entry only a mark goes along (`EntryMark`). Its state says the rest, and its row says everything.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from typing import Any

from livecredits.core.rows import AccountState, AnyEntry, Cause, EntryMark
from livecredits.storage.answers import CommittedBatch

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def encode(batch: CommittedBatch) -> str:
    """The text of a commit; empty parts are left out."""
    parts: dict[str, Any] = {
        "epoch": batch.epoch,
        "states": [_told(state) for state in batch.states],
        "entries": [(entry.id, entry.user_id, entry.unit, entry.version) for entry in batch.entries],
        "lists": {user_id: sorted(names) for user_id, names in batch.lists.items()},
        "signed_out": sorted(batch.signed_out),
        "anew": sorted(batch.anew),
        "due_us": batch.due_us,
    }
    return _encode({name: part for name, part in parts.items() if part})


def decode(text: str, age_us: int = 0) -> CommittedBatch:
    """The commit.

    Args:
        text: from `encode`.
        age_us: how long ago it was written down, so that its time is told by this process's monotonic clock.
    """
    parts = json.loads(text)
    return CommittedBatch(
        parts["epoch"],
        [_heard(*state) for state in parts.get("states", ())],
        {user_id: set(names) for user_id, names in parts.get("lists", {}).items()},
        time.monotonic_ns() - age_us * 1_000,
        _marks(parts.get("entries", ())),
        frozenset(parts.get("signed_out", ())),
        frozenset(parts.get("anew", ())),
        parts.get("due_us"),
    )


def _told(state: AccountState) -> list[Any]:
    cause = state.cause
    return [
        state.user_id, state.unit, state.version, state.settled, state.held, state.floor, state.frozen,
        state.changed_at_us, None if cause is None else (cause.entry, cause.kind, cause.amount, cause.label),
        state.next_expiry_us, state.next_expiry_amount, state.keys, state.receipt, state.low,
    ]  # fmt: skip


_FIELDS = 14


def _heard(*told: Any) -> AccountState:
    user_id, unit, version, settled, held, floor, frozen, changed_at_us, cause, *rest = told[:_FIELDS]
    next_expiry_us, next_expiry_amount, keys, receipt, low = rest
    return AccountState(
        user_id, unit, version, settled, held, floor, frozen, changed_at_us,
        None if cause is None else Cause(*cause[:4]), next_expiry_us, next_expiry_amount,
        tuple((key, at) for key, at in keys), receipt, low,
    )  # fmt: skip


def _marks(told: Iterable[Any]) -> list[AnyEntry]:
    return [EntryMark(*entry[:4]) for entry in told]
