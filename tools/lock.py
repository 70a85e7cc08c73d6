"""Pin every Python dependency with its hashes (`write`), and check the pins without a network (`check`).

The lock files name packages, versions and hashes, never the index or the machine they were made on: who installs
decides where from. `check` holds the files to pyproject.toml, to each other, and to that rule; the same rule is held
for web/package-lock.json (`npm ci` itself compares that one to the package.json files).
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ROOT / "requirements"

# dev comes first: the others are constrained by it, so that one environment can hold them all.
SOURCES: dict[str, list[str]] = {
    "uv": ["--group", "uv"],
    "dev": ["pyproject.toml", "--all-extras", "--group", "dev"],
    "run": ["pyproject.toml", "--constraints", "requirements/dev.txt"],
    "image": [
        "pyproject.toml",
        "--extra",
        "client",
        "--extra",
        "postgres",
        "--constraints",
        "requirements/dev.txt",
    ],
    "build": ["--group", "build", "--constraints", "requirements/dev.txt"],
}
OPTIONS = [
    "--no-config",
    "--quiet",
    "--universal",
    "--python-version=3.11",
    "--generate-hashes",
    "--no-emit-index-url",
    "--no-emit-find-links",
    "--custom-compile-command=make lock",
]
PIN = re.compile(r"^([a-z0-9-]+)(?:\[[^\]]*\])?==(\S+)", re.MULTILINE)


def write(arguments: list[str]) -> None:
    """Resolve anew; pins that still fit stay, unless `--upgrade` or `--upgrade-package NAME` says otherwise."""
    # Settings of this machine must not leak into files that everybody shares.
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("UV_", "PIP_"))}
    uv = str(Path(sys.executable).with_name("uv"))
    for name, source in SOURCES.items():
        command = [
            uv,
            "pip",
            "compile",
            *OPTIONS,
            *source,
            *arguments,
            "--output-file",
            f"requirements/{name}.txt",
        ]
        subprocess.run(command, cwd=ROOT, env=environment, check=True)


def faults() -> list[str]:
    """What is wrong with the lock files; empty when all is well."""
    texts = {name: (LOCKS / f"{name}.txt").read_text() for name in SOURCES}
    pins = {name: dict(PIN.findall(text)) for name, text in texts.items()}
    return [
        *_places_in_requirements(texts),
        *_places_in_package_lock((ROOT / "web" / "package-lock.json").read_text()),
        *_disagreements(pins),
        *_unlocked(pins),
    ]


def _places_in_requirements(texts: dict[str, str]) -> list[str]:
    return [
        f"requirements/{name}.txt names a place: {line.strip()}"
        for name, text in texts.items()
        for line in text.splitlines()
        if "://" in line or " /" in line or "--find-links" in line or "--index" in line
    ]


def _places_in_package_lock(text: str) -> list[str]:
    packages: dict[str, dict[str, object]] = json.loads(text)["packages"]
    # Links to our own workspaces are the one thing `resolved` may hold.
    return [
        f"web/package-lock.json names a place: {name} is resolved to {package['resolved']}"
        for name, package in packages.items()
        if "resolved" in package and not package.get("link")
    ]


def _disagreements(pins: dict[str, dict[str, str]]) -> list[str]:
    return [
        f"requirements/{lock}.txt has {name} {version}, requirements/dev.txt has {pins['dev'].get(name)}"
        for lock in ("run", "image", "build")
        for name, version in pins[lock].items()
        if pins["dev"].get(name) != version
    ]


def _unlocked(pins: dict[str, dict[str, str]]) -> list[str]:
    from packaging.requirements import Requirement

    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text())
    project, groups = pyproject["project"], pyproject["dependency-groups"]
    extras = [line for lines in project["optional-dependencies"].values() for line in lines]
    wanted = {
        "run": project["dependencies"],
        "image": [*project["dependencies"], *extras],
        "dev": [*project["dependencies"], *extras, *groups["dev"]],
        "build": groups["build"],
        "uv": groups["uv"],
    }
    found = []
    for lock, lines in wanted.items():
        for requirement in (Requirement(line) for line in lines if isinstance(line, str)):
            pinned = pins[lock].get(requirement.name.lower().replace("_", "-"))
            if pinned is None or not requirement.specifier.contains(pinned, prereleases=True):
                found.append(f"requirements/{lock}.txt has {pinned} for {requirement}: run `make lock`")
    return found


def main() -> None:
    """`write [--upgrade …]` or `check`."""
    match sys.argv[1:]:
        case ["write", *arguments]:
            write(arguments)
        case ["check"]:
            found = faults()
            if found:
                sys.exit("\n".join(found))
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main()
