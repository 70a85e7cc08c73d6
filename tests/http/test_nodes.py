"""What an application does when it is told of others: here that it may have missed what they said."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, update
from tests.http.stage import Stage
from tests.live.carriers import eventually

from livecredits.core.changes import LIBRARY
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
