"""What operators see and do, and that each deed leaves its line in the audit trail."""

import csv
import io
import json
import re
import sys
from typing import Any

import pytest
from tests.http.stage import PASSWORD, Stage
from tests.http.test_problems import check_problem
from tests.postgres import database_url  # noqa: F401 - its routes are asked on both databases

from livecredits.access import Role, Scope
from livecredits.core.cells import inert
from livecredits.http.answers import (
    AuditPage,
    BalanceAnswer,
    BroadcastAnswer,
    HistoryPage,
    HoldsPage,
    KeysAnswer,
    OperatorsAnswer,
    ScreensAnswer,
    UnitsAnswer,
    UserDetail,
    UsersPage,
)

ADMIN = "/api/v1/admin"


async def seeded(stage: Stage) -> Any:
    backend = await stage.backend()
    for number, user_id in enumerate(("ada", "bob", "cyd")):
        await backend.post(f"/api/v1/users/{user_id}/grants", json={"amount": 10 * (number + 1)})
    return backend


async def test_reads_have_the_documented_shape(stage: Stage) -> None:
    backend = await seeded(stage)
    await backend.post("/api/v1/users/ada/holds", json={"amount": 1})
    operator = await stage.operator(Role.ADMIN)
    for path, shape in (
        (f"{ADMIN}/users", UsersPage),
        (f"{ADMIN}/users/ada", UserDetail),
        (f"{ADMIN}/users/ada/history", HistoryPage),
        (f"{ADMIN}/users/ada/holds", HoldsPage),
        (f"{ADMIN}/screens", ScreensAnswer),
        (f"{ADMIN}/audit", AuditPage),
        (f"{ADMIN}/operators", OperatorsAnswer),
        (f"{ADMIN}/keys", KeysAnswer),
        (f"{ADMIN}/units", UnitsAnswer),
    ):
        answer = await operator.get(path)
        assert answer.status_code == 200, answer.text
        shape.model_validate_json(answer.content)
        assert answer.json()["items" if "items" in shape.model_fields else "user_id"] or "screens" in path
    BalanceAnswer.model_validate_json((await backend.get("/api/v1/users/ada/balance")).content)


async def test_users_are_searched_sorted_and_paged_both_ways(stage: Stage) -> None:
    await seeded(stage)
    operator = await stage.operator(Role.VIEWER)
    listed = (await operator.get(f"{ADMIN}/users?sort=-credits&limit=2")).json()
    assert [item["user_id"] for item in listed["items"]] == ["cyd", "bob"]
    assert (listed["total"], listed["previous"]) == (3, None)
    rest = (await operator.get(f"{ADMIN}/users?sort=-credits&limit=2&after={listed['next']}")).json()
    assert [item["user_id"] for item in rest["items"]] == ["ada"]
    assert rest["next"] is None
    back = (await operator.get(f"{ADMIN}/users?sort=-credits&limit=2&before={rest['previous']}")).json()
    assert back["items"] == listed["items"]
    found = (await operator.get(f"{ADMIN}/users?q=bo")).json()
    assert [item["user_id"] for item in found["items"]] == ["bob"]


async def test_a_cursor_that_was_given_is_taken_however_long_the_names(stage: Stage) -> None:
    admin = await stage.operator(Role.ADMIN)
    for at in range(3):
        await admin.put(f"{ADMIN}/users/{'é' * 127}{at}", json={"name": f"{'🜂' * 199}{at}"})
    for sort in ("user_id", "name"):
        seen: list[str] = []
        query = f"sort={sort}&limit=1"
        while query:
            page = await admin.get(f"{ADMIN}/users?{query}")
            assert page.status_code == 200, page.text
            seen += [item["user_id"][-1] for item in page.json()["items"]]
            cursor = page.json()["next"]
            query = f"sort={sort}&limit=1&after={cursor}" if cursor else ""
        assert seen == ["0", "1", "2"]


async def test_history_is_filtered_and_paged_both_ways(stage: Stage) -> None:
    backend = await seeded(stage)
    for number in range(5):
        body = {"amount": 1, "metadata": {"job": str(number)}}
        await backend.post("/api/v1/users/ada/spend", json=body)
    url = f"{ADMIN}/users/ada/history"
    operator = await stage.operator(Role.VIEWER)
    page = (await operator.get(f"{url}?kind=spend&limit=3")).json()
    assert [item["version"] for item in page["items"]] == [6, 5, 4]
    older = (await operator.get(f"{url}?kind=spend&limit=3&after={page['next']}")).json()
    assert [item["version"] for item in older["items"]] == [3, 2]
    newer = (await operator.get(f"{url}?kind=spend&limit=3&before={older['previous']}")).json()
    assert newer["items"] == page["items"]
    found = (await operator.get(f"{url}?metadata=job:3")).json()
    assert [item["metadata"] for item in found["items"]] == [{"job": "3"}]
    assert (await operator.get(f"{url}?until=2001-01-01T00:00:00Z")).json()["items"] == []


async def test_a_users_name_floor_and_freezing(stage: Stage) -> None:
    backend = await seeded(stage)
    support, admin = await stage.operator(Role.SUPPORT), await stage.operator(Role.ADMIN)
    named = await support.put(
        f"{ADMIN}/users/ada", json={"name": "Ada Lovelace", "metadata": {"plan": "pro"}}
    )
    assert (named.json()["name"], named.json()["metadata"]) == ("Ada Lovelace", {"plan": "pro"})
    for body in ({"floor": -5}, {"frozen": True}):
        check_problem(await support.put(f"{ADMIN}/users/ada", json=body), 403, "forbidden")
    assert (await admin.put(f"{ADMIN}/users/ada", json={"floor": -5})).json()["floor"] == -5
    assert (await backend.post("/api/v1/users/ada/spend", json={"amount": 15})).json()["credits"] == -5
    frozen = await admin.put(f"{ADMIN}/users/ada", json={"frozen": True, "reason": "chargeback"})
    assert (frozen.json()["frozen"], frozen.json()["floor"], frozen.json()["name"]) == (
        True,
        -5,
        "Ada Lovelace",
    )
    check_problem(await backend.post("/api/v1/users/ada/spend", json={"amount": 1}), 409, "account_frozen")
    assert (await admin.put(f"{ADMIN}/users/new", json={"name": "New"})).status_code == 200
    assert (await admin.put(f"{ADMIN}/users/ada", json={"floor": None})).json()["floor"] is None
    check_problem(await admin.put(f"{ADMIN}/users/ada", json={"floor": 1}), 422, "invalid")


async def test_every_deed_is_in_the_trail(stage: Stage) -> None:
    backend = await seeded(stage)
    admin = await stage.operator(Role.ADMIN)
    entry = (
        await admin.put(f"{ADMIN}/users/ada/credits", json={"credits": 50, "reason": "goodwill"})
    ).json()["entry"]
    await admin.post(f"{ADMIN}/users/ada/adjustments", json={"amount": 5})
    await admin.post("/api/v1/users/ada/grants", json={"amount": 5})
    await admin.post(f"{ADMIN}/entries/{entry}/reverse")
    await admin.post(f"{ADMIN}/users/ada/broadcast")
    await admin.put(f"{ADMIN}/users/ada", json={"name": "Ada"})
    await admin.put(f"{ADMIN}/units/tokens", json={"scale": 2})
    made = (await admin.post(f"{ADMIN}/operators", json=_operator())).json()
    await admin.put(f"{ADMIN}/operators/{made['id']}", json={"role": "viewer"})
    await admin.post(f"{ADMIN}/operators/{made['id']}/link")
    key = (await admin.post(f"{ADMIN}/keys", json={"name": "k", "scopes": ["read"]})).json()["key"]["id"]
    await admin.delete(f"{ADMIN}/keys/{key}")
    await backend.post("/api/v1/users/ada/spend", json={"amount": 1})
    trail = (await admin.get(f"{ADMIN}/audit?limit=100")).json()["items"]
    actions = [row["action"] for row in reversed(trail) if row["actor"].startswith("operator:")]
    assert actions == [
        "session.started", "credits.set", "credits.adjust", "credits.grant", "entry.reverse", "user.broadcast",
        "user.changed", "unit.added", "operator.created", "operator.changed", "operator.linked", "key.created",
        "key.revoked",
    ]  # fmt: skip
    (set_row,) = [row for row in trail if row["action"] == "credits.set"]
    assert (set_row["reason"], set_row["target"]) == ("goodwill", "ada")
    assert (set_row["before"]["credits"], set_row["after"]["credits"]) == (10, 50)
    assert set_row["request_id"].startswith("req_")
    assert PASSWORD not in json.dumps(trail)


def _operator(**more: Any) -> dict[str, Any]:
    return {"email": "Olga@Example.com", "name": "Olga", "role": "support", "password": PASSWORD, **more}


async def test_the_trail_is_filtered_and_paged_both_ways(stage: Stage) -> None:
    admin = await stage.operator()
    for number in range(5):
        await admin.put(f"{ADMIN}/users/u{number}", json={"name": "x"})
    url = f"{ADMIN}/audit?action=user.added"
    page = (await admin.get(f"{url}&limit=2")).json()
    assert [row["target"] for row in page["items"]] == ["u4", "u3"]
    assert page["previous"] is None
    older = (await admin.get(f"{url}&limit=2&after={page['next']}")).json()
    assert [row["target"] for row in older["items"]] == ["u2", "u1"]
    assert (await admin.get(f"{url}&limit=2&before={older['previous']}")).json()["items"] == page["items"]
    last = (await admin.get(f"{url}&limit=2&after={older['next']}")).json()
    assert (last["next"], [row["target"] for row in last["items"]]) == (None, ["u0"])
    assert (await admin.get(f"{ADMIN}/audit?target=u3")).json()["items"][0]["target"] == "u3"
    both = await admin.get(f"{url}&after={page['next']}&before={page['next']}")
    check_problem(both, 422, "invalid")


async def test_the_trail_leaves_out_what_is_not_asked_for_and_its_pages_stay_full(stage: Stage) -> None:
    await seeded(stage)
    admin = await stage.operator()
    for number in range(6):
        await admin.put(f"{ADMIN}/users/u{number}", json={"name": "x"})
        for _ in range(3):
            await admin.post(f"{ADMIN}/users/ada/broadcast")
    url = f"{ADMIN}/audit?limit=4&exclude=user.broadcast,session.started"
    page = (await admin.get(url)).json()
    assert [row["target"] for row in page["items"]] == ["u5", "u4", "u3", "u2"]
    older = (await admin.get(f"{url}&after={page['next']}")).json()
    assert [row["target"] for row in older["items"]][:2] == ["u1", "u0"]
    both = (await admin.get(f"{ADMIN}/audit?action=user.added,user.broadcast&limit=5")).json()["items"]
    assert {row["action"] for row in both} == {"user.added", "user.broadcast"}
    file = (await admin.get(f"{ADMIN}/audit?exclude=user.broadcast&format=csv")).text
    assert "user.broadcast," not in file
    assert "user.added" in file
    check_problem(await admin.get(f"{ADMIN}/audit?exclude="), 422, "invalid")


async def test_users_leave_as_a_file_for_admins(stage: Stage) -> None:
    backend = await seeded(stage)
    for number in range(450):
        await stage.credits.put_user(f"u{number:03}", name="=1+1", email="a@example.com")
    await stage.credits.put_user("u000", frozen=True, floor=-7)
    admin, support = await stage.operator(Role.ADMIN), await stage.operator(Role.SUPPORT)
    check_problem(await support.get(f"{ADMIN}/users?format=csv"), 403, "forbidden")
    assert (await support.get(f"{ADMIN}/users?format=json")).status_code == 200
    file = await admin.get(f"{ADMIN}/users?format=csv&q=u")
    assert file.headers["content-disposition"] == 'attachment; filename="users.csv"'
    rows = list(csv.DictReader(io.StringIO(file.text)))
    assert [row["user_id"] for row in rows] == [f"u{number:03}" for number in range(450)]
    assert (rows[0]["name"], rows[0]["frozen"], rows[0]["floor"], rows[1]["frozen"]) == (
        "'=1+1",
        "true",
        "-7",
        "false",
    )
    lines = (await backend.get(f"{ADMIN}/users?format=ndjson&q=u&sort=-user_id")).text.splitlines()
    assert [json.loads(line)["user_id"] for line in lines] == [
        f"u{number:03}" for number in reversed(range(450))
    ]


async def test_exports_are_whole_inert_and_for_admins(stage: Stage) -> None:
    backend = await seeded(stage)
    for number in range(450):
        await stage.credits.spend(
            "cyd" if number else "ada", 1, allow_below_floor=True, label="=HYPERLINK(1)"
        )
    admin, support = await stage.operator(Role.ADMIN), await stage.operator(Role.SUPPORT)
    check_problem(await support.get(f"{ADMIN}/users/cyd/history?format=csv"), 403, "forbidden")
    check_problem(await support.get(f"{ADMIN}/audit?format=csv"), 403, "forbidden")
    answer = await admin.get(f"{ADMIN}/users/cyd/history?format=csv")
    assert answer.headers["content-disposition"] == 'attachment; filename="history.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert len(rows) == 450
    assert [int(row["version"]) for row in rows] == list(range(450, 0, -1))
    assert (rows[0]["amount"], rows[0]["label"]) == ("-1", "'=HYPERLINK(1)")
    lines = (await admin.get(f"{ADMIN}/users/cyd/history?format=ndjson")).text.splitlines()
    assert [json.loads(line)["version"] for line in lines] == list(range(450, 0, -1))
    assert (await backend.get("/api/v1/users/cyd/history?format=ndjson")).text.splitlines() == lines
    assert "session.started" in (await admin.get(f"{ADMIN}/audit?format=csv")).text


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "\u200b=1+1",
        "\ufeff+1",
        "\u202e@SUM(1)",
        "+1",
        "-1",
        "@SUM(1)",
        "\t=1",
        "\r=1",
        "\n=1",
        "＝1+1",
        "＋1",
        "－1",
        "＠SUM(1)",
        " =1",
        "\u00a0=1",
    ],
)
def test_formulas_are_shown_not_run(text: str) -> None:
    assert inert(text) == f"'{text}"
    assert inert(f"a{text}") == f"a{text}"


async def test_operators_are_made_changed_and_kept_from_locking_everybody_out(stage: Stage) -> None:
    admin = await stage.operator()
    made = (await admin.post(f"{ADMIN}/operators", json=_operator(limit=50))).json()
    assert (made["email"], made["limit"], made["disabled"]) == ("olga@example.com", 50, False)
    check_problem(await admin.post(f"{ADMIN}/operators", json=_operator()), 409, "conflict")
    olga = stage.client()
    body = {"email": "olga@example.com", "password": PASSWORD}
    assert (await olga.post(f"{ADMIN}/session", json=body)).status_code == 200
    changed = await admin.put(f"{ADMIN}/operators/{made['id']}", json={"disabled": True, "limit": None})
    assert (changed.json()["disabled"], changed.json()["limit"], changed.json()["name"]) == (
        True,
        None,
        "Olga",
    )
    assert (await olga.get(f"{ADMIN}/session")).status_code == 401
    check_problem(await olga.post(f"{ADMIN}/session", json=body), 401, "unauthenticated")
    me = (await admin.get(f"{ADMIN}/session")).json()["operator"]["id"]
    for lockout in ({"disabled": True}, {"role": "viewer"}):
        check_problem(await admin.put(f"{ADMIN}/operators/{me}", json=lockout), 409, "conflict")
    check_problem(await admin.put(f"{ADMIN}/operators/op_0", json={}), 404, "not_found")
    check_problem(await admin.post(f"{ADMIN}/operators", json=_operator(password="short")), 422, "invalid")


async def test_an_operator_without_a_password_signs_in_by_code_alone(stage: Stage) -> None:
    admin = await stage.operator()
    asked = {key: value for key, value in _operator().items() if key != "password"}
    made = await admin.post(f"{ADMIN}/operators", json=asked)
    assert made.status_code == 201
    olga = stage.client()
    guess = {"email": "olga@example.com", "password": PASSWORD}
    check_problem(await olga.post(f"{ADMIN}/session", json=guess), 401, "unauthenticated")
    code = (await admin.post(f"{ADMIN}/operators/{made.json()['id']}/link")).json()["code"]
    assert (await olga.post(f"{ADMIN}/session", json={"code": code})).status_code == 200


async def test_keys_are_shown_once(stage: Stage) -> None:
    admin = await stage.operator()
    made = (await admin.post(f"{ADMIN}/keys", json={"name": "shop", "scopes": ["move", "read"]})).json()
    assert made["secret"].startswith("lck_")
    listed = await admin.get(f"{ADMIN}/keys")
    assert made["secret"] not in listed.text
    assert made["secret"][-4:] in listed.json()["items"][0]["hint"]
    assert made["key"]["scopes"] == ["move", "read"]
    check_problem(await admin.post(f"{ADMIN}/keys", json={"name": "x", "scopes": []}), 422, "invalid")
    check_problem(await admin.post(f"{ADMIN}/keys", json={"name": "x", "scopes": ["all"]}), 422, "invalid")
    check_problem(await admin.delete(f"{ADMIN}/keys/key_0"), 404, "not_found")


async def test_a_broadcast_pushes_again_and_is_written_down(stage: Stage) -> None:
    await seeded(stage)
    support = await stage.operator(Role.SUPPORT)
    answer = await support.post(f"{ADMIN}/users/ada/broadcast")
    BroadcastAnswer.model_validate_json(answer.content)
    assert answer.json() == {"user_id": "ada", "screens": 0, "broadcast": answer.json()["broadcast"]}


async def test_metrics_want_a_key_or_a_setting(stage: Stage) -> None:
    check_problem(await stage.client().get("/metrics"), 401, "unauthenticated")
    await seeded(stage)
    text = (await (await stage.backend(Scope.READ)).get("/metrics")).text
    assert 'route="/api/v1/users/{user_id}/grants",status="200"} 3.0' in text
    for line in (
        "livecredits_screens 0.0",
        'livecredits_alarms_total{kind="ahead"} 0.0',
        "livecredits_storage_failed 0.0",
    ):
        assert line in text
    assert re.search(r'livecredits_node_info{name="[^"]+",version="[^"]+"} 1.0', text)
    assert re.search(r"process_resident_memory_bytes \d", text) or sys.platform != "linux"
    assert "ada" not in text
