"""The verbs of credits, each written once: from a function's arguments to the request that it means.

Promises: what a verb is called and takes here is what it is called and takes in `Client`, in `AsyncClient` and (but
for what only a library can do) in `livecredits.Credits`; a test holds them together.
Must not know: connections, threads, time. The odd thing: the methods of both clients are made from these functions,
so their docstrings are the methods' docstrings. The shop's verbs are in `shop_calls`, the desk's in `admin_calls`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, Unpack

from livecredits.client.call import (
    About,
    AboutOwn,
    AboutOwnShown,
    AboutShown,
    Call,
    Download,
    change,
    listed,
    named,
    nothing,
    page_of,
    texts,
    time,
)
from livecredits.client.results import Answer, Balance, Entry, Hold, Page, Token


def grant(
    user_id: str,
    amount: int,
    *,
    expires_at: datetime | None = None,
    priority: int = 0,
    source: str | None = None,
    **about: Unpack[AboutOwnShown],
) -> Call[Answer]:
    """Give credits, as a lot with its own expiry. Creates a user that is not known yet.

    Args:
        user_id: the host's own id, 1–128 characters.
        amount: 1 to 2^53 − 1, in the unit's smallest step.
        expires_at: when the unspent rest expires; aware.
        priority: lots of a lower number burn first.
        source: where they come from (`purchase`, `promotion`, …).
        about: see `AboutOwn`, and `Awaited` to wait until the user's screens show it.

    Raises:
        Invalid: a value is out of range.
    """
    terms = {"expires_at": time(expires_at), "priority": priority or None, "source": source}
    return change("POST", f"/users/{named(user_id)}/grants", {"amount": amount, **terms}, about)


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
    return change("POST", f"/users/{named(user_id)}/spend", body, about)


def adjust(
    user_id: str, amount: int, *, allow_below_floor: bool = False, **about: Unpack[AboutShown]
) -> Call[Answer]:
    """Correct a balance by a signed amount (scope `admin`).

    Raises:
        InsufficientCredits: a negative amount would pass the floor.
    """
    body = {"amount": amount, "allow_below_floor": allow_below_floor or None}
    return change("POST", f"/admin/users/{named(user_id)}/adjustments", body, about)


def set_credits(user_id: str, credits: int, **about: Unpack[AboutShown]) -> Call[Answer]:
    """Make the available credits equal to a number (scope `admin`).

    Args:
        user_id: whose.
        credits: the new number.
        about: see `About`; with `if_version` only if nothing has happened since.

    Raises:
        VersionMismatch: somebody was faster; `version` and `balance` tell what it is now.
    """
    return change("PUT", f"/admin/users/{named(user_id)}/credits", {"credits": credits}, about)


def hold(user_id: str, amount: int, *, ttl_s: int = 900, **about: Unpack[AboutOwn]) -> Call[Answer]:
    """Set credits aside for `ttl_s` seconds; the answer's `hold` is what `capture` and `release` take.

    Raises:
        InsufficientCredits: with `needed` and `available`.
    """
    return change("POST", f"/users/{named(user_id)}/holds", {"amount": amount, "ttl_s": ttl_s}, about)


def capture(hold_id: str, amount: int | None = None, **about: Unpack[About]) -> Call[Answer]:
    """Spend what a hold has set aside: `amount` of it (all by default); the rest is given back.

    Raises:
        HoldClosed: it was captured, released or timed out before.
    """
    return change("POST", f"/holds/{named(hold_id)}/capture", {"amount": amount}, about)


def release(hold_id: str, **about: Unpack[About]) -> Call[Answer]:
    """Give back what a hold has set aside.

    Raises:
        HoldClosed: it was captured, released or timed out before.
    """
    return change("POST", f"/holds/{named(hold_id)}/release", {}, about)


def transfer(from_user: str, to_user: str, amount: int, **about: Unpack[AboutOwn]) -> Call[Answer]:
    """Move credits from one user to another; answers for the sender.

    Raises:
        InsufficientCredits: the sender has less.
    """
    return change(
        "POST", "/transfers", {"from_user_id": from_user, "to_user_id": to_user, "amount": amount}, about
    )


def reverse(
    entry_id: str, *, amount: int | None = None, allow_below_floor: bool = False, **about: Unpack[AboutShown]
) -> Call[Answer]:
    """Undo an entry, wholly or in part (scope `admin`).

    Raises:
        AlreadyReversed: with `reversed_by`.
        NotReversible: entries of this kind cannot be undone.
    """
    body = {"amount": amount, "allow_below_floor": allow_below_floor or None}
    return change("POST", f"/admin/entries/{named(entry_id)}/reverse", body, about)


def balance(user_id: str, *, unit: str = "credits") -> Call[Balance]:
    """Read one account.

    Raises:
        NotFound: nobody has been granted anything under that id.
    """
    return Call("GET", f"/users/{named(user_id)}/balance", Balance.read, query={"unit": unit})


def history(  # noqa: PLR0913 - filters, all of them optional
    user_id: str,
    *,
    unit: str | None = None,
    kinds: Collection[str] | None = None,
    before: str | None = None,
    after: str | None = None,
    limit: int = 50,
    since: datetime | None = None,
    until: datetime | None = None,
    actor: str | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> Call[Page[Entry]]:
    """Read a page of a user's entries, the newest first; `each` reads all pages.

    Args:
        user_id: whose.
        unit: of one account only.
        kinds: of these kinds only.
        before: a page's `previous` cursor: the entries just before it in the list.
        after: a page's `next` cursor: the entries just after it.
        limit: 1–200 items.
        since: only entries from then on.
        until: only entries before then.
        actor: only what `kind:id` asked for.
        metadata: only entries with this one value, compared as text.

    Raises:
        NotFound: nobody has this id.
    """
    return page_of(
        Entry.read, f"/users/{named(user_id)}/history", unit=unit, kind=listed(kinds), before=before, after=after,
        limit=limit, since=since, until=until, actor=actor, metadata=_pair(metadata),
    )  # fmt: skip


def export_history(
    user_id: str,
    *,
    format: str = "csv",  # noqa: A002 - as the interface calls it
    unit: str | None = None,
    kinds: Collection[str] | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Download:
    """A user's entries as a file, `csv` or `ndjson`; the trail keeps who took it."""
    query = {"format": format, "unit": unit, "kind": listed(kinds), "since": since, "until": until}
    return Download(f"/users/{named(user_id)}/history", texts(query))


def _pair(metadata: Mapping[str, Any] | None) -> str | None:
    if not metadata:
        return None
    if len(metadata) > 1:
        raise ValueError("one name and value at a time")
    ((name, value),) = metadata.items()
    return f"{name}:{value}"


def holds(
    user_id: str,
    *,
    unit: str | None = None,
    state: str | None = "open",
    before: str | None = None,
    after: str | None = None,
    limit: int = 50,
) -> Call[Page[Hold]]:
    """Read holds: the open ones, or those of another `state` (`captured`, `released`); None gives them all."""
    return page_of(
        Hold.read, f"/users/{named(user_id)}/holds", unit=unit, state=state or "all", before=before, after=after,
        limit=limit,
    )  # fmt: skip


def check(user_id: str, amount: int, *, unit: str = "credits") -> Call[bool]:
    """Whether the user can afford `amount` right now. Only `spend` or `hold` makes sure."""
    body = {"amount": amount, "unit": unit}
    return Call(
        "POST", f"/users/{named(user_id)}/check", lambda answer: bool(answer["affordable"]), body=body
    )


def token(user_id: str, *, ttl_s: int = 900) -> Call[Token]:
    """Mint a screen token for one user's browser (scope `tokens`). Creates a user that is not known yet.

    Args:
        user_id: who is signed in at your app.
        ttl_s: how long it is good, at most 3600 seconds; the SDK asks for the next one in time.
    """
    return Call("POST", "/tokens", Token.read, body={"user_id": user_id, "ttl_s": ttl_s})


def revoke_tokens(user_id: str) -> Call[None]:
    """End all of a user's screen tokens; their screens close within five seconds (scope `tokens`)."""
    return Call("DELETE", f"/users/{named(user_id)}/tokens", nothing, changes=True)
