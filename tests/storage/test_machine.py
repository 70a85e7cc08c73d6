"""M1: whatever is asked, in any order, in any batch: the ledger equals the naive one, entry by entry.

On real SQLite, and on real PostgreSQL, where two writers with ids of their own take turns.

The writer's own `Batch` is driven without its thread, so that a run of many thousand changes takes seconds. The parts
in which accounts are loaded are made tiny, so that "more of it must be loaded" happens all the time.
"""

from __future__ import annotations

import shutil
import tempfile
from copy import copy
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sqlalchemy import Engine, StaticPool, create_engine
from tests.postgres import CLEAN, PostgresServer
from tests.storage.hands import IS_DEEP, SECOND_US, START_US, fresh_database, quick_folder
from tests.storage.model import Bought, Code, Deed, HeldSum, No, Purse

from livecredits.core.changes import (
    LIBRARY,
    Adjust,
    Capture,
    Change,
    Fulfil,
    Grant,
    Hold,
    Redeem,
    Refund,
    Release,
    Reverse,
    Set,
    Settle,
    Spend,
    Transfer,
)
from livecredits.core.lots import Terms
from livecredits.errors import Refused
from livecredits.storage import batch as batches
from livecredits.storage import people, shop_rows, warm
from livecredits.storage.answers import Answer
from livecredits.storage.batch import Batch
from livecredits.storage.ids import Ids
from livecredits.storage.postgres import PostgresStore
from livecredits.storage.postgres_verify import verify as verify_server
from livecredits.storage.sqlite import SqliteStore
from livecredits.storage.store import Store
from livecredits.storage.verify import VerifyReport, verify
from livecredits.storage.warm import Warm

USERS = ("ada", "bob")
EXAMPLES, STEPS = (20_000, 100) if IS_DEEP else (500, 80)

amounts = st.integers(1, 12)
users = st.sampled_from(USERS)
terms = st.builds(Terms, st.integers(0, 2), st.none() | st.integers(1, 40), st.none() | st.just("gift"))
UNDOABLE = {"adjust", "set", "grant", "spend", "capture", "transfer", "redeem", "fulfil"}
lasts = st.integers(0, 7)
"""Which of the last holds or entries is meant."""
asked = st.one_of(
    st.tuples(st.just("grant"), users, amounts, terms),
    st.tuples(st.just("spend"), users, amounts, st.booleans()),
    st.tuples(st.just("adjust"), users, amounts.map(lambda n: n - 6).filter(bool), st.just(False)),
    st.tuples(st.just("set"), users, st.integers(-3, 20), st.none() | st.integers(0, 30)),
    st.tuples(st.just("hold"), users, amounts, st.integers(1, 30)),
    st.tuples(st.just("capture"), lasts, st.none() | amounts),
    st.tuples(st.just("release"), lasts),
    st.tuples(st.just("transfer"), users, users, amounts),
    st.tuples(st.just("reverse"), lasts, st.none() | amounts, st.booleans()),
    st.tuples(st.just("redeem"), users, lasts),
    st.tuples(st.just("fulfil"), lasts),
    st.tuples(st.just("refund"), lasts, st.sampled_from(["refuse", "left", "below_floor"])),
    st.tuples(st.just("settle"), users),
)


@cache
def compiler() -> Engine:
    """It compiles each statement once for all stores; one of each store would compile them after every reopening."""
    return create_engine("sqlite://")


def opened(path: Path) -> SqliteStore:
    store = SqliteStore(path)
    db: Any = store._db
    store._engine = copy(compiler())
    store._engine.pool = StaticPool(lambda: db)
    return store


class LedgerMachine(RuleBasedStateMachine):
    """Both ledgers, side by side."""

    def __init__(self) -> None:
        super().__init__()
        self.open()
        self.now_us = START_US
        self.next_due_us: int | None = None
        self.warm = Warm()
        self.purses = {user: Purse(user) for user in USERS}
        self.deeds: dict[str, Deed] = {}
        self.known: set[str] = set()
        self.codes: dict[str, Code] = {}
        self.orders: dict[str, Bought] = {}
        self.packages: dict[tuple[int, int | None], str] = {}

    store: Store
    ids: Ids

    def open(self) -> None:
        """Begin with an empty ledger."""
        self.folder = Path(tempfile.mkdtemp(dir=quick_folder()))
        self.path = fresh_database(self.folder)
        self.store = opened(self.path)
        self.ids = Ids()

    def open_again(self) -> None:
        """End the process and begin another one."""
        self.store.close()
        self.store = opened(self.path)
        self.ids = Ids(self.store.newest_entry_id())

    def close(self) -> VerifyReport:
        """End the process and check what it has left."""
        self.store.close()
        report = verify(self.path)
        shutil.rmtree(self.folder)
        return report

    # --- what is done ----------------------------------------------------------------------------------------------

    @initialize(floors=st.tuples(st.sampled_from([0, 0, -5, None]), st.sampled_from([0, -3])))
    def make_users(self, floors: tuple[int | None, int]) -> None:
        for user, floor in zip(USERS, floors, strict=True):
            self.configure(user, floor=floor)

    def configure(self, user: str, **terms: Any) -> None:
        edit = people.UserEdit(**terms)
        self.store.begin()
        self.store.run(lambda c: people.put_user(c, user, edit, self.now_us, ["credits"]))
        self.store.commit()
        self.warm.forget()
        self.known.add(user)
        for name, value in terms.items():
            setattr(self.purses[user], name, value)

    @initialize()
    def make_codes(self) -> None:
        terms: dict[str, Any] = {
            "unit": "credits",
            "validity_s": None,
            "starts_at_us": None,
            "ends_at_us": None,
        }
        for number, (most, most_each) in enumerate([(None, None), (None, 1), (2, 2), (1, 1), (1, 1)]):
            fields = {
                **terms, "name": "x", "label": None, "credits": number + 2, "max_per_code": most,
                "max_per_user": most_each, "prefix": None, "word": None, "welcome": False, "codes": 1,
            }  # fmt: skip
            self.write(shop_rows.add_campaign, f"cmp_{number}", fields, None, shop_rows.Deed(), self.now_us)
            made = [(f"vch_{number}", f"CODE{number}", f"digest{number}")]
            self.write(shop_rows.add_codes, f"cmp_{number}", made, self.now_us)
            self.codes[f"digest{number}"] = Code(f"vch_{number}", number + 2, most, most_each)

    def write(self, ask: Any, *values: Any) -> Any:
        self.store.begin()
        result = self.store.run(lambda connection: ask(connection, *values))
        self.store.commit()
        self.warm.forget()
        return result

    @rule(user=users, amount=amounts, validity_s=st.none() | st.integers(1, 20))
    def place_an_order(self, user: str, amount: int, validity_s: int | None) -> None:
        fields = {
            "name": "p", "credits": amount, "unit": "credits", "price_minor": 1, "currency": "EUR",
            "validity_s": validity_s, "active": True, "position": 0, "description": None,
        }  # fmt: skip
        if (amount, validity_s) not in self.packages:
            made = self.write(shop_rows.put_package, None, fields, shop_rows.Deed(), self.now_us).result
            self.packages[amount, validity_s] = made.id
        package_id = self.packages[amount, validity_s]
        order_id = f"ord_{len(self.orders)}"
        empty = {"billing": None, "purchase_reference": None, "metadata": None}
        self.write(shop_rows.add_order, order_id, user, package_id, empty, None, LIBRARY, self.now_us)
        self.orders[order_id] = Bought(user, amount, validity_s)

    @precondition(lambda self: self.orders)
    @rule(last=lasts)
    def cancel_an_order(self, last: int) -> None:
        order_id = self.last(self.orders, last)
        order = self.orders[order_id]
        if order.state in ("pending", "cancelled"):
            self.write(shop_rows.cancel_order, order_id, None, shop_rows.Deed(), self.now_us)
            order.state = "cancelled"
            return
        self.store.begin()
        with pytest.raises(Refused):
            self.store.run(lambda c: shop_rows.cancel_order(c, order_id, None, shop_rows.Deed(), self.now_us))
        self.store.rollback()

    @staticmethod
    def last(things: dict[str, Any], last: int) -> str:
        return list(things)[-1 - last % len(things)]

    @rule(user=users, is_frozen=st.booleans())
    def freeze_or_thaw(self, user: str, is_frozen: bool) -> None:
        self.configure(user, frozen=is_frozen)

    @rule(seconds=st.integers(1, 15))
    def pass_time(self, seconds: int) -> None:
        self.now_us += seconds * SECOND_US

    @precondition(lambda self: self.deeds)
    @rule()
    def reopen(self) -> None:
        self.open_again()
        self.warm.forget()
        self.next_due_us = self.store.next_due_us()

    @rule(wishes=st.lists(asked, min_size=1, max_size=6))
    def change(self, wishes: list[tuple[Any, ...]]) -> None:
        changes = [change for wish in wishes if (change := self.change_of(*wish)) is not None]
        if not changes:
            return
        # What is due is posted on all accounts of a batch before its first change; the naive ledger does it for all.
        touched = self.touched(changes)
        for user in touched:
            self.purses[user].settle(self.now_us)
        self.ids.at(self.now_us)
        self.store.begin()
        batch = Batch(self.store, self.ids, self.now_us, "ep", self.next_due_us, self.warm)
        outcomes = batch.decide_all(changes)
        batch.finish()
        states = batch.states()
        self.store.commit()
        batch.keep_warm()
        self.next_due_us = batch.next_due_us
        for change, outcome in zip(changes, outcomes, strict=True):
            self.compare(change, outcome)
        for state in states:
            purse = self.purses[state.user_id]
            assert (state.version, state.settled, state.held) == (purse.version, purse.settled, purse.held)
            expiring = [
                (at_us, left - held) for _, at_us, left, held in purse.lots() if at_us and left > held
            ]
            soonest = min((at_us for at_us, _ in expiring), default=None)
            assert state.next_expiry_us == soonest
            assert state.next_expiry_amount == sum(free for at_us, free in expiring if at_us == soonest)

    def change_of(self, kind: str, *details: Any) -> Change | None:  # noqa: PLR0911
        holds = [id for purse in self.purses.values() for id in purse.holds]
        match kind, *details:
            case "grant", user, amount, given:
                expires = (
                    None if given.expires_at_us is None else self.now_us + given.expires_at_us * SECOND_US
                )
                return Grant(user_id=user, amount=amount, terms=Terms(given.priority, expires, given.source))
            case "spend", user, amount, anyway:
                return Spend(user_id=user, amount=amount, allow_below_floor=anyway)
            case "adjust", user, amount, anyway:
                return Adjust(user_id=user, amount=amount, allow_below_floor=anyway)
            case "set", user, amount, version:
                return Set(user_id=user, credits=amount, if_version=version)
            case "hold", user, amount, ttl_s:
                return Hold(user_id=user, amount=amount, ttl_s=ttl_s)
            case "capture", last, amount if holds:
                return Capture(hold_id=holds[-1 - last % len(holds)], amount=amount)
            case "release", last if holds:
                return Release(hold_id=holds[-1 - last % len(holds)])
            case "transfer", giver, taker, amount:
                return Transfer(user_id=giver, to_user_id=taker, amount=amount)
            case "reverse", last, amount, anyway if self.deeds:
                entries = list(self.deeds)
                return Reverse(
                    entry_id=entries[-1 - last % len(entries)], amount=amount, allow_below_floor=anyway
                )
            case "redeem", user, last:
                return Redeem(user_id=user, code="", digest=self.last(self.codes, last))
            case "fulfil", last if self.orders:
                return Fulfil(order_id=self.last(self.orders, last))
            case "refund", last, spent if self.orders:
                return Refund(order_id=self.last(self.orders, last), spent=spent)
            case "settle", user:
                return Settle(user_id=user)
        return None

    def touched(self, changes: list[Change]) -> set[str]:
        users = set()
        for change in changes:
            if isinstance(change, (Capture, Release)):
                users |= {user for user, purse in self.purses.items() if change.hold_id in purse.holds}
            elif isinstance(change, Reverse):
                deed = self.deeds[change.entry_id]
                users |= {deed.user} | ({deed.peer.user} if deed.peer else set())
            elif isinstance(change, (Fulfil, Refund)):
                users.add(self.orders[change.order_id].user)
            else:
                users.add(change.user_id)
                if isinstance(change, Transfer):
                    users.add(change.to_user_id)
        return users

    # --- what the naive ledger says --------------------------------------------------------------------------------

    def compare(self, change: Change, outcome: Any) -> None:
        if isinstance(change, Settle):
            return
        try:
            deed, purse = self.naively(change, outcome)
        except No as no:
            code = outcome.code if isinstance(outcome, Refused) else outcome
            assert code == str(no), (change, outcome)  # noqa: PT017 - both ledgers may refuse, or neither
            return
        assert isinstance(outcome, Answer), (change, outcome)
        assert (outcome.kind, outcome.amount, outcome.user_id) == (deed.kind, deed.amount, purse.user)
        assert (outcome.version, outcome.settled, outcome.held) == (purse.version, purse.settled, purse.held)
        self.deeds[outcome.entry] = deed

    def naively(self, change: Change, outcome: Any) -> tuple[Deed, Purse]:  # noqa: PLR0911
        purse = self.purses.get(change.user_id) or self.purse_of(change)
        anyway = change.allow_below_floor
        match change:
            case Grant(amount=amount, terms=given):
                portion = (given.priority, given.expires_at_us, given.source, amount)
                return purse.give("grant", amount, [portion]), purse
            case Spend(amount=amount):
                self.thawed(purse)
                purse.need(amount, anyway=anyway)
                return purse.take("spend", amount), purse
            case Adjust(amount=amount):
                return self.move(purse, "adjust", amount, anyway=anyway), purse
            case Set(credits=credits, if_version=version):
                if version is not None and version != purse.version:
                    raise No("version_mismatch")
                return self.move(purse, "set", credits - purse.available, anyway=anyway), purse
            case Hold(amount=amount, ttl_s=ttl_s):
                return self.hold(purse, amount, ttl_s, outcome), purse
            case Capture(hold_id=hold_id, amount=amount):
                return self.capture(purse, hold_id, amount), purse
            case Release(hold_id=hold_id):
                return self.release(purse, hold_id), purse
            case Transfer(to_user_id=to, amount=amount):
                return self.transfer(purse, self.purses[to], amount), purse
            case Reverse():
                return self.reverse(change), purse
            case Redeem():
                return self.redeem(purse, self.codes[change.digest]), purse
            case Fulfil():
                return self.fulfil(purse, self.orders[change.order_id]), purse
            case Refund():
                return self.refund(purse, self.orders[change.order_id], change.spent), purse
        raise AssertionError(change)

    def purse_of(self, change: Change) -> Purse:
        if isinstance(change, Reverse):
            return self.purses[self.deeds[change.entry_id].user]
        if isinstance(change, (Fulfil, Refund)):
            return self.purses[self.orders[change.order_id].user]
        assert isinstance(change, (Capture, Release))
        return next(purse for purse in self.purses.values() if change.hold_id in purse.holds)

    @staticmethod
    def thawed(purse: Purse) -> None:
        if purse.frozen:
            raise No("account_frozen")

    @staticmethod
    def move(purse: Purse, kind: str, amount: int, *, anyway: bool) -> Deed:
        if amount >= 0:
            return purse.give(kind, amount, [(0, None, None, amount)])
        purse.need(-amount, anyway=anyway)
        return purse.take(kind, -amount)

    def hold(self, purse: Purse, amount: int, ttl_s: int, outcome: Any) -> Deed:
        self.thawed(purse)
        purse.need(amount)
        hold_id = outcome.hold
        free = sorted(
            (one for one in purse.credits if one.held_by is None), key=lambda one: one.portion.place
        )
        for credit in free[:amount]:
            credit.held_by = hold_id
        purse.holds[hold_id] = HeldSum(amount, self.now_us + ttl_s * SECOND_US)
        return purse.post("hold", amount, [])

    def capture(self, purse: Purse, hold_id: str, asked: int | None) -> Deed:
        hold = purse.holds[hold_id]
        if hold.state != "open":
            raise No("hold_closed")
        amount = hold.amount if asked is None else asked
        if amount > hold.amount:
            raise No("invalid")
        hold.state = "captured"
        deed = purse.take("capture", amount, purse.free(hold_id))
        if amount < hold.amount:
            purse.post("release", amount - hold.amount, [])
        purse.expire(self.now_us)
        return deed

    def release(self, purse: Purse, hold_id: str) -> Deed:
        hold = purse.holds[hold_id]
        if hold.state != "open":
            raise No("hold_closed")
        hold.state = "released"
        purse.free(hold_id)
        deed = purse.post("release", -hold.amount, [])
        purse.expire(self.now_us)
        return deed

    def transfer(self, giver: Purse, taker: Purse, amount: int) -> Deed:
        if giver is taker:
            raise No("invalid")
        self.thawed(giver)
        giver.need(amount)
        sent = giver.take("transfer", amount)
        portions = [(p.priority, p.expires_at_us, p.source, -delta) for p, delta in sent.moves]
        lent = amount - sum(part for *_, part in portions)
        received = taker.give("transfer", amount, portions + ([(0, None, None, lent)] if lent else []))
        sent.peer, received.peer = received, sent
        return sent

    def reverse(self, change: Reverse) -> Deed:
        deed = self.deeds[change.entry_id]
        if deed.kind not in UNDOABLE or not deed.amount:
            raise No("not_reversible")
        if deed.undone:
            raise No("already_reversed")
        if deed.kind == "fulfil" and change.amount not in (None, deed.amount):
            raise No("not_reversible")
        amount = abs(deed.amount) if change.amount is None else change.amount
        if amount > abs(deed.amount):
            raise No("invalid")
        both = [deed, deed.peer] if deed.peer else [deed]
        for one in both:
            if one.amount > 0:
                self.purses[one.user].need(amount, anyway=change.allow_below_floor)
        undoing = []
        for one in both:
            purse = self.purses[one.user]
            if one.amount < 0:
                undoing.append(purse.put_back(one, amount))
                purse.expire(self.now_us)
            else:
                undoing.append(purse.take("reverse", amount, one.moves))
            one.undone = True
        for order in self.orders.values():
            if order.deed is deed:
                order.state = "refunded"
        return undoing[0]

    def redeem(self, purse: Purse, code: Code) -> Deed:
        code.require_open(purse.user)
        self.thawed(purse)
        code.paid.append(purse.user)
        return purse.give("redeem", code.amount, [(0, None, code.id, code.amount)])

    def fulfil(self, purse: Purse, order: Bought) -> Deed:
        if order.state != "pending":
            raise No("already_fulfilled" if order.state == "fulfilled" else "order_closed")
        ends = None if order.validity_s is None else self.now_us + order.validity_s * SECOND_US
        order.deed = purse.give("fulfil", order.amount, [(0, ends, "an order", order.amount)])
        order.state = "fulfilled"
        return order.deed

    def refund(self, purse: Purse, order: Bought, spent: str) -> Deed:
        if order.state != "fulfilled":
            raise No("order_not_fulfilled" if order.state == "pending" else "order_closed")
        assert order.deed is not None
        mine = {portion for portion, _ in order.deed.moves}
        left = sum(one.portion in mine and one.held_by is None for one in purse.credits)
        if spent != "below_floor" and left < order.amount and (spent == "refuse" or not left):
            raise No("order_spent")
        amount = order.amount if spent == "below_floor" else left
        purse.need(amount, anyway=spent == "below_floor")
        order.state, order.deed.undone = "refunded", True
        return purse.take("reverse", amount, order.deed.moves)

    # --- what holds after each step ----------------------------------------------------------------------------------

    @invariant()
    def lots_are_equal(self) -> None:
        numbers = {
            side.id: account for account, side in self.store.find_accounts([(u, "credits") for u in USERS])
        }
        lots = self.store.open_lots({number: account.key for number, account in numbers.items()}, None)
        for number, account in numbers.items():
            purse = self.purses[account.user_id]
            assert (account.version, account.settled, account.held) == (
                purse.version,
                purse.settled,
                purse.held,
            )
            stored = [
                (lot.priority, lot.expires_at_us, lot.remaining, lot.earmarked)
                for lot in lots.get(number, [])
            ]
            assert stored == purse.lots()

    @invariant()
    def orders_and_codes_are_equal(self) -> None:
        stored = {order.id: order.state for order in self.store.find_orders(list(self.orders))}
        assert stored == {id: order.state for id, order in self.orders.items()}
        counts = {digest: code.redemptions for digest, code in self.store.find_vouchers(self.codes).items()}
        assert counts == {digest: len(code.paid) for digest, code in self.codes.items()}

    def teardown(self) -> None:
        report = self.close()
        assert report.is_clean, [str(damage) for damage in report.damages]
        kinds = sum(len(purse.kinds) for purse in self.purses.values())
        assert report.entries == kinds


class ServersLedgerMachine(LedgerMachine):
    """The same on PostgreSQL, by two writers in turn, of which neither remembers anything."""

    server: PostgresServer
    url: str

    def open(self) -> None:
        with self.server.connect(self.url.rpartition("/")[2]) as db:
            db.execute(CLEAN)
        self.stores: list[tuple[Store, Ids]] = []
        self.open_again()

    def open_again(self) -> None:
        for store, _ in self.stores:
            store.close()
        self.stores = [(PostgresStore(self.url, "machine"), Ids()) for _ in range(2)]
        self.store, self.ids = self.stores[0]

    @rule()
    def let_the_other_write(self) -> None:
        """The next batches are the other writer's."""
        self.stores.reverse()
        self.store, self.ids = self.stores[0]
        self.next_due_us = self.store.next_due_us()

    def close(self) -> VerifyReport:
        for store, _ in self.stores:
            store.close()
        return verify_server(self.url)


@pytest.fixture(autouse=True)
def _tiny_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "PART", 1)
    monkeypatch.setattr(batches, "GROWTH", 2)
    monkeypatch.setattr(batches, "LARGEST_PART", 4)
    monkeypatch.setattr(batches, "WRITTEN_TOGETHER", 2)
    monkeypatch.setattr(warm, "LOTS_MOST", 5)


@pytest.mark.timeout(2_400 if IS_DEEP else 900)
class TestLedger(LedgerMachine.TestCase):  # type: ignore[misc,valid-type]
    settings = settings(
        max_examples=EXAMPLES,
        stateful_step_count=STEPS,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )


@pytest.mark.timeout(2_400 if IS_DEEP else 900)
class TestServersLedger(ServersLedgerMachine.TestCase):  # type: ignore[misc,valid-type]
    settings = settings(TestLedger.settings, max_examples=EXAMPLES // 25)

    @pytest.fixture(autouse=True)
    def _server(self, postgres: PostgresServer, postgres_url: str) -> None:
        ServersLedgerMachine.server, ServersLedgerMachine.url = postgres, postgres_url
