"""Several nodes as one, on a bus in memory: what one asks, the others answer; nobody waits for who does not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import pytest
from tests.live.carriers import Carrier, Events, Guest, Sockets, eventually, request
from tests.live.ledger import Ledger, make_live

from livecredits.core.broadcasts import Counts
from livecredits.core.messages import Message, decode
from livecredits.core.screen import Limits
from livecredits.live import nodes as live_nodes
from livecredits.live.nodes import Nodes
from livecredits.storage.nodes import NodeRow

LIMITS = Limits(heartbeat_ms=20_000, step_ms=20)


@dataclass(eq=False)
class Line:
    """One node's end of a bus; whoever is `deaf` hears nothing, and the others do not know it yet."""

    name: str
    ends: list[Line]
    nodes: Nodes = field(init=False)
    is_deaf: bool = False
    is_draining: bool = False
    beats: int = 0
    silent_s: float = 0.0
    conflict: str = ""
    epochs: tuple[str, str] = ("ep", "ep")
    """Of this end, and of the others as it sees them."""
    looks: int = 0
    rings: int = 0
    heard: int = 0
    breaks: int = 0
    losses: int = 0

    @property
    def others(self) -> list[NodeRow]:
        return [
            NodeRow(
                end.name,
                "1",
                is_serving=True,
                epoch=self.epochs[1],
                screens=2,
                users=1,
                is_draining=end.is_draining,
            )
            for end in self.ends
            if end is not self
        ]

    def row(self) -> NodeRow:
        return NodeRow(self.name, "1", epoch=self.epochs[0])

    def tell(self, message: Message) -> None:
        told = decode(message.encode())
        assert told is not None
        for end in self.ends:
            if end is not self and not end.is_deaf and told.is_for(end.name):
                end.nodes.hear(self.name, told)

    def beat_soon(self) -> None:
        self.beats += 1


class Town:
    """Two nodes over one ledger."""

    def __init__(self) -> None:
        self.ledger = Ledger()
        self.ends: list[Line] = []
        self.carriers: list[Carrier] = []
        for name, carrier in (("a", Sockets()), ("b", Events())):
            line = Line(name, self.ends)
            carrier.live = make_live(self.ledger, limits=LIMITS)
            line.nodes = Nodes(carrier.live, lambda line=line: line, lambda name=name: name)  # type: ignore[misc]
            self.ends.append(line)
            self.carriers.append(carrier)
        self.a, self.b = (end.nodes for end in self.ends)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[Town]:
        async with AsyncExitStack() as stack:
            for carrier in self.carriers:
                carrier.port = await stack.enter_async_context(carrier.serving(carrier.live))
                carrier.live.begin()
            yield self

    @asynccontextmanager
    async def screen(self, number: int, token: str) -> AsyncIterator[Guest]:
        async with self.carriers[number].screen(token) as guest:
            await guest.until("hello")
            yield guest


@pytest.fixture
async def town() -> AsyncIterator[Town]:
    async with Town().serving() as town:
        yield town


async def test_a_receipt_on_another_node_counts(town: Town) -> None:
    async with town.screen(0, "user:ada") as here, town.screen(1, "user:ada") as there:
        state = town.ledger.commit("ada", 5, receipt=True)
        assert state.cause is not None
        waiting = asyncio.create_task(town.a.counts(state.cause.entry, 5))
        for guest in (here, there):
            frame = await guest.until("state")
            assert frame["receipt"] is True
            await guest.say({"type": "shown", "painted": {"credits": 1}, "visible": True})
        counts = await waiting
        assert counts is not None
        assert (counts.open, counts.shown, counts.behind) == (2, 2, 0)


async def test_who_has_no_screen_of_the_user_holds_nobody_up(town: Town) -> None:
    async with town.screen(1, "user:ada") as there:
        state = town.ledger.commit("ada", 5, receipt=True)
        assert state.cause is not None
        await there.until("state")
        await there.say({"type": "shown", "painted": {"credits": 1}, "visible": True})
        counts = await town.a.counts(state.cause.entry, 5)
        assert counts is not None
        assert (counts.open, counts.shown) == (1, 1)
        assert await town.a.counts("ent_unknown", 5) is None


async def test_a_screen_that_has_not_painted_is_behind_when_the_time_is_over(town: Town) -> None:
    async with town.screen(1, "user:ada"):
        state = town.ledger.commit("ada", 5, receipt=True)
        assert state.cause is not None
        assert await town.a.counts(state.cause.entry, 0.05) == Counts(open=1, behind=1)


async def test_a_node_that_does_not_answer_is_left_out(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_nodes, "ANSWER_S", 0.05)
    town.ends[1].is_deaf = True
    async with town.screen(0, "user:ada"):
        assert await town.a.screens_of(["ada"]) == {"ada": 1}


async def test_screens_of_all_nodes_are_one_list(town: Town) -> None:
    async with town.screen(0, "user:ada"), town.screen(1, "user:ada"), town.screen(1, "user:bob"):
        assert [(view.user, view.node) for view in await town.a.screens("ada")] == [
            ("ada", "a"),
            ("ada", "b"),
        ]
        assert sorted(view.node for view in await town.b.screens()) == ["a", "b", "b"]
        assert await town.a.screens_of(["ada", "bob", "eve"]) == {"ada": 2, "bob": 1, "eve": 0}


async def test_a_lease_holds_on_the_other_node(town: Town) -> None:
    async with town.screen(0, "operator:olga") as olga, town.screen(1, "user:ada") as there:
        await olga.say({"type": "watch", "users": ["ada"], "open": True})
        await olga.until("state")
        audience = town.carriers[1].live.hub.audiences["ada"]
        await eventually(lambda: audience.is_leased)
        town.ledger.commit("ada", 5)
        assert (await there.until("state"))["receipt"] is True


async def test_a_hint_reaches_the_followers_of_the_other_node(town: Town) -> None:
    async with town.screen(1, "operator:olga") as olga:
        await olga.say({"type": "follow", "lists": ["audit"]})
        await eventually(lambda: town.carriers[1].live.hub._followers)
        town.a.hint(("audit", "users"))
        assert (await olga.until("changed"))["lists"] == ["audit"]


async def test_a_re_send_reaches_the_screens_of_the_other_node(town: Town) -> None:
    async with town.screen(0, "user:ada"), town.screen(1, "user:ada") as there:
        town.ledger.write("ada", 7)  # nobody was told
        assert await town.a.push_again("ada", "brd_1", "credits") == 2
        assert (await there.until("hello"))["accounts"][0]["credits"] == 7


async def test_tokens_that_end_on_one_node_close_screens_on_all(town: Town) -> None:
    async with town.screen(0, "user:ada") as here, town.screen(1, "user:ada") as there:
        assert await town.a.revoke("ada") == 2
        for guest in (here, there):
            assert (await guest.verdict())[1].startswith("token_revoked")


async def test_a_session_that_ends_on_one_node_closes_its_screens_on_all(town: Town) -> None:
    live = town.carriers[1].live
    town.b.on("ended", lambda session_id: live.revoke(session_id=session_id))
    async with town.screen(1, "operator:olga") as there:
        town.a.end_session("ses_olga")
        assert (await there.verdict())[1].startswith("token_revoked")


async def test_frames_of_an_event_stream_find_the_node_that_has_the_screen(town: Town) -> None:
    async with town.screen(1, "user:ada") as there:
        (screen,) = town.carriers[1].live.hub.screens.values()
        address = f"/api/v1/credits/live/{screen.id}"
        frame = '{"type":"pong","painted":{"credits":0},"visible":true,"tabs":3}'
        status, _, _ = await request(town.carriers[0].port, "POST", address, "user:ada", frame)
        assert (status, screen.tabs) == (204, 3)
        status, _, _ = await request(town.carriers[0].port, "POST", address, "user:bob", frame)
        assert status == 404, "a screen takes frames from nobody but its own"
        status, _, _ = await request(town.carriers[0].port, "POST", f"{address}x", "user:ada", frame)
        assert status == 404
        assert there.ended == (0, "")


async def test_the_details_of_a_broadcast_come_from_all_nodes(town: Town) -> None:
    async with town.screen(0, "user:ada") as here, town.screen(1, "user:ada"):
        state = town.ledger.commit("ada", 5, receipt=True)
        assert state.cause is not None
        await here.until("state")
        await here.say({"type": "shown", "painted": {"credits": 1}, "visible": True})
        broadcast = town.carriers[0].live.hub.receipts.find(state.cause.entry)
        assert broadcast is not None
        await eventually(lambda: broadcast.shown)
        sights = await town.b.sights(state.cause.entry)
        assert sorted((sight.carrier, sight.state) for sight in sights) == [
            ("events", "behind"), ("websocket", "shown"),
        ]  # fmt: skip


async def test_a_question_that_an_older_node_does_not_know_is_answered_all_the_same(town: Town) -> None:
    assert await town.a._ask("something new", timeout_s=5) == []


async def test_a_node_that_goes_sends_its_screens_to_the_other(town: Town) -> None:
    live = town.carriers[0].live
    async with town.screen(0, "user:ada") as ada, town.screen(0, "user:bob") as bob:
        leaving = asyncio.create_task(live.leave(0.4))
        await eventually(lambda: live.is_draining)
        town.ledger.commit("ada", 5)
        town.ledger.commit("bob", 6)
        for guest in (ada, bob):
            assert (await guest.next())["type"] == "state", "whoever is still there is served"
            assert (await guest.next())["type"] == "bye"
            assert (await guest.verdict())[1].startswith("restarting")
        await leaving
        assert town.ends[0].beats, "the others know at once"


async def test_a_node_that_goes_last_is_gone_at_once(town: Town) -> None:
    live = town.carriers[0].live
    town.ends[1].is_draining = True
    async with town.screen(0, "user:ada"):
        await live.leave(30)
        assert not live.is_draining


async def test_a_node_says_why_its_screens_may_be_behind(town: Town) -> None:
    line = town.ends[0]
    assert town.a.fault() == ""
    line.silent_s = 11.0
    assert "for 11 s" in town.a.fault()
    line.silent_s = 0.0
    line.epochs = ("ep_1", "ep_2")
    assert "The node b is on another line of history" in town.a.fault()
    line.epochs = ("ep_1", "ep_1")
    line.conflict = "The node b has its bus in memory."
    assert town.a.fault() == line.conflict
