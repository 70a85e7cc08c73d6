"""What a user's own screens read, with a screen token: one account, nothing else."""

from __future__ import annotations

from livecredits.errors import NotFound
from livecredits.http.answers import BalanceAnswer, HistoryPage
from livecredits.http.bodies import BalanceQuery, OwnHistoryQuery
from livecredits.http.reading import balance_reply, own_history_reply
from livecredits.http.routing import OWN_ACCOUNT, Answer, Call, NoBody, Reply, Routes
from livecredits.http.rules import EXPORTS

routes = Routes("User")


@routes.add(
    "GET", "/credits/balance", rule=OWN_ACCOUNT, query=BalanceQuery, result=BalanceAnswer, refuses=(NotFound,)
)
async def own_balance(call: Call[NoBody, BalanceQuery]) -> Reply:
    """The own account as it is now.

    With `after_version` and `wait` it is a long poll: the answer comes as soon as the version is another one, or with
    the current state when the time is over.
    """
    query, user_id = call.query, call.principal.id
    if query.after_version is not None and query.wait:
        await call.services.live.wait_for(user_id, query.unit, query.after_version, query.wait)
    return await balance_reply(call, user_id, query.unit)


@routes.add("GET", "/credits/history", rule=OWN_ACCOUNT, query=OwnHistoryQuery, result=HistoryPage,
            media_types=EXPORTS, refuses=(NotFound,))  # fmt: skip
async def own_history(call: Call[NoBody, OwnHistoryQuery]) -> Answer:
    """The own entries, newest first; as CSV or NDJSON with all pages."""
    return await own_history_reply(call)
