"""Every promise names its tests, and they exist: docs/promises.md cannot promise what nothing shows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "promises.md"
ROW = re.compile(r"^\| ([A-Z]\d+) \| (.+?) \| (.+?) \| (.+?) \| (\d{4}-\d\d-\d\d) \|$")
TEST = re.compile(r"`([^`]+?::[^`]+)`")


def rows() -> list[re.Match[str]]:
    return [found for line in PAGE.read_text("utf-8").splitlines() if (found := ROW.match(line))]


def exists(test: str) -> bool:
    path, _, name = test.partition("::")
    file = ROOT / path
    if not file.is_file():
        return False
    text = file.read_text("utf-8")
    if file.suffix != ".py":
        return name in text
    return all(
        re.search(rf"^\s*(async )?(def|class) {part}\b", text, re.MULTILINE) for part in name.split("::")
    )


def test_every_line_of_the_tables_is_a_promise() -> None:
    numbered = [line for line in PAGE.read_text("utf-8").splitlines() if re.match(r"\| [A-Z]\d", line)]
    assert len(rows()) == len(numbered) > 15


@pytest.mark.parametrize("row", rows(), ids=lambda row: row[1])
def test_a_promise_names_tests_that_exist(row: re.Match[str]) -> None:
    named = TEST.findall(row[3])
    assert named, f"{row[1]} names no test"
    assert [test for test in named if not exists(test)] == []


def test_a_test_that_is_not_there_is_noticed() -> None:
    assert exists("tests/test_promises.py::rows")
    assert not exists("tests/test_promises.py::gone")
    assert not exists("tests/gone.py::rows")
