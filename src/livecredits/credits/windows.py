"""When codes begin and end to pay: at that very second everybody who looks at them is told to look again.

Promises: a window's beginning or end is told once it has come, to the screens of the user whom the voucher was made for
and to every operator's list, on all nodes, also after a restart. The node that made the voucher tells it at the second;
should that node be gone, another does so within `LOOK_AGAIN_US`. Memory is bounded: of what lies ahead only the next
`KNOWN_MOST` times are kept. Must not know what a code can do: whoever is told reads that.

The odd thing: nothing is written. A transaction without a row carries the news, so that it goes the way of every
commit. It may be told in vain, of a voucher that was redeemed or deleted before, or by several nodes; nobody minds
reading once more.
"""

from __future__ import annotations

import heapq
import logging
import threading
from typing import TYPE_CHECKING, Any

from sqlalchemy import Select, func, literal, select, union

from livecredits.errors import Draining, StorageFailed, Unavailable
from livecredits.storage.handover import Told
from livecredits.storage.schema import campaigns, vouchers
from livecredits.storage.shop_rows import NOBODY

if TYPE_CHECKING:
    from livecredits.clock import Clock
    from livecredits.storage.database import Database

_log = logging.getLogger(__name__)

KNOWN_MOST = 10_000
PAUSE_US = 5_000_000
"""After a failure the next try."""
LOOK_AGAIN_US = 30_000_000
"""How long a node may know nothing of what another one has made."""


class Windows:
    """A thread that waits for the next beginning or end, until `close`."""

    def __init__(self, database: Database, clock: Clock, *, is_shared: bool) -> None:
        self._is_shared = is_shared
        self._database = database
        self._clock = clock
        self._bell = threading.Event()
        self._lock = threading.Lock()
        self._times: list[tuple[int, str]] = []
        """A heap: when, and for whom the voucher is (`NOBODY`: for anybody)."""
        self._read_until: tuple[int, str] | None = (clock.now_us(), NOBODY)
        """What lies behind it stands in the database alone; None where all is known."""
        self._looked_at_us = clock.now_us()
        self._is_closing = False
        self._thread = threading.Thread(target=self._run, name="livecredits-windows", daemon=True)
        self._thread.start()

    def note(self, user_id: str, *times_us: int | None) -> None:
        """Tell at these times that codes for this user have changed; to be called once they are committed."""
        with self._lock:
            for at_us in times_us:
                if at_us is not None and (self._read_until is None or at_us <= self._read_until[0]):
                    heapq.heappush(self._times, (at_us, user_id))
        self._bell.set()

    def close(self) -> None:
        """End the thread."""
        self._is_closing = True
        self._bell.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._is_closing:
            self._bell.clear()
            now_us, next_us = self._clock.now_us(), self._next_us()
            try:
                if next_us is not None and next_us <= now_us:
                    self._tell(now_us)
                elif next_us is None and self._read_until is not None:
                    self._look_ahead(self._read_until)
                elif self._is_shared and self._looked_at_us + LOOK_AGAIN_US <= now_us:
                    self._look_again(now_us)
                else:
                    self._clock.wait(self._bell, self._next_turn_us(next_us))
            except (Draining, StorageFailed):
                return
            except Exception as error:  # noqa: BLE001 - a full disk, a server that is away: time goes on
                if type(error) is not Unavailable:  # of a server that is away the writer tells, once
                    _log.exception("It could not be told which vouchers begin or end; trying again")
                self._clock.wait(self._bell, now_us + PAUSE_US)

    def _next_us(self) -> int | None:
        with self._lock:
            return self._times[0][0] if self._times else None

    def _next_turn_us(self, next_us: int | None) -> int | None:
        turns = [] if next_us is None else [next_us]
        if self._is_shared:
            turns.append(self._looked_at_us + LOOK_AGAIN_US)
        return min(turns, default=None)

    def _look_again(self, now_us: int) -> None:
        """Read what other nodes have made since the last look, of which some may have come meanwhile."""
        behind, self._looked_at_us = (self._looked_at_us, NOBODY), now_us
        with self._lock:
            self._times = []
        self._look_ahead(behind)

    def _look_ahead(self, behind: tuple[int, str]) -> None:
        """Read the next times."""
        with self._lock:
            self._read_until = None  # what is committed meanwhile is noted
        try:
            found = self._database.read(lambda connection: connection.execute(_ahead(*behind)).all())
        except BaseException:
            self._read_until = behind
            raise
        with self._lock:
            if len(found) == KNOWN_MOST:
                self._read_until = last_us, _ = found[-1].at_us, found[-1].user_id
                self._times = [one for one in self._times if one[0] <= last_us]
            self._times += [(row.at_us, row.user_id) for row in found]
            heapq.heapify(self._times)

    def _tell(self, now_us: int) -> None:
        """Tell of all that has come."""
        come: list[tuple[int, str]] = []
        with self._lock:
            while self._times and self._times[0][0] <= now_us:
                come.append(heapq.heappop(self._times))
        lists = {user_id: {"vouchers"} for _, user_id in come}
        try:
            self._database.writer.ask(lambda _: Told(None, [], lists)).result()
        except BaseException:
            with self._lock:
                self._times = list(heapq.merge(come, sorted(self._times)))
            raise


def _ahead(at_us: int, user_id: str) -> Select[Any]:
    """The next beginnings and ends behind this one, each once for each user, the soonest first."""
    whose = func.coalesce(vouchers.c.user_id, NOBODY)
    unused = vouchers.c.revoked_at_us.is_(None) & (vouchers.c.redemptions == 0)
    ends, starts, closes = vouchers.c.ends_at_us, campaigns.c.starts_at_us, campaigns.c.ends_at_us
    found = union(
        select(ends.label("at_us"), whose.label("user_id")).where(ends >= at_us, unused),
        select(starts, literal(NOBODY)).where(starts >= at_us),
        select(closes, literal(NOBODY)).where(closes >= at_us),
    ).subquery()
    is_behind = (found.c.at_us > at_us) | ((found.c.at_us == at_us) & (found.c.user_id > user_id))
    return select(found).where(is_behind).order_by(found.c.at_us, found.c.user_id).limit(KNOWN_MOST)
