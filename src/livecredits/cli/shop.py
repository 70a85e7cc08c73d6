"""The shop's commands: packages, orders, campaigns and vouchers.

Promises: what the console can do with them a script can do, through a server or in the file; a list shows its newest
page, or all of it with `--all`. Must not know the rules: each command asks one verb of the ledger.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import typer

from livecredits.cli.changes import NUMBERS, Key, Label, Reason, Unit, UserId
from livecredits.cli.ledger import Database, Json
from livecredits.cli.lists import All, Columns, Limit, Time, asked, show, show_page, utc
from livecredits.cli.output import AsJson, out, plain, print_change

packages = typer.Typer(help="What users can order.", no_args_is_help=True)
orders = typer.Typer(help="What users have ordered: place, fulfil, cancel, refund.", no_args_is_help=True)
campaigns = typer.Typer(help="Many vouchers under one set of terms.", no_args_is_help=True)
vouchers = typer.Typer(help="Single codes that pay credits.", no_args_is_help=True)

PackageId = Annotated[str, typer.Argument(metavar="PACKAGE", help="Its id, pkg_….")]
OrderId = Annotated[str, typer.Argument(metavar="ORDER", help="Its id, ord_….")]
CampaignId = Annotated[str, typer.Argument(metavar="CAMPAIGN", help="Its id, cmp_….")]
VoucherId = Annotated[str, typer.Argument(metavar="VOUCHER", help="Its id, vch_….")]
Days = Annotated[
    int | None, typer.Option(min=1, help="How many days the credits last; without end if left out.")
]
DAY_S = 86_400


class OrderState(StrEnum):
    """Where an order stands."""

    pending = "pending"
    fulfilled = "fulfilled"
    cancelled = "cancelled"
    refunded = "refunded"


class VoucherState(StrEnum):
    """What a code can still do."""

    upcoming = "upcoming"
    open = "open"
    used = "used"
    expired = "expired"
    revoked = "revoked"


class Spent(StrEnum):
    """What a refund does where part of the credits is gone."""

    refuse = "refuse"
    left = "left"
    below_floor = "below-floor"


def add_to(app: typer.Typer) -> None:
    """Put these commands into the program."""
    app.add_typer(packages, name="package")
    app.add_typer(orders, name="order")
    app.add_typer(campaigns, name="campaign")
    app.add_typer(vouchers, name="voucher")


def _price(package: Json) -> str:
    return f"{package['price_minor']:,} {package['currency']}"


def _days(validity_s: int | None) -> str:
    return "without end" if validity_s is None else f"{validity_s / DAY_S:g} days"


def _validity(days: int | None) -> int | None:
    return None if days is None else days * DAY_S


# --- packages ------------------------------------------------------------------------------------------------------

PACKAGES: Columns = {
    "name": lambda one: one["name"],
    "credits": lambda one: f"{one['credits']:,} {one['unit']}",
    "price": _price,
    "credits last": lambda one: _days(one["validity_s"]),
    "": lambda one: "" if one["active"] else "inactive",
    "id": lambda one: one["id"],
}


@packages.command("list")
def list_packages(*, database: Database = None, as_json: AsJson = False) -> None:
    """Show all packages in their order of display; prices in the currency's smallest part."""
    found = asked("packages", database=database, as_json=as_json)
    show_page(
        found, PACKAGES, as_json=as_json, empty="There are no packages. `livecredits package add` makes one."
    )


@packages.command("add")
def add_package(  # noqa: PLR0913 - options
    name: Annotated[str, typer.Argument(help="What users read.")],
    credits: Annotated[int, typer.Argument(help="How many it grants.")],
    price: Annotated[int, typer.Argument(help="In the currency's smallest part: 900 EUR cents are 9 EUR.")],
    currency: Annotated[str, typer.Argument(help="ISO 4217, such as EUR.")],
    *,
    unit: Unit = "credits",
    days: Days = None,
    position: Annotated[int, typer.Option(help="Low numbers stand first.")] = 0,
    description: Annotated[str | None, typer.Option(help="What users read below the name.")] = None,
    replace: Annotated[str | None, typer.Option(metavar="PACKAGE", help="Change this one instead.")] = None,
    inactive: Annotated[
        bool, typer.Option("--inactive", help="It cannot be ordered (yet, or any more).")
    ] = False,
    reason: Reason = None,
    database: Database = None,
    as_json: AsJson = False,
) -> None:
    """Make a package, or put another in its place; orders keep theirs as it was."""
    made = asked(
        "put_package", replace, name=name, credits=credits, unit=unit, price_minor=price, currency=currency,
        validity_s=_validity(days), active=not inactive, position=position, description=description, reason=reason,
        database=database, as_json=as_json,
    )  # fmt: skip
    show(
        made, f"{plain(made['name'])}: {made['credits']:,} {made['unit']} for {_price(made)}", as_json=as_json
    )


@packages.command("delete")
def delete_package(
    package: PackageId, *, reason: Reason = None, database: Database = None, as_json: AsJson = False
) -> None:
    """Remove a package that was never ordered."""
    asked("delete_package", package, reason=reason, database=database, as_json=as_json)
    show({"id": package, "deleted": True}, f"{plain(package)} is gone", as_json=as_json)


# --- orders --------------------------------------------------------------------------------------------------------

ORDERS: Columns = {
    "placed": lambda one: one["created_at"][:16],
    "user": lambda one: one["user_id"],
    "package": lambda one: one["package"]["name"],
    "price": lambda one: _price(one["package"]),
    "state": lambda one: one["state"],
    "reference": lambda one: one["purchase_reference"],
    "id": lambda one: one["id"],
}


@orders.command("list")
def list_orders(  # noqa: PLR0913 - options
    *,
    state: Annotated[OrderState | None, typer.Option(help="Only those.")] = None,
    user: Annotated[str | None, typer.Option(help="Only this user's.")] = None,
    search: Annotated[str | None, typer.Option(help="In ids, users, references, billing.")] = None,
    since: Time = None,
    until: Time = None,
    limit: Limit = 50,
    every: All = False,
    database: Database = None,
    as_json: AsJson = False,
) -> None:
    """Show orders, the newest first."""
    found = asked(
        "orders", user, state=None if state is None else state.value, search=search, since=utc(since),
        until=utc(until), limit=limit, every=every, database=database, as_json=as_json,
    )  # fmt: skip
    show_page(found, ORDERS, as_json=as_json, empty="No such orders.")


@orders.command("show")
def show_order(order: OrderId, *, database: Database = None, as_json: AsJson = False) -> None:
    """Show one order with all that is known of it."""
    show(asked("order_of", order, database=database, as_json=as_json), None, as_json=as_json)


@orders.command("place", context_settings=NUMBERS)
def place(  # noqa: PLR0913 - options
    user: UserId,
    package: PackageId,
    *,
    organisation: Annotated[str | None, typer.Option(help="Whom to bill.")] = None,
    purchaser: Annotated[str | None, typer.Option(help="Who buys.")] = None,
    address: Annotated[str | None, typer.Option(help="Where the bill goes.")] = None,
    email: Annotated[str | None, typer.Option(help="To whom it is mailed.")] = None,
    reference: Annotated[str | None, typer.Option(help="The buyer's own.")] = None,
    key: Key = None,
    database: Database = None,
    as_json: AsJson = False,
) -> None:
    """Order a package for a user, who is made if they are not known yet."""
    from livecredits import Billing

    billing = Billing(organisation=organisation, purchaser=purchaser, address=address, email=email)
    placed = asked(
        "order", user, package, billing=billing if billing.as_json() else None, purchase_reference=reference, key=key,
        database=database, as_json=as_json,
    )  # fmt: skip
    sentence = f"{plain(user)} has ordered {plain(placed['package']['name'])}: {placed['id']}"
    show(placed, sentence, as_json=as_json)


@orders.command("fulfil")
def fulfil(
    order: OrderId,
    *,
    fulfilled_by: Annotated[str | None, typer.Option("--by", help="Whom you name; kept as a claim.")] = None,
    note: Annotated[str | None, typer.Option(help="For operators.")] = None,
    reason: Reason = None,
    label: Label = None,
    key: Key = None,
    database: Database = None,
    as_json: AsJson = False,
) -> None:
    """Grant what a pending order has bought, once; a second time is told by whom and when it was done."""
    answer = asked(
        "fulfil", order, fulfilled_by=fulfilled_by, note=note, reason=reason, label=label, key=key,
        database=database, as_json=as_json,
    )  # fmt: skip
    print_change(answer, as_json=as_json)


@orders.command("cancel")
def cancel(
    order: OrderId,
    *,
    reason: Annotated[str | None, typer.Option(help="Why, for the user as well.")] = None,
    key: Key = None,
    database: Database = None,
    as_json: AsJson = False,
) -> None:
    """Close a pending order."""
    closed = asked("cancel_order", order, reason=reason, key=key, database=database, as_json=as_json)
    show(closed, f"{plain(order)} of {plain(closed['user_id'])} is cancelled", as_json=as_json)


@orders.command("refund")
def refund(
    order: OrderId,
    *,
    spent: Annotated[Spent, typer.Option(help="Where part of its credits is gone.")] = Spent.refuse,
    reason: Reason = None,
    label: Label = None,
    key: Key = None,
    database: Database = None,
    as_json: AsJson = False,
) -> None:
    """Take back what a fulfilled order granted, once."""
    answer = asked(
        "refund", order, spent=spent.value.replace("-", "_"), reason=reason, label=label, key=key,
        database=database, as_json=as_json,
    )  # fmt: skip
    print_change(answer, as_json=as_json)


# --- campaigns -----------------------------------------------------------------------------------------------------

CAMPAIGNS: Columns = {
    "name": lambda one: one["name"],
    "pays": lambda one: f"{one['credits']:,} {one['unit']}",
    "state": lambda one: one["state"],
    "codes": lambda one: f"{one['funnel']['codes']:,}",
    "redeemed": lambda one: f"{one['funnel']['redemptions']:,}",
    "open": lambda one: f"{one['funnel']['open']:,}",
    "id": lambda one: one["id"],
}
VOUCHERS: Columns = {
    "code": lambda one: one["code"],
    "pays": lambda one: f"{one['amount']:,} {one['unit']}",
    "state": lambda one: one["state"],
    "for": lambda one: one["user_id"],
    "redeemed by": lambda one: one["redeemed_by"],
    "until": lambda one: (one["expires_at"] or "")[:16],
    "id": lambda one: one["voucher"],
}


@campaigns.command("list")
def list_campaigns(
    *, limit: Limit = 50, every: All = False, database: Database = None, as_json: AsJson = False
) -> None:
    """Show campaigns, the newest first, and how far each has come."""
    found = asked("campaigns", limit=limit, every=every, database=database, as_json=as_json)
    show_page(
        found,
        CAMPAIGNS,
        as_json=as_json,
        empty="There are no campaigns. `livecredits campaign add` makes one.",
    )


@campaigns.command("show")
def show_campaign(campaign: CampaignId, *, database: Database = None, as_json: AsJson = False) -> None:
    """Show one campaign with its terms and its funnel."""
    show(asked("campaign", campaign, database=database, as_json=as_json), None, as_json=as_json)


@campaigns.command("add")
def add_campaign(  # noqa: PLR0913 - options
    name: Annotated[str, typer.Argument(help="For operators.")],
    credits: Annotated[int, typer.Argument(help="What each redemption grants.")],
    *,
    codes: Annotated[int | None, typer.Option(help="How many codes to generate, at most 100,000.")] = None,
    word: Annotated[str | None, typer.Option(help="The one code, chosen: WELCOME10.")] = None,
    prefix: Annotated[str | None, typer.Option(help="What generated codes begin with.")] = None,
    unit: Unit = "credits",
    days: Days = None,
    starts: Time = None,
    ends: Time = None,
    per_user: Annotated[int, typer.Option(min=0, help="How often one user may redeem; 0 without limit.")] = 1,
    per_code: Annotated[
        int | None,
        typer.Option(min=0, help="How often one code pays; 0 without limit. Once, and a word without limit."),
    ] = None,
    allowed: Annotated[
        list[str] | None,
        typer.Option("--user", help="Only these users may redeem; may be given several times."),
    ] = None,
    label: Label = None,
    welcome: Annotated[bool, typer.Option("--welcome", help="Give it to every new user.")] = False,
    key: Key = None,
    database: Database = None,
    as_json: AsJson = False,
) -> None:
    """Make a campaign and its codes, or with one chosen word."""
    limits: dict[str, Any] = {} if per_code is None else {"max_per_code": per_code or None}
    made = asked(
        "create_campaign", name, credits=credits, unit=unit, validity_s=_validity(days), starts_at=utc(starts),
        ends_at=utc(ends), max_per_user=per_user or None, allowed_users=allowed or None, prefix=prefix, codes=codes,
        word=word, label=label, welcome=welcome, key=key, database=database, as_json=as_json, **limits,
    )  # fmt: skip
    show(made, f"{plain(made['name'])} has {made['funnel']['codes']:,} codes  {made['id']}", as_json=as_json)


@campaigns.command("codes")
def list_codes(
    campaign: CampaignId,
    *,
    state: Annotated[VoucherState | None, typer.Option(help="Only those.")] = None,
    search: Annotated[str | None, typer.Option(help="A code, or part of one.")] = None,
    limit: Limit = 50,
    every: All = False,
    database: Database = None,
    as_json: AsJson = False,
) -> None:
    """Show a campaign's codes, and what became of each; `livecredits export codes` writes a file."""
    found = asked(
        "campaign_codes", campaign, state=None if state is None else state.value, search=search, limit=limit,
        every=every, database=database, as_json=as_json,
    )  # fmt: skip
    show_page(found, VOUCHERS, as_json=as_json, empty="No such codes.")


@campaigns.command("revoke")
def revoke_rest(
    campaign: CampaignId, *, reason: Reason = None, database: Database = None, as_json: AsJson = False
) -> None:
    """Withdraw every code that can still pay; what was redeemed stays."""
    left = asked("revoke_rest", campaign, reason=reason, database=database, as_json=as_json)
    show(left, f"{left['funnel']['revoked']:,} codes are withdrawn", as_json=as_json)


# --- vouchers ------------------------------------------------------------------------------------------------------


@vouchers.command("list")
def list_vouchers(
    *,
    state: Annotated[VoucherState | None, typer.Option(help="Only those.")] = None,
    user: Annotated[str | None, typer.Option(help="Bound to, or redeemed by this user.")] = None,
    search: Annotated[str | None, typer.Option(help="A code, or part of one.")] = None,
    limit: Limit = 50,
    every: All = False,
    database: Database = None,
    as_json: AsJson = False,
) -> None:
    """Show single vouchers, the newest first."""
    found = asked(
        "vouchers", state=None if state is None else state.value, user_id=user,
        search=search, limit=limit, every=every, database=database, as_json=as_json,
    )  # fmt: skip
    show_page(found, VOUCHERS, as_json=as_json, empty="No such vouchers.")


@vouchers.command("show")
def show_voucher(voucher: VoucherId, *, database: Database = None, as_json: AsJson = False) -> None:
    """Show one voucher, single or of a campaign, and what became of it."""
    show(asked("voucher", voucher, database=database, as_json=as_json), None, as_json=as_json)


@vouchers.command("add")
def add_voucher(  # noqa: PLR0913 - options
    amount: Annotated[int, typer.Argument(help="What it pays.")],
    *,
    unit: Unit = "credits",
    user: Annotated[str | None, typer.Option(help="Nobody else may redeem it.")] = None,
    expires: Time = None,
    code: Annotated[str | None, typer.Option(help="A chosen code; made if left out.")] = None,
    reason: Reason = None,
    key: Key = None,
    database: Database = None,
    as_json: AsJson = False,
) -> None:
    """Make a single voucher and print its code."""
    made = asked(
        "create_voucher", amount, unit=unit, user_id=user, expires_at=utc(expires), code=code, reason=reason,
        key=key, database=database, as_json=as_json,
    )  # fmt: skip
    if not as_json:
        out().print(plain(made["code"]))
    else:
        show(made, None, as_json=True)


@vouchers.command("change")
def change_voucher(
    voucher: VoucherId,
    *,
    amount: Annotated[int | None, typer.Option(help="What it shall pay.")] = None,
    expires: Time = None,
    reason: Reason = None,
    database: Database = None,
    as_json: AsJson = False,
) -> None:
    """Change a voucher while it is unused."""
    given: dict[str, Any] = {} if amount is None else {"amount": amount}
    given |= {} if expires is None else {"expires_at": utc(expires)}
    if not given:
        raise typer.BadParameter("say --amount or --expires, or both")
    changed = asked("put_voucher", voucher, **given, reason=reason, database=database, as_json=as_json)
    show(changed, f"{plain(changed['code'])} pays {changed['amount']:,} {changed['unit']}", as_json=as_json)


@vouchers.command("delete")
def delete_voucher(
    voucher: VoucherId, *, reason: Reason = None, database: Database = None, as_json: AsJson = False
) -> None:
    """Remove a voucher while it is unused."""
    asked("delete_voucher", voucher, reason=reason, database=database, as_json=as_json)
    show({"voucher": voucher, "deleted": True}, f"{plain(voucher)} is gone", as_json=as_json)


@vouchers.command("revoke")
def revoke_code(
    voucher: VoucherId, *, reason: Reason = None, database: Database = None, as_json: AsJson = False
) -> None:
    """Withdraw one code, single or of a campaign; what it has paid stays."""
    revoked = asked("revoke_code", voucher, reason=reason, database=database, as_json=as_json)
    show(revoked, f"{plain(revoked['code'])} is withdrawn", as_json=as_json)


@vouchers.command("redeem", context_settings=NUMBERS)
def redeem(
    user: UserId,
    code: Annotated[str, typer.Argument(help="As it is typed: case, dashes and blanks do not matter.")],
    *,
    key: Key = None,
    database: Database = None,
    as_json: AsJson = False,
) -> None:
    """Redeem a code for a user."""
    print_change(asked("redeem", user, code, key=key, database=database, as_json=as_json), as_json=as_json)
