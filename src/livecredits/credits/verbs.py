"""The verbs of `Credits`, each written once: from a verb's arguments to the change, or to the question, that it means.

Promises: what a verb is called, takes and raises here is what it is in `Credits` and in `credits.sync`; both classes
lift it, so its docstring is theirs. Must not know of event loops and threads, nor of HTTP.

The odd thing: a verb does nothing yet. It gives a `Change`, which the classes have decided; an `Ask`, which they put to
the opened ledger in the thread that is right for them; or what is `Queued` there. `shop_verbs` and `batch_verbs` have
the others.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Future
from datetime import datetime
from typing import Any, Concatenate, Literal, ParamSpec, TypeVar, Unpack

from livecredits.core.changes import (
    LIBRARY,
    Actor,
    Adjust,
    Capture,
    Change,
    Hold,
    Release,
    Reverse,
    Set,
    Spend,
    Transfer,
)
from livecredits.core.rows import AccountState
from livecredits.credits.asking import Common, common_fields, grant_of, microseconds
from livecredits.credits.opened import Opened, Unit
from livecredits.storage.pages import HistoryFilter, Slice, UserFilter
from livecredits.storage.people import UNTOUCHED, UserEdit
from livecredits.storage.verify import Progress, VerifyReport
from livecredits.storage.views import Balance, HistoryEntry, HoldView, Page, UserDetail, UserRow

P = ParamSpec("P")
T = TypeVar("T")
M = TypeVar("M", bound=Callable[..., Any])
Ask = Callable[[Opened], T]
"""What an opened ledger is asked; it waits for the disk."""
Queued = Callable[[Opened], Future[T]]
"""What is long, and waits for its turn in a queue of its own."""


def method_of(verb: Callable[..., Any]) -> Callable[[M], M]:
    """Dress a method as the verb that it lifts: name, docstring, and the verb's signature behind `self`."""

    def dress(method: M) -> M:
        functools.update_wrapper(method, verb)
        signature = inspect.signature(verb)
        itself = inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY)
        # `functools.wraps` alone would show the verb's first argument as the one that a bound method hides.
        shown = signature.replace(parameters=[itself, *signature.parameters.values()])
        method.__signature__ = shown  # type: ignore[attr-defined]
        return method

    return dress


def ask(what: Callable[Concatenate[Opened, P], T], *args: P.args, **kwargs: P.kwargs) -> Ask[T]:
    """A method of the opened ledger, with what it is given."""
    return lambda opened: what(opened, *args, **kwargs)


# --- changes ---------------------------------------------------------------------------------------------------


def grant(
    user_id: str,
    amount: int,
    *,
    expires_at: datetime | None = None,
    priority: int = 0,
    source: str | None = None,
    **common: Unpack[Common],
) -> Change:
    """Add credits as a lot of their own; the first grant makes an unknown user.

    Args:
        user_id: whose account; 1–128 characters.
        amount: credits in the unit's smallest part, 1 … 2^53 − 1.
        expires_at: when what is left of them ends; None for never.
        priority: low numbers burn first.
        source: where they come from, for operators.
        common: see `asking.Common`.
    """
    return grant_of(user_id, amount, expires_at, priority, source, common)


def spend(user_id: str, amount: int, *, allow_below_floor: bool = False, **common: Unpack[Common]) -> Change:
    """Take credits, lots in burn order; raises `InsufficientCredits` below the floor."""
    fields = common_fields(user_id, common)
    return Spend(amount=amount, allow_below_floor=allow_below_floor, **fields)


def adjust(user_id: str, amount: int, *, allow_below_floor: bool = False, **common: Unpack[Common]) -> Change:
    """Add credits, or take them where `amount` is negative."""
    fields = common_fields(user_id, common)
    return Adjust(amount=amount, allow_below_floor=allow_below_floor, **fields)


def set_credits(user_id: str, credits: int, **common: Unpack[Common]) -> Change:
    """Make the available credits equal to `credits`; with `if_version` only if nothing has happened since."""
    return Set(credits=credits, **common_fields(user_id, common))


def hold(user_id: str, amount: int, *, ttl_s: int = 900, **common: Unpack[Common]) -> Change:
    """Set credits aside for `ttl_s` seconds (1 … 2,592,000); `answer.hold` names the hold."""
    return Hold(amount=amount, ttl_s=ttl_s, **common_fields(user_id, common))


def capture(hold_id: str, amount: int | None = None, **common: Unpack[Common]) -> Change:
    """Spend what a hold has set aside, all or `amount` of it; the rest is released."""
    return Capture(hold_id=hold_id, amount=amount, **common_fields("", common))


def release(hold_id: str, **common: Unpack[Common]) -> Change:
    """Give back what a hold has set aside."""
    return Release(hold_id=hold_id, **common_fields("", common))


def transfer(from_user: str, to_user: str, amount: int, **common: Unpack[Common]) -> Change:
    """Move credits to another user, lots with their terms; the answer is the sender's."""
    return Transfer(to_user_id=to_user, amount=amount, **common_fields(from_user, common))


def reverse(
    entry_id: str,
    *,
    amount: int | None = None,
    allow_below_floor: bool = False,
    **common: Unpack[Common],
) -> Change:
    """Undo an entry, whole or `amount` of it, once."""
    fields = common_fields("", common)
    return Reverse(entry_id=entry_id, amount=amount, allow_below_floor=allow_below_floor, **fields)


# --- reading ---------------------------------------------------------------------------------------------------


def balance(user_id: str, *, unit: str = "credits") -> Ask[Balance]:
    """An account as it is now. Raises `NotFound` for an unknown user or unit."""
    return ask(Opened.balance, user_id, unit)


def check(user_id: str, amount: int, *, unit: str = "credits") -> Ask[bool]:
    """Whether a spend of `amount` would pass now; only the spend itself is a promise."""
    return ask(Opened.check, user_id, amount, unit)


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
    audience: Literal["operator", "user"] = "operator",
) -> Ask[Page[HistoryEntry]]:
    """A page of a user's entries, the newest first.

    Args:
        user_id: whose.
        unit: of which account; of all by default.
        kinds: only these kinds.
        before: a page's `previous`.
        after: a page's `next`.
        limit: entries on a page, at most 500.
        since: only entries from then on.
        until: only entries before then.
        actor: only what `kind:id` asked for.
        metadata: only entries with these values, compared as text.
        audience: `user` leaves reason, actor and metadata out of `as_json`.

    Raises:
        NotFound: nobody has this id.
        Malformed: the cursor is not one of this list.
    """
    asked = HistoryFilter(
        unit=unit, kinds=kinds, since_us=microseconds("since", since), until_us=microseconds("until", until),
        actor=actor, metadata=metadata,
    )  # fmt: skip
    part = Slice(before=before, after=after, limit=limit)
    return ask(Opened.history, user_id, asked, part, for_user=audience == "user")


def holds(
    user_id: str,
    *,
    unit: str | None = None,
    state: str | None = "open",
    before: str | None = None,
    after: str | None = None,
    limit: int = 50,
) -> Ask[Page[HoldView]]:
    """A page of a user's holds, the newest first; `state` None gives closed ones too."""
    return ask(Opened.holds, user_id, unit, state, Slice(before=before, after=after, limit=limit))


def states(user_ids: Sequence[str]) -> Ask[dict[str, list[AccountState]]]:
    """The live state of many users: every configured unit, version 0 where there is no account."""
    return ask(Opened.states, user_ids)


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
) -> Ask[Page[UserRow]]:
    """A page of users with their account of one unit, and how many there are in all.

    Args:
        search: part of an id, a name or an e-mail address.
        unit: whose balance is shown.
        sort: `user_id`, `name`, `credits` or `updated_at`; `-` in front turns it round.
        frozen: only frozen accounts, or only others.
        low: only accounts at or below their threshold, or only others.
        before: a page's `previous`.
        after: a page's `next`.
        limit: users on a page, at most 500.
    """
    asked = UserFilter(search=search, unit=unit, sort=sort, frozen=frozen, low=low)
    return ask(Opened.users, asked, Slice(before=before, after=after, limit=limit))


def user(user_id: str, *, unit: str = "credits") -> Ask[UserDetail]:
    """One user, with the lots of one account. Raises `NotFound` for an unknown user."""
    return ask(Opened.user, user_id, unit)


def verify(*, progress: Progress | None = None) -> Ask[VerifyReport]:
    """Re-add and re-hash the whole ledger.

    Args:
        progress: called in a thread with how many entries are done, and of how many.
    """
    return ask(Opened.verify, progress)


# --- what is no change of credits ------------------------------------------------------------------------------


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
    actor: Actor | None = None,
) -> Ask[UserDetail]:
    """Make a user, or change what is given; None empties a field, and a floor of None lends without end.

    At or below `low_threshold` available credits the account is marked as low; None goes by the unit's. `receipts`
    says whether the user's screens are asked what they painted.
    """
    edit = UserEdit(
        name=name, email=email, metadata=metadata, floor=floor, frozen=frozen, low_threshold=low_threshold,
        receipts=receipts, unit=unit, reason=reason, actor=actor or LIBRARY,
    )  # fmt: skip
    return ask(Opened.put_user, user_id, edit)


def put_unit(
    name: str,
    scale: int | None = None,
    *,
    low_threshold: int | None = UNTOUCHED,
    actor: Actor | None = None,
) -> Ask[Unit]:
    """Make a unit, or change with how many decimal places people see its amounts, and what is low.

    Args:
        name: which unit.
        scale: 0–9; None leaves it as it is, and makes a new unit with none.
        low_threshold: available credits at or below it are low; None marks none. By default it stays.
        actor: who asks.

    Raises:
        Conflict: 409, there are accounts in the unit, and its scale cannot change any more.
    """
    return ask(Opened.put_unit, name, scale, low_threshold, actor)
