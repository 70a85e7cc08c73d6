"""The shop behind both faces of `Credits`: plain calls that block, checked before anything is written.

Promises: every field is in its range before a transaction begins (else `Invalid`, 422, naming it); codes are made
from the system's random numbers, in portions, so that nobody waits for a hundred thousand of them; a code is looked up
by a digest keyed with this database's own key. Must not know of event loops.

The odd thing: the key of the digests stands in the database and not in the settings. A new `LIVECREDITS_SECRET` ends
sessions, as it should, and must not end every voucher that was ever printed.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from livecredits.core.amounts import bad_field, positive, require_future, whole
from livecredits.core.chain import canonical
from livecredits.core.changes import LIBRARY, Actor, Redeem
from livecredits.core.vouchers import CODE_BYTES, is_word, normalised, read_code, spelled
from livecredits.credits.asking import (
    METADATA_LENGTH_MAX,
    Common,
    check_key,
    check_match,
    check_text,
    check_user_id,
    common_fields,
    microseconds,
)
from livecredits.credits.shop_asked import (
    CURRENCY,
    ORDER_STATES,
    VALIDITY_S_MOST,
    VOUCHER_STATES,
    WantedCampaign,
    WantedPackage,
    check_codes,
    check_flag,
    check_shown,
    check_state,
    checked_list,
)
from livecredits.storage import shop_pages, shop_rows
from livecredits.storage.handover import Told
from livecredits.storage.ids import Ids, new_id
from livecredits.storage.keyed import Made, content_of, once
from livecredits.storage.pages import Slice
from livecredits.storage.people import UNTOUCHED
from livecredits.storage.shop_pages import OrderFilter, VoucherFilter
from livecredits.storage.shop_rows import Deed
from livecredits.storage.shop_views import Billing, Campaign, Order, Package, RedemptionView, VoucherView
from livecredits.storage.views import Page

if TYPE_CHECKING:
    from livecredits.clock import Clock
    from livecredits.credits.windows import Windows
    from livecredits.storage.database import Database

T = TypeVar("T")


class Desk:
    """Packages, orders, campaigns and vouchers of an opened ledger."""

    def __init__(
        self, database: Database, clock: Clock, units: Callable[[], Collection[str]], windows: Windows
    ) -> None:
        self._database = database
        self._clock = clock
        self._units = units
        self._windows = windows
        self._voucher_key = bytes.fromhex(database.read(_voucher_key))
        self._has_longer_words = database.read(shop_pages.has_longer_words)

    def ready(self, change: Redeem) -> Redeem:
        """The redemption with its code read and under the digest by which it is looked up.

        Raises:
            WrongCheckSymbol: 422, the code has a typing error.
        """
        if not isinstance(change.code, str):
            raise bad_field("code", "must be text")
        symbols = read_code(change.code, has_longer_words=self._has_longer_words)
        digest = "" if symbols is None else self._digest(symbols)
        # A backend's own address says nothing about who guesses: behind it stand all users of the host.
        seen_from = change.actor.address if change.actor.kind == "user" else None
        return replace(change, code=symbols or "", digest=digest, address=change.address or seen_from)

    def _digest(self, symbols: str) -> str:
        return hmac.new(self._voucher_key, symbols.encode(), hashlib.sha256).hexdigest()

    def _write(self, ask: Callable[[Any, int], Any]) -> Any:
        now_us = self._clock.now_us()
        return self._database.writer.ask(lambda connection: ask(connection, now_us)).result()

    def _read(self, ask: Callable[..., T], *args: Any, **options: Any) -> T:
        return self._database.read(lambda connection: ask(connection, *args, **options))

    # --- packages --------------------------------------------------------------------------------------------------

    def packages(self, *, active_only: bool = False) -> list[Package]:
        """All packages."""
        return self._read(shop_pages.packages_of, active_only=active_only)

    def put_package(
        self,
        package_id: str | None,
        wanted: WantedPackage,
        key: str | None,
        actor: Actor | None,
        reason: str | None,
    ) -> Package:
        """Make or change a package."""
        if key is not None and package_id is not None:
            raise bad_field("key", "is for a package that is made")
        check_key(key)
        self._check_terms(wanted.name, wanted.credits, wanted.unit, wanted.validity_s)
        whole("price_minor", wanted.price_minor, low=0)
        check_match(CURRENCY, "currency", wanted.currency, "must be three capital letters (ISO 4217)")
        whole("position", wanted.position, low=-1_000_000, high=1_000_000)
        check_flag("active", wanted.active)
        check_text("description", wanted.description, 2_000)
        fields, deed = asdict(wanted), _deed(actor, reason)

        def write(connection: Any, now_us: int) -> Told:
            if package_id is not None:
                return shop_rows.put_package(connection, package_id, fields, deed, now_us)

            def make() -> str:
                added: Package = shop_rows.put_package(connection, None, fields, deed, now_us).result
                return added.id

            def view(id: str) -> Mapping[str, Any]:
                return asdict(shop_pages.package(connection, id))

            made = once(
                connection, _scope(deed.actor), key, content_of("package", fields), now_us, make, keep=view
            )
            lists = {} if made.is_old else {shop_rows.NOBODY: {"orders", "packages", "audit"}}
            package = Package(**{**(made.kept or view(made.id)), "replayed": made.is_old})
            return Told(package, [], lists)

        package: Package = self._write(write)
        return package

    def delete_package(self, package_id: str, actor: Actor | None, reason: str | None) -> None:
        """Remove a package."""
        deed = _deed(actor, reason)
        self._write(lambda connection, now_us: shop_rows.delete_package(connection, package_id, deed, now_us))

    # --- orders ----------------------------------------------------------------------------------------------------

    def order(
        self,
        user_id: str,
        package_id: str,
        billing: Billing | None,
        purchase_reference: str | None,
        shown: Mapping[str, Any] | None,
        common: Common,
    ) -> Order:
        """Place an order."""
        check_user_id("user_id", user_id)
        asked = common_fields(user_id, common)
        billed = None if billing is None else billing.as_json()
        for name, text in (billed or {}).items():
            check_text(f"billing.{name}", text, 1_000)
        check_text("purchase_reference", purchase_reference, 200)
        check_shown(shown)
        check_text("metadata", asked["metadata"], METADATA_LENGTH_MAX)
        check_key(asked["key"])
        fields = {
            "billing": None if billed is None else canonical(billed),
            "purchase_reference": purchase_reference, "metadata": asked["metadata"],
        }  # fmt: skip
        seen = {} if shown is None else {"shown": dict(shown)}
        content = content_of("order", {"user_id": user_id, "package_id": package_id, **fields, **seen})

        def write(connection: Any, now_us: int) -> Told:
            newcomers: set[str] = set()

            def make() -> str:
                order_id = new_id("ord", now_us)
                newcomers.update(
                    shop_rows.add_order(
                        connection, order_id, user_id, package_id, fields, shown, asked["actor"], now_us
                    )
                )
                return order_id

            made = once(connection, asked["key_scope"], asked["key"], content, now_us, make)
            names = {"orders", "audit", "users"} if newcomers else {"orders", "audit"}
            lists = {} if made.is_old else {user_id: names}
            order = shop_pages.order(connection, made.id, for_user=asked["actor"].kind == "user")
            return Told(replace(order, replayed=made.is_old), [], lists, frozenset(newcomers))

        order: Order = self._write(write)
        return order

    def orders(self, asked: OrderFilter, part: Slice, *, for_user: bool = False) -> Page[Order]:
        """A page of orders."""
        check_state(asked.state, ORDER_STATES)
        return self._read(shop_pages.orders_of, asked, part, for_user=for_user)

    def order_of(self, order_id: str, *, for_user: bool = False) -> Order:
        """One order."""
        return self._read(shop_pages.order, order_id, for_user=for_user)

    def cancel_order(
        self, order_id: str, reason: str | None, key: str | None, actor: Actor | None, user_id: str | None
    ) -> Order:
        """Cancel a pending order."""
        deed = _deed(actor, reason)
        check_key(key)
        content = content_of("cancelled order", {"order": order_id, "reason": reason})

        def write(connection: Any, now_us: int) -> Told:
            told = Told(None, [], {})

            def cancel() -> str:
                nonlocal told
                told = shop_rows.cancel_order(connection, order_id, user_id, deed, now_us)
                return order_id

            made = once(connection, _scope(deed.actor), key, content, now_us, cancel)
            order = shop_pages.order(connection, order_id)
            return replace(told, result=replace(order, replayed=made.is_old))

        order: Order = self._write(write)
        return replace(order, for_user=deed.actor.kind == "user")

    # --- campaigns -------------------------------------------------------------------------------------------------

    def create_campaign(
        self, wanted: WantedCampaign, key: str | None, actor: Actor | None, reason: str | None
    ) -> Campaign:
        """Make a campaign, then its codes."""
        fields, allowed = self._checked_campaign(wanted)
        check_key(key)
        deed = _deed(actor, reason)
        content = content_of("campaign", {**fields, "allowed_users": allowed})

        def write(connection: Any, now_us: int) -> Told:
            def make() -> str:
                require_future("ends_at", fields["ends_at_us"], now_us)
                campaign_id = new_id("cmp", now_us)
                shop_rows.add_campaign(connection, campaign_id, fields, allowed, deed, now_us)
                if wanted.word is not None:
                    voucher = (new_id("vch", now_us), wanted.word, self._digest_of(wanted.word))
                    shop_rows.add_codes(connection, campaign_id, [voucher], now_us)
                return campaign_id

            made = once(connection, _scope(deed.actor), key, content, now_us, make)
            return Told(made, [], {shop_rows.NOBODY: {"vouchers", "audit"}})

        made: Made = self._write(write)
        self._windows.note(shop_rows.NOBODY, fields["starts_at_us"], fields["ends_at_us"])
        self._make_codes(made.id, wanted.codes or 1, wanted.prefix or "")
        return replace(self.campaign(made.id), replayed=made.is_old)

    def _make_codes(self, campaign_id: str, wanted: int, prefix: str) -> None:
        """Make what the campaign lacks: all of it, or the rest that an ended process has left."""
        lacking = wanted - self.campaign(campaign_id).funnel.codes
        ids = Ids()
        while lacking > 0:
            ids.at(self._clock.now_us())
            codes = [self._new_code(ids, prefix) for _ in range(min(lacking, shop_rows.CODES_AT_ONCE))]
            lacking = self._write(partial(_add_codes, campaign_id, codes))

    def _new_code(self, ids: Ids, prefix: str) -> tuple[str, str, str]:
        code = spelled(secrets.token_bytes(CODE_BYTES), prefix)
        return ids("vch"), code, self._digest_of(code)

    def _digest_of(self, code: str) -> str:
        symbols = normalised(code)
        assert symbols is not None, "a code is made of symbols"
        return self._digest(symbols)

    def _checked_campaign(self, wanted: WantedCampaign) -> tuple[dict[str, Any], list[str] | None]:
        self._check_terms(wanted.name, wanted.credits, wanted.unit, wanted.validity_s)
        check_text("label", wanted.label)
        starts_at_us = microseconds("starts_at", wanted.starts_at)
        ends_at_us = microseconds("ends_at", wanted.ends_at)
        if starts_at_us is not None and ends_at_us is not None and ends_at_us <= starts_at_us:
            raise bad_field("ends_at", "must be after starts_at")
        for name, most in (("max_per_code", wanted.max_per_code), ("max_per_user", wanted.max_per_user)):
            if most is not None:
                positive(name, most)
        check_codes(wanted)
        check_flag("welcome", wanted.welcome)
        if wanted.welcome and wanted.word is None and wanted.codes != 1:
            raise bad_field("welcome", "needs a word, or exactly one code")
        fields = {
            "name": wanted.name, "label": wanted.label, "credits": wanted.credits, "unit": wanted.unit,
            "validity_s": wanted.validity_s, "starts_at_us": starts_at_us, "ends_at_us": ends_at_us,
            "max_per_code": wanted.max_per_code, "max_per_user": wanted.max_per_user, "prefix": wanted.prefix,
            "word": wanted.word, "welcome": wanted.welcome, "codes": wanted.codes or 1,
        }  # fmt: skip
        return fields, checked_list(wanted.allowed_users)

    def _check_terms(self, name: str, credits: int, unit: str, validity_s: int | None) -> None:
        """What packages and campaigns have in common."""
        check_text("name", name, 200)
        if not name or not name.strip():
            raise bad_field("name", "must not be empty")
        positive("credits", credits)
        self._check_unit(unit)
        if validity_s is not None:
            positive("validity_s", validity_s, high=VALIDITY_S_MOST)

    def _check_unit(self, unit: str) -> None:
        if unit not in self._units():
            raise bad_field("unit", "is not a configured unit")

    def campaigns(self, part: Slice) -> Page[Campaign]:
        """A page of campaigns."""
        return self._read(shop_pages.campaigns_of, part, self._clock.now_us())

    def campaign(self, campaign_id: str) -> Campaign:
        """One campaign."""
        return self._read(shop_pages.campaign, campaign_id, self._clock.now_us())

    def campaign_codes(self, asked: VoucherFilter, part: Slice) -> Page[VoucherView]:
        """A page of a campaign's codes."""
        self._read(shop_pages.require_campaign, asked.campaign_id or "")
        return self.vouchers(asked, part)

    def revoke_code(self, voucher_id: str, actor: Actor | None, reason: str | None) -> VoucherView:
        """Withdraw one code."""
        deed = _deed(actor, reason)
        voucher: VoucherView = self._write(
            lambda connection, now_us: shop_rows.revoke_code(connection, voucher_id, deed, now_us)
        )
        return voucher

    def revoke_rest(self, campaign_id: str, actor: Actor | None, reason: str | None) -> Campaign:
        """Withdraw what can still pay."""
        deed = _deed(actor, reason)
        self._write(lambda connection, now_us: shop_rows.revoke_rest(connection, campaign_id, deed, now_us))
        return self.campaign(campaign_id)

    # --- vouchers --------------------------------------------------------------------------------------------------

    def create_voucher(
        self,
        amount: int,
        unit: str,
        user_id: str | None,
        expires_at: datetime | None,
        code: str | None,
        key: str | None,
        actor: Actor | None,
        reason: str | None,
    ) -> VoucherView:
        """Make a single voucher."""
        positive("amount", amount)
        self._check_unit(unit)
        if user_id is not None:
            check_user_id("user_id", user_id)
        if code is not None and not is_word(code):
            raise bad_field("code", "must have 4–15 capital letters and digits")
        check_key(key)
        deed, ends_at_us = _deed(actor, reason), microseconds("expires_at", expires_at)
        asked = {"amount": amount, "unit": unit, "user_id": user_id, "ends_at_us": ends_at_us}
        content = content_of("voucher", {**asked, "code": code})

        def write(connection: Any, now_us: int) -> Told:
            def make() -> str:
                require_future("expires_at", ends_at_us, now_us)
                voucher_id = new_id("vch", now_us)
                shown = code or spelled(secrets.token_bytes(CODE_BYTES))
                fields = {**asked, "code": shown, "digest": self._digest_of(shown)}
                shop_rows.add_voucher(connection, voucher_id, fields, deed, now_us)
                return voucher_id

            def view(voucher_id: str) -> Mapping[str, Any]:
                return asdict(shop_pages.voucher(connection, voucher_id, now_us))

            made = once(connection, _scope(deed.actor), key, content, now_us, make, keep=view)
            lists = {} if made.is_old else {user_id or shop_rows.NOBODY: {"vouchers", "audit"}}
            voucher = VoucherView(**made.kept or view(made.id))
            return Told(replace(voucher, replayed=made.is_old), [], lists)

        voucher: VoucherView = self._write(write)
        self._windows.note(user_id or shop_rows.NOBODY, ends_at_us)
        return voucher

    def put_voucher(
        self,
        voucher_id: str,
        amount: int,
        expires_at: datetime | None,
        actor: Actor | None,
        reason: str | None,
    ) -> VoucherView:
        """Change an unused voucher."""
        values: dict[str, Any] = {}
        if amount is not UNTOUCHED:
            values["amount"] = positive("amount", amount)
        if expires_at is not UNTOUCHED:
            values["ends_at_us"] = microseconds("expires_at", expires_at)
        deed = _deed(actor, reason)
        voucher: VoucherView = self._write(
            lambda connection, now_us: shop_rows.put_voucher(connection, voucher_id, values, deed, now_us)
        )
        self._windows.note(voucher.user_id or shop_rows.NOBODY, voucher.expires_at_us)
        return voucher

    def delete_voucher(self, voucher_id: str, actor: Actor | None, reason: str | None) -> None:
        """Remove an unused voucher."""
        deed = _deed(actor, reason)
        self._write(lambda connection, now_us: shop_rows.delete_voucher(connection, voucher_id, deed, now_us))

    def vouchers(self, asked: VoucherFilter, part: Slice) -> Page[VoucherView]:
        """A page of vouchers."""
        check_state(asked.state, VOUCHER_STATES)
        return self._read(shop_pages.vouchers_of, asked, part, self._clock.now_us())

    def voucher(self, voucher_id: str) -> VoucherView:
        """One voucher."""
        return self._read(shop_pages.voucher, voucher_id, self._clock.now_us())

    def redemptions(self, user_id: str, part: Slice, *, for_user: bool = False) -> Page[RedemptionView]:
        """A page of a user's redemptions."""
        return self._read(shop_pages.redemptions_of, user_id, part, self._clock.now_us(), for_user=for_user)

    # --- people ----------------------------------------------------------------------------------------------------

    def erase(self, user_id: str, actor: Actor | None, reason: str | None) -> Mapping[str, Any]:
        """Remove a person's data."""
        deed = _deed(actor, reason)
        emptied: Mapping[str, Any] = self._write(
            lambda connection, now_us: shop_rows.erase(connection, user_id, deed, now_us)
        )
        return emptied


def _voucher_key(connection: Any) -> str:
    from sqlalchemy import select

    from livecredits.storage.schema import meta

    return str(connection.execute(select(meta.c.value).where(meta.c.name == "voucher_key")).scalar_one())


def _add_codes(campaign_id: str, codes: Sequence[tuple[str, str, str]], connection: Any, now_us: int) -> Told:
    return shop_rows.add_codes(connection, campaign_id, codes, now_us)


def _scope(actor: Actor) -> str:
    return "service" if actor.kind == "service" else f"{actor.kind}:{actor.id}"


def _deed(actor: Actor | None, reason: str | None) -> Deed:
    check_text("reason", reason)
    return Deed(actor or LIBRARY, reason)
