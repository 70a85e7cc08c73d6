"""What a user's screens read: the own balance, waiting for news of it, the own history, the live path."""

import asyncio
import csv
import io
from collections.abc import AsyncIterator

import httpx2
import pytest
from tests.http.serving import listening
from tests.http.stage import Stage
from tests.http.test_problems import check_problem
from tests.postgres import database_url  # noqa: F401 - its routes are asked on both databases

from livecredits import Billing
from livecredits.http.answers import BalanceAnswer, HistoryPage, ScreensAnswer

BALANCE = "/api/v1/credits/balance"


async def test_an_account_that_is_not_there_yet_is_empty(stage: Stage) -> None:
    ada = await stage.user("ada")
    answer = await ada.get(BALANCE)
    BalanceAnswer.model_validate_json(answer.content)
    assert (answer.json()["credits"], answer.json()["version"], answer.headers["etag"]) == (0, 0, '"0"')
    check_problem(await ada.get(f"{BALANCE}?unit=nothing"), 404, "not_found")


async def test_every_unit_has_its_account(stage: Stage) -> None:
    await stage.credits.put_unit("images", 2)
    await stage.credits.grant("ada", 250, unit="images")
    ada = await stage.user("ada")
    images = (await ada.get(f"{BALANCE}?unit=images")).json()
    assert (images["credits"], images["scale"]) == (250, 2)
    assert (await ada.get(BALANCE)).json()["credits"] == 0


async def test_history_is_for_the_users_eyes(stage: Stage) -> None:
    await stage.credits.grant("ada", 5, reason="for operators", label="Welcome", metadata={"inner": "fact"})
    ada = await stage.user("ada")
    answer = await ada.get("/api/v1/credits/history")
    HistoryPage.model_validate_json(answer.content)
    (entry,) = answer.json()["items"]
    assert entry["label"] == "Welcome"
    assert not {"reason", "actor", "metadata"} & entry.keys()
    # Filters that could guess at what is hidden are not taken either.
    for hidden in ("actor=service:library", "metadata=inner:fact", "actor=x&format=csv"):
        check_problem(await ada.get(f"/api/v1/credits/history?{hidden}"), 422, "invalid")


def rows_of(answer: httpx2.Response) -> list[dict[str, str]]:
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    return list(csv.DictReader(io.StringIO(answer.text)))


async def test_what_is_the_users_own_leaves_as_files_that_run_nothing(stage: Stage) -> None:
    package = await stage.credits.put_package(name="=Big", credits=100, price_minor=900, currency="EUR")
    order = await stage.credits.order(
        "ada", package.id, purchase_reference="@PO-7", billing=Billing(purchaser="+Ada")
    )
    await stage.credits.fulfil(order.id, note="for operators", reason="for operators", label="=HYPERLINK(1)")
    code = (await stage.credits.create_voucher(5)).code
    await stage.credits.redeem("ada", code, label="＝wide", address="203.0.113.7")
    for _ in range(450):
        await stage.credits.spend("ada", 1, allow_below_floor=True, label="-1+1", metadata={"inner": "fact"})
    await stage.credits.grant("bob", 5, label="of another user")
    ada = await stage.user("ada")
    texts = []
    for path, name, count in (
        ("history", "history", 452),
        ("orders", "orders", 1),
        ("vouchers", "vouchers", 1),
    ):
        file = await ada.get(f"/api/v1/credits/{path}?format=csv")
        assert file.headers["content-disposition"] == f'attachment; filename="{name}.csv"'
        rows = rows_of(file)
        lines = (await ada.get(f"/api/v1/credits/{path}?format=ndjson")).text.splitlines()
        assert len(rows) == len(lines) == count
        assert all(not cell.startswith(("=", "+", "@", "＝")) for row in rows for cell in row.values())
        texts += [file.text, *lines]
    for hidden in ("for operators", "fact", "203.0.113.7", "of another user", "service:"):
        assert hidden not in "".join(texts)
    history = rows_of(await ada.get("/api/v1/credits/history?format=csv&kind=spend&limit=1"))
    assert len(history) == 450
    # A number stays a number, however it begins; a text that begins like one does not.
    assert (history[0]["amount"], history[0]["label"], history[0]["settled_delta"]) == ("-1", "'-1+1", "-1")
    (redeemed,) = rows_of(await ada.get("/api/v1/credits/vouchers?format=csv"))
    assert (redeemed["code"], redeemed["welcome"], redeemed["label"]) == (code, "false", "'＝wide")
    (bought,) = rows_of(await ada.get("/api/v1/credits/orders?format=csv"))
    assert (bought["package_name"], bought["billing_purchaser"], bought["state"]) == (
        "'=Big",
        "'+Ada",
        "fulfilled",
    )
    check_problem(await ada.get("/api/v1/credits/orders?format=xml"), 422, "invalid")
    # Nobody else's deed is written down for it.
    assert not [row for row in (await stage.credits.audit(limit=500)).items if "exported" in row.action]


async def test_a_misspelled_unit_is_no_empty_list(stage: Stage) -> None:
    ada, admin = await stage.user("ada"), await stage.operator()
    await stage.credits.grant("ada", 1)
    check_problem(await ada.get("/api/v1/credits/history?unit=credit"), 404, "not_found")
    for name in ("history", "holds"):
        check_problem(await admin.get(f"/api/v1/admin/users/ada/{name}?unit=credit"), 404, "not_found")


@pytest.mark.parametrize("path", ["audit", "campaigns", "credits/orders", "vouchers", "batches"])
@pytest.mark.parametrize("cursor", ["aaa", "7", "aud_zz"])
async def test_what_is_no_cursor_begins_no_page(stage: Stage, path: str, cursor: str) -> None:
    admin = await stage.operator()
    for way in ("before", "after"):
        check_problem(await admin.get(f"/api/v1/admin/{path}?{way}={cursor}"), 400, "malformed")


async def test_two_cursors_at_once_point_nowhere(stage: Stage) -> None:
    ada = await stage.user("ada")
    for path in ("history", "orders", "vouchers"):
        check_problem(await ada.get(f"/api/v1/credits/{path}?before=1.1&after=1.1"), 422, "invalid")


async def test_a_long_poll_answers_with_the_news(stage: Stage) -> None:
    await stage.credits.grant("ada", 5)
    ada = await stage.user("ada")
    waiting = asyncio.create_task(ada.get(f"{BALANCE}?after_version=1&wait=20"))
    while not stage.services.live._waiters:  # noqa: ASYNC110 - the request tells nobody that it waits
        await asyncio.sleep(0)
    assert not waiting.done()
    await stage.credits.spend("ada", 2)
    assert (await waiting).json()["credits"] == 3


async def test_a_long_poll_does_not_wait_for_what_is_known(stage: Stage) -> None:
    await stage.credits.grant("ada", 5)
    ada = await stage.user("ada")
    async with asyncio.timeout(10):
        assert (await ada.get(f"{BALANCE}?after_version=0&wait=30")).json()["version"] == 1
        assert (await ada.get(f"{BALANCE}?after_version=1&wait=0")).json()["version"] == 1
    check_problem(await ada.get(f"{BALANCE}?after_version=1&wait=31"), 422, "invalid")


async def test_the_live_path_is_handed_over(stage: Stage) -> None:
    await stage.credits.grant("ada", 5)
    token, _ = await stage.services.tokens.mint("ada")
    async with listening(stage.app) as url, httpx2.AsyncClient(base_url=url) as client:
        check_problem(await client.get("/api/v1/credits/live"), 401, "unauthenticated")
        wanted = {"accept": "application/json"}
        check_problem(await client.get("/api/v1/credits/live", headers=wanted), 406, "not_acceptable")
        headers = {"authorization": f"Bearer {token}"}
        async with client.stream("GET", "/api/v1/credits/live", headers=headers) as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            lines = answer.aiter_lines()  # kept: a generator that nobody holds closes the stream
            assert '"type":"hello"' in await _next_data(lines)
            backend = await stage.backend()
            listed = await backend.get("/api/v1/admin/screens?user=ada")
            (screen,) = ScreensAnswer.model_validate_json(listed.content).items
            assert (screen.user, screen.carrier) == ("ada", "events")
            assert (screen.sent, screen.behind) == ({"credits": 1}, False)
            closed = await backend.delete("/api/v1/users/ada/tokens")
            assert closed.json()["screens_closed"] == 1


async def _next_data(lines: AsyncIterator[str]) -> str:
    while not (line := await anext(lines)).startswith("data:"):
        pass
    return line


async def test_a_socket_elsewhere_is_refused(stage: Stage) -> None:
    sent = []

    async def receive() -> dict[str, str]:
        return {"type": "websocket.connect"}

    async def send(message: object) -> None:
        sent.append(message)

    await stage.app({"type": "websocket", "path": "/api/v1/users/ada/spend", "headers": []}, receive, send)
    assert [message["type"] for message in sent] == ["websocket.close"]  # type: ignore[index]
