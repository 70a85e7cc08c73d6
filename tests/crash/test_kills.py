"""A server that is killed again and again under load: what was answered stays, what was not is made once or never."""

from __future__ import annotations

import json
import os
import random
import select
import subprocess
import time
from pathlib import Path

import httpx2
import pytest
from tests.checker import counted, judge
from tests.crash.load import Load
from tests.demo_process import COMMAND, environment, free_port, spawn

pytestmark = pytest.mark.crash
KILLS = 200 if os.environ.get("LIVECREDITS_DEPTH") == "deep" else 3
FRESH_S = 5.0
START_S = 30.0


class Served:
    """`livecredits serve` on one file and one port, however often it is killed."""

    def __init__(self, file: Path) -> None:
        self.port = free_port()
        self._values = {"LIVECREDITS_DATABASE_URL": f"sqlite:///{file}"}
        made = subprocess.run(
            [COMMAND, "key", "add", "load", "--json"],
            env=environment(**self._values), capture_output=True, text=True, check=True,
        )  # fmt: skip
        self.key = str(json.loads(made.stdout)["secret"])
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        self._process = spawn("serve", "--port", str(self.port), **self._values)
        until = time.monotonic() + START_S
        while True:
            assert self._process.poll() is None, self._process.communicate()[1]
            assert time.monotonic() < until, "the server does not start"
            try:
                if httpx2.get(f"{self.url}/readyz", timeout=1).status_code == 200:
                    return
            except httpx2.TransportError:
                select.select([], [], [], 0.05)

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()

    def end(self) -> None:
        self._process.terminate()
        self._process.communicate(timeout=30)


@pytest.mark.timeout(90 + 15 * KILLS)
def test_a_server_that_is_killed_under_load_loses_nothing_and_doubles_nothing(tmp_path: Path) -> None:
    served = Served(tmp_path / "credits.db")
    rolls = random.Random(1)
    load = Load([served.url], served.key)
    try:
        load.begin(writers=8, screens=12)
        for _ in range(KILLS):
            load.wait_for(rolls.randrange(100, 400))
            served.kill()
            served.start()
        load.wait_for(100)
        history = load.end(fresh_s=FRESH_S)
    finally:
        load.stop()
        served.end()
    told = counted(history)
    assert told["unknown"] >= KILLS, "the kills hit nobody"
    assert told["lost"] >= KILLS
    assert told["ok"] > 300 * KILLS / 2
    faults = judge(history, fresh_s=FRESH_S)
    assert not faults, faults[:5]
