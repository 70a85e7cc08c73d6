"""The guide does what it says: its Python is run as a reader would type it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx2
import pytest

from livecredits import Credits
from livecredits.errors import InsufficientCredits

DOCS = Path(__file__).parents[1] / "docs"


def python_of(page: str) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", (DOCS / page).read_text(), re.MULTILINE | re.DOTALL)


async def test_the_app_of_the_guide_spends_and_mints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    async def draw() -> str:
        return "a picture"

    names: dict[str, Any] = {"signed_in_user": lambda: SimpleNamespace(id="ada"), "draw": draw}
    for block in python_of("start.md"):
        exec(block, names)
    credits, transport = names["credits"], httpx2.ASGITransport(names["app"])
    async with credits, httpx2.AsyncClient(transport=transport, base_url="http://host.test") as browser:
        await credits.grant("ada", 7)
        made = await browser.post("/pictures", params={"key": "k1"})
        assert (made.status_code, made.json()["credits"], made.json()["picture"]) == (200, 2, "a picture")
        again = await browser.post("/pictures", params={"key": "k1"})
        assert again.json()["version"] == made.json()["version"]
        refused = await browser.post("/pictures", params={"key": "k2"})
        assert refused.status_code == 402
        token = (await browser.post("/credits-token")).json()["token"]
        own = await browser.get(
            "/billing/credits/api/v1/credits/balance", headers={"Authorization": f"Bearer {token}"}
        )
        assert own.json()["credits"] == 2
        assert (await browser.get("/billing/credits/console")).status_code == 200


async def test_the_library_of_the_reference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    first = python_of("reference/python.md")[0]
    lines = first.partition("credits.sync")[0].splitlines()
    body = "\n".join(f"    {line}" for line in lines)
    names: dict[str, Any] = {"job_id": 1, "InsufficientCredits": InsufficientCredits}
    exec(f"async def main():\n{body}\n    await credits.aclose()\n    return answer", names)
    answer = await names["main"]()
    assert (answer.credits, answer.version) == (95, 2)


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[Credits]:
    async with Credits(f"sqlite:///{tmp_path}/credits.db") as credits:
        yield credits


async def run_guide(page: str, function: str, ledger: Credits) -> None:
    names: dict[str, Any] = {}
    for block in python_of(page):
        exec(block, names)
    await names[function](ledger)


async def test_the_guide_sells_credits(ledger: Credits, capsys: pytest.CaptureFixture[str]) -> None:
    await run_guide("guides/orders.md", "sell", ledger)
    assert (await ledger.balance("ada")).credits == 100
    (order,) = (await ledger.orders("ada")).items
    assert (order.state, order.billing) == (
        "fulfilled",
        {"organisation": "Analytical Engines Ltd", "purchaser": "Ada Lovelace"},
    )
    assert "fulfilled" in capsys.readouterr().out


async def test_the_guide_issues_vouchers(ledger: Credits, capsys: pytest.CaptureFixture[str]) -> None:
    await run_guide("guides/vouchers.md", "invite", ledger)
    assert (await ledger.balance("ada")).credits == 25
    assert capsys.readouterr().out.startswith("SUN")
    await ledger.grant("bob", 1)  # somebody new is welcomed
    assert (await ledger.balance("bob")).credits == 6
