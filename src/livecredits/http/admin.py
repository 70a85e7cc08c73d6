"""What operators do to users and their credits: look, set, adjust, undo, push again."""

from __future__ import annotations

from functools import partial
from typing import Any

from livecredits.access import Role, Scope
from livecredits.core.changes import Adjust, Reverse, Set
from livecredits.errors import (
    AlreadyReversed,
    Forbidden,
    InsufficientCredits,
    NotFound,
    NotReversible,
    OutcomeUnknown,
    OverOperatorLimit,
    StorageFull,
)
from livecredits.http.answers import (
    BroadcastAnswer,
    ChangeAnswer,
    HistoryPage,
    HoldsPage,
    ScreensAnswer,
    UserDetail,
    UsersPage,
)
from livecredits.http.bodies import (
    AdjustBody,
    FullHistoryQuery,
    HoldsQuery,
    ReasonQuery,
    ReverseBody,
    ScreensQuery,
    SetBody,
    UnitQuery,
    UserBody,
    UsersQuery,
)
from livecredits.http.changes import actor_of, apply, common, require_reason
from livecredits.http.reading import exported, full_history_reply, holds_reply
from livecredits.http.receipts import WaitQuery, receipts_of, waits
from livecredits.http.routing import Answer, Call, NoBody, NoQuery, Reply, Routes, as_json
from livecredits.http.rules import EXPORTS, HELPS, MOVED, RULES, SEES
from livecredits.http.shop_models import ErasedAnswer
from livecredits.http.trail import instant, new_id, noted
from livecredits.storage.audit import record
from livecredits.storage.broadcasts import note_resend

routes = Routes("Administration")


USER_COLUMNS = (
    "user_id", "name", "email", "unit", "credits", "balance.settled", "balance.held", "version", "floor", "frozen",
    "low", "updated_at",
)  # fmt: skip


@routes.add("GET", "/admin/users", rule=SEES, query=UsersQuery, result=UsersPage, media_types=EXPORTS,
            refuses=(NotFound,))  # fmt: skip
async def list_users(call: Call[NoBody, UsersQuery]) -> Answer:
    """Users with the account of one unit: searched, sorted, filtered, in pages; as CSV or NDJSON with all of them."""
    query = call.query
    read = partial(
        call.services.credits.users, search=query.q, unit=query.unit, sort=query.sort, frozen=query.frozen,
        low=query.low,
    )  # fmt: skip
    if query.format != "json":
        return await exported(call, "users", USER_COLUMNS, read)
    page = await read(before=query.before, after=query.after, limit=query.limit)
    open_screens = await call.services.nodes.screens_of([item.user_id for item in page.items])
    items = [{**item.as_json(), "screens": open_screens[item.user_id]} for item in page.items]
    return as_json({"items": items, "next": page.next, "previous": page.previous, "total": page.total})


@routes.add(
    "GET", "/admin/users/{user_id}", rule=SEES, query=UnitQuery, result=UserDetail, refuses=(NotFound,)
)
async def read_user(call: Call[NoBody, UnitQuery]) -> Reply:
    """One user: all accounts, and the lots of one."""
    return await _detail(call, call.query.unit)


@routes.add(
    "PUT", "/admin/users/{user_id}", rule=HELPS, body=UserBody, result=UserDetail, refuses=(NotFound,)
)
async def put_user(call: Call[UserBody, NoQuery]) -> Reply:
    """Change a user's name, e-mail or metadata, or (role admin) an account's floor or freezing.

    What is left out stays. An unknown user is created.
    """
    body = call.body
    given = {name: getattr(body, name) for name in body.model_fields_set - {"unit", "reason"}}
    principal = call.principal
    if given.keys() & {"floor", "frozen"} and not (
        principal.has_role(Role.ADMIN) or principal.has_scope(Scope.ADMIN)
    ):
        raise Forbidden("Floors and freezing need the role admin.")
    if given.keys() & {"floor", "frozen"}:
        require_reason(call, body.reason)
    await call.services.credits.put_user(
        call.params["user_id"], **given, unit=body.unit, reason=body.reason, actor=actor_of(call)
    )
    if "receipts" in given:
        await call.services.live.receipts.learn()
        call.services.nodes.tell("settings")
    return await _detail(call, body.unit)


async def _detail(call: Call[Any, Any], unit: str) -> Reply:
    user_id = call.params["user_id"]
    detail = await call.services.credits.user(user_id, unit=unit)
    open_screens = await call.services.nodes.screens_of([user_id])
    return as_json({**detail.as_json(), "screens": open_screens[user_id]})


@routes.add("DELETE", "/admin/users/{user_id}/personal-data", rule=RULES, query=ReasonQuery, result=ErasedAnswer,
            refuses=(NotFound, OutcomeUnknown, StorageFull))  # fmt: skip
async def erase_user(call: Call[NoBody, ReasonQuery]) -> Reply:
    """Remove what is known about a person: name, e-mail, metadata, bills, addresses. The entries stay.

    Their screen tokens end, and open screens close. Asking again removes what has come since.
    """
    user_id, services = call.params["user_id"], call.services
    require_reason(call, call.query.reason)
    erased = await services.credits.erase(user_id, actor=actor_of(call), reason=call.query.reason)
    services.tokens.forget(
        user_id
    )  # the commit closes screens; without any open one, nobody here has heard of it
    return as_json({"user_id": user_id, "erased": dict(erased)})


@routes.add("PUT", "/admin/users/{user_id}/credits", rule=HELPS, body=SetBody, query=WaitQuery,
            result=ChangeAnswer, keyed=True, conditional=True,
            refuses=(NotFound, InsufficientCredits, OverOperatorLimit, *MOVED))  # fmt: skip
async def set_credits(call: Call[SetBody, WaitQuery]) -> Reply:
    """Make a user's available credits equal to a number.

    With `If-Match` only if the account is still at that version; without it the last writer wins, and both are in
    history.
    """
    change = Set(
        user_id=call.params["user_id"],
        unit=call.body.unit,
        credits=call.body.credits,
        **common(call, audit="credits.set"),
    )
    return await apply(call, change)


@routes.add("POST", "/admin/users/{user_id}/adjustments", rule=HELPS, body=AdjustBody, query=WaitQuery,
            result=ChangeAnswer, keyed=True, conditional=True,
            refuses=(NotFound, InsufficientCredits, OverOperatorLimit, *MOVED))  # fmt: skip
async def adjust(call: Call[AdjustBody, WaitQuery]) -> Reply:
    """Add credits to a user, or take them (negative)."""
    body = call.body
    change = Adjust(
        user_id=call.params["user_id"],
        unit=body.unit,
        amount=body.amount,
        allow_below_floor=body.allow_below_floor,
        **common(call, audit="credits.adjust"),
    )
    return await apply(call, change)


@routes.add("POST", "/admin/entries/{entry_id}/reverse", rule=HELPS, body=ReverseBody, query=WaitQuery,
            result=ChangeAnswer, keyed=True, conditional=True,
            refuses=(NotFound, InsufficientCredits, AlreadyReversed, NotReversible, OverOperatorLimit,
                     *MOVED))  # fmt: skip
async def reverse(call: Call[ReverseBody, WaitQuery]) -> Reply:
    """Undo an entry, wholly or in part, once: by a new entry that points to it."""
    body = call.body
    change = Reverse(
        entry_id=call.params["entry_id"],
        amount=body.amount,
        allow_below_floor=body.allow_below_floor,
        may_refund=call.principal.may_refund(),
        **common(call, audit="entry.reverse"),
    )
    return await apply(call, change)


@routes.add("GET", "/admin/users/{user_id}/history", rule=SEES, query=FullHistoryQuery, result=HistoryPage,
            media_types=EXPORTS, refuses=(NotFound,))  # fmt: skip
async def user_history(call: Call[NoBody, FullHistoryQuery]) -> Answer:
    """A user's entries, newest first; as CSV or NDJSON with all pages."""
    return await full_history_reply(call)


@routes.add(
    "GET", "/admin/users/{user_id}/holds", rule=SEES, query=HoldsQuery, result=HoldsPage, refuses=(NotFound,)
)
async def user_holds(call: Call[NoBody, HoldsQuery]) -> Reply:
    """A user's holds, newest first."""
    return await holds_reply(call)


@routes.add("POST", "/admin/users/{user_id}/broadcast", rule=HELPS, query=WaitQuery, result=BroadcastAnswer,
            refuses=(NotFound,))  # fmt: skip
async def broadcast(call: Call[NoBody, WaitQuery]) -> Reply:
    """Push a user's state again to every screen that shows it. The broadcast log keeps who asked, and who saw it."""
    user_id, services, actor = call.params["user_id"], call.services, actor_of(call)
    account = (await services.credits.user(user_id)).balance
    id, at_us = new_id("brd"), services.credits.clock.now_us()

    def note(connection: Any) -> Any:
        note_resend(
            connection, id=id, user_id=user_id, unit=account.unit, version=account.version, actor=str(actor),
            at_us=at_us,
        )  # fmt: skip
        details = {"broadcast": id}
        return noted(
            record(
                connection, at_us=at_us, actor=actor, action="user.broadcast", target=user_id, details=details
            )
        )

    await services.credits.write(note)
    screens = await services.nodes.push_again(user_id, id, account.unit)
    body = {"user_id": user_id, "screens": screens, "broadcast": id}
    return as_json({**body, "receipts": await receipts_of(call, id, is_new=True)} if waits(call) else body)


@routes.add("GET", "/admin/screens", rule=SEES, query=ScreensQuery, result=ScreensAnswer)
async def list_screens(call: Call[NoBody, ScreensQuery]) -> Reply:
    """Open connections, on all nodes: of one user, or all."""
    views = await call.services.nodes.screens(call.query.user)
    return as_json({"items": [_screen(view) for view in views]})


def _screen(view: Any) -> dict[str, Any]:
    return {
        "screen": view.screen, "user": view.user, "kind": view.kind, "carrier": view.carrier,
        "since": instant(view.since_us), "user_agent": view.user_agent, "visible": view.visible, "tabs": view.tabs,
        "painted": dict(view.painted), "sent": dict(view.sent), "behind": view.behind, "asleep": view.asleep,
        "node": view.node,
    }  # fmt: skip
