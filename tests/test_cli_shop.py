"""The shop's commands, in a file of their own and through a running server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.demo_process import Demo, environment, running_demo
from typer.testing import CliRunner, Result

from livecredits.cli import app


def run(*arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(app, [*arguments], input=stdin)


def answer(*arguments: str, code: int = 0) -> Any:
    result = run(*arguments, "--json")
    assert result.exit_code == code, result.output
    return json.loads(result.stdout if code == 0 else result.stderr)


@pytest.fixture(scope="module")
def demo() -> Iterator[Demo]:
    with running_demo() as running:
        running.end_welcomes()
        yield running


@pytest.fixture(params=["file", "server"])
def there(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The ledger in a file that no process has open, and the one behind a server."""
    if request.param == "server":
        demo: Demo = request.getfixturevalue("demo")
        monkeypatch.setenv("LIVECREDITS_URL", demo.url)
        monkeypatch.setenv("LIVECREDITS_KEY", demo.told["service_key"])
    else:
        for name, value in environment().items():
            monkeypatch.setenv(name, value)
        monkeypatch.delenv("LIVECREDITS_URL", raising=False)
        monkeypatch.setenv("LIVECREDITS_DATABASE_URL", f"sqlite:///{tmp_path}/own.db")
    return str(request.param)


def test_an_order_from_package_to_refund(there: str) -> None:
    package = answer("package", "add", "Large", "1000", "4900", "EUR", "--days", "365")
    assert (package["credits"], package["validity_s"], package["active"]) == (1000, 365 * 86_400, True)
    assert "Large" in run("package", "list").stdout
    wanted = ("order", "place", f"buyer-{there}", package["id"])
    order = answer(*wanted, "--organisation", "Engines Ltd", "--reference", "PO-7", "--key", "basket")["id"]
    again = answer(*wanted, "--organisation", "Engines Ltd", "--reference", "PO-7", "--key", "basket")
    assert (again["id"], again["billing"]) == (order, {"organisation": "Engines Ltd"})
    assert answer("order", "show", order)["state"] == "pending"
    done = answer("order", "fulfil", order, "--by", "accounting", "--key", f"paid-{order}")
    assert (done["kind"], done["amount"]) == ("fulfil", 1000)
    refused = run("order", "fulfil", order)
    assert refused.exit_code == 1
    assert "was fulfilled by" in refused.stderr
    assert answer("order", "cancel", order, code=1)["code"] == "already_fulfilled"
    back = answer("order", "refund", order, "--spent", "left", "--reason", "returned")
    assert (back["kind"], back["amount"]) == ("reverse", -1000)
    found = answer("order", "list", "--state", "refunded", "--user", f"buyer-{there}")
    assert [one["id"] for one in found["items"]] == [order]
    assert f"buyer-{there} has ordered Large: ord_" in run(*wanted).stdout
    (other,) = (
        one["id"]
        for one in answer("order", "list", "--state", "pending", "--search", f"buyer-{there}")["items"]
    )
    assert answer("order", "show", other)["billing"] is None
    assert "is cancelled" in run("order", "cancel", other, "--reason", "twice").stdout
    assert answer("package", "delete", package["id"], code=1)["code"] == "package_ordered"
    never = answer("package", "add", "Never", "1", "1", "EUR", "--inactive")
    assert answer("package", "delete", never["id"])["deleted"]


def test_codes_from_campaign_to_redemption(there: str) -> None:
    prefix = there.upper()
    campaign = answer(
        "campaign", "add", "Spring", "25", "--codes", "3", "--prefix", prefix, "--label", "Gift"
    )
    codes = answer("campaign", "codes", campaign["id"], "--all")["items"]
    assert [one["code"].startswith(f"{prefix}-") for one in codes] == [True] * 3
    assert answer("voucher", "redeem", f"ada-{there}", codes[0]["code"])["amount"] == 25
    again = answer("voucher", "redeem", f"bob-{there}", codes[0]["code"], code=1)
    assert again["code"] == "voucher_used"
    assert answer("voucher", "revoke", codes[1]["voucher"])["state"] == "revoked"
    assert answer("voucher", "show", codes[0]["voucher"])["redeemed_by"] == f"ada-{there}"
    assert answer("campaign", "revoke", campaign["id"])["funnel"]["open"] == 0
    assert answer("campaign", "show", campaign["id"])["state"] == "revoked"
    assert "Spring" in run("campaign", "list").stdout
    code = run("voucher", "add", "7", "--expires", "2099-12-31").stdout.strip()
    (single,) = answer("voucher", "list", "--search", code)["items"]
    assert answer("voucher", "change", single["voucher"], "--amount", "8")["amount"] == 8
    assert run("voucher", "change", single["voucher"]).exit_code == 2
    assert answer("voucher", "delete", single["voucher"])["deleted"]


def test_people_and_what_was_done(there: str, tmp_path: Path) -> None:
    user = f"cleo-{there}"
    answer("grant", user, "50", "--reason", "start")
    assert [one["amount"] for one in answer("history", user)["items"]] == [50]
    assert "+50" in run("history", user).stdout
    assert user in run("users", "--search", user).stdout
    assert "is low at 60 or less" in run("threshold", "60", "--user", user).stdout
    assert [one["user_id"] for one in answer("users", "--low", "--search", user)["items"]] == [user]
    assert "no threshold" in run("threshold", "none", "--user", user).stdout
    assert "is low at 1 or less" in run("threshold", "1").stdout
    assert run("threshold", "few").exit_code == 2
    declined = run("erase", user, stdin="somebody\n")
    assert (declined.exit_code, "nothing was erased" in declined.stderr) == (1, True)
    assert "is erased" in run("erase", user, "--reason", "asked", stdin=f"{user}\n").stdout
    deeds = [one["action"] for one in answer("audit", "--target", user, "--all")["items"]]
    assert "user.erased" in deeds
    file = tmp_path / "rows.csv"
    file.write_text(f"user_id,op,amount\n{user},grant,5\n")
    assert run("import", str(file)).exit_code == 0
    batch = answer("batch", "list", "--limit", "1")["items"][0]["batch"]
    assert answer("batch", "show", batch)["applied"] == 1
    assert answer("batch", "undo", batch, "--dry-run")["state"] == "previewed"
    assert "reversed" in run("batch", "undo", batch).stdout
    assert run("history", "nobody-at-all").exit_code == 1
