"""M6 on PostgreSQL: whatever single field of the ledger is edited behind its back, `verify` finds it."""

from __future__ import annotations

import random
from collections.abc import Iterator

import psycopg
import pytest
from sqlalchemy import BigInteger
from tests.postgres import PostgresServer
from tests.storage.hands import IS_DEEP

from livecredits import Credits
from livecredits.storage.postgres_verify import verify
from livecredits.storage.schema import metadata

EDITS = 500 if IS_DEEP else 50
TABLES = ("entries", "accounts", "lots", "holds", "entry_lots", "reversals", "redemptions", "fulfilments")
NOT_COVERED = {
    ("redemptions", "address"),  # goes when a person is erased
    ("entry_lots", "position"),  # the order of one move says nothing
    ("redemptions", "user_turn"),  # of one row that is the first in its scope either way
    ("lots", "source"), ("lots", "priority"), ("lots", "expires_at_us"),  # of lots that no entry has made: none here
}  # fmt: skip


@pytest.fixture(scope="module")
def ledger(postgres: PostgresServer, migrated: str) -> Iterator[str]:
    name = postgres.create_database(migrated)
    url = postgres.url(name)
    credits = Credits(url).sync
    for user in ("ada", "bob"):
        credits.grant(user, 50, reason="a reason", label="a label", metadata={"a": 1})
    credits.capture(credits.hold("ada", 20).hold or "", 5)
    credits.hold("bob", 3)
    credits.reverse(credits.spend("ada", 4).entry)
    credits.transfer("ada", "bob", 6)
    credits.redeem("bob", credits.create_voucher(5).code)
    package = credits.put_package(name="S", credits=7, price_minor=1, currency="EUR")
    credits.fulfil(credits.order("ada", package.id).id)
    credits.close()
    yield url
    postgres.drop_database(name)


def test_every_single_edit_of_a_field_is_found(ledger: str) -> None:
    assert verify(ledger).is_clean
    chance = random.Random(7)
    fields = [
        (table, column)
        for table in TABLES
        for column in metadata.tables[table].columns
        if (table, column.name) not in NOT_COVERED
    ]
    chance.shuffle(fields)
    found = 0
    with psycopg.connect(ledger, autocommit=True) as db:
        db.execute("SET session_replication_role = replica")  # no trigger, no foreign key
        for table, column in fields[:EDITS]:
            rows = db.execute(f'SELECT ctid, "{column.name}" FROM {table}').fetchall()
            place, value = chance.choice(rows)
            edited = _edited(value, is_whole=isinstance(column.type, BigInteger))
            edit = f'UPDATE {table} SET "{column.name}" = %s WHERE ctid = %s RETURNING ctid'
            try:
                ((moved,),) = db.execute(edit, (edited, place)).fetchall()
            except psycopg.errors.IntegrityError:
                found += 1  # a constraint is quicker than `verify`
                continue
            assert not verify(ledger).is_clean, (table, column.name, value, edited)
            found += 1
            db.execute(edit, (value, moved))
    assert found == min(EDITS, len(fields))
    assert verify(ledger).is_clean


def _edited(value: object, *, is_whole: bool) -> object:
    if is_whole:
        return 1 if value is None else int(str(value)) + 1
    return "x" if value is None else f"{value}x"
