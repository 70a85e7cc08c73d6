"""The desk's verbs: users, the audit trail, units, screens, operators, keys; each written once, see `calls`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from livecredits.client.admin_results import (
    AuditRow,
    Key,
    NewKey,
    Operator,
    Screen,
    SignInCode,
    Unit,
    User,
    UserDetail,
)
from livecredits.client.call import (
    UNTOUCHED,
    Call,
    Download,
    items_of,
    items_read,
    listed,
    named,
    page_of,
    texts,
    told,
    touched,
)
from livecredits.client.reading import Json
from livecredits.client.results import Page

USERS, AUDIT, OPERATORS, KEYS = "/admin/users", "/admin/audit", "/admin/operators", "/admin/keys"


# --- users ---------------------------------------------------------------------------------------------------------


def users(
    *,
    search: str | None = None,
    unit: str = "credits",
    sort: str = "user_id",
    frozen: bool | None = None,
    low: bool | None = None,
    before: str | None = None,
    after: str | None = None,
    limit: int = 50,
) -> Call[Page[User]]:
    """Read a page of users with the account of one unit (scope `admin`).

    Args:
        search: part of an id, a name or an e-mail address.
        unit: whose balances.
        sort: `user_id`, `name`, `credits` or `updated_at`; with `-` in front descending.
        frozen: only frozen accounts, or only others.
        low: only low balances, or only others.
        before: a page's `previous`.
        after: a page's `next`.
        limit: 1–200 users.
    """
    return page_of(
        User.read, USERS, q=search, unit=unit, sort=sort, frozen=frozen, low=low, before=before, after=after,
        limit=limit,
    )  # fmt: skip


def export_users(
    *,
    format: str = "csv",  # noqa: A002 - as the interface calls it
    search: str | None = None,
    unit: str = "credits",
    sort: str = "user_id",
    frozen: bool | None = None,
    low: bool | None = None,
) -> Download:
    """All users as a file, `csv` or `ndjson` (scope `admin`); the trail keeps who took it."""
    query = {"format": format, "q": search, "unit": unit, "sort": sort, "frozen": frozen, "low": low}
    return Download(USERS, texts(query))


def user(user_id: str, *, unit: str = "credits") -> Call[UserDetail]:
    """Read one user: all accounts, and the lots of one. Raises `NotFound` (scope `admin`)."""
    return Call("GET", f"{USERS}/{named(user_id)}", UserDetail.read, query={"unit": unit})


def put_user(  # noqa: PLR0913 - fields, all of them optional
    user_id: str,
    *,
    name: str | None = UNTOUCHED,
    email: str | None = UNTOUCHED,
    metadata: Mapping[str, Any] | None = UNTOUCHED,
    floor: int | None = UNTOUCHED,
    frozen: bool = UNTOUCHED,
    low_threshold: int | None = UNTOUCHED,
    receipts: bool = UNTOUCHED,
    unit: str = "credits",
    reason: str | None = None,
) -> Call[UserDetail]:
    """Make a user, or change what is given; None empties a field, a floor of None lends without end (scope `admin`)."""
    given = touched(
        name=name, email=email, metadata=metadata, floor=floor, frozen=frozen, low_threshold=low_threshold,
        receipts=receipts,
    )  # fmt: skip
    body = {**given, "unit": unit, **told({"reason": reason})}
    return Call("PUT", f"{USERS}/{named(user_id)}", UserDetail.read, body=body, changes=True)


def erase(user_id: str, *, reason: str | None = None) -> Call[Mapping[str, Any]]:
    """Remove a person's data; the entries stay, their tokens end and their screens close (scope `admin`).

    Returns:
        How many rows of each table were emptied.

    Raises:
        NotFound: nobody has this id.
    """
    path, query = f"{USERS}/{named(user_id)}/personal-data", texts({"reason": reason})
    return Call("DELETE", path, lambda body: dict(body["erased"]), query=query, changes=True)


def broadcast(user_id: str) -> Call[int]:
    """Push a user's state again to every screen that shows it; tells to how many (scope `admin`)."""
    return Call(
        "POST", f"{USERS}/{named(user_id)}/broadcast", lambda body: int(body["screens"]), changes=True
    )


def screens(user_id: str | None = None) -> Call[list[Screen]]:
    """Read the open connections of the process that answers: of one user, or all (scope `admin`)."""
    query = texts({"user": user_id})
    return Call("GET", "/admin/screens", items_read(Screen.read), query=query)


# --- the audit trail -----------------------------------------------------------------------------------------------


def audit(  # noqa: PLR0913 - filters, all of them optional
    *,
    actor: str | None = None,
    actions: Collection[str] | None = None,
    exclude: Collection[str] | None = None,
    target: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    before: str | None = None,
    after: str | None = None,
    limit: int = 50,
) -> Call[Page[AuditRow]]:
    """Read a page of the audit trail, the newest first; `each` reads all pages (scope `admin`).

    Args:
        actor: only what `kind:id` has done.
        actions: only these actions (`credits.set`, `session.started` …).
        exclude: none of these actions.
        target: only what was done to this user, operator, key …
        since: only rows from then on.
        until: only rows before then.
        before: a page's `previous`.
        after: a page's `next`.
        limit: 1–200 rows.
    """
    wanted = _wanted(actor, actions, exclude, target, since, until)
    return page_of(AuditRow.read, AUDIT, **wanted, before=before, after=after, limit=limit)


def export_audit(
    *,
    format: str = "csv",  # noqa: A002 - as the interface calls it
    actor: str | None = None,
    actions: Collection[str] | None = None,
    exclude: Collection[str] | None = None,
    target: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Download:
    """The audit trail as a file, `csv` or `ndjson` (scope `admin`); the trail keeps who took it."""
    return Download(
        AUDIT, texts({"format": format, **_wanted(actor, actions, exclude, target, since, until)})
    )


def _wanted(
    actor: str | None,
    actions: Collection[str] | None,
    exclude: Collection[str] | None,
    target: str | None,
    since: datetime | None,
    until: datetime | None,
) -> dict[str, Any]:
    return {
        "actor": actor, "action": listed(actions), "exclude": listed(exclude), "target": target, "since": since,
        "until": until,
    }  # fmt: skip


# --- units ---------------------------------------------------------------------------------------------------------


def units() -> Call[Mapping[str, Unit]]:
    """Read what is counted, by name (scope `admin`)."""
    return Call("GET", "/admin/units", _units)


def _units(body: Json) -> Mapping[str, Unit]:
    return {item["name"]: Unit.read(item) for item in body["items"]}


def put_unit(name: str, scale: int | None = None, *, low_threshold: int | None = UNTOUCHED) -> Call[Unit]:
    """Make a unit, or change its decimal places (0–9) that people see, and what is low in it (scope `admin`).

    What is not given stays; a new unit has no decimal places then.
    """
    body = {**({} if scale is None else {"scale": scale}), **touched(low_threshold=low_threshold)}
    return Call("PUT", f"/admin/units/{named(name)}", Unit.read, body=body, changes=True)


# --- operators and keys --------------------------------------------------------------------------------------------


def operators() -> Call[list[Operator]]:
    """Read all operators, by e-mail address (scope `admin`)."""
    return items_of(Operator.read, OPERATORS)


def add_operator(
    email: str, name: str, role: str, *, password: str, limit: int | None = None
) -> Call[Operator]:
    """Make an operator (scope `admin`).

    Args:
        email: what they sign in with.
        name: what people call them.
        role: `viewer`, `support` or `admin`.
        password: at least 12 characters.
        limit: the most credits that they may move in one change.

    Raises:
        Conflict: somebody has this e-mail address already.
    """
    body = {"email": email, "name": name, "role": role, "password": password, "limit": limit}
    return Call("POST", OPERATORS, Operator.read, body=body, changes=True, repeatable=False)


def change_operator(
    operator_id: str,
    *,
    name: str = UNTOUCHED,
    role: str = UNTOUCHED,
    password: str = UNTOUCHED,
    limit: int | None = UNTOUCHED,
    disabled: bool = UNTOUCHED,
) -> Call[Operator]:
    """Change what is given about an operator; a new password, or disabling, ends their sessions (scope `admin`)."""
    body = touched(name=name, role=role, password=password, limit=limit, disabled=disabled)
    return Call("PUT", f"{OPERATORS}/{named(operator_id)}", Operator.read, body=body, changes=True)


def sign_in_code(operator_id: str) -> Call[SignInCode]:
    """Make a one-time code that signs an operator in, good for a quarter of an hour (scope `admin`)."""
    return Call("POST", f"{OPERATORS}/{named(operator_id)}/link", SignInCode.read, changes=True)


def keys() -> Call[list[Key]]:
    """Read all service keys, newest first, without their secrets (scope `admin`)."""
    return items_of(Key.read, KEYS)


def add_key(name: str, scopes: Collection[str]) -> Call[NewKey]:
    """Make a service key; its secret is in this answer and nowhere else (scope `admin`).

    Args:
        name: what people call it.
        scopes: of `read move tokens shop admin live`.
    """
    body = {"name": name, "scopes": list(scopes)}
    return Call("POST", KEYS, NewKey.read, body=body, changes=True, repeatable=False)


def revoke_key(key_id: str) -> Call[Key]:
    """End a service key, everywhere within five seconds (scope `admin`)."""
    return Call("DELETE", f"{KEYS}/{named(key_id)}", Key.read, changes=True)
