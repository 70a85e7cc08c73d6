"""Turns: one process at a time works on a batch, and one that stood still for too long has lost its turn."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from typing import Any

import psycopg
import pytest
from tests.storage.hands import rows

from livecredits import BatchRow, Credits, Unavailable
from livecredits.credits import batches
from livecredits.storage import postgres_line, turns
from livecredits.storage.turns import Turn, turn


@pytest.fixture
def connect(postgres_url: str) -> Callable[[], psycopg.Connection[Any]]:
    return partial(postgres_line.connect, postgres_url)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever stands still for 0.3 s has lost its turn, and for one nobody waits longer than 10 s."""
    bounds = turns.BOUNDS.replace(f"'{turns.IDLE_MS}'", "'300'")
    assert bounds != turns.BOUNDS
    monkeypatch.setattr(turns, "BOUNDS", bounds)


@pytest.mark.usefixtures("impatient")
def test_who_stands_still_loses_its_turn_and_is_told(connect: Callable[[], psycopg.Connection[Any]]) -> None:
    with turn(connect) as first, turn(connect) as second:
        first.take("a batch")
        second.take("a batch")  # as soon as the server has ended the first one's
        with pytest.raises(Unavailable):
            first.keep()
        second.keep()


def test_for_a_turn_nobody_waits_without_end(
    connect: Callable[[], psycopg.Connection[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "BOUNDS", turns.BOUNDS.replace(f"'{turns.WAIT_MS}'", "'100'"))
    with turn(connect) as first, turn(connect) as second:
        first.take("a batch")
        with pytest.raises(Unavailable, match="working on it") as refused:
            second.take("a batch")
        assert refused.value.extra == {"retry_after_s": turns.RETRY_AFTER_S}
        first.keep()


@pytest.fixture
def nodes(postgres_url: str) -> Iterator[list[Credits]]:
    with ExitStack() as closing:
        both = [Credits(postgres_url) for _ in range(2)]
        for node in both:
            closing.callback(node.sync.close)
        yield both


@pytest.mark.usefixtures("impatient")
def test_a_batch_whose_turn_is_lost_is_taken_up_by_another_node(
    nodes: list[Credits], postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one that stood still applies no more of it; each row counts once, and both have the same answer at last."""
    monkeypatch.setattr(batches, "PORTION", 10)
    listed = [BatchRow(number + 1, f"u{number:02}", "grant", 5) for number in range(40)]
    portions, elsewhere = itertools.count(1), []
    keep = Turn.keep

    def stand_still(self: Turn) -> None:
        """Before its third portion, until another has taken the batch to its end."""
        if next(portions) == 3:
            with ThreadPoolExecutor(1) as pool:
                elsewhere.append(pool.submit(nodes[1].sync.batch, listed, key="list").result(30))
        keep(self)

    monkeypatch.setattr(Turn, "keep", stand_still)
    with pytest.raises(Unavailable):
        nodes[0].sync.batch(listed, key="list")
    (whole,) = elsewhere
    assert (whole.state, whole.applied) == ("applied", 40)
    assert rows(postgres_url, "SELECT count(*), sum(amount) FROM entries") == [(40, 200)]
    again = nodes[0].sync.batch(listed, key="list")
    assert (again.batch, again.replayed, again.rows) == (whole.batch, True, whole.rows)
    assert nodes[0].sync.verify().is_clean
