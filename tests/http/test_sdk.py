"""The SDK's script from the service itself: for any page, under any prefix, and cheap to ask for again."""

from pathlib import Path

import pytest
from tests.http.stage import Stage

from livecredits.http import sdk
from livecredits.http.built import BuiltFiles


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "sdk"
    (folder / "parts").mkdir(parents=True)
    (folder / "element.js").write_bytes(b"let element")
    (folder / "parts/race-1a2b.js").write_bytes(b"let race")
    (tmp_path / "secret.txt").write_bytes(b"secret")
    monkeypatch.setattr(sdk, "FILES", BuiltFiles(folder))
    return folder


async def test_pages_of_other_sites_may_load_it(stage: Stage, built: Path) -> None:
    answer = await stage.client().get("/sdk/element.js", headers={"origin": "https://elsewhere.example"})
    assert (answer.status_code, answer.content) == (200, b"let element")
    assert answer.headers["content-type"] == "text/javascript"
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_whoever_has_it_is_told_so_until_it_changes(stage: Stage, built: Path) -> None:
    first = await stage.client().get("/sdk/element.js")
    assert "no-cache" in first.headers["cache-control"]
    known = {"if-none-match": first.headers["etag"]}
    again = await stage.client().get("/sdk/element.js", headers=known)
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    (built / "element.js").write_bytes(b"let newer")
    newer = await stage.client().get("/sdk/element.js", headers=known)
    assert (newer.status_code, newer.content) == (200, b"let newer")


async def test_its_parts_last_for_ever(stage: Stage, built: Path) -> None:
    answer = await stage.client().get("/sdk/parts/race-1a2b.js")
    assert answer.content == b"let race"
    assert "immutable" in answer.headers["cache-control"]
    assert (await stage.client().get("/sdk/parts/race-old.js")).status_code == 404


@pytest.mark.parametrize("path", ["..%2Fsecret.txt", "%2e%2e/secret.txt", "parts/..%2F..%2Fsecret.txt", ""])
async def test_nothing_outside_the_folder_is_read(stage: Stage, built: Path, path: str) -> None:
    answer = await stage.client().get(f"/sdk/{path}")
    assert answer.status_code == 404
    assert "secret" not in answer.text
