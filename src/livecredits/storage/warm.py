"""Accounts as the last commits left them, so that the next batch need not read them again.

Promises: what is here equals the database, because the one writer of a file puts it here after each commit, and
forgets all of it whenever a transaction failed or somebody else wrote. Must not be used where others write too.

The odd thing: an account is kept as it was loaded, perhaps with its first lots only; `part` says how many were asked
for, and an account without any is of no use to a change that takes.
"""

from __future__ import annotations

from collections.abc import Mapping

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
        self,
        accounts: Mapping[AccountKey, Account],
        sides: Mapping[AccountKey, Side],
        parts: Mapping[AccountKey, Part],
        *,
        displaces: bool = True,
    ) -> None:
        """Remember accounts after the commit.

        Args:
            accounts: as they were committed.
            sides: what of their rows the rules do not see.
            parts: how many of their lots were asked for.
            displaces: whether they may take the place of those that were used longest ago. A list longer than there is
                room would put out each account just before its own turn, and those of everybody else besides.
        """
        warm = self._accounts
        for key, account in accounts.items():
            if len(account.lots) > LOTS_MOST or len(account.holds) > LOTS_MOST:
                warm.pop(key, None)
            elif displaces or key in warm or len(warm) < ACCOUNTS_MOST:
                # Taken out first, so that the order of the dictionary is the order of the last use.
                warm.pop(key, None)
                warm[key] = (account, sides[key], parts.get(key))
                if len(warm) > ACCOUNTS_MOST:
                    del warm[next(iter(warm))]

    def forget(self) -> None:
        """Believe nothing that is here any more."""
        self._accounts.clear()
