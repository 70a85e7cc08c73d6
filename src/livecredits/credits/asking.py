"""From what a caller writes to a `Change`: checked, complete, and with the digest that its idempotency key stands for.

Promises: a change that leaves here has ids, texts and amounts within their ranges (else `Invalid`, 422, naming the
field), and the same request always gives the same `content`. Must not know of accounts or databases.

The odd thing: whoever builds a `Change` elsewhere (the HTTP routes do) passes through `checked` as well, because this
is the last edge before the ledger.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any, TypedDict

from livecredits.core.amounts import bad_field, positive, whole
from livecredits.core.chain import canonical, flat
from livecredits.core.changes import (
    LIBRARY,
    Actor,
    Adjust,
    Capture,
    Change,
    Fulfil,
    Grant,
    Hold,
    Redeem,
    Refund,
    Release,
    Reverse,
    Set,
    Spend,
    Transfer,
)
from livecredits.core.lots import Terms
from livecredits.errors import NotFound
from livecredits.storage.people import UserEdit

TTL_S_MOST = 2_592_000
METADATA_LENGTH_MAX = 16_384
TEXT_LENGTHS_MAX = {"reason": 1_000, "label": 200, "source": 100}
_USER_ID = re.compile(r"(?!\.{1,2}\Z)[^\x00-\x1f\x7f-\x9f/\ud800-\udfff]{1,128}")
_KEY = re.compile(r"[^\x00-\x1f\x7f-\x9f\ud800-\udfff]{1,255}")
_ID = re.compile(r"[a-z]{3}_[0-9a-f]{32}")
_ID_SHOWN = 64
_UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]")


class Common(TypedDict, total=False):
    """What every verb takes besides its own arguments.

    Attributes:
        unit: which of the user's accounts (`credits` by default).
        reason: why, for operators' eyes; at most 1,000 characters.
        label: what the user may read about it; at most 200 characters.
        metadata: the caller's own facts; a JSON object of at most 16,384 characters.
        key: the idempotency key, 1–255 characters; without one a repeated call is a second change.
        as_user: the key is the user's own browser's: it stands among that user's keys, and frames echo it.
        actor: who asks; the library itself by default.
        receipt: ask the screens to tell at once that they painted it.
        if_version: refuse (`version_mismatch`) unless the account is still at this version.
    """

    unit: str
    reason: str | None
    label: str | None
    metadata: Mapping[str, Any] | None
    key: str | None
    as_user: bool
    actor: Actor | None
    receipt: bool
    if_version: int | None


_COMMON = Common.__annotations__.keys()


def common_fields(user_id: str, common: Common) -> dict[str, Any]:
    """The fields of a `Change` that every verb shares.

    Raises:
        TypeError: the caller has named one that there is not.
    """
    if not common.keys() <= _COMMON:
        raise TypeError(f"unexpected arguments: {', '.join(sorted(common.keys() - _COMMON))}")
    metadata = common.get("metadata")
    as_user = common.get("as_user", False)
    if as_user and not user_id:
        raise bad_field("as_user", "needs a user; a hold or an entry does not say whose key it is")
    return {
        "user_id": user_id,
        "unit": common.get("unit", "credits"),
        "key": common.get("key"),
        "key_scope": f"user:{user_id}" if as_user else "service",
        "actor": common.get("actor") or LIBRARY,
        "reason": common.get("reason"),
        "label": common.get("label"),
        "metadata": None if metadata is None else metadata_text(metadata),
        "receipt": common.get("receipt", False),
        "if_version": common.get("if_version"),
    }


def grant_of(
    user_id: str,
    amount: int,
    expires_at: datetime | None,
    priority: int,
    source: str | None,
    common: Common,
) -> Grant:
    """The change that a grant asks for."""
    terms = Terms(priority, microseconds("expires_at", expires_at), source)
    return Grant(amount=amount, terms=terms, **common_fields(user_id, common))


def metadata_text(metadata: object) -> str:
    """Metadata as the ledger keeps it: canonical JSON."""
    if not isinstance(metadata, Mapping):
        raise bad_field("metadata", "must be an object")
    try:
        return canonical(metadata)
    except (TypeError, ValueError) as error:
        raise bad_field("metadata", f"must be JSON ({error})") from None


def microseconds(field: str, moment: object) -> int | None:
    """A moment as microseconds UTC; one without a zone is refused, since nobody knows when it is."""
    if moment is None:
        return None
    if not isinstance(moment, datetime) or moment.tzinfo is None:
        raise bad_field(field, "must be a datetime with a time zone")
    # Whole arithmetic: a float of seconds loses microseconds.
    since = moment.astimezone(UTC) - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


# --- checking ------------------------------------------------------------------------------------------------------


def checked(change: Change, units: Mapping[str, Any], *, has_checked_texts: bool = False) -> Change:
    """The change, if every field is in its range, with its `content` filled in.

    Args:
        change: what is asked.
        units: the units that there are, by name.
        has_checked_texts: reason and label are known to be fine; thousands of rows share them.

    Raises:
        Invalid: 422 `invalid`, naming the field.
    """
    check = _CHECKS.get(type(change))
    if check is None:
        raise bad_field("change", "is not one that can be asked for")
    check(change)
    if change.unit not in units:
        raise bad_field("unit", "is not a configured unit")
    if change.if_version is not None:
        whole("if_version", change.if_version, low=0)
    if not has_checked_texts:
        check_text("reason", change.reason)
        check_text("label", change.label)
    if change.metadata is not None:
        check_text("metadata", change.metadata, METADATA_LENGTH_MAX)
    if change.key is None:
        return change
    check_key(change.key)
    if not change.content:
        # The digest follows from the other fields, so filling it in changes nothing that a holder of it could see;
        # `replace` would make the whole change anew, for each one with a key.
        object.__setattr__(change, "content", content_of(change))
    return change


def check_key(key: str | None) -> None:
    """Refuse what cannot be an idempotency key; None is none."""
    if key is not None:
        check_match(_KEY, "key", key, "must have 1–255 characters without control characters")


def check_user_id(field: str, user_id: object) -> None:
    """Refuse what cannot be a user's id: the host's own, 1–128 characters, compared exactly."""
    # Not by `check_match`: every change comes this way.
    if not isinstance(user_id, str) or not _USER_ID.fullmatch(user_id):
        raise bad_field(field, "must have 1–128 characters without '/' and control characters")


def check_match(pattern: re.Pattern[str], field: str, value: object, rule: str) -> None:
    """Refuse what is no text of this pattern."""
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise bad_field(field, rule)


def check_text(field: str, text: object, length_max: int | None = None) -> None:
    """Refuse a text that is too long, or that a database cannot hold (NUL, half a surrogate pair)."""
    if text is None:
        return
    length_max = length_max or TEXT_LENGTHS_MAX[field]
    if not isinstance(text, str) or len(text) > length_max or _UNSTORABLE.search(text):
        raise bad_field(field, f"must be text of at most {length_max} characters")


def check_edit(edit: UserEdit) -> None:
    """Refuse what cannot stand in a user's or an account's row."""
    for field, text in edit.given("name", "email").items():
        check_text(field, text, 254)
    for metadata in edit.given("metadata").values():
        if metadata is not None:
            check_text("metadata", metadata_text(metadata), METADATA_LENGTH_MAX)
    for floor in edit.given("floor").values():
        if floor is not None:
            whole("floor", floor, high=0)
    for threshold in edit.given("low_threshold").values():
        if threshold is not None:
            whole("low_threshold", threshold)
    if any(not isinstance(frozen, bool) for frozen in edit.given("frozen").values()):
        raise bad_field("frozen", "must be true or false")
    if any(not isinstance(receipts, bool) for receipts in edit.given("receipts").values()):
        raise bad_field("receipts", "must be true or false")
    check_text("reason", edit.reason)


def _check_amount(change: Grant | Spend | Hold | Transfer) -> None:
    check_user_id("user_id", change.user_id)
    positive("amount", change.amount)


def _check_grant(change: Grant) -> None:
    _check_amount(change)
    terms = change.terms
    whole("priority", terms.priority, low=-1_000_000, high=1_000_000)
    check_text("source", terms.source)


def _check_adjust(change: Adjust) -> None:
    check_user_id("user_id", change.user_id)
    if whole("amount", change.amount) == 0:
        raise bad_field("amount", "must not be zero")


def _check_set(change: Set) -> None:
    check_user_id("user_id", change.user_id)
    whole("credits", change.credits)


def _check_hold(change: Hold) -> None:
    _check_amount(change)
    whole("ttl_s", change.ttl_s, low=1, high=TTL_S_MOST)


def _check_transfer(change: Transfer) -> None:
    _check_amount(change)
    check_user_id("to_user_id", change.to_user_id)


def _check_id(noun: str, id: object) -> None:
    """Refuse what is no text, and answer what cannot be an id as one that there is not."""
    if not isinstance(id, str):
        raise bad_field(f"{noun}_id", "must be text")
    if not _ID.fullmatch(id):
        raise NotFound(f"There is no {noun} {id[:_ID_SHOWN]}.")


def _check_capture(change: Capture) -> None:
    _check_id("hold", change.hold_id)
    if change.amount is not None:
        positive("amount", change.amount)


def _check_release(change: Release) -> None:
    _check_id("hold", change.hold_id)


def _check_reverse(change: Reverse) -> None:
    _check_id("entry", change.entry_id)
    if change.amount is not None:
        positive("amount", change.amount)


def _check_redeem(change: Redeem) -> None:
    check_user_id("user_id", change.user_id)
    check_text("address", change.address, 64)


def _check_fulfil(change: Fulfil) -> None:
    _check_id("order", change.order_id)
    check_text("fulfilled_by", change.fulfilled_by, 200)
    check_text("note", change.note, 1_000)


def _check_refund(change: Refund) -> None:
    _check_id("order", change.order_id)
    if change.spent not in ("refuse", "left", "below_floor"):
        raise bad_field("spent", "must be refuse, left or below_floor")


_CHECKS: Mapping[type[Change], Any] = {
    Adjust: _check_adjust, Set: _check_set, Grant: _check_grant, Spend: _check_amount, Hold: _check_hold,
    Capture: _check_capture, Release: _check_release, Reverse: _check_reverse, Transfer: _check_transfer,
    Redeem: _check_redeem, Fulfil: _check_fulfil, Refund: _check_refund,
}  # fmt: skip


# --- content -------------------------------------------------------------------------------------------------------

_NOT_ASKED = frozenset(
    {"key", "key_scope", "content", "actor", "receipt", "audit", "limit", "digest", "address"}
)
"""Fields that say who asks and how, not what is asked."""


_ASKED: Mapping[type[Change], tuple[str, ...]] = {
    kind: tuple(field.name for field in fields(kind) if field.name not in _NOT_ASKED) for kind in _CHECKS
}


def content_of(change: Change) -> str:
    """A digest of what a change asks for, the same for the same request in any process."""
    kind = type(change)
    asked: dict[str, Any] = {"change": kind.__name__}
    for name in _ASKED[kind]:
        value = getattr(change, name)
        if isinstance(value, Terms):
            value = [value.priority, value.expires_at_us, value.source]
        asked[name] = value
    return hashlib.sha256(flat(asked).encode()).hexdigest()
