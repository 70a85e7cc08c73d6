"""Every screen and every dialogue of the console: its address, its heading, and what to press to see it.

Whoever looks at all of them (colours, widths, names from right to left) walks this one list, so a screen that is
missing here is missing nowhere else. `furnish` puts something on each screen that the demo alone does not have; the
user that it makes is named from right to left, which no other user of the tests is.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from playwright.sync_api import Page, expect
from tests.demo_process import Demo
from tests.e2e.pages import place_order

USER = "דנה-כהן"
NAME = "דנה כהן"
LONG_ID = ("department-of-" * 9)[:120]
LONG_NAME = "Maximiliana Alexandrina Wolfeschlegelsteinhausenbergerdorff-Featherstonehaugh of Northumberland"
MOST = 2**53 - 1
Step = Callable[[Page], None]


@dataclass(frozen=True)
class Screen:
    """One thing to look at."""

    path: str
    heading: str
    steps: tuple[Step, ...] = ()


def furnish(demo: Demo) -> None:
    """Held credits, orders in each state, vouchers, keys, a second operator: all that the screens can show."""
    demo.api("POST", f"/users/{USER}/grants", json={"amount": 900, "label": "ברוכים הבאים"})
    demo.api("PUT", f"/admin/users/{USER}", json={"name": NAME, "email": "dana@example.com"})
    demo.api("POST", f"/users/{USER}/holds", json={"amount": 5})
    place_order(demo, USER, reference="הזמנה 7")
    fulfilled = place_order(demo, USER)
    demo.api("POST", f"/admin/credits/orders/{fulfilled}/fulfill", json={})
    demo.api("POST", "/admin/vouchers", json={"amount": 10, "user_id": USER})
    key = demo.api("POST", "/admin/keys", json={"name": "old backend", "scopes": ["read"]}).json()["key"]
    demo.api("DELETE", f"/admin/keys/{key['id']}")
    demo.api("POST", "/admin/keys", json={"name": "shop backend", "scopes": ["read", "move"]})
    gone = {"email": f"gone-{demo.process.pid}@example.com", "name": "Gone", "role": "viewer"}
    demo.api("POST", "/admin/operators", json=gone)


def furnish_at_length(demo: Demo) -> str:
    """The longest of everything: ids, names, amounts, in every list. Returns the user whose they are."""
    user = f"{demo.process.pid}-{LONG_ID}"
    demo.api("PUT", f"/admin/users/{user}", json={"name": LONG_NAME, "email": f"{'m' * 60}@example.com"})
    demo.api("POST", f"/users/{user}/grants", json={"amount": MOST, "label": LONG_NAME})
    demo.api("POST", f"/users/{user}/holds", json={"amount": MOST // 2})
    package = {
        "name": LONG_NAME, "description": LONG_NAME * 3, "credits": MOST, "unit": "credits",
        "price_minor": 99_999_999_999, "currency": "EUR", "position": 99,
    }  # fmt: skip
    made = demo.api("POST", "/admin/credits/packages", json=package).json()
    billing = {"organisation": LONG_NAME, "purchaser": LONG_NAME, "address": LONG_NAME}
    order = {"package_id": made["id"], "billing": billing, "purchase_reference": LONG_ID[:60]}
    demo.api("POST", f"/users/{user}/orders", json=order)
    demo.api("POST", "/admin/campaigns", json={"name": LONG_NAME, "credits": MOST, "codes": 2})
    demo.api("POST", "/admin/vouchers", json={"amount": MOST, "user_id": user})
    demo.api("POST", "/admin/keys", json={"name": LONG_NAME, "scopes": ["read", "move", "tokens", "shop"]})
    return user


def press(name: str | re.Pattern[str], *, dialog: str | None = None) -> Step:
    """Press a button, and wait for the dialogue that it opens."""

    def step(page: Page) -> None:
        page.get_by_role("button", name=name).first.click()
        if dialog is not None:
            expect(page.get_by_role("dialog", name=dialog)).to_be_visible()

    return step


def open_the_palette(page: Page) -> None:
    page.keyboard.press("Control+k")
    find = page.get_by_role("dialog", name="Find")
    expect(find.get_by_role("textbox")).to_be_focused()
    expect(find.get_by_text("Ada Byron")).to_be_visible()  # the screen behind it may name her as well


def type_keys(*keys: str) -> Step:
    def step(page: Page) -> None:
        for key in keys:
            page.keyboard.press(key)

    return step


def see(text: str | re.Pattern[str]) -> Step:
    def step(page: Page) -> None:
        expect(page.get_by_text(text).filter(visible=True).first).to_be_visible()

    return step


def fill(label: str, text: str) -> Step:
    def step(page: Page) -> None:
        page.get_by_label(label, exact=True).fill(text)

    return step


def edit_a_row(page: Page) -> None:
    page.locator("tr[data-user]").get_by_role("button", name="change the credits").first.click()
    page.get_by_label("Change", exact=True).fill("+5")
    page.get_by_role("combobox", name="Reason").click()


def select_a_row(page: Page) -> None:
    page.locator("tr[data-user]").get_by_role("checkbox").first.check()


def choose_a_file(page: Page) -> None:
    content = f"user_id,amount,reason\n{USER},1,Gift\nbob,x,Gift\n"
    page.locator("input[type=file]").set_input_files(
        {"name": "gifts.csv", "mimeType": "text/csv", "buffer": content.encode()}
    )


def open_a_row(page: Page) -> None:
    page.get_by_role("button", name=re.compile("^Details")).first.click()


def open_an_order(page: Page) -> None:
    page.locator("button.row-open").first.click()


def open_a_campaign(page: Page) -> None:
    page.get_by_role("table").get_by_role("link").first.click()
    expect(page.get_by_text("Per user")).to_be_visible()


def toggle_packages(page: Page) -> None:
    page.get_by_role("button", name=re.compile("^Edit ")).first.click()
    expect(page.get_by_role("dialog")).to_be_visible()


DEVELOPERS, SETTINGS = "Developers", "Settings"
PLANNED = (choose_a_file, see("Where the file says nothing"), press("See what it would do"), see("Total"))

SCREENS: dict[str, Screen] = {
    "overview": Screen("overview", "Overview", (see("Commit to painted"),)),
    "users": Screen("users", "Users", (see("ada"),)),
    "user": Screen(f"users/{USER}", NAME, (see("Connected screens"), see("Holds"))),
    "orders": Screen(f"orders?user={USER}&state=all", "Orders", (see("fulfilled"),)),
    "packages": Screen("orders/packages", "Packages", (see("On sale"),)),
    "campaigns": Screen("vouchers", "Vouchers", (see("Codes"),)),
    "vouchers": Screen("vouchers/single", "Vouchers", (see(USER),)),
    "bulk": Screen("bulk", "Bulk", (see("Batches"),)),
    "broadcasts": Screen("broadcasts", "Broadcasts", (see(USER),)),
    "audit": Screen("audit", "Audit", (see(USER),)),
    "keys": Screen("developers", DEVELOPERS, (see("shop backend"),)),
    "token": Screen("developers/token", DEVELOPERS, (see("Paste a token"),)),
    "frames": Screen("developers/frames", DEVELOPERS, (see("What close codes mean"),)),
    "api": Screen("developers/api", DEVELOPERS, (see("Backend"),)),
    "settings": Screen("settings", SETTINGS, (see("This installation"),)),
    "nowhere": Screen("nowhere", "Not found"),
}
"""The screens as they open."""

OPENED: dict[str, Screen] = {
    "overview, as a table": Screen("overview", "Overview", (press("As a table"),)),
    "users, nobody": Screen("users?q=nobody-is-called-this", "Users", (see("Nobody"),)),
    "users, filters": Screen("users?q=ada", "Users", (press("Saved filters"), see("Save this filter as"))),
    "users, edit": Screen(f"users?q={USER}", "Users", (edit_a_row,)),
    "users, selected": Screen(f"users?q={USER}", "Users", (select_a_row, see("1 user selected"))),
    "users, change selected": Screen(
        f"users?q={USER}", "Users", (select_a_row, press("Change credits…", dialog="Change 1 user"))
    ),
    "users, add": Screen("users", "Users", (press("Add user", dialog="Add user"),)),
    "user, profile": Screen(f"users/{USER}", NAME, (press("Edit profile"),)),
    "user, erase": Screen(f"users/{USER}", NAME, (press("Erase personal data", dialog="Erase the personal data"),)),
    "user, reverse": Screen(f"users/{USER}", NAME, (press(re.compile("^Reverse")), see("Books the counter-entry"))),
    "orders, open": Screen(f"orders?user={USER}", "Orders", (open_an_order, see("What happened"))),
    "orders, cancel": Screen(
        f"orders?user={USER}", "Orders", (open_an_order, press(re.compile("^Cancel order of")), see("The user sees"))
    ),
    "orders, fulfilled": Screen(f"orders?user={USER}&state=fulfilled", "Orders", (open_an_order,)),
    "orders, refund": Screen(
        f"orders?user={USER}&state=fulfilled", "Orders",
        (open_an_order, press("Refund", dialog="Refund the order of")),
    ),
    "packages, new": Screen("orders/packages", "Packages", (press("New package", dialog="New package"),)),
    "packages, edit": Screen("orders/packages", "Packages", (toggle_packages,)),
    "campaigns, new": Screen("vouchers?new=yes", "Vouchers", (see("New campaign"),)),
    "campaign": Screen("vouchers", "Vouchers", (open_a_campaign,)),
    "vouchers, new": Screen("vouchers/single", "Vouchers", (press("New voucher", dialog="New voucher"),)),
    "vouchers, delete": Screen("vouchers/single", "Vouchers", (press(re.compile("^Delete "), dialog="Delete"),)),
    "bulk, columns": Screen("bulk", "Bulk", PLANNED[:2]),
    "bulk, dry run": Screen("bulk", "Bulk", PLANNED),
    "broadcasts, open": Screen(f"broadcasts?user={USER}", "Broadcasts", (open_a_row, see("Send again…"))),
    "broadcasts, re-send": Screen(
        f"broadcasts?user={USER}", "Broadcasts", (open_a_row, press("Send again…", dialog="Send again to"))
    ),
    "audit, open": Screen(f"audit?target={USER}", "Audit", (open_a_row, see("Request"))),
    "keys, new": Screen("developers", DEVELOPERS, (press("New key", dialog="New key"),)),
    "keys, secret": Screen(
        "developers", DEVELOPERS,
        (press("New key", dialog="New key"), fill("Name", "axe"), press("Make key"), see("Copy it now")),
    ),
    "keys, revoke": Screen("developers", DEVELOPERS, (press("Revoke shop backend", dialog="Revoke shop backend?"),)),
    "token, valid": Screen(
        "developers/token", DEVELOPERS, (fill("User id", USER), press("Mint and test"), see("It would be taken"))
    ),
    "token, refused": Screen(
        "developers/token", DEVELOPERS, (fill("Screen token", "a.b.c"), press("Test"), see("Refused: shape"))
    ),
    "frames, connected": Screen("developers/frames", DEVELOPERS, (press("Connect"), see("hello"))),
    "api, found": Screen("developers/api?q=grants", DEVELOPERS, (see("Give credits"),)),
    "settings, operator": Screen("settings", SETTINGS, (press("New operator", dialog="New operator"),)),
    "settings, link": Screen(
        "settings", SETTINGS,
        (press("Sign-in link for Gone", dialog="Sign-in link for Gone"), press("Make the link"), see("Good until")),
    ),
    "settings, deactivate": Screen("settings", SETTINGS, (press("Deactivate Gone", dialog="Deactivate Gone?"),)),
    "settings, unit": Screen("settings", SETTINGS, (press("New unit", dialog="New unit"),)),
    "settings, edit unit": Screen("settings", SETTINGS, (press("Edit minutes", dialog="Edit minutes"),)),
    "palette": Screen("overview", "Overview", (open_the_palette,)),
    "palette, found": Screen(
        "overview", "Overview",
        (open_the_palette, lambda page: page.keyboard.insert_text(USER), see("Orders with")),
    ),
    "shortcuts": Screen("overview", "Overview", (type_keys("?"), see("Go to Audit"))),
}  # fmt: skip
"""What opens on them."""
