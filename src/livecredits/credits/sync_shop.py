"""The shop's verbs for threads: `credits.sync` has those of `Credits` as plain calls that block.

Promises and raises what `shop.Shop` does; must not know anything that it does not.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import Any, Concatenate, Literal, ParamSpec, TypeVar, Unpack

from livecredits.core.changes import Actor, Change
from livecredits.credits.asking import Common, microseconds
from livecredits.credits.desk import Desk, WantedCampaign, WantedPackage, fulfil_of, redeem_of, refund_of
from livecredits.credits.opened import Opened
from livecredits.storage.answers import Answer
from livecredits.storage.audit import AuditFilter, AuditRow
from livecredits.storage.pages import Slice
from livecredits.storage.people import UNTOUCHED
from livecredits.storage.shop_pages import OrderFilter, VoucherFilter
from livecredits.storage.shop_views import Billing, Campaign, Order, Package, RedemptionView, VoucherView
from livecredits.storage.views import Page

P = ParamSpec("P")
T = TypeVar("T")


class SyncShop(ABC):
    """What `SyncCredits` can do beside moving credits directly."""

    @abstractmethod
    def _open(self) -> Opened: ...

    @abstractmethod
    def apply(self, change: Change) -> Answer:
        """See `Credits.apply`."""

    def _at_desk(self, ask: Callable[Concatenate[Desk, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        return ask(self._open().desk, *args, **kwargs)

    # --- packages --------------------------------------------------------------------------------------------------

    def packages(self, *, active_only: bool = False) -> list[Package]:
        """See `Credits.packages`."""
        return self._at_desk(Desk.packages, active_only=active_only)

    def put_package(  # noqa: PLR0913 - the fields of a package
        self,
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
        actor: Actor | None = None,
    ) -> Package:
        """See `Credits.put_package`."""
        wanted = WantedPackage(
            name=name, credits=credits, unit=unit, price_minor=price_minor, currency=currency,
            validity_s=validity_s, active=active, position=position, description=description,
        )  # fmt: skip
        return self._at_desk(Desk.put_package, package_id, wanted, actor)

    def delete_package(self, package_id: str, *, actor: Actor | None = None) -> None:
        """See `Credits.delete_package`."""
        self._at_desk(Desk.delete_package, package_id, actor)

    # --- orders ----------------------------------------------------------------------------------------------------

    def order(
        self,
        user_id: str,
        package_id: str,
        *,
        billing: Billing | None = None,
        purchase_reference: str | None = None,
        **common: Unpack[Common],
    ) -> Order:
        """See `Credits.order`."""
        return self._at_desk(Desk.order, user_id, package_id, billing, purchase_reference, common)

    def orders(  # noqa: PLR0913 - filters, all of them optional
        self,
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
    ) -> Page[Order]:
        """See `Credits.orders`."""
        asked = OrderFilter(
            user_id=user_id, state=state, search=search, since_us=microseconds("since", since),
            until_us=microseconds("until", until),
        )  # fmt: skip
        part = Slice(before=before, after=after, limit=limit)
        return self._at_desk(Desk.orders, asked, part, for_user=audience == "user")

    def order_of(self, order_id: str, *, audience: Literal["operator", "user"] = "operator") -> Order:
        """See `Credits.order_of`."""
        return self._at_desk(Desk.order_of, order_id, for_user=audience == "user")

    def cancel_order(
        self,
        order_id: str,
        *,
        reason: str | None = None,
        key: str | None = None,
        actor: Actor | None = None,
        user_id: str | None = None,
    ) -> Order:
        """See `Credits.cancel_order`."""
        return self._at_desk(Desk.cancel_order, order_id, reason, key, actor, user_id)

    def fulfil(
        self,
        order_id: str,
        *,
        fulfilled_by: str | None = None,
        note: str | None = None,
        **common: Unpack[Common],
    ) -> Answer:
        """See `Credits.fulfil`."""
        return self.apply(fulfil_of(order_id, fulfilled_by, note, common))

    def refund(
        self,
        order_id: str,
        *,
        spent: Literal["refuse", "left", "below_floor"] = "refuse",
        **common: Unpack[Common],
    ) -> Answer:
        """See `Credits.refund`."""
        return self.apply(refund_of(order_id, spent, common))

    # --- campaigns -------------------------------------------------------------------------------------------------

    def create_campaign(  # noqa: PLR0913 - the fields of a campaign
        self,
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
    ) -> Campaign:
        """See `Credits.create_campaign`."""
        wanted = WantedCampaign(
            name=name, credits=credits, unit=unit, validity_s=validity_s, starts_at=starts_at, ends_at=ends_at,
            max_per_code=(None if word or welcome else 1) if max_per_code is UNTOUCHED else max_per_code,
            max_per_user=max_per_user, allowed_users=allowed_users, prefix=prefix, codes=codes, word=word,
            label=label, welcome=welcome,
        )  # fmt: skip
        return self._at_desk(Desk.create_campaign, wanted, key, actor, reason)

    def campaigns(
        self, *, before: str | None = None, after: str | None = None, limit: int = 50
    ) -> Page[Campaign]:
        """See `Credits.campaigns`."""
        return self._at_desk(Desk.campaigns, Slice(before=before, after=after, limit=limit))

    def campaign(self, campaign_id: str) -> Campaign:
        """See `Credits.campaign`."""
        return self._at_desk(Desk.campaign, campaign_id)

    def campaign_codes(
        self,
        campaign_id: str,
        *,
        state: str | None = None,
        search: str | None = None,
        before: str | None = None,
        after: str | None = None,
        limit: int = 50,
    ) -> Page[VoucherView]:
        """See `Credits.campaign_codes`."""
        asked = VoucherFilter(campaign_id=campaign_id, state=state, search=search)
        return self._at_desk(Desk.campaign_codes, asked, Slice(before=before, after=after, limit=limit))

    def revoke_code(
        self, voucher_id: str, *, reason: str | None = None, actor: Actor | None = None
    ) -> VoucherView:
        """See `Credits.revoke_code`."""
        return self._at_desk(Desk.revoke_code, voucher_id, actor, reason)

    def revoke_rest(
        self, campaign_id: str, *, reason: str | None = None, actor: Actor | None = None
    ) -> Campaign:
        """See `Credits.revoke_rest`."""
        return self._at_desk(Desk.revoke_rest, campaign_id, actor, reason)

    # --- vouchers --------------------------------------------------------------------------------------------------

    def create_voucher(
        self,
        amount: int,
        *,
        unit: str = "credits",
        user_id: str | None = None,
        expires_at: datetime | None = None,
        code: str | None = None,
        key: str | None = None,
        reason: str | None = None,
        actor: Actor | None = None,
    ) -> VoucherView:
        """See `Credits.create_voucher`."""
        return self._at_desk(Desk.create_voucher, amount, unit, user_id, expires_at, code, key, actor, reason)

    def put_voucher(
        self,
        voucher_id: str,
        *,
        amount: int = UNTOUCHED,
        expires_at: datetime | None = UNTOUCHED,
        reason: str | None = None,
        actor: Actor | None = None,
    ) -> VoucherView:
        """See `Credits.put_voucher`."""
        return self._at_desk(Desk.put_voucher, voucher_id, amount, expires_at, actor, reason)

    def delete_voucher(
        self, voucher_id: str, *, reason: str | None = None, actor: Actor | None = None
    ) -> None:
        """See `Credits.delete_voucher`."""
        self._at_desk(Desk.delete_voucher, voucher_id, actor, reason)

    def vouchers(
        self,
        *,
        search: str | None = None,
        state: str | None = None,
        user_id: str | None = None,
        single_only: bool = True,
        before: str | None = None,
        after: str | None = None,
        limit: int = 50,
    ) -> Page[VoucherView]:
        """See `Credits.vouchers`."""
        asked = VoucherFilter(search=search, state=state, user_id=user_id, single_only=single_only)
        return self._at_desk(Desk.vouchers, asked, Slice(before=before, after=after, limit=limit))

    def voucher(self, voucher_id: str) -> VoucherView:
        """See `Credits.voucher`."""
        return self._at_desk(Desk.voucher, voucher_id)

    def redeem(
        self, user_id: str, code: str, *, address: str | None = None, **common: Unpack[Common]
    ) -> Answer:
        """See `Credits.redeem`."""
        return self.apply(redeem_of(user_id, code, address, common))

    def redemptions(
        self,
        user_id: str,
        *,
        before: str | None = None,
        after: str | None = None,
        limit: int = 50,
        audience: Literal["operator", "user"] = "operator",
    ) -> Page[RedemptionView]:
        """See `Credits.redemptions`."""
        part = Slice(before=before, after=after, limit=limit)
        return self._at_desk(Desk.redemptions, user_id, part, for_user=audience == "user")

    # --- people ----------------------------------------------------------------------------------------------------

    def erase(
        self, user_id: str, *, actor: Actor | None = None, reason: str | None = None
    ) -> Mapping[str, Any]:
        """See `Credits.erase`."""
        return self._at_desk(Desk.erase, user_id, actor, reason)

    def audit(  # noqa: PLR0913 - filters, all of them optional
        self,
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
    ) -> Page[AuditRow]:
        """See `Credits.audit`."""
        asked = AuditFilter(
            actor=actor, actions=actions, exclude=exclude, target=target, since_us=microseconds("since", since),
            until_us=microseconds("until", until),
        )  # fmt: skip
        part = Slice(before=before, after=after, limit=limit)
        return self._open().audit(asked, part)
