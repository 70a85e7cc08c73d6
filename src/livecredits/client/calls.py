"""The verbs, each written once: from a function's arguments to the request that it means.

Promises: what a verb is called and takes here is what it is called and takes in `Client`, in `AsyncClient` and (but
for what only a library can do) in `livecredits.Credits`. Every change carries an idempotency key before it is sent
for the first time, so that a retry can never move credits twice.
Must not know: connections, threads, time. The odd thing: the methods of both clients are made from these functions,
so their docstrings are the methods' docstrings.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any, Generic, Literal, TypedDict, TypeVar, Unpack
from urllib.parse import quote

from livecredits.client.results import Answer, Balance, Entry, Hold, Json, Page, Token

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """One request, and how its answer is read.

    `changes` says that it moves credits and carries a key; `replayed` is told of a former answer, given again.
    """

    method: Literal["GET", "POST", "PUT", "DELETE"]
    path: str
    read: Callable[[Json], T]
    body: Mapping[str, Any] | None = None
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    changes: bool = False
    replayed: Callable[[T], T] | None = None


class About(TypedDict, total=False):
    """What every change may say about itself.

    unit: which of the user's accounts (default `credits`) · reason: why, for operators' eyes · label: what the user
    reads about it · metadata: your own facts · key: the idempotency key, 1–255 characters, made if left out ·
    receipt: screens tell at once that they painted it.
    """

    unit: str
    reason: str
    label: str
    metadata: Mapping[str, Any]
    key: str
    receipt: bool


class AboutOwn(About, total=False):
    """The same for changes that a user's own browser may have asked for.

    as_user: the key was made by the user's browser; it is told to their screens, so that an optimistic number there
    settles.
    """

    as_user: bool


def grant(
    user_id: str,
    amount: int,
    *,
    expires_at: datetime | None = None,
    priority: int = 0,
    source: str | None = None,
    **about: Unpack[AboutOwn],
) -> Call[Answer]:
    """Give credits, as a lot with its own expiry. Creates a user that is not known yet.

    Args:
        user_id: the host's own id, 1–128 characters.
        amount: 1 to 2^53 − 1, in the unit's smallest step.
        expires_at: when the unspent rest expires; aware.
        priority: lots of a lower number burn first.
        source: where they come from (`purchase`, `promotion`, …).
        about: see `AboutOwn`.

    Raises:
        Invalid: a value is out of range.
    """
    terms = {"expires_at": _time(expires_at), "priority": priority or None, "source": source}
    return _change("POST", f"/users/{_id(user_id)}/grants", {"amount": amount, **terms}, about)


def spend(
    user_id: str,
    amount: int,
    *,
    allow_below_floor: bool = False,
    **about: Unpack[AboutOwn],
) -> Call[Answer]:
    """Take credits.

    Args:
        user_id: whose.
        amount: 1 to 2^53 − 1.
        allow_below_floor: let the balance pass its floor (needs the scope `admin` too).
        about: see `AboutOwn`.

    Raises:
        InsufficientCredits: with `needed` and `available`.
        NotFound: nobody has been granted anything under that id.
    """
    body = {"amount": amount, "allow_below_floor": allow_below_floor or None}
    return _change("POST", f"/users/{_id(user_id)}/spend", body, about)


def adjust(
    user_id: str, amount: int, *, allow_below_floor: bool = False, **about: Unpack[About]
) -> Call[Answer]:
    """Correct a balance by a signed amount (scope `admin`).

    Raises:
        InsufficientCredits: a negative amount would pass the floor.
    """
    body = {"amount": amount, "allow_below_floor": allow_below_floor or None}
    return _change("POST", f"/admin/users/{_id(user_id)}/adjustments", body, about)


def set_credits(
    user_id: str,
    credits: int,
    *,
    if_version: int | None = None,
    **about: Unpack[About],
) -> Call[Answer]:
    """Make the available credits equal to a number (scope `admin`).

    Args:
        user_id: whose.
        credits: the new number.
        if_version: refuse unless the account is still at this version.
        about: see `About`.

    Raises:
        VersionMismatch: somebody was faster; `version` and `balance` tell what it is now.
    """
    call = _change("PUT", f"/admin/users/{_id(user_id)}/credits", {"credits": credits}, about)
    if if_version is None:
        return call
    return _with_headers(call, {"If-Match": f'"{if_version}"'})


def hold(user_id: str, amount: int, *, ttl_s: int = 900, **about: Unpack[AboutOwn]) -> Call[Answer]:
    """Set credits aside for `ttl_s` seconds; the answer's `hold` is what `capture` and `release` take.

    Raises:
        InsufficientCredits: with `needed` and `available`.
    """
    return _change("POST", f"/users/{_id(user_id)}/holds", {"amount": amount, "ttl_s": ttl_s}, about)


def capture(hold_id: str, amount: int | None = None, **about: Unpack[About]) -> Call[Answer]:
    """Spend what a hold has set aside: `amount` of it (all by default); the rest is given back.

    Raises:
        HoldClosed: it was captured, released or timed out before.
    """
    return _change("POST", f"/holds/{_id(hold_id)}/capture", {"amount": amount}, about)


def release(hold_id: str, **about: Unpack[About]) -> Call[Answer]:
    """Give back what a hold has set aside.

    Raises:
        HoldClosed: it was captured, released or timed out before.
    """
    return _change("POST", f"/holds/{_id(hold_id)}/release", {}, about)


def transfer(from_user: str, to_user: str, amount: int, **about: Unpack[AboutOwn]) -> Call[Answer]:
    """Move credits from one user to another; answers for the sender.

    Raises:
        InsufficientCredits: the sender has less.
    """
    return _change(
        "POST", "/transfers", {"from_user_id": from_user, "to_user_id": to_user, "amount": amount}, about
    )


def reverse(
    entry_id: str, *, amount: int | None = None, allow_below_floor: bool = False, **about: Unpack[About]
) -> Call[Answer]:
    """Undo an entry, wholly or in part (scope `admin`).

    Raises:
        AlreadyReversed: with `reversed_by`.
        NotReversible: entries of this kind cannot be undone.
    """
    body = {"amount": amount, "allow_below_floor": allow_below_floor or None}
    return _change("POST", f"/admin/entries/{_id(entry_id)}/reverse", body, about)


def balance(user_id: str, *, unit: str = "credits") -> Call[Balance]:
    """Read one account.

    Raises:
        NotFound: nobody has been granted anything under that id.
    """
    return Call("GET", f"/users/{_id(user_id)}/balance", Balance.read, query={"unit": unit})


def history(
    user_id: str,
    *,
    unit: str | None = None,
    kinds: Iterable[str] = (),
    before: str | None = None,
    after: str | None = None,
    limit: int = 50,
) -> Call[Page[Entry]]:
    """Read entries, newest first.

    Args:
        user_id: whose.
        unit: of one account only.
        kinds: of these kinds only.
        before: a page's `previous` cursor: the entries just before it in the list.
        after: a page's `next` cursor: the entries just after it.
        limit: 1–200 items.
    """
    kinds_text = ",".join(kinds) or None
    query = {"unit": unit, "kind": kinds_text, "before": before, "after": after, "limit": limit}
    return Call("GET", f"/users/{_id(user_id)}/history", partial(Page.read, Entry.read), query=_texts(query))


def holds(user_id: str, *, unit: str | None = None, state: str = "open", limit: int = 50) -> Call[Page[Hold]]:
    """Read holds: the open ones, or those of another `state` (`captured`, `released`, `all`)."""
    query = {"unit": unit, "state": state, "limit": limit}
    return Call("GET", f"/users/{_id(user_id)}/holds", partial(Page.read, Hold.read), query=_texts(query))


def check(user_id: str, amount: int, *, unit: str = "credits") -> Call[bool]:
    """Whether the user can afford `amount` right now. Only `spend` or `hold` makes sure."""
    body = {"amount": amount, "unit": unit}
    return Call("POST", f"/users/{_id(user_id)}/check", lambda answer: bool(answer["affordable"]), body=body)


def token(user_id: str, *, ttl_s: int = 900) -> Call[Token]:
    """Mint a screen token for one user's browser (scope `tokens`). Creates a user that is not known yet.

    Args:
        user_id: who is signed in at your app.
        ttl_s: how long it is good, at most 3600 seconds; the SDK asks for the next one in time.
    """
    return Call("POST", "/tokens", Token.read, body={"user_id": user_id, "ttl_s": ttl_s})


def revoke_tokens(user_id: str) -> Call[None]:
    """End all of a user's screen tokens; their screens close within five seconds (scope `tokens`)."""
    return Call("DELETE", f"/users/{_id(user_id)}/tokens", _nothing)


def _change(method: Literal["POST", "PUT"], path: str, body: Mapping[str, Any], about: About) -> Call[Answer]:
    said = {**body, **about}
    key = said.pop("key", None) or secrets.token_hex(16)
    told = {name: value for name, value in said.items() if value is not None}
    return Call(method, path, Answer.read, body=told, headers={"Idempotency-Key": key}, changes=True)


def _with_headers(call: Call[T], headers: Mapping[str, str]) -> Call[T]:
    return Call(
        call.method, call.path, call.read, call.body, call.query, {**call.headers, **headers}, call.changes
    )


def _id(value: str) -> str:
    return quote(value, safe="")


def _texts(values: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in values.items() if value is not None}


def _time(at: datetime | None) -> str | None:
    return None if at is None else at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _nothing(_body: Json) -> None:
    return None
