"""C5 in a real browser: a number that the ledger has lost goes back on every tab, and changes go on from there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext
from tests.demo_process import START_S, free_port, running_demo, spawn
from tests.e2e.pages import Wallet, new_user

pytestmark = pytest.mark.e2e

BACK_MS = 25_000
"""The SDK's backoff while there is no server, and Chromium on a busy machine."""


def command(file: Path, *arguments: str) -> None:
    ran = spawn(*arguments, LIVECREDITS_DATABASE_URL=f"sqlite:///{file}")
    _, told = ran.communicate(timeout=START_S)
    assert ran.returncode == 0, told


def test_c5_every_tab_takes_the_older_number(
    new_context: Callable[[], BrowserContext], tmp_path: Path
) -> None:
    port, file, backup = free_port(), tmp_path / "ledger.db", tmp_path / "backup.db"
    with running_demo("--file", str(file), port=port) as demo:
        demo.end_welcomes()
        user = new_user(demo, "restored", 100)
        command(file, "backup", str(backup))
        demo.api("POST", f"/users/{user}/grants", json={"amount": 23})
        one, other = new_context(), new_context()
        tabs = [Wallet(one, demo, user), Wallet(one, demo, user), Wallet(other, demo, user)]
        for tab in tabs:
            tab.shows(123)
    command(file, "restore", str(backup))
    with running_demo("--file", str(file), port=port) as demo:
        for tab in tabs:
            tab.is_live(within_ms=BACK_MS)
            tab.shows(100)
        demo.api("POST", f"/users/{user}/grants", json={"amount": 1})
        for tab in tabs:
            tab.shows(101)
        assert (
            demo.api("GET", "/admin/stats").json()["failures"]["alarms"] >= 2
        )  # tabs of one browser share a line
