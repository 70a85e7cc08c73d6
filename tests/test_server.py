"""The process: which ports it takes, why it does not, and how it ends."""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from tests.demo_process import environment

from livecredits import server
from livecredits.errors import StartRefused

FAILING = """
import asyncio, sys
from livecredits import server
from livecredits.credits import Credits
from livecredits.errors import StorageFailed
from livecredits.http.app import build_app

async def main():
    async with Credits(sys.argv[1]) as credits:
        app = build_app(credits)

        async def ready():
            # What the writer's thread does when a commit has failed for good.
            await asyncio.to_thread(credits._tell_failure, StorageFailed("The disk is gone."))

        await server.serve(app, app.services.live, credits, server.listen("127.0.0.1", 0), ready=ready)

server.run(main)
"""


def test_a_free_port_is_found_and_held() -> None:
    with closing(server.listen("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(StartRefused, match=f"Port {port} on 127.0.0.1 is in use .*--port {port + 1}"):
            server.listen("127.0.0.1", port)
    server.listen("127.0.0.1", port).close()


def test_a_port_that_just_served_is_free_again(tmp_path: Path) -> None:
    import socket

    with closing(server.listen("127.0.0.1", 0)) as listener:
        address = listener.getsockname()
        with closing(socket.create_connection(address)), closing(listener.accept()[0]) as served:
            served.shutdown(socket.SHUT_RDWR)
    server.listen(*address).close()


@pytest.mark.parametrize("host", ["192.0.2.1", "no-such-host.invalid"])
def test_an_address_of_elsewhere_is_refused_by_name(host: str) -> None:
    with pytest.raises(StartRefused, match=host.replace(".", r"\.")):
        server.listen(host, 0)


def test_a_database_that_failed_for_good_ends_the_process(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", FAILING, f"sqlite:///{tmp_path}/x.db"],
        env=environment(), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert ended.returncode == 1
    assert "StorageFailed: The disk is gone." in ended.stderr


def test_a_start_waits_for_no_library_that_it_does_not_need(tmp_path: Path) -> None:
    """On a new file too: its schema is made at once, by no migration. PostgreSQL's driver may not even be there."""
    slow = ("alembic", "cryptography", "jwt", "psycopg", "sqlalchemy.dialects.postgresql")
    program = (
        "import asyncio, sys; from livecredits import Credits, server; from livecredits.http.app import build_app\n"
        "async def main():\n"
        "    async with Credits(sys.argv[1]) as credits:\n"
        "        build_app(credits)\n"
        "        print(*sorted(set(sys.argv[2:]) & set(sys.modules)))\n"
        "server.run(main)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, f"sqlite:///{tmp_path}/x.db", *slow],
        env=environment(), capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert done.stdout == "\n"
