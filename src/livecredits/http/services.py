"""What the routes work with, put together once by the composition root and handed to every call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from livecredits.config import Settings
    from livecredits.credits import Credits
    from livecredits.http.figures import Figures
    from livecredits.http.fitness import Fitness
    from livecredits.http.gathered import Gathered
    from livecredits.http.guard import Guard
    from livecredits.http.kept import Kept
    from livecredits.http.metrics import Metrics
    from livecredits.http.node import Node
    from livecredits.http.routing import Table
    from livecredits.http.sessions import Sessions
    from livecredits.http.siblings import Siblings
    from livecredits.http.tokens import Tokens
    from livecredits.http.trail import Trail
    from livecredits.live.log import BroadcastLog
    from livecredits.live.nodes import Nodes
    from livecredits.live.shell import Live


@dataclass(slots=True, eq=False)
class Services:
    """One application's parts.

    Attributes:
        credits: the ledger.
        settings: how this process is to behave.
        tokens: screen tokens and service keys.
        sessions: operators and their sessions.
        guard: who may do what.
        live: open screens.
        trail: who did what.
        metrics: figures.
        table: all routes.
        figures: sums for the Overview.
        kept: the settings that operators keep in the database.
        node: which process this is.
        log: who has seen which change.
        nodes: the screens of all nodes.
        gathered: what all nodes count.
        fitness: what stands in the way of each node.
        siblings: the workers behind the same port; None where this process has it alone.
    """

    credits: Credits
    settings: Settings
    tokens: Tokens
    sessions: Sessions
    guard: Guard
    live: Live
    trail: Trail
    metrics: Metrics
    table: Table
    figures: Figures
    kept: Kept
    node: Node
    log: BroadcastLog
    nodes: Nodes
    gathered: Gathered
    fitness: Fitness
    siblings: Siblings | None = None
