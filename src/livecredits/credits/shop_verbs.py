"""The shop's verbs, each written once: packages, orders, campaigns, vouchers, and what operators look up and erase.

Promises: what moves credits (`fulfil`, `refund`, `redeem`) is a change like every other; the rest is written in a
transaction of its own with its audit row, and told to whoever watches these lists. Must not know of HTTP, nor whether
anybody awaits: see `verbs`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import Any, Concatenate, Literal, ParamSpec, TypeVar, Unpack

from livecredits.core.changes import Actor, Change
from livecredits.credits.asking import Common, microseconds
from livecredits.credits.desk import Desk
from livecredits.credits.opened import Opened
from livecredits.credits.shop_asked import WantedCampaign, WantedPackage, fulfil_of, redeem_of, refund_of
from livecredits.credits.verbs import Ask, Queued, ask
from livecredits.storage.audit import AuditFilter, AuditRow
from livecredits.storage.pages import Slice
from livecredits.storage.people import UNTOUCHED
from livecredits.storage.shop_pages import OrderFilter, VoucherFilter
from livecredits.storage.shop_views import Billing, Campaign, Order, Package, RedemptionView, VoucherView
from livecredits.storage.views import Page

P = ParamSpec("P")
T = TypeVar("T")


def at_desk(what: Callable[Concatenate[Desk, P], T], *args: P.args, **kwargs: P.kwargs) -> Ask[T]:
    """What is asked of the ledger's desk."""
    return lambda opened: what(opened.desk, *args, **kwargs)


# --- packages --------------------------------------------------------------------------------------------------


def packages(*, active_only: bool = False) -> Ask[list[Package]]:
    """All packages in their order of display."""
    return at_desk(Desk.packages, active_only=active_only)


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
    actor: Actor | None = None,
) -> Ask[Package]:
    """Make a package, or replace what stands in it; orders keep theirs as it was.

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
        key: the idempotency key of making one; asked again with it, the same package comes back.
        reason: why, for the audit trail.
        actor: who asks.

    Raises:
        NotFound: there is no such package.
        KeyReused: the key belongs to another request.
        Invalid: a field is out of its range.
    """
    wanted = WantedPackage(
        name=name, credits=credits, unit=unit, price_minor=price_minor, currency=currency,
        validity_s=validity_s, active=active, position=position, description=description,
    )  # fmt: skip
    return at_desk(Desk.put_package, package_id, wanted, key, actor, reason)


def delete_package(package_id: str, *, reason: str | None = None, actor: Actor | None = None) -> Ask[None]:
    """Remove a package that was never ordered; raises `PackageOrdered` (409) else: deactivate it."""
    return at_desk(Desk.delete_package, package_id, actor, reason)


# --- orders ----------------------------------------------------------------------------------------------------


def order(
    user_id: str,
    package_id: str,
    *,
    billing: Billing | None = None,
    purchase_reference: str | None = None,
    shown: Mapping[str, Any] | None = None,
    **common: Unpack[Common],
) -> Ask[Order]:
    """Order a package; an unknown user is made. The same key gives the same order.

    Args:
        user_id: for whom.
        package_id: which package.
        billing: whom to bill.
        purchase_reference: the buyer's own, at most 200 characters.
        shown: what the buyer was shown: any of `credits`, `unit`, `price_minor`, `currency`, `validity_s`.
        common: see `asking.Common`.

    Raises:
        NotFound: there is no such package, or it is not active.
        PackageChanged: 409, it is no longer as it was shown; `package` tells how it is.
    """
    return at_desk(Desk.order, user_id, package_id, billing, purchase_reference, shown, common)


def orders(  # noqa: PLR0913 - filters, all of them optional
    user_id: str | None = None,
    *,
    state: str | None = None,
    search: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    before: str | None = None,
    after: str | None = None,
    limit: int = 50,
    audience: Literal["operator", "user"] = "operator",
) -> Ask[Page[Order]]:
    """A page of orders, the newest first; `search` looks in ids, users, references and billing."""
    asked = OrderFilter(
        user_id=user_id, state=state, search=search, since_us=microseconds("since", since),
        until_us=microseconds("until", until),
    )  # fmt: skip
    part = Slice(before=before, after=after, limit=limit)
    return at_desk(Desk.orders, asked, part, for_user=audience == "user")


def order_of(order_id: str, *, audience: Literal["operator", "user"] = "operator") -> Ask[Order]:
    """One order. Raises `NotFound`."""
    return at_desk(Desk.order_of, order_id, for_user=audience == "user")


def cancel_order(
    order_id: str,
    *,
    reason: str | None = None,
    key: str | None = None,
    actor: Actor | None = None,
    user_id: str | None = None,
) -> Ask[Order]:
    """Close a pending order without fulfilling it; an order that is cancelled already stays as it is.

    Args:
        order_id: which order.
        reason: why, for the user as well.
        key: the idempotency key.
        actor: who asks.
        user_id: whose order it must be; another's is answered like one that does not exist.

    Raises:
        AlreadyFulfilled, OrderClosed: 409; also where it was cancelled for another reason.
    """
    return at_desk(Desk.cancel_order, order_id, reason, key, actor, user_id)


def fulfil(
    order_id: str,
    *,
    fulfilled_by: str | None = None,
    note: str | None = None,
    **common: Unpack[Common],
) -> Change:
    """Grant what a pending order has bought, once.

    Args:
        order_id: which order.
        fulfilled_by: whom the caller names; kept as a claim, the actor is who did it.
        note: for operators.
        common: see `asking.Common`.

    Raises:
        AlreadyFulfilled: 409, with `fulfilled_by`, `fulfilled_at` and `entry`.
        OrderClosed: 409, with `state`.
    """
    return fulfil_of(order_id, fulfilled_by, note, common)


def refund(
    order_id: str,
    *,
    spent: Literal["refuse", "left", "below_floor"] = "refuse",
    **common: Unpack[Common],
) -> Change:
    """Take back what a fulfilled order granted, once.

    Args:
        order_id: which order.
        spent: where part of it is gone: `refuse`, take exactly what is `left` of it, or go `below_floor`.
        common: see `asking.Common`.

    Raises:
        OrderSpent: 409, with `left` and `amount`.
        OrderNotFulfilled, OrderClosed: 409.
    """
    return refund_of(order_id, spent, common)


# --- campaigns -------------------------------------------------------------------------------------------------


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
    actor: Actor | None = None,
) -> Queued[Campaign]:
    """Make a campaign and its codes.

    Args:
        name: for operators, 1–200 characters.
        credits: what each redemption grants.
        unit: of which unit.
        validity_s: how long the credits last after redemption; None for ever.
        starts_at: from when codes can be redeemed.
        ends_at: until when; the moment itself is too late.
        max_per_code: how often one code pays; None without limit. By default 1, and no limit for a word or a
            welcome.
        max_per_user: how often one user may redeem codes of the campaign; None without limit.
        allowed_users: nobody else may redeem; others are told that there is no such code.
        prefix: what generated codes begin with: 1–12 capital letters and digits.
        codes: how many codes to generate, 1 … 100,000; or
        word: the one code, chosen: 4–15 capital letters and digits (`WELCOME10`).
        label: what users read in their history.
        welcome: give it to every new user at the first appearance; needs a word, or one code.
        key: the idempotency key; repeated, it also finishes codes that an ended process left unmade.
        reason: why, for the audit trail.
        actor: who asks.

    Raises:
        CodeTaken: 409, another voucher has this word.
        Invalid: a field is out of its range.
    """
    wanted = WantedCampaign(
        name=name, credits=credits, unit=unit, validity_s=validity_s, starts_at=starts_at, ends_at=ends_at,
        max_per_code=(None if word or welcome else 1) if max_per_code is UNTOUCHED else max_per_code,
        max_per_user=max_per_user, allowed_users=allowed_users, prefix=prefix, codes=codes, word=word,
        label=label, welcome=welcome,
    )  # fmt: skip
    return lambda opened: opened.making.submit(opened.desk.create_campaign, wanted, key, actor, reason)


def campaigns(*, before: str | None = None, after: str | None = None, limit: int = 50) -> Ask[Page[Campaign]]:
    """A page of campaigns, the newest first, each with its funnel."""
    return at_desk(Desk.campaigns, Slice(before=before, after=after, limit=limit))


def campaign(campaign_id: str) -> Ask[Campaign]:
    """One campaign. Raises `NotFound`."""
    return at_desk(Desk.campaign, campaign_id)


def campaign_codes(
    campaign_id: str,
    *,
    state: str | None = None,
    search: str | None = None,
    before: str | None = None,
    after: str | None = None,
    limit: int = 50,
) -> Ask[Page[VoucherView]]:
    """A page of a campaign's codes in the order in which they were made. Raises `NotFound`."""
    asked = VoucherFilter(campaign_id=campaign_id, state=state, search=search)
    return at_desk(Desk.campaign_codes, asked, Slice(before=before, after=after, limit=limit))


def revoke_code(
    voucher_id: str, *, reason: str | None = None, actor: Actor | None = None
) -> Ask[VoucherView]:
    """Withdraw one code, single or of a campaign; what it has paid stays. Again: nothing happens.

    Raises:
        NotFound: 404, there is no such code.
        VoucherUsed: 409, it has paid all that it can.
    """
    return at_desk(Desk.revoke_code, voucher_id, actor, reason)


def revoke_rest(campaign_id: str, *, reason: str | None = None, actor: Actor | None = None) -> Ask[Campaign]:
    """Withdraw all codes of a campaign that can still pay."""
    return at_desk(Desk.revoke_rest, campaign_id, actor, reason)


# --- vouchers --------------------------------------------------------------------------------------------------


def create_voucher(
    amount: int,
    *,
    unit: str = "credits",
    user_id: str | None = None,
    expires_at: datetime | None = None,
    code: str | None = None,
    key: str | None = None,
    reason: str | None = None,
    actor: Actor | None = None,
) -> Ask[VoucherView]:
    """Make a single voucher, for anybody or for one user; raises `CodeTaken` (409) for a chosen code in use."""
    return at_desk(Desk.create_voucher, amount, unit, user_id, expires_at, code, key, actor, reason)


def put_voucher(
    voucher_id: str,
    *,
    amount: int = UNTOUCHED,
    expires_at: datetime | None = UNTOUCHED,
    reason: str | None = None,
    actor: Actor | None = None,
) -> Ask[VoucherView]:
    """Change amount or expiry of a single voucher while it is unused; raises `VoucherUsed` (409) else."""
    return at_desk(Desk.put_voucher, voucher_id, amount, expires_at, actor, reason)


def delete_voucher(voucher_id: str, *, reason: str | None = None, actor: Actor | None = None) -> Ask[None]:
    """Remove a single voucher while it is unused; raises `VoucherUsed` (409) else."""
    return at_desk(Desk.delete_voucher, voucher_id, actor, reason)


def vouchers(
    *,
    search: str | None = None,
    state: str | None = None,
    user_id: str | None = None,
    single_only: bool = True,
    finds_paying: bool = True,
    before: str | None = None,
    after: str | None = None,
    limit: int = 50,
) -> Ask[Page[VoucherView]]:
    """A page of vouchers, the newest first.

    Args:
        search: a code, or part of one.
        state: only vouchers in this state.
        user_id: only those made for this user, or redeemed by them.
        single_only: without those of campaigns.
        finds_paying: whether `search` finds codes that can still pay; for whoever may not read them it must not.
        before: a page's `previous`.
        after: a page's `next`.
        limit: vouchers on a page, at most 500.
    """
    asked = VoucherFilter(
        search=search, state=state, user_id=user_id, single_only=single_only, finds_paying=finds_paying
    )
    return at_desk(Desk.vouchers, asked, Slice(before=before, after=after, limit=limit))


def voucher(voucher_id: str) -> Ask[VoucherView]:
    """One voucher. Raises `NotFound`."""
    return at_desk(Desk.voucher, voucher_id)


def redeem(user_id: str, code: str, *, address: str | None = None, **common: Unpack[Common]) -> Change:
    """Take what a voucher pays; `answer.voucher` names it. An unknown user is made.

    Args:
        user_id: who redeems.
        code: as it was typed.
        address: from where; wrong guesses are limited for each user and each address. A user's own by default.
        common: see `asking.Common`.

    Raises:
        WrongCheckSymbol: 422, a typing error; nothing was looked up.
        RateLimited: 429, too many wrong guesses.
        NotFound: 404, there is no such code for this user.
        VoucherUsed, AlreadyRedeemed, VoucherNotYetValid, AccountFrozen: 409.
        VoucherExpired, VoucherRevoked: 410.
    """
    return redeem_of(user_id, code, address, common)


def redemptions(
    user_id: str,
    *,
    before: str | None = None,
    after: str | None = None,
    limit: int = 50,
    audience: Literal["operator", "user"] = "operator",
) -> Ask[Page[RedemptionView]]:
    """A page of a user's redemptions, the newest first. Raises `NotFound` for an unknown user.

    With the audience `user` the vouchers that wait for this user alone stand above them, without `entry`.
    """
    part = Slice(before=before, after=after, limit=limit)
    return at_desk(Desk.redemptions, user_id, part, for_user=audience == "user")


# --- people ----------------------------------------------------------------------------------------------------


def erase(user_id: str, *, actor: Actor | None = None, reason: str | None = None) -> Ask[Mapping[str, Any]]:
    """Remove a person's data; the entries stay and `verify` holds.

    Name, e-mail and metadata go; of their orders billing, purchase reference, metadata and note; the addresses of
    their redemptions, and what the audit trail had kept of these. Their screen tokens end and their open screens
    close. Again: what has come since goes too.

    Returns:
        How many rows of each table were emptied.

    Raises:
        NotFound: nobody has this id.
    """
    return at_desk(Desk.erase, user_id, actor, reason)


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
) -> Ask[Page[AuditRow]]:
    """A page of the audit trail, the newest first.

    Args:
        actor: only what `kind:id` has done.
        actions: only these actions (`credits.set`, `session.started` …).
        exclude: none of these actions.
        target: only what was done to this user, operator, key …
        since: only rows from then on.
        until: only rows before then.
        before: a page's `previous`.
        after: a page's `next`.
        limit: rows on a page, at most 500.
    """
    asked = AuditFilter(
        actor=actor, actions=actions, exclude=exclude, target=target, since_us=microseconds("since", since),
        until_us=microseconds("until", until),
    )  # fmt: skip
    part = Slice(before=before, after=after, limit=limit)
    return ask(Opened.audit, asked, part)
