"""PostgreSQL: the statements of the writer, set by set; `postgres` says when each is asked.

Promises: no text depends on how many rows it is about, and each reads by index alone, be the tables empty, young or
large (`tests/storage/test_postgres_plans.py`).
The odd thing: the planner may not choose. On young tables that nobody has analysed it reads whole tables for a batch (a
factor of 2–4), so the session forbids that (`postgres_session.SETTINGS`).
"""

from __future__ import annotations

from livecredits.core.lots import NEVER
from livecredits.storage import shapes
from livecredits.storage.postgres_rows import inserting

_NAMED = "unnest($1::text[], $2::text[]) AS j (user_id, unit)"
LOCK_ACCOUNTS = (
    f"SELECT {shapes.ACCOUNT} FROM {_NAMED} JOIN accounts AS a ON a.user_id = j.user_id AND a.unit = j.unit "
    "ORDER BY a.id FOR NO KEY UPDATE OF a"
)
LOCK_ALL_ACCOUNTS = (
    f"SELECT {shapes.ACCOUNT} FROM accounts AS a WHERE a.id = ANY (ARRAY("
    f"SELECT a.id FROM {_NAMED} JOIN accounts AS a ON a.user_id = j.user_id AND a.unit = j.unit "
    "UNION SELECT h.account_id FROM unnest($3::text[]) AS j (id) JOIN holds AS h ON h.id = j.id "
    "UNION SELECT e.account_id FROM unnest($4::text[]) AS j (id) JOIN entries AS e ON e.id = j.id "
    "UNION SELECT p.account_id FROM unnest($4::text[]) AS j (id) JOIN entries AS e ON e.id = j.id "
    "JOIN entries AS p ON p.id = e.peer "
    "UNION SELECT a.id FROM unnest($5::text[]) AS j (id) JOIN orders AS o ON o.id = j.id "
    "JOIN accounts AS a ON a.user_id = o.user_id AND a.unit = o.unit "
    "UNION SELECT a.id FROM unnest($6::text[], $7::text[]) AS j (user_id, digest) "
    "JOIN vouchers AS v ON v.digest = j.digest LEFT JOIN campaigns AS c ON c.id = v.campaign_id "
    "JOIN accounts AS a ON a.user_id = j.user_id AND a.unit = coalesce(v.unit, c.unit)"
    ")) ORDER BY a.id FOR NO KEY UPDATE"
)
"""Those that are named, and those to which the named holds, entries, orders and codes lead."""
FIND_ANSWERS = (
    "SELECT i.scope, i.key, i.content, i.answer FROM unnest($1::text[], $2::text[]) AS j (scope, key) "
    "JOIN idempotency AS i ON i.scope = j.scope AND i.key = j.key"
)
FIND_USERS = "SELECT u.user_id FROM unnest($1::text[]) AS j (id) JOIN users AS u ON u.user_id = j.id"
FIND_HOLDS = (
    f"SELECT {shapes.HOLD}, a.user_id, a.unit FROM unnest($1::text[]) AS j (id) "
    "JOIN holds AS h ON h.id = j.id JOIN accounts AS a ON a.id = h.account_id"
)
FIND_ENTRIES = (
    f"SELECT a.user_id, a.unit, r.reversed_by, {', '.join(shapes.ENTRY)}, e.hash FROM unnest($1::text[]) AS j (id) "
    "JOIN entries AS e ON e.id = j.id JOIN accounts AS a ON a.id = e.account_id "
    "LEFT JOIN reversals AS r ON r.entry_id = e.id"
)
FIND_MOVES = (
    f"SELECT m.entry_id, m.delta, {shapes.LOT} FROM unnest($1::text[]) AS j (id) "
    "JOIN entry_lots AS m ON m.entry_id = j.id JOIN lots AS l ON l.id = m.lot_id ORDER BY m.entry_id, m.position"
)
_DUE_LOTS = "expires_at_us IS NOT NULL AND remaining > earmarked AND expires_at_us <= $2::bigint"
_DUE_HOLDS = "state = 'open' AND expires_at_us <= $2::bigint"
FIND_DUE = (
    "SELECT j.id FROM unnest($1::bigint[]) AS j (id) "
    f"WHERE EXISTS (SELECT FROM lots WHERE account_id = j.id AND {_DUE_LOTS}) "
    f"OR EXISTS (SELECT FROM holds WHERE account_id = j.id AND {_DUE_HOLDS})"
)
FIND_DUE_NAMED = (
    f"SELECT a.id FROM {_NAMED} JOIN accounts AS a ON a.user_id = j.user_id AND a.unit = j.unit "
    f"WHERE EXISTS (SELECT FROM lots WHERE account_id = a.id AND {_DUE_LOTS.replace('$2', '$3')}) "
    f"OR EXISTS (SELECT FROM holds WHERE account_id = a.id AND {_DUE_HOLDS.replace('$2', '$3')})"
)
DUE_ACCOUNTS = (
    "SELECT a.user_id, a.unit FROM ("
    f"(SELECT account_id FROM lots WHERE {_DUE_LOTS} ORDER BY expires_at_us LIMIT $1) "
    f"UNION (SELECT account_id FROM holds WHERE {_DUE_HOLDS} ORDER BY expires_at_us LIMIT $1)) AS d "
    "JOIN accounts AS a ON a.id = d.account_id"
)
OPEN_LOTS = (
    f"SELECT {shapes.LOT} FROM unnest($1::bigint[]) AS j (id) CROSS JOIN LATERAL ("
    "SELECT * FROM lots WHERE account_id = j.id AND remaining > 0 "
    f"ORDER BY priority, coalesce(expires_at_us, {NEVER}), born, id LIMIT $2) AS l"
)
OPEN_LOTS_NAMED = (
    f"SELECT {shapes.LOT} FROM {_NAMED} JOIN accounts AS a ON a.user_id = j.user_id AND a.unit = j.unit "
    "CROSS JOIN LATERAL (SELECT * FROM lots WHERE account_id = a.id AND remaining > 0 "
    f"ORDER BY priority, coalesce(expires_at_us, {NEVER}), born, id LIMIT $3) AS l"
)
OPEN_HOLDS = (
    f"SELECT {shapes.HOLD} FROM unnest($1::bigint[]) AS j (id) CROSS JOIN LATERAL ("
    "SELECT * FROM holds WHERE account_id = j.id AND state = 'open' LIMIT $2) AS h"
)
_CAN_EXPIRE = "expires_at_us IS NOT NULL AND remaining > earmarked"
NEXT_EXPIRIES = (
    "SELECT j.id, n.at_us, (SELECT sum(remaining - earmarked)::bigint FROM lots "
    f"WHERE account_id = j.id AND expires_at_us = n.at_us AND {_CAN_EXPIRE}) "
    "FROM unnest($1::bigint[]) AS j (id) CROSS JOIN LATERAL ("
    f"SELECT min(expires_at_us) AS at_us FROM lots WHERE account_id = j.id AND {_CAN_EXPIRE}) AS n "
    "WHERE n.at_us IS NOT NULL"
)
NEXT_DUE = (
    f"SELECT least((SELECT min(expires_at_us) FROM lots WHERE {_CAN_EXPIRE}), "
    "(SELECT min(expires_at_us) FROM holds WHERE state = 'open'))"
)
NEWEST = "SELECT max(id) FROM entries"
NEWEST_OF = (
    "SELECT max(e.id) FROM unnest($1::bigint[]) AS j (id) JOIN accounts AS a ON a.id = j.id "
    "JOIN entries AS e ON e.account_id = a.id AND e.version = a.version"
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
