"""What is promised holds across nodes: two real processes on one PostgreSQL, the caller at one, the screen at one."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import psycopg
from tests.demo_process import START_S, spawn
from tests.live.raw import raw, say
from tests.nodes.town import SETTINGS, Town, screen
from tests.serve_process import Server
from tests.waiting import eventually

REVOKED_S = 5.0
HEARTBEAT_S, REREAD_S = (float(SETTINGS[f"LIVECREDITS_{name}_S"]) for name in ("HEARTBEAT", "REREAD"))
LATE_S = 1.5
"""So much later than it should may a machine with other work do something; a heartbeat has a jitter, too."""


def test_a_change_at_one_node_is_on_the_screen_at_the_other(town: Town) -> None:
    user = town.new_user()
    with screen(town.a, town.token(user)) as here, screen(town.b, town.token(user)) as there:
        took_ms = []
        for amount in range(1, 21):
            answer = town.grant(town.a, user, amount)
            returned_s = time.monotonic()
            frame = there.until("state")
            took_ms.append((time.monotonic() - returned_s) * 1000)
            assert (frame["version"], frame["credits"]) == (answer["version"], answer["credits"])
            assert here.until("state")["version"] == answer["version"]
        print(
            f"answer → frame on the other node: median {sorted(took_ms)[10]:.1f} ms, most {max(took_ms):.1f} ms"
        )


def test_one_key_means_one_change_on_all_nodes(town: Town) -> None:
    users = [town.new_user() for _ in range(10)]

    def grant(asked: tuple[Any, str]) -> Any:
        node, user = asked
        headers = {**node.headers, "Idempotency-Key": f"once-{user}"}
        return httpx2.post(f"{node.url}/api/v1/users/{user}/grants", json={"amount": 5}, headers=headers)

    asked = [(node, user) for user in users for node in (town.a, town.b) for _ in range(3)]
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(grant, asked))
    assert {answer.status_code for answer in answers} == {200}
    entries = {(user, answer.json()["entry"]) for (_, user), answer in zip(asked, answers, strict=True)}
    assert len(entries) == len(users)
    assert all(town.b.api("GET", f"/users/{user}/balance")["version"] == 1 for user in users)


def test_a_long_poll_returns_when_the_other_node_commits(town: Town) -> None:
    user = town.new_user()
    town.grant(town.a, user)
    headers = {"Authorization": f"Bearer {town.token(user)}"}
    with ThreadPoolExecutor(1) as pool:
        poll = pool.submit(
            httpx2.get, f"{town.b.url}/api/v1/credits/balance?after_version=1&wait=20", headers=headers, timeout=30
        )  # fmt: skip
        eventually(poll.running)
        town.grant(town.a, user)
        assert poll.result(10).json()["version"] == 2


LOSE = """
CREATE FUNCTION lose() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
CREATE TRIGGER lose BEFORE INSERT ON notices FOR EACH ROW WHEN (NEW.body LIKE '%"lost on its way"%')
EXECUTE FUNCTION lose()
"""


async def test_whatever_is_lost_between_a_commit_and_a_screen_is_found_in_time(town: Town) -> None:
    """The table of how long a screen may be behind: a half-open line, a lost frame, a commit that no node hears of."""
    half_open_s, frame_s, commit_s = await asyncio.gather(
        _half_open(town), asyncio.to_thread(_lost_frame, town), asyncio.to_thread(_lost_commit, town)
    )
    print(f"half-open: {half_open_s:.1f} s; lost frame: {frame_s:.1f} s; lost commit: {commit_s:.1f} s")
    assert half_open_s < 1.5 * HEARTBEAT_S + LATE_S
    assert frame_s < HEARTBEAT_S + LATE_S
    assert commit_s < REREAD_S + LATE_S


async def _half_open(town: Town) -> float:
    """How long the server believes in a line at whose other end nobody is."""
    token = await asyncio.to_thread(town.token, town.new_user())
    async with raw(town.b.port) as line:
        line.write(say(type="auth", token=token))
        began_s = time.monotonic()
        await line.close_code()
        return time.monotonic() - began_s


def _lost_frame(town: Town) -> float:
    """A screen has not got the last frame; the next tick tells it, and it asks."""
    user = town.new_user()
    with screen(town.b, town.token(user)) as there:
        town.grant(town.b, user)
        there.until("state")  # as if it had been lost
        began_s = time.monotonic()
        there.until("tick", lambda frame: frame["versions"] == {"credits": 1})
        there.say(type="resync")
        assert there.until("hello")["accounts"][0]["version"] == 1
        return time.monotonic() - began_s


def _lost_commit(town: Town) -> float:
    """A commit of one node whose notice the other never sees; it finds it by reading again what it shows."""
    user = town.new_user()
    with psycopg.connect(town.url, autocommit=True) as db:
        db.execute(LOSE)
        try:
            with screen(town.b, town.token(user)) as there:
                town.grant(town.a, user, label="lost on its way")
                began_s = time.monotonic()
                there.until("state", lambda frame: frame["version"] == 1)
                return time.monotonic() - began_s
        finally:
            db.execute("DROP FUNCTION lose() CASCADE")


# --- receipts and screens -------------------------------------------------------------------------------------------


def test_who_waits_at_one_node_is_told_of_screens_at_the_other(town: Town) -> None:
    user = town.new_user()
    town.grant(town.a, user)
    with screen(town.a, town.token(user)) as here, screen(town.b, town.token(user)) as there:
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(
                town.a.api, "PUT", f"/admin/users/{user}/credits?wait=shown&timeout_ms=5000", json={"credits": 50}
            )  # fmt: skip
            for guest in (here, there):
                frame = guest.until("state")
                assert frame["receipt"] is True
                guest.paint(frame["version"])
            receipts = waiting.result(10)["receipts"]
        assert (receipts["open"], receipts["shown"], receipts["behind"]) == (2, 2, 0)
        entry = town.b.api("GET", "/admin/broadcasts?user=" + user)["items"][0]
        assert entry["screens"]["shown"] == 2
        assert sorted(node[0] for node in entry["node"].split(", ")) == ["a", "b"]


def test_screens_of_all_nodes_are_shown_at_each(town: Town) -> None:
    user = town.new_user()
    town.grant(town.a, user)
    with screen(town.a, town.token(user)), screen(town.b, town.token(user)):
        for node in (town.a, town.b):
            assert node.api("GET", f"/admin/users/{user}")["screens"] == 2
            (row,) = node.api("GET", f"/admin/users?q={user}")["items"]
            assert row["screens"] == 2
            shown = node.api("GET", f"/admin/screens?user={user}")["items"]
            assert sorted(one["node"].partition("-")[0] for one in shown) == ["a", "b"]


def test_the_overview_is_of_all_nodes(town: Town) -> None:
    """Painted times, failures and users; who has screens on both nodes is one user."""
    both, one = town.new_user(), town.new_user()
    before = town.b.api("GET", "/admin/stats")
    with (
        screen(town.a, town.token(both)) as here,
        screen(town.b, town.token(both)) as there,
        screen(town.b, town.token(one)),
    ):
        with ThreadPoolExecutor(1) as pool:
            path = f"/admin/users/{both}/credits?wait=shown&timeout_ms=5000"
            waiting = pool.submit(town.b.api, "PUT", path, json={"credits": 50})
            for guest in (here, there):
                guest.paint(guest.until("state")["version"])
            waiting.result(10)
        spend = f"{town.a.url}/api/v1/users/{both}/spend"
        assert httpx2.post(spend, json={"amount": 99}, headers=town.a.headers).status_code == 402

        def is_told(node: Server) -> Any:
            stats = node.api("GET", "/admin/stats")
            return (
                stats["screens"] == {"open": 3, "users": 2, "users_exact": True}
                and stats["nodes"] == {"asked": 2, "answered": 2}
                and stats["painted"]["count"] == before["painted"]["count"] + 2
                and stats["failures"]["refused"] == before["failures"]["refused"] + 1
            )

        eventually(lambda: is_told(town.a) and is_told(town.b))


def test_a_page_that_is_open_at_one_node_asks_screens_at_the_other_for_receipts(town: Town) -> None:
    user = town.new_user()
    with screen(town.a, town.a.key) as desk, screen(town.b, town.token(user)) as there:
        desk.say(type="watch", users=[user], open=True)
        desk.until("state")
        town.grant(town.a, user)
        assert there.until("state")["receipt"] is True


def test_a_re_send_reaches_the_screens_of_all_nodes(town: Town) -> None:
    user = town.new_user()
    town.grant(town.a, user)
    with screen(town.a, town.token(user)), screen(town.b, town.token(user)) as there:
        assert town.a.api("POST", f"/admin/users/{user}/broadcast")["screens"] == 2
        assert there.until("hello")["accounts"][0]["version"] == 1


def test_frames_of_an_event_stream_are_forwarded_to_its_node(town: Town) -> None:
    user = town.new_user()
    headers = {"Authorization": f"Bearer {town.token(user)}", "Accept": "text/event-stream"}
    with httpx2.stream("GET", f"{town.b.url}/api/v1/credits/live", headers=headers, timeout=10) as stream:
        assert stream.status_code == 200
        lines = stream.iter_lines()
        eventually(lambda: "hello" in next(lines))
        (shown,) = town.a.api("GET", f"/admin/screens?user={user}")["items"]
        answer = httpx2.post(
            f"{town.a.url}/api/v1/credits/live/{shown['screen']}", headers=headers,
            json=[{"type": "pong", "painted": {}, "visible": True, "tabs": 4}],
        )  # fmt: skip
        assert answer.status_code == 204, answer.text
        assert town.a.api("GET", f"/admin/screens?user={user}")["items"][0]["tabs"] == 4


def test_followers_at_one_node_hear_of_lists_that_moved_at_the_other(town: Town) -> None:
    with screen(town.b, town.b.key) as desk:
        desk.say(type="follow", lists=["users", "audit"])
        seen: set[str] = set()
        user = town.new_user()
        town.a.api("PUT", f"/admin/users/{user}", json={"name": "Ada"})
        while not {"users", "audit"} <= seen:
            seen |= set(desk.until("changed")["lists"])


# --- batches --------------------------------------------------------------------------------------------------------


def test_a_batch_is_followed_and_undone_at_the_other_node(town: Town) -> None:
    users = [f"batch-{number:04d}" for number in range(3_000)]
    key = f"run:{town.new_user()}:1"
    with ThreadPoolExecutor(2) as pool:
        begun = pool.submit(town.batch, town.a, key, users)
        eventually(lambda: town.batch_of(town.b, key))
        seen = town.batch_of(town.b, key)
        again = pool.submit(town.batch, town.b, key, users)  # it waits, and neither doubles nor fails
        undone = town.b.api(
            "POST", f"/admin/batches/{seen['batch']}/reverse", json={"reason": "r"}, timeout=60
        )
        result, same = begun.result(60), again.result(60)
    assert (result["state"], result["applied"]) == ("applied", len(users))
    assert (same["batch"], same["applied"]) == (result["batch"], len(users))
    assert {row["entry"] for row in same["rows"]} == {row["entry"] for row in result["rows"]}
    assert seen["state"] in ("running", "applied"), "it never broke off"
    assert undone["state"] == "reversed", "all of it: an undo waits for the end"
    report = town.a.api("GET", f"/admin/batches/{result['batch']}")
    assert report["state"] == "reversed"
    assert all(row["reversed_by"] for row in report["rows"])
    assert town.a.api("GET", f"/users/{users[-1]}/balance")["credits"] == 0


# --- what ends, ends everywhere -------------------------------------------------------------------------------------


def test_tokens_that_were_revoked_end_on_all_nodes(town: Town) -> None:
    user = town.new_user()
    token = town.token(user)
    with screen(town.b, token) as there:
        began_s = time.monotonic()
        assert town.a.api("DELETE", f"/users/{user}/tokens")["screens_closed"] == 1
        assert there.verdict() == "token_revoked"
        assert time.monotonic() - began_s < REVOKED_S
    balance = f"{town.b.url}/api/v1/credits/balance"
    headers = {"Authorization": f"Bearer {token}"}
    eventually(lambda: httpx2.get(balance, headers=headers).status_code == 401, REVOKED_S)


def test_a_key_that_was_revoked_ends_on_all_nodes(town: Town) -> None:
    made = town.a.api("POST", "/admin/keys", json={"name": "short", "scopes": ["live", "read"]})
    headers = {"Authorization": f"Bearer {made['secret']}"}
    units = f"{town.b.url}/api/v1/admin/users"
    assert httpx2.get(units, headers=headers).status_code in {200, 403}
    with screen(town.b, made["secret"]) as there:
        town.a.api("DELETE", f"/admin/keys/{made['key']['id']}")
        assert there.verdict() == "token_revoked"
    eventually(lambda: httpx2.get(units, headers=headers).status_code == 401, REVOKED_S)


def test_a_session_holds_and_ends_on_all_nodes(town: Town) -> None:
    with closing(town.operator(town.a)) as operator:
        elsewhere = f"{town.b.url}/api/v1/admin/session"
        cookies = dict(operator.cookies)
        assert httpx2.get(elsewhere, cookies=cookies).status_code == 200
        live = httpx2.post(f"{elsewhere}/live-token", cookies=cookies).json()["token"]
        with screen(town.b, live) as there:
            assert operator.delete("/admin/session").status_code == 204
            assert there.verdict() == "token_revoked"
        eventually(lambda: httpx2.get(elsewhere, cookies=cookies).status_code == 401, REVOKED_S)


def test_an_operator_who_is_disabled_at_one_node_is_out_at_the_other(town: Town) -> None:
    # The last admin could not be disabled.
    with closing(town.operator(town.a)), closing(town.operator(town.b)) as operator:
        id = operator.get("/admin/session").json()["operator"]["id"]
        live = operator.post("/admin/session/live-token").json()["token"]
        with screen(town.b, live) as there:
            town.a.api("PUT", f"/admin/operators/{id}", json={"disabled": True})
            assert there.verdict() == "token_revoked"
        eventually(lambda: operator.get("/admin/session").status_code == 401, REVOKED_S)


def test_a_vouchers_end_is_told_to_the_screen_at_the_other_node(town: Town) -> None:
    user = town.new_user()
    town.grant(town.a, user)
    with screen(town.b, town.token(user)) as there:
        ends_at = datetime.now(UTC) + timedelta(seconds=2)
        body = {"amount": 5, "user_id": user, "expires_at": ends_at.isoformat()}
        town.a.api("POST", "/admin/vouchers", json=body)
        for _ in ("made", "over"):
            assert "vouchers" in there.until("changed")["lists"]
    assert datetime.now(UTC) >= ends_at


def test_wrong_codes_are_counted_by_all_nodes_together(town: Town) -> None:
    user = town.new_user()
    headers = {"Authorization": f"Bearer {town.token(user)}"}

    def guess(number: int) -> int:
        node = town.a if number % 2 else town.b
        body = {"code": f"AAAA-BBBB-CCCC-{number:04d}"}
        return httpx2.post(
            f"{node.url}/api/v1/credits/vouchers/redeem", json=body, headers=headers
        ).status_code

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(guess, range(40)))
    print({code: answers.count(code) for code in set(answers)})
    assert answers.count(404) <= 10


def test_refused_sign_ins_are_counted_by_all_nodes_together(town: Town) -> None:
    answers = [
        httpx2.post(
            f"{node.url}/api/v1/admin/session", json={"email": "nobody@example.com", "password": "x" * 12}
        ).status_code
        for node in (town.a, town.b) * 4
    ]
    assert answers == [401] * 4 + [429] * 4


# --- what is set, is set everywhere ---------------------------------------------------------------------------------


def test_a_new_unit_is_known_to_all_nodes(town: Town) -> None:
    town.a.api("PUT", "/admin/units/gold", json={"scale": 2})
    user = town.new_user()
    eventually(lambda: any(unit["name"] == "gold" for unit in town.b.api("GET", "/admin/units")["items"]), 2)
    assert town.grant(town.b, user, 700, unit="gold")["unit"] == "gold"


def test_settings_that_are_changed_at_one_node_hold_at_the_other(town: Town) -> None:
    for objective_ms in (150, 250, 200):
        town.a.api("PUT", "/admin/settings", json={"painted_objective_ms": objective_ms})
        eventually(
            lambda: town.b.api("GET", "/admin/settings")["painted_objective_ms"] == objective_ms,  # noqa: B023
            REVOKED_S,
        )


def test_receipts_that_are_switched_off_at_one_node_are_off_at_the_other(town: Town) -> None:
    user = town.new_user()
    with screen(town.b, town.token(user)) as there:
        assert there.hello["receipts"] is True
        town.a.api("PUT", "/admin/settings", json={"receipts": False})
        try:
            assert there.until("hello")["receipts"] is False
        finally:
            town.a.api("PUT", "/admin/settings", json={"receipts": True})
        assert there.until("hello")["receipts"] is True


def test_what_is_due_is_posted_once_and_shown_by_all_nodes(town: Town) -> None:
    user = town.new_user()
    with screen(town.b, town.token(user)) as there:
        ends = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3))
        town.grant(town.a, user, 5, expires_at=ends)
        frame = there.until("state", lambda frame: frame["version"] == 2)
        assert (frame["credits"], frame["cause"]["kind"]) == (0, "expire")
    for node in (town.a, town.b):
        assert node.api("GET", f"/users/{user}/balance")["version"] == 2


# --- the nodes themselves -------------------------------------------------------------------------------------------


def test_every_node_knows_the_others(town: Town) -> None:
    for node, name in ((town.a, "a"), (town.b, "b")):
        items = node.api("GET", "/admin/nodes")["items"]
        assert [one["is_this"] for one in items] == [True, False]
        assert [one["not_ready"] for one in items] == [None, None]
        assert items[0]["node"].startswith(f"{name}-")
        metrics = node.metrics()
        assert "livecredits_nodes 2.0" in metrics
        assert 'livecredits_bus_total{event="heard"}' in metrics
        assert httpx2.get(f"{node.url}/readyz").status_code == 200


def test_a_node_on_another_line_of_history_turns_the_others_red(town: Town) -> None:
    """One that still stands on what was the primary tells the same table what it sees."""

    def is_red(node: Server) -> bool:
        answer = httpx2.get(f"{node.url}/readyz")
        return answer.status_code == 503 and "stray is on another line of history" in answer.text

    def both_are_told(node: Server) -> bool:
        """Each node tells of the other one, too."""
        told = {one["node"][:2]: one["not_ready"] for one in node.api("GET", "/admin/nodes")["items"]}
        return all("stray is on another line of history" in (told[name] or "") for name in ("a-", "b-"))

    def is_ready(node: Server) -> bool:
        return httpx2.get(f"{node.url}/readyz").status_code == 200

    with psycopg.connect(town.url, autocommit=True) as db:
        stray = (
            "INSERT INTO nodes SELECT (jsonb_populate_record(one, jsonb_build_object('node_id', 'stray', "
            "'epoch', 'ep_another', 'seen_at_us', one.seen_at_us + 3600000000))).* FROM nodes AS one LIMIT 1"
        )
        try:
            db.execute(stray)
            eventually(lambda: is_red(town.a) and is_red(town.b))
            eventually(lambda: both_are_told(town.a))
        finally:
            db.execute("DELETE FROM nodes WHERE node_id = 'stray'")
    eventually(lambda: is_ready(town.a) and is_ready(town.b))
    town.until_both_know()


def test_nodes_that_could_not_work_beside_them_do_not_start(town: Town) -> None:
    refused = {
        "open with LIVECREDITS_BUS=postgres": {"LIVECREDITS_BUS": "memory"},
        "LIVECREDITS_SECRET differs": {
            "LIVECREDITS_SECRET": "another secret of more than thirty-two characters"
        },
    }
    started = {
        told: spawn("serve", "--port", "0", **{**town.a.settings, **settings})
        for told, settings in refused.items()
    }
    for told, process in started.items():
        _, said = process.communicate(timeout=START_S)
        assert process.returncode == 2, said
        assert told in " ".join(said.split())
