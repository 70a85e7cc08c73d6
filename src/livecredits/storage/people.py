"""What is written about users and units beside the ledger: names, metadata, floors, freezing, thresholds, scales.

Promises: each function writes its audit row in the same transaction; an account's seal follows its configuration, or
`verify` would report the edit as damage. Must be called on the writer (`Writer.ask`), which alone numbers accounts.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, bindparam, insert, select, update

from livecredits.core.chain import GENESIS, canonical
from livecredits.core.changes import LIBRARY, Actor
from livecredits.errors import Conflict
from livecredits.storage import audit, reads
from livecredits.storage.answers import EVERYBODY
from livecredits.storage.dialects import new_account_number
from livecredits.storage.handover import Told
from livecredits.storage.schema import accounts, units, users
from livecredits.storage.store import seal_of


class _Untouched:
    """Says that a field stays as it is, where None would empty it."""

    def __repr__(self) -> str:
        return "…"


UNTOUCHED: Any = _Untouched()
"""The value of an argument that was not given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UserEdit:
    """What is to be changed about a user and one of their accounts."""

    name: str | None = UNTOUCHED
    email: str | None = UNTOUCHED
    metadata: Mapping[str, Any] | None = UNTOUCHED
    floor: int | None = UNTOUCHED
    frozen: bool = UNTOUCHED
    low_threshold: int | None = UNTOUCHED
    receipts: bool = UNTOUCHED
    unit: str = "credits"
    reason: str | None = None
    actor: Actor = LIBRARY

    def given(self, *names: str) -> dict[str, Any]:
        """Those of the named fields that are to be changed."""
        return {name: getattr(self, name) for name in names if getattr(self, name) is not UNTOUCHED}


_PERSON = select(users).where(users.c.user_id == bindparam("user_id"))
_ACCOUNT = select(accounts).where(
    accounts.c.user_id == bindparam("user_id"), accounts.c.unit == bindparam("unit")
)
_CONFIGURE = (
    update(accounts)
    .where(accounts.c.id == bindparam("account_id"))
    .values({name: bindparam(name) for name in ("floor", "frozen", "low_threshold", "seal")})
)


def put_user(
    connection: Connection, user_id: str, edit: UserEdit, now_us: int, unit_names: Collection[str]
) -> Told:
    """Make or change a user, and the floor and freezing of one account; an unknown account is made at version 0.

    Where nothing differs, nothing is written: a host may tell its users' names at every sign-in.
    """
    person = connection.execute(_PERSON, {"user_id": user_id}).first()
    account = connection.execute(_ACCOUNT, {"user_id": user_id, "unit": edit.unit}).first()
    before = {**_person_fields(person), **_account_fields(account)}
    terms = edit.given("floor", "frozen", "low_threshold")
    after = {**before, **edit.given("name", "email", "metadata", "receipts"), **terms}
    # As JSON, where 1 is not true.
    changed = [
        name for name in after
        if person is None or canonical({name: after[name]}) != canonical({name: before[name]})
    ]  # fmt: skip
    if not changed and (account is not None or not terms):
        return Told(None, [], {})
    _put_person(connection, user_id, edit, now_us, is_new=person is None)
    if terms:
        _put_account(connection, user_id, edit.unit, {**_account_fields(account), **terms}, account, now_us)
    audit.record(
        connection, at_us=now_us, actor=edit.actor, action="user.changed" if person else "user.added",
        target=user_id, reason=edit.reason, before={name: before[name] for name in changed} if person else None,
        after={name: after[name] for name in changed}, details={"unit": edit.unit} if terms else None,
    )  # fmt: skip
    states = reads.states(connection, [user_id], unit_names)[user_id] if terms else []
    told = [state for state in states if state.unit == edit.unit]
    newcomers = frozenset() if person else frozenset({user_id})
    return Told(None, told, {user_id: {"users", "audit"}}, newcomers)


def _person_fields(person: Row[Any] | None) -> dict[str, Any]:
    if person is None:
        return {"name": None, "email": None, "metadata": None, "receipts": True}
    stored = person.metadata
    return {
        "name": person.name, "email": person.email, "metadata": json.loads(stored) if stored else None,
        "receipts": bool(person.receipts),
    }  # fmt: skip


def _account_fields(account: Row[Any] | None) -> dict[str, Any]:
    if account is None:
        return {"floor": 0, "frozen": False, "low_threshold": None}
    return {
        "floor": account.floor, "frozen": bool(account.frozen), "low_threshold": account.low_threshold,
    }  # fmt: skip


def _put_person(connection: Connection, user_id: str, edit: UserEdit, now_us: int, *, is_new: bool) -> None:
    values = edit.given("name", "email", "metadata", "receipts")
    if values.get("metadata") is not None:
        values["metadata"] = canonical(values["metadata"])
    if "receipts" in values:
        values["receipts"] = int(values["receipts"])  # to PostgreSQL a truth is no number
    if is_new:
        row = {"user_id": user_id, "created_at_us": now_us, "updated_at_us": now_us, **values}
        connection.execute(insert(users), row)
    elif values:
        connection.execute(
            update(users).where(users.c.user_id == user_id).values(updated_at_us=now_us, **values)
        )


def _put_account(
    connection: Connection,
    user_id: str,
    unit: str,
    terms: dict[str, Any],
    account: Row[Any] | None,
    now_us: int,
) -> None:
    floor, frozen, low_threshold = terms["floor"], bool(terms["frozen"]), terms["low_threshold"]
    created_at_us = now_us if account is None else account.created_at_us
    values = {
        "floor": floor, "frozen": int(frozen), "low_threshold": low_threshold,
        "seal": seal_of(user_id, unit, floor, frozen, created_at_us, low_threshold),
    }  # fmt: skip
    if account is not None:
        connection.execute(_CONFIGURE, {"account_id": account.id, **values})
        return
    number = new_account_number(connection)
    connection.execute(
        insert(accounts),
        {
            "id": number, "user_id": user_id, "unit": unit, "version": 0, "settled": 0, "held": 0,
            "last_hash": GENESIS, "created_at_us": created_at_us, **values,
        },
    )  # fmt: skip


def put_unit(
    connection: Connection, name: str, scale: int | None, low_threshold: int | None, actor: Actor, now_us: int
) -> Told:
    """Make a unit, or change what is low in it, or the scale of one that nobody has an account in.

    A scale of None leaves it as it is; that of a new unit is then 0. The amounts are whole numbers of the smallest
    part: another scale would move the point in everybody's balance.
    """
    row = connection.execute(select(units.c.scale, units.c.low_threshold).where(units.c.name == name)).first()
    before = None if row is None else {"scale": row.scale, "low_threshold": row.low_threshold}
    after = {**(before or {"scale": 0, "low_threshold": None})}
    if scale is not None:
        after["scale"] = scale
    if low_threshold is not UNTOUCHED:
        after["low_threshold"] = low_threshold
    if before is None:
        connection.execute(insert(units).values(name=name, **after))
    elif before == after:
        return Told(None, [], {})
    else:
        if before["scale"] != after["scale"]:
            _require_unused(connection, name, before["scale"])
        connection.execute(update(units).where(units.c.name == name).values(**after))
    audit.record(
        connection, at_us=now_us, actor=actor, action="unit.added" if before is None else "unit.changed",
        target=name, before=before, after=after,
    )  # fmt: skip
    return Told(None, [], {"": {"audit"}}, elsewhere=frozenset({EVERYBODY}))


def _require_unused(connection: Connection, unit: str, scale: int) -> None:
    if connection.execute(select(accounts.c.id).where(accounts.c.unit == unit).limit(1)).first():
        raise Conflict(f"There are accounts in {unit} already; its scale stays {scale}.", scale=scale)
