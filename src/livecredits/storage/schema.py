"""Every table of a livecredits database, once, for both databases that can hold it.

Promises: amounts and times are whole numbers (SQLite tables are STRICT, so a float cannot slip in), names are those of
the glossary, and what must never change cannot: triggers refuse to rewrite the append-only tables. Personal data
(`users`, an order's billing, a redemption's address) stands outside every hashed row, so that a person can be
erased while the entries stay.

The odd thing: an account is named by a small number inside the ledger (`account_id`) and by (user_id, unit) outside,
because the number stands in every entry, lot and hold. Migrations own the database; this file is what they add up to.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    DDL,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    MetaData,
    Sequence,
    Table,
    Text,
    UniqueConstraint,
    event,
    func,
    text,
)
from sqlalchemy.types import UserDefinedType

from livecredits.storage.append_only import guard, keep

metadata = MetaData()

Whole = BigInteger().with_variant(Integer(), "sqlite")
"""A 64-bit whole number: credits in the unit's smallest part, microseconds UTC, versions, 0 or 1."""
Words = Text().with_variant(Text(collation="C"), "postgresql")
"""A text, compared sign by sign. SQLite does nothing else; PostgreSQL would go by the rules of some language, in which
ids are not in the order of time, and two texts that differ may be neighbours of a third."""
NEVER_US = 2**63 - 1
"""Stands for "no expiry" where lots are sorted in burn order; the same number as `core.lots.NEVER`."""


def _table(name: str, *parts: Any, clustered: bool = False) -> Table:
    """A table; `clustered` ones are stored in the order of their primary key and have no row number of their own."""
    return Table(name, metadata, *parts, sqlite_strict=True, sqlite_with_rowid=not clustered)


_PARTIAL: list[tuple[Index, Any]] = []


def _partial(name: str, *columns: Any, where: Any) -> Index:
    """An index of those rows only for which `where` holds."""
    index = Index(name, *columns, sqlite_where=where)
    _PARTIAL.append((index, where))
    return index


def _checked_by_sqlite(column: str, other: str) -> ForeignKeyConstraint:
    """A foreign key that PostgreSQL does without (docs/decisions/lots-in-place.md); `KEPT` has the reason."""
    return ForeignKeyConstraint([column], [other]).ddl_if(dialect="sqlite")


@event.listens_for(metadata, "before_create")
def _tell_postgresql(_metadata: MetaData, connection: Any, **_options: Any) -> None:
    """Say the same to PostgreSQL, once it is used: naming its option loads its whole dialect, at each start."""
    if connection.dialect.name == "postgresql":
        for index, where in _PARTIAL:
            index.dialect_options["postgresql"]["where"] = where


def _required(name: str, kind: Any = Whole, *parts: Any, **options: Any) -> Column[Any]:
    return Column(name, kind, *parts, nullable=False, **options)


meta = _table(
    "meta",
    Column("name", Words, primary_key=True),
    _required("value", Words),
    clustered=True,
)
"""`epoch`: the identity of this database's line of history; `former_epochs`: those before it was restored, as JSON.
`voucher_key`: what the digests of codes are keyed with."""

settings = _table(
    "settings",
    Column("name", Words, primary_key=True),
    _required("value", Words),
    _required("updated_at_us"),
    clustered=True,
)
"""What operators have set for the whole installation, as JSON; a name that is not here has its default."""

units = _table(
    "units",
    Column("name", Words, primary_key=True),
    _required("scale"),
    Column("low_threshold", Whole),
    CheckConstraint("scale BETWEEN 0 AND 9", name="units_scale"),
    clustered=True,
)
"""`low_threshold`: available credits at or below it are low, unless the account has a threshold of its own."""

users = _table(
    "users",
    Column("user_id", Words, primary_key=True),
    Column("name", Words),
    Column("email", Words),
    Column("metadata", Words),
    _required("token_generation", server_default=text("0")),
    Column("tokens_valid_from_us", Whole),
    _required("created_at_us"),
    _required("updated_at_us"),
    _required("receipts", server_default=text("1")),
)
"""The host's users. A screen token of an older generation, or issued before `tokens_valid_from_us`, is revoked.

`receipts`: whether their screens are asked what they painted.
"""
_partial("users_receipts", users.c.user_id, where=users.c.receipts == 0)

account_numbers = Sequence("account_numbers", metadata=metadata, data_type=BigInteger)
"""Where PostgreSQL's writers take the numbers of new accounts from; SQLite's one writer counts by itself."""

accounts = _table(
    "accounts",
    Column("id", Whole, primary_key=True, autoincrement=False),
    _required("user_id", Words, ForeignKey("users.user_id")),
    _required("unit", Words),
    _required("version"),
    _required("settled"),
    _required("held"),
    Column("floor", Whole),
    _required("frozen"),
    _required("last_hash", Words),
    Column("user_keys", Words),
    Column("changed_at_us", Whole),
    _required("created_at_us"),
    _required("seal", Words),
    Column("low_threshold", Whole),
    UniqueConstraint("user_id", "unit", name="accounts_user_unit"),
    CheckConstraint("held >= 0", name="accounts_held"),
    CheckConstraint("frozen IN (0, 1)", name="accounts_frozen"),
)
"""One user × one unit, as its newest entry left it.

`user_keys`: the user's own last ≤ 16 keys as JSON [[key, version], …], oldest first; NULL for none.
`seal`: digest of what no entry covers (`core.chain` covers the rest), so that `verify` notices an edit there.
"""
ACCOUNTS_IN_PLACE = "ALTER TABLE accounts SET (fillfactor = 90)"
"""No index of accounts names what an entry changes, so PostgreSQL writes an account's new version beside the former one
and touches no index, if there is room for it on the page."""
event.listen(accounts, "after_create", DDL(ACCOUNTS_IN_PLACE).execute_if(dialect="postgresql"))  # type: ignore[no-untyped-call]

entries = _table(
    "entries",
    Column("id", Words, primary_key=True),
    _required("account_id"),
    _required("version"),
    _required("kind", Words),
    _required("amount"),
    _required("settled_delta"),
    _required("held_delta"),
    _required("settled_after"),
    _required("held_after"),
    _required("at_us"),
    _required("actor", Words),
    Column("reason", Words),
    Column("label", Words),
    Column("metadata", Words),
    Column("user_key", Words),
    Column("request_id", Words),
    Column("reverses", Words),
    Column("peer", Words),
    Column("hold_id", Words),
    Column("hold_expires_at_us", Whole),
    _required("hash", Words),
    Column("origin", Words),
    _checked_by_sqlite("account_id", "accounts.id"),
    UniqueConstraint("account_id", "version", name="entries_account_version"),
)
"""The ledger. Append-only. Ids are time-ordered, so one file's entries sorted by id are in the order of commit.

`origin`: the order or the voucher that a `fulfil` or `redeem` entry came from.
"""

entry_lots = _table(
    "entry_lots",
    Column("entry_id", Words, primary_key=True),
    Column("position", Whole, primary_key=True),
    _required("lot_id", Words),
    _required("delta"),
    _checked_by_sqlite("entry_id", "entries.id"),
    _checked_by_sqlite("lot_id", "lots.id"),
    clustered=True,
)
"""What an entry did to each lot, in that order. Append-only."""

lots = _table(
    "lots",
    Column("id", Words, primary_key=True),
    _required("account_id", Whole, ForeignKey("accounts.id")),
    _required("amount"),
    _required("remaining"),
    _required("earmarked"),
    _required("priority"),
    Column("expires_at_us", Whole),
    Column("source", Words),
    _required("born"),
    _required("created_at_us"),
    CheckConstraint("0 <= earmarked AND earmarked <= remaining AND remaining <= amount", name="lots_parts"),
)
_burn_order = _partial(
    "lots_burn_order",
    lots.c.account_id,
    lots.c.priority,
    func.coalesce(lots.c.expires_at_us, text(str(NEVER_US))),
    lots.c.born,
    lots.c.id,
    where=lots.c.remaining > 0,
)
_can_expire = (lots.c.expires_at_us.is_not(None)) & (lots.c.remaining > lots.c.earmarked)
_due = _partial("lots_due", lots.c.expires_at_us, where=_can_expire)
_next_expiry = _partial("lots_next_expiry", lots.c.account_id, lots.c.expires_at_us, where=_can_expire)
for _in_sqlite in (_burn_order, _due, _next_expiry):
    _in_sqlite.ddl_if(dialect="sqlite")
LOTS_IN_PLACE = (
    (
        "ALTER TABLE lots ADD COLUMN is_open boolean GENERATED ALWAYS AS (remaining > 0) STORED, ADD COLUMN can_expire "
        "boolean GENERATED ALWAYS AS (expires_at_us IS NOT NULL AND remaining > earmarked) STORED"
    ),
    (
        "CREATE INDEX lots_open ON lots "
        f"(account_id, priority, (coalesce(expires_at_us, {NEVER_US})), born, id) WHERE is_open"
    ),
    "CREATE INDEX lots_expiring ON lots (expires_at_us) WHERE can_expire",
    "CREATE INDEX lots_expiring_of_account ON lots (account_id, expires_at_us) WHERE can_expire",
    "ALTER TABLE lots SET (fillfactor = 80)",
)
"""The same indexes on PostgreSQL, of which none names what a spend changes: so it writes a lot's new version beside the
former one and touches no index. There must be room for it on the page."""
for _statement in LOTS_IN_PLACE:
    event.listen(lots, "after_create", DDL(_statement).execute_if(dialect="postgresql"))  # type: ignore[no-untyped-call]

holds = _table(
    "holds",
    Column("id", Words, primary_key=True),
    _required("account_id", Whole, ForeignKey("accounts.id")),
    _required("amount"),
    _required("state", Words),
    _required("marks", Words),
    _required("captured"),
    _required("expires_at_us"),
    _required("created_at_us"),
    Column("closed_at_us", Whole),
    CheckConstraint("state IN ('open', 'captured', 'released')", name="holds_state"),
)
"""`marks`: the earmarked parts of lots as JSON [[lot_id, part], …]."""
Index("holds_account", holds.c.account_id, holds.c.id)
_is_open = holds.c.state == "open"
_partial("holds_open", holds.c.account_id, where=_is_open)
_partial("holds_due", holds.c.expires_at_us, where=_is_open)

reversals = _table(
    "reversals",
    Column("entry_id", Words, ForeignKey("entries.id"), primary_key=True),
    _required("reversed_by", Words),
    clustered=True,
)
"""Which entry undid which. The primary key is what makes a second reversal impossible. Append-only."""

idempotency = _table(
    "idempotency",
    _required("scope", Words),
    _required("key", Words),
    _required("content", Words),
    _required("answer", Words),
    _required("created_at_us"),
    UniqueConstraint("scope", "key", name="idempotency_key"),
)
"""What each idempotency key was answered. Not clustered: keys come in any order, answers should not."""

audit = _table(
    "audit",
    Column("id", Words, primary_key=True),
    _required("at_us"),
    _required("actor", Words),
    _required("action", Words),
    Column("target", Words),
    Column("reason", Words),
    Column("before", Words),
    Column("after", Words),
    Column("address", Words),
    Column("request_id", Words),
    Column("details", Words),
)
"""Who did what. `before`, `after` and `details` are JSON. Append-only."""
Index("audit_target", audit.c.target, audit.c.id)
Index("audit_actor", audit.c.actor, audit.c.id)

packages = _table(
    "packages",
    Column("id", Words, primary_key=True),
    _required("name", Words),
    _required("credits"),
    _required("unit", Words),
    _required("price_minor"),
    _required("currency", Words),
    Column("validity_s", Whole),
    _required("active"),
    _required("position"),
    Column("description", Words),
    _required("created_at_us"),
    _required("updated_at_us"),
    CheckConstraint("active IN (0, 1)", name="packages_active"),
    CheckConstraint("credits > 0 AND price_minor >= 0", name="packages_amounts"),
)

orders = _table(
    "orders",
    Column("id", Words, primary_key=True),
    _required("user_id", Words, ForeignKey("users.user_id")),
    _required("package_id", Words),
    _required("package", Words),
    _required("unit", Words),
    _required("credits"),
    Column("validity_s", Whole),
    _required("state", Words),
    Column("billing", Words),
    Column("purchase_reference", Words),
    Column("metadata", Words),
    _required("created_by", Words),
    _required("created_at_us"),
    Column("entry_id", Words, ForeignKey("entries.id")),
    Column("fulfilled_at_us", Whole),
    Column("fulfilled_by", Words),
    Column("claimed_by", Words),
    Column("note", Words),
    Column("cancelled_at_us", Whole),
    Column("cancelled_by", Words),
    Column("cancel_reason", Words),
    Column("refund_entry_id", Words, ForeignKey("entries.id")),
    Column("refunded_at_us", Whole),
    CheckConstraint("state IN ('pending', 'fulfilled', 'cancelled', 'refunded')", name="orders_state"),
    CheckConstraint("(state IN ('fulfilled', 'refunded')) = (entry_id IS NOT NULL)", name="orders_entry"),
)
"""`package`: the package as it was ordered, as JSON. `billing`: whom to bill, as JSON; goes with a person's data."""
Index("orders_user", orders.c.user_id, orders.c.id)
Index("orders_state", orders.c.state, orders.c.id)
Index("orders_package", orders.c.package_id)

fulfilments = _table(
    "fulfilments",
    Column("order_id", Words, ForeignKey("orders.id"), primary_key=True),
    _required("entry_id", Words, ForeignKey("entries.id"), unique=True),
    clustered=True,
)
"""Which entry fulfilled which order. The primary key is what makes a second fulfilment impossible. Append-only."""

campaigns = _table(
    "campaigns",
    Column("id", Words, primary_key=True),
    _required("name", Words),
    Column("label", Words),
    _required("credits"),
    _required("unit", Words),
    Column("validity_s", Whole),
    Column("starts_at_us", Whole),
    Column("ends_at_us", Whole),
    Column("max_per_code", Whole),
    Column("max_per_user", Whole),
    Column("prefix", Words),
    Column("word", Words),
    _required("listed"),
    _required("welcome"),
    _required("codes"),
    _required("created_by", Words),
    _required("created_at_us"),
    CheckConstraint("credits > 0", name="campaigns_credits"),
)
"""`codes`: how many were asked for; they are made in pieces. `listed`: only users in `campaign_users` may redeem."""

campaign_users = _table(
    "campaign_users",
    Column("campaign_id", Words, ForeignKey("campaigns.id"), primary_key=True),
    Column("user_id", Words, primary_key=True),
    clustered=True,
)

vouchers = _table(
    "vouchers",
    Column("id", Words, primary_key=True),
    Column("campaign_id", Words, ForeignKey("campaigns.id")),
    Column("position", Whole),
    _required("code", Words),
    _required("digest", Words, unique=True),
    Column("amount", Whole),
    Column("unit", Words),
    Column("user_id", Words),
    Column("ends_at_us", Whole),
    Column("max_redemptions", Whole),
    _required("redemptions", server_default=text("0")),
    Column("revoked_at_us", Whole),
    _required("created_by", Words),
    _required("created_at_us"),
    _required("updated_at_us"),
    UniqueConstraint("campaign_id", "position", name="vouchers_position"),
    CheckConstraint("0 <= redemptions AND redemptions <= max_redemptions", name="vouchers_redemptions"),
    CheckConstraint("(campaign_id IS NULL) = (amount IS NOT NULL)", name="vouchers_terms"),
)
"""Codes. `amount`, `unit`, `user_id` and `ends_at_us` are those of single ones; a campaign's have their campaign's."""
_partial("vouchers_ends", vouchers.c.ends_at_us, where=vouchers.c.ends_at_us.is_not(None))

redemptions = _table(
    "redemptions",
    Column("voucher_id", Words, ForeignKey("vouchers.id"), primary_key=True),
    Column("turn", Whole, primary_key=True),
    _required("scope", Words),
    _required("user_id", Words, ForeignKey("users.user_id")),
    _required("user_turn"),
    _required("entry_id", Words, ForeignKey("entries.id"), unique=True),
    _required("amount"),
    _required("at_us"),
    Column("address", Words),
    UniqueConstraint("scope", "user_id", "user_turn", name="redemptions_user_turn"),
)
"""That a voucher paid. No turn can be taken twice, whoever looked at which row. Append-only but for `address`, which
goes when a person is erased. `scope`: the campaign, or the voucher that stands alone."""
Index("redemptions_user", redemptions.c.user_id, redemptions.c.entry_id)

batches = _table(
    "batches",
    Column("id", Words, primary_key=True),
    _required("key_scope", Words),
    _required("key", Words),
    _required("content", Words),
    _required("actor", Words),
    Column("reason", Words),
    Column("label", Words),
    _required("atomic"),
    _required("state", Words),
    _required("rows"),
    _required("created_at_us"),
    Column("finished_at_us", Whole),
    UniqueConstraint("key_scope", "key", name="batches_key"),
    CheckConstraint("state IN ('running', 'applied', 'reversed', 'partly_reversed')", name="batches_state"),
    CheckConstraint("atomic IN (0, 1)", name="batches_atomic"),
)
"""Many changes that came in one request. One that is `running` with nobody at work broke off; its key takes it up."""

batch_parts = _table(
    "batch_parts",
    Column("batch_id", Words, ForeignKey("batches.id"), primary_key=True),
    Column("position", Whole, primary_key=True),
    _required("rows", Words),
)
"""What the rows of a batch came to, some hundreds together as JSON: [[row, user_id, unit, op, amount, before, after,
entry_id, code, detail], …]: the entry that each left, or the refusal's code and sentence. Append-only.

A row of its own for each of them was a tenth of what a batch cost. `position` counts a batch's parts from 0, so that of
two that take up the same batch one fails, before a row is applied twice.
"""

broadcasts = _table(
    "broadcasts",
    Column("id", Words, primary_key=True),
    Column("node", Words, primary_key=True),
    *(_required(name) for name in ("open", "shown", "hidden", "asleep", "gone", "behind")),
    Column("first_ms", Whole),
    Column("last_ms", Whole),
    *(_required(name) for name in ("browsers", "off", "settled")),
    _required("details", Words),
    CheckConstraint("settled IN (0, 1)", name="broadcasts_settled"),
    clustered=True,
)
"""On how many screens of one node an entry (or a re-send) was seen; no row where none of its screens was open.

No foreign key: rows are written a moment after the entry, and go after some days, which entries never do.
"""
_is_behind = broadcasts.c.behind > 0
_partial("broadcasts_behind", broadcasts.c.id, where=_is_behind)
_is_unsettled = broadcasts.c.settled == 0
_partial("broadcasts_unsettled", broadcasts.c.node, where=_is_unsettled)

broadcast_spans = _table(
    "broadcast_spans",
    Column("node", Words, primary_key=True),
    Column("first_id", Words, primary_key=True),
    _required("before_id", Words),
    clustered=True,
)
"""The entries that a run of a node has counted, from one to before another: there, no row means no open screen."""

resends = _table(
    "resends",
    Column("id", Words, primary_key=True),
    _required("user_id", Words),
    _required("unit", Words),
    _required("version"),
    _required("actor", Words),
    _required("at_us"),
    clustered=True,
)
"""Pushes that somebody asked for, without a change."""
Index("resends_user", resends.c.user_id, resends.c.id)

operators = _table(
    "operators",
    Column("operator_id", Words, primary_key=True),
    _required("email", Words, unique=True),
    _required("name", Words),
    _required("role", Words),
    Column("password_digest", Words),
    Column("change_limit", Whole),
    Column("disabled_at_us", Whole),
    _required("created_at_us"),
    _required("updated_at_us"),
)

operator_sessions = _table(
    "operator_sessions",
    Column("session_id", Words, primary_key=True),
    _required("digest", Words, unique=True),
    _required("operator_id", Words, ForeignKey("operators.operator_id")),
    _required("created_at_us"),
    _required("expires_at_us"),
    _required("last_seen_at_us"),
    Column("address", Words),
    Column("user_agent", Words),
)
Index("operator_sessions_operator", operator_sessions.c.operator_id)

sign_in_codes = _table(
    "sign_in_codes",
    Column("digest", Words, primary_key=True),
    _required("operator_id", Words, ForeignKey("operators.operator_id")),
    _required("created_at_us"),
    _required("expires_at_us"),
    Column("used_at_us", Whole),
)

api_keys = _table(
    "api_keys",
    Column("key_id", Words, primary_key=True),
    _required("digest", Words, unique=True),
    _required("name", Words),
    Column("hint", Words),
    _required("scopes", Words),
    Column("created_by", Words),
    _required("created_at_us"),
    Column("last_used_at_us", Whole),
    Column("revoked_at_us", Whole),
)

several = MetaData()
"""Tables that only a database with several nodes has: PostgreSQL's."""


class _Transaction(UserDefinedType[str]):
    """The number of a transaction, which never comes again (PostgreSQL's xid8)."""

    cache_ok = True

    def get_col_spec(self, **_options: Any) -> str:
        return "xid8"


notices = Table(
    "notices",
    several,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("xid", _Transaction, nullable=False, server_default=text("pg_current_xact_id()"), index=True),
    _required("node", Words),
    _required("at_us"),
    _required("body", Words),
)
"""What one node has to tell the others, written in the transaction that makes it true (`storage.notices`)."""

nodes = Table(
    "nodes",
    several,
    Column("node_id", Words, primary_key=True),
    _required("version", Words),
    _required("bus", Words),
    _required("is_serving", Boolean),
    _required("secret_check", Words),
    _required("epoch", Words),
    _required("started_at_us"),
    _required("seen_at_us"),
    _required("lag_us"),
    _required("screens"),
    _required("users"),
    _required("is_draining", Boolean),
    _required("working_on", Words),
)
"""Who has the database open, as `storage.nodes.NodeRow` explains; a row that is not renewed is soon deleted."""

attempts = Table(
    "attempts",
    several,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    _required("name", Words),
    _required("at_us"),
    _required("is_open", Boolean),
    Index("attempts_name", "name", "at_us"),
)
"""What is counted by all nodes together (`storage.attempts`): wrong codes of a user, refused sign-ins of an address."""

APPEND_ONLY = (entries, entry_lots, reversals, audit, fulfilments, redemptions, batch_parts)
for _append_only in APPEND_ONLY:
    guard(_append_only)

KEPT = (accounts, lots)
"""Tables whose rows stay, and keep their numbers: what names them is not checked by PostgreSQL row by row."""
for _kept in KEPT:
    keep(_kept)
