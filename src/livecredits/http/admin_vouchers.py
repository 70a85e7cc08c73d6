"""What operators do with codes: single vouchers, campaigns with up to 100,000 of them, and what became of each."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, TypeVar

from livecredits.errors import CodeTaken, NotFound, OverOperatorLimit, VoucherUsed
from livecredits.http.bodies import PageQuery, ReasonBody, ReasonQuery
from livecredits.http.changes import actor_of, key_headers, key_of, require_reason
from livecredits.http.export import export
from livecredits.http.reading import EXPORT_PAGE, note_export, page_reply
from livecredits.http.routing import Answer, Call, NoBody, NoQuery, Reply, Routes, as_json
from livecredits.http.rules import SELLS, SERVES, SHOWS
from livecredits.http.shop import WRITTEN
from livecredits.http.shop_models import (
    CampaignBody,
    CampaignShape,
    CampaignsPage,
    CodesFileQuery,
    CodesQuery,
    NewVoucherBody,
    RedemptionsPage,
    VoucherBody,
    VoucherShape,
    VouchersPage,
    VouchersQuery,
)
from livecredits.storage.people import UNTOUCHED
from livecredits.storage.shop_views import Campaign, RedemptionView, VoucherView
from livecredits.storage.views import Page

T = TypeVar("T", VoucherView, Campaign, RedemptionView)

routes = Routes("Vouchers")

CODE_COLUMNS = (
    "code", "state", "amount", "unit", "redemptions", "max_redemptions", "redeemed_by", "redeemed_at", "expires_at",
    "voucher",
)  # fmt: skip


# --- single vouchers -----------------------------------------------------------------------------------------------


@routes.add("GET", "/admin/vouchers", rule=SHOWS, query=VouchersQuery, result=VouchersPage)
async def list_vouchers(call: Call[NoBody, VouchersQuery]) -> Reply:
    """Single vouchers, newest first. A viewer neither reads nor finds codes that can still pay."""
    query = call.query
    page = await call.services.credits.vouchers(
        search=query.q, state=query.state, user_id=query.user, before=query.before, after=query.after,
        limit=query.limit, finds_paying=call.principal.may_see_codes(),
    )  # fmt: skip
    return page_reply(_seen(call, page))


@routes.add("POST", "/admin/vouchers", rule=SERVES, body=NewVoucherBody, result=VoucherShape, status=201, keyed=True,
            refuses=(CodeTaken, OverOperatorLimit, *WRITTEN))  # fmt: skip
async def create_voucher(call: Call[NewVoucherBody, NoQuery]) -> Reply:
    """Make a voucher: for anybody, or for one user; with a generated code, or a chosen one."""
    body, key = call.body, key_of(call)
    require_reason(call, body.reason)
    _hold_limit(call, body.amount)
    voucher = await call.services.credits.create_voucher(
        body.amount, unit=body.unit, user_id=body.user_id, expires_at=body.expires_at, code=body.code, key=key,
        reason=body.reason, actor=actor_of(call),
    )  # fmt: skip
    return as_json(voucher.as_json(), status=201, headers=key_headers(key, replayed=voucher.replayed))


@routes.add("GET", "/admin/vouchers/{voucher_id}", rule=SHOWS, result=VoucherShape, refuses=(NotFound,))
async def read_voucher(call: Call[NoBody, NoQuery]) -> Reply:
    """One voucher, single or of a campaign."""
    voucher = await call.services.credits.voucher(call.params["voucher_id"])
    return as_json(_shown(call, voucher).as_json())


@routes.add("PUT", "/admin/vouchers/{voucher_id}", rule=SERVES, body=VoucherBody, result=VoucherShape,
            refuses=(NotFound, VoucherUsed, OverOperatorLimit, *WRITTEN[1:]))  # fmt: skip
async def put_voucher(call: Call[VoucherBody, NoQuery]) -> Reply:
    """Change the amount or the expiry of a voucher that nobody has redeemed; what is left out stays."""
    given = call.body.model_fields_set
    require_reason(call, call.body.reason)
    if "amount" in given:
        _hold_limit(call, call.body.amount)
    voucher = await call.services.credits.put_voucher(
        call.params["voucher_id"],
        amount=call.body.amount if "amount" in given else UNTOUCHED,
        expires_at=call.body.expires_at if "expires_at" in given else UNTOUCHED,
        reason=call.body.reason,
        actor=actor_of(call),
    )
    return as_json(voucher.as_json())


@routes.add("DELETE", "/admin/vouchers/{voucher_id}", rule=SERVES, query=ReasonQuery, status=204,
            refuses=(NotFound, VoucherUsed, *WRITTEN[1:]))  # fmt: skip
async def delete_voucher(call: Call[NoBody, ReasonQuery]) -> Reply:
    """Remove a voucher that nobody has redeemed."""
    reason = call.query.reason
    require_reason(call, reason)
    await call.services.credits.delete_voucher(call.params["voucher_id"], reason=reason, actor=actor_of(call))
    return Reply(status=204)


@routes.add("POST", "/admin/vouchers/{voucher_id}/revoke", rule=SELLS, body=ReasonBody, result=VoucherShape,
            refuses=(NotFound, VoucherUsed, *WRITTEN[1:]))  # fmt: skip
async def revoke_voucher(call: Call[ReasonBody, NoQuery]) -> Reply:
    """Withdraw one code, single or of a campaign; what it has paid stays."""
    reason = call.body.reason
    require_reason(call, reason)
    voucher = await call.services.credits.revoke_code(
        call.params["voucher_id"], reason=reason, actor=actor_of(call)
    )
    return as_json(voucher.as_json())


@routes.add("GET", "/admin/users/{user_id}/redemptions", rule=SHOWS, query=PageQuery, result=RedemptionsPage,
            refuses=(NotFound,))  # fmt: skip
async def user_redemptions(call: Call[NoBody, PageQuery]) -> Reply:
    """A user's redemptions, newest first."""
    query = call.query
    page = await call.services.credits.redemptions(
        call.params["user_id"], before=query.before, after=query.after, limit=query.limit
    )
    return page_reply(_seen(call, page))


# --- campaigns -----------------------------------------------------------------------------------------------------


@routes.add("GET", "/admin/campaigns", rule=SHOWS, query=PageQuery, result=CampaignsPage)
async def list_campaigns(call: Call[NoBody, PageQuery]) -> Reply:
    """Campaigns, newest first, each with how far it has come."""
    query = call.query
    page = await call.services.credits.campaigns(before=query.before, after=query.after, limit=query.limit)
    return page_reply(_seen(call, page))


@routes.add("POST", "/admin/campaigns", rule=SELLS, body=CampaignBody, result=CampaignShape, status=201, keyed=True,
            body_bytes_max=16 * 1024 * 1024, refuses=(CodeTaken, OverOperatorLimit, *WRITTEN))  # fmt: skip
async def create_campaign(call: Call[CampaignBody, NoQuery]) -> Reply:
    """Make a campaign and its codes: generated ones, or one chosen word."""
    body, key = call.body, key_of(call)
    require_reason(call, body.reason)
    _hold_limit(call, body.credits)
    told = body.model_dump()
    if "max_per_code" not in body.model_fields_set:
        told["max_per_code"] = UNTOUCHED
    campaign = await call.services.credits.create_campaign(
        told.pop("name"), **told, key=key, actor=actor_of(call)
    )
    return as_json(campaign.as_json(), status=201, headers=key_headers(key, replayed=campaign.replayed))


@routes.add("GET", "/admin/campaigns/{campaign_id}", rule=SHOWS, result=CampaignShape, refuses=(NotFound,))
async def read_campaign(call: Call[NoBody, NoQuery]) -> Reply:
    """One campaign."""
    campaign = await call.services.credits.campaign(call.params["campaign_id"])
    return as_json(_shown(call, campaign).as_json())


@routes.add("GET", "/admin/campaigns/{campaign_id}/codes", rule=SELLS, query=CodesQuery, result=VouchersPage,
            refuses=(NotFound,))  # fmt: skip
async def list_codes(call: Call[NoBody, CodesQuery]) -> Reply:
    """A campaign's codes in the order in which they were made, and what became of each."""
    query = call.query
    page = await call.services.credits.campaign_codes(
        call.params["campaign_id"], state=query.state, search=query.q, before=query.before, after=query.after,
        limit=query.limit,
    )  # fmt: skip
    return page_reply(page)


@routes.add("GET", "/admin/campaigns/{campaign_id}/codes.csv", rule=SELLS, query=CodesFileQuery,
            media_types=("text/csv",), refuses=(NotFound,))  # fmt: skip
async def export_codes(call: Call[NoBody, CodesFileQuery]) -> Answer:
    """A campaign's codes as CSV. Written down in the audit trail with who asked."""
    campaign_id, query, credits = call.params["campaign_id"], call.query, call.services.credits
    stream = await export(
        "csv",
        "codes",
        CODE_COLUMNS,
        lambda cursor: credits.campaign_codes(
            campaign_id, state=query.state, search=query.q, after=cursor, limit=EXPORT_PAGE
        ),
        lambda code: code.as_json(),
    )
    await note_export(call, "codes.exported", campaign_id)
    return stream


@routes.add("POST", "/admin/campaigns/{campaign_id}/revoke", rule=SELLS, body=ReasonBody, result=CampaignShape,
            refuses=(NotFound, *WRITTEN[1:]))  # fmt: skip
async def revoke_campaign(call: Call[ReasonBody, NoQuery]) -> Reply:
    """Withdraw all codes of a campaign that could still pay; what was redeemed stays."""
    reason = call.body.reason
    require_reason(call, reason)
    campaign = await call.services.credits.revoke_rest(
        call.params["campaign_id"], reason=reason, actor=actor_of(call)
    )
    return as_json(campaign.as_json())


@routes.add("POST", "/admin/campaigns/{campaign_id}/codes/{voucher_id}/revoke", rule=SELLS, body=ReasonBody,
            result=VoucherShape, refuses=(NotFound, VoucherUsed, *WRITTEN[1:]))  # fmt: skip
async def revoke_code(call: Call[ReasonBody, NoQuery]) -> Reply:
    """Withdraw one code of a campaign."""
    voucher_id, credits, reason = call.params["voucher_id"], call.services.credits, call.body.reason
    require_reason(call, reason)
    if (await credits.voucher(voucher_id)).campaign_id != call.params["campaign_id"]:
        raise NotFound(f"This campaign has no code {voucher_id}.")
    voucher = await credits.revoke_code(voucher_id, reason=reason, actor=actor_of(call))
    return as_json(voucher.as_json())


def _seen(call: Call[Any, Any], page: Page[T]) -> Page[T]:
    return replace(page, items=[_shown(call, item) for item in page.items])


def _shown(call: Call[Any, Any], item: T) -> T:
    """What this principal may see of it: a code that is read can be redeemed."""
    return item if call.principal.may_see_codes() else item.masked()


def _hold_limit(call: Call[Any, Any], amount: int) -> None:
    """An operator's limit holds for what a code pays, too: otherwise a voucher would be the way round it.

    Raises:
        OverOperatorLimit: 403.
    """
    limit = call.principal.limit
    if limit is not None and amount > limit:
        raise OverOperatorLimit(
            f"This code would pay {amount}; you may move {limit} in one change.", needed=amount, limit=limit
        )
