"""A real pgbouncer in transaction mode before a test's PostgreSQL: each transaction may get another server session."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

import psycopg
from tests.postgres import NOBODY, PASSWORD, USER, PostgresServer, as_nobody, end_with_parent, free_port
from tests.waiting import eventually
from tools.debian import find

PROGRAM = find("pgbouncer")


class Bouncer:
    """A pooler on a free port that lets everybody of the server in.

    Args:
        server: where it leads.
        settings: of its section `[pgbouncer]`, over those that are here.
    """

    def __init__(self, server: PostgresServer, **settings: str) -> None:
        self.port = free_port()
        self._folder = Path(tempfile.mkdtemp(prefix="livecredits-pgbouncer-"))
        chosen = {
            "listen_addr": "127.0.0.1",
            "listen_port": str(self.port),
            "unix_socket_dir": "",
            "pool_mode": "transaction",
            "auth_type": "trust",
            "auth_file": str(self._folder / "users"),
            "admin_users": USER,
            "max_client_conn": "500",
            "default_pool_size": "10",
            # The next transaction gets the session that has rested longest, so that none meets its own again.
            "server_round_robin": "1",
            "server_login_retry": "1",
            **settings,
        }
        lines = [f"{name} = {value}" for name, value in chosen.items()]
        (self._folder / "users").write_text(f'"{USER}" "{PASSWORD}"\n')
        (self._folder / "ini").write_text(
            "\n".join(["[databases]", f"* = host=127.0.0.1 port={server.port}", "[pgbouncer]", *lines, ""])
        )
        if os.geteuid() == 0:
            os.chown(self._folder, NOBODY, NOBODY)
        self.start()

    def url(self, database: str) -> str:
        """The address of a database through it."""
        return f"postgresql://{USER}:{PASSWORD}@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        assert PROGRAM is not None
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [PROGRAM, "-q", self._folder / "ini"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                preexec_fn=end_with_parent,  # noqa: PLW1509 - it takes no lock
                **as_nobody(),
            )  # fmt: skip
        eventually(self._answers, told=(self._folder / "log").read_text)

    def _answers(self) -> bool:
        with contextlib.suppress(psycopg.OperationalError):
            psycopg.connect(self.url("pgbouncer"), autocommit=True).close()
            return True
        return False

    def kill(self) -> None:
        """End it at once, with all that goes through it."""
        self._process.kill()
        self._process.wait()

    def remove(self) -> None:
        """End it, and delete its files."""
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(10)
        shutil.rmtree(self._folder, ignore_errors=True)
