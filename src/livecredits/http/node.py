"""This process among those that serve one database: its name, its version, and since when it runs."""

from __future__ import annotations

import socket
from dataclasses import dataclass

from livecredits import __version__
from livecredits.clock import Clock


@dataclass(frozen=True, slots=True)
class Node:
    """One serving process.

    Attributes:
        name: the host's name, as the operators' own tools call it.
        version: which livecredits it runs.
        started_at_us: since when, in microseconds UTC.
    """

    name: str
    version: str
    started_at_us: int


def this_node(clock: Clock) -> Node:
    """The process that asks."""
    return Node(socket.gethostname(), __version__, clock.now_us())
