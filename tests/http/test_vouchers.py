"""Vouchers and campaigns: made, listed, redeemed, withdrawn, taken away as a file, and guessed at (S5)."""

from __future__ import annotations

import asyncio
import csv
import io
import os
import random
from collections import Counter
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.http.stage import Stage, staged
from tests.http.test_problems import check_problem
from tests.postgres import of_both

from livecredits.access import Role, Scope
from livecredits.core.vouchers import ALPHABET, CODE_BYTES, spelled
from livecredits.core.wire import time_text
from livecredits.credits.guesses import PER_ADDRESS, PER_USER
from livecredits.http.answers import ChangeAnswer
from livecredits.http.shop_models import (
    CampaignShape,
    CampaignsPage,
    RedemptionsPage,
    VoucherShape,
    VouchersPage,
)

GUESSES = 10_000 if os.environ.get("LIVECREDITS_DEPTH") == "deep" else 2_000
ADMIN = "/api/v1/admin"
VOUCHERS = f"{ADMIN}/vouchers"
CAMPAIGNS = f"{ADMIN}/campaigns"
REDEEM = "/api/v1/credits/vouchers/redeem"
OWN = "/api/v1/credits/vouchers"


MINUTE_US = 60_000_000


async def voucher(stage: Stage, amount: int = 25, **more: Any) -> Any:
    answer = await (await stage.operator(Role.SUPPORT)).post(VOUCHERS, json={"amount": amount, **more})
    assert answer.status_code == 201, answer.text
    return answer.json()


async def campaign(stage: Stage, **more: Any) -> Any:
    admin = await stage.operator()
    answer = await admin.post(CAMPAIGNS, json={"name": "Summer", "credits": 25, **more})
    assert answer.status_code == 201, answer.text
    CampaignShape.model_validate_json(answer.content)
    return answer.json()


def in_a_minute(stage: Stage) -> str:
    """A minute from the stage's now: `stage.clock.shift_us += MINUTE_US` ends it."""
    return time_text(stage.clock.now_us() + MINUTE_US)


async def codes_of(stage: Stage, made: Any, query: str = "") -> list[Any]:
    admin = await stage.operator()
    page = await admin.get(f"{CAMPAIGNS}/{made['id']}/codes?limit=200{query}")
    VouchersPage.model_validate_json(page.content)
    items: list[Any] = page.json()["items"]
    return items


async def redeemed(stage: Stage, user_id: str, code: str) -> httpx2.Response:
    return await (await stage.user(user_id)).post(REDEEM, json={"code": code})


# --- ends that have come already ---------------------------------------------------------------------------------


async def test_what_could_never_pay_is_not_made(stage: Stage) -> None:
    support, admin = await stage.operator(Role.SUPPORT), await stage.operator()
    now, soon = time_text(stage.clock.now_us()), in_a_minute(stage)
    for answer, field in (
        (await support.post(VOUCHERS, json={"amount": 5, "expires_at": now}), "expires_at"),
        (
            await admin.post(CAMPAIGNS, json={"name": "x", "credits": 5, "codes": 1, "ends_at": now}),
            "ends_at",
        ),
    ):
        check_problem(answer, 422, "invalid")
        assert answer.json()["errors"] == [{"field": field, "message": "must be in the future"}]
    assert (await admin.get(VOUCHERS)).json()["items"] == (await admin.get(CAMPAIGNS)).json()["items"] == []
    keyed = {"idempotency-key": "once"}
    made = (await support.post(VOUCHERS, json={"amount": 5, "expires_at": soon}, headers=keyed)).json()
    stage.clock.shift_us += MINUTE_US
    again = await support.post(VOUCHERS, json={"amount": 5, "expires_at": soon}, headers=keyed)
    assert (again.status_code, again.json()["voucher"]) == (201, made["voucher"])


async def test_an_edit_can_end_a_voucher_later_and_not_in_the_past(stage: Stage) -> None:
    support, made = await stage.operator(Role.SUPPORT), await voucher(stage, expires_at=in_a_minute(stage))
    one = f"{VOUCHERS}/{made['voucher']}"
    now = time_text(stage.clock.now_us())
    check_problem(await support.put(one, json={"expires_at": now, "amount": 9}), 422, "invalid")
    assert (await support.get(one)).json()["amount"] == 25
    stage.clock.shift_us += MINUTE_US
    same = await support.put(one, json={"expires_at": made["expires_at"], "amount": 9})
    assert (same.json()["amount"], same.json()["state"]) == (9, "expired")
    later = await support.put(one, json={"expires_at": in_a_minute(stage)})
    assert (later.json()["amount"], later.json()["state"]) == (9, "open")


async def test_an_edit_that_changes_nothing_leaves_no_trace(stage: Stage) -> None:
    admin, made = await stage.operator(), await voucher(stage)
    for body in ({}, {"amount": 25}, {"amount": 25, "expires_at": None}):
        answer = await admin.put(f"{VOUCHERS}/{made['voucher']}", json=body)
        assert answer.json() == made
    trail = (await admin.get(f"{ADMIN}/audit?target={made['voucher']}")).json()["items"]
    assert [row["action"] for row in trail] == ["voucher.added"]


# --- redeeming -----------------------------------------------------------------------------------------------------


async def test_a_voucher_pays_once(stage: Stage) -> None:
    made = await voucher(stage)
    VoucherShape.model_validate(made)
    answer = await redeemed(stage, "ada", made["code"].lower().replace("-", " "))
    assert answer.status_code == 200, answer.text
    ChangeAnswer.model_validate_json(answer.content)
    told = answer.json()
    assert (told["kind"], told["credits"], told["voucher"]) == ("redeem", 25, made["voucher"])
    check_problem(await redeemed(stage, "ada", made["code"]), 409, "already_redeemed")
    check_problem(await redeemed(stage, "bob", made["code"]), 409, "voucher_used")
    own = await (await stage.user("ada")).get(OWN)
    RedemptionsPage.model_validate_json(own.content)
    assert [(item["amount"], "address" in item) for item in own.json()["items"]] == [(25, False)]
    admin = await stage.operator(Role.VIEWER)
    seen = (await admin.get(f"{VOUCHERS}/{made['voucher']}")).json()
    assert (seen["state"], seen["redeemed_by"], seen["redemptions"]) == ("used", "ada", 1)
    theirs = (await admin.get(f"{ADMIN}/users/ada/redemptions")).json()["items"]
    assert theirs[0]["address"]


async def test_the_same_key_redeems_once(stage: Stage) -> None:
    made, ada = await voucher(stage), await stage.user("ada")
    headers = {"idempotency-key": "r1"}
    first, again = [await ada.post(REDEEM, json={"code": made["code"]}, headers=headers) for _ in range(2)]
    assert again.content == first.content
    assert again.headers["idempotency-replayed"] == "true"
    other = await ada.post(REDEEM, json={"code": "WELCOME10"}, headers=headers)
    check_problem(other, 422, "idempotency_key_reused")


async def test_a_typing_error_is_told_before_anything_is_looked_up(stage: Stage) -> None:
    made, ada = await voucher(stage), await stage.user("ada")
    last = made["code"][-1]
    wrong = made["code"][:-1] + ALPHABET[(ALPHABET.index(last) + 1) % 32]
    # Mistyping is no guessing: it uses up no attempt.
    for _ in range(3 * PER_USER):
        check_problem(await ada.post(REDEEM, json={"code": wrong}), 422, "wrong_check_symbol")
    assert (await ada.post(REDEEM, json={"code": made["code"]})).status_code == 200


@of_both
async def test_across_the_windows_ends(stage: Stage) -> None:
    made = await campaign(
        stage, word="EARLYBIRD", starts_at="2099-01-01T00:00:00Z", ends_at="2099-01-02T00:00:00Z"
    )
    assert made["state"] == "upcoming"
    check_problem(await redeemed(stage, "ada", "EARLYBIRD"), 409, "voucher_not_yet_valid")
    soon = stage.clock.now_us()
    stage.clock.shift_us += 4_070_908_800_000_000 - soon  # 2099-01-01T00:00:00Z
    assert (await redeemed(stage, "ada", "earlybird")).status_code == 200
    stage.clock.shift_us += 86_400_000_000
    check_problem(await redeemed(stage, "bob", "EARLYBIRD"), 410, "voucher_expired")


async def test_somebody_elses_voucher_is_like_none(stage: Stage) -> None:
    made = await voucher(stage, user_id="bob")
    check_problem(await redeemed(stage, "ada", made["code"]), 404, "not_found")
    assert (await redeemed(stage, "bob", made["code"])).status_code == 200
    listed = await campaign(stage, word="FRIENDS", allowed_users=["bob"])
    assert listed["allowed_users"] == 1
    check_problem(await redeemed(stage, "ada", "FRIENDS"), 404, "not_found")
    assert (await redeemed(stage, "bob", "FRIENDS")).status_code == 200


async def test_a_frozen_account_redeems_nothing(stage: Stage) -> None:
    made = await voucher(stage)
    await stage.credits.put_user("ada", frozen=True)
    check_problem(await redeemed(stage, "ada", made["code"]), 409, "account_frozen")
    assert (await redeemed(stage, "bob", made["code"])).status_code == 200


@pytest.mark.parametrize("code", ["", "x" * 65, 5, None, "\u0000", "💶" * 20, "' OR 1=1 --"])
async def test_what_is_no_code_is_refused(stage: Stage, code: Any) -> None:
    answer = await (await stage.user("ada")).post(REDEEM, json={"code": code})
    assert answer.status_code in {404, 422}, answer.text
    assert answer.json()["code"] in {"not_found", "invalid"}


# --- operators -----------------------------------------------------------------------------------------------------


@of_both
async def test_a_creation_that_comes_again_is_answered_as_before(stage: Stage) -> None:
    support = await stage.operator(Role.SUPPORT)
    body, headers = {"amount": 25, "user_id": "ada"}, {"idempotency-key": "once"}
    first = await support.post(VOUCHERS, json=body, headers=headers)
    url = f"{VOUCHERS}/{first.json()['voucher']}"
    assert (await support.put(url, json={"amount": 30})).status_code == 200
    assert (await support.delete(url)).status_code == 204
    again = await support.post(VOUCHERS, json=body, headers=headers)
    assert (again.status_code, again.content) == (201, first.content)
    assert (await support.get(VOUCHERS)).json()["items"] == []
    check_problem(
        await support.post(VOUCHERS, json={**body, "amount": 26}, headers=headers),
        422,
        "idempotency_key_reused",
    )


async def test_whoever_only_looks_neither_reads_nor_finds_a_code_that_can_pay(stage: Stage) -> None:
    viewer, support, admin = [await stage.operator(role) for role in (Role.VIEWER, Role.SUPPORT, Role.ADMIN)]
    made, used = await voucher(stage), await voucher(stage)
    await redeemed(stage, "ada", used["code"])
    word = await campaign(stage, word="FRIENDS", starts_at="2020-01-01T00:00:00Z")
    await redeemed(stage, "ada", "FRIENDS")
    await campaign(stage, word="OVER-NOW", ends_at=in_a_minute(stage))
    stage.clock.shift_us += MINUTE_US
    codes = [(await codes_of(stage, word))[0], made]
    texts = []
    for path in (
        "vouchers", "campaigns", f"campaigns/{word['id']}", "users/ada/redemptions", "audit", "credits/orders",
        *(f"vouchers/{one['voucher']}" for one in codes),
    ):  # fmt: skip
        texts.append((await viewer.get(f"{ADMIN}/{path}")).text)
        assert texts[-1].count('"code":"unauthenticated"') == 0
    for code in (made["code"], "FRIENDS"):
        assert not [text for text in texts if code in text or code.replace("-", "") in text]
    shown = {one["voucher"]: one["code"] for one in (await viewer.get(VOUCHERS)).json()["items"]}
    assert shown == {made["voucher"]: made["code"][:2] + "••-••••-••••-••••-•", used["voucher"]: used["code"]}
    words = {one["name"]: one["word"] for one in (await viewer.get(CAMPAIGNS)).json()["items"]}
    assert set(words.values()) == {"FR•••••"} or "FR•••••" in words.values()
    for part in (made["code"], made["code"][:4], made["code"][3]):
        found = (await viewer.get(f"{VOUCHERS}?q={part}")).json()["items"]
        assert made["voucher"] not in [one["voucher"] for one in found]
    for who in (viewer, support):
        found = (await who.get(f"{VOUCHERS}?q={used['code']}")).json()["items"]
        assert [one["code"] for one in found] == [used["code"]]
    for who in (support, admin):
        found = (await who.get(f"{VOUCHERS}?q={made['code']}")).json()["items"]
        assert [one["code"] for one in found] == [made["code"]]


@of_both
async def test_a_voucher_that_waits_for_a_user_is_in_that_users_list(stage: Stage) -> None:
    umi, bob = await stage.user("umi"), await stage.user("bob")
    await redeemed(stage, "umi", (await voucher(stage, amount=3))["code"])
    made = [await voucher(stage, user_id="umi", amount=amount) for amount in (7, 8)]
    gone = await voucher(stage, user_id="umi", expires_at=in_a_minute(stage))
    stage.clock.shift_us += MINUTE_US
    await (await stage.operator()).post(f"{VOUCHERS}/{gone['voucher']}/revoke", json={})
    listed = await umi.get(OWN)
    RedemptionsPage.model_validate_json(listed.content)
    assert [(one["amount"], one["state"]) for one in listed.json()["items"]] == [
        (8, "open"), (7, "open"), (3, "redeemed"),
    ]  # fmt: skip
    first = listed.json()["items"][0]
    assert (first["code"], first["entry"], first["redeemed_at"]) == (made[1]["code"], None, None)
    assert not {"campaign", "address"} & first.keys()
    page, seen = (await umi.get(f"{OWN}?limit=1")).json(), []
    while page["next"]:
        seen += page["items"]
        page = (await umi.get(f"{OWN}?limit=1&after={page['next']}")).json()
    assert [*seen, *page["items"]] == listed.json()["items"]
    assert (await bob.get(OWN)).status_code == 404 or (await bob.get(OWN)).json()["items"] == []
    await redeemed(stage, "umi", first["code"])
    after = (await umi.get(OWN)).json()["items"]
    assert [(one["amount"], one["state"]) for one in after] == [(7, "open"), (8, "redeemed"), (3, "redeemed")]
    rows = list(csv.DictReader(io.StringIO((await umi.get(f"{OWN}?format=csv")).text)))
    assert [row["state"] for row in rows] == ["open", "redeemed", "redeemed"]


@of_both
async def test_a_voucher_is_edited_and_removed_while_unused(stage: Stage) -> None:
    support = await stage.operator(Role.SUPPORT)
    made = await voucher(stage, code="THANKYOU")
    url = f"{VOUCHERS}/{made['voucher']}"
    put = await support.put(url, json={"amount": 30, "expires_at": "2099-12-31T00:00:00Z"})
    assert (put.json()["amount"], put.json()["expires_at"]) == (30, "2099-12-31T00:00:00.000000Z")
    assert (await support.put(url, json={"expires_at": None})).json()["amount"] == 30
    check_problem(await support.post(VOUCHERS, json={"amount": 1, "code": "THANKYOU"}), 409, "code_taken")
    assert (await redeemed(stage, "ada", "thankyou")).json()["amount"] == 30
    check_problem(await support.put(url, json={"amount": 5}), 409, "voucher_used")
    check_problem(await support.delete(url), 409, "voucher_used")
    other = await voucher(stage)
    assert (await support.delete(f"{VOUCHERS}/{other['voucher']}")).status_code == 204
    check_problem(await redeemed(stage, "ada", other["code"]), 404, "not_found")
    listed = (await support.get(f"{VOUCHERS}?q=THANK")).json()["items"]
    assert [item["voucher"] for item in listed] == [made["voucher"]]
    actions = [line["action"] for line in (await support.get(f"{ADMIN}/audit")).json()["items"]]
    assert {"voucher.added", "voucher.changed", "voucher.deleted"} <= set(actions), actions


async def test_an_operators_limit_holds_for_what_a_code_pays(stage: Stage) -> None:
    limited = await stage.operator(Role.ADMIN, limit=100)
    for url, body in (
        (VOUCHERS, {"amount": 101}),
        (CAMPAIGNS, {"name": "Rich", "credits": 101, "codes": 1}),
    ):
        check_problem(await limited.post(url, json=body), 403, "over_operator_limit")
    made = (await limited.post(VOUCHERS, json={"amount": 100})).json()
    more = await limited.put(f"{VOUCHERS}/{made['voucher']}", json={"amount": 101})
    check_problem(more, 403, "over_operator_limit")


@of_both
async def test_a_campaign_makes_codes_and_shows_how_far_it_has_come(stage: Stage) -> None:
    made = await campaign(stage, codes=50, prefix="FAIR", label="Summer fair")
    codes = await codes_of(stage, made)
    assert len({code["code"] for code in codes}) == 50
    assert all(code["code"].startswith("FAIR-") for code in codes)
    for user_id, code in zip(("ada", "bob"), codes, strict=False):
        assert (await redeemed(stage, user_id, code["code"])).status_code == 200
    # One code for each user, unless the campaign says otherwise.
    check_problem(await redeemed(stage, "ada", codes[2]["code"]), 409, "already_redeemed")
    admin = await stage.operator()
    one = await admin.post(f"{CAMPAIGNS}/{made['id']}/codes/{codes[3]['voucher']}/revoke", json={})
    assert one.json()["state"] == "revoked"
    check_problem(await redeemed(stage, "cyd", codes[3]["code"]), 410, "voucher_revoked")
    elsewhere = await admin.post(f"{CAMPAIGNS}/cmp_other/codes/{codes[4]['voucher']}/revoke", json={})
    check_problem(elsewhere, 404, "not_found")
    seen = (await admin.get(f"{CAMPAIGNS}/{made['id']}")).json()
    assert seen["funnel"] == {
        "codes": 50, "redeemed_codes": 2, "redemptions": 2, "credits_granted": 50, "revoked": 1, "open": 47,
    }  # fmt: skip
    assert {code["state"] for code in await codes_of(stage, made, "&state=used")} == {"used"}
    rest = await admin.post(f"{CAMPAIGNS}/{made['id']}/revoke", json={})
    assert rest.json()["funnel"]["revoked"] == 48
    check_problem(await redeemed(stage, "cyd", codes[5]["code"]), 410, "voucher_revoked")
    page = await admin.get(CAMPAIGNS)
    CampaignsPage.model_validate_json(page.content)
    history = (await (await stage.user("ada")).get("/api/v1/credits/history")).json()["items"]
    assert history[0]["label"] == "Summer fair"


async def test_codes_leave_as_a_file_that_runs_nothing_and_leave_a_line(stage: Stage) -> None:
    await stage.credits.grant("=cmd()", 1)
    made = await campaign(stage, codes=450)
    codes = await codes_of(stage, made)
    assert (await redeemed(stage, "=cmd()", codes[0]["code"])).status_code == 200
    admin = await stage.operator()
    file = await admin.get(f"{CAMPAIGNS}/{made['id']}/codes.csv")
    assert file.headers["content-type"].startswith("text/csv")
    assert "attachment" in file.headers["content-disposition"]
    rows = list(csv.DictReader(io.StringIO(file.text)))
    assert len({row["code"] for row in rows}) == 450
    assert (rows[0]["redeemed_by"], rows[0]["amount"]) == ("'=cmd()", "25")
    lines = (await admin.get(f"{ADMIN}/audit?action=codes.exported")).json()["items"]
    assert [line["target"] for line in lines] == [made["id"]]
    support = await stage.operator(Role.SUPPORT)
    check_problem(await support.get(f"{CAMPAIGNS}/{made['id']}/codes.csv"), 403, "forbidden")
    await admin.get(f"{ADMIN}/users/=cmd()/history?format=csv")
    await admin.get(f"{ADMIN}/audit?format=ndjson")
    actions = [line["action"] for line in (await admin.get(f"{ADMIN}/audit")).json()["items"]]
    assert actions[:2] == ["audit.exported", "history.exported"]


@pytest.mark.parametrize(
    ("field", "body"),
    [("codes", {}), ("codes", {"codes": 5, "word": "BOTH1"}), ("codes", {"codes": 100_001}), ("word", {"word": "ab!"}),
     ("prefix", {"codes": 1, "prefix": "no good"}), ("max_per_user", {"codes": 1, "max_per_user": 0}),
     ("ends_at", {"codes": 1, "starts_at": "2099-01-02T00:00:00Z", "ends_at": "2099-01-01T00:00:00Z"}),
     ("credits", {"codes": 1, "credits": 0}), ("welcome", {"codes": 2, "welcome": True})],
)  # fmt: skip
async def test_a_campaign_with_a_wrong_field_is_refused(
    stage: Stage, field: str, body: dict[str, Any]
) -> None:
    admin = await stage.operator()
    answer = await admin.post(CAMPAIGNS, json={"name": "Wrong", "credits": 5, **body})
    problem = check_problem(answer, 422, "invalid")
    assert problem["errors"][0]["field"] == field


@of_both
async def test_a_new_user_is_welcomed_once(stage: Stage) -> None:
    await campaign(stage, word="HELLO10", welcome=True, label="Welcome!")
    backend = await stage.backend(Scope.TOKENS)
    for _ in range(2):
        token = (await backend.post("/api/v1/tokens", json={"user_id": "new"})).json()["token"]
    own = (await stage.client(token).get(OWN)).json()["items"]
    assert [(item["welcome"], item["label"], item["amount"]) for item in own] == [(True, "Welcome!", 25)]
    assert (await stage.credits.balance("new")).credits == 25


# --- S5: guessing --------------------------------------------------------------------------------------------------


def wrong_codes(seed: int) -> Any:
    """Codes with a right check symbol that nobody has made: the best that a guesser can send."""
    numbers = random.Random(seed)
    while True:
        yield spelled(numbers.randbytes(CODE_BYTES))


async def test_s5_guesses_find_nothing_and_lock_nobody_else_out(tmp_path: Path) -> None:
    async with staged(tmp_path, trusted_proxies="127.0.0.1/32") as stage:
        made = await campaign(stage, codes=200)
        admin = await stage.operator()
        real = [code["code"] for code in await codes_of(stage, made)]
        # A few accounts behind many addresses, and many accounts behind few.
        gangs = [
            ([f"few{n}" for n in range(GUESSES // 200)], [f"198.51.100.{n}" for n in range(GUESSES // 50)]),
            ([f"many{n}" for n in range(GUESSES // 20)], [f"192.0.2.{n}" for n in range(GUESSES // 400)]),
        ]
        tokens = {user: (await stage.services.tokens.mint(user))[0] for users, _ in gangs for user in users}
        client, guesses, numbers = stage.client(), wrong_codes(5), random.Random(7)
        tried: list[tuple[str, str, int]] = []

        async def guess() -> None:
            users, addresses = numbers.choice(gangs)
            user, address = numbers.choice(users), numbers.choice(addresses)
            headers = {"authorization": f"Bearer {tokens[user]}", "x-forwarded-for": address}
            answer = await client.post(REDEEM, json={"code": next(guesses)}, headers=headers)
            tried.append((user, address, answer.status_code))

        for _ in range(GUESSES // 100):
            await asyncio.gather(*[guess() for _ in range(100)])
        assert len(tried) == GUESSES
        looked_up = [(user, address) for user, address, status in tried if status == 404]
        assert {status for _, _, status in tried} == {404, 429}
        per_user = Counter(user for user, _ in looked_up)
        per_address = Counter(address for _, address in looked_up)
        assert max(per_user.values()) == PER_USER
        assert max(per_address.values()) == PER_ADDRESS
        # Whoever was turned away had used up the own limit, or that of the address.
        for user, address, status in tried:
            if status == 429:
                assert per_user[user] == PER_USER or per_address[address] == PER_ADDRESS
        # Everybody else redeems as ever: from an address of their own, at the very same moment.
        for number, code in enumerate(real[:20]):
            token, _ = await stage.services.tokens.mint(f"honest{number}")
            headers = {"authorization": f"Bearer {token}", "x-forwarded-for": f"203.0.113.{number}"}
            answer = await client.post(REDEEM, json={"code": code}, headers=headers)
            assert answer.status_code == 200, answer.text
        figures = await (await stage.backend(Scope.READ)).get("/metrics")
        assert f"livecredits_wrong_voucher_codes {float(len(looked_up))}" in figures.text
        assert (await admin.get(f"{CAMPAIGNS}/{made['id']}")).json()["funnel"]["redemptions"] == 20
        print(
            f"S5: {GUESSES:,} guesses, {len(looked_up)} looked up, {len(per_user)} users, {len(per_address)} addresses"
        )


async def test_all_addresses_of_one_network_count_as_one(tmp_path: Path) -> None:
    async with staged(tmp_path, trusted_proxies="127.0.0.1/32") as stage:
        guesses, statuses = wrong_codes(3), []
        for number in range(PER_ADDRESS + 5):
            token, _ = await stage.services.tokens.mint(f"g{number // 5}")
            # One customer of a provider owns a whole /64 and can take another address for each guess.
            client = stage.client(token, **{"x-forwarded-for": f"2001:db8:1:2::{number:x}"})
            statuses.append((await client.post(REDEEM, json={"code": next(guesses)})).status_code)
        assert statuses == [404] * PER_ADDRESS + [429] * 5


async def test_a_guesser_may_try_again_when_the_window_has_passed(stage: Stage) -> None:
    guesses = wrong_codes(1)
    ada = await stage.user("ada")
    for _ in range(PER_USER):
        check_problem(await ada.post(REDEEM, json={"code": next(guesses)}), 404, "not_found")
    refused = await ada.post(REDEEM, json={"code": next(guesses)})
    check_problem(refused, 429, "rate_limited")
    assert 0 < int(refused.headers["retry-after"]) <= 600
    stage.clock.shift_us += 601_000_000
    made = await voucher(stage)
    assert (await redeemed(stage, "ada", made["code"])).status_code == 200
