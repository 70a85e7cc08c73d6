"""All nodes of one database as if they were one: asks the hubs of the others beside its own, and answers them.

Promises: a process that is alone does what it did without this, and waits for nobody; a node that does not answer in
time is left out, and holds nobody up for longer; whatever another node may want of the hub happens on the hub's loop.
Must not know how messages travel (`storage.bus`), nor what routes make of the answers.

The odd thing: commits are not here. They come to the hub like those of this process, through the ledger's hand-over;
here is only what moves no credits: leases, hints, re-sends, counts, who is on which screen.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, Protocol

from livecredits import __version__
from livecredits.core import wire
from livecredits.core.broadcasts import Counts, added
from livecredits.core.messages import Message
from livecredits.live.ports import ScreenView, SightView
from livecredits.storage.nodes import NodeRow

if TYPE_CHECKING:
    from livecredits.access import Principal
    from livecredits.live.shell import Live

log = logging.getLogger("livecredits.live")

ANSWER_S = 1.0
"""So long is an answer waited for; a node that is alive has given it within milliseconds."""
SILENT_S = 10.0
"""A node that could not look for so long is not ready: its screens may be behind."""
GRACE_S = 0.25
"""The same beyond the time that the question itself takes."""


class Bus(Protocol):
    """What this needs of the bus."""

    @property
    def others(self) -> Sequence[NodeRow]:
        """Who else is alive."""
        ...

    @property
    def silent_s(self) -> float:
        """For how long it could not look."""
        ...

    conflict: str
    looks: int
    rings: int
    heard: int
    breaks: int
    losses: int

    def row(self) -> NodeRow:
        """This node."""
        ...

    def tell(self, message: Message) -> None:
        """Send a message; nothing is waited for."""

    def beat_soon(self) -> None:
        """Tell the others at once how this node is."""


class _Question:
    """Something that was asked of nodes, and what they have answered so far."""

    def __init__(self, asked: set[str], told: asyncio.Future[None]) -> None:
        self._asked = asked
        self._told = told
        self.answers: list[Any] = []

    def answered(self, node: str, content: Any) -> None:
        """One has answered."""
        if node in self._asked:
            self._asked.discard(node)
            if content is not None:
                self.answers.append(content)
            if not (self._asked or self._told.done()):
                self._told.set_result(None)


class Nodes:
    """The screens of all nodes.

    Args:
        live: this process's own.
        bus: how the others are reached; None while the ledger is closed, and for a process that is alone.
        name: what this node is called.
    """

    def __init__(self, live: Live, bus: Callable[[], Bus | None], name: Callable[[], str]) -> None:
        self._live = live
        self._bus = bus
        self._name = name
        self._questions: dict[str, _Question] = {}
        self._working: set[asyncio.Task[None]] = set()
        self._hears: dict[str, Callable[[Any], Any]] = {
            "hint": lambda content: live.hint(*content),
            "lease": live.lease,
        }
        self._answers: dict[str, Callable[[Any], Awaitable[Any]]] = {
            "screens": self._own_screens,
            "open": self._own_open,
            "counts": self._own_counts,
            "sights": self._own_sights,
            "flush": self._flush_own,
            "again": self._push_own_again,
            "revoke": self._revoke_own,
            "frames": self._own_frames,
        }
        live.neighbours = self

    # --- who there is ----------------------------------------------------------------------------------------------

    @property
    def others(self) -> list[NodeRow]:
        """The other nodes that serve screens."""
        bus = self._bus()
        return [] if bus is None else [other for other in bus.others if other.is_serving]

    @property
    def own(self) -> NodeRow:
        """This node, as the others are told of it; alone it is behind nobody."""
        bus = self._bus()
        row = NodeRow(self._name(), __version__) if bus is None else bus.row()
        return replace(row, **self.figures())

    @property
    def silent_s(self) -> float:
        """For how long it could not look what others have committed; alone it needs not to."""
        bus = self._bus()
        return 0.0 if bus is None else bus.silent_s

    def fault(self) -> str:
        """Why screens of this node may be behind, in a sentence; empty where they are not."""
        bus = self._bus()
        if bus is None:
            return ""
        if bus.silent_s > SILENT_S:
            return f"This node has not been able to hear of the others' changes for {bus.silent_s:.0f} s."
        own = bus.row()
        for other in bus.others:
            if own.epoch and other.epoch and other.epoch != own.epoch:
                return f"The node {other.node_id} is on another line of history: one of the two has a wrong database."
        return bus.conflict

    def bus_counts(self) -> dict[str, int]:
        """What the bus did; every number only grows."""
        bus = self._bus()
        if bus is None:
            return {}
        return {
            "looked": bus.looks, "rang": bus.rings, "heard": bus.heard, "broke": bus.breaks, "began_anew": bus.losses
        }  # fmt: skip

    def can_take_over(self) -> bool:
        """Whether another node takes the screens of this one when it goes."""
        return any(not other.is_draining for other in self.others)

    def figures(self) -> dict[str, Any]:
        """What the others are told of this node."""
        screens, users = self._live.open_screens, self._live.shown_to()[1]
        return {
            "is_serving": self._live.has_begun, "screens": screens, "users": users,
            "is_draining": self._live.is_draining,
        }  # fmt: skip

    def has_changed(self) -> None:
        """This node begins to serve, or drains: the others learn of it at once."""
        bus = self._bus()
        if bus is not None:
            bus.beat_soon()

    # --- telling ---------------------------------------------------------------------------------------------------

    def on(self, kind: str, hear: Callable[[Any], Any]) -> None:
        """Call `hear` with the content of other nodes' news of this kind; what it returns is awaited if it can be."""
        self._hears[kind] = hear

    def tell(self, kind: str, content: Any = None) -> None:
        """Tell the others; nothing is waited for."""
        bus = self._bus()
        if bus is not None and bus.others:
            bus.tell(Message(kind, content))

    def hint(self, lists: Iterable[str], users: Iterable[str] | None = None) -> None:
        """Tell followers everywhere, and the own screens of `users`, that these lists moved."""
        moved, whose = list(lists), None if users is None else list(users)
        self._live.hint(moved, whose)
        self.tell("hint", [moved, whose])

    def end_session(self, session_id: str) -> None:
        """Close the screens of an operator's session, or of a service key."""
        self._live.revoke(session_id=session_id)
        self.tell("ended", session_id)

    def answer(self, kind: str, answer: Callable[[Any], Awaitable[Any]]) -> None:
        """Answer other nodes' questions of this kind, from their content."""
        self._answers[kind] = answer

    # --- asking ----------------------------------------------------------------------------------------------------

    async def ask(self, kind: str) -> tuple[list[Any], int]:
        """What the others answer, and how many were asked; who does not answer in time is left out."""
        asked = len(self.others)
        return await self._ask(kind), asked

    async def revoke(self, user_id: str) -> int:
        """Close the screens of a user's tokens; how many there were."""
        closed = self._live.revoke(user_id=user_id)
        elsewhere: int = sum(await self._ask("revoke", user_id))
        return closed + elsewhere

    async def push_again(self, user_id: str, id: str, unit: str) -> int:
        """Read a user's states again and send them to every screen that shows them; see `Hub.push_again`."""
        pushed = self._live.push_again(user_id, id, unit)
        elsewhere: int = sum(await self._ask("again", [user_id, id, unit]))
        return pushed + elsewhere

    async def screens(self, user_id: str | None = None) -> list[ScreenView]:
        """The open screens, of one user or all, oldest first."""
        found = self._named(self._live.screens(user_id))
        for some in await self._ask("screens", user_id):
            found += [ScreenView(**fields) for fields in some]
        return sorted(found, key=lambda view: view.since_us)

    async def screens_of(self, user_ids: Sequence[str]) -> dict[str, int]:
        """How many screens each of these users has open."""
        counts = {user_id: self._live.screens_of(user_id) for user_id in user_ids}
        for some in await self._ask("open", list(user_ids)):
            for user_id, count in some.items():
                counts[user_id] += count
        return counts

    async def counts(self, id: str, timeout_s: float) -> Counts | None:
        """The counts of a broadcast as soon as no screen of it is behind on any node, or as they are in the end.

        Returns:
            The counts; None where no node has the broadcast in memory.
        """
        own, others = await asyncio.gather(
            self._live.receipts.wait(id, timeout_s),
            self._ask("counts", [id, timeout_s], timeout_s + GRACE_S),
        )
        counted = [Counts(*some) for some in others]
        if own is not None:
            counted.append(own)
        return added(counted) if counted else None

    async def sights(self, id: str) -> list[SightView]:
        """The screens of a broadcast one by one, as far as they are still open and their details in memory."""
        found = self._live.receipts.sights(id)
        for some in await self._ask("sights", id):
            found += [SightView(**fields) for fields in some]
        return found

    async def flush(self) -> None:
        """Have the log written, so that whoever reads it next finds all there is."""
        await asyncio.gather(self._live.receipts.flush(everything=True), self._ask("flush"))

    async def forward(self, screen_id: str, principal: Principal, frames: Sequence[Any]) -> bool:
        """Give a screen's own frames to the node that has it; whether there is one."""
        return any(await self._ask("frames", [screen_id, principal.kind, principal.id, list(frames)]))

    async def _ask(self, kind: str, content: Any = None, timeout_s: float = ANSWER_S) -> list[Any]:
        bus, asked = self._bus(), {other.node_id for other in self.others}
        if bus is None or not asked:
            return []
        told: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        id = secrets.token_hex(8)
        question = self._questions[id] = _Question(asked, told)
        bus.tell(Message(kind, content, question=id))
        try:
            async with asyncio.timeout(timeout_s):
                await told
        except TimeoutError:
            log.warning("%d nodes did not answer in %.1f s (%s)", len(asked), timeout_s, kind)
        finally:
            del self._questions[id]
        return question.answers

    # --- being told ------------------------------------------------------------------------------------------------

    def hear(self, sender: str, message: Message) -> None:
        """A message came in; on the bus's thread."""
        self._live.call(lambda: self._take(sender, message))

    def begin(self, work: Callable[[], Awaitable[None]]) -> None:
        """Begin something on the loop that serves the screens, from any thread."""
        self._live.call(lambda: self._start(work()))

    def _take(self, sender: str, message: Message) -> None:
        if message.answers:
            question = self._questions.get(message.answers)
            if question is not None:
                question.answered(sender, message.content)
        elif message.question:
            self._start(self._answer(sender, message))
        elif message.kind in self._hears:
            heard = self._hears[message.kind](message.content)
            if asyncio.iscoroutine(heard):
                self._start(heard)

    def _start(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._working.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._working.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("What another node wanted could not be done", exc_info=error)

    async def _answer(self, sender: str, message: Message) -> None:
        """Answer in any case: what this version does not know of, it has nothing of."""
        content = None
        try:
            if message.kind in self._answers:
                content = await self._answers[message.kind](message.content)
        finally:
            bus = self._bus()
            if bus is not None:
                bus.tell(Message(message.kind, content, answers=message.question, to=sender))

    async def _own_screens(self, user_id: str | None) -> list[dict[str, Any]]:
        return [asdict(view) for view in self._named(self._live.screens(user_id))]

    def _named(self, views: Sequence[ScreenView]) -> list[ScreenView]:
        return [replace(view, node=self._name()) for view in views]

    async def _own_open(self, user_ids: Sequence[str]) -> dict[str, int]:
        counts = {user_id: self._live.screens_of(user_id) for user_id in user_ids}
        return {user_id: count for user_id, count in counts.items() if count}

    async def _own_counts(self, content: Sequence[Any]) -> Counts | None:
        id, timeout_s = content
        return await self._live.receipts.wait(id, timeout_s)

    async def _own_sights(self, id: str) -> list[dict[str, Any]]:
        return [asdict(view) for view in self._live.receipts.sights(id)]

    async def _flush_own(self, _content: Any) -> None:
        await self._live.receipts.flush(everything=True)

    async def _push_own_again(self, content: Sequence[str]) -> int:
        user_id, id, unit = content
        return self._live.push_again(user_id, id, unit)

    async def _revoke_own(self, user_id: str) -> int:
        return self._live.revoke(user_id=user_id)

    async def _own_frames(self, content: Sequence[Any]) -> bool:
        screen_id, kind, id, frames = content
        screen = self._live.screen_of(screen_id, kind, id)
        if screen is None:
            return False
        for frame in frames:
            self._live.heard(screen, wire.decode_object(frame))
        return True
