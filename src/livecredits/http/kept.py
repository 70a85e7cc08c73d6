"""The settings that operators keep in the database, as this process goes by them.

This promises that a change made here holds here at once, and one made by another process within five seconds; and that
whoever cannot wait (`last`) gets what was read last. It must not know what the settings do.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from livecredits.http.fresh import Fresh
from livecredits.storage.settings import StoredSettings, read_settings, write_settings

if TYPE_CHECKING:
    from livecredits.core.changes import Actor
    from livecredits.credits import Credits

_ALL = "all"


class Kept:
    """The stored settings of one ledger.

    Args:
        credits: the ledger.
    """

    def __init__(self, credits: Credits) -> None:
        self._credits = credits
        self._fresh: Fresh[StoredSettings] = Fresh()
        self.last = StoredSettings()
        """What was read last; the defaults until somebody has read."""

    async def current(self) -> StoredSettings:
        """The settings, never older than five seconds."""
        found = self._fresh.get(_ALL)
        return found if found is not None else self._believe(await self._credits.read(read_settings))

    async def change(self, given: Mapping[str, Any], actor: Actor) -> StoredSettings:
        """Change what is given, with its row of the audit trail, and go by it at once.

        Args:
            given: checked values by the names of `StoredSettings`.
            actor: who changes them.
        """
        now_us = self._credits.clock.now_us()
        return self._believe(
            await self._credits.write(
                lambda connection: write_settings(connection, given, actor=actor, now_us=now_us)
            )
        )

    def forget(self) -> None:
        """Read them anew when they are next wanted: another process has changed them."""
        self._fresh.forget()

    def _believe(self, settings: StoredSettings) -> StoredSettings:
        self.last = settings
        return self._fresh.put(_ALL, settings)
