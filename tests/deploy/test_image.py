"""The steps of deploy/Dockerfile without Docker: the wheel is built, installed by hashes, and serves without rights.

What stands in the image's root stands in one folder here; its two stages share it. Everything else is run as written.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.demo_process import START_S, environment, free_port, running_demo
from tests.deploy.test_files import DEPLOY, ROOT, steps

NOBODY = 65534
PLACES = ("/src", "/opt", "/data")
NOT_COPIED = shutil.ignore_patterns("node_modules", "dist", "static", "__pycache__", "*.db*")
BUILD_S = 900


def healthy(port: int) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(DEPLOY / "healthy.py"), str(port)]
    return subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)


# --- the health check --------------------------------------------------------------------------------------------


def test_a_node_that_takes_changes_is_healthy_and_a_stopped_one_is_not() -> None:
    with running_demo() as demo:
        assert healthy(demo.port).returncode == 0
    gone = healthy(demo.port)
    assert gone.returncode == 1
    assert "no answer" in gone.stderr


def test_a_node_that_is_not_ready_is_told_with_its_reason() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:

        def refuse() -> None:
            line, _ = listener.accept()
            line.recv(4096)
            line.sendall(b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 12\r\n\r\nit is ending")
            line.close()

        refusing = threading.Thread(target=refuse)
        refusing.start()
        told = healthy(listener.getsockname()[1])
        refusing.join()
    assert (told.returncode, told.stderr) == (1, "not ready: it is ending\n")


def test_a_node_that_does_not_answer_is_given_up() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        assert healthy(silent.getsockname()[1]).returncode == 1


# --- the steps ---------------------------------------------------------------------------------------------------


def everybodys_python() -> str:
    """An interpreter that a user without rights can run, new enough; else the one that runs the tests."""
    for name in ("python3.13", "python3.12", "python3.11", "python3"):
        found = shutil.which(name, path="/usr/local/bin:/usr/bin")
        probe = "import ensurepip, sys; sys.exit(sys.version_info < (3, 11))"
        if found and subprocess.run([found, "-c", probe], capture_output=True, check=False).returncode == 0:
            return found
    return sys.executable


class Image:
    """What the Dockerfile makes, below `root`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.settings: dict[str, str] = {}
        self.python = everybodys_python()
        for place in PLACES:
            (root / place[1:]).mkdir(parents=True)

    def here(self, text: str) -> str:
        """The same words with the image's places below `root`."""
        return re.sub(rf"(?<![\w/.])({'|'.join(PLACES)})(?=[/:\s\"]|$)", rf"{self.root}\1", text)

    def follow(self) -> None:
        """Run every instruction that makes the image."""
        for word, rest in steps():
            if word == "RUN" and not rest.startswith("useradd"):
                self._run(rest)
            elif word == "COPY" and not rest.startswith("--from"):
                self._copy(*rest.split())
            elif word == "ENV":
                self._set(rest)

    def _run(self, command: str) -> None:
        words = shlex.split(self.here(command))
        if words[0] == "python":
            words[0] = self.python
        kept = environment(PYTHONPATH="")
        ran = subprocess.run(words, capture_output=True, text=True, env=kept, timeout=BUILD_S, check=False)
        assert ran.returncode == 0, f"{command}\n{ran.stdout[-3000:]}\n{ran.stderr[-3000:]}"

    def _copy(self, *names: str) -> None:
        *sources, to = names
        for source in sources:
            target = Path(self.here(to)) / source if to.endswith("/") else Path(self.here(to))
            if (ROOT / source).is_dir():
                shutil.copytree(ROOT / source, target, ignore=NOT_COPIED)
            else:
                shutil.copy(ROOT / source, target)

    def _set(self, pairs: str) -> None:
        for pair in shlex.split(pairs):
            name, _, value = pair.partition("=")
            value = value.replace("$PATH", os.environ["PATH"])
            self.settings[name] = re.sub(r"^sqlite:////", f"sqlite:///{self.root}/", self.here(value))

    def command(self, instruction: str) -> list[str]:
        """The words of a CMD or an ENTRYPOINT."""
        words: list[str] = json.loads(dict(steps())[instruction])
        return words


@pytest.fixture
def image() -> Iterator[Image]:
    root = Path(tempfile.mkdtemp(prefix="livecredits-image-"))
    root.chmod(0o755)  # whoever has no rights must get there
    try:
        made = Image(root)
        made.follow()
        yield made
    finally:
        shutil.rmtree(root)


@pytest.mark.slow
@pytest.mark.timeout(BUILD_S)
def test_what_the_steps_make_serves_without_rights(image: Image) -> None:
    port = free_port()
    command = [*image.command("ENTRYPOINT"), *image.command("CMD")]
    command[command.index("--host") + 1], command[command.index("--port") + 1] = "127.0.0.1", str(port)
    settings = {**environment(), **image.settings, "PYTHONPATH": ""}
    without_rights: dict[str, Any] = {}
    if os.geteuid() == 0 and image.python != sys.executable:
        without_rights = {"user": NOBODY, "group": NOBODY}
        os.chown(image.root / "data", NOBODY, NOBODY)

    def start(**more: str) -> subprocess.Popen[str]:
        program = image.root / "opt/livecredits/bin" / command[0]
        process: subprocess.Popen[str] = subprocess.Popen(
            [program, *command[1:], "--json"], cwd=image.root / "data", env={**settings, **more},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **without_rights,
        )  # fmt: skip
        return process

    unset = start()
    assert "secret is missing and mode is production" in unset.communicate(timeout=START_S)[1]
    assert unset.returncode == 2

    node = start(LIVECREDITS_SECRET="a secret of more than thirty-two characters")
    try:
        assert node.stdout is not None
        assert json.loads(node.stdout.readline()) == {"url": f"http://127.0.0.1:{port}"}
        python, check = (f"{image.root}/opt/livecredits/{name}" for name in ("bin/python", "healthy.py"))
        asked = subprocess.run([python, check, str(port)], env=settings, check=False, **without_rights)
        assert asked.returncode == 0
        probe = "import livecredits, psycopg, httpx2; print(livecredits.__file__)"
        where = subprocess.run(
            [python, "-c", probe], env=settings, capture_output=True, text=True, check=True
        ).stdout
        assert where.startswith(str(image.root))
        assert (image.root / "data/livecredits.db").stat().st_uid == without_rights.get("user", os.geteuid())
    finally:
        node.terminate()
        told = node.communicate(timeout=START_S)[1]
    assert node.returncode == 0, told
