from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.http.stage import Stage, staged
from tests.storage.hands import fresh_database


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty ledger: a file, and in `make deep` a database of PostgreSQL as well.

    Where SQL differs, modules take `tests.postgres.database_url`, and tests `of_both`: both kinds every time.
    """
    if request.param == "sqlite":
        return f"sqlite:///{fresh_database(tmp_path)}"
    url: str = request.getfixturevalue("postgres_url")
    return url


@pytest.fixture
async def stage(tmp_path: Path, database_url: str) -> AsyncIterator[Stage]:
    async with staged(tmp_path, database_url=database_url) as made:
        yield made
