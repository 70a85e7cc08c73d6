"""The bench can be started, and what it keeps can be read: each figure's file says what, where and with what."""

import json
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from bench import quoted, report
from bench.figures import NAMES
from bench.filling import AMOUNT, fill
from bench.report import Figure, Target
from tests.postgres import PostgresServer

from livecredits import Credits

ROOT = Path(__file__).parent.parent
CIRCUMSTANCES: dict[str, Any] = {
    "date": "2026-11-23T06:00:00Z",
    "commit": "abc1234",
    "machine": {
        "cpu": "a processor",
        "cores": 2,
        "memory_gib": 24,
        "system": "Linux 6.1",
        "load_average": 0.1,
        "fdatasync_us": 300,
    },
    "versions": {"Python": "3.11.7"},
}
ROW: dict[str, Any] = {"name": str, "value": float, "unit": str, "target": dict | None, "rounds": list}


def test_the_list_names_every_figure() -> None:
    told = subprocess.run(
        [sys.executable, "-m", "bench", "--list"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert tuple(line.split()[0] for line in told.splitlines()) == NAMES


@pytest.mark.parametrize("path", sorted(report.RESULTS.glob("*.json")), ids=lambda path: path.stem)
def test_a_kept_figure_says_what_where_and_with_what(path: Path) -> None:
    kept = json.loads(path.read_text(encoding="utf-8"))
    assert kept["schema"] == report.SCHEMA
    assert kept["name"] == path.stem in NAMES
    assert kept["includes"]
    assert set(CIRCUMSTANCES["machine"]) == set(kept["machine"])
    assert {"Python", "SQLite", "livecredits", "uvicorn"} <= set(kept["versions"])
    assert kept["date"].endswith("Z")
    assert kept["commit"]
    assert kept["rows"]
    for row in kept["rows"]:
        assert all(isinstance(row[name], kind) for name, kind in ROW.items()), row
        target = row["target"]
        assert row["met"] == (Target(**target).met_by(row["value"]) if target else None)


def test_the_page_says_what_the_files_say() -> None:
    assert report.PAGE.read_text(encoding="utf-8") == report.page(report.load())


@pytest.mark.parametrize("page", quoted.pages(), ids=lambda page: page.stem)
def test_a_page_quotes_what_the_files_say(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert quoted.with_blocks(text, quoted.Measured(report.load())) == text, (
        "python -m bench.quoted writes it anew"
    )


def test_what_is_not_measured_is_told_as_that() -> None:
    text = "<!-- measured: sizing -->\n| idle | 1 KiB |\n<!-- end -->"
    told = quoted.with_blocks(text, quoted.Measured([]))
    assert "1 KiB" not in told
    assert told.count(quoted.NOT_YET) == len(quoted.SIZING)


def test_what_is_quoted_of_a_kept_figure_is_in_it() -> None:
    kept = {path.stem for path in report.RESULTS.glob("*.json")}
    measured = quoted.Measured(report.load())
    asked = [(figure, row) for _, figure, row in (*quoted.SIZING, *quoted.TAKEN)]
    asked += [(figure, row) for _, figure, rows, _ in quoted.IN_SHORT for row in rows]
    assert [one for one in asked if one[0] in kept and measured.value(*one) is None] == []
    assert len(asked) > 15


def test_a_figure_is_its_median_and_its_verdict(tmp_path: Path) -> None:
    figure = Figure("start", "how soon", "from here to there")
    assert figure.add("quick", "ms", [100.0, 900.0, 120.0], Target("<=", 150)).met is True
    assert figure.add("slow", "/s", 1_999.0, Target(">=", 2_000)).met is False
    assert figure.add("no promise", "µs", 5.0).met is None
    assert repr(figure.add("a whole number", "ms", [12, 11, 13]).value) == "12.0"
    report.write(figure, CIRCUMSTANCES, tmp_path)
    kept = json.loads((tmp_path / "start.json").read_text(encoding="utf-8"))
    assert [row["value"] for row in kept["rows"]] == [120.0, 1_999.0, 5.0, 12.0]
    assert kept["rows"][0]["rounds"] == [100.0, 900.0, 120.0]
    page = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert "| start | quick | 120 ms | ≤ 150 | met |" in page
    assert "| start | slow | 1,999 /s | ≥ 2,000 | **missed** |" in page


def test_a_ledger_that_was_filled_is_one_that_the_library_made(
    postgres: PostgresServer, postgres_url: str
) -> None:
    with postgres.connect(postgres_url.rpartition("/")[2]) as db:
        fill(db, 50)
    with closing(Credits(postgres_url).sync) as ledger:
        assert ledger.spend("u00049", 1).credits == AMOUNT - 1
        report = ledger.verify()
    assert report.is_clean, report.damages
    assert (report.accounts, report.entries) == (50, 51)
