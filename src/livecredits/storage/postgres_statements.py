"""PostgreSQL: the statements of the writer, set by set; `postgres` says when each is asked.

Promises: no text depends on how many rows it is about, and each looks up what it needs by index, be the tables empty,
young or large (`tests/storage/test_postgres_plans.py`).
The odd thing: the planner may not choose. It plans once for many batches, perhaps when there was not a row yet, and a
plan that reads the whole of an empty table goes on to do so: 100 ms for a batch behind 10,000 entries. So each join is
one that looks up (`postgres_rows.each`), and the session forbids the rest (`postgres_session.SETTINGS`).
"""

from __future__ import annotations

from livecredits.core.lots import NEVER
from livecredits.storage import shapes
from livecredits.storage.postgres_rows import TEXT, WHOLE, ArrayRows, each, inserting

_NAMED = "unnest($1::text[], $2::text[]) AS j (user_id, unit)"
_ACCOUNT_NAMED = each("accounts", "a", "user_id = j.user_id AND unit = j.unit")
LOCK_ACCOUNTS = (
    f"SELECT {shapes.ACCOUNT} FROM accounts AS a WHERE a.id = ANY (ARRAY("
    f"SELECT a.id FROM {_NAMED} {_ACCOUNT_NAMED})) ORDER BY a.id FOR NO KEY UPDATE"
)
LOCK_ALL_ACCOUNTS = (
    f"SELECT {shapes.ACCOUNT} FROM accounts AS a WHERE a.id = ANY (ARRAY("
    f"SELECT a.id FROM {_NAMED} {_ACCOUNT_NAMED} "
    f"UNION SELECT h.account_id FROM unnest($3::text[]) AS j (id) {each('holds', 'h', 'id = j.id')} "
    f"UNION SELECT e.account_id FROM unnest($4::text[]) AS j (id) {each('entries', 'e', 'id = j.id')} "
    f"UNION SELECT p.account_id FROM unnest($4::text[]) AS j (id) {each('entries', 'e', 'id = j.id')} "
    f"{each('entries', 'p', 'id = e.peer')} "
    f"UNION SELECT a.id FROM unnest($5::text[]) AS j (id) {each('orders', 'o', 'id = j.id')} "
    f"{each('accounts', 'a', 'user_id = o.user_id AND unit = o.unit')} "
    f"UNION SELECT a.id FROM unnest($6::text[], $7::text[]) AS j (user_id, digest) "
    f"{each('vouchers', 'v', 'digest = j.digest')} {each('campaigns', 'c', 'id = v.campaign_id', 'LEFT JOIN')} "
    f"{each('accounts', 'a', 'user_id = j.user_id AND unit = coalesce(v.unit, c.unit)')}"
    ")) ORDER BY a.id FOR NO KEY UPDATE"
)
"""Those that are named, and those to which the named holds, entries, orders and codes lead."""
FIND_ANSWERS = (
    "SELECT i.scope, i.key, i.content, i.answer FROM unnest($1::text[], $2::text[]) AS j (scope, key) "
    f"{each('idempotency', 'i', 'scope = j.scope AND key = j.key')}"
)
FIND_USERS = f"SELECT u.user_id FROM unnest($1::text[]) AS j (id) {each('users', 'u', 'user_id = j.id')}"
FIND_HOLDS = (
    f"SELECT {shapes.HOLD}, a.user_id, a.unit FROM unnest($1::text[]) AS j (id) "
    f"{each('holds', 'h', 'id = j.id')} {each('accounts', 'a', 'id = h.account_id')}"
)
FIND_ENTRIES = (
    f"SELECT a.user_id, a.unit, r.reversed_by, {', '.join(shapes.ENTRY)}, e.hash FROM unnest($1::text[]) AS j (id) "
    f"{each('entries', 'e', 'id = j.id')} {each('accounts', 'a', 'id = e.account_id')} "
    f"{each('reversals', 'r', 'entry_id = e.id', 'LEFT JOIN')}"
)
FIND_MOVES = (
    f"SELECT m.entry_id, m.delta, {shapes.LOT} FROM unnest($1::text[]) AS j (id) "
    f"{each('entry_lots', 'm', 'entry_id = j.id')} {each('lots', 'l', 'id = m.lot_id')} "
    "ORDER BY m.entry_id, m.position"
)
_DUE_LOTS = "can_expire AND expires_at_us <= $2::bigint"
_DUE_HOLDS = "state = 'open' AND expires_at_us <= $2::bigint"


def _is_due(account: str, now: str) -> str:
    """Whether an account has something due; asked so that it is looked up for each, and not listed for all at once."""
    lots, holds = (due.replace("$2", now) for due in (_DUE_LOTS, _DUE_HOLDS))
    return (
        f"((SELECT true FROM lots WHERE account_id = {account} AND {lots} LIMIT 1) "
        f"OR (SELECT true FROM holds WHERE account_id = {account} AND {holds} LIMIT 1))"
    )


FIND_DUE = f"SELECT j.id FROM unnest($1::bigint[]) AS j (id) WHERE {_is_due('j.id', '$2')}"
FIND_DUE_NAMED = f"SELECT a.id FROM {_NAMED} {_ACCOUNT_NAMED} WHERE {_is_due('a.id', '$3')}"
DUE_ACCOUNTS = (
    "SELECT a.user_id, a.unit FROM ("
    f"(SELECT account_id FROM lots WHERE {_DUE_LOTS} ORDER BY expires_at_us LIMIT $1) "
    f"UNION (SELECT account_id FROM holds WHERE {_DUE_HOLDS} ORDER BY expires_at_us LIMIT $1)) AS d "
    f"{each('accounts', 'a', 'id = d.account_id')}"
)
OPEN_LOTS = (
    f"SELECT {shapes.LOT} FROM unnest($1::bigint[]) AS j (id) CROSS JOIN LATERAL ("
    "SELECT * FROM lots WHERE account_id = j.id AND is_open "
    f"ORDER BY priority, coalesce(expires_at_us, {NEVER}), born, id LIMIT $2) AS l"
)
OPEN_LOTS_NAMED = (
    f"SELECT {shapes.LOT} FROM {_NAMED} {_ACCOUNT_NAMED} "
    "CROSS JOIN LATERAL (SELECT * FROM lots WHERE account_id = a.id AND is_open "
    f"ORDER BY priority, coalesce(expires_at_us, {NEVER}), born, id LIMIT $3) AS l"
)
OPEN_HOLDS = (
    f"SELECT {shapes.HOLD} FROM unnest($1::bigint[]) AS j (id) CROSS JOIN LATERAL ("
    "SELECT * FROM holds WHERE account_id = j.id AND state = 'open' LIMIT $2) AS h"
)
NEXT_EXPIRIES = (
    "SELECT j.id, n.at_us, (SELECT sum(remaining - earmarked)::bigint FROM lots "
    "WHERE account_id = j.id AND expires_at_us = n.at_us AND can_expire) "
    "FROM unnest($1::bigint[]) AS j (id) CROSS JOIN LATERAL ("
    "SELECT min(expires_at_us) AS at_us FROM ("
    "SELECT expires_at_us FROM lots WHERE account_id = j.id AND can_expire OFFSET 0) AS l) AS n "
    "WHERE n.at_us IS NOT NULL"
)
NEXT_DUE = (
    "SELECT least((SELECT min(expires_at_us) FROM lots WHERE can_expire), "
    "(SELECT min(expires_at_us) FROM holds WHERE state = 'open'))"
)
NEWEST = "SELECT max(id) FROM entries"
NEWEST_OF = (
    f"SELECT max(e.id) FROM unnest($1::bigint[]) AS j (id) {each('accounts', 'a', 'id = j.id')} "
    f"{each('entries', 'e', 'account_id = a.id AND version = a.version')}"
)
NEW_NUMBERS = "SELECT nextval('account_numbers') FROM generate_series(1, $1)"
INSERT_USERS = inserting("users", "user_id, created_at_us, updated_at_us")
SAVE_ACCOUNTS = inserting(
    "accounts",
    shapes.ACCOUNT_COLUMNS,
    "ON CONFLICT (id) DO UPDATE SET version = excluded.version, settled = excluded.settled, held = excluded.held, "
    "last_hash = excluded.last_hash, changed_at_us = excluded.changed_at_us, user_keys = excluded.user_keys",
)
SAVE_LOTS = inserting(
    "lots",
    shapes.LOT_COLUMNS,
    "ON CONFLICT (id) DO UPDATE SET remaining = excluded.remaining, earmarked = excluded.earmarked",
)


def _moving(table: str, of: str, *kinds: str) -> ArrayRows:
    """An UPDATE of rows that are there, by their ids.

    By their places, since of a table that was seen empty PostgreSQL before 17 would rather read all of an index.
    """
    key, *moved = of.split(", ")
    return ArrayRows(
        kinds,
        f"UPDATE {table} SET {', '.join(f'{name} = j.{name}' for name in moved)} FROM {{rows}} AS j ({of}) "
        f"CROSS JOIN LATERAL (SELECT ctid AS place FROM {table} AS t WHERE t.{key} = j.{key} OFFSET 0) AS t "
        f"WHERE {table}.ctid = t.place",
    )


MOVE_ACCOUNTS = _moving("accounts", shapes.ACCOUNT_MOVED, WHOLE, WHOLE, WHOLE, WHOLE, TEXT, WHOLE, TEXT)
MOVE_LOTS = _moving("lots", shapes.LOT_MOVED, TEXT, WHOLE, WHOLE)
"""What an entry changes of an account and of a lot that are there; the rest of them need not go along."""
SAVE_HOLDS = inserting(
    "holds",
    shapes.HOLD_COLUMNS,
    "ON CONFLICT (id) DO UPDATE SET state = excluded.state, marks = excluded.marks, "
    "captured = excluded.captured, closed_at_us = excluded.closed_at_us",
)
INSERT_ENTRIES = inserting("entries", f"account_id, {shapes.ENTRY_COLUMNS}, hash")
INSERT_MOVES = inserting("entry_lots", "entry_id, position, lot_id, delta")
INSERT_REVERSALS = inserting("reversals", "entry_id, reversed_by")
INSERT_ANSWERS = inserting("idempotency", "scope, key, content, answer, created_at_us")
INSERT_AUDIT = inserting(
    "audit", "id, at_us, actor, action, target, reason, before, after, address, request_id, details"
)
INSERT_BATCH_PARTS = inserting("batch_parts", "batch_id, position, rows")
_COUNTS = ", ".join(f"{name} = excluded.{name}" for name in shapes.BROADCAST_COUNTED)
SAVE_BROADCASTS = inserting(
    "broadcasts",
    f"id, node, {', '.join(shapes.BROADCAST_COUNTED)}",
    f"ON CONFLICT (id, node) DO UPDATE SET {_COUNTS}",
)
SAVE_SPANS = inserting(
    "broadcast_spans",
    "node, first_id, before_id",
    "ON CONFLICT (node, first_id) DO UPDATE SET before_id = excluded.before_id",
)
