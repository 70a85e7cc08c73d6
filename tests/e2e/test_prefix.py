"""The console below a path of a host app's: every screen by its address, after a reload and by the navigation.

No request leaves the prefix, none is refused, and the line is live: an address that forgot where it stands would go
to the host app, which knows nothing of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.demo_process import Demo
from tests.e2e.host import running_host
from tests.e2e.pages import Console

pytestmark = pytest.mark.e2e

USER = "ada & ж?#%"
DEEP = {
    "overview?unit=credits": "Overview",
    "users?q=ada": "Users",
    f"users/{quote(USER, safe='')}": USER,
    "orders?state=all": "Orders",
    "orders/packages": "Packages",
    "vouchers": "Vouchers",
    "vouchers/single?state=open": "Vouchers",
    "bulk": "Bulk",
    "broadcasts?state=shown": "Broadcasts",
    "audit?action=credits.set": "Audit",
    "developers": "Developers",
    "developers/token": "Developers",
    "developers/frames": "Developers",
    "developers/api?q=grants": "Developers",
    "settings": "Settings",
}
NAVIGATION = (
    "Users",
    "Orders",
    "Vouchers",
    "Bulk",
    "Broadcasts",
    "Audit",
    "Developers",
    "Settings",
    "Overview",
)


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    with running_host(tmp_path_factory.mktemp("host")) as one:
        granted = one.api("POST", f"/users/{quote(USER, safe='')}/grants", json={"amount": 5})
        assert granted.status_code == 200, granted.text
        yield one


@pytest.fixture(scope="module")
def console(browser: Browser, host: Demo) -> Iterator[Console]:
    context = browser.new_context(reduced_motion="reduce", locale="en-US")
    yield Console(context, host)
    context.close()


@pytest.fixture
def astray(console: Console) -> list[str]:
    """What this test asked for beside the prefix, or in vain."""
    found: list[str] = []
    page = console.page
    page.on("request", lambda one: None if _is_below(one.url, console.demo.url) else found.append(one.url))
    page.on("response", lambda one: found.append(f"{one.status} {one.url}") if one.status >= 400 else None)
    page.on(
        "websocket",
        lambda one: None if _is_below(one.url, "ws" + console.demo.url[4:]) else found.append(one.url),
    )
    return found


def _is_below(address: str, prefix: str) -> bool:
    return address == prefix or address.startswith((f"{prefix}/", f"{prefix}?", "data:"))


def is_there(page: Page, heading: str) -> None:
    expect(page.get_by_role("heading", name=heading, exact=True, level=1)).to_be_visible()
    expect(page.get_by_role("navigation", name="Main").get_by_text("Live", exact=True)).to_be_visible()


@pytest.mark.parametrize("path", DEEP)
def test_a_deep_link_and_a_reload(console: Console, astray: list[str], path: str) -> None:
    console.visit(path)
    is_there(console.page, DEEP[path])
    address = console.page.url
    console.page.reload()
    is_there(console.page, DEEP[path])
    assert console.page.url == address == f"{console.demo.url}/console/{path}"
    assert astray == []


def test_the_navigation_and_a_change(console: Console, astray: list[str]) -> None:
    page = console.page
    console.visit("")
    is_there(page, "Overview")
    for name in NAVIGATION:
        page.get_by_role("link", name=name, exact=True).first.click()
        is_there(page, name)
        assert page.url.startswith(f"{console.demo.url}/console/{name.lower()}")
    console.show("ada")
    console.edit(USER, "+7")
    expect(console.toast("User credits updated successfully")).to_be_visible()
    console.shows(USER, 12)
    assert astray == []


def test_the_playground_connects(console: Console, astray: list[str]) -> None:
    console.visit("developers/frames")
    console.page.get_by_role("button", name="Connect").click()
    expect(console.page.get_by_text("hello").first).to_be_visible()
    assert astray == []
