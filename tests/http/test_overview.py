"""The Overview's figures against a naive recount, their cost, and the settings that operators keep."""

from __future__ import annotations

import asyncio
import random
import sqlite3
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert
from tests.http.stage import Stage
from tests.postgres import of_a_file, of_both
from tests.storage.hands import rows

from livecredits.access import Role, Scope
from livecredits.errors import Refused
from livecredits.http import figures
from livecredits.http.kept import Kept
from livecredits.storage import stats
from livecredits.storage.schema import accounts, users

STATS = "/api/v1/admin/stats"
SETTINGS = "/api/v1/admin/settings"
HOUR_US = 3_600_000_000
UNITS = ("credits", "minutes")


def recounted(url: str, from_us: int, until_us: int) -> dict[str, dict[str, int]]:
    """What the entries of a span moved, one by one, as a person would add them up."""
    moved = rows(
        url,
        "SELECT a.unit, e.kind, e.settled_delta FROM entries e JOIN accounts a ON a.id = e.account_id "
        "WHERE e.at_us >= ? AND e.at_us < ?",
        from_us,
        until_us,
    )
    found: dict[str, dict[str, int]] = defaultdict(
        lambda: {"granted": 0, "spent": 0, "expired": 0, "taken": 0, "reversed": 0}
    )
    for unit, kind, delta in moved:
        part = found[unit]
        if kind in {"grant", "adjust", "set", "redeem", "fulfil"} and delta > 0:
            part["granted"] += delta
        elif kind in {"adjust", "set"}:
            part["taken"] -= delta
        elif kind in {"spend", "capture"}:
            part["spent"] -= delta
        elif kind == "expire":
            part["expired"] -= delta
        elif kind == "reverse":
            part["reversed"] += delta
    return found


def newest_entry(url: str) -> str:
    return str(rows(url, "SELECT max(id) FROM entries")[0][0])


def held_and_available(url: str) -> dict[str, tuple[int, int]]:
    found: dict[str, tuple[int, int]] = {}
    for unit, settled, held in rows(url, "SELECT unit, settled, held FROM accounts"):
        available, all_held = found.get(unit, (0, 0))
        found[unit] = (available + settled - held, all_held + held)
    return found


def microseconds(at: str) -> int:
    return (datetime.fromisoformat(at) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


async def looked_at(stage: Stage, **query: str) -> dict[str, Any]:
    viewer = await stage.operator(Role.VIEWER)
    # Where several write, what was decided just now is counted when its commit cannot be late any more.
    stage.clock.shift_us += stats.COMMIT_US + 1
    answer = await viewer.get(STATS, params=query)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def look_and_check(stage: Stage) -> None:
    """Look, and count by hand; again if the scheduler has posted something due in between."""
    url, newest = stage.credits.url, None
    while newest != newest_entry(url):
        newest = newest_entry(url)
        told = await looked_at(stage)
        try:
            check(url, told)
        except AssertionError:
            if newest == newest_entry(url):
                raise


def check(url: str, told: dict[str, Any]) -> None:
    """Every figure of an answer, the day's and each hour's, is the recount's."""
    nothing = {"granted": 0, "spent": 0, "expired": 0, "taken": 0, "reversed": 0}
    today = recounted(url, microseconds(told["today_from"]), 2**62)
    held = held_and_available(url)
    assert told["complete"]
    for unit in told["units"]:
        name = unit["unit"]
        assert (unit["outstanding"], unit["held"]) == held.get(name, (0, 0))
        assert {part: unit[f"{part}_today"] for part in nothing} == today.get(name, nothing)
        assert len(unit["series"]) == 24
        for hour in unit["series"]:
            at_us = microseconds(hour["at"])
            by_hand = recounted(url, at_us, at_us + HOUR_US).get(name, nothing)
            assert {part: hour[part] for part in nothing} == by_hand, hour["at"]


async def some_changes(stage: Stage, rolls: random.Random) -> None:
    """A few of every kind of change, refusals among them, then some time passes."""
    credits = stage.credits
    for _ in range(12):
        user, unit = rolls.choice(("ada", "bob", "cleo")), rolls.choice(UNITS)
        amount = rolls.randint(1, 60)
        try:
            match rolls.randrange(8):
                case 0:
                    expires = datetime.now(UTC) + timedelta(
                        microseconds=stage.clock.shift_us, seconds=rolls.randint(60, 7_200)
                    )
                    await credits.grant(user, amount, unit=unit, expires_at=expires)
                case 1:
                    await credits.spend(user, amount, unit=unit)
                case 2:
                    await credits.adjust(user, rolls.choice((-1, 1)) * amount, unit=unit)
                case 3:
                    await credits.set(user, amount, unit=unit)
                case 4:
                    held = await credits.hold(user, amount, unit=unit)
                    assert held.hold
                    await (credits.capture if rolls.random() < 0.5 else credits.release)(held.hold)
                case 5:
                    await credits.hold(user, amount, unit=unit)
                case 6:
                    entry = await credits.adjust(user, amount, unit=unit)
                    await credits.reverse(entry.entry)
                case 7:
                    await credits.transfer(user, rolls.choice(("ada", "bob")), amount, unit=unit)
        except Refused:
            continue
    stage.clock.shift_us += rolls.randint(1, 5_400) * 1_000_000


@pytest.mark.parametrize("seed", range(4))
async def test_the_figures_are_those_of_a_recount(stage: Stage, seed: int) -> None:
    """Some history before anybody looks, then a look after each few changes: over two days, expiries included."""
    rolls = random.Random(seed)
    await stage.credits.put_unit("minutes", 2)
    for name in ("ada", "bob", "cleo"):
        for unit in UNITS:
            await stage.credits.grant(name, 100, unit=unit)
    for _ in range(15):
        await some_changes(stage, rolls)
    for _ in range(15):
        await look_and_check(stage)
        await some_changes(stage, rolls)
    await look_and_check(stage)


@of_both
async def test_the_day_begins_where_the_reader_is(stage: Stage) -> None:
    """Kathmandu is 5:45 from UTC: its day and its hours are cut at a quarter past, and each figure is there once."""
    await stage.credits.grant("ada", 100)
    now = datetime.fromtimestamp(stage.clock.now_us() / 1e6, UTC)
    local = now + timedelta(hours=5, minutes=45)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(hours=5, minutes=45)
    told = await looked_at(stage, today_from=midnight.isoformat())
    check(stage.credits.url, told)
    assert told["units"][0]["granted_today"] == 100
    assert all(hour["at"][14:16] == "15" for hour in told["units"][0]["series"])


@pytest.mark.parametrize("shift_s", [7, -27 * 3_600, 7_200])
async def test_what_was_no_beginning_of_a_day(stage: Stage, shift_s: int) -> None:
    quarter_us = stage.clock.now_us() // stats.QUARTER_US * stats.QUARTER_US
    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=quarter_us, seconds=shift_s)
    viewer = await stage.operator(Role.VIEWER)
    answer = await viewer.get(STATS, params={"today_from": at.isoformat()})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "today_from"


async def test_a_later_look_reads_what_is_new_and_nothing_else(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(30):
        await stage.credits.grant(f"user-{number}", 10)
    check(stage.credits.url, await looked_at(stage))
    counted: list[int] = []
    original = stats.moved

    def watched(connection: Any, after: str, **rest: Any) -> Any:
        until, rows = original(connection, after, **rest)
        counted.append(sum(row.up for row in rows))
        return until, rows

    def no_scan(_: Any) -> Any:
        raise AssertionError("all accounts were added up again")

    monkeypatch.setattr(figures, "moved", watched)
    monkeypatch.setattr(figures, "account_sums", no_scan)
    await stage.credits.grant("ada", 7)
    check(stage.credits.url, await looked_at(stage))
    assert sum(counted) == 7
    await looked_at(stage)
    assert sum(counted) == 7


@of_a_file  # PostgreSQL's plans hang on how much it has analysed
def test_no_question_of_a_later_look_goes_through_a_table(stage: Stage) -> None:
    """By the database's own plan: only entries behind the cursor are visited, each account by its number."""
    stage.credits.open()
    with sqlite3.connect(stage.credits.url.removeprefix("sqlite:///")) as db:
        for statement in (stats._MOVED, stats._LAST_OF_CHUNK, stats._NEWEST):
            compiled = str(statement.compile(compile_kwargs={"literal_binds": False}))
            values = {name: "ent_0" if name in {"after", "until"} else 1 for name in _names(compiled)}
            plan = [row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {compiled}", values)]
            assert not [step for step in plan if step.startswith("SCAN")], plan


def _names(sql: str) -> list[str]:
    return [part.split(")")[0].split()[0].strip(",") for part in sql.split(":")[1:]]


async def test_a_long_day_is_counted_in_parts_beside_the_answer(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(25):
        await stage.credits.grant("ada", 1 + number)
    monkeypatch.setattr(figures, "WAIT_S", 0.0)
    monkeypatch.setattr(stats, "_LAST_OF_CHUNK", stats._LAST_OF_CHUNK.offset(None).offset(3))
    first = await looked_at(stage)
    assert first["complete"] is False
    monkeypatch.setattr(figures, "WAIT_S", 30.0)
    check(stage.credits.url, await looked_at(stage))


@of_both
async def test_sums_beyond_64_bits_are_exact(stage: Stage) -> None:
    most = 2**53 - 1
    await stage.credits.grant("ada", 1)
    # Numbers that no account gets by itself: where PostgreSQL's sequence stands, nobody knows.
    names = {10**9 + number: f"u{number}" for number in range(1_500)}
    about = {
        "unit": "credits",
        "version": 1,
        "settled": most,
        "held": 0,
        "frozen": 0,
        "last_hash": "",
        "created_at_us": 0,
        "seal": "",
    }

    def fill(connection: Any) -> None:
        people = [{"user_id": name, "created_at_us": 0, "updated_at_us": 0} for name in names.values()]
        connection.execute(insert(users), people)
        many = [{"id": number, "user_id": name, **about} for number, name in names.items()]
        connection.execute(insert(accounts), many)

    await asyncio.to_thread(stage.credits.open().write, fill)
    assert (await looked_at(stage))["units"][0]["outstanding"] == most * 1_500 + 1


@of_both
async def test_users_orders_and_failures_are_counted(stage: Stage) -> None:
    backend = await stage.backend()
    package = (
        await backend.post(
            "/api/v1/admin/credits/packages",
            json={"name": "Ten", "credits": 10, "price_minor": 500, "currency": "EUR"},
        )
    ).json()
    ada = await stage.user("ada")
    await ada.post("/api/v1/credits/orders", json={"package_id": package["id"]})
    await backend.post("/api/v1/users/ada/grants", json={"amount": 5})
    assert (await backend.post("/api/v1/users/ada/spend", json={"amount": 500})).status_code == 402
    told = await looked_at(stage)
    assert (told["users"], told["orders"]) == (1, {"pending": 1})
    assert told["screens"] == {"open": 0, "users": 0, "users_exact": True}
    assert told["nodes"] == {"asked": 1, "answered": 1}
    assert told["failures"] | {"since": ""} == {
        "since": "", "storage": None, "errors": 0, "refused": 1, "limited": 0, "closed": {}, "alarms": 0,
    }  # fmt: skip
    assert told["painted"]["objective_ms"] == 200


async def test_a_fresh_installation_answers_zeros(stage: Stage) -> None:
    told = await looked_at(stage)
    assert told["users"] == 0
    assert [unit["unit"] for unit in told["units"]] == ["credits"]
    assert told["units"][0]["outstanding"] == 0
    assert told["complete"]


async def test_one_node_is_this_one(stage: Stage) -> None:
    viewer = await stage.operator(Role.VIEWER)
    (node,) = (await viewer.get("/api/v1/admin/nodes")).json()["items"]
    assert node["is_this"]
    assert node["lag_ms"] == 0
    assert node["screens"] == 0
    assert node["node"]


# --- settings ------------------------------------------------------------------------------------------------------


async def test_settings_have_defaults_and_facts_without_secrets(stage: Stage) -> None:
    viewer = await stage.operator(Role.VIEWER)
    answer = await viewer.get(SETTINGS)
    told = answer.json()
    assert told["receipts"] is True
    assert (told["painted_objective_ms"], told["broadcasts_keep_days"]) == (200, 7)
    assert "Goodwill" in told["reason_presets"]
    assert told["facts"]["mode"] == "development"
    assert told["facts"]["database"] == stage.credits.url.partition(":")[0]
    assert "s" * 48 not in answer.text
    assert stage.credits.url.rpartition("/")[2] not in answer.text


@of_both
async def test_a_change_holds_at_once_and_is_audited_with_what_changed(stage: Stage) -> None:
    admin = await stage.operator()
    await admin.get(SETTINGS)
    given = {"receipts": False, "painted_objective_ms": 150, "broadcasts_keep_days": 7}
    answer = await admin.put(SETTINGS, json=given)
    assert answer.status_code == 200, answer.text
    assert (await admin.get(SETTINGS)).json() == answer.json()
    assert stage.services.kept.last.receipts is False
    assert (await looked_at(stage))["painted"]["objective_ms"] == 150
    (row,) = (await admin.get("/api/v1/admin/audit?action=settings.changed")).json()["items"]
    assert row["before"] == {"receipts": True, "painted_objective_ms": 200}
    assert row["after"] == {"receipts": False, "painted_objective_ms": 150}


async def test_what_changes_nothing_leaves_no_row(stage: Stage) -> None:
    admin = await stage.operator()
    await admin.put(SETTINGS, json={"receipts": True})
    assert (await admin.get("/api/v1/admin/audit?action=settings.changed")).json()["items"] == []


async def test_settings_survive_the_process(stage: Stage) -> None:
    admin = await stage.operator()
    await admin.put(SETTINGS, json={"reason_presets": ["Broken headset", " Late "]})
    another = Kept(stage.credits)
    assert (await another.current()).reason_presets == ("Broken headset", "Late")


async def test_another_process_sees_it_within_five_seconds(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Kept(stage.credits)
    assert (await other.current()).painted_objective_ms == 200
    admin = await stage.operator()
    await admin.put(SETTINGS, json={"painted_objective_ms": 90})
    monkeypatch.setattr(other._fresh, "_ttl_s", -1.0)
    assert (await other.current()).painted_objective_ms == 90


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"painted_objective_ms": 0}, "painted_objective_ms"),
        ({"painted_objective_ms": 60_001}, "painted_objective_ms"),
        ({"painted_objective_ms": 1.5}, "painted_objective_ms"),
        ({"broadcasts_keep_days": 0}, "broadcasts_keep_days"),
        ({"broadcasts_keep_days": 366}, "broadcasts_keep_days"),
        ({"receipts": "yes"}, "receipts"),
        ({"reason_presets": ["x"] * 2}, "reason_presets"),
        ({"reason_presets": [str(n) for n in range(21)]}, "reason_presets"),
        ({"reason_presets": [" "]}, "reason_presets.0"),
        ({"reason_presets": ["x" * 201]}, "reason_presets.0"),
        ({"mode": "production"}, "mode"),
    ],
)
async def test_bad_settings_are_refused_by_field(stage: Stage, given: dict[str, Any], field: str) -> None:
    admin = await stage.operator()
    answer = await admin.put(SETTINGS, json=given)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == field
    assert (await admin.get("/api/v1/admin/audit?action=settings.changed")).json()["items"] == []


async def test_only_admins_change_settings(stage: Stage) -> None:
    for role in (Role.VIEWER, Role.SUPPORT):
        operator = await stage.operator(role)
        assert (await operator.put(SETTINGS, json={"receipts": False})).status_code == 403
    key = await stage.backend(Scope.ADMIN)
    assert (await key.put(SETTINGS, json={"receipts": False})).status_code == 200
