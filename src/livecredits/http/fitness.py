"""Whether this process can take changes and show them, and why not: for proxies, and for the list of all nodes.

Promises: `/readyz` and the list tell the same. A node that tells nothing (an older one, one that stands still) is taken
for ready: who is gone leaves the list by itself. Must not know routes, nor how nodes are reached.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from livecredits.clock import why_off
from livecredits.errors import Refused
from livecredits.storage.dialects import server_clock_us

if TYPE_CHECKING:
    from livecredits.credits import Credits
    from livecredits.live.nodes import Nodes

KIND = "fitness"


class Fitness:
    """What stands in the way of each node.

    Args:
        credits: the ledger.
        nodes: who there is.
    """

    def __init__(self, credits: Credits, nodes: Nodes) -> None:
        self._credits = credits
        self._nodes = nodes
        nodes.answer(KIND, self._answer)

    async def fault(self) -> str:
        """What is wrong with this node, in a sentence; empty where nothing is.

        Raises:
            Unavailable: the database does not answer.
        """
        server_us = await self._credits.read(server_clock_us)
        clock = "" if server_us is None else why_off(server_us, self._credits.clock.now_us())
        return clock or self._nodes.fault()

    async def faults(self) -> dict[str, str]:
        """The same of all nodes, by their ids."""
        others, _ = await self._nodes.ask(KIND)
        return {one["node"]: one["fault"] for one in (*others, await self._answer(None))}

    async def _answer(self, _content: Any) -> dict[str, str]:
        try:
            fault = await self.fault()
        except Refused as refused:
            fault = refused.detail
        return {"node": self._nodes.own.node_id, "fault": fault}
