"""How a commit reaches the other nodes in the simulation: by a bus that loses, or by the tail of a database.

`Lossy` stands for any bus that carries hints: it drops, doubles, delays and so re-orders; only reading again heals it.
`Tailed` is a small model of PostgreSQL's transactions with the real `Window` on top: numbers are given out when a
transaction begins and rows become visible when it commits, in another order; some fail, and one takes very long. The
doorbell is often lost, connections break, nodes crash. Here nothing may be lost: whoever is up and connected hears of
every commit within `WITHIN_S`, once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from livecredits.storage.tail import Window

if TYPE_CHECKING:
    from tests.sim.world import Node, World

    from livecredits.core.rows import Entry

POLL_S = 1.0
WITHIN_S = 3.0
"""A commit is told to every other node in so many seconds (the table in 3-live: bus → node)."""


class Lossy:
    """Told a little later, perhaps never or twice."""

    def __init__(self, world: World, *, loses: bool) -> None:
        self._world = world
        self._loses = loses

    def join(self, node: Node) -> None:
        """A node has started."""

    def leave(self, node: Node) -> None:
        """A node has crashed."""

    def commit(self, here: Node, tell: Callable[[Node], None], entry: Entry) -> None:
        world = self._world
        for node in world.nodes:
            if self._loses and world.dice.random() < 0.15:
                continue
            delay_s = 0.0 if node is here else world.dice.uniform(0.0, 1.5)
            for _ in range(2 if world.dice.random() < 0.1 else 1):
                world.clock.after(delay_s, lambda node=node: tell(node))  # type: ignore[misc]


@dataclass(eq=False)
class Row:
    """One notice; visible from its transaction's commit on."""

    id: int
    transaction: int
    node: Node
    tell: Callable[[Node], None]
    entry: str


class Transactions:
    """Numbers of transactions and what can be seen, as PostgreSQL does it."""

    def __init__(self) -> None:
        self._next_id = 700
        self._running: set[int] = set()
        self._next_row = 1
        self.rows: list[Row] = []

    def begin(self) -> int:
        transaction, self._next_id = self._next_id, self._next_id + 1
        self._running.add(transaction)
        return transaction

    def end(self, transaction: int) -> None:
        self._running.discard(transaction)

    def next_row(self) -> int:
        row, self._next_row = self._next_row, self._next_row + 1
        return row

    def snapshot(self) -> str:
        running = sorted(self._running)
        oldest = running[0] if running else self._next_id
        return f"{oldest}:{self._next_id}:{','.join(map(str, running))}"


class Follower:
    """One node's tail: what `storage.bus` does with `storage.tail`."""

    def __init__(self, transactions: Transactions, node: Node) -> None:
        self._transactions = transactions
        self.node = node
        self.is_cut = False
        self.since_s = node.world.clock.now_s
        self.heard: set[str] = set()
        self.window = self.moment()

    def moment(self) -> Window:
        return Window.parse(self._transactions.snapshot())

    def found(self) -> list[Row]:
        return [row for row in self._transactions.rows if self.window.hides(row.transaction)]

    def look(self) -> None:
        found = [row for row in self.found() if row.node is not self.node]
        self.window = self.moment()
        for row in found:
            if row.entry in self.heard:
                self.node.world.fail(f"node {self.node.name} heard of {row.entry} twice")
            self.heard.add(row.entry)
            row.tell(self.node)

    def came_back(self) -> None:
        """Connected again; the window stands where it stood."""


class Tailed:
    """Told by the tail of the database."""

    follower = Follower

    def __init__(self, world: World, follower: type[Follower]) -> None:
        self._world = world
        self._transactions = Transactions()
        self._follower = follower
        self._followers: dict[Node, Follower] = {}
        self._held: list[tuple[int, int]] = []
        """Transactions that have begun and written, each with the number of its row."""
        for _ in range(world.dice.randint(0, 2)):
            world.clock.after(world.dice.uniform(0, 120), self._take_long)
            world.clock.after(world.dice.uniform(0, 120), self._break_off)

    def join(self, node: Node) -> None:
        follower = self._followers[node] = self._follower(self._transactions, node)
        self._poll(follower)

    def leave(self, node: Node) -> None:
        self._followers.pop(node, None)

    def commit(self, here: Node, tell: Callable[[Node], None], entry: Entry) -> None:
        """The change is durable now; its transaction may have begun, and have written its row, long before."""
        world, transactions = self._world, self._transactions
        for _ in range(world.dice.randint(0, 2)):
            self._held.append((transactions.begin(), transactions.next_row()))
            world.clock.after(world.dice.uniform(0.5, 40.0), self._fail_held)
        is_late = bool(self._held) and world.dice.random() < 0.6
        transaction, number = self._held.pop() if is_late else (transactions.begin(), transactions.next_row())
        row = Row(number, transaction, here, tell, entry.id)
        transactions.rows.append(row)
        transactions.end(transaction)
        world.clock.after(0.0, lambda: tell(here))
        self._ring(here)
        for follower in self._followers.values():
            if follower.node is not here:
                self._expect(row, follower)

    def _fail_held(self) -> None:
        """One of those that have begun is rolled back: its row never was."""
        if self._held:
            self._transactions.end(self._held.pop(0)[0])

    def _take_long(self) -> None:
        """A transaction of somebody else that does not end for a minute."""
        transaction = self._transactions.begin()
        self._world.clock.after(60.0, lambda: self._transactions.end(transaction))

    def _ring(self, here: Node) -> None:
        for follower in self._followers.values():
            if follower.node is not here and self._world.dice.random() < 0.6:
                delay_s = self._world.dice.uniform(0.0, 0.05)
                self._world.clock.after(delay_s, lambda follower=follower: self._look(follower))  # type: ignore[misc]

    def _look(self, follower: Follower) -> None:
        if self._followers.get(follower.node) is follower and not follower.is_cut:
            follower.look()

    def _poll(self, follower: Follower) -> None:
        if self._followers.get(follower.node) is follower:
            self._look(follower)
            self._world.clock.after(POLL_S, lambda: self._poll(follower))

    def _break_off(self) -> None:
        """The connection of one tail breaks, and comes back."""
        follower = self._world.dice.choice([*self._followers.values(), None])
        if follower is None or follower.is_cut:
            return
        follower.is_cut = True

        def come_back() -> None:
            follower.is_cut = False
            follower.since_s = self._world.clock.now_s
            follower.came_back()

        self._world.clock.after(self._world.dice.uniform(0.5, 20.0), come_back)

    def _expect(self, row: Row, follower: Follower) -> None:
        """Who was up at the commit hears of it `WITHIN_S` later, or so long after its connection is back."""
        began_s = self._world.clock.now_s

        def judge() -> None:
            if self._followers.get(follower.node) is not follower or row.entry in follower.heard:
                return
            if follower.is_cut or follower.since_s > began_s:
                self._expect(row, follower)
            else:
                name = follower.node.name
                self._world.fail(f"node {name} has not heard of {row.entry} in {WITHIN_S} s")

        self._world.clock.after(WITHIN_S, judge)
