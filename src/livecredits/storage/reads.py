"""The queries that read, through SQLAlchemy Core, so that both databases share them.

Promises: each function answers from one moment of the database and is bounded (a page, a list of ids). Must not write,
and must not decide whether something is due: whoever calls has had that posted first.

The odd thing: a live state is read for many users in one query, since after a restart every screen asks at once.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Boolean, Connection, Row, and_, bindparam, func, literal_column, select

from livecredits.core.rows import AccountKey, AccountState, Cause
from livecredits.errors import NotFound
from livecredits.storage.dialects import as_object, either, listed
from livecredits.storage.migrate import FORMER_EPOCHS
from livecredits.storage.schema import NEVER_US, accounts, entries, holds, lots, meta, units, users
from livecredits.storage.views import Balance, LotView, UserDetail, UserRow

LOTS_SHOWN = 100
IDS_AT_ONCE = 500
"""Ids in one query; longer lists are asked for in pieces."""

_is_open = either(sqlite=lots.c.remaining > 0, postgresql=literal_column("lots.is_open", Boolean))
_can_expire = either(
    sqlite=and_(lots.c.expires_at_us.is_not(None), lots.c.remaining > lots.c.earmarked),
    postgresql=literal_column("lots.can_expire", Boolean),
)
_newest = and_(entries.c.account_id == accounts.c.id, entries.c.version == accounts.c.version)
_next_expiry_us = (
    select(func.min(lots.c.expires_at_us))
    .where(lots.c.account_id == accounts.c.id, _can_expire)
    .correlate(accounts)
    .scalar_subquery()
)
_next_expiry_amount = (
    select(func.sum(lots.c.remaining - lots.c.earmarked))
    .where(lots.c.account_id == accounts.c.id, _can_expire, lots.c.expires_at_us == _next_expiry_us)
    .correlate(accounts)
    .scalar_subquery()
)
_low_at = func.coalesce(
    accounts.c.low_threshold,
    select(units.c.low_threshold)
    .where(units.c.name == accounts.c.unit)
    .correlate(accounts)
    .scalar_subquery(),
)
"""At or below how many available credits an account is low; NULL where no threshold is set."""

# Statements are put together once: SQLAlchemy takes ten times as long to build one as SQLite to answer it.
_ACCOUNTS = (
    select(
        accounts,
        entries.c.id.label("entry"),
        entries.c.kind,
        entries.c.amount,
        entries.c.label,
        _next_expiry_us.label("next_expiry_us"),
        func.coalesce(_next_expiry_amount, 0).label("next_expiry_amount"),
        _low_at.label("low_at"),
    )
    .select_from(accounts)
    .outerjoin(entries, _newest)
)
_ACCOUNTS_OF_MANY = _ACCOUNTS.where(accounts.c.user_id.in_(bindparam("user_ids", expanding=True)))
_ACCOUNTS_OF_ONE = _ACCOUNTS.where(accounts.c.user_id == bindparam("user_id"))
_ACCOUNT = _ACCOUNTS_OF_ONE.where(accounts.c.unit == bindparam("unit"))
_USER = select(users).where(users.c.user_id == bindparam("user_id"))
_LOTS = (
    select(lots)
    .where(lots.c.account_id == bindparam("account_id"), _is_open)
    .order_by(lots.c.priority, func.coalesce(lots.c.expires_at_us, NEVER_US), lots.c.born, lots.c.id)
    .limit(LOTS_SHOWN)
)


def unit_rows(connection: Connection) -> Sequence[Row[Any]]:
    """Every configured unit: name, scale and threshold."""
    return connection.execute(select(units).order_by(units.c.name)).all()


def former_epochs(connection: Connection) -> frozenset[str]:
    """The lines of history that this database was on before it was restored."""
    kept = connection.execute(select(meta.c.value).where(meta.c.name == FORMER_EPOCHS)).scalar()
    return frozenset(json.loads(kept)) if kept else frozenset()


# --- what is due ---------------------------------------------------------------------------------------------------


def due_accounts(connection: Connection, user_ids: Collection[str], now_us: int) -> list[AccountKey]:
    """Which accounts of these users have a lot past its second or an overdue hold."""
    mine = accounts.c.user_id.in_(list(user_ids))
    late_lots = (
        select(accounts.c.user_id, accounts.c.unit)
        .join(lots, lots.c.account_id == accounts.c.id)
        .where(mine, _can_expire, lots.c.expires_at_us <= now_us)
    )
    late_holds = (
        select(accounts.c.user_id, accounts.c.unit)
        .join(holds, holds.c.account_id == accounts.c.id)
        .where(mine, holds.c.state == "open", holds.c.expires_at_us <= now_us)
    )
    return [(row.user_id, row.unit) for row in connection.execute(late_lots.union(late_holds))]


def places(connection: Connection, user_ids: Collection[str]) -> dict[str, int]:
    """Where users stand in the file: the number of an account of each that has one."""
    wanted = listed(connection, list(user_ids))
    # As one value: ten thousand rows would be as many objects of SQLAlchemy's, and as many waits for the interpreter.
    query = select(as_object(accounts.c.user_id, accounts.c.id)).join(
        wanted, wanted.c.value == accounts.c.user_id
    )
    found: dict[str, int] = json.loads(connection.execute(query).scalar_one())
    return found


# --- live states ---------------------------------------------------------------------------------------------------


def states(
    connection: Connection, user_ids: Sequence[str], unit_names: Collection[str]
) -> dict[str, list[AccountState]]:
    """The whole state of each user: every configured unit, version 0 where there is no account."""
    low = {row.name: row.low_threshold for row in unit_rows(connection)}
    found: dict[str, dict[str, AccountState]] = {
        user_id: {unit: AccountState(user_id, unit, low=is_low(0, low.get(unit))) for unit in unit_names}
        for user_id in user_ids
    }
    for at in range(0, len(user_ids), IDS_AT_ONCE):
        some = list(user_ids[at : at + IDS_AT_ONCE])
        for row in connection.execute(_ACCOUNTS_OF_MANY, {"user_ids": some}):
            found[row.user_id][row.unit] = _state(row)
    return {user_id: list(by_unit.values()) for user_id, by_unit in found.items()}


def _state(row: Row[Any]) -> AccountState:
    cause = None if row.entry is None else Cause(row.entry, row.kind, row.amount, row.label)
    keys = tuple((key, version) for key, version in json.loads(row.user_keys)) if row.user_keys else ()
    return AccountState(
        row.user_id, row.unit, row.version, row.settled, row.held, row.floor, bool(row.frozen),
        row.changed_at_us, cause, row.next_expiry_us, row.next_expiry_amount, keys,
        low=is_low(row.settled - row.held, row.low_at),
    )  # fmt: skip


def is_low(available: int, low_at: int | None) -> bool:
    """Whether an account is to be marked as low."""
    return low_at is not None and available <= low_at


# --- one account ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Moment:
    """What a balance carries besides the account: the line of history, the units, and when it was read."""

    epoch: str
    scales: Mapping[str, int]
    now_us: int
    low_thresholds: Mapping[str, int | None] = field(default_factory=dict)


def require_user(connection: Connection, user_id: str) -> None:
    """Refuse where nobody has this id.

    Raises:
        NotFound: 404 `not_found`.
    """
    if connection.execute(_USER, {"user_id": user_id}).first() is None:
        raise NotFound(f"There is no user {user_id}.")


def balance(connection: Connection, user_id: str, unit: str, moment: Moment) -> Balance:
    """One account of a known user; all zero where there is none yet. Raises `NotFound` for an unknown user."""
    row = connection.execute(_ACCOUNT, {"user_id": user_id, "unit": unit}).first()
    if row is None:
        require_user(connection, user_id)
        return _no_account(user_id, unit, moment)
    return _balance(row, moment, open_lots(connection, row.id))


def _no_account(user_id: str, unit: str, moment: Moment) -> Balance:
    scale = moment.scales.get(unit, 0)
    return Balance(
        user_id, unit, scale, 0, moment.epoch, 0, 0, 0, frozen=False, lots=(), next_expiry_us=None,
        next_expiry_amount=0, changed_at_us=None, as_of_us=moment.now_us,
        low=is_low(0, moment.low_thresholds.get(unit)),
    )  # fmt: skip


def _balance(row: Row[Any], moment: Moment, shown: tuple[LotView, ...]) -> Balance:
    return Balance(
        row.user_id, row.unit, moment.scales.get(row.unit, 0), row.version, moment.epoch, row.settled, row.held,
        row.floor, bool(row.frozen), shown, row.next_expiry_us, row.next_expiry_amount, row.changed_at_us,
        moment.now_us, row.low_threshold, low=is_low(row.settled - row.held, row.low_at),
    )  # fmt: skip


def user(connection: Connection, user_id: str, unit: str, moment: Moment) -> UserDetail:
    """A user with one account's lots and the balances of all accounts. Raises `NotFound` for an unknown user."""
    person = connection.execute(_USER, {"user_id": user_id}).first()
    if person is None:
        raise NotFound(f"There is no user {user_id}.")
    rows = connection.execute(_ACCOUNTS_OF_ONE, {"user_id": user_id})
    mine = {row.unit: _balance(row, moment, ()) for row in rows}
    every = tuple(
        mine.get(name) or _no_account(user_id, name, moment)
        for name in dict.fromkeys((*moment.scales, *mine))
    )
    asked = balance(connection, user_id, unit, moment)
    summary = UserRow(
        user_id, person.name, person.email, unit, asked.version, asked.settled, asked.held, asked.floor,
        asked.frozen, max(person.updated_at_us, asked.changed_at_us or 0), asked.low,
    )  # fmt: skip
    return UserDetail(summary, person.metadata, person.created_at_us, asked, every, bool(person.receipts))


def open_lots(connection: Connection, account_id: int) -> tuple[LotView, ...]:
    """The lots that burn first."""
    return tuple(
        LotView(
            row.id, row.amount, row.remaining, row.earmarked, row.priority, row.expires_at_us, row.source,
            row.created_at_us,
        )
        for row in connection.execute(_LOTS, {"account_id": account_id})
    )  # fmt: skip
