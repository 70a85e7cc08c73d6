"""The other processes that have the same PostgreSQL database open: what they commit, and what is counted with them.

Promises: a commit of theirs reaches the subscribers as one of ours does, after everything is known that it speaks of
(units, what is due); ours are told to them. Must not know screens: whoever has some fills in the `Presence`.
A ledger in a file has no others, and none of this.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

from livecredits.clock import Clock
from livecredits.core.messages import Message
from livecredits.storage import postgres_line
from livecredits.storage.answers import EVERYBODY
from livecredits.storage.attempts import Attempts
from livecredits.storage.bus import Place, Presence, open_bus
from livecredits.storage.handover import Subscribers
from livecredits.storage.notices import decode
from livecredits.storage.turns import Turn, turn


class Others:
    """What this process has of the others.

    Args:
        url: the database.
        place: how the others are found.
        presence: what this process is to them.
        subscribers: who is told of every commit.
        clock: tells the time.
        learn_due: told when something is due that another node's commit has left.
        read_units: reads the units anew.
        look_again: has the writers look at the database, which may be another server's now.
    """

    def __init__(
        self,
        url: str,
        place: Place,
        presence: Presence,
        subscribers: Subscribers,
        clock: Clock,
        *,
        learn_due: Callable[[int], None],
        read_units: Callable[[], None],
        look_again: Callable[[], None],
    ) -> None:
        """Join them.

        Raises:
            StartRefused: this process could not work beside them.
        """
        self._presence = presence
        self._subscribers = subscribers
        self._learn_due = learn_due
        self._read_units = read_units
        self._look_again = look_again
        self._working_on = ""
        self._connect = partial(postgres_line.connect, url)
        self.attempts = Attempts(self._connect, clock)
        own = Presence(
            figures=self._figures,
            hear=self._hear,
            lost=self._lost,
        )
        self.bus = open_bus(url, place, own, on_commit=self._hear_commit)
        self._stop_telling = subscribers.add(lambda _batch: self.bus.committed())

    def close(self) -> None:
        """Leave them."""
        self._stop_telling()
        self.bus.close()
        self.attempts.close()

    def work_on(self, batch_id: str | None) -> None:
        """This process is applying a batch, or none any more."""
        self._working_on = batch_id or ""
        self.bus.beat_soon()

    def turn(self) -> AbstractContextManager[Turn]:
        """A turn with what one process at a time may work on."""
        return turn(self._connect)

    # --- on the bus's thread ---------------------------------------------------------------------------------------

    def _figures(self) -> dict[str, Any]:
        return {**self._presence.figures(), "working_on": self._working_on}

    def _hear_commit(self, body: str, age_us: int) -> None:
        batch = decode(body, age_us)
        if EVERYBODY in batch.anew:
            self._read_units()
        if batch.due_us is not None:
            self._learn_due(batch.due_us)
        self._subscribers.hand_over([], batch)

    def _hear(self, sender: str, message: Message) -> None:
        self._presence.hear(sender, message)  # looked up now: it may have been filled in since we joined

    def _lost(self) -> None:
        self._look_again()
        self._read_units()
        self._presence.lost()
