"""See that tests find the programs that no Python package brings, where this machine allows to install them.

`strace` stops a process at any call, `pgbouncer` stands between the service and PostgreSQL. Without them the tests that
need them are skipped by name, so an absence is told and is no failure. Tests import `find`, which installs nothing.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

PROGRAMS = ("strace", "pgbouncer")
"""Each is the name of its package, too."""
OF_SERVERS = "/usr/sbin:/usr/local/sbin"
"""Not on everybody's PATH."""


def find(program: str) -> str | None:
    """The path of a program, or None."""
    return shutil.which(program, path=f"{os.environ.get('PATH', os.defpath)}:{OF_SERVERS}")


def install(programs: list[str]) -> None:
    """Install Debian's packages where apt and root are there."""
    if not (sys.platform == "linux" and shutil.which("apt-get") and os.geteuid() == 0):
        return
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for arguments in (("update", "-qq"), ("install", "-y", "-qq", "--no-install-recommends", *programs)):
        # The paths alone belong on standard output.
        subprocess.run(("apt-get", *arguments), env=quiet, check=False, stdout=sys.stderr)


def main() -> None:
    """Print the path of each program; install those that are missing first, if that is possible."""
    missing = [program for program in PROGRAMS if find(program) is None]
    if missing:
        install(missing)
    for program in PROGRAMS:
        print(
            find(program) or f"{program} is not here and cannot be installed: tests that need it are skipped."
        )


if __name__ == "__main__":
    main()
