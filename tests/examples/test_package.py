"""The npm package as somebody else gets it: well formed, whole, and of use to a fresh app."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import pytest
from tests.examples.conftest import App, run
from tools.web import WEB

pytestmark = pytest.mark.e2e

CONSUMER = """
import { createCredits, type CreditsSnapshot, type Status } from 'livecredits'
import { type LiveCredits } from 'livecredits/element'
import { CreditProvider, useCredits } from 'livecredits/react'
import { readVoucherCode } from 'livecredits/vouchers'

export const snapshot: CreditsSnapshot = createCredits({ url: '', getToken: () => null }).getSnapshot()
export const status: Status = snapshot.status
export const known: boolean = readVoucherCode('WELCOME').state === 'open'
export const tag: LiveCredits = document.createElement('live-credits')
export const App = () => <CreditProvider store={createCredits({ url: '', getToken: () => null })} />
export const Badge = () => <b>{useCredits().credits}</b>
// @ts-expect-error the types came along, and refuse
createCredits({})
"""


def test_publint_finds_nothing(tarball: Path) -> None:
    told = run("publint", "run", str(tarball), "--strict", cwd=WEB)
    assert "All good!" in told


def test_it_holds_what_is_needed_and_nothing_else(tarball: Path) -> None:
    with tarfile.open(tarball) as packed:
        names = [Path(name).relative_to("package") for name in packed.getnames()]
        about = json.load(packed.extractfile("package/package.json"))  # type: ignore[arg-type]
    assert {str(name) for name in names if len(name.parts) == 1} == {"package.json", "README.md", "LICENSE"}
    assert {name.parts[0] for name in names if len(name.parts) > 1} == {"dist"}
    for entry in about["exports"].values():
        for file in entry.values():
            assert Path(file) in names
    assert about.get("dependencies", {}) == {}


@pytest.mark.parametrize(("module", "resolution"), [("esnext", "bundler"), ("nodenext", "nodenext")])
def test_a_fresh_app_is_built_from_it(fresh_app: App, module: str, resolution: str) -> None:
    (fresh_app.folder / "src/consumer.tsx").write_text(CONSUMER)
    settings = json.loads((fresh_app.folder / "tsconfig.json").read_text())
    options = settings["compilerOptions"]
    options |= {"module": module, "moduleResolution": resolution, "skipLibCheck": False}
    (fresh_app.folder / "tsconfig.json").write_text(json.dumps(settings))
    pages = fresh_app.build()
    scripts = [script.name for script in (pages / "assets").glob("*.js")]
    # What a page rarely needs is a file of its own, in other people's bundles too.
    assert {name.partition("-")[0] for name in scripts} >= {"index", "race", "receipts", "shop", "http"}


def test_a_server_reads_every_entry(fresh_app: App) -> None:
    """Where there is no browser, the element included: a page's modules are imported there to be rendered."""
    script = (
        "for (const entry of ['', '/react', '/element', '/vouchers']) await import('livecredits' + entry);"
        "console.log('read')"
    )
    assert run("node", "--input-type=module", "-e", script, cwd=fresh_app.folder).strip() == "read"
