"""See that the crash tests find `strace`, where this machine allows to install it, and print its path.

Without it those tests are skipped by name, so its absence is told and is no failure. Tests import `find()`, which never
installs anything.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys


def find() -> str | None:
    """The path of strace, or None."""
    return shutil.which("strace")


def install() -> None:
    """Install Debian's package where apt and root are there."""
    if not (sys.platform == "linux" and shutil.which("apt-get") and os.geteuid() == 0):
        return
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for arguments in (("update", "-qq"), ("install", "-y", "-qq", "--no-install-recommends", "strace")):
        # The path alone belongs on standard output.
        subprocess.run(("apt-get", *arguments), env=quiet, check=False, stdout=sys.stderr)


def main() -> None:
    """Print the path of strace; install it first if that is possible."""
    if find() is None:
        install()
    print(find() or "strace is not here and cannot be installed: crash tests that need it are skipped.")


if __name__ == "__main__":
    main()
