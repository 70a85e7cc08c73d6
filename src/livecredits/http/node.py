"""This process among those that serve one database: its name, its version, and since when it runs."""

from __future__ import annotations

from dataclasses import dataclass

from livecredits import __version__
from livecredits.credits import Credits


@dataclass(frozen=True, slots=True)
class Node:
    """One serving process.

    Attributes:
        name: how operators know it; of several on one database each has its own.
        version: which livecredits it runs.
        started_at_us: since when, in microseconds UTC.
    """

    name: str
    version: str
    started_at_us: int


def this_node(credits: Credits) -> Node:
    """The process that asks."""
    return Node(credits.node_name, __version__, credits.clock.now_us())
