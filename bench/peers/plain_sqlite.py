"""The plain way to write the same rows: Python's sqlite3, one transaction for each spend, on the same schema and disk.

Promises: the statements that a careful program without group commit would send: look for the key, read the account
and its lots, then entry, lot movement, lot, account and key, and a commit with `synchronous=FULL` in WAL mode and
foreign keys checked, as the library has it. One thread, since SQLite has one writer anyway.
Not counted in its disfavour: it makes no hash chain, checks no floor and serialises no answer.
    python -m bench.peers.plain_sqlite FILE       prints {"event":"listening"}; FILE was seeded by `bench.callers`
Commands: `run CHANGES USERS` · `quit`.
"""

from __future__ import annotations

import sqlite3
import sys
import time

from bench.peers.control import tell
from bench.screens import users


def main() -> None:
    """Obey until told to stop."""
    database = sqlite3.connect(sys.argv[1], isolation_level=None)
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("PRAGMA synchronous=FULL")
    database.execute("PRAGMA foreign_keys=ON")
    database.execute("PRAGMA cache_size=-65536")
    tell(event="listening")
    for line in sys.stdin:
        _, changes, among = line.split()
        ids = users(int(among))
        began = time.perf_counter()
        for number in range(int(changes)):
            spend(database, ids[number % len(ids)], f"plain-{time.monotonic_ns()}")
        tell(event="ran", per_s=int(changes) / (time.perf_counter() - began))
    database.close()


def spend(database: sqlite3.Connection, user: str, key: str) -> None:
    """One spend of 1, durable when this returns."""
    at_us = time.time_ns() // 1000
    entry = f"ent_{at_us:016x}{time.monotonic_ns():016x}"
    database.execute("BEGIN IMMEDIATE")
    known = database.execute("SELECT answer FROM idempotency WHERE scope = 'service' AND key = ?", (key,))
    if known.fetchone() is not None:
        database.execute("ROLLBACK")
        return
    account, version, settled, held, last_hash = database.execute(
        "SELECT id, version, settled, held, last_hash FROM accounts WHERE user_id = ? AND unit = 'credits'",
        (user,),
    ).fetchone()
    (lot,) = database.execute(
        "SELECT id FROM lots WHERE account_id = ? AND remaining > 0 "
        "ORDER BY priority, coalesce(expires_at_us, 9223372036854775807), born, id LIMIT 1",
        (account,),
    ).fetchone()
    database.execute(
        "INSERT INTO entries (id, account_id, version, kind, amount, settled_delta, held_delta, settled_after, "
        "held_after, at_us, actor, hash) VALUES (?, ?, ?, 'spend', -1, -1, 0, ?, ?, ?, 'service:plain', ?)",
        (entry, account, version + 1, settled - 1, held, at_us, last_hash),
    )
    database.execute(
        "INSERT INTO entry_lots (entry_id, position, lot_id, delta) VALUES (?, 0, ?, -1)", (entry, lot)
    )
    database.execute("UPDATE lots SET remaining = remaining - 1 WHERE id = ?", (lot,))
    database.execute(
        "UPDATE accounts SET version = ?, settled = ?, changed_at_us = ? WHERE id = ?",
        (version + 1, settled - 1, at_us, account),
    )
    database.execute(
        "INSERT INTO idempotency (scope, key, content, answer, created_at_us) VALUES ('service', ?, ?, ?, ?)",
        (key, last_hash, ANSWER, at_us),
    )
    database.execute("COMMIT")


ANSWER = "x" * 200
"""As long as a stored answer is."""


if __name__ == "__main__":
    main()
