"""The order of test files: those that take long begin first, so that no worker is left alone with one at the end.

With `--dist loadfile` a file belongs to one worker. Which of them are slow is a matter of measuring
(`pytest --durations=0`); a file that is missing here runs as well, only later.
"""

from __future__ import annotations

import pytest

# Fixtures for all folders: a real PostgreSQL, started by the first test that asks for it, and ledgers of both kinds.
from tests.postgres import _shared, database_url, migrated, postgres, postgres_url  # noqa: F401

SLOW = (
    "test_machine.py", "test_postgres.py", "test_contract.py", "test_demo.py", "test_import.py", "test_cli.py",
    "test_axe.py", "test_cli_shop.py", "test_credits.py",
    "test_wallet_pages.py", "test_flows.py", "test_sdk_faults.py", "test_console_users.py", "test_orders.py",
    "test_batches.py", "test_tabs.py", "test_vouchers.py", "test_sdk_receipts.py", "test_wallet_shop.py",
    "test_inbound.py", "test_delivery.py", "test_hygiene.py", "test_behaviour.py", "test_sessions.py",
    "test_changes.py", "test_two_nodes.py", "test_money.py", "test_pgbouncer.py",
    "test_trouble.py", "test_kill_points.py", "test_kills.py",
    "test_backup.py", "test_copying.py", "test_proxy.py", "test_restore.py",
)  # fmt: skip


@pytest.hookimpl(trylast=True)  # after pytest-randomly has shuffled
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    rank = {name: place for place, name in enumerate(SLOW)}
    items.sort(key=lambda item: rank.get(item.path.name, len(SLOW)))
