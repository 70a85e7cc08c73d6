"""The Overview's figures on PostgreSQL: entries may appear before the newest one, and none is lost or counted twice."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from psycopg import AsyncConnection
from tests.http.stage import staged
from tests.live.carriers import eventually
from tests.storage.hands import rows

from livecredits import Credits
from livecredits.http.figures import Figures
from livecredits.storage.stats import COMMIT_US


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
        stage.clock.shift_us += COMMIT_US + 1_000_000
        await figures.refresh()
        assert figures.units(0)["credits"].outstanding == 100 + 6 + 60
        assert figures.units(0)["credits"].today.granted == 100 + 6 + 60


SLOW = """
CREATE FUNCTION wait_for_42() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN PERFORM pg_advisory_xact_lock(42); RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON entries DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW WHEN (NEW.label = 'slow') EXECUTE FUNCTION wait_for_42();
"""
WAITS = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 42 AND NOT granted"


async def test_what_takes_longer_to_commit_than_anything_should_is_counted(
    tmp_path: Path, postgres_url: str
) -> None:
    """Also where it was decided before the first count, and where the cursor has not come to it yet."""
    async with (
        staged(tmp_path, database_url=postgres_url) as stage,
        Credits(postgres_url, settings=stage.credits.settings, clock=stage.clock) as other,
        await AsyncConnection.connect(postgres_url, autocommit=True) as lock,
    ):
        await lock.execute(SLOW)
        figures = Figures(stage.credits)

        async def while_one_commits(user: str, begun: Callable[[], Awaitable[None]]) -> None:
            await lock.execute("SELECT pg_advisory_lock(42)")
            slow = asyncio.create_task(other.grant(user, 1_000, label="slow"))
            await eventually(lambda: rows(postgres_url, WAITS) == [(1,)])
            await begun()
            assert not slow.done()
            await lock.execute("SELECT pg_advisory_unlock(42)")
            await slow
            await figures.refresh()

        async def count_behind_it() -> None:
            stage.clock.shift_us += COMMIT_US + 1_000_000
            await stage.credits.grant("ada", 1)
            stage.clock.shift_us += COMMIT_US + 1_000_000
            await figures.refresh()

        await while_one_commits("bob", count_behind_it)  # the first count of all
        assert _given(figures) == (1_001, 1_001)
        await while_one_commits("eve", count_behind_it)
        await while_one_commits("bob", count_behind_it)
        assert _given(figures) == (3_003, 3_003)
        await figures.refresh()
        assert _given(figures) == (3_003, 3_003)


def _given(figures: Figures) -> tuple[int, int]:
    unit = figures.units(0)["credits"]
    return unit.outstanding, unit.today.granted
