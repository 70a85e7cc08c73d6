"""The console's files under any prefix, with deep links, and a clear page without a build."""

from pathlib import Path
from typing import Any

import pytest
from tests.http.stage import Stage

from livecredits.http import console
from livecredits.http.built import BuiltFiles

PAGE = b"<!doctype html><html><head><title>x</title></head><body></body></html>"


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "console"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_bytes(PAGE)
    (folder / "assets/index-1a2b.js").write_bytes(b"let x")
    (tmp_path / "secret.txt").write_bytes(b"secret")
    monkeypatch.setattr(console, "FILES", BuiltFiles(folder))
    return folder


@pytest.mark.parametrize("path", ["/console", "/console/", "/console/users", "/console/users/a%2Fda?x=1"])
async def test_deep_links_open_the_page_with_the_base_of_its_prefix(
    stage: Stage, built: Path, path: str
) -> None:
    answer = await stage.client().get(path)
    assert answer.status_code == 200
    assert '<base href="/console/">' in answer.text
    assert "frame-ancestors 'self'" in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "no-cache"


async def test_a_prefix_stands_in_the_base_and_cannot_break_out(stage: Stage, built: Path) -> None:
    app = stage.app

    async def mounted(scope: Any, receive: Any, send: Any) -> None:
        await app({**scope, "root_path": '/x"><script>'}, receive, send)

    stage.app = mounted  # type: ignore[assignment]
    answer = await stage.client().get("/console/users")
    assert "<script>" not in answer.text
    assert 'href="/x&quot;&gt;&lt;script&gt;/console/"' in answer.text


async def test_assets_last_and_old_ones_are_gone(stage: Stage, built: Path) -> None:
    answer = await stage.client().get("/console/assets/index-1a2b.js")
    assert answer.content == b"let x"
    assert "immutable" in answer.headers["cache-control"]
    assert answer.headers["content-type"] == "text/javascript"
    assert (await stage.client().get("/console/assets/index-old.js")).status_code == 404
    (built / "assets/index-1a2b.js").write_bytes(b"let y")
    assert (await stage.client().get("/console/assets/index-1a2b.js")).content == b"let y"


@pytest.mark.parametrize(
    "path", ["..%2Fsecret.txt", "%2e%2e/secret.txt", "assets/..%2F..%2Fsecret.txt", "//etc/passwd"]
)
async def test_nothing_outside_the_folder_is_read(stage: Stage, built: Path, path: str) -> None:
    answer = await stage.client().get(f"/console/{path}")
    assert "secret" not in answer.text
    assert "root:" not in answer.text


async def test_a_missing_build_says_how_to_make_one(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(console, "FILES", BuiltFiles(tmp_path / "none"))
    answer = await stage.client().get("/console")
    assert answer.status_code == 503
    assert "make serve" in answer.text
