"""Which rows the changes of a batch name: what has to be locked before any of it is read.

Promises: whatever deciding these changes may read and change is named here, directly or by an id that leads to it and
never to anything else. Must not read: what a change names follows from the change alone, and from what is due.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from livecredits.core.changes import (
    Adjust,
    Capture,
    Change,
    Fulfil,
    Grant,
    Hold,
    Redeem,
    Refund,
    Release,
    Reverse,
    Set,
    Settle,
    Spend,
    Transfer,
    Welcome,
)
from livecredits.core.rows import AccountKey
from livecredits.storage.store import Named

BY_ANOTHER_ROW = frozenset({Redeem, Welcome, Fulfil, Refund})
"""Changes whose account is known only when the voucher or the order is."""
BY_ACCOUNT_ALONE = frozenset({Adjust, Set, Grant, Spend, Hold, Transfer, Settle})
"""Changes that name accounts and nothing else."""


def named_by(changes: Sequence[Change], due: Callable[[], Iterable[AccountKey]]) -> Named:
    """All that these changes name; `due` gives the accounts that a `Settle` of everybody would settle."""
    named = Named(keys={(change.key_scope, change.key) for change in changes if change.key is not None})
    own = [change for change in changes if change.user_id and type(change) not in BY_ANOTHER_ROW]
    named.accounts = {(change.user_id, change.unit) for change in own}
    named.takers = {(change.user_id, change.unit) for change in own if not only_adds(change)}
    for change in changes:
        match change:
            case Transfer():
                named.accounts.add((change.to_user_id, change.unit))
            case Capture() | Release():
                named.holds.add(change.hold_id)
            case Reverse():
                named.entries.add(change.entry_id)
            case Fulfil() | Refund():
                named.orders.add(change.order_id)
            case Redeem():
                named.codes.add((change.user_id, change.digest))
            case Settle(user_id=""):
                named.accounts.update(due())
        if isinstance(change, (Grant, Redeem, Welcome)):
            named.newcomers.add(change.user_id)
    return named


def only_adds(change: Change) -> bool:
    """Whether the change cannot burn a lot, so that none need be loaded for it."""
    return type(change) is Grant or (type(change) is Adjust and change.amount > 0)


def leader_of(change: Change) -> str:
    """What puts the changes of one user into one queue: the user, or the row that leads to the user."""
    match change:
        case Capture() | Release():
            return change.hold_id
        case Reverse():
            return change.entry_id
        case Fulfil() | Refund():
            return change.order_id
    return change.user_id
