"""The facade on real SQLite and real PostgreSQL.

Verbs, answers, idempotency (M2), the floor under parallel spends (M3), numbers (M7).
"""

from __future__ import annotations

import asyncio
import inspect
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.storage.hands import SECOND_US, START_US, HandClock, fresh_database, rows

from livecredits import (
    AccountFrozen,
    AccountState,
    Answer,
    Conflict,
    Credits,
    Draining,
    InsufficientCredits,
    Invalid,
    KeyReused,
    NotFound,
    Refused,
    StartRefused,
    SyncCredits,
    VersionMismatch,
)
from livecredits.core.amounts import MAX_AMOUNT
from livecredits.core.changes import Actor, Settle, Spend
from livecredits.credits import batch_verbs, shop_verbs, verbs


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return fresh_database(tmp_path)


@pytest.fixture
async def of_a_file(path: Path) -> AsyncIterator[Credits]:
    async with Credits(f"sqlite:///{path}") as opened:
        yield opened


@pytest.fixture
async def credits(database_url: str, clock: HandClock) -> AsyncIterator[Credits]:
    async with Credits(database_url, clock=clock) as opened:
        yield opened


def moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(START_US / SECOND_US, UTC) + timedelta(seconds=seconds)


async def outcomes(*asked: Any) -> list[Any]:
    return list(await asyncio.gather(*asked, return_exceptions=True))


class TestVerbs:
    async def test_an_answer_tells_the_entry_and_the_account_after_it(self, credits: Credits) -> None:
        answer = await credits.grant("ada", 100, reason="welcome", metadata={"b": 1, "a": [2]})
        assert answer.as_json() == {
            "entry": answer.entry, "user_id": "ada", "unit": "credits", "kind": "grant", "amount": 100,
            "version": 1, "epoch": credits.epoch, "credits": 100,
            "balance": {"settled": 100, "held": 0, "available": 100}, "as_of": "2027-01-15T08:00:00.000000Z",
        }  # fmt: skip
        (entry,) = (await credits.history("ada")).items
        assert (entry.as_json()["metadata"], entry.entry.metadata) == ({"b": 1, "a": [2]}, '{"a":[2],"b":1}')

    async def test_every_verb_leaves_its_kind_in_history(self, credits: Credits) -> None:
        await credits.grant("bob", 1)
        await credits.grant("ada", 100)
        spent = await credits.spend("ada", 5)
        await credits.adjust("ada", -5)
        await credits.set("ada", 80)
        held = await credits.hold("ada", 30)
        await credits.capture(held.hold or "", 10)
        other = await credits.hold("ada", 10)
        await credits.release(other.hold or "")
        await credits.transfer("ada", "bob", 7)
        last = await credits.reverse(spent.entry)
        kinds = [item.entry.kind for item in (await credits.history("ada")).items]
        assert kinds == [
            "reverse", "transfer", "release", "hold", "release", "capture", "hold", "set", "adjust", "spend", "grant",
        ]  # fmt: skip
        assert (last.credits, last.version) == (80 - 10 - 7 + 5, 11)
        assert (await credits.verify()).is_clean

    async def test_refusals_are_typed_and_leave_nothing(self, credits: Credits) -> None:
        await credits.grant("ada", 10)
        with pytest.raises(InsufficientCredits) as refused:
            await credits.spend("ada", 11)
        assert (refused.value.needed, refused.value.available) == (11, 10)
        with pytest.raises(NotFound):
            await credits.spend("nobody", 1)
        with pytest.raises(NotFound):
            await credits.capture("hld_" + "0" * 32)
        with pytest.raises(VersionMismatch):
            await credits.set("ada", 5, if_version=7)
        await credits.put_user("ada", frozen=True)
        with pytest.raises(AccountFrozen):
            await credits.spend("ada", 1)
        assert (await credits.balance("ada")).version == 1

    async def test_the_scale_of_a_unit_stays_once_somebody_has_an_account_in_it(
        self, credits: Credits
    ) -> None:
        assert (await credits.put_unit("minutes", 1)).scale == 1
        assert (await credits.put_unit("minutes", 2)).scale == 2
        await credits.grant("ada", 150, unit="minutes")
        assert (await credits.put_unit("minutes", 2)).scale == 2
        # What is not given stays, so that a threshold can be set without knowing the scale.
        unit = await credits.put_unit("minutes", low_threshold=9)
        assert (unit.scale, unit.low_threshold) == (2, 9)
        with pytest.raises(Conflict):
            await credits.put_unit("minutes", 0)

    async def test_what_expires_is_posted_before_it_can_be_read_or_spent(
        self, credits: Credits, clock: HandClock
    ) -> None:
        await credits.grant("ada", 10, expires_at=moment(60))
        await credits.grant("ada", 5)
        assert (await credits.balance("ada")).next_expiry_amount == 10
        clock.advance(60)
        assert (await credits.states(["ada"]))["ada"][0].credits == 5
        with pytest.raises(InsufficientCredits):
            await credits.spend("ada", 6)

    async def test_states_give_every_unit_and_unknown_users(self, credits: Credits) -> None:
        await credits.put_unit("minutes", 2)
        await credits.grant("ada", 3, unit="minutes")
        found = await credits.states(["ada", "nobody"])
        assert [(s.unit, s.version, s.credits) for s in found["ada"]] == [
            ("credits", 0, 0),
            ("minutes", 1, 3),
        ]
        assert [s.version for s in found["nobody"]] == [0, 0]
        assert (await credits.balance("ada", unit="minutes")).as_json()["scale"] == 2
        with pytest.raises(Invalid, match="unit"):
            await credits.grant("ada", 1, unit="hours")

    async def test_a_users_own_keys_are_told_and_nobody_elses(self, credits: Credits) -> None:
        told: list[AccountState] = []
        credits.on_update(told.append)
        await credits.grant("ada", 50, key="theirs")
        for number in range(20):
            await credits.spend("ada", 1, key=f"mine-{number}", as_user=True)
        assert told[-1].keys == tuple((f"mine-{number}", number + 2) for number in range(4, 20))
        assert (await credits.states(["ada"]))["ada"][0].keys == told[-1].keys


class TestIdempotency:
    async def test_parallel_posts_of_one_key_make_one_entry(
        self, credits: Credits, database_url: str
    ) -> None:
        answers = await outcomes(*(credits.grant("ada", 100, key="welcome") for _ in range(100)))
        assert len(set(answers)) == 1, "all answers are equal"
        assert sum(not answer.replayed for answer in answers) == 1
        assert rows(database_url, "SELECT count(*), sum(amount) FROM entries") == [(1, 100)]

    async def test_a_later_repetition_gets_the_same_answer(self, credits: Credits, clock: HandClock) -> None:
        first = await credits.grant("ada", 100, key="welcome")
        await credits.spend("ada", 30)
        clock.advance(86_400)
        again = await credits.grant("ada", 100, key="welcome")
        assert again == first
        assert again.replayed

    async def test_another_content_is_refused_alone(self, credits: Credits) -> None:
        asked = [
            credits.grant("ada", 100, key="k"),
            credits.grant("ada", 101, key="k"),
            credits.grant("ada", 7),
        ]
        first, other, third = await outcomes(*asked)
        assert isinstance(first, Answer)
        assert isinstance(other, KeyReused)
        assert isinstance(third, Answer)

    async def test_a_refusal_sticks(self, credits: Credits) -> None:
        await credits.grant("ada", 10)
        for _ in range(2):
            with pytest.raises(InsufficientCredits) as refused:
                await credits.spend("ada", 50, key="job")
            assert refused.value.available == 10
            await credits.grant("ada", 1_000, key="more")
        await credits.spend("ada", 50, key="job-2")

    async def test_a_refusal_that_says_nothing_about_money_burns_no_key(self, credits: Credits) -> None:
        with pytest.raises(NotFound):
            await credits.spend("ada", 5, key="job")
        await credits.grant("ada", 10)
        assert (await credits.spend("ada", 5, key="job")).credits == 5

    async def test_keys_of_users_and_of_services_do_not_meet(self, credits: Credits) -> None:
        await credits.grant("ada", 10, key="k")
        await credits.grant("bob", 10)
        mine = await credits.spend("ada", 1, key="k", as_user=True)
        his = await credits.spend("bob", 2, key="k", as_user=True)
        assert (mine.amount, his.amount) == (-1, -2)

    async def test_keys_outlive_the_process(self, credits: Credits, database_url: str) -> None:
        first = await credits.grant("ada", 100, key="welcome")
        await credits.aclose()
        async with Credits(database_url) as later:
            assert await later.grant("ada", 100, key="welcome") == first


class TestFloor:
    async def test_parallel_spends_never_go_below_it(self, credits: Credits) -> None:
        await credits.grant("ada", 100)
        answers = await outcomes(*(credits.spend("ada", 1) for _ in range(200)))
        passed = [one for one in answers if isinstance(one, Answer)]
        assert len(passed) == 100
        assert sorted(one.version for one in passed) == list(range(2, 102))
        assert all(isinstance(one, InsufficientCredits) for one in answers if one not in passed)

    def test_threads_and_the_sync_face_keep_it_too(self, database_url: str) -> None:
        credits = Credits(database_url)
        credits.sync.grant("ada", 100)
        passed: list[Answer] = []
        refused: list[Refused] = []

        def spend() -> None:
            for _ in range(100):
                try:
                    passed.append(credits.sync.spend("ada", 1))
                except InsufficientCredits as error:
                    refused.append(error)

        threads = [threading.Thread(target=spend) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert (len(passed), len(refused)) == (100, 100)
        assert credits.sync.balance("ada").credits == 0
        credits.sync.close()

    async def test_a_floor_below_zero_lends(self, credits: Credits) -> None:
        await credits.put_user("ada", floor=-10)
        assert (await credits.spend("ada", 10)).credits == -10
        with pytest.raises(InsufficientCredits):
            await credits.spend("ada", 1)
        assert not await credits.check("ada", 1)
        assert (await credits.spend("ada", 1, allow_below_floor=True)).credits == -11
        assert (await credits.verify()).is_clean


NO_AMOUNTS: list[Any] = [
    0, -1, MAX_AMOUNT + 1, 2**63, 2**200, 1.0, 1e3, float("nan"), float("inf"), True, False, None, "1", "١",
    b"1", [1],
]  # fmt: skip


class TestNumbers:
    @pytest.mark.parametrize("amount", NO_AMOUNTS, ids=repr)
    @pytest.mark.parametrize("verb", ["grant", "spend", "hold"])
    async def test_what_is_no_amount_is_refused_by_name(
        self, credits: Credits, verb: str, amount: Any
    ) -> None:
        with pytest.raises(Invalid) as refused:
            await getattr(credits, verb)("ada", amount)
        assert refused.value.extra["errors"][0]["field"] == "amount"

    @pytest.mark.parametrize(
        "amount", [0, MAX_AMOUNT + 1, -MAX_AMOUNT - 1, 0.5, True, "5", float("nan")], ids=repr
    )
    async def test_adjust_and_set_take_signed_numbers_only(self, credits: Credits, amount: Any) -> None:
        with pytest.raises(Invalid):
            await credits.adjust("ada", amount)
        if amount != 0:
            with pytest.raises(Invalid):
                await credits.set("ada", amount)

    async def test_the_largest_amount_comes_back_exactly(self, credits: Credits) -> None:
        await credits.grant("ada", MAX_AMOUNT)
        balance = await credits.balance("ada")
        assert json.loads(json.dumps(balance.as_json()))["credits"] == 9_007_199_254_740_991
        with pytest.raises(Invalid, match="range"):
            await credits.grant("ada", 1)
        assert (await credits.spend("ada", MAX_AMOUNT)).credits == 0
        assert (await credits.verify()).is_clean


class TestBadInput:
    @pytest.mark.parametrize(
        "user_id", ["", ".", "..", "a/b", "a\n", "a\x00", "x" * 129, "\ud800", 5, None], ids=repr
    )
    async def test_what_is_no_user_id_is_refused(self, credits: Credits, user_id: Any) -> None:
        with pytest.raises(Invalid) as refused:
            await credits.grant(user_id, 1)
        assert refused.value.extra["errors"][0]["field"] == "user_id"

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("key", ""),
            ("key", "k" * 256),
            ("key", "a\nb"),
            ("reason", "r" * 1_001),
            ("label", "\x00"),
            ("label", "\ud800"),
            ("metadata", {"a": float("nan")}),
            ("metadata", {"a": {1, 2}}),
            ("metadata", [1]),
            ("metadata", {"a": "x" * 20_000}),
            ("expires_at", datetime(2030, 1, 1)),  # noqa: DTZ001
            ("expires_at", "2030-01-01"),
            ("priority", 1.5),
            ("source", "s" * 101),
        ],
        ids=lambda value: repr(value)[:30],
    )
    async def test_a_field_out_of_its_range_is_named(self, credits: Credits, field: str, value: Any) -> None:
        with pytest.raises(Invalid) as refused:
            await credits.grant("ada", 1, **{field: value})
        assert refused.value.extra["errors"][0]["field"] == field

    async def test_one_text_that_is_odd_but_allowed_comes_back(self, credits: Credits) -> None:
        odd = "né\u2028 \U0001f600 'quoted' \"twice\" \\ %s ?"
        answer = await credits.grant("ünï cödé:\U0001f600", 5, label=odd, key='k"\\', metadata={odd: odd})
        assert (
            await credits.grant("ünï cödé:\U0001f600", 5, label=odd, key='k"\\', metadata={odd: odd})
            == answer
        )
        assert not (await credits.history(answer.user_id, metadata={"nothing": "x"})).items
        (entry,) = (await credits.history(answer.user_id, metadata={odd: odd})).items
        assert (entry.entry.label, entry.as_json()["metadata"]) == (odd, {odd: odd})
        assert (await credits.verify()).is_clean

    @pytest.mark.parametrize("url", ["", "credits.db", "sqlite://", "sqlite:///:memory:", "mysql://h/db"])
    def test_an_address_of_another_kind_is_refused_at_once(self, url: str) -> None:
        with pytest.raises(StartRefused, match="sqlite:///FILE"):
            Credits(url or "x")

    async def test_a_settle_cannot_be_asked_for(self, credits: Credits) -> None:
        with pytest.raises(Invalid):
            await credits.apply(Settle(user_id="ada"))


class TestBeingTold:
    async def test_every_commit_is_told_once_with_the_newest_states(self, credits: Credits) -> None:
        told: list[Any] = []
        stop = credits.on_commit(told.append)
        await asyncio.gather(credits.grant("ada", 1), credits.grant("ada", 2), credits.grant("bob", 3))
        newest = {state.user_id: state for batch in told for state in batch.states}
        assert (newest["ada"].version, newest["ada"].credits, newest["bob"].credits) == (2, 3, 3)
        assert newest == {user: states[0] for user, states in (await credits.states(["ada", "bob"])).items()}
        assert {"ada", "bob"} <= {user for batch in told for user in batch.lists}
        stop()
        seen = len(told)
        await credits.grant("ada", 1)
        assert len(told) == seen

    async def test_one_that_raises_stops_nobody(
        self, credits: Credits, caplog: pytest.LogCaptureFixture
    ) -> None:
        told: list[Any] = []

        def broken(_state: AccountState) -> None:
            raise RuntimeError("mine alone")

        credits.on_update(broken)
        credits.on_update(told.append)
        await credits.grant("ada", 1)
        assert len(told) == 1
        assert "mine alone" in caplog.text

    def test_without_a_loop_threads_are_told(self, database_url: str) -> None:
        credits = Credits(database_url)
        told: list[AccountState] = []
        credits.on_update(told.append)
        credits.sync.grant("ada", 5)
        credits.sync.close()
        assert [state.credits for state in told] == [5]

    async def test_a_change_of_the_floor_is_told_and_audited(
        self, credits: Credits, database_url: str
    ) -> None:
        await credits.grant("ada", 5)
        told: list[AccountState] = []
        credits.on_update(told.append)
        olga = Actor("operator", "op_1", address="203.0.113.7", request_id="req_1")
        detail = await credits.put_user("ada", name="Ada", floor=-5, frozen=True, reason="vip", actor=olga)
        assert (told[-1].floor, told[-1].frozen, told[-1].version) == (-5, True, 1)
        assert (detail.row.name, detail.as_json()["floor"]) == ("Ada", -5)
        ((action, actor, before, after, address),) = rows(
            database_url, "SELECT action, actor, before, after, address FROM audit"
        )
        assert (action, actor, address) == ("user.changed", "operator:op_1", "203.0.113.7")
        assert json.loads(str(before)) == {"name": None, "floor": 0, "frozen": False}
        assert json.loads(str(after)) == {"name": "Ada", "floor": -5, "frozen": True}

    async def test_an_edit_that_changes_nothing_leaves_no_trace(
        self, credits: Credits, database_url: str
    ) -> None:
        """A host may tell its users' names at every sign-in."""
        fields: dict[str, Any] = {
            "name": "Ada",
            "email": "ada@example.com",
            "metadata": {"vip": 1},
            "floor": -5,
        }
        for _ in range(3):
            await credits.put_user("ada", **fields)
        assert [row[0] for row in rows(database_url, "SELECT action FROM audit")] == ["user.added"]
        await credits.put_user("ada", **fields | {"metadata": {"vip": True}})
        ((before, after),) = rows(
            database_url, "SELECT before, after FROM audit WHERE action = 'user.changed'"
        )
        assert (json.loads(str(before)), json.loads(str(after))) == (
            {"metadata": {"vip": 1}}, {"metadata": {"vip": True}},
        )  # fmt: skip

    async def test_an_audited_change_leaves_its_row_with_its_entry(
        self, credits: Credits, database_url: str
    ) -> None:
        await credits.grant("ada", 5)
        change = Spend(user_id="ada", amount=2, audit="credits.spend", actor=Actor("operator", "op_1"))
        answer = await credits.apply(change)
        with pytest.raises(InsufficientCredits):
            await credits.apply(Spend(user_id="ada", amount=9, audit="credits.spend"))
        ((target, before, after, details),) = rows(
            database_url, "SELECT target, before, after, details FROM audit"
        )
        assert target == "ada"
        assert (json.loads(str(before))["credits"], json.loads(str(after))["credits"]) == (5, 3)
        assert json.loads(str(details))["entry"] == answer.entry


class TestOpening:
    async def test_it_opens_lazily_and_once(self, tmp_path: Path) -> None:
        credits = Credits(f"sqlite:///{tmp_path}/new.db")
        assert not (tmp_path / "new.db").exists()
        assert credits.epoch == ""
        answers = await asyncio.gather(*(credits.grant("ada", 1) for _ in range(5)))
        assert {answer.epoch for answer in answers} == {credits.epoch}
        assert list(credits.units) == ["credits"]
        await credits.aclose()
        await credits.aclose()
        with pytest.raises(Draining):
            await credits.grant("ada", 1)

    async def test_the_sync_face_refuses_a_running_loop(self, credits: Credits) -> None:
        with pytest.raises(RuntimeError, match="await"):
            credits.sync.grant("ada", 1)

    async def test_a_second_owner_in_the_same_process_is_refused_at_once(
        self, of_a_file: Credits, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("livecredits.storage.lockfile.time.sleep", lambda _: pytest.fail("it waits"))
        await of_a_file.grant("ada", 1)
        (path.parent / "link.db").symlink_to(path)
        for name in (path, path.parent / "link.db"):
            with pytest.raises(StartRefused, match=r"is open in this process already"):
                await Credits(f"sqlite:///{name}").grant("ada", 1)
        await of_a_file.aclose()
        async with Credits(f"sqlite:///{path}") as next_one:
            assert (await next_one.balance("ada")).credits == 1

    async def test_a_second_process_is_refused_and_told_who_holds_it(
        self, of_a_file: Credits, path: Path
    ) -> None:
        await of_a_file.grant("ada", 1)
        told = await asyncio.to_thread(_open_elsewhere, path)
        assert re.search(rf"{path} is open in another process \(process {os.getpid()},", told), told

    async def test_a_lifespan_closes_it(self, database_url: str) -> None:
        credits = Credits(database_url)
        async with credits.lifespan(object()):
            await credits.grant("ada", 1)
        with pytest.raises(Draining):
            await credits.balance("ada")

    async def test_a_missing_folder_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(StartRefused, match="no folder"):
            await Credits(f"sqlite:///{tmp_path}/absent/credits.db").grant("ada", 1)

    async def test_callers_on_two_loops_are_both_answered(self, credits: Credits) -> None:
        await credits.grant("ada", 10)
        answer = await asyncio.to_thread(lambda: asyncio.run(_spend(credits)))
        assert answer.credits == 9


def _open_elsewhere(path: Path) -> str:
    """What another process is told that opens the file."""
    program = (
        "import sys; from livecredits import Credits; from livecredits.storage import lockfile\n"
        "lockfile.LONGEST_WAIT_S = 0.0\n"
        "Credits(f'sqlite:///{sys.argv[1]}').sync.grant('ada', 1)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=False, timeout=60
    )
    return done.stderr


async def _spend(credits: Credits) -> Answer:
    return await credits.spend("ada", 1)


def _verbs_of(face: type) -> set[str]:
    """What is lifted from the modules of verbs."""
    modules = {module.__name__ for module in (verbs, shop_verbs, batch_verbs)}
    return {name for name, value in vars(face).items() if getattr(value, "__module__", "") in modules}


@pytest.mark.parametrize("verb", ["grant", "spend", "hold", "redeem"])
def test_a_word_that_a_verb_does_not_know_is_refused(path: Path, verb: str) -> None:
    """A grant with a mistyped `expires_at` would never expire."""
    opened = Credits(f"sqlite:///{path}").sync
    with pytest.raises(TypeError, match="unexpected arguments: expires_on, kye"):
        getattr(opened, verb)("ada", "code" if verb == "redeem" else 5, expires_on=1, kye="k")
    opened.close()


def test_every_verb_that_is_written_is_lifted_into_both_faces() -> None:
    written = {
        name
        for module in (verbs, shop_verbs, batch_verbs)
        for name, value in vars(module).items()
        if inspect.isfunction(value) and value.__module__ == module.__name__
    }
    written = written - {"ask", "at_desk", "method_of", "set_credits"} | {"set"}
    assert written == _verbs_of(Credits) == _verbs_of(SyncCredits)


def test_both_faces_have_the_same_verbs_with_the_same_words() -> None:
    for verb in _verbs_of(Credits):
        one, other = getattr(Credits, verb), getattr(SyncCredits, verb)
        assert inspect.iscoroutinefunction(one)
        assert not inspect.iscoroutinefunction(other)
        assert inspect.signature(one) == inspect.signature(other)
        assert next(iter(inspect.signature(one).parameters)) == "self"
        assert one.__doc__
        assert one.__doc__ == other.__doc__
