"""The nodes that serve one PostgreSQL database, and those that merely use it: who is alive, and what each has told.

Promises: two nodes that cannot hear each other never both start (one has its bus in memory, or their secrets differ);
who has not been seen for `DEAD_US` by the database's clock is dead, and soon forgotten with all that hung on it.
Must not know what a bus carries. The statements are PostgreSQL's alone: a SQLite file has one process.
"""

from __future__ import annotations

import secrets
import socket
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from livecredits.errors import StartRefused

if TYPE_CHECKING:
    from psycopg import Connection

BEAT_S = 2.0
"""A node says this often that it is alive."""
DEAD_US = 6_000_000
MEMORY, POSTGRES = "memory", "postgres"
NOW_US = "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint"
NOTICES_KEPT_US = 15 * 60 * 1_000_000
"""What a node has missed for longer it reads anew as a whole."""
ATTEMPTS_KEPT_US = 86_400 * 1_000_000
"""No window of attempts is longer."""
FORGOTTEN_AT_ONCE = 5_000
_JOINING = 7_302_011
_HOUSEKEEPING = 7_302_012
"""Numbers of advisory locks; any will do that nobody else uses."""


@dataclass(frozen=True, slots=True)
class NodeRow:
    """One process that has the database open.

    Attributes:
        node_id: its name, new with each start, so that what two of them write is never mixed up.
        version: which livecredits it runs.
        bus: how it hears of the others: `postgres`, or not at all (`memory`).
        is_serving: whether it serves screens; a command or a worker of the host's does not.
        secret_check: a digest of the key that it signs tokens with; empty where it signs none.
        epoch: the line of history that it is on.
        started_at_us: when it started, by the database's clock.
        seen_at_us: when it was last seen, by the same.
        lag_us: how old the commits of others were that reached it last, at most.
        screens: live connections that are open.
        users: how many users they belong to.
        is_draining: whether it is going.
        working_on: the batch that it is applying, if any.
    """

    node_id: str
    version: str
    bus: str = POSTGRES
    is_serving: bool = False
    secret_check: str = ""
    epoch: str = ""
    started_at_us: int = 0
    seen_at_us: int = 0
    lag_us: int = 0
    screens: int = 0
    users: int = 0
    is_draining: bool = False
    working_on: str = ""


_COLUMNS = [one.name for one in fields(NodeRow)]
_TOLD = [name for name in _COLUMNS if name not in ("started_at_us", "seen_at_us")]
_BEAT = f"""
WITH moment AS (SELECT {NOW_US} AS now_us),
told AS (
    INSERT INTO nodes ({", ".join(_TOLD)}, started_at_us, seen_at_us)
    SELECT {", ".join(f"%({name})s" for name in _TOLD)}, now_us, now_us FROM moment
    ON CONFLICT (node_id) DO UPDATE
    SET {", ".join(f"{name} = excluded.{name}" for name in _TOLD)}, seen_at_us = excluded.seen_at_us
)
SELECT {", ".join(_COLUMNS)} FROM nodes, moment
WHERE node_id <> %(node_id)s AND seen_at_us > now_us - {DEAD_US} ORDER BY started_at_us, node_id
"""


def name_of_process(name: str | None, *, is_alone: bool) -> str:
    """What this process is called; one of several is called anew with each start, so that none is taken for another."""
    name = name or socket.gethostname()
    return name if is_alone else f"{name}-{secrets.token_hex(3)}"


def beat(db: Connection[Any], node: NodeRow) -> list[NodeRow]:
    """Say that this node is alive; gives the others that are, the eldest first."""
    told = {name: getattr(node, name) for name in _TOLD}
    return [NodeRow(*row) for row in db.execute(_BEAT, told)]


def join(db: Connection[Any], node: NodeRow) -> list[NodeRow]:
    """Appear among the others; gives them.

    Raises:
        StartRefused: it and the others could not work together.
    """
    with db.transaction():
        # One after the other, so that of two that exclude each other one sees the other.
        db.execute("SELECT pg_advisory_xact_lock(%s)", (_JOINING,))
        others = beat(db, node)
        for other in others:
            check_together(node, other)
    return others


def check_together(node: NodeRow, other: NodeRow) -> None:
    """Refuse a node that could not work beside this one.

    Raises:
        StartRefused: with what to do about it.
    """
    if MEMORY in (node.bus, other.bus):
        raise StartRefused(
            f"The node {other.node_id} has this database open with LIVECREDITS_BUS={other.bus}, this one wants "
            f"{node.bus}: nodes hear of each other's changes only if all of them say postgres. "
            f"(A node that has crashed is forgotten after {DEAD_US // 1_000_000} s.)"
        )
    if node.secret_check and other.secret_check and node.secret_check != other.secret_check:
        raise StartRefused(
            f"LIVECREDITS_SECRET differs from that of the node {other.node_id}: tokens of one would be worth nothing "
            "on the other. Give all nodes the same."
        )


def leave(db: Connection[Any], node_id: str) -> None:
    """Be gone."""
    with db.transaction():
        _close(db, [node_id])


def keep_house(db: Connection[Any]) -> list[str]:
    """Forget what is dead and old; one node at a time does, a small piece at once.

    Returns:
        The nodes that were found dead.
    """
    with db.transaction():
        row = db.execute("SELECT pg_try_advisory_xact_lock(%s)", (_HOUSEKEEPING,)).fetchone()
        if row is None or not row[0]:
            return []
        dead = [
            str(row[0])
            for row in db.execute(f"SELECT node_id FROM nodes WHERE seen_at_us <= {NOW_US} - {DEAD_US}")
        ]
        _close(db, dead)
        db.execute(
            f"DELETE FROM notices WHERE id IN (SELECT id FROM notices WHERE at_us < {NOW_US} - {NOTICES_KEPT_US} "
            f"ORDER BY id LIMIT {FORGOTTEN_AT_ONCE})"
        )
        db.execute(
            f"DELETE FROM attempts WHERE id IN (SELECT id FROM attempts WHERE at_us < {NOW_US} - {ATTEMPTS_KEPT_US} "
            f"ORDER BY id LIMIT {FORGOTTEN_AT_ONCE})"
        )
        return dead


def _close(db: Connection[Any], node_ids: list[str]) -> None:
    """Nodes are gone, and with them every screen that they had: what these have not painted they never will."""
    db.execute("DELETE FROM nodes WHERE node_id = ANY(%s)", (node_ids,))
    db.execute(
        "UPDATE broadcasts SET gone = gone + hidden + asleep + behind, hidden = 0, asleep = 0, behind = 0, settled = 1 "
        "WHERE node = ANY(%s) AND settled = 0",
        (node_ids,),
    )
