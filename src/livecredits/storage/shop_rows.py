"""What is written about packages, orders, campaigns and codes beside the ledger, and the erasure of a person.

Promises: each function writes its audit row in the same transaction (users' own orders are no operator's deed and
leave none), and tells which lists have changed; what may only happen once happens by a conditional statement, never
by looking first. Must be called on the writer (`Writer.ask`). Credits are not moved here: `core.ledger` does that.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, Table, Text, bindparam, delete, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from livecredits.core.amounts import require_future
from livecredits.core.chain import canonical
from livecredits.core.changes import LIBRARY, Actor
from livecredits.core.draft import Refuse
from livecredits.core.orders import require_pending
from livecredits.core.rows import OrderRow
from livecredits.errors import (
    CodeTaken,
    Conflict,
    NotFound,
    PackageChanged,
    PackageOrdered,
    VoucherUsed,
    from_code,
)
from livecredits.storage import audit, shop_pages
from livecredits.storage.dialects import is_taken
from livecredits.storage.handover import Told
from livecredits.storage.ids import new_id
from livecredits.storage.reads import require_user
from livecredits.storage.schema import audit as trail
from livecredits.storage.schema import (
    campaign_users,
    campaigns,
    orders,
    packages,
    redemptions,
    users,
    vouchers,
)
from livecredits.storage.shop_views import Package, VoucherView

NOBODY = ""
"""Whose lists have changed where it concerns operators alone."""
CODES_AT_ONCE = 500
"""Codes in one transaction: changes wait for it, and this takes about as long as a full batch of them."""
_ERASED = canonical({"erased": True})
_is_left = (vouchers.c.max_redemptions.is_(None)) | (vouchers.c.redemptions < vouchers.c.max_redemptions)


@dataclass(frozen=True, slots=True)
class Deed:
    """Who does something beside the ledger, and why, as the audit trail tells it."""

    actor: Actor = LIBRARY
    reason: str | None = None


def _told(result: Any, *names: str, user_id: str = NOBODY, newcomers: frozenset[str] = frozenset()) -> Told:
    return Told(result, [], {user_id: {*names, "audit"}}, newcomers)


# --- packages ------------------------------------------------------------------------------------------------------


def put_package(
    connection: Connection, package_id: str | None, fields: Mapping[str, Any], deed: Deed, now_us: int
) -> Told:
    """Make a package, or replace its fields; where nothing differs, nothing is written."""
    values = {**fields, "active": int(fields["active"]), "updated_at_us": now_us}
    before = None
    if package_id is None:
        package_id = new_id("pkg", now_us)
        connection.execute(insert(packages), {"id": package_id, "created_at_us": now_us, **values})
    else:
        former = shop_pages.package(connection, package_id)
        before = _package_fields(former)
        if before == {name: fields.get(name, before[name]) for name in before}:
            return Told(former, [], {})
        connection.execute(update(packages).where(packages.c.id == package_id).values(values))
    package = shop_pages.package(connection, package_id)
    after = _package_fields(package)
    changed = [name for name in after if before is None or after[name] != before[name]]
    audit.record(
        connection, at_us=now_us, actor=deed.actor, action="package.added" if before is None else "package.changed",
        target=package_id, reason=deed.reason,
        before=None if before is None else {name: before[name] for name in changed},
        after={name: after[name] for name in changed},
    )  # fmt: skip
    return _told(package, "orders", "packages")


def _package_fields(package: Package) -> dict[str, Any]:
    return {
        **package.snapshot(), "active": package.active, "position": package.position,
        "description": package.description,
    }  # fmt: skip


def delete_package(connection: Connection, package_id: str, deed: Deed, now_us: int) -> Told:
    """Remove a package that nobody has ordered."""
    package = shop_pages.package(connection, package_id)
    ordered = select(orders.c.id).where(orders.c.package_id == package_id).exists()
    gone = connection.execute(delete(packages).where(packages.c.id == package_id, ~ordered)).rowcount
    if not gone:
        raise PackageOrdered("The package has been ordered; deactivate it instead.", package=package_id)
    audit.record(
        connection, at_us=now_us, actor=deed.actor, action="package.deleted", target=package_id, reason=deed.reason,
        before=_package_fields(package),
    )  # fmt: skip
    return _told(None, "orders", "packages")


# --- orders --------------------------------------------------------------------------------------------------------


def add_order(
    connection: Connection, order_id: str, user_id: str, package_id: str, fields: Mapping[str, Any],
    shown: Mapping[str, Any] | None, actor: Actor, now_us: int,
) -> frozenset[str]:  # fmt: skip
    """Write a pending order with its package as it is now; gives the user back who was made for it.

    Nobody orders at a price that they were not shown: where the package is not as in `shown`, the order is refused.
    """
    package = shop_pages.package(connection, package_id)
    if not package.active:
        raise NotFound(f"There is no package {package_id}.")
    if any(getattr(package, name) != value for name, value in (shown or {}).items()):
        raise PackageChanged("The package has changed; look at it again.", package=package.as_json())
    newcomers = make_user(connection, user_id, now_us)
    connection.execute(
        insert(orders),
        {
            "id": order_id, "user_id": user_id, "package_id": package_id, "package": canonical(package.snapshot()),
            "unit": package.unit, "credits": package.credits, "validity_s": package.validity_s, "state": "pending",
            "created_by": str(actor), "created_at_us": now_us, **fields,
        },
    )  # fmt: skip
    if actor.kind != "user":
        audit.record(
            connection, at_us=now_us, actor=actor, action="order.placed", target=user_id,
            details={"order": order_id, "package": package_id},
        )  # fmt: skip
    return newcomers


_USER = select(users.c.user_id).where(users.c.user_id == bindparam("user_id"))


def make_user(connection: Connection, user_id: str, now_us: int) -> frozenset[str]:
    """Make a user who is unknown; gives back who was made, to be told as `Told.newcomers`."""
    if connection.execute(_USER, {"user_id": user_id}).first() is not None:
        return frozenset()
    connection.execute(insert(users), {"user_id": user_id, "created_at_us": now_us, "updated_at_us": now_us})
    return frozenset({user_id})


_CANCEL = (
    update(orders)
    .where(
        orders.c.id == bindparam("order_id"),
        orders.c.state == "pending",
        orders.c.user_id == func.coalesce(bindparam("owner", type_=Text), orders.c.user_id),
    )
    .values(
        state="cancelled",
        cancelled_at_us=bindparam("at_us"),
        cancelled_by=bindparam("by"),
        cancel_reason=bindparam("why"),
    )
)


def cancel_order(connection: Connection, order_id: str, user_id: str | None, deed: Deed, now_us: int) -> Told:
    """Close a pending order; one that is cancelled stays as it is, and whoever brings another reason is told so."""
    cancelled = connection.execute(
        _CANCEL,
        {
            "order_id": order_id,
            "owner": user_id or None,
            "at_us": now_us,
            "by": str(deed.actor),
            "why": deed.reason,
        },
    ).rowcount
    order = shop_pages.order(connection, order_id)
    if user_id is not None and order.user_id != user_id:
        raise NotFound(f"There is no order {order_id}.")
    if not cancelled:
        if order.state != "cancelled" or deed.reason not in (None, order.cancel_reason):
            _refuse_closed(order_id, order, for_user=deed.actor.kind == "user")
        return Told(order, [], {})
    if deed.actor.kind != "user":
        audit.record(
            connection, at_us=now_us, actor=deed.actor, action="order.cancelled", target=order.user_id,
            reason=deed.reason,
            before={"state": "pending"}, after={"state": "cancelled"}, details={"order": order_id},
        )  # fmt: skip
    return _told(order, "orders", user_id=order.user_id)


def _refuse_closed(order_id: str, order: Any, *, for_user: bool) -> None:
    row = OrderRow(
        order_id, order.user_id, "", 0, None, order.state, order.entry_id, order.fulfilled_at_us, order.fulfilled_by
    )  # fmt: skip
    try:
        require_pending(row, for_user=for_user)
    except Refuse as refuse:
        refusal = refuse.refusal
        raise from_code(refusal.code, refusal.detail, refusal.extra) from None


# --- campaigns -----------------------------------------------------------------------------------------------------


def add_campaign(
    connection: Connection, campaign_id: str, fields: Mapping[str, Any], allowed: Sequence[str] | None, deed: Deed,
    now_us: int,
) -> None:  # fmt: skip
    """Write a campaign without its codes."""
    values = {**fields, "listed": int(allowed is not None), "welcome": int(fields["welcome"])}
    connection.execute(
        insert(campaigns),
        {"id": campaign_id, "created_by": str(deed.actor), "created_at_us": now_us, **values},
    )
    if allowed:
        rows = [{"campaign_id": campaign_id, "user_id": user_id} for user_id in sorted(set(allowed))]
        connection.execute(insert(campaign_users), rows)
    audit.record(
        connection, at_us=now_us, actor=deed.actor, action="campaign.added", target=campaign_id, reason=deed.reason,
        after=dict(fields), details=None if allowed is None else {"allowed_users": len(allowed)},
    )  # fmt: skip


def add_codes(
    connection: Connection, campaign_id: str, codes: Sequence[tuple[str, str, str]], now_us: int
) -> Told:
    """Write as many of these codes (id, code, digest) as the campaign still lacks; tells how many it lacks then.

    Two callers that finish the same campaign at the same time take turns on the writer, so neither makes too many.
    """
    row = connection.execute(select(campaigns).where(campaigns.c.id == campaign_id)).one()
    count = select(func.count()).select_from(vouchers).where(vouchers.c.campaign_id == campaign_id)
    made = connection.execute(count).scalar_one()
    values = [
        {
            "id": id, "campaign_id": campaign_id, "position": position, "code": code, "digest": digest,
            "max_redemptions": row.max_per_code, "redemptions": 0, "created_by": row.created_by,
            "created_at_us": now_us, "updated_at_us": now_us,
        }
        for position, (id, code, digest) in enumerate(codes[: row.codes - made], made)
    ]  # fmt: skip
    if values:
        _insert_codes(connection, values)
    return Told(row.codes - made - len(values), [], {NOBODY: {"vouchers"}})


def _insert_codes(connection: Connection, values: Sequence[Mapping[str, Any]]) -> None:
    try:
        connection.execute(insert(vouchers), [dict(one) for one in values])
    except IntegrityError as error:
        if not is_taken(error, "vouchers", "digest"):
            raise
        raise CodeTaken("Another voucher has this code.") from None


def revoke_rest(connection: Connection, campaign_id: str, deed: Deed, now_us: int) -> Told:
    """Withdraw every code of a campaign that could still pay; what it still lacks is not made any more."""
    row = connection.execute(select(campaigns.c.id).where(campaigns.c.id == campaign_id)).first()
    if row is None:
        raise NotFound(f"There is no campaign {campaign_id}.")
    revoked = connection.execute(
        update(vouchers)
        .where(vouchers.c.campaign_id == campaign_id, vouchers.c.revoked_at_us.is_(None), _is_left)
        .values(revoked_at_us=now_us, updated_at_us=now_us)
    ).rowcount
    made = select(func.count()).select_from(vouchers).where(vouchers.c.campaign_id == campaign_id)
    connection.execute(
        update(campaigns).where(campaigns.c.id == campaign_id).values(codes=made.scalar_subquery())
    )
    audit.record(
        connection, at_us=now_us, actor=deed.actor, action="campaign.revoked", target=campaign_id,
        reason=deed.reason, details={"codes": revoked},
    )  # fmt: skip
    return _told(revoked, "vouchers")


# --- single codes --------------------------------------------------------------------------------------------------


def add_voucher(
    connection: Connection, voucher_id: str, fields: Mapping[str, Any], deed: Deed, now_us: int
) -> None:
    """Write a single voucher."""
    _insert_codes(
        connection,
        [
            {
                "id": voucher_id, "max_redemptions": 1, "redemptions": 0, "created_by": str(deed.actor),
                "created_at_us": now_us, "updated_at_us": now_us, **fields,
            }
        ],
    )  # fmt: skip
    shown = {name: fields[name] for name in ("amount", "unit", "user_id", "ends_at_us")}
    audit.record(
        connection, at_us=now_us, actor=deed.actor, action="voucher.added", target=voucher_id, reason=deed.reason,
        after=shown,
    )  # fmt: skip


def put_voucher(
    connection: Connection, voucher_id: str, values: Mapping[str, Any], deed: Deed, now_us: int
) -> Told:
    """Change a single voucher that nobody has redeemed; where nothing differs, nothing is written."""
    before = shop_pages.voucher(connection, voucher_id, now_us)
    former = {"amount": before.amount, "ends_at_us": before.expires_at_us}
    values = {name: value for name, value in values.items() if value != former[name]}
    require_future("expires_at", values.get("ends_at_us"), now_us)
    if not values and before.campaign_id is None and not before.redemptions:
        return Told(before, [], {})
    changed = connection.execute(
        update(vouchers).where(*_unused(voucher_id)).values(updated_at_us=now_us, **values)
    ).rowcount
    if not changed:
        raise _why_not(before)
    audit.record(
        connection, at_us=now_us, actor=deed.actor, action="voucher.changed", target=voucher_id, reason=deed.reason,
        before={name: former[name] for name in values}, after=dict(values),
    )  # fmt: skip
    after = shop_pages.voucher(connection, voucher_id, now_us)
    return _told(after, "vouchers", user_id=before.user_id or NOBODY)


def delete_voucher(connection: Connection, voucher_id: str, deed: Deed, now_us: int) -> Told:
    """Remove a single voucher that nobody has redeemed."""
    before = shop_pages.voucher(connection, voucher_id, now_us)
    if not connection.execute(delete(vouchers).where(*_unused(voucher_id))).rowcount:
        raise _why_not(before)
    shown = {"amount": before.amount, "unit": before.unit, "user_id": before.user_id}
    audit.record(
        connection, at_us=now_us, actor=deed.actor, action="voucher.deleted", target=voucher_id, reason=deed.reason,
        before=shown,
    )  # fmt: skip
    return _told(None, "vouchers", user_id=before.user_id or NOBODY)


def _unused(voucher_id: str) -> tuple[Any, ...]:
    return (vouchers.c.id == voucher_id, vouchers.c.redemptions == 0, vouchers.c.campaign_id.is_(None))


def _why_not(voucher: VoucherView) -> Conflict:
    if voucher.campaign_id is not None:
        return Conflict("The code belongs to a campaign; it can be revoked.", campaign=voucher.campaign_id)
    return VoucherUsed("The voucher has been used.", voucher=voucher.voucher, redeemed_by=voucher.redeemed_by)


def revoke_code(connection: Connection, voucher_id: str, deed: Deed, now_us: int) -> Told:
    """Withdraw one code that can still pay; again: nothing happens."""
    before = shop_pages.voucher(connection, voucher_id, now_us)
    revoked = connection.execute(
        update(vouchers)
        .where(vouchers.c.id == voucher_id, vouchers.c.revoked_at_us.is_(None), _is_left)
        .values(revoked_at_us=now_us, updated_at_us=now_us)
    ).rowcount
    if not revoked and before.state == "used":
        raise VoucherUsed(
            "The code has paid all that it can.", voucher=voucher_id, redeemed_by=before.redeemed_by
        )
    if not revoked:
        return Told(before, [], {})
    audit.record(
        connection, at_us=now_us, actor=deed.actor, action="voucher.revoked", target=voucher_id, reason=deed.reason,
        before={"state": before.state}, after={"state": "revoked"},
    )  # fmt: skip
    return _told(
        shop_pages.voucher(connection, voucher_id, now_us), "vouchers", user_id=before.user_id or NOBODY
    )


# --- people --------------------------------------------------------------------------------------------------------

_PERSONAL = frozenset({"name", "email", "metadata"})
_WORDS_OF_ORDERS = ("billing", "purchase_reference", "metadata", "note", "claimed_by", "cancel_reason")
"""What people wrote into an order or about it."""
_WORDS_OF_DETAILS = ("fulfilled_by", "note")
"""The same in the audit rows of orders; the trigger knows these names too."""


def erase(connection: Connection, user_id: str, deed: Deed, now_us: int) -> Told:
    """Empty every field that holds a person's data, and end their screen tokens; the id and the entries stay.

    Again: what has come since goes too. Where nothing has, nobody's deed is written down a second time.
    """
    require_user(connection, user_id)
    emptied = {
        "users": _empty(connection, users, user_id, _PERSONAL),
        "orders": _empty(connection, orders, user_id, _WORDS_OF_ORDERS),
        "redemptions": _empty(connection, redemptions, user_id, ("address",)),
        "audit": _erase_trail(connection, user_id),
    }
    connection.execute(
        update(users)
        .where(users.c.user_id == user_id)
        .values(
            updated_at_us=now_us, tokens_valid_from_us=now_us, token_generation=users.c.token_generation + 1
        )
    )
    was_erased = select(trail.c.id).where(trail.c.target == user_id, trail.c.action == "user.erased")
    if any(emptied.values()) or connection.execute(was_erased.limit(1)).first() is None:
        audit.record(
            connection, at_us=now_us, actor=deed.actor, action="user.erased", target=user_id, reason=deed.reason,
            details=emptied,
        )  # fmt: skip
    lists = {user_id: {"users", "orders", "vouchers", "audit"}}
    return Told(emptied, [], lists, signed_out=frozenset({user_id}), is_erasure=True)


def _empty(connection: Connection, table: Table, user_id: str, names: Collection[str]) -> int:
    """Empty these columns of a person's rows; tells in how many rows something stood."""
    filled = or_(*(table.c[name].is_not(None) for name in names))
    emptying = update(table).where(table.c.user_id == user_id, filled).values(dict.fromkeys(names))
    return connection.execute(emptying).rowcount


def _erase_trail(connection: Connection, user_id: str) -> int:
    """Empty what the audit trail kept of a person and of their orders; a trigger lets nothing else pass."""
    about = or_(trail.c.action.startswith("user."), trail.c.action.startswith("order."))
    mine = connection.execute(
        select(trail).where(trail.c.target == user_id, trail.c.action != "user.erased", about)
    ).all()
    emptied = 0
    for row in mine:
        values = _without_words(row)
        if values:
            connection.execute(update(trail).where(trail.c.id == row.id).values(reason=None, **values))
            emptied += 1
    return emptied


def _without_words(row: Row[Any]) -> dict[str, Any]:
    """What is to be written over an audit row; empty where nothing in it is personal."""
    if (
        row.action.startswith("user.")
        and (_fields(row.before).keys() | _fields(row.after).keys()) & _PERSONAL
    ):
        return {"before": None, "after": None, "details": _ERASED}
    details = _fields(row.details)
    left = {name: value for name, value in details.items() if name not in _WORDS_OF_DETAILS}
    if row.reason is None and left == details:
        return {}
    return {"details": None if row.details is None else canonical(left)}


def _fields(text: str | None) -> dict[str, Any]:
    return json.loads(text) if text else {}
