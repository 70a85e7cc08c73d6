"""The shop's verbs: packages, orders, campaigns, vouchers, redemptions; each written once, see `calls`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, Literal, Unpack

from livecredits.client.call import (
    UNTOUCHED,
    AboutOrder,
    AboutOrderShown,
    AboutOwn,
    Call,
    Download,
    change,
    items_of,
    keyed,
    named,
    nothing,
    page_of,
    texts,
    time,
    told,
    touched,
)
from livecredits.client.results import Answer, Page
from livecredits.client.shop_results import (
    Billing,
    Campaign,
    Order,
    Package,
    Redemption,
    Voucher,
)

PACKAGES, ORDERS = "/admin/credits/packages", "/admin/credits/orders"
CAMPAIGNS, VOUCHERS = "/admin/campaigns", "/admin/vouchers"


# --- packages ------------------------------------------------------------------------------------------------------


def packages() -> Call[list[Package]]:
    """All packages in their order of display (scope `shop`)."""
    return items_of(Package.read, PACKAGES)


def put_package(  # noqa: PLR0913 - the fields of a package
    package_id: str | None = None,
    *,
    name: str,
    credits: int,
    unit: str = "credits",
    price_minor: int,
    currency: str,
    validity_s: int | None = None,
    active: bool = True,
    position: int = 0,
    description: str | None = None,
    key: str | None = None,
    reason: str | None = None,
) -> Call[Package]:
    """Make a package, or replace what stands in it; orders keep theirs as it was (scope `shop`).

    Args:
        package_id: which one; None makes one.
        name: 1–200 characters.
        credits: what it grants, 1 … 2^53 − 1.
        unit: of which unit.
        price_minor: the price in the currency's smallest part, 0 or more.
        currency: three capital letters, ISO 4217.
        validity_s: how long the credits last after fulfilment, in seconds; None for ever.
        active: whether it can be ordered.
        position: low numbers stand first.
        description: at most 2,000 characters.
        key: the idempotency key of making one; one is made where there is none, so that a retry makes no second.
        reason: why, for the audit trail.

    Raises:
        NotFound: there is no such package.
        KeyReused: the key belongs to another request.
    """
    body = {
        "name": name, "credits": credits, "unit": unit, "price_minor": price_minor, "currency": currency,
        "validity_s": validity_s, "active": active, "position": position, "description": description,
        "reason": reason,
    }  # fmt: skip
    if package_id is None:
        return Call("POST", PACKAGES, Package.read, body=body, headers=keyed(key), changes=True)
    return Call("PUT", f"{PACKAGES}/{named(package_id)}", Package.read, body=body, changes=True)


def delete_package(package_id: str, *, reason: str | None = None) -> Call[None]:
    """Remove a package that was never ordered; raises `PackageOrdered` else: deactivate it (scope `shop`)."""
    return Call(
        "DELETE", f"{PACKAGES}/{named(package_id)}", nothing, query=texts({"reason": reason}), changes=True
    )


# --- orders --------------------------------------------------------------------------------------------------------


def order(
    user_id: str,
    package_id: str,
    *,
    billing: Billing | None = None,
    purchase_reference: str | None = None,
    shown: Mapping[str, Any] | None = None,
    metadata: Mapping[str, Any] | None = None,
    key: str | None = None,
) -> Call[Order]:
    """Order a package for a user; an unknown user is made. The same key gives the same order (scope `shop`).

    Args:
        user_id: for whom.
        package_id: which package.
        billing: whom to bill.
        purchase_reference: the buyer's own, at most 200 characters.
        shown: what the buyer was shown: any of `credits`, `unit`, `price_minor`, `currency`, `validity_s`.
        metadata: yours, as JSON.
        key: the idempotency key.

    Raises:
        NotFound: there is no such package, or it is not active.
        PackageChanged: it is no longer as it was shown; `extra["package"]` tells how it is.
    """
    billed = None
    if billing is not None:
        names = ("organisation", "purchaser", "address", "email")
        billed = told({name: getattr(billing, name) for name in names})
    body = told(
        {
            "package_id": package_id, "billing": billed, "purchase_reference": purchase_reference,
            "metadata": metadata, "shown": shown,
        }
    )  # fmt: skip
    return Call(
        "POST", f"/users/{named(user_id)}/orders", Order.read, body=body, headers=keyed(key), changes=True
    )


def orders(
    user_id: str | None = None,
    *,
    state: str | None = None,
    search: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    before: str | None = None,
    after: str | None = None,
    limit: int = 50,
) -> Call[Page[Order]]:
    """Read a page of orders, the newest first; `search` looks in ids, users, references and billing (scope `shop`)."""
    return page_of(
        Order.read, ORDERS, user=user_id, state=state, q=search, since=since, until=until, before=before, after=after,
        limit=limit,
    )  # fmt: skip


def order_of(order_id: str) -> Call[Order]:
    """Read one order. Raises `NotFound` (scope `shop`)."""
    return Call("GET", _order(order_id), Order.read)


def cancel_order(order_id: str, *, reason: str | None = None, key: str | None = None) -> Call[Order]:
    """Close a pending order without fulfilling it (scope `shop`).

    Raises:
        AlreadyFulfilled, OrderClosed: it is too late.
    """
    body = told({"state": "cancelled", "reason": reason})
    return Call(
        "PATCH", f"{_order(order_id)}/status", Order.read, body=body, headers=keyed(key), changes=True
    )


def fulfil(
    order_id: str,
    *,
    fulfilled_by: str | None = None,
    note: str | None = None,
    **about: Unpack[AboutOrderShown],
) -> Call[Answer]:
    """Grant what a pending order has bought, once (scope `shop`).

    Args:
        order_id: which order.
        fulfilled_by: whom you name; kept as a claim beside the key.
        note: for operators.
        about: see `About`.

    Raises:
        AlreadyFulfilled: with `fulfilled_by`, `fulfilled_at` and `entry`.
        OrderClosed: with `state`.
    """
    body = {"fulfilled_by": fulfilled_by, "note": note}
    return change("POST", f"{_order(order_id)}/fulfill", body, about)


def refund(
    order_id: str,
    *,
    spent: Literal["refuse", "left", "below_floor"] = "refuse",
    **about: Unpack[AboutOrder],
) -> Call[Answer]:
    """Take back what a fulfilled order granted, once (scope `shop`).

    Args:
        order_id: which order.
        spent: where part of it is gone: `refuse`, take exactly what is `left` of it, or go `below_floor`.
        about: see `About`.

    Raises:
        OrderSpent: with `left` and `amount`.
        OrderNotFulfilled, OrderClosed: there is nothing to take back.
    """
    return change("POST", f"{_order(order_id)}/refund", {"spent": spent}, about)


def _order(order_id: str) -> str:
    return f"{ORDERS}/{named(order_id)}"


# --- campaigns -----------------------------------------------------------------------------------------------------


def create_campaign(  # noqa: PLR0913 - the fields of a campaign
    name: str,
    *,
    credits: int,
    unit: str = "credits",
    validity_s: int | None = None,
    starts_at: datetime | None = None,
    ends_at: datetime | None = None,
    max_per_code: int | None = UNTOUCHED,
    max_per_user: int | None = 1,
    allowed_users: Collection[str] | None = None,
    prefix: str | None = None,
    codes: int | None = None,
    word: str | None = None,
    label: str | None = None,
    welcome: bool = False,
    key: str | None = None,
    reason: str | None = None,
) -> Call[Campaign]:
    """Make a campaign and its codes (scope `shop`).

    Args:
        name: for operators, 1–200 characters.
        credits: what each redemption grants.
        unit: of which unit.
        validity_s: how long the credits last after redemption; None for ever.
        starts_at: from when codes can be redeemed.
        ends_at: until when; the moment itself is too late.
        max_per_code: how often one code pays; None without limit. By default 1, and no limit for a word.
        max_per_user: how often one user may redeem codes of the campaign; None without limit.
        allowed_users: nobody else may redeem; others are told that there is no such code.
        prefix: what generated codes begin with: 1–12 capital letters and digits.
        codes: how many codes to generate, 1 … 100,000; or
        word: the one code, chosen: 4–15 capital letters and digits (`WELCOME10`).
        label: what users read in their history.
        welcome: give it to every new user at the first appearance; needs a word, or one code.
        key: the idempotency key; repeated, it also finishes codes that were left unmade.
        reason: why, for the audit trail.

    Raises:
        CodeTaken: another voucher has this word.
    """
    body = told(
        {
            "name": name, "credits": credits, "unit": unit, "validity_s": validity_s, "starts_at": time(starts_at),
            "ends_at": time(ends_at), "prefix": prefix, "codes": codes, "word": word, "label": label,
            "allowed_users": None if allowed_users is None else list(allowed_users), "reason": reason,
        }
    )  # fmt: skip
    body |= {"welcome": welcome, "max_per_user": max_per_user, **touched(max_per_code=max_per_code)}
    return Call("POST", CAMPAIGNS, Campaign.read, body=body, headers=keyed(key), changes=True)


def campaigns(
    *, before: str | None = None, after: str | None = None, limit: int = 50
) -> Call[Page[Campaign]]:
    """Read a page of campaigns, the newest first, each with its funnel (scope `shop`)."""
    return page_of(Campaign.read, CAMPAIGNS, before=before, after=after, limit=limit)


def campaign(campaign_id: str) -> Call[Campaign]:
    """Read one campaign. Raises `NotFound` (scope `shop`)."""
    return Call("GET", f"{CAMPAIGNS}/{named(campaign_id)}", Campaign.read)


def campaign_codes(
    campaign_id: str,
    *,
    state: str | None = None,
    search: str | None = None,
    before: str | None = None,
    after: str | None = None,
    limit: int = 50,
) -> Call[Page[Voucher]]:
    """Read a page of a campaign's codes in the order in which they were made; `each` reads all (scope `shop`)."""
    return page_of(
        Voucher.read, f"{CAMPAIGNS}/{named(campaign_id)}/codes", state=state, q=search, before=before, after=after,
        limit=limit,
    )  # fmt: skip


def export_codes(campaign_id: str, *, state: str | None = None, search: str | None = None) -> Download:
    """A campaign's codes as a CSV file; the trail keeps who took it."""
    return Download(f"{CAMPAIGNS}/{named(campaign_id)}/codes.csv", texts({"state": state, "q": search}))


def revoke_code(voucher_id: str, *, reason: str | None = None) -> Call[Voucher]:
    """Withdraw one code, single or of a campaign; what it has paid stays. Again: nothing happens (scope `shop`).

    Raises:
        VoucherUsed: it has paid all that it can.
    """
    return Call(
        "POST", f"{VOUCHERS}/{named(voucher_id)}/revoke", Voucher.read, body=told({"reason": reason}), changes=True
    )  # fmt: skip


def revoke_rest(campaign_id: str, *, reason: str | None = None) -> Call[Campaign]:
    """Withdraw all codes of a campaign that can still pay (scope `shop`)."""
    body = told({"reason": reason})
    return Call("POST", f"{CAMPAIGNS}/{named(campaign_id)}/revoke", Campaign.read, body=body, changes=True)


# --- vouchers ------------------------------------------------------------------------------------------------------


def create_voucher(
    amount: int,
    *,
    unit: str = "credits",
    user_id: str | None = None,
    expires_at: datetime | None = None,
    code: str | None = None,
    key: str | None = None,
    reason: str | None = None,
) -> Call[Voucher]:
    """Make a single voucher, for anybody or one user; raises `CodeTaken` for a chosen code in use (scope `shop`)."""
    body = told(
        {
            "amount": amount, "unit": unit, "user_id": user_id, "expires_at": time(expires_at), "code": code,
            "reason": reason,
        }
    )  # fmt: skip
    return Call("POST", VOUCHERS, Voucher.read, body=body, headers=keyed(key), changes=True)


def put_voucher(
    voucher_id: str,
    *,
    amount: int = UNTOUCHED,
    expires_at: datetime | None = UNTOUCHED,
    reason: str | None = None,
) -> Call[Voucher]:
    """Change amount or expiry of a single voucher while it is unused; raises `VoucherUsed` else (scope `shop`)."""
    until = expires_at if expires_at is UNTOUCHED else time(expires_at)
    body = {**touched(amount=amount, expires_at=until), **told({"reason": reason})}
    return Call("PUT", f"{VOUCHERS}/{named(voucher_id)}", Voucher.read, body=body, changes=True)


def delete_voucher(voucher_id: str, *, reason: str | None = None) -> Call[None]:
    """Remove a single voucher while it is unused; raises `VoucherUsed` else (scope `shop`)."""
    query = texts({"reason": reason})
    return Call("DELETE", f"{VOUCHERS}/{named(voucher_id)}", nothing, query=query, changes=True)


def vouchers(
    *,
    search: str | None = None,
    state: str | None = None,
    user_id: str | None = None,
    before: str | None = None,
    after: str | None = None,
    limit: int = 50,
) -> Call[Page[Voucher]]:
    """Read a page of single vouchers, the newest first; `search` looks for a code, or part of one (scope `shop`)."""
    return page_of(
        Voucher.read, VOUCHERS, q=search, state=state, user=user_id, before=before, after=after, limit=limit
    )


def voucher(voucher_id: str) -> Call[Voucher]:
    """Read one voucher. Raises `NotFound` (scope `shop`)."""
    return Call("GET", f"{VOUCHERS}/{named(voucher_id)}", Voucher.read)


def redeem(user_id: str, code: str, *, address: str | None = None, **about: Unpack[AboutOwn]) -> Call[Answer]:
    """Take what a voucher pays, for a user; `answer.voucher` names it. An unknown user is made (scope `shop`).

    Args:
        user_id: who redeems.
        code: as it was typed.
        address: from where the user asks; wrong guesses are limited for each user and each address.
        about: see `AboutOwn`; the unit is the voucher's.

    Raises:
        WrongCheckSymbol: a typing error; nothing was looked up.
        RateLimited: too many wrong guesses.
        NotFound: there is no such code for this user.
        VoucherUsed, AlreadyRedeemed, VoucherNotYetValid, AccountFrozen: it does not pay now.
        VoucherExpired, VoucherRevoked: it never will.
    """
    return change("POST", f"/users/{named(user_id)}/redeem", {"code": code, "address": address}, about)


def redemptions(
    user_id: str, *, before: str | None = None, after: str | None = None, limit: int = 50
) -> Call[Page[Redemption]]:
    """Read a page of a user's redemptions, the newest first. Raises `NotFound` (scope `shop`)."""
    path = f"/admin/users/{named(user_id)}/redemptions"
    return page_of(Redemption.read, path, before=before, after=after, limit=limit)
