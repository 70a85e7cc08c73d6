"""Accounts as the last commits left them, so that the next batch need not read them again.

Promises: what is here equals the database, because the one writer of a file puts it here after each commit, and
forgets all of it whenever a transaction failed or somebody else wrote. Must not be used where others write too.

The odd thing: an account is kept as it was loaded, perhaps with its first lots only; `part` says how many were asked
for, and an account without any is of no use to a change that takes.
"""

from __future__ import annotations

from livecredits.core.rows import Account, AccountKey
from livecredits.storage.store import Side

ACCOUNTS_MOST = 10_000
LOTS_MOST = 32
"""An account with more lots or holds in memory than this is left to the database."""

Part = int | None
Kept = tuple[Account, Side, Part]


class Warm:
    """The accounts that changed last, at most `ACCOUNTS_MOST` of them."""

    def __init__(self) -> None:
        self._accounts: dict[AccountKey, Kept] = {}

    def find(self, key: AccountKey, *, takes: bool) -> Kept | None:
        """The account, if it is here and loaded as far as this change needs at first."""
        kept = self._accounts.get(key)
        return None if kept is None or (takes and kept[2] == 0) else kept

    def keep(self, account: Account, side: Side, part: Part) -> None:
        """Remember an account after the commit."""
        # Taken out first, so that the order of the dictionary is the order of the last use.
        self._accounts.pop(account.key, None)
        if len(account.lots) <= LOTS_MOST and len(account.holds) <= LOTS_MOST:
            self._accounts[account.key] = (account, side, part)
            if len(self._accounts) > ACCOUNTS_MOST:
                del self._accounts[next(iter(self._accounts))]

    def forget(self) -> None:
        """Believe nothing that is here any more."""
        self._accounts.clear()
