"""Every verb of the remote client against a real server, and side by side with the facade on the same ledger."""

from __future__ import annotations

import asyncio
import contextlib
import csv
import io
import json
import secrets
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.http.serving import Served, served

from livecredits import BatchRow as LibraryRow
from livecredits.client import AsyncClient, BatchRow, Billing, Client, Order, Patience, Receipts, Voucher
from livecredits.errors import (
    AlreadyFulfilled,
    AlreadyReversed,
    CodeTaken,
    Conflict,
    Forbidden,
    InsufficientCredits,
    Invalid,
    KeyReused,
    NotFound,
    OrderSpent,
    PackageOrdered,
    RateLimited,
    Unauthenticated,
    VersionMismatch,
    VoucherRevoked,
    VoucherUsed,
    WrongCheckSymbol,
)

PACKAGE: Any = {"name": "100 credits", "credits": 100, "price_minor": 900, "currency": "EUR"}
FUTURE = datetime(2099, 12, 31, 23, 59, 59, tzinfo=UTC)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("client"), requests_per_s_service=1_000_000) as made:
        yield made


@pytest.fixture(scope="module")
def key(server: Served) -> str:
    return server.run(server.stage.key())


@pytest.fixture
def client(server: Served, key: str) -> Iterator[Client]:
    with Client(server.url, key, timeout_s=30) as made:
        yield made


@pytest.fixture
def ada(client: Client) -> str:
    """Somebody new with ten credits."""
    user_id = f"ada-{secrets.token_hex(4)}"
    client.grant(user_id, 10)
    return user_id


def pending(client: Client, user_id: str, **more: Any) -> Order:
    return client.order(user_id, client.put_package(**PACKAGE).id, **more)


# --- credits -------------------------------------------------------------------------------------------------------


def test_credits_move_and_the_answer_is_the_facades(client: Client, server: Served, ada: str) -> None:
    answer = client.spend(ada, 4, key=f"job:{ada}", label="Picture", reason="a job", metadata={"job": "7"})
    own = server.run(server.stage.credits.history(ada, limit=1)).items[0].entry
    assert (answer.entry, answer.version, answer.credits, answer.amount) == (own.id, 2, 6, -4)
    again = client.spend(ada, 4, key=f"job:{ada}", label="Picture", reason="a job", metadata={"job": "7"})
    assert again.replayed
    assert again.balance == answer.balance
    # One type of time on both faces, to the microsecond.
    facade = server.run(server.stage.credits.spend(ada, 1))
    assert type(facade.as_of) is type(answer.as_of) is datetime
    assert facade.as_of.tzinfo is answer.as_of.tzinfo is UTC
    assert (
        client.balance(ada).balance.available == server.run(server.stage.credits.balance(ada)).available == 5
    )
    assert client.history(ada).items[0].at == facade.as_of
    with pytest.raises(KeyReused):
        client.spend(ada, 5, key=f"job:{ada}")
    with pytest.raises(InsufficientCredits) as caught:
        client.spend(ada, 50)
    assert (caught.value.needed, caught.value.available) == (50, 5)


@contextlib.contextmanager
def a_screen(client: Client, server: Served, user_id: str, *, changes: int) -> Iterator[None]:
    """An open page of the user that tells at once what it has painted, for so many changes."""
    live, is_open = f"{server.url}/api/v1/credits/live", threading.Event()
    bearer = {"authorization": f"Bearer {client.token(user_id).token}"}

    def paint() -> None:
        seen: set[int] = set()
        with httpx2.stream(
            "GET", live, headers={**bearer, "accept": "text/event-stream"}, timeout=30
        ) as stream:
            for line in stream.iter_lines():
                if not line.startswith("data: "):
                    continue
                frame = json.loads(line[6:])
                if frame["type"] == "hello":
                    address = f"{live}/{frame['screen']}"
                    is_open.set()
                elif frame.get("receipt"):
                    seen.add(frame["version"])
                    painted = {frame["unit"]: frame["version"]}
                    shown = {"type": "shown", "painted": painted, "visible": True}
                    assert httpx2.post(address, headers=bearer, json=[shown]).status_code == 204
                if len(seen) == changes:
                    return

    with ThreadPoolExecutor(1) as pool:
        painting = pool.submit(paint)
        assert is_open.wait(30)
        yield
        painting.result(30)


def test_a_change_waits_until_it_is_shown(client: Client, server: Served, ada: str) -> None:
    assert client.adjust(ada, 1, wait="shown").receipts == Receipts(0, 0, 0, 0, 0, 0, None, None, "screens")
    order = pending(client, ada)
    with a_screen(client, server, ada, changes=5):
        grant = client.grant(ada, 5, wait="shown", timeout_ms=10_000, key=f"seen:{ada}")
        told = [
            grant,
            client.adjust(ada, -1, wait="shown", timeout_ms=10_000),
            client.set(ada, 50, wait="shown", timeout_ms=10_000),
            client.reverse(grant.entry, wait="shown", timeout_ms=10_000),
            client.fulfil(order.id, wait="shown", timeout_ms=10_000),
        ]
    for answer in told:
        assert answer.receipts is not None
        assert (answer.receipts.open, answer.receipts.shown, answer.receipts.off) == (1, 1, False)
        assert answer.receipts.last_ms is not None
    again = client.grant(ada, 5, key=f"seen:{ada}")
    assert (again.entry, again.replayed, again.receipts) == (grant.entry, True, None)


def test_holds_transfers_and_reversals(client: Client, ada: str) -> None:
    held = client.hold(ada, 4, ttl_s=600)
    assert client.holds(ada).items[0].hold == held.hold
    taken = client.capture(held.hold or "", 3)
    assert (taken.credits, taken.balance.held) == (7, 0)
    closed = client.holds(ada, state=None).items[0]
    assert (closed.state, closed.captured) == ("captured", 3)
    client.release(client.hold(ada, 2).hold or "", reason="changed my mind")
    bob = f"{ada}-bob"
    client.put_user(bob)
    assert client.transfer(ada, bob, 2).credits == 5
    undone = client.reverse(taken.entry, amount=1)
    assert undone.credits == 6
    with pytest.raises(AlreadyReversed):
        client.reverse(taken.entry)
    version = client.balance(ada).version
    with pytest.raises(VersionMismatch):
        client.adjust(ada, 1, if_version=version - 1)
    assert client.set(ada, 50, if_version=version).credits == 50
    assert client.check(ada, 50)
    assert not client.check(ada, 51)


def test_history_is_filtered_and_read_page_after_page(client: Client, ada: str) -> None:
    before = datetime.now(UTC)
    for number in range(230):
        client.grant(ada, 1, metadata={"number": number}, label="one")
    entries = list(client.each(client.history, ada))
    assert [entry.version for entry in entries] == list(range(231, 0, -1))
    granted = list(client.each(client.history, ada, kinds=["grant"], since=before, limit=7))
    assert [entry.version for entry in granted] == list(range(231, 1, -1))
    assert [entry.metadata for entry in client.history(ada, metadata={"number": 42})] == [{"number": 42}]
    assert list(client.history(ada, until=before - timedelta(hours=1))) == []
    assert list(client.history(ada, kinds=["spend"])) == []
    assert client.history(ada, actor="service:nobody").items == ()


# --- the shop ------------------------------------------------------------------------------------------------------


def test_packages_and_orders(client: Client, ada: str) -> None:
    package = client.put_package(**PACKAGE, validity_s=3_600, description="Best")
    changed = client.put_package(package.id, **{**PACKAGE, "credits": 110})
    assert (changed.id, changed.credits, changed.validity_s) == (package.id, 110, None)
    assert package.id in {one.id for one in client.packages()}
    order = client.order(
        ada, package.id, billing=Billing(organisation="Engines", purchaser="Ada"), purchase_reference="PO-7",
        metadata={"cost_centre": 12}, key=f"o:{ada}",
    )  # fmt: skip
    assert order.billing == Billing(organisation="Engines", purchaser="Ada")
    assert (order.state, order.package.credits, order.metadata) == ("pending", 110, {"cost_centre": 12})
    with pytest.raises(KeyReused):
        client.order(ada, package.id, key=f"o:{ada}")
    assert client.order_of(order.id) == order
    assert [one.id for one in client.orders(ada, state="pending", search="PO-7")] == [order.id]
    done = client.fulfil(order.id, fulfilled_by="desk 4", note="paid", reason="invoice 9", key=f"f:{ada}")
    assert (done.kind, done.credits, done.order) == ("fulfil", 120, order.id)
    assert client.fulfil(
        order.id, fulfilled_by="desk 4", note="paid", reason="invoice 9", key=f"f:{ada}"
    ).replayed
    with pytest.raises(AlreadyFulfilled) as caught:
        client.fulfil(order.id)
    assert caught.value.extra["entry"] == done.entry
    client.spend(ada, 30)
    with pytest.raises(OrderSpent):
        client.refund(order.id)
    assert client.refund(order.id, spent="left", reason="returned").credits == 0
    assert client.order_of(order.id).state == "refunded"
    other = pending(client, ada)
    assert client.cancel_order(other.id, reason="twice").cancel_reason == "twice"
    with pytest.raises(PackageOrdered):
        client.delete_package(package.id)
    spare = client.put_package(**PACKAGE)
    client.delete_package(spare.id)
    with pytest.raises(NotFound):
        client.delete_package(spare.id)
    with pytest.raises(NotFound):
        client.order(ada, spare.id)


def test_two_that_fulfil_one_order_at_once_grant_once(client: Client, ada: str) -> None:
    order = pending(client, ada)

    def fulfil(_number: int) -> str:
        try:
            return client.fulfil(order.id).entry
        except AlreadyFulfilled as refused:
            return f"refused {refused.extra['entry']}"

    with ThreadPoolExecutor(8) as pool:
        told = list(pool.map(fulfil, range(8)))
    (entry,) = [one for one in told if not one.startswith("refused")]
    assert sorted(told)[1:] == [f"refused {entry}"] * 7
    assert client.balance(ada).credits == 110


def test_vouchers(client: Client, ada: str) -> None:
    code = f"W{secrets.token_hex(4)}".upper()
    made = client.create_voucher(25, expires_at=FUTURE, code=code, key=f"v:{code}", reason="thanks")
    assert client.create_voucher(25, expires_at=FUTURE, code=code, key=f"v:{code}").voucher == made.voucher
    with pytest.raises(CodeTaken):
        client.create_voucher(1, code=code)
    assert client.put_voucher(made.voucher, amount=30, reason="more").amount == 30
    assert client.put_voucher(made.voucher, expires_at=None).expires_at is None
    assert client.vouchers(search=code).items == (client.voucher(made.voucher),)
    paid = client.redeem(ada, code.lower(), address="203.0.113.7")
    assert (paid.kind, paid.amount, paid.voucher) == ("redeem", 30, made.voucher)
    assert client.redemptions(ada).items[0].address == "203.0.113.7"
    for too_late in (client.delete_voucher, client.revoke_code):
        with pytest.raises(VoucherUsed):
            too_late(made.voucher)
    with pytest.raises(VoucherUsed):
        client.put_voucher(made.voucher, amount=1)
    spare = client.create_voucher(5, user_id=ada)
    assert spare.user_id == ada
    assert client.revoke_code(spare.voucher, reason="wrong").state == "revoked"
    with pytest.raises(VoucherRevoked):
        client.redeem(ada, spare.code)
    gone = client.create_voucher(5)
    client.delete_voucher(gone.voucher, reason="wrong")
    with pytest.raises(NotFound):
        client.redeem(ada, gone.code)
    typo = spare.code[:-1] + ("0" if spare.code[-1] != "0" else "1")
    with pytest.raises(WrongCheckSymbol):
        client.redeem(ada, typo)


def test_guesses_are_limited_by_the_users_address_and_not_by_the_backends(
    server: Served, client: Client
) -> None:
    wrong = [client.create_voucher(1) for _ in range(12)]
    for voucher in wrong:
        client.delete_voucher(voucher.voucher)
    seen = []
    with Client(server.url, server.run(server.stage.key()), patience=Patience(retries=0)) as patient:
        for number, voucher in enumerate(wrong):
            for user in (f"guesser{number}", "one-guesser"):
                try:
                    patient.redeem(user, voucher.code)
                except (NotFound, RateLimited) as refused:
                    seen.append((user, refused.code))
    # Each user has ten wrong guesses; all of them come from the backend's own address, which counts for nobody.
    assert [code for user, code in seen if user == "one-guesser"] == ["not_found"] * 10 + ["rate_limited"] * 2
    assert {code for user, code in seen if user != "one-guesser"} == {"not_found"}


def test_campaigns_and_their_codes(client: Client, ada: str, tmp_path: Path) -> None:
    made = client.create_campaign(
        "Summer", credits=5, codes=430, prefix="SUN", ends_at=FUTURE, label="Summer fair", key=f"c:{ada}"
    )
    again = client.create_campaign(
        "Summer", credits=5, codes=430, prefix="SUN", ends_at=FUTURE, label="Summer fair", key=f"c:{ada}"
    )
    assert (made.max_per_code, made.funnel.codes, again.id) == (1, 430, made.id)
    codes: list[Voucher] = list(client.each(client.campaign_codes, made.id))
    assert len({code.code for code in codes}) == 430
    assert client.redeem(ada, codes[0].code).credits == 15
    assert client.revoke_code(codes[1].voucher, reason="lost").state == "revoked"
    assert [one.voucher for one in client.campaign_codes(made.id, state="used")] == [codes[0].voucher]
    file = tmp_path / "codes.csv"
    assert client.export_codes(file, made.id) > 10_000
    rows = list(csv.DictReader(io.StringIO(file.read_text("utf-8"))))
    assert [row["code"] for row in rows] == [code.code for code in codes]
    buffer = io.BytesIO()
    client.export_codes(buffer, made.id, state="revoked")
    assert len(buffer.getvalue().splitlines()) == 2
    assert client.revoke_rest(made.id, reason="over").funnel.revoked == 429
    assert client.campaign(made.id).state == "revoked"
    word = client.create_campaign(
        "Hello", credits=5, word=f"H{secrets.token_hex(4)}".upper(), max_per_user=None
    )
    assert (word.max_per_code, word.max_per_user) == (None, None)
    assert {made.id, word.id} <= {one.id for one in client.each(client.campaigns)}
    listed = client.create_campaign("Some", credits=5, codes=1, allowed_users={ada})
    assert listed.allowed_users == 1
    with pytest.raises(Invalid) as caught:
        client.create_campaign("Both", credits=5, codes=1, word="BOTH1")
    assert caught.value.extra["errors"][0]["field"] == "codes"


# --- batches -------------------------------------------------------------------------------------------------------


def test_batches_are_looked_at_made_and_undone(client: Client, ada: str) -> None:
    bob = f"{ada}-bob"
    rows: list[BatchRow | LibraryRow] = [
        BatchRow(1, ada, "adjust", -4, label="one"),
        LibraryRow(2, bob, "grant", 20, expires_at=FUTURE),
        BatchRow(3, ada, "adjust", -400, reason="too much"),
    ]
    looked = client.batch(rows, dry_run=True)
    assert (looked.batch, looked.dry_run, looked.applied, looked.refused) == (None, True, 2, 1)
    assert looked.totals["credits"].net == 16
    done = client.batch(rows, reason="goodwill", key=f"b:{ada}")
    assert [row.code for row in done.rows] == [None, None, "insufficient_credits"]
    again = client.batch(rows, reason="goodwill", key=f"b:{ada}")
    assert (again.batch, again.replayed, done.replayed) == (done.batch, True, False)
    with pytest.raises(KeyReused):
        client.batch(rows[:1], reason="goodwill", key=f"b:{ada}")
    assert done.batch is not None
    assert client.batch_of(done.batch).rows[0].entry == done.rows[0].entry
    assert done.batch in {head.batch for head in client.batches()}
    assert client.reverse_batch(done.batch, dry_run=True).state == "previewed"
    assert client.reverse_batch(done.batch, reason="wrong list").state == "reversed"
    assert client.balance(ada).credits == 10
    refused = client.batch(rows, atomic=True)
    assert (refused.batch, refused.state) == (None, "refused")


def test_a_batch_of_csv(client: Client, ada: str) -> None:
    text = f'\ufeffuser_id;amount;reason\r\n{ada};+5;"a;b"\r\n{ada};-2;\r\n'
    done = client.batch_csv(text, op="adjust", reason="list", key=f"csv:{ada}")
    assert (done.applied, client.balance(ada).credits) == (2, 13)
    assert client.batch_csv(text.encode(), op="adjust", reason="list", key=f"csv:{ada}").replayed
    with pytest.raises(Invalid) as caught:
        client.batch_csv(f"user_id,amount\n{ada},5\n{ada},five\n", op="adjust")
    assert (caught.value.extra["errors"][0]["row"], caught.value.extra["errors"][0]["column"]) == (3, 2)
    assert client.balance(ada).credits == 13


# --- users, trail, access ------------------------------------------------------------------------------------------


def test_users(client: Client, ada: str, tmp_path: Path) -> None:
    detail = client.put_user(ada, name="=Ada", email="ada@example.com", metadata={"plan": "pro"}, floor=-5)
    assert (detail.name, detail.floor, detail.metadata) == ("=Ada", -5, {"plan": "pro"})
    assert client.put_user(ada, frozen=True, reason="chargeback").frozen
    assert client.put_user(ada, floor=None, frozen=False, low_threshold=20).low
    assert client.user(ada).accounts[0].floor is None
    page = client.users(search=ada, low=True, sort="-credits")
    assert ([one.user_id for one in page], page.total) == ([ada], 1)
    file = tmp_path / "users.csv"
    client.export_users(file, search=ada)
    assert next(csv.DictReader(io.StringIO(file.read_text("utf-8"))))["name"] == "'=Ada"
    assert client.broadcast(ada) == 0
    assert client.screens(ada) == []
    erased = client.erase(ada, reason="asked by letter")
    assert erased["users"] == 1
    assert client.user(ada).name is None
    assert client.erase(ada)["users"] == 0
    with pytest.raises(NotFound):
        client.user("nobody")


def test_the_trail(client: Client, ada: str, tmp_path: Path) -> None:
    client.set(ada, 50, reason="goodwill")
    client.broadcast(ada)
    (row,) = client.audit(target=ada, actions=["credits.set"])
    assert (row.reason, row.before and row.before["credits"], row.after and row.after["credits"]) == (
        "goodwill",
        10,
        50,
    )
    assert row.actor.startswith("service:key_")
    rows = list(client.each(client.audit, target=ada, exclude=["user.broadcast"], limit=1))
    assert [one.action for one in rows] == ["credits.set"]
    file = tmp_path / "audit.ndjson"
    client.export_audit(file, format="ndjson", target=ada)
    assert [json.loads(line)["action"] for line in file.read_text("utf-8").splitlines()] == [
        "user.broadcast", "credits.set",
    ]  # fmt: skip
    history = tmp_path / "history.csv"
    client.export_history(history, ada, kinds=["set"])
    assert len(history.read_text("utf-8").splitlines()) == 2
    assert [one.action for one in client.audit(target=ada, limit=1)] == ["history.exported"]


def test_units_operators_and_keys(client: Client, server: Served) -> None:
    name = f"u{secrets.token_hex(4)}"
    assert client.put_unit(name, 2, low_threshold=5).low_threshold == 5
    assert client.put_unit(name, 3).low_threshold == 5
    unit = client.put_unit(name, low_threshold=None)
    assert (unit.scale, unit.low_threshold) == (3, None)
    assert client.units()[name].scale == 3
    trail = [row.action for row in client.audit(target=name, limit=10)]
    assert client.put_unit(name, 3, low_threshold=None) == unit
    assert [row.action for row in client.audit(target=name, limit=10)] == trail, "nothing changed"
    email = f"{name}@example.com"
    made = client.add_operator(email, "Olga", "support", password="correct horse battery", limit=50)
    assert made in client.operators()
    with pytest.raises(Conflict):
        client.add_operator(email, "Olga", "support", password="correct horse battery")
    code = client.sign_in_code(made.id)
    assert code.code not in repr(code)
    changed = client.change_operator(made.id, limit=None, disabled=True)
    assert (changed.limit, changed.disabled, changed.role) == (None, True, "support")
    new = client.add_key("reader", ["read"])
    found = client.keys()
    assert new.key in found
    with Client(server.url, new.secret) as reader:
        with pytest.raises(Forbidden):
            reader.users()
        assert client.revoke_key(new.key.id).revoked_at is not None
        with pytest.raises(Unauthenticated):
            reader.balance("nobody")


def test_a_token_opens_one_account(client: Client, server: Served, ada: str) -> None:
    token = client.token(ada, ttl_s=60)
    with Client(server.url, token.token) as own, pytest.raises(Forbidden):
        own.balance(ada)
    client.revoke_tokens(ada)
    assert [row.action for row in client.audit(target=ada, limit=1)] == ["tokens.revoked"]


# --- the awaitable twin, and odd input ------------------------------------------------------------------------------


async def test_the_awaitable_face(server: Served, key: str, tmp_path: Path) -> None:
    async with AsyncClient(server.url, key, timeout_s=30) as client:
        user_id = f"async-{secrets.token_hex(4)}"
        for _ in range(3):
            await client.grant(user_id, 5)
        assert [entry.version async for entry in client.each(client.history, user_id, limit=2)] == [3, 2, 1]
        made = await client.create_campaign("Async", credits=1, codes=3)
        file = io.BytesIO()
        assert await client.export_codes(file, made.id) == len(file.getvalue())
        parts = [part async for part in client.stream(_download(made.id))]
        assert b"".join(parts) == file.getvalue()
        await client.export_codes(tmp_path / "codes.csv", made.id)
        with pytest.raises(NotFound):
            await client.export_codes(tmp_path / "none.csv", "cmp_none")
        assert await asyncio.to_thread(lambda: [path.name for path in tmp_path.iterdir()]) == ["codes.csv"]
        order = await client.order(user_id, (await client.put_package(**PACKAGE)).id)
        assert (await client.fulfil(order.id, key=f"f:{user_id}")).replayed is False
        assert (await client.fulfil(order.id, key=f"f:{user_id}")).replayed is True


def _download(campaign_id: str) -> Any:
    from livecredits.client.shop_calls import export_codes

    return export_codes(campaign_id)


ODD_IDS = [
    "ада", "a b", "100%", "a?b=c&d", "a#b", "e\u0301", "é", "💶", "..a", "a%2Fb", "=1+1", "x" * 128, "ada;v=1", "a\\b",
]  # fmt: skip


@pytest.mark.parametrize("user_id", ODD_IDS)
def test_ids_of_any_script_arrive_as_they_are(client: Client, user_id: str) -> None:
    before = 0
    with contextlib.suppress(NotFound):
        before = client.balance(user_id).credits
    answer = client.grant(user_id, 3, label="ü\u202e💶", reason="'; DROP TABLE entries; --")
    assert (answer.user_id, answer.credits) == (user_id, before + 3)
    assert client.history(user_id).items[0].label == "ü\u202e💶"
    assert client.users(search=user_id, limit=200).total
    assert client.redemptions(user_id).items == ()


@pytest.mark.parametrize("user_id", ["", ".", "..", "a/b", "a\x00b", "x" * 129, "a\nb"])
def test_what_is_no_id_is_refused_and_moves_nothing(client: Client, user_id: str) -> None:
    with pytest.raises((Invalid, NotFound)):
        client.grant(user_id, 3)


@pytest.mark.parametrize("amount", [0, -1, 2**53, 1.5, True, "5", None, float("1e3")])
def test_what_is_no_amount_is_refused(client: Client, ada: str, amount: Any) -> None:
    with pytest.raises(Invalid):
        client.spend(ada, amount)
    assert client.balance(ada).version == 1
