"""What the host app's backend does with a service key: mint tokens, move credits, read accounts.

These are the hot routes: each is one frozen change and one answer, with nothing between them and the writer.
"""

from __future__ import annotations

from livecredits.core.changes import Capture, Grant, Hold, Release, Spend, Transfer
from livecredits.core.lots import EVERGREEN, Terms
from livecredits.errors import (
    AccountFrozen,
    HoldClosed,
    InsufficientCredits,
    NotFound,
    OverOperatorLimit,
)
from livecredits.http.answers import (
    BalanceAnswer,
    ChangeAnswer,
    CheckAnswer,
    HistoryPage,
    HoldsPage,
    RevokedAnswer,
    TokenAnswer,
)
from livecredits.http.bodies import (
    CaptureBody,
    CheckBody,
    ClosingBody,
    FullHistoryQuery,
    GrantBody,
    HoldBody,
    HoldsQuery,
    SpendBody,
    TokenBody,
    TransferBody,
    UnitQuery,
)
from livecredits.http.changes import actor_of, apply, common
from livecredits.http.reading import balance_reply, full_history_reply, holds_reply
from livecredits.http.receipts import WaitQuery
from livecredits.http.routing import Answer, Call, NoBody, NoQuery, Reply, Routes, as_json
from livecredits.http.rules import EXPORTS, MINTS, MINTS_OR_RULES, MOVED, MOVES, MOVES_OR_SUPPORT, READS
from livecredits.http.trail import instant, microseconds

routes = Routes("Backend")


@routes.add("POST", "/users/{user_id}/spend", rule=MOVES, body=SpendBody,
            query=WaitQuery, result=ChangeAnswer, keyed=True,
            conditional=True, refuses=(NotFound, InsufficientCredits, AccountFrozen, *MOVED))  # fmt: skip
async def spend(call: Call[SpendBody, WaitQuery]) -> Reply:
    """Take credits.

    Burns lots in their order: low priority number first, then the soonest expiry, then the oldest.
    """
    body, user_id = call.body, call.params["user_id"]
    change = Spend(
        user_id=user_id,
        unit=body.unit,
        amount=body.amount,
        allow_below_floor=body.allow_below_floor,
        **common(call, audit="credits.spend", owner=user_id),
    )
    return await apply(call, change)


@routes.add("POST", "/users/{user_id}/grants", rule=MOVES_OR_SUPPORT, body=GrantBody, query=WaitQuery,
            result=ChangeAnswer, keyed=True, conditional=True, refuses=(OverOperatorLimit, *MOVED))  # fmt: skip
async def grant(call: Call[GrantBody, WaitQuery]) -> Reply:
    """Give credits, as a lot with its own expiry and priority. An unknown user is created."""
    body, user_id = call.body, call.params["user_id"]
    change = Grant(
        user_id=user_id,
        unit=body.unit,
        amount=body.amount,
        terms=_terms(body),
        **common(call, audit="credits.grant", owner=user_id),
    )
    return await apply(call, change)


def _terms(body: GrantBody) -> Terms:
    if body.expires_at is None and body.priority == 0 and body.source is None:
        return EVERGREEN
    expires_at_us = None if body.expires_at is None else microseconds(body.expires_at)
    return Terms(body.priority, expires_at_us, body.source)


@routes.add("POST", "/users/{user_id}/holds", rule=MOVES, body=HoldBody,
            query=WaitQuery, result=ChangeAnswer, keyed=True,
            conditional=True, refuses=(NotFound, InsufficientCredits, AccountFrozen, *MOVED))  # fmt: skip
async def hold(call: Call[HoldBody, WaitQuery]) -> Reply:
    """Set credits aside for a while.

    The answer's `hold` is what capture and release name. Held credits do not expire; after `ttl_s` they are released.
    """
    body, user_id = call.body, call.params["user_id"]
    change = Hold(
        user_id=user_id,
        unit=body.unit,
        amount=body.amount,
        ttl_s=body.ttl_s,
        **common(call, audit="hold.create", owner=user_id),
    )
    return await apply(call, change)


CLOSING = (NotFound, HoldClosed, OverOperatorLimit, *MOVED)


@routes.add("POST", "/users/{user_id}/holds/{hold_id}/capture", rule=MOVES_OR_SUPPORT, body=CaptureBody,
            query=WaitQuery, result=ChangeAnswer, keyed=True, conditional=True, refuses=CLOSING)  # fmt: skip
async def capture(call: Call[CaptureBody, WaitQuery]) -> Reply:
    """Spend what a hold has set aside, all or part of it; the rest is released."""
    user_id = call.params.get("user_id", "")
    change = Capture(
        user_id=user_id,
        hold_id=call.params["hold_id"],
        amount=call.body.amount,
        **common(call, audit="hold.capture", owner=user_id),
    )
    return await apply(call, change)


@routes.add("POST", "/holds/{hold_id}/capture", rule=MOVES_OR_SUPPORT, body=CaptureBody,
            query=WaitQuery, result=ChangeAnswer, keyed=True, conditional=True, refuses=CLOSING)  # fmt: skip
async def capture_by_id(call: Call[CaptureBody, WaitQuery]) -> Answer:
    """Spend what a hold has set aside; the hold knows whose it is."""
    return await capture(call)


@routes.add("POST", "/users/{user_id}/holds/{hold_id}/release", rule=MOVES_OR_SUPPORT, body=ClosingBody,
            query=WaitQuery, result=ChangeAnswer, keyed=True, conditional=True, refuses=CLOSING)  # fmt: skip
async def release(call: Call[ClosingBody, WaitQuery]) -> Reply:
    """Give back what a hold has set aside."""
    user_id = call.params.get("user_id", "")
    change = Release(
        user_id=user_id,
        hold_id=call.params["hold_id"],
        **common(call, audit="hold.release", owner=user_id),
    )
    return await apply(call, change)


@routes.add("POST", "/holds/{hold_id}/release", rule=MOVES_OR_SUPPORT, body=ClosingBody,
            query=WaitQuery, result=ChangeAnswer, keyed=True, conditional=True, refuses=CLOSING)  # fmt: skip
async def release_by_id(call: Call[ClosingBody, WaitQuery]) -> Answer:
    """Give back what a hold has set aside; the hold knows whose it is."""
    return await release(call)


@routes.add("POST", "/transfers", rule=MOVES, body=TransferBody,
            query=WaitQuery, result=ChangeAnswer, keyed=True, conditional=True,
            refuses=(NotFound, InsufficientCredits, AccountFrozen, *MOVED))  # fmt: skip
async def transfer(call: Call[TransferBody, WaitQuery]) -> Reply:
    """Move credits from one user to another; the answer is the sender's."""
    body = call.body
    change = Transfer(
        user_id=body.from_user_id,
        to_user_id=body.to_user_id,
        unit=body.unit,
        amount=body.amount,
        **common(call, audit="credits.transfer", owner=body.from_user_id),
    )
    return await apply(call, change)


@routes.add("GET", "/users/{user_id}/balance", rule=READS, query=UnitQuery, result=BalanceAnswer,
            refuses=(NotFound,))  # fmt: skip
async def balance(call: Call[NoBody, UnitQuery]) -> Reply:
    """A user's account as it is now."""
    return await balance_reply(call, call.params["user_id"], call.query.unit)


@routes.add("GET", "/users/{user_id}/history", rule=READS, query=FullHistoryQuery, result=HistoryPage,
            media_types=EXPORTS, refuses=(NotFound,))  # fmt: skip
async def history(call: Call[NoBody, FullHistoryQuery]) -> Answer:
    """A user's entries, newest first; as CSV or NDJSON with all pages."""
    return await full_history_reply(call)


@routes.add(
    "GET", "/users/{user_id}/holds", rule=READS, query=HoldsQuery, result=HoldsPage, refuses=(NotFound,)
)
async def holds(call: Call[NoBody, HoldsQuery]) -> Reply:
    """A user's holds, newest first."""
    return await holds_reply(call)


@routes.add(
    "POST", "/users/{user_id}/check", rule=READS, body=CheckBody, result=CheckAnswer, refuses=(NotFound,)
)
async def check(call: Call[CheckBody, NoQuery]) -> Reply:
    """Whether the user could spend an amount at this moment. Nothing is set aside; a hold does that."""
    user_id, body = call.params["user_id"], call.body
    affordable = await call.services.credits.check(user_id, body.amount, unit=body.unit)
    return as_json({"user_id": user_id, "unit": body.unit, "amount": body.amount, "affordable": affordable})


@routes.add("POST", "/tokens", rule=MINTS_OR_RULES, body=TokenBody, result=TokenAnswer)
async def mint_token(call: Call[TokenBody, NoQuery]) -> Reply:
    """A screen token for one user, at most an hour long. An unknown user is created.

    An admin may mint one to try things out; the audit trail keeps who did it for whom.
    """
    body = call.body
    if call.principal.kind == "operator":
        await call.services.trail.note(actor_of(call), "token.minted", body.user_id)
    token, ends_us = await call.services.tokens.mint(body.user_id, body.ttl_s)
    return as_json({"token": token, "user_id": body.user_id, "expires_at": instant(ends_us)})


@routes.add("DELETE", "/users/{user_id}/tokens", rule=MINTS, result=RevokedAnswer, refuses=(NotFound,))
async def revoke_tokens(call: Call[NoBody, NoQuery]) -> Reply:
    """End all screen tokens that a user has until now, and close their screens."""
    user_id = call.params["user_id"]
    revoked_us = await call.services.tokens.revoke(user_id, actor=actor_of(call))
    closed = await call.services.nodes.revoke(user_id)
    return as_json({"user_id": user_id, "revoked_at": instant(revoked_us), "screens_closed": closed})
