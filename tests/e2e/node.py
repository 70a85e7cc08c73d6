"""The demo as one of several nodes on a PostgreSQL: a host app with its wallet, and the console."""

from __future__ import annotations

import json
import select
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tests.demo_process import START_S, Demo, environment

from livecredits import server
from livecredits.config import Settings
from livecredits.demo import run_demo

SECRET = "the same on all nodes, and long enough"


def main(url: str, name: str) -> None:
    settings = Settings.load(database_url=url, secret=SECRET, node_name=name, metrics_open=True, drain_s=2)
    listener = server.listen("127.0.0.1", 0)
    server.run(lambda: run_demo(settings, listener, as_json=True, browser=False))


@contextmanager
def running_node(url: str, name: str) -> Iterator[Demo]:
    """A node that answers."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.e2e.node", url, name],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(),
    )  # fmt: skip
    try:
        assert process.stdout is not None
        ready, _, _ = select.select([process.stdout], [], [], START_S)
        line = process.stdout.readline() if ready else ""
        if not line:
            process.kill()
            raise AssertionError(f"the node did not start: {process.communicate()[1]}")
        yield Demo(process, json.loads(line))
    finally:
        process.terminate()
        process.communicate(timeout=START_S)


if __name__ == "__main__":
    main(*sys.argv[1:])
