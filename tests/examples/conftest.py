"""The SDK as npm would deliver it: built, packed, and unpacked into an app of its own, without a network."""

from __future__ import annotations

import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Page, sync_playwright
from tests.e2e.conftest import CHROMIUM_ARGS, usual
from tools.web import WEB, command, environment

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
OWN = {"livecredits", "livecredits-console", "livecredits-wallet", ".stamp", ".bin", ".vite", ".vite-temp"}


def run(name: str, *arguments: str, cwd: Path) -> str:
    """Run Node, npm or a tool of the workspace; returns what it printed."""
    done = subprocess.run(
        command(name, *arguments), cwd=cwd, env=environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{name} {' '.join(arguments)}\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="session")
def tarball(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `npm publish` would send."""
    folder = tmp_path_factory.mktemp("package")
    run("tsc", "-p", str(WEB / "sdk/tsconfig.build.json"), "--outDir", str(folder / "dist"), cwd=WEB)
    for name in ("package.json", "README.md"):
        shutil.copy(WEB / "sdk" / name, folder)
    shutil.copy(ROOT / "LICENSE", folder)
    return folder / run("npm", "pack", "--silent", cwd=folder).strip()


@dataclass(frozen=True)
class App:
    """A frontend that has the packed SDK among its dependencies."""

    folder: Path

    def build(self) -> Path:
        """Judge its types, bundle it; returns where the pages are."""
        run("tsc", "-p", ".", cwd=self.folder)
        run("vite", "build", "--logLevel", "warn", cwd=self.folder)
        return self.folder / "dist"


@pytest.fixture
def fresh_app(tarball: Path, tmp_path: Path) -> App:
    """The frontend of the first example, copied to a place where nothing of this repository is near."""
    folder = tmp_path / "frontend"
    shutil.copytree(
        EXAMPLES / "fastapi-react/frontend", folder, ignore=shutil.ignore_patterns("node_modules", "dist")
    )
    modules = folder / "node_modules"
    modules.mkdir()
    for installed in (WEB / "node_modules").iterdir():
        if installed.name not in OWN:
            (modules / installed.name).symlink_to(installed)
    with tarfile.open(tarball) as packed:
        packed.extractall(tmp_path / "unpacked", filter="data")
    (tmp_path / "unpacked/package").rename(modules / "livecredits")
    return App(folder)


@pytest.fixture
def page() -> Iterator[Page]:
    """A tab of a browser of its own."""
    executable = usual()
    if executable is None:
        pytest.skip("no Chromium on this machine")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(executable), args=CHROMIUM_ARGS)
        yield browser.new_context(locale="en-US").new_page()
        browser.close()
