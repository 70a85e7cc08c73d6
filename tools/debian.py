"""See that tests find the programs that no Python package brings, where this machine allows to install them.

`strace` stops a process at any call, `pgbouncer` stands between the service and PostgreSQL. Without them the tests that
need them are skipped by name, so an absence is told and is no failure. Tests import `find`, which installs nothing.

The odd thing: apt's lists are fetched only when an installation fails, since mostly another one has just done so.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence

PROGRAMS = ("strace", "pgbouncer")
"""Each is the name of its package, too."""
OF_SERVERS = "/usr/sbin:/usr/local/sbin"
"""Not on everybody's PATH."""


def find(program: str) -> str | None:
    """The path of a program, or None."""
    return shutil.which(program, path=f"{os.environ.get('PATH', os.defpath)}:{OF_SERVERS}")


def can_install() -> bool:
    """Whether this is root on a system with apt."""
    return sys.platform == "linux" and shutil.which("apt-get") is not None and os.geteuid() == 0


def version_of(package: str) -> str | None:
    """The version in which a package is installed, or None."""
    if shutil.which("dpkg-query") is None:
        return None
    command = ("dpkg-query", "--show", "--showformat", "${db:Status-Status} ${Version}", package)
    status, _, version = subprocess.run(
        command, check=False, capture_output=True, text=True
    ).stdout.partition(" ")
    return version if status == "installed" else None


def install(packages: Sequence[str]) -> bool:
    """Install packages; whether all of them are here now."""
    wanted = ("install", "-y", "-qq", "--no-install-recommends", *packages)
    return _apt(*wanted) or (_apt("update", "-qq") and _apt(*wanted))


def install_from_known_lists(package: str) -> bool:
    """Install what costs no look at the archive; whether it is here now."""
    return _apt("install", "-y", "-qq", "--no-install-recommends", package)


def _apt(*arguments: str) -> bool:
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    # The paths alone belong on standard output.
    return subprocess.run(("apt-get", *arguments), env=quiet, check=False, stdout=sys.stderr).returncode == 0


def main() -> None:
    """Print the path of each program; install those that are missing first, if that is possible."""
    missing = [program for program in PROGRAMS if find(program) is None]
    if missing and can_install():
        install(missing)
    for program in PROGRAMS:
        print(
            find(program) or f"{program} is not here and cannot be installed: tests that need it are skipped."
        )


if __name__ == "__main__":
    main()
