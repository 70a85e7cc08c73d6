"""What is started by forking differs in nothing from what is started from nothing but in the time that it takes."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from tests import forking
from tests.demo_process import COMMAND, START_S, environment, spawn


def from_nothing(*arguments: str, **values: str) -> tuple[int, str, str]:
    ran = subprocess.run(
        [COMMAND, *arguments],
        capture_output=True,
        text=True,
        env=environment(**values),
        timeout=START_S,
        check=False,
    )
    return ran.returncode, ran.stdout, ran.stderr


def forked(*arguments: str, **values: str) -> tuple[int, str, str]:
    ran = spawn(*arguments, **values)
    out, err = ran.communicate(timeout=START_S)
    return ran.returncode, out, err


@pytest.mark.parametrize(
    "arguments",
    [
        ("--help",),
        ("grant", "--nope"),
        ("verify", "--database", "sqlite:///nowhere/at/all.db"),
        ("serve", "--port", "0", "--database", "mysql://elsewhere/ж"),
        ("key", "list", "--json"),
    ],
)
def test_it_says_and_ends_as_any_other(arguments: tuple[str, ...], tmp_path: Path) -> None:
    values = {"LIVECREDITS_DATABASE_URL": f"sqlite:///{tmp_path}/x.db"}
    assert forked(*arguments, **values) == from_nothing(*arguments, **values)


@pytest.mark.skipif(not forking.IS_POSSIBLE, reason="orphans are taken in on Linux alone")
def test_it_has_an_environment_and_secrets_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secrets = []
    for name in ("one", "other"):
        # What the process that forks was started with is not what a command is given.
        monkeypatch.setenv("LIVECREDITS_DATABASE_URL", "sqlite:///nowhere/at/all.db")
        status, out, err = forked(
            "key", "add", name, "--json", LIVECREDITS_DATABASE_URL=f"sqlite:///{tmp_path}/{name}.db"
        )
        assert status == 0, err
        secrets.append(json.loads(out)["secret"])
    assert len(set(secrets)) == 2
    ran = spawn("--help")
    assert isinstance(ran, forking.Forked)
    told = Path(f"/proc/{ran.pid}/stat").read_text().rpartition(")")[2].split()
    assert int(told[1]) == os.getpid(), "it is no child of the test's"
    ran.communicate(timeout=START_S)
