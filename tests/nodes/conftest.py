"""Two nodes on one database, started once for each file that asks."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.nodes.town import Town
from tests.postgres import PostgresServer


@pytest.fixture(scope="module")
def town(postgres: PostgresServer, migrated: str) -> Iterator[Town]:
    name = postgres.create_database(migrated)
    town = Town(postgres.url(name))
    town.start()
    yield town
    town.stop()
    postgres.drop_database(name)
