"""Every table of a livecredits database, once, for both databases that can hold it.

Promises: amounts and times are whole numbers (SQLite tables are STRICT, so a float cannot slip in), names are those of
the glossary, and what must never change cannot: triggers refuse UPDATE and DELETE on the append-only tables. Personal
data stands in `users` alone, outside every hashed row, so that a person can be erased while the entries stay.

The odd thing: an account is named by a small number inside the ledger (`account_id`) and by (user_id, unit) outside,
because the number stands in every entry, lot and hold. Migrations own the database; this file is what they add up to.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    DDL,
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    event,
    func,
    text,
)

metadata = MetaData()

Whole = BigInteger().with_variant(Integer(), "sqlite")
"""A 64-bit whole number: credits in the unit's smallest part, microseconds UTC, versions, 0 or 1."""
NEVER_US = 2**63 - 1
"""Stands for "no expiry" where lots are sorted in burn order; the same number as `core.lots.NEVER`."""


def _table(name: str, *parts: Any, clustered: bool = False) -> Table:
    """A table; `clustered` ones are stored in the order of their primary key and have no row number of their own."""
    return Table(name, metadata, *parts, sqlite_strict=True, sqlite_with_rowid=not clustered)


def _required(name: str, kind: Any = Whole, *parts: Any, **options: Any) -> Column[Any]:
    return Column(name, kind, *parts, nullable=False, **options)


meta = _table(
    "meta",
    Column("name", Text, primary_key=True),
    _required("value", Text),
    clustered=True,
)
"""`epoch`: the identity of this database's line of history."""

units = _table(
    "units",
    Column("name", Text, primary_key=True),
    _required("scale"),
    CheckConstraint("scale BETWEEN 0 AND 9", name="units_scale"),
    clustered=True,
)

users = _table(
    "users",
    Column("user_id", Text, primary_key=True),
    Column("name", Text),
    Column("email", Text),
    Column("metadata", Text),
    _required("token_generation", server_default=text("0")),
    Column("tokens_valid_from_us", Whole),
    _required("created_at_us"),
    _required("updated_at_us"),
)
"""The host's users. A screen token of an older generation, or issued before `tokens_valid_from_us`, is revoked."""

accounts = _table(
    "accounts",
    Column("id", Whole, primary_key=True, autoincrement=False),
    _required("user_id", Text, ForeignKey("users.user_id")),
    _required("unit", Text),
    _required("version"),
    _required("settled"),
    _required("held"),
    Column("floor", Whole),
    _required("frozen"),
    _required("last_hash", Text),
    Column("user_keys", Text),
    Column("changed_at_us", Whole),
    _required("created_at_us"),
    _required("seal", Text),
    UniqueConstraint("user_id", "unit", name="accounts_user_unit"),
    CheckConstraint("held >= 0", name="accounts_held"),
    CheckConstraint("frozen IN (0, 1)", name="accounts_frozen"),
)
"""One user × one unit, as its newest entry left it.

`user_keys`: the user's own last ≤ 16 keys as JSON [[key, version], …], oldest first; NULL for none.
`seal`: digest of what no entry covers (`core.chain` covers the rest), so that `verify` notices an edit there.
"""

entries = _table(
    "entries",
    Column("id", Text, primary_key=True),
    _required("account_id", Whole, ForeignKey("accounts.id")),
    _required("version"),
    _required("kind", Text),
    _required("amount"),
    _required("settled_delta"),
    _required("held_delta"),
    _required("settled_after"),
    _required("held_after"),
    _required("at_us"),
    _required("actor", Text),
    Column("reason", Text),
    Column("label", Text),
    Column("metadata", Text),
    Column("user_key", Text),
    Column("request_id", Text),
    Column("reverses", Text),
    Column("peer", Text),
    Column("hold_id", Text),
    Column("hold_expires_at_us", Whole),
    _required("hash", Text),
    UniqueConstraint("account_id", "version", name="entries_account_version"),
)
"""The ledger. Append-only. Ids are time-ordered, so one file's entries sorted by id are in the order of commit."""

entry_lots = _table(
    "entry_lots",
    Column("entry_id", Text, ForeignKey("entries.id"), primary_key=True),
    Column("position", Whole, primary_key=True),
    _required("lot_id", Text, ForeignKey("lots.id")),
    _required("delta"),
    clustered=True,
)
"""What an entry did to each lot, in that order. Append-only."""

lots = _table(
    "lots",
    Column("id", Text, primary_key=True),
    _required("account_id", Whole, ForeignKey("accounts.id")),
    _required("amount"),
    _required("remaining"),
    _required("earmarked"),
    _required("priority"),
    Column("expires_at_us", Whole),
    Column("source", Text),
    _required("born"),
    _required("created_at_us"),
    CheckConstraint("0 <= earmarked AND earmarked <= remaining AND remaining <= amount", name="lots_parts"),
)
Index(
    "lots_burn_order",
    lots.c.account_id,
    lots.c.priority,
    func.coalesce(lots.c.expires_at_us, text(str(NEVER_US))),
    lots.c.born,
    lots.c.id,
    sqlite_where=lots.c.remaining > 0,
    postgresql_where=lots.c.remaining > 0,
)
_can_expire = (lots.c.expires_at_us.is_not(None)) & (lots.c.remaining > lots.c.earmarked)
Index("lots_due", lots.c.expires_at_us, sqlite_where=_can_expire, postgresql_where=_can_expire)
Index(
    "lots_next_expiry",
    lots.c.account_id,
    lots.c.expires_at_us,
    sqlite_where=_can_expire,
    postgresql_where=_can_expire,
)

holds = _table(
    "holds",
    Column("id", Text, primary_key=True),
    _required("account_id", Whole, ForeignKey("accounts.id")),
    _required("amount"),
    _required("state", Text),
    _required("marks", Text),
    _required("captured"),
    _required("expires_at_us"),
    _required("created_at_us"),
    Column("closed_at_us", Whole),
    CheckConstraint("state IN ('open', 'captured', 'released')", name="holds_state"),
)
"""`marks`: the earmarked parts of lots as JSON [[lot_id, part], …]."""
Index("holds_account", holds.c.account_id, holds.c.id)
_is_open = holds.c.state == "open"
Index("holds_open", holds.c.account_id, sqlite_where=_is_open, postgresql_where=_is_open)
Index("holds_due", holds.c.expires_at_us, sqlite_where=_is_open, postgresql_where=_is_open)

reversals = _table(
    "reversals",
    Column("entry_id", Text, ForeignKey("entries.id"), primary_key=True),
    _required("reversed_by", Text),
    clustered=True,
)
"""Which entry undid which. The primary key is what makes a second reversal impossible. Append-only."""

idempotency = _table(
    "idempotency",
    _required("scope", Text),
    _required("key", Text),
    _required("content", Text),
    _required("answer", Text),
    _required("created_at_us"),
    UniqueConstraint("scope", "key", name="idempotency_key"),
)
"""What each idempotency key was answered. Not clustered: keys come in any order, answers should not."""

audit = _table(
    "audit",
    Column("id", Text, primary_key=True),
    _required("at_us"),
    _required("actor", Text),
    _required("action", Text),
    Column("target", Text),
    Column("reason", Text),
    Column("before", Text),
    Column("after", Text),
    Column("address", Text),
    Column("request_id", Text),
    Column("details", Text),
)
"""Who did what. `before`, `after` and `details` are JSON. Append-only."""
Index("audit_target", audit.c.target, audit.c.id)
Index("audit_actor", audit.c.actor, audit.c.id)

operators = _table(
    "operators",
    Column("operator_id", Text, primary_key=True),
    _required("email", Text, unique=True),
    _required("name", Text),
    _required("role", Text),
    Column("password_digest", Text),
    Column("change_limit", Whole),
    Column("disabled_at_us", Whole),
    _required("created_at_us"),
    _required("updated_at_us"),
)

operator_sessions = _table(
    "operator_sessions",
    Column("session_id", Text, primary_key=True),
    _required("digest", Text, unique=True),
    _required("operator_id", Text, ForeignKey("operators.operator_id")),
    _required("created_at_us"),
    _required("expires_at_us"),
    _required("last_seen_at_us"),
    Column("address", Text),
    Column("user_agent", Text),
)
Index("operator_sessions_operator", operator_sessions.c.operator_id)

sign_in_codes = _table(
    "sign_in_codes",
    Column("digest", Text, primary_key=True),
    _required("operator_id", Text, ForeignKey("operators.operator_id")),
    _required("created_at_us"),
    _required("expires_at_us"),
    Column("used_at_us", Whole),
)

api_keys = _table(
    "api_keys",
    Column("key_id", Text, primary_key=True),
    _required("digest", Text, unique=True),
    _required("name", Text),
    Column("hint", Text),
    _required("scopes", Text),
    Column("created_by", Text),
    _required("created_at_us"),
    Column("last_used_at_us", Whole),
    Column("revoked_at_us", Whole),
)

APPEND_ONLY = (entries, entry_lots, reversals, audit)


def append_only_triggers(table: str) -> list[str]:
    """The statements by which SQLite refuses to rewrite a table, whoever asks."""
    return [
        f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
        f"BEGIN SELECT RAISE(ABORT, '{table}: append-only'); END"
        for verb in ("UPDATE", "DELETE")
    ]


for _append_only in APPEND_ONLY:
    for _statement in append_only_triggers(_append_only.name):
        _trigger = DDL(_statement)  # type: ignore[no-untyped-call]
        event.listen(_append_only, "after_create", _trigger.execute_if(dialect="sqlite"))
