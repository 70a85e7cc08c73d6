"""The order of test files: those that take long begin first, so that no worker is left alone with one at the end.

With `--dist loadfile` a file belongs to one worker. Which of them are slow is a matter of measuring
(`pytest --durations=0`); a file that is missing here runs as well, only later.

The odd thing is the garbage collector. What loading thousands of tests makes, stays to the end; looking through it
again and again would cost a tenth of all processor time.
"""

from __future__ import annotations

import gc
from pathlib import Path

import pytest
from httpx2 import _config

# Fixtures for all folders: a real PostgreSQL, started by the first test that asks for it, and ledgers of both kinds.
from tests.postgres import _shared, database_url, migrated, postgres, postgres_url  # noqa: F401

gc.disable()  # until everything is loaded
# A busy machine may take longer for an answer than the client's five seconds; whoever means a limit names it.
_config.DEFAULT_TIMEOUT_CONFIG.read = 30.0
HERE = Path(__file__).parent
SLOW = (
    "storage/test_machine.py", "e2e/test_axe.py", "http/test_contract.py", "sim/test_delivery.py",
    "test_cli.py", "crash/test_kills.py", "e2e/test_console_users.py", "e2e/test_flows.py",
    "examples/test_examples.py", "e2e/test_nodes.py", "nodes/test_trouble.py", "crash/test_restore.py",
    "e2e/test_tabs.py", "nodes/test_money.py", "crash/test_pgbouncer.py", "crash/test_postgres.py",
    "e2e/test_wallet_pages.py", "test_shop.py", "test_credits.py", "http/test_batches.py",
    "storage/test_verify.py", "nodes/test_two_nodes.py", "e2e/test_prefix.py", "e2e/test_batches.py",
    "e2e/test_sdk_faults.py", "crash/test_kill_points.py", "storage/test_backup.py", "http/test_changes.py",
    "e2e/test_restore.py", "http/test_sessions.py", "test_import.py", "test_cli_shop.py",
    "e2e/test_orders.py", "e2e/test_wallet_shop.py", "http/test_overview.py", "deploy/test_two_nodes.py",
    "live/test_inbound.py", "crash/test_moving.py", "e2e/test_vouchers.py", "http/test_admin.py",
    "http/test_shop.py", "live/test_hygiene.py", "live/test_behaviour.py", "deploy/test_proxy.py",
    "storage/test_copying.py", "test_demo.py", "test_client_served.py", "security/test_trail.py",
    "e2e/test_sdk_element.py", "storage/test_once.py", "e2e/test_sdk_receipts.py", "test_doctor_server.py",
    "test_workers.py", "examples/test_package.py", "e2e/test_keyboard.py", "e2e/test_broadcasts.py",
)  # fmt: skip


@pytest.hookimpl(trylast=True)  # after pytest-randomly has shuffled
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    rank = {name: place for place, name in enumerate(SLOW)}
    items.sort(key=lambda item: rank.get(item.path.relative_to(HERE).as_posix(), len(SLOW)))


def pytest_collection_finish() -> None:
    gc.collect()
    gc.freeze()
    gc.enable()
    gc.set_threshold(20_000, 50, 20)
