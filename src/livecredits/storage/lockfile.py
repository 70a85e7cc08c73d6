"""One process owns a database file: a lock on FILE.lock for as long as it is open.

Promises: a second owner is refused with the name of the file and of the holder: at once in the same process, which
cannot be about to end, else after waiting at most `LONGEST_WAIT_S` for the former process; the lock goes with its
process, however that ends. Must not know of SQL.
The odd thing: the lock file stays behind on purpose. Removing it would let two processes lock two different files.
"""

from __future__ import annotations

import fcntl
import os
import sys
import threading
import time
from pathlib import Path
from typing import IO

from livecredits.errors import StartRefused

LONGEST_WAIT_S = 10.0
_PAUSE_S = 0.05


_held: dict[Path, int] = {}
"""Which lock files are held here, and by which process: a fork begins with its parent's."""
_holding = threading.Lock()


class FileLock:
    """Holds FILE.lock until `release`."""

    def __init__(self, database: Path) -> None:
        """Take the lock.

        Raises:
            StartRefused: another process, or another `Credits` of this one, has the file open.
        """
        # By whatever name it was opened: two locks on two names would let in two owners.
        self._path = path = Path(f"{database.resolve()}.lock")
        with _holding:
            if _held.get(path) == os.getpid():
                raise StartRefused(
                    f"The database {database} is open in this process already. Share that one Credits, or close it "
                    "first: a SQLite file has one owner."
                )
            _held[path] = os.getpid()
        try:
            self._take(path, database)
        except BaseException:
            self._forget()
            raise

    def _take(self, path: Path, database: Path) -> None:
        try:
            self._file: IO[str] = path.open("a+", encoding="utf-8")
        except OSError as error:
            raise StartRefused(f"The database {database} cannot be locked: {error}.") from error
        deadline = time.monotonic() + LONGEST_WAIT_S
        while not self._try():
            if time.monotonic() >= deadline:
                holder = self._holder()
                self._file.close()
                raise StartRefused(
                    f"The database {database} is open in another process ({holder}). Only one process may own a "
                    f"SQLite file; stop that one, or send changes through it (LIVECREDITS_URL, LIVECREDITS_KEY)."
                )
            time.sleep(_PAUSE_S)
        self._sign()

    def _try(self) -> bool:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _holder(self) -> str:
        self._file.seek(0)
        return self._file.read(200).strip() or "unknown"

    def _sign(self) -> None:
        self._file.truncate(0)
        self._file.write(f"process {os.getpid()}, {Path(sys.argv[0] or 'python').name}\n")
        self._file.flush()

    def release(self) -> None:
        """Let the next one have the file."""
        self._file.close()
        self._forget()

    def _forget(self) -> None:
        with _holding:
            _held.pop(self._path, None)
