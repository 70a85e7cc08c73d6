"""This application among the others that serve the same database: what each tells the others, and does when told.

Promises: what somebody ended or changed on one node holds on all of them as soon as they hear of it, and within five
seconds in any case. A ledger in a file has one process, and nothing here ever runs. Must not know how news travel.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from livecredits.live.nodes import Nodes

if TYPE_CHECKING:
    from livecredits.config import Settings
    from livecredits.credits import Credits
    from livecredits.http.kept import Kept
    from livecredits.http.sessions import Sessions
    from livecredits.http.tokens import Tokens
    from livecredits.live.shell import Live


def nodes_around(
    credits: Credits, settings: Settings, live: Live, tokens: Tokens, sessions: Sessions, kept: Kept
) -> Nodes:
    """Make this application known to the others, as soon as its ledger is opened."""
    nodes = Nodes(live, lambda: credits.bus, lambda: credits.node_name)
    secret_check = hashlib.sha256(settings.derived_key("nodes-check")).hexdigest()[:16]

    def end_session(session_id: str) -> None:
        # Before the screens close: what was known of the session a moment ago would let them in again.
        sessions.forget()
        tokens.keys.forget()
        live.revoke(session_id=session_id)

    async def read_settings(_content: Any) -> None:
        kept.forget()
        await live.receipts.learn()

    async def begin_anew() -> None:
        """Whatever the others have told meanwhile may be missing: what is known of it is read again."""
        sessions.forget()
        tokens.keys.forget()
        tokens.forget()
        await read_settings(None)
        live.start_over()

    nodes.on("ended", end_session)
    nodes.on("settings", read_settings)
    credits.presence.figures = lambda: {
        **nodes.figures(),
        "secret_check": secret_check,
        "epoch": credits.epoch,
    }
    credits.presence.hear = nodes.hear
    credits.presence.lost = lambda: nodes.begin(begin_anew)
    return nodes
