"""What only PostgreSQL brings: several nodes on one database, and the word that each commit leaves for the others."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from tests.storage.hands import START_US, HandClock, rows
from tests.waiting import eventually

from livecredits import (
    Answer,
    BatchRow,
    Credits,
    InsufficientCredits,
    KeyReused,
    Refused,
    Unavailable,
    VoucherUsed,
)
from livecredits.core.changes import Grant
from livecredits.credits.guesses import GuessLimits
from livecredits.credits.opened import Opened
from livecredits.storage import batch, notices, postgres_session
from livecredits.storage.answers import EVERYBODY, CommittedBatch
from livecredits.storage.handover import Subscribers
from livecredits.storage.ids import Ids
from livecredits.storage.postgres import PostgresStore
from livecredits.storage.postgres_pipe import Pipe, Statement
from livecredits.storage.postgres_session import FORGET_PLANS, PLANS_LAST_S
from livecredits.storage.postgres_verify import verify
from livecredits.storage.store import Named, Rows, Undone
from livecredits.storage.warm import Warm

AT_ONCE = 32


@pytest.fixture
def nodes(postgres_url: str) -> Iterator[list[Credits]]:
    """Two nodes, each with writers and readers of its own."""
    with ExitStack() as closing:
        both = []
        for _ in range(2):
            node = Credits(postgres_url, guess_limits=GuessLimits(per_user=10_000))
            closing.callback(node.sync.close)
            both.append(node)
        yield both


def at_once(*asked: Callable[[], Any]) -> list[Any]:
    """What each of these came to, when all were asked at the same moment."""
    start = threading.Barrier(len(asked))

    def one(ask: Callable[[], Any]) -> Any:
        start.wait()
        try:
            return ask()
        except Refused as refused:
            return refused

    with ThreadPoolExecutor(len(asked)) as crowd:
        return list(crowd.map(one, asked))


def told(url: str) -> list[CommittedBatch]:
    return [notices.decode(str(body)) for (body,) in rows(url, "SELECT body FROM notices ORDER BY id")]


class TestNotices:
    def test_a_commit_leaves_one_and_a_refusal_none(self, nodes: list[Credits], postgres_url: str) -> None:
        answer = nodes[0].sync.grant("ada", 5, receipt=True)
        with pytest.raises(InsufficientCredits):
            nodes[0].sync.spend("ada", 6)
        (batch,) = told(postgres_url)
        assert [entry.id for entry in batch.entries] == [answer.entry]
        (state,) = batch.states
        assert (state.user_id, state.version, state.settled, state.receipt) == ("ada", 1, 5, True)
        assert batch.epoch == answer.epoch
        ((node, is_fresh),) = rows(
            postgres_url,
            "SELECT node, abs(extract(epoch FROM now()) * 1000000 - at_us) < 60000000 FROM notices",
        )
        assert (node, is_fresh) == (nodes[0].node_name, True)

    def test_what_moves_no_credits_is_told_as_well(self, nodes: list[Credits], postgres_url: str) -> None:
        nodes[0].sync.grant("ada", 5)
        nodes[0].sync.put_user("ada", floor=-3)
        nodes[0].sync.put_unit("credits", low_threshold=2)
        nodes[0].sync.erase("ada")
        _, floor, unit, erasure = told(postgres_url)
        assert floor.anew == {"ada"}
        assert [state.floor for state in floor.states] == [-3]
        assert unit.anew == {EVERYBODY}
        assert erasure.signed_out == {"ada"}
        assert "orders" in erasure.lists["ada"]

    def test_a_batch_of_rows_is_told(self, nodes: list[Credits], postgres_url: str) -> None:
        open_sync = nodes[0].sync
        open_sync.batch([BatchRow(number, f"user-{number}", "grant", 1) for number in range(1, 4)])
        assert sum(len(batch.entries) for batch in told(postgres_url)) == 3


class TestTwoNodes:
    def test_one_key_means_one_entry(self, nodes: list[Credits], postgres_url: str) -> None:
        for turn in range(5):
            key = f"key-{turn}"
            answers = at_once(
                *(partial(nodes[at % 2].sync.grant, "ada", 100, key=key) for at in range(AT_ONCE))
            )
            assert len({answer.entry for answer in answers}) == 1, answers
            with pytest.raises(KeyReused):
                nodes[turn % 2].sync.grant("ada", 101, key=key)
        assert rows(postgres_url, "SELECT count(*), sum(amount) FROM entries") == [(5, 500)]

    def test_nobody_goes_below_the_floor(self, nodes: list[Credits]) -> None:
        nodes[0].sync.grant("ada", 20)
        answers = at_once(*(partial(nodes[at % 2].sync.spend, "ada", 1) for at in range(2 * AT_ONCE)))
        assert sum(isinstance(answer, Answer) for answer in answers) == 20
        assert all(isinstance(answer, (Answer, InsufficientCredits)) for answer in answers)
        assert nodes[1].sync.balance("ada").credits == 0

    def test_a_voucher_pays_once(self, nodes: list[Credits], postgres_url: str) -> None:
        campaign = nodes[0].sync.create_campaign("race", credits=5, codes=5, max_per_user=None)
        for voucher in nodes[0].sync.campaign_codes(campaign.id).items:
            answers = at_once(
                *(partial(nodes[at % 2].sync.redeem, f"user-{at}", voucher.code) for at in range(AT_ONCE))
            )
            assert sum(isinstance(answer, Answer) for answer in answers) == 1, answers
            assert all(isinstance(answer, (Answer, VoucherUsed)) for answer in answers), answers
        assert rows(postgres_url, "SELECT count(*), sum(amount) FROM entries") == [(5, 25)]

    def test_an_order_is_fulfilled_once_and_an_entry_reversed_once(self, nodes: list[Credits]) -> None:
        package = nodes[0].sync.put_package(name="S", credits=7, price_minor=1, currency="EUR")
        order = nodes[0].sync.order("ada", package.id)
        fulfilled = at_once(*(partial(nodes[at % 2].sync.fulfil, order.id) for at in range(AT_ONCE)))
        (answer,) = [one for one in fulfilled if isinstance(one, Answer)]
        reversals = at_once(*(partial(nodes[at % 2].sync.reverse, answer.entry) for at in range(AT_ONCE)))
        assert sum(isinstance(one, Answer) for one in reversals) == 1
        assert nodes[1].sync.balance("ada").credits == 0
        assert nodes[1].sync.verify().is_clean

    def test_users_who_appear_on_both_at_once_are_made_once_and_welcomed_once(
        self, nodes: list[Credits], postgres_url: str
    ) -> None:
        nodes[0].sync.create_campaign("hello", credits=3, word="HELLO", welcome=True, max_per_user=1)
        users = [f"user-{number}" for number in range(10)]
        asked = [partial(node.sync.grant, user, 1) for user in users for node in nodes]
        answers = at_once(*asked)
        assert all(isinstance(answer, Answer) for answer in answers), answers
        assert rows(postgres_url, "SELECT count(*), sum(settled) FROM accounts") == [(10, 50)]

    def test_transfers_to_and_fro_lose_nothing(self, nodes: list[Credits]) -> None:
        for user in ("ada", "bob"):
            nodes[0].sync.grant(user, 100)
        pairs = [("ada", "bob"), ("bob", "ada")]
        asked = [partial(nodes[at % 2].sync.transfer, *pairs[at // 2 % 2], 1) for at in range(AT_ONCE)]
        for _ in range(3):
            assert all(isinstance(answer, Answer) for answer in at_once(*asked))
        assert [nodes[1].sync.balance(user).credits for user in ("ada", "bob")] == [100, 100]
        assert nodes[1].sync.verify().is_clean

    def test_entries_of_a_user_are_in_the_order_of_their_ids_whoever_made_them(
        self, nodes: list[Credits], postgres_url: str
    ) -> None:
        for _ in range(3):
            at_once(*(partial(nodes[at % 2].sync.grant, "ada", 1) for at in range(AT_ONCE)))
        found = rows(postgres_url, "SELECT id, at_us FROM entries ORDER BY version")
        assert found == sorted(found)


class TestTheEnd:
    def test_what_is_read_at_the_very_end_leaves_no_connection(
        self, postgres_url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        opened = Opened(postgres_url, HandClock(), Subscribers())
        assert opened.others is not None
        end = opened.others.bus.close

        def hear_one_more() -> None:
            opened.read(lambda connection: None)
            end()

        monkeypatch.setattr(opened.others.bus, "close", hear_one_more)
        opened.close()
        mine = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        eventually(lambda: rows(postgres_url, mine) == [(0,)])


class TestCommit:
    def test_what_was_certainly_not_made_is_not_told_as_unknown(
        self, nodes: list[Credits], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        nodes[0].sync.grant("ada", 5)

        def refuse(_store: PostgresStore) -> None:
            raise Undone(ZeroDivisionError())

        monkeypatch.setattr(PostgresStore, "commit", refuse)
        with pytest.raises(ZeroDivisionError):
            nodes[0].sync.grant("ada", 5)


class TestParts:
    def test_a_server_writes_what_is_decided_while_the_rest_is(
        self, postgres_url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Each part is on its way before the first change of the next is decided; together they are one commit."""
        monkeypatch.setattr(batch, "WRITTEN_TOGETHER", 3)
        sent: list[int] = []
        save = PostgresStore.save

        def note(store: PostgresStore, written: Rows) -> None:
            sent.append(len(written.entries))
            save(store, written)

        monkeypatch.setattr(PostgresStore, "save", note)
        changes = [Grant(user_id=f"u{number % 2}", amount=1) for number in range(8)]
        with closing(PostgresStore(postgres_url)) as store:
            ids = Ids()
            ids.at(START_US)
            store.begin()
            deciding = batch.Batch(store, ids, START_US, "ep", None, Warm())
            outcomes = deciding.decide_all(changes)
            assert sent == [4]
            deciding.finish()
            assert sent == [4, 4]
            assert rows(postgres_url, "SELECT count(*) FROM entries") == [(0,)]
            store.commit()
        assert [getattr(outcome, "settled", None) for outcome in outcomes] == [1, 1, 2, 2, 3, 3, 4, 4]
        assert verify(postgres_url).is_clean
        assert rows(postgres_url, "SELECT count(*) FROM entries") == [(8,)]


class TestPlans:
    def test_each_statement_is_planned_once_on_a_direct_line(self, postgres_url: str) -> None:
        """Planning anew cost the server half of a lone change."""
        store = PostgresStore(postgres_url)
        try:
            for turn in range(3):
                store.begin()
                ada = {("ada", "credits")}
                store.lock(Named(accounts=ada, takers=ada, keys={("service", str(turn))}), 0, 9)
                store.commit()
            plans = store._found("SELECT generic_plans, custom_plans FROM pg_prepared_statements")
        finally:
            store.close()
        asked_often = [used for used in plans if sum(used) >= 3]
        assert len(asked_often) >= 4
        assert all(custom == 0 for _, custom in asked_often)

    def test_they_are_made_anew_every_few_seconds(
        self, postgres_url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """One that was made for an empty table was seen to read all of it behind 10,000 rows, for 100 ms a batch."""
        asked: list[str] = []
        put = Pipe.put

        def note(pipe: Pipe, statement: Statement) -> None:
            asked.append(statement.text)
            put(pipe, statement)

        monkeypatch.setattr(Pipe, "put", note)
        with closing(PostgresStore(postgres_url)) as store:
            for forgotten, last_s in ((1, PLANS_LAST_S), (1, PLANS_LAST_S), (2, 0.0), (3, 0.0)):
                monkeypatch.setattr(postgres_session, "PLANS_LAST_S", last_s)
                if not last_s:
                    store._plans_end_s = 0.0
                store.begin()
                store.lock(Named(), 0, 9)
                store.commit()
                assert asked.count(FORGET_PLANS) == forgotten


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_process_whose_clock_is_off_writes_nothing_until_it_is_right(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch, hours: int
) -> None:
    """One that was an hour ahead expired what was good for half an hour, for everybody."""
    right_ns = time.time_ns
    credits = Credits(postgres_url)
    try:
        credits.sync.grant("ada", 5, expires_at=datetime.now(UTC) + timedelta(minutes=30))
        monkeypatch.setattr(time, "time_ns", lambda: right_ns() + hours * 3_600_000_000_000)
        for try_it in (
            partial(credits.sync.grant, "ada", 1),
            partial(credits.sync.batch, [BatchRow(1, "ada", "grant", 1)]),
            partial(credits.sync.create_voucher, 5),
        ):
            with pytest.raises(Unavailable, match=r"clocks .* differ by 3\d{3} s"):
                try_it()
        monkeypatch.undo()
        assert credits.sync.grant("ada", 1).credits == 6
    finally:
        credits.sync.close()
