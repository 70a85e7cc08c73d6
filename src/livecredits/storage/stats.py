"""The questions behind the figures of the Overview, each bounded or asked seldom.

Promises: what entries moved is added up between two ids, over at most `MOST_AT_ONCE` of them, so that no question holds
a snapshot for long. Must not keep anything: `http.figures` does, so that nothing is added up twice.

The odd things: the cursor is an entry's id. One file's entries sorted by id are in the order of commit
(`storage.ids`), so whatever stands before the cursor was counted, and nothing can appear there later. Where several
write, entries may appear there all the same: the cursor stays behind what is decided just now (`edge_of`), and a commit
that took longer, or came from a clock that is late, is found by its notice (`late`). And sums are asked in two parts,
since a thousand of the largest amounts are more than a 64-bit number holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, Connection, bindparam, case, func, literal_column, select, text

from livecredits.storage.schema import accounts, entries, orders, users
from livecredits.storage.tail import MOMENT, WentBack, Window

MOST_AT_ONCE = 50_000
_PART = 1 << 26
COMMIT_US = 5_000_000
"""From the moment in which a change is decided, which its id tells, to its commit; few take longer."""
QUARTER_US = 15 * 60 * 1_000_000
"""Every time zone is a whole number of these away from UTC, so that anybody's day is a whole number of them."""


@dataclass(frozen=True, slots=True)
class Sums:
    """What all accounts of a unit hold together, in the unit's smallest part."""

    settled: int
    held: int


@dataclass(frozen=True, slots=True)
class Movement:
    """What entries of one kind moved on one unit in one quarter of an hour, in the unit's smallest part.

    Attributes:
        unit: of which unit.
        kind: the entries' kind.
        quarter: quarters of an hour since 1970.
        up: what balances gained.
        down: what they lost, as a positive number.
        held: by how much more is held.
    """

    unit: str
    kind: str
    quarter: int
    up: int
    down: int
    held: int


def _parts(amount: Any) -> tuple[Any, Any]:
    """A sum in two parts, to be put together by `_whole`."""
    return func.sum(amount // _PART), func.sum(amount % _PART)


def _whole(high: Any, low: Any) -> int:
    return int(high) * _PART + int(low)


_SUMS = select(accounts.c.unit, *_parts(accounts.c.settled), *_parts(accounts.c.held)).group_by(
    accounts.c.unit
)


def account_sums(connection: Connection) -> tuple[dict[str, Sums], str]:
    """The sums by unit, and the newest entry that they contain (empty where there is none). Reads every account."""
    rows = connection.execute(_SUMS)
    sums = {row[0]: Sums(_whole(row[1], row[2]), _whole(row[3], row[4])) for row in rows}
    return sums, connection.execute(select(func.max(entries.c.id))).scalar() or ""


_up = case((entries.c.settled_delta > 0, entries.c.settled_delta), else_=0)
_down = case((entries.c.settled_delta < 0, -entries.c.settled_delta), else_=0)
# Spelled out: PostgreSQL takes two parameters for two numbers, and then the group is another one than what is shown.
_quarter = entries.c.at_us // literal_column(str(QUARTER_US), BigInteger)
_between = (entries.c.id > bindparam("after")) & (entries.c.id <= bindparam("until"))
_MOVED = (
    select(
        accounts.c.unit,
        entries.c.kind,
        _quarter.label("quarter"),
        *_parts(_up),
        *_parts(_down),
        *_parts(entries.c.held_delta),
    )
    .select_from(entries.join(accounts, accounts.c.id == entries.c.account_id))
    .where(_between)
    .group_by(accounts.c.unit, entries.c.kind, _quarter)
)
_is_passed = entries.c.id <= bindparam("passed")
_LATE = (
    select(
        accounts.c.unit,
        entries.c.kind,
        _quarter.label("quarter"),
        *_parts(_up),
        *_parts(_down),
        *_parts(entries.c.held_delta),
        _is_passed.label("is_passed"),
    )
    .select_from(entries.join(accounts, accounts.c.id == entries.c.account_id))
    .where(entries.c.id == func.any(bindparam("ids")))
    .group_by(accounts.c.unit, entries.c.kind, _quarter, text("is_passed"))
)
# A commit's first entry has the smallest id. It is cut out of the text, since hardly any notice is worth to be parsed.
_FIRST_ENTRY = '"entries":[["'
_LATE_IDS = text(f"""
SELECT mark ->> 0 AS id
FROM notices AS n, json_array_elements(n.body::json -> 'entries') AS mark
WHERE (n.xid >= CAST(CAST(:next_id AS text) AS xid8) OR n.xid = ANY(CAST(CAST(:running AS text[]) AS xid8[])))
  AND position(:mark IN n.body) > 0
  AND substring(n.body FROM position(:mark IN n.body) + {len(_FIRST_ENTRY)} FOR 36) COLLATE "C" <= :bound
  AND (mark ->> 0) COLLATE "C" <= :bound
""")
_LAST_OF_CHUNK = (
    select(entries.c.id)
    .where(entries.c.id > bindparam("after"))
    .order_by(entries.c.id)
    .offset(MOST_AT_ONCE - 1)
).limit(1)
_NEWEST = select(func.max(entries.c.id)).where(entries.c.id > bindparam("after"))


def moved(connection: Connection, after: str, *, no_further: str = "") -> tuple[str, Sequence[Movement]]:
    """What entries moved behind `after`: by unit, kind and quarter of an hour.

    Args:
        connection: reads one moment of the database.
        after: an entry's id, or the text before which none stands.
        no_further: the last entry to be counted; all there are by default, but no more than `MOST_AT_ONCE`.

    Returns:
        The last id that was counted (`after` itself where there was none), and what was moved.
    """
    asked = {"after": after}
    last = connection.execute(_LAST_OF_CHUNK, asked).scalar() or connection.execute(_NEWEST, asked).scalar()
    until = min(last, no_further) if last and no_further else last
    if until is None or until <= after:
        return after, ()
    rows = connection.execute(_MOVED, {"after": after, "until": until})
    return until, [_movement(row) for row in rows]


def _movement(row: Any) -> Movement:
    return Movement(
        row[0], row[1], row[2], _whole(row[3], row[4]), _whole(row[5], row[6]), _whole(row[7], row[8])
    )


def moment_of(connection: Connection) -> Window | None:
    """Which commits can be seen; None where there is one writer, whose entries are never late."""
    if connection.dialect.name != "postgresql":
        return None
    return Window.parse(str(connection.execute(text(MOMENT)).scalar_one()))


def late(
    connection: Connection, since: Window, passed: str, summed: str
) -> tuple[Window, list[tuple[Movement, bool]]]:
    """What entries moved that could not be seen when somebody counted on to behind them.

    Args:
        connection: reads one moment of the database.
        since: the moment of the last question.
        passed: up to this entry quarters are counted.
        summed: up to this entry the sums are.

    Returns:
        This moment, and what was moved; True with what stands before `passed`.

    Raises:
        WentBack: the database is not where it was then.
    """
    now = moment_of(connection)
    assert now is not None
    if not since.is_before(now):
        raise WentBack("The database's transactions went back: it was restored, or another server took over.")
    asked = {"next_id": str(since.next_id), "running": [str(id) for id in since.running]}
    bounds = {"mark": _FIRST_ENTRY, "bound": max(passed, summed)}
    ids = list(connection.execute(_LATE_IDS, {**asked, **bounds}).scalars())
    if not ids:
        return now, []
    rows = connection.execute(_LATE, {"ids": ids, "passed": passed})
    return now, [(_movement(row), bool(row[9])) for row in rows]


def edge_of(connection: Connection, now_us: int) -> str:
    """How far entries may be counted: behind it another writer may still put some. Empty where there is no other."""
    return first_id_at(now_us - COMMIT_US) if connection.dialect.name == "postgresql" else ""


def first_id_at(at_us: int) -> str:
    """A text that stands before every entry made at this time or later, and behind all that were made much before."""
    return f"ent_{max(at_us, 0) // 1_000:012x}"


def count_people(connection: Connection) -> tuple[int, int]:
    """How many users there are, and how many orders are pending. Reads an index of each."""
    everybody = connection.execute(select(func.count()).select_from(users)).scalar()
    pending = select(func.count()).select_from(orders).where(orders.c.state == "pending")
    return everybody or 0, connection.execute(pending).scalar() or 0
