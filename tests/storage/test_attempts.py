"""What all nodes count together: no more passes than the limit, however many try at once, and from wherever."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from tests.postgres import PostgresServer

from livecredits.clock import SystemClock
from livecredits.errors import RateLimited, Unavailable
from livecredits.storage.attempts import Attempts

MOST, WINDOW_US = 5, 10_000_000


class Clock(SystemClock):
    def __init__(self) -> None:
        self.at_us = 1_700_000_000_000_000

    def now_us(self) -> int:
        return self.at_us


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def make_node(postgres_url: str, clock: Clock) -> Iterator[Callable[[], Attempts]]:
    made: list[Attempts] = []

    def make() -> Attempts:
        made.append(Attempts(lambda: psycopg.connect(postgres_url, autocommit=True), clock))
        return made[-1]

    yield make
    for node in made:
        node.close()


def take(node: Attempts, *names: str) -> list[int]:
    limits = dict.fromkeys(names or ("user:ada",), MOST)
    return node.take(limits, WINDOW_US, too_many="Too many.", too_many_now="Too many now.")


def test_many_at_once_on_several_nodes(make_node: Callable[[], Attempts]) -> None:
    nodes = [make_node() for _ in range(4)]

    def attempt(number: int) -> bool:
        try:
            nodes[number % 4].keep(take(nodes[number % 4]))
        except RateLimited:
            return False
        return True

    with ThreadPoolExecutor(16) as pool:
        passed = list(pool.map(attempt, range(64)))
    assert sum(passed) == MOST


def test_a_good_attempt_gives_its_place_back(make_node: Callable[[], Attempts]) -> None:
    here, there = make_node(), make_node()
    for _ in range(3 * MOST):
        here.give_back(take(here))
    for _ in range(MOST):
        there.keep(take(there))
    with pytest.raises(RateLimited, match=r"Too many\."):
        take(here)
    take(here, "user:bob")


def test_all_names_must_have_a_place(make_node: Callable[[], Attempts]) -> None:
    node = make_node()
    for user in range(MOST):
        node.keep(take(node, f"user:{user}", "address:192.0.2.1"))
    with pytest.raises(RateLimited):
        take(node, "user:new", "address:192.0.2.1")
    for _ in range(MOST):  # the one that was refused took no place of the other name
        take(node, "user:new")


def test_those_on_their_way_are_told_apart_and_the_window_ends(
    make_node: Callable[[], Attempts], clock: Clock
) -> None:
    node = make_node()
    places = [take(node) for _ in range(MOST)]
    with pytest.raises(RateLimited, match="Too many now") as now:
        take(node)
    assert now.value.extra["retry_after_s"] == 1
    for place in places:
        node.keep(place)
    clock.at_us += 4_000_000
    with pytest.raises(RateLimited) as later:
        take(node)
    assert later.value.extra["retry_after_s"] == 6
    clock.at_us += 6_000_001
    take(node)


def test_a_connection_that_was_cut_is_made_again(
    make_node: Callable[[], Attempts], postgres_url: str
) -> None:
    node = make_node()
    take(node)
    assert node._db is not None
    with psycopg.connect(postgres_url, autocommit=True) as db:
        db.execute("SELECT pg_terminate_backend(%s)", (node._db.info.backend_pid,))
    take(node)


def test_without_a_database_nobody_passes(postgres: PostgresServer, clock: Clock) -> None:
    node = Attempts(lambda: psycopg.connect(postgres.url("no_such_database")), clock)
    with pytest.raises(Unavailable):
        take(node)
