"""The facade: one object through which everything that moves or reads credits goes, with an async and a sync face."""

from livecredits.credits.facade import Credits
from livecredits.credits.sync import SyncCredits

__all__ = ["Credits", "SyncCredits"]
