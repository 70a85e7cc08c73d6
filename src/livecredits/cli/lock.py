"""Who has a ledger's file open, found out without opening it.

Promises: it takes nothing, waits for nothing and makes no file. A server that starts waits for its predecessor to end
(`storage.lockfile`); a person at a terminal wants to be told at once.
"""

from __future__ import annotations

import fcntl
from pathlib import Path

from livecredits.errors import StartRefused


def holder_of(database: Path) -> str | None:
    """What the process that owns the file wrote about itself; None where nobody owns it."""
    lock = Path(f"{database}.lock")
    if not lock.exists():
        return None
    with lock.open() as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return handle.read(200).strip() or "unknown"
    return None


def require_free(url: str) -> None:
    """Go on only if this process may open the ledger; a PostgreSQL database is open to many.

    Raises:
        StartRefused: naming who has it, and how to go through them.
    """
    from livecredits.storage.database import is_postgres, path_of

    if is_postgres(url):
        return
    file = path_of(url)
    holder = holder_of(file)
    if holder is not None:
        raise StartRefused(
            f"{file} is open in another process ({holder}), and only one may own it. "
            "Set LIVECREDITS_URL and LIVECREDITS_KEY to go through that server, or stop it first."
        )
