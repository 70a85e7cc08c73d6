"""Tools for those who integrate: what does this token say, and would it be taken."""

from __future__ import annotations

from livecredits.http.overview_models import TokenTestAnswer, TokenTestBody
from livecredits.http.routing import Call, NoQuery, Reply, Routes, as_json
from livecredits.http.rules import HELPS
from livecredits.http.token_tester import Tester

routes = Routes("Developers")


@routes.add("POST", "/admin/tokens/test", rule=HELPS, body=TokenTestBody, result=TokenTestAnswer)
async def test_token(call: Call[TokenTestBody, NoQuery]) -> Reply:
    """What a screen token says, whether it would be taken now, and if not, why.

    The token travels in the body, is neither kept nor logged, and testing it makes no user.
    """
    services = call.services
    now_s = services.credits.clock.now_us() // 1_000_000
    return as_json(await Tester(services.tokens, services.settings, now_s).test(call.body.token))
