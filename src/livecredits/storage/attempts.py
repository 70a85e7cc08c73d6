"""How often something was tried, counted by all nodes together (PostgreSQL): wrong voucher codes, refused sign-ins.

Promises: however many nodes and threads try at once, no name has more attempts in a window than its limit (+0): a place
is taken before anything is tried, under a lock of the name, and given back when the attempt was a good one. What ended
in no answer stays counted. Must not know what is tried.
The odd thing: it has a connection of its own. In the writer's transaction somebody who guesses would hold up money.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from livecredits.clock import Clock
from livecredits.errors import Draining, RateLimited, Unavailable

if TYPE_CHECKING:
    from psycopg import Connection

T = TypeVar("T")

LOCK = "SELECT pg_advisory_xact_lock(hashtextextended(name, 0)) FROM unnest(%s::text[]) AS name"
COUNT = """
SELECT name, count(*), count(*) FILTER (WHERE is_open), min(at_us) FROM attempts
WHERE name = ANY(%s) AND at_us > %s GROUP BY name
"""
TAKE = "INSERT INTO attempts (name, at_us, is_open) SELECT name, %s, true FROM unnest(%s::text[]) AS name RETURNING id"
GIVE_BACK = "DELETE FROM attempts WHERE id = ANY(%s)"
KEEP = "UPDATE attempts SET at_us = greatest(at_us, %s), is_open = false WHERE id = ANY(%s)"


class Attempts:
    """The count of all nodes.

    Args:
        connect: makes a connection in autocommit mode.
        clock: tells the time; those of the nodes may differ a little.
    """

    def __init__(self, connect: Callable[[], Connection[Any]], clock: Clock) -> None:
        self._connect = connect
        self._clock = clock
        self._lock = threading.Lock()
        self._db: Connection[Any] | None = None
        self._is_closed = False

    def take(
        self, limits: Mapping[str, int], window_us: int, *, too_many: str, too_many_now: str
    ) -> list[int]:
        """Take a place for one attempt under each of these names; blocks for a moment.

        Args:
            limits: name → how many attempts it may have in the window.
            window_us: how long an attempt counts.
            too_many: what is told where the limit is reached.
            too_many_now: what is told where it is reached by attempts that are still on their way.

        Returns:
            What to give back, or to keep.

        Raises:
            RateLimited: 429, with `retry_after_s`; no place was taken.
        """
        names = sorted(
            limits
        )  # always in this order, so that two who try never wait for each other in a circle

        def work(db: Connection[Any]) -> list[int]:
            with db.transaction():
                db.execute(LOCK, (names,)).fetchall()
                now_us = self._clock.now_us()
                for name, count, flying, oldest_us in db.execute(COUNT, (names, now_us - window_us)):
                    if count - flying >= limits[name]:
                        wait_s = max(1, -(-(oldest_us + window_us - now_us) // 1_000_000))
                        raise RateLimited(too_many, retry_after_s=wait_s)
                    if count >= limits[name]:
                        raise RateLimited(too_many_now, retry_after_s=1)
                return [row[0] for row in db.execute(TAKE, (now_us, names))]

        return self._work(work)

    def give_back(self, places: list[int]) -> None:
        """The attempt was a good one, and is not to count."""
        self._work(lambda db: db.execute(GIVE_BACK, (places,)))

    def keep(self, places: list[int]) -> None:
        """The attempt was a wrong one: it counts from now on."""
        self._work(lambda db: db.execute(KEEP, (self._clock.now_us(), places)))

    def close(self) -> None:
        """Hang up."""
        with self._lock:
            self._is_closed = True
            if self._db is not None:
                self._db.close()

    def _work(self, work: Callable[[Connection[Any]], T]) -> T:
        from psycopg import Error, InterfaceError, OperationalError

        with self._lock:
            try:
                try:
                    return work(self._line())
                except (InterfaceError, OperationalError):
                    if self._db is None or not self._db.closed:
                        raise
                    return work(self._line())  # the server was restarted since it was used last
            except Error as error:
                raise Unavailable(
                    "Attempts cannot be counted just now; try again.", retry_after_s=1
                ) from error

    def _line(self) -> Connection[Any]:
        if self._is_closed:  # whoever is on the way at the end makes no connection any more
            raise Draining("This process is stopping.")
        if self._db is None or self._db.closed:
            self._db = self._connect()
            self._db.execute("SET synchronous_commit = off")
        return self._db
