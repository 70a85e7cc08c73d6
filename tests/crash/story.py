"""A program that is to be killed: it opens a ledger, does one change of each kind, and tells what it was answered.

`python story.py FILE` prints one line of JSON for each answer, at once. Every change carries a key, so that the same
story told again says the same, and does only what the first telling did not. The clock is turned by hand: each telling
lives through the same seconds.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from pathlib import Path
from typing import Any

from livecredits.core.changes import (
    SYSTEM,
    Adjust,
    Capture,
    Change,
    Grant,
    Hold,
    Release,
    Reverse,
    Set,
    Settle,
    Spend,
    Transfer,
)
from livecredits.core.lots import Terms
from livecredits.storage import migrate, sqlite
from livecredits.storage.answers import Answer
from livecredits.storage.handover import Subscribers
from livecredits.storage.store import Store
from livecredits.storage.writer import Writer

SECOND_US = 1_000_000


class Hands:
    """A clock that is turned by hand."""

    at_us = 1_800_000_000_000_000

    def now_us(self) -> int:
        return self.at_us

    def wait(self, bell: threading.Event, until_us: int | None) -> None:
        raise AssertionError("nobody waits in this story")


def open_store(path: Path) -> Store:
    db = sqlite.connect(path)
    migrate.bring_up_to_date(db)
    db.close()
    return sqlite.SqliteStore(path)


class Teller:
    """Asks one change after the other, and tells each answer as soon as it is there."""

    def __init__(self, path: Path) -> None:
        self.clock = Hands()
        self.writer = Writer(lambda: open_store(path), self.clock, Subscribers())
        self._number = 0

    def ask(self, change: Change) -> Answer:
        outcome = self.writer.submit(change).result()
        assert isinstance(outcome, Answer)
        self._number += 1
        line = {**outcome.as_json(), "key": change.key, "replayed": outcome.replayed}
        os.write(1, (json.dumps(line) + "\n").encode())
        return outcome

    def tell(self) -> None:
        in_a_minute = Terms(0, self.clock.now_us() + 60 * SECOND_US, "gift")
        common: dict[str, Any] = {"content": "same", "user_id": "ada"}
        self.ask(Grant(amount=100, key="grant", **common))
        self.ask(Grant(amount=30, terms=in_a_minute, key="gift", **common))
        self.ask(Grant(amount=1, key="bob", user_id="bob", content="same"))
        spent = self.ask(Spend(amount=40, key="spend", **common))
        held = self.ask(Hold(amount=20, ttl_s=30, key="hold", **common))
        self.ask(Capture(hold_id=held.hold or "", amount=5, key="capture", content="same"))
        late = self.ask(Hold(amount=7, ttl_s=10, key="late", **common))
        other = self.ask(Hold(amount=3, key="other", **common))
        self.ask(Release(hold_id=other.hold or "", key="release", content="same"))
        self.ask(Transfer(to_user_id="bob", amount=11, key="transfer", **common))
        self.ask(Reverse(entry_id=spent.entry, key="reverse", content="same"))
        assert late.hold
        self.clock.at_us += 60 * SECOND_US
        self.writer.submit(Settle(actor=SYSTEM)).result()
        self.ask(Adjust(amount=-2, key="adjust", audit="credits.adjust", **common))
        self.ask(Set(credits=50, key="set", **common))
        self.writer.close()


if __name__ == "__main__":
    Teller(Path(sys.argv[1])).tell()
