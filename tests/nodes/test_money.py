"""M2–M5 on PostgreSQL with two operating-system processes: every attack is split over both, and its last bytes leave at
the same moment. The attack on vouchers is also made on a planted variant in two processes, which it must catch.
"""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import cycle
from pathlib import Path
from typing import Any

from tests.demo_process import START_S, environment, free_port
from tests.nodes.town import Town
from tests.nodes.volley import Answered, Post, volley
from tests.postgres import PostgresServer
from tests.storage.hands import IS_DEEP, rows

from livecredits import Credits
from livecredits.storage.database import verify_at

API = "/api/v1"
SAME = 100
SPENDS, HAD, ROUNDS = 200, 100, 500 if IS_DEEP else 5
REDEEMERS, CODES = 64, 200 if IS_DEEP else 20
CAUGHT_WITHIN = 3
OF_ONE, TIMES = 50, 20 if IS_DEEP else 2


def split(town: Town, path: str, body: Any, count: int, **headers: str) -> list[Answered]:
    """So many equal posts with the service key, every other one to the other node."""
    ports = cycle((town.a.port, town.b.port))
    return volley(
        [Post(next(ports), f"{API}{path}", body, {**town.a.headers, **headers}) for _ in range(count)]
    )


def codes_told(answers: Sequence[Answered]) -> Counter[str]:
    """How often each answer came: its code where it is a refusal, else its status."""
    return Counter(answer.json().get("code", str(answer.status)) for answer in answers)


def test_m2_one_key_is_one_entry_with_the_same_answer_everywhere(town: Town) -> None:
    user = town.new_user()
    town.grant(town.a, user, 100)
    answers = split(town, f"/users/{user}/spend", {"amount": 5}, SAME, **{"Idempotency-Key": "m2"})
    assert codes_told(answers) == {"200": SAME}
    assert len({answer.body for answer in answers}) == 1
    replayed = sum(answer.headers.get("idempotency-replayed") == "true" for answer in answers)
    assert replayed == SAME - 1
    balance = town.b.api("GET", f"/users/{user}/balance")
    assert (balance["credits"], balance["version"]) == (95, 2)
    others = split(town, f"/users/{user}/spend", {"amount": 6}, 2, **{"Idempotency-Key": "m2"})
    assert {answer.status for answer in others} == {422}
    assert codes_told(others) == {"idempotency_key_reused": 2}


def test_m2_a_refusal_sticks_on_both(town: Town) -> None:
    user = town.new_user()
    town.grant(town.a, user, 4)
    answers = split(town, f"/users/{user}/spend", {"amount": 5}, SAME, **{"Idempotency-Key": "m2-no"})
    assert codes_told(answers) == {"insufficient_credits": SAME}
    town.grant(town.a, user, 50)
    again = split(town, f"/users/{user}/spend", {"amount": 5}, 2, **{"Idempotency-Key": "m2-no"})
    assert codes_told(again) == {"insufficient_credits": 2}


def test_m3_two_processes_never_spend_below_the_floor(town: Town) -> None:
    for _ in range(ROUNDS):
        user = town.new_user()
        town.grant(town.a, user, HAD)
        answers = split(town, f"/users/{user}/spend", {"amount": 1}, SPENDS)
        assert codes_told(answers) == {"200": HAD, "insufficient_credits": SPENDS - HAD}
        assert sorted(answer.json()["credits"] for answer in answers if answer.status == 200) == list(
            range(HAD)
        )
        balance = town.b.api("GET", f"/users/{user}/balance")
        assert (balance["credits"], balance["version"]) == (0, HAD + 1)
    assert verify_at(town.url).is_clean


# --- vouchers --------------------------------------------------------------------------------------------------------


def attack(ports: Sequence[int], headers: dict[str, str], code: str) -> int:
    """64 new users redeem one code at the same moment at two processes; gives how often it paid."""
    turn = cycle(ports)
    posts = [
        Post(next(turn), f"{API}/users/{code}-{number}/redeem", {"code": code}, headers)
        for number in range(REDEEMERS)
    ]
    answers = volley(posts)
    assert {answer.status for answer in answers} <= {200, 409}
    return sum(answer.status == 200 for answer in answers)


def codes_of(town: Town, count: int) -> list[str]:
    campaign = town.a.api("POST", "/admin/campaigns", json={"name": "race", "credits": 5, "codes": count})
    page = town.b.api("GET", f"/admin/campaigns/{campaign['id']}/codes?limit=200")
    return [voucher["code"] for voucher in page["items"]]


def test_m4_a_voucher_pays_once(town: Town) -> None:
    ports, headers = (town.a.port, town.b.port), town.a.headers
    codes = codes_of(town, CODES)
    assert [attack(ports, headers, code) for code in codes] == [1] * CODES
    paid = rows(
        town.url, "SELECT r.user_id, e.amount FROM redemptions AS r JOIN entries AS e ON e.id = r.entry_id"
    )
    assert sorted(user.rpartition("-")[0] for user, _ in paid) == sorted(codes)
    assert {amount for _, amount in paid} == {5}
    assert verify_at(town.url).is_clean


@contextmanager
def planted(url: str) -> Iterator[list[int]]:
    """Two processes that look first and then act; gives their ports."""
    ports = [free_port(), free_port()]
    program = Path(__file__).with_name("planted.py")
    running = [
        subprocess.Popen(
            [sys.executable, program, url, str(port)], env=environment(), stdout=subprocess.PIPE, text=True
        )
        for port in ports
    ]
    try:
        for process in running:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        yield ports
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.communicate(timeout=START_S)


def test_m4_the_attack_catches_one_that_looks_first_and_then_acts(
    postgres: PostgresServer, migrated: str
) -> None:
    """On a ledger of its own, which it damages."""
    name = postgres.create_database(migrated)
    with closing(Credits(postgres.url(name)).sync) as credits:
        campaign = credits.create_campaign("race", credits=5, codes=CAUGHT_WITHIN)
        codes = [voucher.code for voucher in credits.campaign_codes(campaign.id).items]
    with planted(postgres.url(name)) as ports:
        assert max(attack(ports, {}, code) for code in codes) > 1
    postgres.drop_database(name)


# --- orders and reversals --------------------------------------------------------------------------------------------


def test_m5_an_order_is_fulfilled_once(town: Town) -> None:
    package = town.a.api(
        "POST", "/admin/credits/packages",
        json={"name": "S", "credits": 7, "price_minor": 100, "currency": "EUR"},
    )  # fmt: skip
    for _ in range(TIMES):
        user = town.new_user()
        order = town.a.api("POST", f"/users/{user}/orders", json={"package_id": package["id"]})
        path = f"/admin/credits/orders/{order['id']}/fulfill"
        answers = split(town, path, {}, OF_ONE)
        assert codes_told(answers) == {"200": 1, "already_fulfilled": OF_ONE - 1}
        assert codes_told(split(town, path, {}, 2)) == {"already_fulfilled": 2}
        assert town.b.api("GET", f"/users/{user}/balance")["credits"] == 7


def test_m5_an_entry_is_reversed_once(town: Town) -> None:
    for _ in range(TIMES):
        user = town.new_user()
        town.grant(town.a, user, 10)
        spent = town.a.api("POST", f"/users/{user}/spend", json={"amount": 4})
        path = f"/admin/entries/{spent['entry']}/reverse"
        answers = split(town, path, {"reason": "twice"}, OF_ONE)
        assert codes_told(answers) == {"200": 1, "already_reversed": OF_ONE - 1}
        assert codes_told(split(town, path, {"reason": "again"}, 2)) == {"already_reversed": 2}
        balance = town.b.api("GET", f"/users/{user}/balance")
        assert (balance["credits"], balance["version"]) == (10, 3)
    assert verify_at(town.url).is_clean
