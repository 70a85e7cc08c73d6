"""One application among others: after it may have missed what they said, and when its clock is not theirs."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import Connection, update
from tests.http.stage import Stage, staged
from tests.live.carriers import eventually

from livecredits.access import Role
from livecredits.core.changes import LIBRARY
from livecredits.storage import postgres_schema
from livecredits.storage.schema import api_keys
from livecredits.storage.settings import write_settings


async def test_who_may_have_missed_what_others_said_reads_everything_anew(stage: Stage) -> None:
    """Settings and keys were changed elsewhere, and no word of it came."""
    backend = await stage.backend()
    assert (await backend.get("/api/v1/admin/units")).status_code == 200
    receipts = stage.services.live.receipts
    await receipts.know()
    assert receipts.wanted_of("ada")

    def elsewhere(connection: Connection) -> Any:
        write_settings(connection, {"receipts": False}, actor=LIBRARY, now_us=1)
        connection.execute(update(api_keys).values(revoked_at_us=1))

    await stage.credits.write(elsewhere)
    assert (await backend.get("/api/v1/admin/units")).status_code == 200, "it does not know yet"
    stage.credits.presence.lost()
    await eventually(lambda: not receipts.wanted_of("ada"))
    assert (await backend.get("/api/v1/admin/units")).status_code == 401


@pytest.mark.parametrize("hours", [-1, 1])
async def test_a_node_whose_clock_is_an_hour_off_is_not_ready_and_says_why(
    tmp_path: Path, postgres_url: str, hours: int
) -> None:
    async with staged(tmp_path, database_url=postgres_url) as stage:
        client = stage.client()
        viewer = await stage.operator(Role.VIEWER)
        assert (await client.get("/readyz")).status_code == 200
        stage.clock.shift_us = hours * 3_600_000_000
        answer = await client.get("/readyz")
        assert answer.status_code == 503
        why = re.search(
            r"The clocks of this machine and of the database server differ by 3\d{3} s\.", answer.text
        )
        assert why
        (node,) = (await viewer.get("/api/v1/admin/nodes")).json()["items"]
        assert node["not_ready"][:50] == why[0][:50]


def test_a_node_whose_clock_is_off_is_told_so_at_the_start(
    postgres_url: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    ahead_s = time.time() + 3_600
    monkeypatch.setattr(time, "time", lambda: ahead_s)
    with psycopg.connect(postgres_url) as connection:
        postgres_schema.require_fit(connection)
    assert re.search(r"differ by 3\d{3} s", caplog.text)
