"""The flows on two nodes, in a real browser: the operator's console at one, the user's wallet at the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest
from playwright.sync_api import BrowserContext, expect
from tests.demo_process import Demo
from tests.e2e.node import running_node
from tests.e2e.pages import Console, Queue, Wallet, new_user, place_order, redeem_by_keyboard
from tests.postgres import PostgresServer

pytestmark = pytest.mark.e2e
NewContext = Callable[[], BrowserContext]


class Nodes(NamedTuple):
    console: Demo
    wallet: Demo


@pytest.fixture(scope="module")
def nodes(postgres: PostgresServer, migrated: str) -> Iterator[Nodes]:
    name = postgres.create_database(migrated)
    url = postgres.url(name)
    with running_node(url, "console") as first, running_node(url, "wallet") as second:
        first.end_welcomes()
        yield Nodes(first, second)
    postgres.drop_database(name)


def test_an_operator_changes_credits(nodes: Nodes, new_context: NewContext) -> None:
    """Flow 1."""
    user = new_user(nodes.console, "flow1", 100)
    tabs = [Wallet(new_context(), nodes.wallet, user), Wallet(new_context(), nodes.console, user)]
    for tab in tabs:
        tab.shows(100)
    console = Console(new_context(), nodes.console)
    console.show(user)
    console.edit(user, "=250", reason="Goodwill")
    expect(console.toast("User credits updated successfully")).to_contain_text("shown on 2 of 2")
    for tab in tabs:
        tab.shows(250)
        assert f"💳 CreditDisplay: Received credit update for user {user}" in tab.log.lines
        assert tab.log.errors == []
    console.shows(user, 250)


def test_an_operator_fulfils_an_order(nodes: Nodes, new_context: NewContext) -> None:
    """Flow 2: ordered at one node, fulfilled at the other."""
    user = new_user(nodes.console, "flow2", 100)
    wallet = Wallet(new_context(), nodes.wallet, user)
    wallet.shows(100)
    console = Console(new_context(), nodes.console)
    queue = Queue(console, user)
    expect(console.page.get_by_text(f"No pending order matches “{user}”")).to_be_visible()
    order = place_order(nodes.wallet, user)
    expect(queue.rows).to_have_count(1)
    console.page.keyboard.press("j")
    expect(queue.opener(order)).to_be_focused()
    console.page.keyboard.press("f")
    console.page.keyboard.press("f")
    expect(console.toast("Order fulfilled")).to_contain_text("shown on 1 of 1")  # goes after five seconds
    wallet.shows(600)
    queue.is_in_state(order, "fulfilled")


def test_a_user_redeems_a_voucher(nodes: Nodes, new_context: NewContext) -> None:
    """Flow 3: at the wallet's node; the operator at the other one sees it at once, in both lists."""
    user = new_user(nodes.console, "flow3", 5)
    made = nodes.console.api("POST", "/admin/vouchers", json={"amount": 40, "user_id": user})
    assert made.status_code == 201, made.text
    wallet = Wallet(new_context(), nodes.wallet, user, at="#/vouchers")
    wallet.shows(5)
    users, vouchers = Console(new_context(), nodes.console), Console(new_context(), nodes.console)
    users.show(user)
    users.shows(user, 5)
    vouchers.visit(f"vouchers/single?user={user}")
    row = vouchers.page.locator("tr[data-voucher]")
    expect(row).to_have_count(1)
    redeem_by_keyboard(wallet.page, made.json()["code"])
    wallet.shows(45)
    users.shows(user, 45)
    expect(row).to_have_attribute("data-state", "used")


def test_the_overview_shows_both_nodes(nodes: Nodes, new_context: NewContext) -> None:
    console = Console(new_context(), nodes.console)
    console.visit("overview")
    table = console.page.get_by_role("table", name="Nodes")
    expect(table.get_by_role("row")).to_have_count(3)
    expect(table.get_by_role("row", name="answers you")).to_contain_text("console-")
