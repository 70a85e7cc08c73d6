"""A small world in virtual time: a ledger, nodes with a hub each, a bus, screens, and everything that goes wrong.

Nothing here waits: events stand in a heap with their virtual second, and one seed decides all of them. The hub and
the reducer are the real ones; sockets are `Wire`s that lose, double, delay and leak frames, or go half-open.
Checked at every frame: a screen shows only values that its epoch's ledger had, and never an older one of the same
line of history. Checked after every hand-over and stall: healthy screens have it at once; in every hello: it is no
older than the connection. Checked after quiet: every screen is connected and equal to the ledger.
Checked whenever a screen says what it painted: no broadcast counts more screens as shown than have really painted it;
and after quiet: who was visible and stayed is counted as shown, and every screen stands in exactly one class.

What is modelled beyond a sound TCP connection, because proxies, tabs and bugs bring it: single frames that are
lost, frames that come twice, and states of a closed connection that reach the screen late, by way of another tab.
"""

from __future__ import annotations

import heapq
import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from tests.sim.bus import Follower, Lossy, Tailed

from livecredits.core import wire
from livecredits.core.broadcasts import Broadcast
from livecredits.core.hub import Hub
from livecredits.core.receipts import Receipts
from livecredits.core.reducer import ScreenState
from livecredits.core.rows import AccountState, Entry
from livecredits.core.screen import Admitted, Audience, Limits, Screen

LIMITS = Limits(heartbeat_ms=20_000, step_ms=1_000, per_user=1_000, per_address=10_000, frames=100_000)
USERS = ("ada", "bob", "eve")
TROUBLE_S = 150.0
QUIET_S = 130.0
PROMPT_S = 2.0


class Wrong(AssertionError):
    """A promise was broken; the message says which and when."""


class Clock:
    """Virtual seconds and what happens at them."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0

    @property
    def now_ms(self) -> int:
        return int(self.now_s * 1000)

    def after(self, delay_s: float, event: Callable[[], None]) -> None:
        self._count += 1
        heapq.heappush(self._events, (self.now_s + delay_s, self._count, event))

    def run_until(self, end_s: float) -> None:
        while self._events and self._events[0][0] <= end_s:
            self.now_s, _, event = heapq.heappop(self._events)
            event()
        self.now_s = end_s


class Ledger:
    """The truth: rows, and every state that ever was, by line of history."""

    def __init__(self) -> None:
        self.epoch = "ep_0"
        self.restores = 0
        self.was_forged = False
        """An older copy was put back under the same epoch: then, and only then, numbers may go back."""
        self.rows = {(user, "credits"): AccountState(user, "credits") for user in USERS}
        self.backup = dict(self.rows)
        self.known: set[tuple[str, str, int, int]] = set()
        self.entries = 0

    def entry_of(self, state: AccountState) -> Entry:
        self.entries += 1
        id, user, version = f"ent_{self.entries:06d}", state.user_id, state.version
        return Entry(id, user, "credits", version, "grant", 1, 1, 0, 1, 0, 0, "service:sim")

    def commit(self, user: str, amount: int) -> AccountState:
        row = self.rows[user, "credits"]
        after = replace(row, version=row.version + 1, settled=row.settled + amount)
        self.rows[user, "credits"] = after
        self.known.add((self.epoch, user, after.version, after.settled))
        return after

    def restore(self, *, new_epoch: bool) -> None:
        self.rows = dict(self.backup)
        self.restores += 1
        self.was_forged = not new_epoch
        if new_epoch:
            self.epoch = f"ep_{self.restores}"
            self.known |= {(self.epoch, row.user_id, row.version, row.settled) for row in self.rows.values()}


@dataclass(eq=False)
class Wire:
    """One connection between a client and a node; also the `link` of the hub's screen."""

    client: Client
    node: Node
    screen: Screen | None = None
    is_open: bool = True
    half_open: bool = False
    last_arrival_s: float = 0.0
    last_said_s: float = 0.0
    disturbed_s: float = -1.0
    """When a frame was lost on it, or it took up reading again."""
    transport: Any = None

    def write(self, data: bytes | str) -> None:
        """Server → client, in order, unless this world's trouble says otherwise."""
        if data == wire.PING:
            text = "ping"
        else:
            assert isinstance(data, bytes)
            text = data[data.index(b"{") :].decode()
        world = self.client.world
        if not self.is_open or self.half_open:
            return
        if world.strikes("double"):  # another tab brings it too, late, and so out of order
            world.clock.after(world.dice.uniform(0.0, 8.0), lambda: self.client.leak(text))
        if world.strikes("lose"):
            self.disturbed_s = world.clock.now_s
            return
        delay_s = world.dice.uniform(0.001, 0.2)
        arrival_s = max(self.last_arrival_s, world.clock.now_s + delay_s)
        self.last_arrival_s = arrival_s
        world.clock.after(arrival_s - world.clock.now_s, lambda: self.client.receive(self, text))

    def say(self, frame: dict[str, Any]) -> None:
        """Client → server."""
        world = self.client.world
        if not self.is_open or self.half_open:
            return
        text = json.dumps(frame)
        arrival_s = max(self.last_said_s, world.clock.now_s + world.dice.uniform(0.001, 0.1))
        self.last_said_s = arrival_s
        world.clock.after(arrival_s - world.clock.now_s, lambda: self.node.hear(self, text))

    def has_painted(self, epoch: str, version: int) -> bool:
        """Whether its screen has ever shown this version of this line of history, or a higher one."""
        return self.client.truth.get(epoch, 0) >= version

    def close(self, _verdict: wire.Close) -> None:
        self.break_off()

    def cut(self) -> None:
        self.break_off()

    def break_off(self) -> None:
        """Both ends learn of it, unless the path between them is dead: then each finds out by itself."""
        if not self.is_open:
            return
        self.is_open = False
        self.node.lose(self)
        if not self.half_open:
            world = self.client.world
            world.clock.after(world.dice.uniform(0.01, 0.3), lambda: self.client.lost(self))


class Node:
    """One server process: a hub and the shell's part, in virtual time."""

    def __init__(self, world: World, name: str) -> None:
        self.world = world
        self.name = name
        self.generation = 0
        self.is_up = False
        self.wires: dict[Wire, None] = {}
        self.start()

    def start(self) -> None:
        if self.is_up:
            return
        self.generation += 1
        self.is_up = True
        self.hub = self.world.hub_class(
            self.world.ledger.epoch,
            limits=LIMITS,
            scale_of=lambda _unit: 0,
            new_id=lambda: f"scr_{self.world.next_id()}",
            random=self.world.dice.random,
            now_ms=self.world.clock.now_ms,
        )
        self.hub.receipts.__class__ = self.world.receipts_class
        self.pushed: dict[str, tuple[str, tuple[Wire, ...]]] = {}
        self.broadcasts: dict[str, Broadcast] = {}
        self.world.bus.join(self)
        self._turn(self.generation)

    def crash(self) -> None:
        """SIGKILL, and a restart a little later; what was committed and not pushed is pushed by nobody."""
        self.is_up = False
        self.world.bus.leave(self)
        for link in list(self.wires):
            link.break_off()
        self.wires.clear()

    def accept(self, link: Wire) -> None:
        self.wires[link] = None
        link.transport = link
        now_ms = self.world.clock.now_ms
        link.screen = self.hub.joined(link, wire.SOCKET, address="", user_agent="", now_ms=now_ms, now_us=0)
        self.carry_out()

    def hear(self, link: Wire, text: str) -> None:
        if not self.is_up or link.screen is None or link not in self.wires:
            return
        link.screen.heard_ms = self.world.clock.now_ms
        if text != '"pong"':
            self.hub.heard(link.screen, wire.decode(text), self.world.clock.now_ms)
            self.check_receipts()
        self.carry_out()

    def lose(self, link: Wire) -> None:
        if self.wires.pop(link, self) is None and link.screen is not None:
            self.hub.left(link.screen)

    def check_receipts(self) -> None:
        """Nothing is counted as shown that no visible screen has painted, and no screen is counted twice."""
        for id, broadcast in self.broadcasts.items():
            epoch, links = self.pushed[id]
            really = sum(link.has_painted(epoch, broadcast.version) for link in links)
            # Two lines of history under one epoch cannot be told apart; see `judge`.
            if broadcast.shown > really and not self.world.ledger.was_forged:
                raise Wrong(f"{id} v{broadcast.version} was shown on {really} screens, not {broadcast.shown}")
            counts = self.hub.receipts.counts(broadcast, self.world.clock.now_ms)
            if counts.open != sum(counts[1:6]) or counts.open != len(links) or min(counts[1:6]) < 0:
                raise Wrong(f"the classes of {id} do not add up to its {len(links)} screens: {counts}")

    def judge_receipts(self) -> None:
        """After quiet: who was open all the time and painted it is counted."""
        self.check_receipts()
        for id, broadcast in self.broadcasts.items():
            epoch, links = self.pushed[id]
            stayed = [
                link for link in links if link.is_open and link is link.client.link and not link.half_open
            ]
            reported = sum(link.has_painted(epoch, broadcast.version) for link in stayed)
            if epoch == self.hub.epoch and broadcast.shown < reported and not self.world.ledger.was_forged:
                raise Wrong(f"{id} v{broadcast.version} was painted by {reported}, counted {broadcast.shown}")

    def hand_over(self, epoch: str, state: AccountState, entry: Entry) -> None:
        if self.is_up:
            audience = self.hub.audiences.get(state.user_id)
            is_news = audience is not None and audience.versions.get(state.unit, 0) < state.version
            self.hub.committed(epoch, [state])
            self.carry_out()
            own = audience.own if audience is not None else ()
            self.hub.broadcast(epoch, [entry], [state], self.world.clock.now_ms)
            broadcast = self.hub.receipts.find(entry.id)
            if broadcast is not None and entry.id not in self.broadcasts:
                links = tuple(screen.link for screen in own)
                self.broadcasts[entry.id] = broadcast
                self.pushed[entry.id] = (epoch, links)
            for screen in audience.screens if audience is not None and is_news else ():
                self.expect(screen.link, state.user_id, epoch, state.version)

    def expect(self, link: Wire, user: str, epoch: str, version: int) -> None:
        """On a healthy connection, what the hub knows is on the screen `PROMPT_S` later, ticks or no ticks."""
        began_s, client = self.world.clock.now_s, link.client

        def look() -> None:
            was_healthy = (
                link.is_open and link is client.link and not link.half_open and link.disturbed_s < began_s
            ) and not client.is_frozen
            if not was_healthy or link.screen is None or link.screen.paused:
                return
            held = client.state.accounts.get((user, "credits"))
            is_followed = user in (*client.watching, client.token)
            same_line = (
                client.state.epoch == epoch == self.world.ledger.epoch and not self.world.ledger.was_forged
            )
            if same_line and is_followed and version > (held["version"] if held is not None else 0):
                raise Wrong(f"{client.token} was not told of {user} v{version} in {PROMPT_S} s: {held}")

        self.world.clock.after(PROMPT_S, look)

    def carry_out(self) -> None:
        out = self.hub.take()
        for screen, data in out.sends:
            if screen.link is not None:
                screen.link.write(data)
        for screen, verdict in out.closes:
            if screen.link is not None:
                screen.link.close(verdict)
        for screen in out.cuts:
            if screen.link is not None:
                screen.link.cut()
        for screen, token in out.checks:
            self._check(screen, token)
        if out.reads:
            self._read(out.reads)

    def _check(self, screen: Screen, token: str) -> None:
        user = None if token == "operator" else token
        who = Admitted("operator" if user is None else "user", token, user, may_watch=user is None)
        generation = self.generation

        def answer() -> None:
            if self.is_up and generation == self.generation:
                self.hub.admitted(screen, who, self.world.clock.now_ms)
                self.carry_out()

        self.world.clock.after(self.world.dice.uniform(0.001, 0.05), answer)

    def _read(self, audiences: list[Audience]) -> None:
        """The read begins a little later, sees that moment, and takes its time to come back."""
        dice, clock, ledger = self.world.dice, self.world.clock, self.world.ledger
        generation = self.generation

        def begin() -> None:
            epoch = ledger.epoch
            if generation == self.generation:
                self.hub.read_begins(audiences)
            seen = [(audience, [ledger.rows[audience.user_id, "credits"]]) for audience in audiences]

            def finish() -> None:
                if self.is_up and generation == self.generation:
                    self.hub.snapshot(epoch, seen)
                    self.carry_out()

            clock.after(dice.uniform(0.0, 0.4), finish)

        clock.after(dice.uniform(0.0, 0.1), begin)

    def _turn(self, generation: int) -> None:
        if not self.is_up or generation != self.generation:
            return
        self.hub.epoch_is(self.world.ledger.epoch)
        if self.world.loses_hand_overs:
            self.hub.reread(1)
        self.hub.turn(self.world.clock.now_ms)
        self.carry_out()
        self.world.clock.after(1.0, lambda: self._turn(generation))


@dataclass(eq=False)
class Client:
    """A browser: one connection at a time, the real reducer, and its own idea of when the server is gone."""

    world: World
    token: str
    state: ScreenState
    watching: tuple[str, ...] = ()
    link: Wire | None = None
    heard_s: float = 0.0
    at_least: tuple[int, dict[str, int]] = (0, {})
    """How often the ledger was restored, and its versions, when this connection was opened."""
    shown: dict[tuple[str, str], tuple[str | None, int]] = field(default_factory=dict)
    is_visible: bool = True
    is_frozen: bool = False
    """Its script does not run, while its socket lives on."""
    unread: list[tuple[str, Wire | None]] = field(default_factory=list)
    painted: tuple[str | None, dict[str, int]] = (None, {})
    truth: dict[str | None, int] = field(default_factory=dict)
    """The highest version that was really painted of each line of history. The server never sees it."""
    is_painting: bool = False

    def paint(self, *, asked: bool) -> None:
        """Compose a frame a little later, if anybody looks; and tell of it at once where that is wanted."""
        world = self.world
        if not self.is_visible:
            if asked:
                self.report("shown")
            return

        def compose() -> None:
            self.is_painting = False
            if not self.is_visible or self.is_frozen:
                return
            epoch, held = self.state.epoch, self.state.versions(self.token)
            for version in held.values():
                self.truth[epoch] = max(version, self.truth.get(epoch, 0))
            self.painted = (epoch, held)
            if asked:
                self.report("shown")

        if not self.is_painting or asked:
            self.is_painting = True
            world.clock.after(world.dice.choice((0.016, 0.016, 3.0)), compose)

    def report(self, kind: str) -> None:
        epoch, painted = self.painted
        if self.link is not None:
            painted = painted if epoch == self.state.epoch else {}
            self.link.say({"type": kind, "painted": painted, "visible": self.is_visible})

    def connect(self) -> None:
        world = self.world
        node = world.dice.choice(world.nodes)
        if not node.is_up or self.is_frozen:
            world.clock.after(world.dice.uniform(0.2, 2.0), self.connect)
            return
        self.heard_s = world.clock.now_s
        ledger = world.ledger
        self.at_least = (ledger.restores, {user: row.version for (user, _), row in ledger.rows.items()})
        link = self.link = Wire(self, node)
        node.accept(link)
        link.say({"type": "auth", "token": self.token})
        if self.watching:
            link.say({"type": "watch", "users": list(self.watching)})
        world.clock.after(30.0, lambda: self._is_alive(link))

    def _is_alive(self, link: Wire) -> None:
        """One and a half heartbeats without a byte: the connection is dead, whatever TCP thinks."""
        if link is not self.link:
            return
        silent_s = self.world.clock.now_s - self.heard_s
        if self.is_frozen:
            self.world.clock.after(1.0, lambda: self._is_alive(link))
        elif silent_s >= 30.0:
            link.break_off()
            self.lost(link)
        else:
            self.world.clock.after(30.0 - silent_s + 0.001, lambda: self._is_alive(link))

    def lost(self, link: Wire) -> None:
        if link is self.link:
            self.link = None
            self.world.clock.after(self.world.dice.uniform(0.0, 3.0), self.connect)

    def receive(self, link: Wire, text: str) -> None:
        if link is not self.link or not link.is_open:
            if self.world.dice.random() < 0.5:
                self.leak(text)
            return
        if link.half_open:
            return
        self.heard_s = self.world.clock.now_s
        if text == "ping":
            link.say("pong")  # type: ignore[arg-type]
            return
        self.read(text, link)

    def leak(self, text: str) -> None:
        """A state that another tab brings, perhaps of a connection that is gone."""
        if text.startswith('{"type":"state"'):
            self.read(text)

    def read(self, text: str, link: Wire | None = None) -> None:
        if self.is_frozen:
            self.unread.append((text, link))
        else:
            self.take(json.loads(text))

    def thaw(self) -> None:
        """The script runs again, and reads what came meanwhile."""
        self.is_frozen = False
        unread, self.unread = self.unread, []
        for text, link in unread:
            if link is None or link is self.link:
                self.take(json.loads(text))
        self.paint(asked=False)

    def take(self, frame: dict[str, Any]) -> None:
        if self.state.apply(frame) and self.link is not None:
            self.link.say({"type": "resync"})
        if frame["type"] == "tick":
            self.report("pong")
        elif frame["type"] in {"state", "hello"}:
            states = [frame] if frame["type"] == "state" else frame["accounts"]
            self.paint(asked=any(state.get("receipt", False) for state in states))
        self._look(frame["type"])

    def _look(self, kind: str) -> None:
        ledger = self.world.ledger
        restores, versions = self.at_least
        if kind == "hello" and restores == ledger.restores:
            for (user, _), frame in self.state.accounts.items():
                if frame["version"] < versions[user]:
                    raise Wrong(
                        f"{self.token} was greeted with {user} v{frame['version']}, already v{versions[user]}"
                    )
        # An operator's hello may come before the users that it watches again: until then nothing of them is shown.
        self.shown = {key: seen for key, seen in self.shown.items() if key in self.state.accounts}
        for (user, unit), frame in self.state.accounts.items():
            version, settled = frame["version"], frame["balance"]["settled"]
            if version and (self.state.epoch, user, version, settled) not in ledger.known:
                raise Wrong(f"{self.token} shows {user} v{version} under {self.state.epoch}, which never was")
            epoch, before = self.shown.get((user, unit), (None, 0))
            if epoch == self.state.epoch and version < before and not ledger.was_forged:
                raise Wrong(f"{self.token} went back from v{before} to v{version} by a {kind}")
            self.shown[user, unit] = (self.state.epoch, version)

    def watch(self, users: tuple[str, ...]) -> None:
        dropped = tuple(user for user in self.watching if user not in users)
        added = [user for user in users if user not in self.watching]
        self.watching = users
        self.state.forget(dropped)
        for user in dropped:
            self.shown.pop((user, "credits"), None)
        if self.link is not None:
            if dropped:
                self.link.say({"type": "unwatch", "users": list(dropped)})
            if added:
                self.link.say({"type": "watch", "users": added})


class World:
    """One seed's world."""

    def __init__(
        self,
        seed: int,
        *,
        hub: type[Hub] = Hub,
        state: type[ScreenState] = ScreenState,
        receipts: type[Receipts] = Receipts,
        follower: type[Follower] = Follower,
    ) -> None:
        self.seed = seed
        self.receipts_class = receipts
        self.dice = random.Random(seed)
        self.clock = Clock()
        self.ledger = Ledger()
        self.hub_class = hub
        self.trouble = True
        self.loses_hand_overs = seed % 3 == 1
        self.bus: Lossy | Tailed = (
            Tailed(self, follower) if seed % 3 == 2 else Lossy(self, loses=self.loses_hand_overs)
        )
        self._ids = 0
        self.odds = {"lose": self.dice.choice((0.0, 0.02, 0.1)), "double": self.dice.choice((0.0, 0.05))}
        self.nodes: list[Node] = []
        self.nodes += [Node(self, name) for name in "abcd"[: self.dice.choice((2, 2, 3, 4))]]
        self.clients = [Client(self, user, state()) for user in ("ada", "ada", "bob")]
        self.clients.append(Client(self, "operator", state(), ("ada", "bob")))

    def next_id(self) -> int:
        self._ids += 1
        return self._ids

    def fail(self, what: str) -> None:
        raise Wrong(what)

    def strikes(self, what: str) -> bool:
        return self.trouble and self.dice.random() < self.odds[what]

    def run(self) -> None:
        """Trouble, then quiet, then the verdict.

        Raises:
            Wrong: a promise was broken.
        """
        for client in self.clients:
            self.clock.after(self.dice.uniform(0, 5), client.connect)
        for _ in range(self.dice.randint(15, 40)):
            self.clock.after(self.dice.uniform(0, TROUBLE_S), self.commit)
        for _ in range(self.dice.randint(2, 9)):
            event = self.dice.choice(
                (
                    self.cut,
                    self.cut,
                    self.stall,
                    self.half_open,
                    self.crash,
                    self.watch_others,
                    self.storm,
                    self.flicker,
                    self.look_away,
                    self.look_away,
                    self.freeze,
                )
            )
            self.clock.after(self.dice.uniform(5, TROUBLE_S), event)
        if self.dice.random() < 0.5:
            self.clock.after(self.dice.uniform(10, TROUBLE_S / 2), self.back_up)
            self.clock.after(self.dice.uniform(TROUBLE_S / 2, TROUBLE_S), self.restore)
        self.clock.run_until(TROUBLE_S)
        self.trouble = False
        self.clock.run_until(TROUBLE_S + QUIET_S)
        self.judge()

    # --- what happens ---------------------------------------------------------------------------------------

    def commit(self, user: str | None = None) -> None:
        """One change, on one of the nodes: told at once there; the others hear of it as their bus has it."""
        up = [node for node in self.nodes if node.is_up]
        if not up:
            return
        here = self.dice.choice(up)
        state, epoch = (
            self.ledger.commit(user or self.dice.choice(USERS[:2]), self.dice.randint(1, 50)),
            self.ledger.epoch,
        )
        entry = self.ledger.entry_of(state)
        if self.dice.random() < 0.3:
            state = replace(state, receipt=True)
        if self.dice.random() < 0.03:
            self._fell(here)  # between commit and push; the others hear of it all the same
        self.bus.commit(here, lambda node: node.hand_over(epoch, state, entry), entry)
        if self.dice.random() < 0.3:
            self.clock.after(self.dice.uniform(0, 0.3), self.commit)  # changes come in bursts

    def storm(self) -> None:
        """Everybody comes back at once, while a change is made."""
        for client in self.clients:
            if client.link is not None:
                client.link.break_off()
        for delay_s in (0.5, 1.0, 1.5, 2.0, 2.5):
            self.clock.after(delay_s, self.commit)

    def flicker(self) -> None:
        """The only screen of a user comes, goes and comes again, while its first snapshot is still being read."""
        client = self.clients[2]

        def come_again() -> None:
            if client.link is not None:
                link, client.link = client.link, None
                link.break_off()
                client.connect()

        come_again()
        for _ in range(4):
            come_again_s = self.dice.uniform(0.1, 0.4)
            self.clock.after(come_again_s, come_again)
            self.clock.after(come_again_s + 0.01, lambda: self.commit("bob"))

    def cut(self) -> None:
        link = self.dice.choice(self.clients).link
        if link is not None:
            link.break_off()

    def half_open(self) -> None:
        link = self.dice.choice(self.clients).link
        if link is not None:
            link.half_open = True

    def stall(self) -> None:
        """A client stops reading for a while."""
        link = self.dice.choice(self.clients).link
        if link is None or link.screen is None:
            return
        screen, node = link.screen, link.node
        node.hub.paused(screen)
        for delay_s in (0.2, 0.4, 0.9):
            self.clock.after(delay_s, self.commit)

        def resume() -> None:
            if screen.link is None or not node.is_up:
                return
            link.disturbed_s = self.clock.now_s - 0.001
            withheld = {user for user, _ in screen.slot or ()}
            node.hub.writable(screen)
            node.carry_out()
            for user in withheld:
                node.expect(link, user, node.hub.epoch, node.hub.audiences[user].versions.get("credits", 0))

        self.clock.after(self.dice.uniform(1, 15), resume)

    def look_away(self) -> None:
        """Somebody looks at another tab for a while, and changes are made meanwhile."""
        client = self.dice.choice(self.clients[:3])
        client.is_visible = False
        for delay_s in (0.1, 3.0, 6.0):
            self.clock.after(delay_s, lambda: self.commit(client.token))

        def come_back() -> None:
            client.is_visible = True
            client.paint(asked=False)

        self.clock.after(self.dice.uniform(1, 60), come_back)

    def freeze(self) -> None:
        """A browser stops a tab's script, and keeps its socket."""
        client = self.dice.choice(self.clients[:3])
        client.is_frozen = True
        self.clock.after(0.5, lambda: self.commit(client.token))

        def thaw() -> None:
            if client.link is not None:
                client.link.disturbed_s = self.clock.now_s
            client.thaw()

        self.clock.after(self.dice.uniform(1, 60), thaw)

    def crash(self) -> None:
        self._fell(self.dice.choice(self.nodes))

    def _fell(self, node: Node) -> None:
        if node.is_up:
            node.crash()
            self.clock.after(self.dice.uniform(0.5, 5), node.start)

    def watch_others(self) -> None:
        operator = self.clients[-1]
        operator.watch(self.dice.choice((("ada",), ("bob", "ada"), ("eve", "bob"), ("ada", "bob", "eve"))))

    def back_up(self) -> None:
        self.ledger.backup = dict(self.ledger.rows)

    def restore(self) -> None:
        """An older copy is put back while the servers are down; without a new epoch if somebody forgot."""
        for node in self.nodes:
            if node.is_up:
                node.crash()
            self.clock.after(self.dice.uniform(0.5, 3), node.start)
        self.ledger.restore(new_epoch=self.dice.random() < 0.7)

    # --- the verdict ----------------------------------------------------------------------------------------

    def judge(self) -> None:
        for node in self.nodes:
            node.judge_receipts()
        for client in self.clients:
            if client.link is None:
                raise Wrong(f"{client.token} is not connected after quiet")
            users = client.watching if client.token == "operator" else (client.token,)
            if client.state.epoch != self.ledger.epoch:
                raise Wrong(f"{client.token} is in {client.state.epoch}, the ledger in {self.ledger.epoch}")
            for user in users:
                row = self.ledger.rows[user, "credits"]
                held = client.state.accounts.get((user, "credits"))
                shown = (held["version"], held["balance"]["settled"]) if held is not None else (0, 0)
                # Two lines of history under one epoch may meet at the same version with different numbers. No version
                # can tell them apart; that is what the epoch is for, and why a restore must change it.
                agrees = (
                    shown[0] == row.version if self.ledger.was_forged else shown == (row.version, row.settled)
                )
                if not agrees:
                    raise Wrong(
                        f"{client.token} shows {user} as {shown}, the ledger has {row.version, row.settled}"
                    )
