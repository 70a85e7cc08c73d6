"""The broadcast log: every change with the counts of the screens that have seen it, and every re-send.

Promises: a change's row *is* its entry, so that none can be missing and none costs the writer anything; only where
screens were open does a row of counts stand beside it. Where there is none, the ranges of entries that a process has
seen tell "no screen was open" from "nobody wrote it down". Must not know how receipts are counted.

The odd thing is the order: entries and re-sends stand in two tables and are one list. Their ids are time-ordered behind
a prefix of four signs, so a cursor is what follows the prefix, and a page is merged from both.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, delete, insert, select, update

from livecredits.core.broadcasts import CLASSES, FULL, NONE, SAMPLED, Counts, added
from livecredits.errors import Malformed, NotFound
from livecredits.storage.pages import Slice
from livecredits.storage.schema import accounts, broadcast_spans, broadcasts, entries, resends, users
from livecredits.storage.views import Page

RESEND = "resend"
"""The kind of a broadcast that somebody asked for."""
PRUNED_AT_ONCE = WRITTEN_AT_ONCE = 1_000
_ENTRY, _RESEND = "ent_", "brd_"
_CURSOR = re.compile(r"[0-9a-f]{12,32}")
_RANKS = (NONE, SAMPLED, FULL)


@dataclass(frozen=True, slots=True, kw_only=True)
class BroadcastFilter:
    """Which broadcasts are asked for; None does not restrict. `oldest_us`: how far back the log is kept."""

    user_id: str | None = None
    unit: str | None = None
    kind: str | None = None
    state: str | None = None
    since_us: int | None = None
    until_us: int | None = None
    oldest_us: int = 0

    def of_time(self, column: Any) -> list[ColumnElement[bool]]:
        """`since` and `until` as SQL."""
        found: list[ColumnElement[bool]] = []
        if self.since_us is not None:
            found.append(column >= self.since_us)
        if self.until_us is not None:
            found.append(column < self.until_us)
        return found


@dataclass(frozen=True, slots=True)
class BroadcastView:
    """One broadcast as the log has it; `counts` of None: nobody wrote down who has seen it."""

    id: str
    user_id: str
    unit: str
    version: int
    kind: str
    amount: int | None
    label: str | None
    actor: str
    at_us: int
    node: str | None
    counts: Counts | None
    is_settled: bool
    details: str

    @property
    def is_asked(self) -> bool:
        """Whether somebody asked for it, without a change."""
        return self.kind == RESEND


# --- reading -------------------------------------------------------------------------------------------------------


def page(connection: Connection, asked: BroadcastFilter, part: Slice) -> Page[BroadcastView]:
    """Part of the log, newest first.

    Raises:
        Malformed: the cursor is not one of this list.
    """
    if part.cursor is not None and not _CURSOR.fullmatch(part.cursor):
        raise Malformed("The cursor is not one of this list; start without one.")
    found: list[Row[Any]] = []
    if asked.kind != RESEND:
        for query in _entries_of(connection, asked):
            found += connection.execute(_cut(query, entries.c.id, _ENTRY, asked, part)).all()
    if asked.kind in (None, RESEND):
        found += connection.execute(_cut(_resends_of(asked), resends.c.id, _RESEND, asked, part)).all()
    found.sort(key=lambda row: row.id[4:], reverse=not part.is_backward)
    shown, has_after, has_before = part.cut(found)
    items = _views(connection, shown)
    return Page(
        items,
        items[-1].id[4:] if items and has_after else None,
        items[0].id[4:] if items and has_before else None,
    )


def one(connection: Connection, id: str, oldest_us: int) -> BroadcastView:
    """One broadcast.

    Raises:
        NotFound: there is none, or it is too old.
    """
    query = _columns(entries).where(entries.c.id == id) if id.startswith(_ENTRY) else _resend(id)
    found = connection.execute(query).all() if id[4:] >= _edge(oldest_us) else []
    if not found:
        raise NotFound("There is no such broadcast, or it is too old to be in the log.")
    return _views(connection, found)[0]


def _columns(source: Any) -> Select[Any]:
    return select(source, accounts.c.user_id, accounts.c.unit).join(
        accounts, accounts.c.id == source.c.account_id
    )


def _entries_of(connection: Connection, asked: BroadcastFilter) -> Iterable[Select[Any]]:
    """What finds the entries: for one user account by account, since only that has an index to go by."""
    conditions = asked.of_time(entries.c.at_us)
    if asked.kind is not None:
        conditions.append(entries.c.kind == asked.kind)
    if asked.state is not None:
        conditions.append(_in_state(entries.c.id, asked.state))
    query = _columns(entries).where(*conditions)
    if asked.unit is not None:
        query = query.where(accounts.c.unit == asked.unit)
    if asked.user_id is None:
        return [query]
    mine = select(accounts.c.id).where(accounts.c.user_id == asked.user_id)
    numbers = connection.execute(mine).scalars().all()
    return [query.where(entries.c.account_id == number) for number in numbers]


def _resends_of(asked: BroadcastFilter) -> Select[Any]:
    query = select(resends).where(*asked.of_time(resends.c.at_us))
    if asked.user_id is not None:
        query = query.where(resends.c.user_id == asked.user_id)
    if asked.unit is not None:
        query = query.where(resends.c.unit == asked.unit)
    return query if asked.state is None else query.where(_in_state(resends.c.id, asked.state))


def _resend(id: str) -> Select[Any]:
    return select(resends).where(resends.c.id == id)


def _in_state(id: Any, state: str) -> ColumnElement[bool]:
    rows = select(broadcasts.c.id)
    if state == "behind":
        is_behind: ColumnElement[bool] = id.in_(rows.where(broadcasts.c.behind > 0))
        return is_behind
    some = rows.where(broadcasts.c.id == id)
    was_shown = some.where(broadcasts.c.shown > 0).exists()
    was_open = some.where(broadcasts.c.open > 0).exists()
    if state == "shown":
        return was_shown
    if state == "unseen":
        return and_(some.where(broadcasts.c.open > 0, broadcasts.c.off == 0).exists(), ~was_shown)
    spans = select(broadcast_spans.c.node)
    is_known = spans.where(broadcast_spans.c.first_id <= id, broadcast_spans.c.before_id > id).exists()
    return and_(~was_open, is_known | some.exists())


def _cut(query: Select[Any], id: Any, prefix: str, asked: BroadcastFilter, part: Slice) -> Select[Any]:
    """The rows on the asked side of the cursor, one more than a page has."""
    query = query.where(id >= prefix + _edge(asked.oldest_us)).limit(part.most + 1)
    if part.is_backward:
        return query.where(id > f"{prefix}{part.before}").order_by(id)
    if part.after is not None:
        query = query.where(id < f"{prefix}{part.after}")
    return query.order_by(id.desc())


def _edge(at_us: int) -> str:
    """What ids that were made then begin with, behind their prefix."""
    return f"{max(at_us, 0) // 1_000:012x}"


def _views(connection: Connection, rows: Sequence[Row[Any]]) -> list[BroadcastView]:
    ids = [row.id for row in rows]
    counted: dict[str, list[Row[Any]]] = {}
    for row in connection.execute(select(broadcasts).where(broadcasts.c.id.in_(ids))):
        counted.setdefault(row.id, []).append(row)
    spans = connection.execute(select(broadcast_spans)).all() if len(counted) < len(ids) else []
    return [_view(row, counted.get(row.id, []), spans) for row in rows]


def _view(row: Row[Any], counted: Sequence[Row[Any]], spans: Sequence[Row[Any]]) -> BroadcastView:
    is_entry = row.id.startswith(_ENTRY)
    counts, node, is_settled, details = None, None, True, NONE
    if counted:
        counts = added(map(_counts, counted))
        node = ", ".join(one.node for one in counted)
        is_settled = all(one.settled for one in counted)
        details = min((one.details for one in counted), key=_RANKS.index)
    else:
        span = next((span for span in spans if span.first_id <= row.id < span.before_id), None)
        if span is not None:
            counts, node, details = Counts(), span.node, FULL
    return BroadcastView(
        row.id, row.user_id, row.unit, row.version, row.kind if is_entry else RESEND,
        row.amount if is_entry else None, row.label if is_entry else None, row.actor, row.at_us, node, counts,
        is_settled, details,
    )  # fmt: skip


def _counts(row: Row[Any]) -> Counts:
    """What one node has counted."""
    return Counts(
        **{name: getattr(row, name) for name in CLASSES},
        first_ms=row.first_ms,
        last_ms=row.last_ms,
        browsers=bool(row.browsers),
        off=bool(row.off),
    )


def exempt_users(connection: Connection) -> frozenset[str]:
    """Users of whom no receipts are wanted."""
    return frozenset(connection.execute(select(users.c.user_id).where(users.c.receipts == 0)).scalars())


# --- writing -------------------------------------------------------------------------------------------------------


def note_resend(
    connection: Connection, *, id: str, user_id: str, unit: str, version: int, actor: str, at_us: int
) -> None:
    """Write down that somebody asked for a re-send, before it is sent."""
    connection.execute(
        insert(resends).values(
            id=id, user_id=user_id, unit=unit, version=version, actor=actor, at_us=at_us
        )
    )  # fmt: skip


def close_former(connection: Connection, node: str) -> None:
    """What a former process of this node left open is settled: when it ended, all its screens were gone."""
    kept = broadcasts.c
    left = kept.hidden + kept.asleep + kept.behind
    connection.execute(
        update(broadcasts)
        .where(kept.node == node, kept.settled == 0)
        .values(gone=kept.gone + left, hidden=0, asleep=0, behind=0, settled=1)
    )


def prune(connection: Connection, oldest_us: int) -> bool:
    """Delete some of what is older; says whether there may be more."""
    edge = _edge(oldest_us)
    has_more = False
    for table, prefix in ((broadcasts, _ENTRY), (broadcasts, _RESEND), (resends, _RESEND)):
        old = select(table.c.id).where(table.c.id >= prefix, table.c.id < prefix + edge).limit(PRUNED_AT_ONCE)
        ids: Collection[str] = connection.execute(old).scalars().all()
        connection.execute(delete(table).where(table.c.id.in_(ids)))
        has_more = has_more or len(ids) == PRUNED_AT_ONCE
    connection.execute(delete(broadcast_spans).where(broadcast_spans.c.before_id < _ENTRY + edge))
    return has_more
