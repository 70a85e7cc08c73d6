"""What other nodes have committed (PostgreSQL): every notice exactly once, as soon as it can be seen.

Promises: each committed row of `notices` is found by exactly one look of a tail, by the first one that could see it;
a long transaction holds up nobody's rows but its own.
Must not know what notices say, nor who waits for them.

The odd thing: there is no cursor. Rows become visible in another order than their ids were given out, so "above the
last id" loses rows (31 % of them in a test with 40 writers), and waiting until all older transactions have ended
stalls behind any long one. So a look remembers its moment (`Window`): which transactions had not begun, and which were
running. The next look takes what those have written, and nothing else. Since one statement has one moment, a look is
one statement, and needs no transaction around it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from psycopg import Connection

# The left join brings one row with the moment even where nothing is new.
LOOK = """
SELECT pg_current_snapshot()::text, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint,
       n.id, n.node, n.at_us, n.body
FROM (SELECT 1) AS now
LEFT JOIN notices AS n ON n.node <> %s AND (n.xid >= %s::text::xid8 OR n.xid = ANY(%s::text[]::xid8[]))
ORDER BY n.id
"""
MOMENT = "SELECT pg_current_snapshot()::text"


@dataclass(frozen=True, slots=True)
class Window:
    """A moment of the database, as far as a tail has to know it.

    Attributes:
        next_id: the first transaction that had not begun.
        running: transactions that had begun, and had neither committed nor failed.
    """

    next_id: int
    running: frozenset[int] = frozenset()

    @classmethod
    def parse(cls, snapshot: str) -> Window:
        """The moment that PostgreSQL spells `xmin:xmax:running,running`."""
        _, next_id, running = snapshot.split(":")
        return cls(int(next_id), frozenset(int(id) for id in running.split(",") if id))

    def hides(self, transaction: int) -> bool:
        """Whether what this transaction has written could not be seen then, however it ended."""
        return transaction >= self.next_id or transaction in self.running

    def is_before(self, later: Window) -> bool:
        """Whether `later` can be a later moment of the same database: numbers of transactions never go back."""
        return self.next_id <= later.next_id


class Notice(NamedTuple):
    """One row: who wrote it, when (microseconds UTC), and what it says."""

    id: int
    node: str
    at_us: int
    body: str


class Look(NamedTuple):
    """What one look found.

    Attributes:
        window: where the next look goes on.
        notices: rows of other nodes, in the order in which they were written down.
        now_us: the database's clock at that moment.
    """

    window: Window
    notices: list[Notice]
    now_us: int


def begin(connection: Connection[Any]) -> Window:
    """The moment from which on rows are news."""
    row = connection.execute(MOMENT).fetchone()
    assert row is not None
    return Window.parse(row[0])


def look(connection: Connection[Any], since: Window, *, own: str = "") -> Look:
    """Everything that was committed since, by others.

    Args:
        connection: to the primary, in autocommit mode.
        since: the moment of the last look.
        own: the node that asks, whose own rows are no news.

    Raises:
        WentBack: the database is not where it was at the last look; begin anew.
    """
    running = [str(id) for id in since.running]
    rows = connection.execute(LOOK, (own, str(since.next_id), running)).fetchall()
    window = Window.parse(rows[0][0])
    if not since.is_before(window):
        raise WentBack("The database's transactions went back: it was restored, or another server took over.")
    return Look(window, [Notice(*row[2:]) for row in rows if row[2] is not None], rows[0][1])


class WentBack(Exception):
    """The database is on another line of history than at the last look."""
