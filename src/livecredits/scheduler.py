"""What time does by itself: credits expire and holds time out at the very second, also where nobody looks.

Promises: whatever is due is posted through the writer as soon as the clock says so, and is therefore pushed like every
other change. Must not know what is due, nor how it is posted: it rings, and the writer looks.

The odd thing: it sleeps until the next due time that the writer knows, and wakes early whenever a commit brings a
nearer one (`Writer.nearer_due`). A failure is told and tried again later, since time will not come back to it.
"""

from __future__ import annotations

import logging
import threading

from livecredits.clock import Clock
from livecredits.core.changes import SYSTEM, Settle
from livecredits.errors import Draining, StorageFailed, Unavailable
from livecredits.storage.writer import Writer

_log = logging.getLogger(__name__)

PAUSE_US = 5_000_000
"""After a failure (a full disk, say) the next try."""


class Scheduler:
    """A thread that rings at the next due time, until `close`."""

    def __init__(self, writer: Writer, clock: Clock) -> None:
        self._writer = writer
        self._clock = clock
        self._is_closing = False
        self._thread = threading.Thread(target=self._run, name="livecredits-scheduler", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        not_before_us = 0
        while not self._is_closing:
            bell = self._writer.nearer_due
            bell.clear()
            due_us, now_us = self._writer.next_due_us, self._clock.now_us()
            if due_us is None or max(due_us, not_before_us) > now_us:
                self._clock.wait(bell, None if due_us is None else max(due_us, not_before_us))
            elif not self._settle():
                not_before_us = now_us + PAUSE_US

    def _settle(self) -> bool:
        """Have all that is due posted; say whether it was."""
        try:
            self._writer.submit(Settle(actor=SYSTEM)).result()
        except (Draining, StorageFailed):
            self._is_closing = True
        except Exception as error:  # noqa: BLE001 - a full disk, a bad row: time goes on
            if type(error) is not Unavailable:  # of a server that is away the writer tells, once
                _log.exception("What was due could not be posted; trying again")
            return False
        return True

    def close(self) -> None:
        """End the thread."""
        self._is_closing = True
        self._writer.nearer_due.set()
        self._thread.join()
