"""Processes on one PostgreSQL hear of each other: commits, messages, who is there; and after what goes wrong."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from tests.waiting import eventually

from livecredits.core.messages import Message
from livecredits.errors import StartRefused
from livecredits.storage import bus as bus_module
from livecredits.storage import nodes
from livecredits.storage.bus import Bus, Presence
from livecredits.storage.nodes import MEMORY, NodeRow

COMMIT = '{"epoch":"ep"}'


class Town:
    """Some nodes on one database, and what they have heard."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.buses: dict[str, Bus] = {}
        self.commits: dict[str, list[tuple[str, int]]] = {}
        self.messages: dict[str, list[tuple[str, Message]]] = {}
        self.lost: dict[str, int] = {}
        self.has_line = threading.Event()
        self.has_line.set()

    def connect(self) -> psycopg.Connection[Any]:
        if not self.has_line.is_set():
            raise psycopg.OperationalError("there is no line")
        return psycopg.connect(self.url, autocommit=True, application_name="livecredits bus")

    def join(self, name: str, **row: Any) -> Bus:
        commits = self.commits[name] = []
        messages = self.messages[name] = []
        self.lost[name] = 0

        def lost() -> None:
            self.lost[name] += 1

        presence = Presence(hear=lambda sender, message: messages.append((sender, message)), lost=lost)
        bus = self.buses[name] = Bus(
            self.connect, NodeRow(name, "1", **row), presence,
            on_commit=lambda body, age_us: commits.append((body, age_us)),
        )  # fmt: skip
        return bus

    def commit(self, name: str, *, rings: bool = True) -> None:
        with psycopg.connect(self.url, autocommit=True) as db:
            db.execute(bus_module.POST, (name, [COMMIT]))
        if rings:
            self.buses[name].committed()

    def ask(self, statement: str) -> list[Any]:
        with psycopg.connect(self.url, autocommit=True) as db:
            return db.execute(statement).fetchall()

    def cut(self) -> None:
        """End the connections of all buses, as a restarted server does; there is none until `has_line` is set."""
        eventually(lambda: all(bus.looks for bus in self.buses.values()))
        self.has_line.clear()
        self.ask(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'livecredits bus'"
        )


@pytest.fixture
def town(postgres_url: str) -> Iterator[Town]:
    town = Town(postgres_url)
    yield town
    town.has_line.set()
    for bus in town.buses.values():
        bus.close()


def test_a_commit_is_heard_by_the_others_alone(town: Town) -> None:
    a, b = town.join("a"), town.join("b")
    eventually(lambda: a.others and b.others)
    town.commit("a")
    eventually(lambda: town.commits["b"])
    assert town.commits["b"][0][0] == COMMIT
    assert 0 <= town.commits["b"][0][1] < 5_000_000
    eventually(lambda: a.looks > 2)
    assert not town.commits["a"]
    assert a.rings >= 1


def test_a_commit_is_heard_without_the_doorbell(town: Town) -> None:
    town.join("a")
    town.join("b")
    town.commit("a", rings=False)
    assert eventually(lambda: town.commits["b"]) < 3


def test_nobody_rings_where_nobody_listens(town: Town) -> None:
    a = town.join("a")
    town.commit("a")
    looks = a.looks
    eventually(lambda: a.looks > looks + 1)
    assert a.rings == 0


def test_a_message_reaches_whom_it_is_for(town: Town) -> None:
    for name in "abc":
        town.join(name)
    town.buses["a"].tell(Message("hint", ["audit"]))
    town.buses["a"].tell(Message("answer", 5, to="b"))
    eventually(lambda: len(town.messages["b"]) == 2 and town.messages["c"])
    assert town.messages["b"] == [("a", Message("hint", ["audit"])), ("a", Message("answer", 5, to="b"))]
    assert [message.kind for _, message in town.messages["c"]] == ["hint"]
    assert not town.messages["a"]


def test_after_the_listener_was_killed_nothing_is_missing_and_nothing_comes_twice(town: Town) -> None:
    """L8: commits go on meanwhile; the others have them within 3 s after the return."""
    a, b = town.join("a"), town.join("b")
    town.commit("a")
    eventually(lambda: town.commits["b"])
    town.cut()
    eventually(lambda: a.breaks and b.breaks)
    for _ in range(20):
        town.commit("a")
    b.tell(Message("hint"))
    town.has_line.set()
    took_s = eventually(lambda: len(town.commits["b"]) == 21 and town.messages["a"])
    print(f"20 commits and a message heard {took_s * 1000:.0f} ms after the line was back")
    assert took_s < 3
    town.commit("a")
    eventually(lambda: len(town.commits["b"]) == 22)
    assert town.lost == {"a": 0, "b": 0}


class Between:
    """Passes bytes on, as a proxy does; what stands open may be made to carry nothing, and what comes later is well."""

    def __init__(self, port: int) -> None:
        self._to = ("127.0.0.1", port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._gates: list[threading.Event] = []
        self._ends: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                one, _ = self._listener.accept()
                other = socket.create_connection(self._to)
                gate = threading.Event()
                self._gates.append(gate)
                self._ends += [one, other]
                for ends in ((one, other), (other, one)):
                    threading.Thread(target=self._carry, args=(*ends, gate), daemon=True).start()

    def _carry(self, source: socket.socket, target: socket.socket, stops: threading.Event) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65_536):
                if not stops.is_set():
                    target.sendall(data)
            target.shutdown(socket.SHUT_WR)

    def carry_nothing(self) -> None:
        for gate in self._gates:
            gate.set()

    def close(self) -> None:
        for end in (self._listener, *self._ends):
            end.close()


@pytest.fixture
def between(town: Town) -> Iterator[Between]:
    parts = urlsplit(town.url)
    between = Between(parts.port or 0)
    town.url = parts._replace(netloc=parts.netloc.replace(f":{parts.port}", f":{between.port}")).geturl()
    yield between
    for bus in town.buses.values():
        bus.close()
    town.buses = {}
    between.close()


def test_a_line_that_carries_nothing_is_made_anew(
    town: Town, between: Between, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bus_module, "WATCH_S", 0.05)
    a, b = town.join("a"), town.join("b")
    eventually(lambda: a.others and b.others and b.looks)
    between.carry_nothing()
    town.commit("a")
    with monkeypatch.context() as impatient:  # a busy machine could be taken for stuck before and after
        impatient.setattr(bus_module, "STUCK_S", 0.5)
        took_s = eventually(lambda: a.breaks and b.breaks)
    took_s += eventually(lambda: town.commits["b"])
    print(f"a commit was heard {took_s:.1f} s after all lines were blocked (cut after 0.5 s)")
    assert b.breaks == 1
    assert town.lost == {"a": 0, "b": 0}


def test_who_ends_does_not_wait_for_a_line_that_carries_nothing(
    town: Town, between: Between, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bus_module, "STUCK_AT_END_S", 0.2)
    monkeypatch.setattr(bus_module, "WATCH_S", 0.05)
    a = town.join("a")
    eventually(lambda: a.looks)
    between.carry_nothing()
    began_s = time.monotonic()
    a.close()
    assert time.monotonic() - began_s < 5
    town.buses = {}


def test_without_a_line_messages_wait_but_not_without_end(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bus_module, "WAITING_MOST", 3)
    a, b = town.join("a"), town.join("b")
    town.cut()
    eventually(lambda: a.breaks and b.breaks)
    for number in range(5):
        a.tell(Message("hint", number))
    town.has_line.set()
    eventually(lambda: len(town.messages["b"]) == 3)
    assert [message.content for _, message in town.messages["b"]] == [0, 1, 2]


def test_what_is_told_after_the_end_is_nobodys(town: Town) -> None:
    a = town.join("a")
    a.close()
    a.tell(Message("hint"))
    a.beat_soon()
    del town.buses["a"]


def test_after_too_long_a_silence_everything_is_read_anew(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    a = town.join("a")
    town.cut()
    eventually(lambda: a.breaks and a.silent_s > 0.4)
    with monkeypatch.context() as impatient:  # a busy machine looks so late by itself
        impatient.setattr(bus_module, "LOST_US", 300_000)
        town.has_line.set()
        eventually(lambda: town.lost["a"])
    assert a.losses == 1


def test_a_node_that_stood_still_for_longer_than_notices_are_kept_misses_nothing_unnoticed(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its connection is as it was, and what it has not seen is deleted: as after SIGSTOP, or a machine that slept."""
    town.join("a")
    b = town.join("b")
    goes_on = threading.Event()

    def stand_still(_body: str, _age_us: int) -> None:
        goes_on.wait(10)

    b._on_commit = stand_still
    town.commit("a")
    eventually(lambda: b.heard == 1)
    town.commit("a")
    town.ask("WITH gone AS (DELETE FROM notices RETURNING 1) SELECT count(*) FROM gone")
    eventually(lambda: b.silent_s > 0.5)
    with monkeypatch.context() as impatient:  # a busy machine looks so late by itself
        impatient.setattr(bus_module, "LOST_US", 300_000)
        goes_on.set()
        eventually(lambda: town.lost["b"])
    assert (b.heard, b.losses, b.breaks) == (1, 1, 0)
    town.commit("a")
    eventually(lambda: b.heard == 2)
    assert town.lost["b"] == 1


def test_after_another_server_took_over_everything_is_read_anew(town: Town) -> None:
    """A standby may never have heard of the last transactions, and gives their numbers out again."""
    a = town.join("a")
    town.cut()
    eventually(lambda: a.breaks)
    a._timeline = "00000000"
    town.has_line.set()
    eventually(lambda: town.lost["a"])
    assert a.losses == 1


def test_a_notice_that_nobody_understands_stops_nothing(town: Town) -> None:
    a, b = town.join("a"), town.join("b")

    def fail(_body: str, _age_us: int) -> None:
        raise ValueError("a newer version's")

    b._on_commit = fail
    town.commit("a")
    eventually(lambda: town.lost["b"])
    a.tell(Message("hint"))
    eventually(lambda: town.messages["b"])


# --- who is there ---------------------------------------------------------------------------------------------------


def test_who_joins_and_who_leaves_is_known_at_once(town: Town) -> None:
    a = town.join("a")
    b = town.join("b")
    assert eventually(lambda: [other.node_id for other in a.others] == ["b"]) < 1.5
    b.close()
    del town.buses["b"]
    assert eventually(lambda: not a.others) < 1.5
    assert town.ask("SELECT node_id FROM nodes") == [("a",)]


def test_what_a_node_tells_of_itself_is_known_to_the_others(town: Town) -> None:
    a, b = town.join("a"), town.join("b")
    b._presence.figures = lambda: {"screens": 7, "is_draining": True}
    b.beat_soon()
    eventually(lambda: a.others and a.others[0].screens == 7 and a.others[0].is_draining)


@pytest.mark.parametrize(("here", "there"), [("postgres", MEMORY), (MEMORY, "postgres"), (MEMORY, MEMORY)])
def test_a_bus_in_memory_and_another_node_exclude_each_other(town: Town, here: str, there: str) -> None:
    town.join("a", bus=here)
    with pytest.raises(StartRefused, match=f"The node a has this database open with LIVECREDITS_BUS={here}"):
        town.join("b", bus=there)
    del town.commits["b"]
    assert town.ask("SELECT node_id FROM nodes") == [("a",)], "who was refused leaves nothing behind"


def test_a_node_with_its_bus_in_memory_rests(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says that it is alive, and does nothing else: it neither looks nor rings, and is never behind."""
    turns: list[int] = []
    take_turn = Bus._take_turn

    def counted(bus: Bus, db: Any, *, is_called: bool) -> None:
        turns.append(1)
        take_turn(bus, db, is_called=is_called)

    monkeypatch.setattr(Bus, "_take_turn", counted)
    a = town.join("a", bus=MEMORY)
    a.committed()
    a.beat_soon()
    eventually(lambda: town.ask(f"SELECT 1 FROM nodes WHERE seen_at_us > started_at_us + {500_000}"))
    assert len(turns) < 10
    assert (a.looks, a.rings, a.silent_s) == (0, 0, 0.0)


def test_a_node_whose_secret_differs_is_refused(town: Town) -> None:
    town.join("a", secret_check="one")
    town.join("c")  # a command signs nothing
    with pytest.raises(StartRefused, match="LIVECREDITS_SECRET differs from that of the node a"):
        town.join("b", secret_check="another")


def test_a_node_that_crashed_is_forgotten_with_all_that_hung_on_it(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_house = nodes.keep_house
    monkeypatch.setattr(nodes, "keep_house", lambda db: [])  # the node's own turn would come between
    a = town.join("a")
    town.ask(
        f"INSERT INTO nodes SELECT 'crashed', version, 'memory', true, '', '', 0, {nodes.NOW_US} - 6000001, 0, 9, 9, "
        "false, '' FROM nodes RETURNING 1"
    )
    town.ask(
        "INSERT INTO broadcasts (id, node, open, shown, hidden, asleep, gone, behind, browsers, off, settled, details) "
        "VALUES ('ent_1', 'crashed', 3, 1, 0, 1, 0, 1, 0, 0, 0, 'full') RETURNING 1"
    )
    with a._connect() as db:
        assert keep_house(db) == ["crashed"]
        assert keep_house(db) == []
    assert town.ask("SELECT open, shown, gone, settled FROM broadcasts") == [(3, 1, 2, 1)]
    town.join("b")  # one with its bus in memory would have kept it out


def test_old_notices_are_deleted_and_young_ones_stay(town: Town) -> None:
    a = town.join("a")
    town.ask(
        f"INSERT INTO notices (node, at_us, body) SELECT 'x', {nodes.NOW_US} - age, 'y' "
        f"FROM unnest(ARRAY[{nodes.NOTICES_KEPT_US + 1}, 1000]) AS age RETURNING 1"
    )
    with a._connect() as db:
        nodes.keep_house(db)
    assert town.ask("SELECT count(*) FROM notices WHERE node = 'x'") == [(1,)]


def test_two_that_must_not_run_beside_each_other_say_so(town: Town) -> None:
    """One was stopped for so long that it passed for dead, and came back."""
    a = town.join("a")
    town.ask(
        f"INSERT INTO nodes SELECT 'back', version, 'memory', true, '', '', 0, {nodes.NOW_US}, 0, 0, 0, false, '' "
        "FROM nodes RETURNING 1"
    )
    a.beat_soon()
    eventually(lambda: "The node back has this database open with LIVECREDITS_BUS=memory" in a.conflict)
