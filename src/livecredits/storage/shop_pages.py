"""The shop's lists, read page by page: packages, orders, campaigns, codes, redemptions.

Promises: a page is bounded and its cursors are ids, which sort by time, so that no row is skipped or shown twice; the
state of a voucher is told for one moment. Must not decide who may read.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    Text,
    and_,
    bindparam,
    case,
    func,
    literal,
    null,
    or_,
    select,
    union_all,
)

from livecredits.core.vouchers import CODE_SYMBOLS, normalised
from livecredits.errors import NotFound
from livecredits.storage.pages import Slice
from livecredits.storage.reads import require_user
from livecredits.storage.schema import (
    campaign_users,
    campaigns,
    entries,
    orders,
    packages,
    redemptions,
    vouchers,
)
from livecredits.storage.searching import contains, contains_value
from livecredits.storage.shop_views import Campaign, Funnel, Order, Package, RedemptionView, VoucherView
from livecredits.storage.views import Page


def _part(
    connection: Connection,
    query: Select[Any],
    id: ColumnElement[Any],
    part: Slice,
    *,
    is_rising: bool = False,
) -> tuple[list[Row[Any]], str | None, str | None]:
    """Rows in the order of their ids or numbers, falling by default, and the cursors to what follows and precedes."""
    is_up = is_rising != part.is_backward
    if part.cursor is not None:
        end = part.id() if isinstance(id.type, Text) else part.number()
        query = query.where(id > end if is_up else id < end)
    query = query.order_by(id if is_up else id.desc()).limit(part.most + 1)
    shown, has_after, has_before = part.cut(connection.execute(query).all())
    after = str(shown[-1].cursor) if shown and has_after else None
    return shown, after, str(shown[0].cursor) if shown and has_before else None


# --- packages ------------------------------------------------------------------------------------------------------


def packages_of(connection: Connection, *, active_only: bool = False) -> list[Package]:
    """Packages in their order of display."""
    query = select(packages).order_by(packages.c.position, packages.c.id)
    if active_only:
        query = query.where(packages.c.active == 1)
    return [_package(row) for row in connection.execute(query)]


_PACKAGE = select(packages).where(packages.c.id == bindparam("id"))


def package(connection: Connection, package_id: str) -> Package:
    """One package. Raises `NotFound`."""
    row = connection.execute(_PACKAGE, {"id": package_id}).first()
    if row is None:
        raise NotFound(f"There is no package {package_id}.")
    return _package(row)


def _package(row: Row[Any]) -> Package:
    return Package(
        row.id, row.name, row.credits, row.unit, row.price_minor, row.currency, row.validity_s, bool(row.active),
        row.position, row.description, row.created_at_us, row.updated_at_us,
    )  # fmt: skip


# --- orders --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderFilter:
    """Which orders are asked for; None does not restrict."""

    user_id: str | None = None
    state: str | None = None
    search: str | None = None
    since_us: int | None = None
    until_us: int | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """The filter as SQL."""
        found: list[ColumnElement[bool]] = []
        if self.user_id is not None:
            found.append(orders.c.user_id == self.user_id)
        if self.state is not None:
            found.append(orders.c.state == self.state)
        if self.since_us is not None:
            found.append(orders.c.created_at_us >= self.since_us)
        if self.until_us is not None:
            found.append(orders.c.created_at_us < self.until_us)
        if self.search:
            names = (orders.c.id, orders.c.user_id, orders.c.package_id, orders.c.purchase_reference)
            found.append(
                or_(
                    *(contains(name, self.search) for name in names),
                    contains_value(orders.c.billing, self.search),
                    contains_value(orders.c.package, self.search, "name"),
                )
            )
        return found


_orders = select(
    orders, entries.c.actor.label("refunded_by"), entries.c.reason.label("refund_reason")
).select_from(orders.outerjoin(entries, entries.c.id == orders.c.refund_entry_id))
"""Orders with what the entry of their refund says about itself."""
_ORDER = _orders.where(orders.c.id == bindparam("id"))


def orders_of(
    connection: Connection, asked: OrderFilter, part: Slice, *, for_user: bool = False
) -> Page[Order]:
    """Orders, the newest first, and how many the filter lets through. A user who has none may be unknown."""
    conditions = asked.conditions()
    query = _orders.add_columns(orders.c.id.label("cursor")).where(*conditions)
    shown, after, before = _part(connection, query, orders.c.id, part)
    total = connection.execute(select(func.count()).select_from(orders).where(*conditions)).scalar_one()
    return Page([_order(row, for_user=for_user) for row in shown], after, before, total)


def order(connection: Connection, order_id: str, *, for_user: bool = False) -> Order:
    """One order. Raises `NotFound`."""
    row = connection.execute(_ORDER, {"id": order_id}).first()
    if row is None:
        raise NotFound(f"There is no order {order_id}.")
    return _order(row, for_user=for_user)


def _order(row: Row[Any], *, for_user: bool) -> Order:
    return Order(
        row.id, row.user_id, json.loads(row.package), row.state, json.loads(row.billing) if row.billing else None,
        row.purchase_reference, row.metadata, row.created_by, row.created_at_us, row.entry_id,
        row.fulfilled_at_us, row.fulfilled_by, row.claimed_by, row.note, row.cancelled_at_us, row.cancelled_by,
        row.cancel_reason, row.refund_entry_id, row.refunded_at_us, row.refunded_by, row.refund_reason, for_user,
    )  # fmt: skip


# --- campaigns -----------------------------------------------------------------------------------------------------

_is_used = vouchers.c.redemptions > 0
_is_spent = func.coalesce(vouchers.c.redemptions >= vouchers.c.max_redemptions, literal(False))
"""It has paid as often as it may; never where there is no limit."""
_funnel = (
    select(
        vouchers.c.campaign_id,
        func.count().label("codes_made"),
        func.sum(case((_is_used, 1), else_=0)).label("redeemed_codes"),
        func.sum(vouchers.c.redemptions).label("redemptions"),
        func.count(vouchers.c.revoked_at_us).label("revoked"),
        func.sum(case((and_(vouchers.c.revoked_at_us.is_(None), ~_is_spent), 1), else_=0)).label("open"),
    )
    .where(vouchers.c.campaign_id.is_not(None))
    .group_by(vouchers.c.campaign_id)
)


def campaigns_of(connection: Connection, part: Slice, now_us: int) -> Page[Campaign]:
    """Campaigns, the newest first."""
    query = select(campaigns, campaigns.c.id.label("cursor"))
    shown, after, before = _part(connection, query, campaigns.c.id, part)
    total = connection.execute(select(func.count()).select_from(campaigns)).scalar_one()
    return Page(_campaigns(connection, shown, now_us), after, before, total)


def campaign(connection: Connection, campaign_id: str, now_us: int) -> Campaign:
    """One campaign. Raises `NotFound`."""
    rows = connection.execute(select(campaigns).where(campaigns.c.id == campaign_id)).all()
    if not rows:
        raise NotFound(f"There is no campaign {campaign_id}.")
    return _campaigns(connection, rows, now_us)[0]


def require_campaign(connection: Connection, campaign_id: str) -> None:
    """Refuse a campaign that there is not, without counting its codes. Raises `NotFound`."""
    if connection.execute(select(campaigns.c.id).where(campaigns.c.id == campaign_id)).first() is None:
        raise NotFound(f"There is no campaign {campaign_id}.")


def _campaigns(connection: Connection, rows: Sequence[Row[Any]], now_us: int) -> list[Campaign]:
    """Campaigns with their funnels, in three queries for all of them."""
    ids = [row.id for row in rows]
    made = {
        row.campaign_id: row for row in connection.execute(_funnel.where(vouchers.c.campaign_id.in_(ids)))
    }
    granted_sum = (
        select(redemptions.c.scope, func.sum(redemptions.c.amount))
        .where(redemptions.c.scope.in_(ids))
        .group_by(redemptions.c.scope)
    )
    granted: dict[str, int] = {row[0]: row[1] for row in connection.execute(granted_sum)}
    listed_count = (
        select(campaign_users.c.campaign_id, func.count())
        .where(campaign_users.c.campaign_id.in_(ids))
        .group_by(campaign_users.c.campaign_id)
    )
    listed: dict[str, int] = {row[0]: row[1] for row in connection.execute(listed_count)}
    return [
        _campaign(row, made.get(row.id), granted.get(row.id, 0), listed.get(row.id, 0), now_us)
        for row in rows
    ]


def _campaign(row: Row[Any], made: Row[Any] | None, granted: int, listed: int, now_us: int) -> Campaign:
    is_over = row.ends_at_us is not None and row.ends_at_us <= now_us
    funnel, left = Funnel(), 0
    if made is not None:
        left = made.open
        funnel = Funnel(
            made.codes_made,
            made.redeemed_codes,
            made.redemptions,
            granted,
            made.revoked,
            0 if is_over else left,
        )
    state = "running"
    if funnel.codes and not left and funnel.codes >= row.codes:
        state = "revoked" if funnel.revoked else "used_up"
    elif is_over:
        state = "ended"
    elif row.starts_at_us is not None and row.starts_at_us > now_us:
        state = "upcoming"
    return Campaign(
        row.id, row.name, row.label, row.credits, row.unit, row.validity_s, row.starts_at_us, row.ends_at_us,
        row.max_per_code, row.max_per_user, row.prefix, row.word, bool(row.welcome), row.codes,
        listed if row.listed else None, row.created_by, row.created_at_us, state, funnel,
    )  # fmt: skip


# --- vouchers ------------------------------------------------------------------------------------------------------

_ends_at_us = func.coalesce(vouchers.c.ends_at_us, campaigns.c.ends_at_us)
_last = (
    select(redemptions.c.user_id, redemptions.c.at_us)
    .where(redemptions.c.voucher_id == vouchers.c.id, redemptions.c.turn == vouchers.c.redemptions)
    .correlate(vouchers)
)


def _state_at(now_us: int) -> ColumnElement[str]:
    return case(
        (vouchers.c.revoked_at_us.is_not(None), "revoked"),
        (vouchers.c.redemptions >= vouchers.c.max_redemptions, "used"),
        (_ends_at_us <= now_us, "expired"),
        (campaigns.c.starts_at_us > now_us, "upcoming"),
        else_="open",
    )


def _symbols_of(code: ColumnElement[str]) -> ColumnElement[str]:
    """A stored code as `core.vouchers.normalised` reads it, so that it is found however it was typed."""
    for shown, symbol in (("-", ""), ("O", "0"), ("I", "1"), ("L", "1"), ("U", "V")):
        code = func.replace(code, shown, symbol)
    return code


@dataclass(frozen=True, slots=True, kw_only=True)
class VoucherFilter:
    """Which vouchers are asked for; None does not restrict. `user_id`: bound to, or redeemed by this user."""

    campaign_id: str | None = None
    single_only: bool = False
    state: str | None = None
    search: str | None = None
    user_id: str | None = None
    finds_paying: bool = True
    """Whether `search` finds codes that can still pay: else whoever may not read them could guess them by it."""

    def conditions(self, now_us: int) -> list[ColumnElement[bool]]:
        """The filter as SQL."""
        found: list[ColumnElement[bool]] = []
        if self.campaign_id is not None:
            found.append(vouchers.c.campaign_id == self.campaign_id)
        elif self.single_only:
            found.append(vouchers.c.campaign_id.is_(None))
        if self.state is not None:
            found.append(_state_at(now_us) == self.state)
        if self.search:
            symbols = normalised(self.search) or self.search
            found.append(_symbols_of(vouchers.c.code).contains(symbols, autoescape=True))
            if not self.finds_paying:
                found.append(_state_at(now_us).not_in(("open", "upcoming")))
        if self.user_id is not None:
            mine = and_(redemptions.c.voucher_id == vouchers.c.id, redemptions.c.user_id == self.user_id)
            redeemed = select(literal(1)).select_from(redemptions).where(mine).correlate(vouchers).exists()
            found.append(or_(vouchers.c.user_id == self.user_id, redeemed))
        return found


_with_campaign = vouchers.outerjoin(campaigns, campaigns.c.id == vouchers.c.campaign_id)


def _voucher_query(now_us: int) -> Select[Any]:
    return select(
        vouchers,
        func.coalesce(vouchers.c.amount, campaigns.c.credits).label("pays"),
        func.coalesce(vouchers.c.unit, campaigns.c.unit).label("of_unit"),
        _ends_at_us.label("expires_at_us"),
        _state_at(now_us).label("state"),
        _last.with_only_columns(redemptions.c.user_id).scalar_subquery().label("redeemed_by"),
        _last.with_only_columns(redemptions.c.at_us).scalar_subquery().label("redeemed_at_us"),
    ).select_from(_with_campaign)


def vouchers_of(connection: Connection, asked: VoucherFilter, part: Slice, now_us: int) -> Page[VoucherView]:
    """Vouchers: a campaign's in the order in which they were made, else the newest first."""
    conditions = asked.conditions(now_us)
    is_rising = asked.campaign_id is not None
    # A campaign's codes are indexed by their places: by id, every page would sort a hundred thousand of them.
    place = vouchers.c.position if is_rising else vouchers.c.id
    query = _voucher_query(now_us).add_columns(place.label("cursor")).where(*conditions)
    shown, after, before = _part(connection, query, place, part, is_rising=is_rising)
    # The state alone looks at the campaign; joining a hundred thousand codes to it costs more than all the rest.
    looks = asked.state is not None or not asked.finds_paying
    counted = _with_campaign if looks else vouchers
    count = select(func.count()).select_from(counted).where(*conditions)
    return Page([_voucher(row) for row in shown], after, before, connection.execute(count).scalar_one())


def has_longer_words(connection: Connection) -> bool:
    """Whether somebody chose a word of as many symbols as a generated code has without its check symbol.

    None can be made any more (`core.vouchers.is_word`), so the answer holds until the ledger is closed.
    """
    of_campaigns = select(literal(1)).where(_length_of(campaigns.c.word) == CODE_SYMBOLS).exists()
    single = and_(vouchers.c.campaign_id.is_(None), _length_of(vouchers.c.code) == CODE_SYMBOLS)
    found = connection.execute(select(or_(of_campaigns, select(literal(1)).where(single).exists())))
    return bool(found.scalar_one())


def _length_of(code: ColumnElement[Any]) -> ColumnElement[int]:
    return func.length(func.replace(code, "-", ""))


def voucher(connection: Connection, voucher_id: str, now_us: int) -> VoucherView:
    """One voucher. Raises `NotFound`."""
    row = connection.execute(_voucher_query(now_us).where(vouchers.c.id == voucher_id)).first()
    if row is None:
        raise NotFound(f"There is no voucher {voucher_id}.")
    return _voucher(row)


def _voucher(row: Row[Any]) -> VoucherView:
    return VoucherView(
        row.id, row.code, row.campaign_id, row.pays, row.of_unit, row.user_id, row.expires_at_us,
        row.max_redemptions, row.redemptions, row.state, row.redeemed_by, row.redeemed_at_us, row.created_by,
        row.created_at_us, row.updated_at_us,
    )  # fmt: skip


def redemptions_of(
    connection: Connection, user_id: str, part: Slice, now_us: int, *, for_user: bool = False
) -> Page[RedemptionView]:
    """A user's redemptions, the newest first; for users themselves below the vouchers that wait for them.

    Raises:
        NotFound: for an unknown user.
    """
    listed = union_all(_redeemed(user_id), _waiting(user_id, now_us)) if for_user else _redeemed(user_id)
    found = listed.subquery()
    shown, after, before = _part(connection, select(found), found.c.cursor, part)
    if not shown:
        require_user(connection, user_id)
    return Page([_redemption(row, for_user=for_user) for row in shown], after, before)


def _redeemed(user_id: str) -> Select[Any]:
    return (
        select(
            redemptions.c.entry_id.label("cursor"), redemptions.c.voucher_id, vouchers.c.code, redemptions.c.user_id,
            func.coalesce(vouchers.c.unit, campaigns.c.unit).label("of_unit"), redemptions.c.amount, entries.c.label,
            redemptions.c.entry_id, redemptions.c.at_us,
            (redemptions.c.at_us + campaigns.c.validity_s * 1_000_000).label("expires_at_us"), campaigns.c.welcome,
            vouchers.c.campaign_id, redemptions.c.address,
        )
        .select_from(
            redemptions.join(vouchers, vouchers.c.id == redemptions.c.voucher_id)
            .outerjoin(campaigns, campaigns.c.id == vouchers.c.campaign_id)
            .join(entries, entries.c.id == redemptions.c.entry_id)
        )
        .where(redemptions.c.user_id == user_id)
    )  # fmt: skip


def _waiting(user_id: str, now_us: int) -> Select[Any]:
    """Vouchers that were made for this user and can be redeemed now; their ids sort above those of entries."""
    can_pay = and_(
        vouchers.c.campaign_id.is_(None),
        vouchers.c.revoked_at_us.is_(None),
        vouchers.c.redemptions < vouchers.c.max_redemptions,
        func.coalesce(vouchers.c.ends_at_us > now_us, literal(True)),
    )
    return select(
        vouchers.c.id.label("cursor"), vouchers.c.id, vouchers.c.code, vouchers.c.user_id, vouchers.c.unit,
        vouchers.c.amount, null(), null(), null(), vouchers.c.ends_at_us, null(), null(), null(),
    ).where(vouchers.c.user_id == user_id, can_pay)  # fmt: skip


def _redemption(row: Row[Any], *, for_user: bool) -> RedemptionView:
    return RedemptionView(
        row.voucher_id, row.code, row.user_id, row.of_unit, row.amount, row.label, row.entry_id, row.at_us,
        row.expires_at_us, bool(row.welcome), row.campaign_id, row.address, for_user,
    )  # fmt: skip
