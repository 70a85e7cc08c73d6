"""The Overview's figures on PostgreSQL: entries may appear before the newest one, and none is lost or counted twice."""

from __future__ import annotations

from pathlib import Path

from tests.http.stage import staged
from tests.storage.hands import rows

from livecredits.http.figures import Figures
from livecredits.storage.stats import COMMIT_US_MAX


async def test_what_another_node_commits_late_is_counted(tmp_path: Path, postgres_url: str) -> None:
    """A node decides a change and commits it after a later one of ours was counted."""
    async with staged(tmp_path, database_url=postgres_url) as stage:
        await stage.credits.grant("ada", 100)
        figures = Figures(stage.credits)
        for amount in (1, 2, 3):
            await stage.credits.grant("ada", amount)
            await figures.refresh()
            ((newest,),) = rows(postgres_url, "SELECT max(id) FROM entries")
            await stage.credits.grant("bob", 10 * amount)
            # As if it had been decided first: its id stands before one that was there when somebody looked.
            earlier = f"{str(newest)[:-8]}{int(str(newest)[-8:], 16) // 2:08x}"
            rows(
                postgres_url,
                "WITH _ AS (SELECT set_config('session_replication_role', 'replica', false)) "
                "UPDATE entries SET id = ? FROM _ WHERE id = (SELECT max(id) FROM entries) RETURNING 1",
                earlier,
            )
        stage.clock.shift_us += COMMIT_US_MAX + 1_000_000
        await figures.refresh()
        assert figures.units(0)["credits"].outstanding == 100 + 6 + 60
        assert figures.units(0)["credits"].today.granted == 100 + 6 + 60
