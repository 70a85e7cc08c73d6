"""Fixtures of the live tests; what they are made of stands in `ledger.py` and `servers.py`."""

from __future__ import annotations

import pytest
from tests.live.ledger import Ledger


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "limits(limits): the hub's limits that this test runs with")


@pytest.fixture
def ledger() -> Ledger:
    return Ledger()
