"""Find a Chromium for the end-to-end tests, or get one, and print its path.

Order: `LIVECREDITS_CHROMIUM`, a browser on the PATH, Playwright's own; else install Debian's package where apt and
root are there, else Playwright's build. Tests import `find()`, which never installs anything.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
MAC_APPS = (
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)


def find() -> Path | None:
    """The browser to drive, or None if this machine has none."""
    named = os.environ.get("LIVECREDITS_CHROMIUM")
    if named:
        return Path(named)
    for name in NAMES:
        path = shutil.which(name)
        if path:
            return Path(path)
    for path in MAC_APPS:
        if Path(path).exists():
            return Path(path)
    return _of_playwright()


def _of_playwright() -> Path | None:
    # Asked last: starting Playwright's driver takes half a second.
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = Path(playwright.chromium.executable_path)
    return path if path.exists() else None


def install() -> None:
    """Install a Chromium in the way that this machine allows."""
    if shutil.which("apt-get") and os.geteuid() == 0:
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        _run("apt-get", "update", "-qq", environment=quiet)
        _run("apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium", environment=quiet)
    else:
        _run(sys.executable, "-m", "playwright", "install", "chromium", environment=dict(os.environ))


def _run(*command: str, environment: dict[str, str]) -> None:
    # The path alone belongs on standard output.
    subprocess.run(command, env=environment, check=True, stdout=sys.stderr)


def main() -> None:
    """Print the path of a Chromium; install one first if there is none."""
    path = find()
    if path is None:
        install()
        path = find()
    if path is None:
        sys.exit("No Chromium was found or could be installed: set LIVECREDITS_CHROMIUM to the path of one.")
    print(path)


if __name__ == "__main__":
    main()
