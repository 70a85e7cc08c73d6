from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.http.stage import Stage, staged


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """A file; modules whose routes ask what SQL differs in take `tests.postgres.database_url` instead: both kinds."""
    return f"sqlite:///{tmp_path}/credits.db"


@pytest.fixture
async def stage(tmp_path: Path, database_url: str) -> AsyncIterator[Stage]:
    async with staged(tmp_path, database_url=database_url) as made:
        yield made
