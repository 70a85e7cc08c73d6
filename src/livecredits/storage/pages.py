"""Lists read page by page: a user's history and holds, and the users themselves.

Promises: a page is bounded, `next` leads to what comes after it and `previous` to what comes before it, and no row is
skipped or shown twice however much is written meanwhile. Must not decide who may read.

The odd thing is the history's cursor. A user may have several accounts, each with versions of its own; so a cursor is a
point between entries, told as the newest version of each account that is older than the point. Other cursors are the
sorted fields of the row at the edge.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    and_,
    func,
    literal,
    or_,
    select,
)

from livecredits.core.rows import Entry
from livecredits.errors import Malformed
from livecredits.storage import facts
from livecredits.storage.dialects import larger
from livecredits.storage.reads import require_user
from livecredits.storage.schema import accounts, entries, holds, reversals, units, users
from livecredits.storage.searching import contains
from livecredits.storage.views import HistoryEntry, HoldView, Page, UserRow

PAGE_MOST = 500
_ID = re.compile(r"[a-z]{3}_[0-9a-f]{32}")
"""What ids look like (`ids`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """Which part of a list: `limit` rows after one cursor, or before another, or from the beginning."""

    before: str | None = None
    after: str | None = None
    limit: int = 50

    @property
    def cursor(self) -> str | None:
        """The one that was given."""
        return self.before if self.is_backward else self.after

    @property
    def is_backward(self) -> bool:
        """Whether the rows before the cursor are asked for."""
        return self.before is not None

    @property
    def most(self) -> int:
        """How many rows, within bounds."""
        return max(1, min(self.limit, PAGE_MOST))

    def id(self) -> str:
        """The cursor of a list that is ordered by ids. Raises `Malformed`."""
        cursor = self.cursor or ""
        if not _ID.fullmatch(cursor):
            raise _malformed()
        return cursor

    def number(self) -> int:
        """The cursor of a list that is ordered by numbers. Raises `Malformed`."""
        cursor = self.cursor or ""
        if not (cursor.isascii() and cursor.isdecimal()):
            raise _malformed()
        return int(cursor)

    def cut(self, found: Sequence[Any]) -> tuple[list[Any], bool, bool]:
        """Of one row more than asked, read away from the cursor: the page, and whether more stands after and before."""
        has_more = len(found) > self.most
        shown = list(found[: self.most])
        if self.is_backward:
            shown.reverse()
            return shown, True, has_more
        return shown, has_more, self.after is not None


def _malformed() -> Malformed:
    return Malformed("The cursor is not one of this list; start without one.")


# --- history -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryFilter:
    """Which entries of a user are asked for; None does not restrict.

    A metadata value that is text finds what is spelled like it (`true`, `7`, `blue`); any other, what has its type.
    """

    unit: str | None = None
    kinds: Collection[str] | None = None
    since_us: int | None = None
    until_us: int | None = None
    actor: str | None = None
    metadata: Mapping[str, Any] | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """The filter as SQL, without the unit."""
        found: list[ColumnElement[bool]] = []
        if self.kinds is not None:
            found.append(entries.c.kind.in_(list(self.kinds)))
        if self.since_us is not None:
            found.append(entries.c.at_us >= self.since_us)
        if self.until_us is not None:
            found.append(entries.c.at_us < self.until_us)
        if self.actor is not None:
            found.append(entries.c.actor == self.actor)
        found += [facts.has(entries.c.metadata, name, value) for name, value in (self.metadata or {}).items()]
        return found


def history(
    connection: Connection, user_id: str, asked: HistoryFilter, part: Slice, *, for_user: bool = False
) -> Page[HistoryEntry]:
    """A user's entries, the newest first.

    Raises:
        NotFound: nobody has this id.
        Malformed: the cursor is not one of a history.
    """
    mine = _accounts_of(connection, user_id, asked.unit)
    point = _read_point(part.cursor)
    start = {number: row.version if point is None else point.get(number, 0) for number, row in mine.items()}
    found: list[Row[Any]] = []
    for number, edge in start.items():
        found += connection.execute(_entries_of(number, edge, asked, part)).all()
    found.sort(key=lambda row: row.id, reverse=not part.is_backward)
    shown, has_after, has_before = part.cut(found)
    items = [
        HistoryEntry(entry_of(row, user_id, mine[row.account_id].unit), row.reversed_by, for_user)
        for row in shown
    ]
    below, above = _edges(start, shown)
    return Page(items, below if has_after else None, above if has_before else None)


def _accounts_of(connection: Connection, user_id: str, unit: str | None) -> dict[int, Any]:
    query = select(accounts.c.id, accounts.c.unit, accounts.c.version).where(accounts.c.user_id == user_id)
    if unit is not None:
        query = query.where(accounts.c.unit == unit)
    mine = {row.id: row for row in connection.execute(query)}
    if not mine:
        require_user(connection, user_id)
    return mine


def _entries_of(number: int, edge: int, asked: HistoryFilter, part: Slice) -> Select[Any]:
    query = (
        select(entries, reversals.c.reversed_by)
        .outerjoin(reversals, reversals.c.entry_id == entries.c.id)
        .where(entries.c.account_id == number, *asked.conditions())
        .limit(part.most + 1)
    )
    version = entries.c.version
    if part.is_backward:
        return query.where(version > edge).order_by(version)
    return query.where(version <= edge).order_by(version.desc())


def entry_of(row: Row[Any], user_id: str, unit: str) -> Entry:
    """The entry of a row of `entries`, without its lots."""
    return Entry(
        row.id, user_id, unit, row.version, row.kind, row.amount, row.settled_delta, row.held_delta,
        row.settled_after, row.held_after, row.at_us, row.actor, row.reason, row.label, row.metadata,
        row.user_key, row.request_id, row.reverses, row.peer, row.hold_id, row.hold_expires_at_us, row.origin,
        hash=row.hash,
    )  # fmt: skip


_POINT = re.compile(r"\d{1,18}\.\d{1,18}(_\d{1,18}\.\d{1,18})*")


def _read_point(cursor: str | None) -> dict[int, int] | None:
    if cursor is None:
        return None
    if not _POINT.fullmatch(cursor):
        raise _malformed()
    parts = (part.split(".") for part in cursor.split("_"))
    return {int(number): int(version) for number, version in parts}


def _edges(start: Mapping[int, int], shown: Sequence[Row[Any]]) -> tuple[str | None, str | None]:
    """The points below and above the shown entries, which were read from `start`.

    An account that has none on the page stays at the point where it started: its next one lies beyond the page.
    """
    if not shown:
        return None, None
    below, above = dict(start), dict(start)
    for number in start:
        versions = [row.version for row in shown if row.account_id == number]
        if versions:
            below[number], above[number] = min(versions) - 1, max(versions)
    return _write_point(below), _write_point(above)


def _write_point(point: Mapping[int, int]) -> str:
    return "_".join(f"{number}.{version}" for number, version in point.items())


# --- holds ---------------------------------------------------------------------------------------------------------


def holds_of(
    connection: Connection, user_id: str, unit: str | None, state: str | None, part: Slice
) -> Page[HoldView]:
    """A user's holds, the newest first; `state` None gives them all. Raises as `history` does."""
    mine = _accounts_of(connection, user_id, unit)
    query = select(holds).where(holds.c.account_id.in_(list(mine))).limit(part.most + 1)
    if state is not None:
        query = query.where(holds.c.state == state)
    if part.is_backward:
        query = query.where(holds.c.id > part.before).order_by(holds.c.id)
    else:
        if part.after is not None:
            query = query.where(holds.c.id < part.after)
        query = query.order_by(holds.c.id.desc())
    shown, has_after, has_before = part.cut(connection.execute(query).all())
    items = [_hold_view(row, user_id, mine[row.account_id].unit) for row in shown]
    return Page(
        items,
        items[-1].hold if items and has_after else None,
        items[0].hold if items and has_before else None,
    )


def _hold_view(row: Row[Any], user_id: str, unit: str) -> HoldView:
    return HoldView(
        row.id, user_id, unit, row.amount, row.state, row.captured, row.expires_at_us, row.created_at_us,
        row.closed_at_us,
    )  # fmt: skip


# --- users ---------------------------------------------------------------------------------------------------------

_credits = func.coalesce(accounts.c.settled - accounts.c.held, 0)
_is_low = _credits <= func.coalesce(accounts.c.low_threshold, units.c.low_threshold)
_is_marked_low = func.coalesce(_is_low, literal(False))
_touched = larger(users.c.updated_at_us, func.coalesce(accounts.c.changed_at_us, 0))
SORTS: Mapping[str, ColumnElement[Any]] = {
    "user_id": users.c.user_id,
    "name": func.lower(func.coalesce(users.c.name, users.c.user_id)),
    "credits": _credits,
    "updated_at": _touched,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class UserFilter:
    """Which users are asked for, with the account of which unit, in which order (`-` in front: descending)."""

    search: str | None = None
    unit: str = "credits"
    sort: str = "user_id"
    frozen: bool | None = None
    low: bool | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """The filter as SQL."""
        found: list[ColumnElement[bool]] = []
        if self.low is not None:
            found.append(_is_marked_low == literal(self.low))
        if self.search:
            fields = (users.c.user_id, users.c.name, users.c.email)
            found.append(or_(*(contains(field, self.search) for field in fields)))
        if self.frozen is not None:
            found.append(func.coalesce(accounts.c.frozen, 0) == int(self.frozen))
        return found


def users_of(connection: Connection, asked: UserFilter, part: Slice) -> Page[UserRow]:
    """Users with the account of one unit; `total` counts all that the filter lets through."""
    by = SORTS[asked.sort.removeprefix("-")]
    whose = users.outerjoin(
        accounts, and_(accounts.c.user_id == users.c.user_id, accounts.c.unit == asked.unit)
    ).outerjoin(units, units.c.name == asked.unit)
    conditions = asked.conditions()
    is_descending = asked.sort.startswith("-") != part.is_backward
    query = (
        select(users, accounts.c.version, accounts.c.settled, accounts.c.held, accounts.c.floor, accounts.c.frozen,
               accounts.c.id.label("account_id"), _touched.label("touched_at_us"), by.label("sorted_by"),
               _is_marked_low.label("is_low"))
        .select_from(whose).where(*conditions).limit(part.most + 1)
    )  # fmt: skip
    if part.cursor is not None:
        query = query.where(_beyond(by, _read_edge(part.cursor), is_descending=is_descending))
    order = (by.desc(), users.c.user_id.desc()) if is_descending else (by, users.c.user_id)
    shown, has_after, has_before = part.cut(connection.execute(query.order_by(*order)).all())
    total = connection.execute(select(func.count()).select_from(whose).where(*conditions)).scalar_one()
    return Page(
        [_user_row(row, asked.unit) for row in shown],
        _write_edge(shown[-1]) if shown and has_after else None,
        _write_edge(shown[0]) if shown and has_before else None,
        total,
    )


def _beyond(by: ColumnElement[Any], edge: tuple[Any, str], *, is_descending: bool) -> ColumnElement[bool]:
    value, user_id = literal(edge[0]), edge[1]
    if is_descending:
        return or_(by < value, and_(by == value, users.c.user_id < user_id))
    return or_(by > value, and_(by == value, users.c.user_id > user_id))


def _user_row(row: Row[Any], unit: str) -> UserRow:
    if row.account_id is None:
        return UserRow(
            row.user_id, row.name, row.email, unit, 0, 0, 0, 0, frozen=False, updated_at_us=row.touched_at_us,
            low=bool(row.is_low),
        )  # fmt: skip
    return UserRow(
        row.user_id, row.name, row.email, unit, row.version, row.settled, row.held, row.floor, bool(row.frozen),
        row.touched_at_us, bool(row.is_low),
    )  # fmt: skip


def _write_edge(row: Row[Any]) -> str:
    edge = json.dumps([row.sorted_by, row.user_id], ensure_ascii=False, separators=(",", ":"))
    return base64.urlsafe_b64encode(edge.encode()).decode().rstrip("=")


def _read_edge(cursor: str) -> tuple[Any, str]:
    try:
        edge = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        value, user_id = edge
    except (binascii.Error, ValueError, TypeError):
        raise _malformed() from None
    if not isinstance(value, (str, int)) or not isinstance(user_id, str):
        raise _malformed()
    return value, user_id
