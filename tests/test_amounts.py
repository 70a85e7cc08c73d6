"""M7: no silent number damage, from a request's text through the ledger's file to a frame's text.

`conformance/amounts.json` holds the texts; the SDK's tests read the same file in TypeScript.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from pydantic import ValidationError
from tools.make_amounts import FILE, text

from livecredits import Credits
from livecredits.core import wire
from livecredits.core.rows import AccountState
from livecredits.errors import Invalid
from livecredits.http.bodies import SetBody

AMOUNTS = json.loads(FILE.read_text("utf-8"))


def test_the_shared_file_is_what_its_program_writes() -> None:
    assert FILE.read_text("utf-8") == text(), "run python -m tools.make_amounts"
    assert len(AMOUNTS["good"]) == len(AMOUNTS["bad"]) == 10_000


def test_every_good_amount_is_read_and_written_digit_by_digit() -> None:
    for amount in AMOUNTS["good"]:
        body = SetBody.model_validate_json(f'{{"credits":{amount}}}')
        frame = wire.state_text(AccountState("ada", "credits", 1, settled=body.credits), "ep_1", 0)
        assert f'"credits":{amount},' in frame
        assert json.loads(frame)["balance"] == {"settled": int(amount), "held": 0, "available": int(amount)}


def test_every_bad_amount_is_refused() -> None:
    for amount in AMOUNTS["bad"]:
        with pytest.raises(ValidationError):
            SetBody.model_validate_json(f'{{"credits":{amount}}}')


async def test_the_ledger_keeps_every_digit(tmp_path: Path) -> None:
    wanted = [abs(int(amount)) for amount in AMOUNTS["good"][:1_000]]
    async with Credits(f"sqlite:///{tmp_path}/amounts.db") as credits:
        await credits.grant("ada", 1)
        changes = [credits.set("ada", amount) for amount in wanted]
        answers = await asyncio.gather(*changes)
        assert [answer.credits for answer in answers] == wanted
        page = await credits.history("ada", limit=100)
        assert [item.entry.settled_after for item in page.items] == wanted[:-101:-1]


@pytest.mark.parametrize(
    "amount", [0, -1, 2**53, 2**53 + 1, 2**63, 1.0, 0.5, 1e3, float("nan"), float("inf"), True, "5", None]
)
async def test_the_facade_refuses_what_is_no_amount_and_names_it(tmp_path: Path, amount: object) -> None:
    async with Credits(f"sqlite:///{tmp_path}/bad.db") as credits:
        with pytest.raises(Invalid) as refused:
            await credits.grant("ada", amount)  # type: ignore[arg-type]
        assert refused.value.extra["errors"][0]["field"] == "amount"
