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

    def keep(
        self, key: AccountKey, account: Account, side: Side, part: Part, *, displaces: bool = True
    ) -> None:
        """Remember an account after the commit.

        Args:
            key: which account.
            account: as it was committed.
            side: what of its row the rules do not see.
            part: how many of its lots were asked for.
            displaces: whether it may take the place of the one that was used longest ago. A list longer than there is
                room would put out each account just before its own turn, and those of everybody else besides.
        """
        accounts = self._accounts
        if not displaces and len(accounts) >= ACCOUNTS_MOST and key not in accounts:
            return
        # Taken out first, so that the order of the dictionary is the order of the last use.
        accounts.pop(key, None)
        if len(account.lots) <= LOTS_MOST and len(account.holds) <= LOTS_MOST:
            accounts[key] = (account, side, part)
            if len(accounts) > ACCOUNTS_MOST:
                del accounts[next(iter(accounts))]

    def forget(self) -> None:
        """Believe nothing that is here any more."""
        self._accounts.clear()
