"""Servers that are killed again and again under load: what was answered stays, what was not is made once or never."""

from __future__ import annotations

import os
import random
from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.checker import counted, judge
from tests.crash.load import Load
from tests.serve_process import Server

pytestmark = pytest.mark.crash
KILLS = 200 if os.environ.get("LIVECREDITS_DEPTH") == "deep" else 3
FRESH_S = 5.0


def attack(servers: Sequence[Server]) -> None:
    """Load on all servers, of which one after the other is killed and started again; then the judge's word."""
    rolls = random.Random(1)
    load = Load([served.url for served in servers], servers[0].key)
    try:
        for served in servers:
            served.start()
        load.begin(writers=8, screens=12)
        for number in range(KILLS):
            load.wait_for(rolls.randrange(100, 400))
            served = servers[number % len(servers)]
            served.kill()
            if len(servers) > 1:
                load.wait_for(50)  # the others go on meanwhile
            served.start()
        load.wait_for(100)
        history = load.end(fresh_s=FRESH_S)
    finally:
        load.stop()
        for served in servers:
            served.stop()
    told = counted(history)
    assert told["unknown"] >= KILLS, "the kills hit nobody"
    assert told["lost"] >= KILLS
    assert told["ok"] > 150 * KILLS
    faults = judge(history, fresh_s=FRESH_S)
    assert not faults, faults[:5]


@pytest.mark.timeout(90 + 15 * KILLS)
def test_a_server_that_is_killed_under_load_loses_nothing_and_doubles_nothing(tmp_path: Path) -> None:
    attack([Server(tmp_path / "credits.db")])


@pytest.mark.timeout(90 + 15 * KILLS)
def test_when_a_node_is_killed_its_screens_go_to_the_other_and_end_right(
    tmp_path: Path, postgres_url: str
) -> None:
    one = Server(tmp_path / "none", LIVECREDITS_DATABASE_URL=postgres_url)
    attack([one, Server(tmp_path / "none", key=one.key, LIVECREDITS_DATABASE_URL=postgres_url)])
