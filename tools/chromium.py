"""Find a Chromium for the end-to-end tests, or get one, and print its path.

Order: `LIVECREDITS_CHROMIUM`, a browser on the PATH, Playwright's own; else install Debian's package where apt and
root are there, else Playwright's build. Tests import `find()` and `find_shell()`, which never install anything.

The shell is Debian's `chromium-headless-shell`: the same pages and scripts without windows, tool bars and profiles
around them, for three quarters of the processor time. It is got where Debian's Chromium is, in the same version, and
never needed: without it all tests run in the whole browser.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tools import debian

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
SHELL = "chromium-headless-shell"
"""The name of the program and of its package."""
MAC_APPS = (
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)
NAMED = "LIVECREDITS_CHROMIUM"


def find() -> Path | None:
    """The browser to drive, or None if this machine has none."""
    named = os.environ.get(NAMED)
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


def find_shell() -> Path | None:
    """The browser without windows, or None: then, and where a browser was named, it is `find()` that serves for all."""
    path = None if os.environ.get(NAMED) else shutil.which(SHELL)
    return Path(path) if path else None


def _of_playwright() -> Path | None:
    # Asked last: starting Playwright's driver takes half a second.
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = Path(playwright.chromium.executable_path)
    return path if path.exists() else None


def install() -> None:
    """Install a Chromium in the way that this machine allows."""
    if debian.can_install():
        # Not every system with apt has the shell.
        if not debian.install(("chromium", SHELL)):
            debian.install(("chromium",))
    else:
        # The path alone belongs on standard output.
        command = (sys.executable, "-m", "playwright", "install", "chromium")
        subprocess.run(command, check=True, stdout=sys.stderr)


def install_shell() -> None:
    """Add the shell to Debian's Chromium, if it is to be had in that version: another one would change the browser."""
    version = debian.version_of("chromium")
    if version and debian.can_install():
        debian.install_from_known_lists(f"{SHELL}={version}")


def main() -> None:
    """Print the path of a Chromium; install one first if there is none."""
    if find() is None:
        install()
    elif find_shell() is None and not os.environ.get(NAMED):
        install_shell()
    path = find()
    if path is None:
        sys.exit("No Chromium was found or could be installed: set LIVECREDITS_CHROMIUM to the path of one.")
    print(path)


if __name__ == "__main__":
    main()
