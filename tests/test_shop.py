"""The shop's facade on real SQLite: packages, orders, campaigns, vouchers, welcome, low balances, erasure (M5)."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import AsyncIterator
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.postgres import of_a_file
from tests.storage.hands import IS_DEEP, SECOND_US, START_US, HandClock, fresh_database, rows

from livecredits import AccountState, Answer, BatchRow, Conflict, Credits, Invalid, KeyReused, NotFound
from livecredits.core import vouchers
from livecredits.core.changes import Actor
from livecredits.credits import guesses
from livecredits.credits.desk import Desk
from livecredits.errors import (
    AlreadyFulfilled,
    AlreadyRedeemed,
    CodeTaken,
    OrderClosed,
    PackageOrdered,
    RateLimited,
    VoucherExpired,
    VoucherNotYetValid,
    VoucherRevoked,
    VoucherUsed,
    WrongCheckSymbol,
)
from livecredits.storage import shop_rows
from livecredits.storage.schema import metadata
from livecredits.storage.shop_views import Billing, Campaign, Order

OPERATOR = Actor("operator", "opr_1", request_id="req_1", address="192.0.2.1")
DAY_S = 86_400


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def credits(database_url: str, clock: HandClock) -> AsyncIterator[Credits]:
    async with Credits(database_url, clock=clock) as opened:
        yield opened
        report = await opened.verify()
        assert report.is_clean, [str(damage) for damage in report.damages]


def moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(START_US / SECOND_US, UTC) + timedelta(seconds=seconds)


async def outcomes(*asked: Any) -> list[Any]:
    return list(await asyncio.gather(*asked, return_exceptions=True))


SMALL: dict[str, Any] = {"name": "Small", "credits": 50, "price_minor": 999, "currency": "EUR"}


async def package(credits: Credits, **fields: Any) -> str:
    return (await credits.put_package(**(SMALL | fields))).id


async def order(credits: Credits, user_id: str = "ada", **fields: Any) -> Order:
    return await credits.order(user_id, await package(credits), **fields)


async def code_of(credits: Credits, campaign: Campaign) -> str:
    return (await credits.campaign_codes(campaign.id)).items[0].code


def _stored(database_url: str) -> bytes:
    """The database's file and its log."""
    path = Path(database_url.removeprefix("sqlite:///"))
    return path.read_bytes() + Path(f"{path}-wal").read_bytes()


def audited(database_url: str) -> list[object]:
    return [row[0] for row in rows(database_url, "SELECT action FROM audit ORDER BY id")]


class TestPackages:
    async def test_an_edit_is_told_with_what_it_changed_and_no_edit_is_not(
        self, credits: Credits, database_url: str
    ) -> None:
        small = await package(credits)
        await credits.put_package(small, **(SMALL | {"description": "for a start"}))
        await credits.put_package(small, **(SMALL | {"description": "for a start"}))
        told = rows(database_url, "SELECT before, after FROM audit WHERE action = 'package.changed'")
        assert told == [('{"description":null}', '{"description":"for a start"}')]

    async def test_they_are_shown_in_their_order_and_changed(self, credits: Credits) -> None:
        large = await package(credits, name="Large", position=2, validity_s=DAY_S, description="for teams")
        small = await package(credits, position=1)
        assert [one.name for one in await credits.packages()] == ["Small", "Large"]
        await credits.put_package(
            small, name="Small", credits=60, price_minor=0, currency="JPY", active=False
        )
        assert [one.id for one in await credits.packages(active_only=True)] == [large]
        with pytest.raises(NotFound):
            await credits.order("ada", small)

    async def test_an_order_keeps_the_package_as_it_was(self, credits: Credits) -> None:
        id = await package(credits)
        placed = await credits.order("ada", id)
        await credits.put_package(id, name="Dear", credits=1, price_minor=5_000, currency="EUR")
        await credits.fulfil(placed.id)
        assert (await credits.balance("ada")).credits == 50
        assert (await credits.order_of(placed.id)).package["price_minor"] == 999

    async def test_one_that_was_ordered_is_not_deleted(self, credits: Credits) -> None:
        id, unused = await package(credits), await package(credits)
        await credits.order("ada", id)
        with pytest.raises(PackageOrdered):
            await credits.delete_package(id)
        await credits.delete_package(unused)
        assert [one.id for one in await credits.packages()] == [id]

    @pytest.mark.parametrize(
        ("field", "value"),
        [("name", " "), ("credits", 0), ("credits", 1.5), ("price_minor", -1), ("currency", "eur"), ("unit", "no"),
         ("validity_s", 0), ("active", 1), ("position", None)],
    )  # fmt: skip
    async def test_what_no_package_can_be_is_refused(self, credits: Credits, field: str, value: Any) -> None:
        with pytest.raises(Invalid) as refused:
            await credits.put_package(**(SMALL | {field: value}))
        assert refused.value.extra["errors"][0]["field"] == field


class TestOrders:
    async def test_an_order_is_placed_once_for_its_key(self, credits: Credits) -> None:
        id = await package(credits)
        asked: dict[str, Any] = {
            "billing": Billing(organisation="ACME"),
            "purchase_reference": "PO 1",
            "metadata": {"a": 1},
        }
        first = await credits.order("ada", id, key="k", as_user=True, **asked)
        again = await credits.order("ada", id, key="k", as_user=True, **asked)
        assert first == again
        assert first.as_json()["billing"] == {"organisation": "ACME"}
        with pytest.raises(KeyReused):
            await credits.order("ada", id, key="k", as_user=True)
        with pytest.raises(KeyReused):
            await credits.grant("ada", 5, key="k", as_user=True)

    async def test_the_list_is_filtered_searched_and_paged(self, credits: Credits) -> None:
        id = await package(credits)
        placed = [
            await credits.order(user, id, purchase_reference=f"PO-{user}") for user in ("ada", "bob", "ada")
        ]
        await credits.fulfil(placed[1].id)
        assert [one.user_id for one in (await credits.orders("ada")).items] == ["ada", "ada"]
        assert [one.id for one in (await credits.orders(state="fulfilled")).items] == [placed[1].id]
        assert (await credits.orders(search="po-BOB")).total == 1
        billing = Billing(organisation='Müller & Söhne O"Brien')
        billed = await credits.order("cleo", id, billing=billing, purchase_reference="PO-Ä/7")
        for search in ("MÜLLER", "söhne", 'O"Brien', "po-ä"):
            assert [one.id for one in (await credits.orders(search=search)).items] == [billed.id], search
        for search in ("organisation", "validity_s", "null", "{", '":'):
            assert (await credits.orders(search=search)).total == 0, search
        placed.append(billed)
        page = await credits.orders(limit=2)
        rest = await credits.orders(after=page.next, limit=2)
        assert [one.id for one in (*page.items, *rest.items)] == [one.id for one in reversed(placed)]
        assert (rest.next, (await credits.orders(before=rest.previous)).items) == (None, page.items)

    async def test_parallel_fulfilments_grant_once(
        self, credits: Credits, clock: HandClock, database_url: str
    ) -> None:
        placed = await order(credits)
        asked = [credits.fulfil(placed.id, key=f"k{n % 45}", actor=OPERATOR) for n in range(50)]
        answers = await outcomes(*asked)
        first = [one for one in answers if isinstance(one, Answer) and not one.replayed]
        assert len(first) == 1
        refused = [one for one in answers if isinstance(one, AlreadyFulfilled)]
        assert {one.extra["entry"] for one in refused} == {first[0].entry}
        assert len(refused) + sum(isinstance(one, Answer) for one in answers) == 50
        clock.advance(DAY_S)
        replays = await outcomes(*(credits.fulfil(placed.id, key=f"k{n}", actor=OPERATOR) for n in range(50)))
        assert [one for one in replays if isinstance(one, Answer)] == first
        assert rows(database_url, "SELECT count(*) FROM entries WHERE kind = 'fulfil'") == [(1,)]
        assert (await credits.balance("ada")).credits == 50
        assert audited(database_url).count("order.fulfilled") == 1

    async def test_two_steps_at_once_leave_one(self, credits: Credits) -> None:
        for _ in range(20):
            placed = await order(credits)
            done = await outcomes(credits.fulfil(placed.id), credits.cancel_order(placed.id, reason="no"))
            assert sum(isinstance(one, Conflict) for one in done) == 1
            state = (await credits.order_of(placed.id)).state
            assert state == ("cancelled" if isinstance(done[0], Conflict) else "fulfilled")

    async def test_a_refund_in_the_same_batch_as_the_fulfilment(self, credits: Credits) -> None:
        placed = await order(credits)
        done = await outcomes(credits.fulfil(placed.id), credits.refund(placed.id), credits.refund(placed.id))
        assert [one.amount for one in done[:2]] == [50, -50]
        assert isinstance(done[2], OrderClosed)
        assert (await credits.order_of(placed.id)).state == "refunded"

    async def test_a_cancelled_order_stays_cancelled(self, credits: Credits, database_url: str) -> None:
        placed = await order(credits)
        with pytest.raises(NotFound):
            await credits.cancel_order(placed.id, user_id="bob")
        assert (await credits.order_of(placed.id)).state == "pending"
        closed = await credits.cancel_order(placed.id, reason="wrong one", actor=OPERATOR)
        assert (closed.state, closed.cancel_reason, closed.cancelled_by) == (
            "cancelled", "wrong one", "operator:opr_1",
        )  # fmt: skip
        assert await credits.cancel_order(placed.id) == closed
        assert await credits.cancel_order(placed.id, reason="wrong one") == closed
        with pytest.raises(OrderClosed):
            await credits.cancel_order(placed.id, reason="never paid")
        with pytest.raises(OrderClosed):
            await credits.fulfil(placed.id)
        assert audited(database_url).count("order.cancelled") == 1

    async def test_the_key_of_a_cancellation_means_one_request(
        self, credits: Credits, database_url: str
    ) -> None:
        placed = await order(credits)
        closed = await credits.cancel_order(placed.id, reason="wrong one", key="c", actor=OPERATOR)
        assert await credits.cancel_order(placed.id, reason="wrong one", key="c", actor=OPERATOR) == closed
        with pytest.raises(KeyReused):
            await credits.cancel_order(placed.id, reason="never paid", key="c", actor=OPERATOR)
        assert audited(database_url).count("order.cancelled") == 1

    async def test_cancelling_what_is_fulfilled_tells_who_did_it(self, credits: Credits) -> None:
        placed = await order(credits)
        await credits.fulfil(placed.id, actor=OPERATOR)
        with pytest.raises(AlreadyFulfilled) as refused:
            await credits.cancel_order(placed.id)
        assert refused.value.extra["fulfilled_by"] == "operator:opr_1"

    async def test_a_refund_takes_what_is_left(self, credits: Credits) -> None:
        placed = await order(credits)
        await credits.fulfil(placed.id)
        await credits.spend("ada", 20)
        answer = await credits.refund(placed.id, spent="left", key="r")
        assert (answer.amount, answer.order, answer.credits) == (-30, placed.id, 0)
        assert (await credits.refund(placed.id, spent="left", key="r")).replayed
        view = (await credits.order_of(placed.id)).as_json()
        assert (view["state"], view["refund_entry"]) == ("refunded", answer.entry)

    async def test_who_did_what_is_not_for_users(self, credits: Credits) -> None:
        placed = await order(credits)
        await credits.fulfil(placed.id, note="secret", actor=OPERATOR)
        told = (await credits.order_of(placed.id, audience="user")).as_json()
        assert not {"note", "fulfilled_by", "claimed_by", "created_by"} & set(told)

    async def test_everybody_who_watches_is_told(self, credits: Credits) -> None:
        told: list[tuple[list[AccountState], dict[str, AbstractSet[str]]]] = []
        placed = await order(credits)
        credits.on_commit(lambda batch: told.append((list(batch.states), dict(batch.lists))))
        await credits.fulfil(placed.id, actor=OPERATOR)
        ((states, lists),) = told
        assert [(state.credits, state.cause and state.cause.kind) for state in states] == [(50, "fulfil")]
        assert lists["ada"] >= {"orders", "history", "audit"}


class TestCampaigns:
    async def test_codes_are_made_and_counted(
        self, credits: Credits, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(shop_rows, "CODES_AT_ONCE", 7)
        campaign = await credits.create_campaign("spring", credits=3, codes=20, prefix="SPRING", key="c")
        assert campaign.funnel.codes == 20
        again = await credits.create_campaign("spring", credits=3, codes=20, prefix="SPRING", key="c")
        assert again == campaign
        page = await credits.campaign_codes(campaign.id, limit=15)
        rest = await credits.campaign_codes(campaign.id, limit=15, after=page.next)
        codes = [one.code for one in (*page.items, *rest.items)]
        assert len(set(codes)) == 20
        assert all(code.startswith("SPRING-") for code in codes)
        await credits.redeem("ada", codes[0])
        await credits.revoke_code(page.items[1].voucher)
        assert [one.state for one in (await credits.campaign_codes(campaign.id)).items[:3]] == [
            "used", "revoked", "open",
        ]  # fmt: skip
        assert (await credits.campaign_codes(campaign.id, state="used")).items[0].redeemed_by == "ada"
        funnel = (await credits.revoke_rest(campaign.id)).funnel
        assert (funnel.codes, funnel.redeemed_codes, funnel.credits_granted, funnel.revoked) == (20, 1, 3, 19)
        assert (funnel.open, (await credits.campaign(campaign.id)).state) == (0, "revoked")

    async def test_a_withdrawn_word_is_not_called_used_up(self, credits: Credits) -> None:
        campaign = await credits.create_campaign("word", credits=3, word="FRIENDS")
        await credits.redeem("ada", "FRIENDS")
        assert (await credits.revoke_rest(campaign.id)).state == "revoked"

    async def test_a_used_code_is_not_withdrawn(self, credits: Credits) -> None:
        campaign = await credits.create_campaign("one", credits=3, codes=1)
        (voucher,) = (await credits.campaign_codes(campaign.id)).items
        assert (await credits.campaign(campaign.id)).state == "running"
        await credits.redeem("ada", voucher.code)
        with pytest.raises(VoucherUsed):
            await credits.revoke_code(voucher.voucher)
        assert (await credits.voucher(voucher.voucher)).state == "used"
        assert (await credits.campaign(campaign.id)).state == "used_up"

    async def test_before_its_time_a_code_is_upcoming(self, credits: Credits, clock: HandClock) -> None:
        starts_at = clock.later(DAY_S)
        campaign = await credits.create_campaign("soon", credits=3, codes=2, starts_at=starts_at)
        found = (await credits.campaign_codes(campaign.id, state="upcoming")).items
        assert (len(found), (await credits.campaign(campaign.id)).state) == (2, "upcoming")
        assert (await credits.revoke_code(found[0].voucher)).state == "revoked"

    async def test_a_code_is_found_however_it_is_typed(self, credits: Credits) -> None:
        campaign = await credits.create_campaign("spring", credits=3, codes=1, prefix="OLIUV")
        (voucher,) = (await credits.campaign_codes(campaign.id)).items
        read_aloud = voucher.code.lower().replace("0", "o").replace("1", "l").replace("-", " ")
        for typed in (read_aloud, read_aloud[-9:], "oliu"):
            assert [one.code for one in (await credits.vouchers(search=typed, single_only=False)).items] == [
                voucher.code
            ]

    async def test_codes_that_an_ended_process_left_unmade_are_made_when_asked_again(
        self, credits: Credits, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(shop_rows, "CODES_AT_ONCE", 5)
        whole = shop_rows.add_codes
        monkeypatch.setattr(shop_rows, "add_codes", _breaks_off_after(2, whole))
        with pytest.raises(OSError, match="pulled"):
            await credits.create_campaign("spring", credits=3, codes=20, key="c")
        (half,) = (await credits.campaigns()).items
        assert (half.codes, half.funnel.codes) == (20, 10)
        monkeypatch.setattr(shop_rows, "add_codes", whole)
        done = await credits.create_campaign("spring", credits=3, codes=20, key="c")
        assert (done.id, done.funnel.codes) == (half.id, 20)

    async def test_what_was_revoked_while_codes_were_made_gets_no_more(
        self, credits: Credits, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(shop_rows, "CODES_AT_ONCE", 5)
        whole = shop_rows.add_codes
        monkeypatch.setattr(shop_rows, "add_codes", _breaks_off_after(2, whole))
        with pytest.raises(OSError, match="pulled"):
            await credits.create_campaign("spring", credits=3, codes=20, key="c")
        monkeypatch.setattr(shop_rows, "add_codes", whole)
        (half,) = (await credits.campaigns()).items
        await credits.revoke_rest(half.id)
        again = await credits.create_campaign("spring", credits=3, codes=20, key="c")
        assert (again.state, again.codes, again.funnel.codes, again.funnel.open) == ("revoked", 10, 10, 0)

    async def test_codes_in_the_making_leave_the_reading_threads_free(
        self, credits: Credits, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        go_on = threading.Event()
        await credits.grant("ada", 3)
        monkeypatch.setattr(Desk, "_make_codes", lambda *_: go_on.wait(30))
        making = [asyncio.create_task(credits.create_campaign(f"c{n}", credits=1, codes=5)) for n in range(8)]
        try:
            for _ in range(20):
                assert (await asyncio.wait_for(credits.balance("ada"), 10)).credits == 3
        finally:
            go_on.set()
        assert len({one.id for one in await asyncio.gather(*making)}) == 8

    async def test_a_chosen_word_pays_everybody_once(self, credits: Credits) -> None:
        campaign = await credits.create_campaign("hello", credits=5, word="WELCOME10", label="Hello")
        for user in ("ada", "bob"):
            assert (await credits.redeem(user, "welcome-10")).amount == 5
        with pytest.raises(AlreadyRedeemed):
            await credits.redeem("ada", "WELC0ME1O")
        with pytest.raises(CodeTaken):
            await credits.create_campaign("other", credits=5, word="WELCOMEIO")
        assert len((await credits.campaigns()).items) == 1, "a campaign without its word is none"
        (entry,) = (await credits.history("ada", audience="user")).items
        assert (entry.as_json()["label"], entry.as_json()["voucher"]) == (
            "Hello", (await credits.campaign_codes(campaign.id)).items[0].voucher,
        )  # fmt: skip

    async def test_the_window_the_list_and_revoking(self, credits: Credits, clock: HandClock) -> None:
        campaign = await credits.create_campaign(
            "short", credits=5, word="SHORT", starts_at=moment(10), ends_at=moment(20), max_per_user=None,
            allowed_users=["ada", "eve"],
        )  # fmt: skip
        with pytest.raises(NotFound):
            await credits.redeem("bob", "SHORT")
        with pytest.raises(VoucherNotYetValid):
            await credits.redeem("ada", "SHORT")
        assert campaign.state == "upcoming"
        clock.advance(10)
        await credits.redeem("ada", "SHORT")
        await credits.redeem("ada", "SHORT")
        clock.advance(10)
        with pytest.raises(VoucherExpired):
            await credits.redeem("ada", "SHORT")
        over = await credits.campaign(campaign.id)
        assert (over.state, over.funnel.open) == ("ended", 0), "none of its codes can pay any more"
        await credits.revoke_rest(campaign.id)
        with pytest.raises(VoucherRevoked):
            await credits.redeem("eve", "SHORT")

    @pytest.mark.parametrize(
        ("fields", "field"),
        [
            ({"codes": 1, "word": "ABCD"}, "codes"), ({}, "codes"), ({"codes": 100_001}, "codes"),
            ({"word": "ab"}, "word"), ({"codes": 1, "prefix": "a-b"}, "prefix"),
            ({"word": "ABCD", "prefix": "A"}, "prefix"), ({"codes": 2, "welcome": True}, "welcome"),
            ({"codes": 1, "ends_at": moment(0), "starts_at": moment(0)}, "ends_at"),
            ({"codes": 1, "max_per_user": 0}, "max_per_user"), ({"codes": 1, "allowed_users": []}, "allowed_users"),
            ({"codes": 1, "allowed_users": ["a/b"]}, "allowed_users"),
        ],
    )  # fmt: skip
    async def test_what_no_campaign_can_be_is_refused(
        self, credits: Credits, fields: dict[str, Any], field: str
    ) -> None:
        with pytest.raises(Invalid) as refused:
            await credits.create_campaign("x", credits=1, **fields)
        assert refused.value.extra["errors"][0]["field"] == field


def _breaks_off_after(count: int, whole: Any) -> Any:
    calls = []

    def add_codes(*args: Any) -> Any:
        calls.append(1)
        if len(calls) > count:
            raise OSError("the plug was pulled")
        return whole(*args)

    return add_codes


class TestVouchers:
    async def test_one_is_made_changed_redeemed_and_then_stays(
        self, credits: Credits, database_url: str
    ) -> None:
        voucher = await credits.create_voucher(5, user_id="ada", key="v", actor=OPERATOR)
        assert await credits.create_voucher(5, user_id="ada", key="v", actor=OPERATOR) == voucher
        await credits.put_voucher(voucher.voucher, amount=8, expires_at=moment(60), actor=OPERATOR)
        with pytest.raises(NotFound):
            await credits.redeem("bob", voucher.code)
        answer = await credits.redeem("ada", voucher.code, address="192.0.2.9")
        assert (answer.amount, answer.voucher) == (8, voucher.voucher)
        for refused in (
            credits.put_voucher(voucher.voucher, amount=9),
            credits.delete_voucher(voucher.voucher),
        ):
            with pytest.raises(VoucherUsed):
                await refused
        (redemption,) = (await credits.redemptions("ada")).items
        assert (redemption.code, redemption.address) == (voucher.code, "192.0.2.9")
        assert "address" not in (await credits.redemptions("ada", audience="user")).items[0].as_json()
        assert audited(database_url) == ["voucher.added", "voucher.changed"]

    async def test_an_unused_one_is_deleted(self, credits: Credits) -> None:
        voucher = await credits.create_voucher(5, code="GIFT2026")
        with pytest.raises(CodeTaken):
            await credits.create_voucher(5, code="GIFT-2026")
        await credits.delete_voucher(voucher.voucher)
        assert (await credits.vouchers()).total == 0
        await credits.create_voucher(6, code="GIFT2026")

    async def test_a_campaigns_code_is_neither_changed_nor_deleted(self, credits: Credits) -> None:
        campaign = await credits.create_campaign("x", credits=1, codes=1)
        (voucher,) = (await credits.campaign_codes(campaign.id)).items
        with pytest.raises(Conflict):
            await credits.put_voucher(voucher.voucher, amount=9)
        with pytest.raises(Conflict):
            await credits.delete_voucher(voucher.voucher)

    async def test_a_replayed_redemption_is_the_same_answer(self, credits: Credits, clock: HandClock) -> None:
        voucher = await credits.create_voucher(5)
        first = await credits.redeem("ada", voucher.code, key="r", as_user=True)
        clock.advance(DAY_S)
        again = await credits.redeem("ada", voucher.code, key="r", as_user=True)
        assert again == first
        assert again.replayed
        assert (await credits.states(["ada"]))["ada"][0].keys == (("r", 1),)

    async def test_a_typing_error_and_a_word_that_does_not_exist(self, credits: Credits) -> None:
        voucher = await credits.create_voucher(5)
        wrong = voucher.code[:-1] + ("0" if voucher.code[-1] != "0" else "1")
        with pytest.raises(WrongCheckSymbol):
            await credits.redeem("ada", wrong)
        with pytest.raises(NotFound):
            await credits.redeem("ada", "NOSUCH")
        with pytest.raises(NotFound):
            await credits.redemptions("ada")

    async def test_the_sync_face_does_the_same(self, database_url: str, clock: HandClock) -> None:
        def story() -> list[object]:
            ask = Credits(database_url, clock=clock).sync
            voucher = ask.create_voucher(5)
            ask.redeem("ada", voucher.code)
            placed = ask.order("ada", ask.put_package(name="S", credits=7, price_minor=1, currency="EUR").id)
            ask.fulfil(placed.id)
            try:
                ask.redeem("ada", voucher.code)
            except AlreadyRedeemed as refused:
                return [ask.balance("ada").credits, refused.code]
            finally:
                ask.close()
            return []

        assert await asyncio.to_thread(story) == [12, "already_redeemed"]


class TestGuessing:
    async def test_a_user_who_guesses_is_stopped_and_nobody_else(
        self, credits: Credits, clock: HandClock
    ) -> None:
        voucher = await credits.create_voucher(5)
        guesses = await outcomes(*(credits.redeem("eve", f"GUESS{n}") for n in range(100)))
        assert sum(isinstance(one, NotFound) for one in guesses) == 10
        assert sum(isinstance(one, RateLimited) for one in guesses) == 90
        with pytest.raises(RateLimited) as refused:
            await credits.redeem("eve", voucher.code)
        assert refused.value.extra["retry_after_s"] == 600
        await credits.redeem("ada", voucher.code)
        clock.advance(600)
        with pytest.raises(VoucherUsed):
            await credits.redeem("eve", voucher.code)

    async def test_a_code_that_has_lost_a_symbol_is_no_guess(
        self, credits: Credits, database_url: str
    ) -> None:
        code = (await credits.create_voucher(5)).code.replace("-", "")
        for at in range(len(code)):
            with pytest.raises(WrongCheckSymbol):
                await credits.redeem("eve", code[:at] + code[at + 1 :])
        assert (await credits.redeem("eve", code)).credits == 5

    @pytest.mark.parametrize("single", [True, False])
    async def test_a_longer_word_of_former_times_is_still_redeemed(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, single: bool
    ) -> None:
        url, word = f"sqlite:///{fresh_database(tmp_path, 'former.db')}", "SUMMER-SALE-2026-NO"
        with monkeypatch.context() as former:
            former.setattr(vouchers, "WORD_SYMBOLS_MOST", 16)
            async with Credits(url) as credits:
                if single:
                    await credits.create_voucher(5, code=word)
                else:
                    await credits.create_campaign("sale", credits=5, word=word)
        async with Credits(url) as credits:
            assert (await credits.redeem("ada", word.lower())).credits == 5
            with pytest.raises(NotFound):
                await credits.redeem("ada", "SUMMERSALE2026YE")
            with pytest.raises(Invalid):
                await credits.create_voucher(5, code="WINTER-SALE-2026-NO")

    async def test_right_codes_at_the_same_moment_are_no_guesses(
        self, credits: Credits, clock: HandClock
    ) -> None:
        campaign = await credits.create_campaign("talk", credits=5, word="TALK2026", max_per_user=None)
        done = await outcomes(*(credits.redeem("ada", "TALK2026") for _ in range(30)))
        turned_away = [one for one in done if isinstance(one, RateLimited)]
        assert [one.extra["retry_after_s"] for one in turned_away] == [1] * 20
        done = await outcomes(*(credits.redeem("ada", "TALK2026") for _ in range(10)))
        assert all(isinstance(one, Answer) for one in done)
        assert (await credits.campaign(campaign.id)).funnel.redemptions == 20

    async def test_many_who_guess_cost_bounded_memory_and_time(
        self, monkeypatch: pytest.MonkeyPatch, clock: HandClock
    ) -> None:
        monkeypatch.setattr(guesses, "WATCHED_MOST", 100)
        counted = guesses.Guesses(clock)
        walks = 0
        drop = guesses._drop_before

        def watched(times: deque[int], oldest_us: int) -> None:
            nonlocal walks
            walks += 1
            drop(times, oldest_us)

        monkeypatch.setattr(guesses, "_drop_before", watched)
        for number in range(300):
            with pytest.raises(NotFound), counted.attempt(f"u{number}", None):
                raise NotFound("no such code")
        assert len(counted._tried) == 100
        assert walks < 300 * 5, "all were looked through once, and not for every attempt"
        for _ in range(9):
            with pytest.raises(NotFound), counted.attempt("u299", None):
                raise NotFound("no such code")
        with pytest.raises(RateLimited), counted.attempt("u299", None):
            pass

    async def test_an_address_that_guesses_under_many_names_is_stopped_and_no_other(
        self, credits: Credits, caplog: pytest.LogCaptureFixture
    ) -> None:
        count = 10_000 if IS_DEEP else 2_000
        voucher = await credits.create_voucher(5)
        guesses = await outcomes(
            *(credits.redeem(f"u{n}", f"GUESS{n}", address=f"192.0.2.{n % 12}") for n in range(count))
        )
        assert sum(isinstance(one, NotFound) for one in guesses) == 12 * 100
        assert sum(isinstance(one, RateLimited) for one in guesses) == count - 12 * 100
        assert (await credits.redeem("ada", voucher.code, address="198.51.100.1")).amount == 5
        assert caplog.text.count("somebody may be guessing") == 1

    async def test_right_codes_are_not_counted(self, credits: Credits) -> None:
        for _ in range(30):
            await credits.redeem("ada", (await credits.create_voucher(1)).code, address="192.0.2.1")
        assert credits.open().guesses.wrong == 0
        assert not credits.open().guesses._tried


class TestWelcome:
    async def test_one_code_welcomes_everybody(self, credits: Credits) -> None:
        await credits.create_campaign("hello", credits=7, codes=1, welcome=True)
        for user in ("ada", "bob"):
            await credits.grant(user, 1)
            assert (await credits.balance(user)).credits == 8

    @pytest.fixture
    async def hello(self, credits: Credits) -> Campaign:
        return await credits.create_campaign(
            "hello", credits=7, codes=1, welcome=True, label="Hi", max_per_code=None
        )

    @pytest.mark.parametrize("way", ["grant", "order", "put_user", "redeem", "sync"])
    async def test_every_first_appearance_is_welcomed_once(
        self, credits: Credits, hello: Campaign, way: str
    ) -> None:
        voucher = await credits.create_voucher(3)
        id = await package(credits)
        ways: dict[str, Any] = {
            "grant": lambda: credits.grant("new", 3),
            "order": lambda: credits.order("new", id),
            "put_user": lambda: credits.put_user("new", name="N"),
            "redeem": lambda: credits.redeem("new", voucher.code),
            "sync": lambda: asyncio.to_thread(credits.sync.grant, "new", 3),
        }
        await ways[way]()
        await credits.put_user("new", name="again")
        await credits.grant("new", 1)
        kinds = [item.entry.kind for item in (await credits.history("new")).items]
        assert kinds.count("redeem") == (2 if way == "redeem" else 1)
        (welcome,) = [one for one in (await credits.redemptions("new")).items if one.welcome]
        assert (welcome.amount, welcome.label) == (7, "Hi")

    async def test_a_state_is_pushed_for_a_user_who_was_only_named(
        self, credits: Credits, hello: Campaign
    ) -> None:
        told: list[AccountState] = []
        credits.on_update(told.append)
        await credits.put_user("new", name="N")
        assert [(state.user_id, state.credits) for state in told] == [("new", 7)]

    async def test_many_new_users_at_once(self, credits: Credits, hello: Campaign) -> None:
        await asyncio.gather(*(credits.grant(f"u{n}", 1) for n in range(50)), credits.grant("u0", 1))
        assert (await credits.campaign(hello.id)).funnel.redemptions == 50

    async def test_once_withdrawn_it_welcomes_nobody(self, credits: Credits, hello: Campaign) -> None:
        await credits.revoke_rest(hello.id)
        await credits.grant("new", 1)
        assert (await credits.balance("new")).credits == 1


class TestLowBalance:
    async def test_the_units_threshold_and_the_accounts_own(self, credits: Credits) -> None:
        await credits.grant("ada", 11)
        await credits.grant("bob", 5)
        told: list[AccountState] = []
        credits.on_update(told.append)
        unit = await credits.put_unit("credits", low_threshold=10)
        assert unit.low_threshold == 10
        await credits.spend("ada", 1)
        await credits.put_user("ada", low_threshold=5)
        await credits.spend("ada", 5)
        assert [state.low for state in told] == [True, False, True]
        assert [one.user_id for one in (await credits.users(low=True)).items] == ["ada", "bob"]
        await credits.put_user("ada", low_threshold=0)
        assert [one.user_id for one in (await credits.users(low=True)).items] == ["bob"]
        assert [one.user_id for one in (await credits.users(low=False)).items] == ["ada"]
        balance = (await credits.balance("ada")).as_json()
        assert (balance["low"], balance["low_threshold"]) == (False, 0)
        await credits.put_user("ada", low_threshold=None)
        assert (await credits.states(["ada", "nobody"]))["ada"][0].low
        await credits.put_unit("credits", low_threshold=None)
        assert not (await credits.states(["ada"]))["ada"][0].low


class TestErasure:
    async def test_a_persons_data_goes_and_the_entries_stay(
        self, credits: Credits, database_url: str
    ) -> None:
        secret = "Ada Lovelace"
        await credits.put_user(
            "ada", name=secret, email=f"{secret}@example.com", metadata={"x": secret}, actor=OPERATOR
        )
        await credits.put_user("ada", floor=-5, actor=OPERATOR)
        placed = await order(
            credits, billing=Billing(purchaser=secret, address=secret), metadata={"who": secret}
        )
        await credits.fulfil(placed.id, actor=OPERATOR)
        await credits.redeem("ada", (await credits.create_voucher(5)).code, address=secret)
        emptied = await credits.erase("ada", actor=OPERATOR, reason="asked by mail")
        assert emptied == {"users": 1, "orders": 1, "redemptions": 1, "audit": 1}
        dump = "".join(str(row) for row in _everything(database_url))
        assert secret not in dump
        assert (await credits.balance("ada")).credits == 55
        assert (await credits.order_of(placed.id)).state == "fulfilled"
        kept = rows(database_url, "SELECT after FROM audit WHERE action = 'user.changed'")
        assert kept == [('{"floor":-5}',)], "what is not personal stays in the trail"
        with pytest.raises(NotFound):
            await credits.erase("nobody")

    async def test_what_was_written_about_a_person_goes_from_their_orders_and_the_trail(
        self, credits: Credits, database_url: str
    ) -> None:
        paid, closed = await order(credits), await order(credits)
        await credits.fulfil(
            paid.id, fulfilled_by="Countess", note="Lovelace", reason="Byron", actor=OPERATOR
        )
        await credits.cancel_order(closed.id, reason="moved to Ockham", actor=OPERATOR)
        await credits.put_user("ada", floor=-5, reason="for the Countess", actor=OPERATOR)
        await credits.erase("ada")
        for one in (await credits.orders("ada")).items:
            assert (one.claimed_by, one.note, one.cancel_reason) == (None, None, None)
        for table in ("orders", "audit"):
            text = str(rows(database_url, f"SELECT * FROM {table}"))
            assert not any(word in text for word in ("Countess", "Lovelace", "Byron", "Ockham")), table
        assert audited(database_url).count("order.fulfilled") == 1, "who did what and when stays"
        with pytest.raises(Exception, match="append-only"):
            await credits.write(lambda c: c.exec_driver_sql(
                "UPDATE audit SET before = NULL, after = NULL, reason = NULL, details = '{\"erased\":true}' "
                "WHERE action = 'order.fulfilled'"
            ))  # fmt: skip

    @of_a_file
    async def test_nothing_erased_stays_in_the_log_of_a_running_ledger(
        self, credits: Credits, database_url: str
    ) -> None:
        await credits.put_user("ada", name="Augusta Ada Byron")
        await credits.erase("ada")
        assert b"Augusta Ada Byron" not in _stored(database_url)

    async def test_the_trail_can_be_emptied_and_never_rewritten(
        self, credits: Credits, database_url: str
    ) -> None:
        await credits.put_user("ada", name="Ada")
        for statement in (
            "UPDATE audit SET after = '{}'",
            "UPDATE audit SET before = NULL, after = NULL, details = '{\"erased\":true}', actor = 'x'",
            "UPDATE redemptions SET amount = 1",
            "DELETE FROM redemptions",
        ):
            await credits.redeem("bob", (await credits.create_voucher(5)).code, address="192.0.2.1")
            with pytest.raises(Exception, match="append-only"):
                await credits.write(lambda c, statement=statement: c.exec_driver_sql(statement))  # type: ignore[misc]


def _everything(database_url: str) -> list[tuple[object, ...]]:
    return [row for table in metadata.tables for row in rows(database_url, f"SELECT * FROM {table}")]


async def test_a_batch_that_leaves_nothing_leaves_nothing_in_memory_either(credits: Credits) -> None:
    await credits.grant("ada", 10)
    rows = [BatchRow(1, "ada", "adjust", 5), BatchRow(2, "ada", "adjust", -99)]
    for dry_run in (True, False):
        told = await credits.batch(rows, dry_run=dry_run, atomic=not dry_run)
        assert (told.batch, told.refused) == (None, 1)
        spent = await credits.spend("ada", 1)
        assert spent.credits == (await credits.balance("ada")).available
    assert (spent.version, spent.credits) == (3, 8)


async def test_what_is_set_beside_the_ledger_counts_for_the_next_change(credits: Credits) -> None:
    await credits.grant("ada", 10)
    heard: list[AccountState] = []
    credits.on_update(heard.append)
    await credits.put_user("ada", low_threshold=9, floor=-1)
    assert (await credits.spend("ada", 11)).credits == -1
    await credits.put_user("ada", low_threshold=None, floor=0)
    assert (await credits.adjust("ada", 6)).credits == 5
    assert [state.low for state in heard] == [False, True, False, False]
