"""The figures that pages under docs/ quote, and what follows from them by arithmetic.

Promises: a number in a block `<!-- measured: NAME -->` … `<!-- end -->` stands in a file under bench/results/, or is
computed from such numbers by a formula that the page shows; a figure that nobody has measured is told as that. The
blocks are made anew with each measurement. Must not know how anything is measured.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.report import RESULTS, load, shown

DOCS = Path(__file__).parents[1] / "docs"
BLOCK = re.compile(r"(<!-- measured: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
NOT_YET = "not measured yet"


class Measured:
    """The kept figures, by name."""

    def __init__(self, figures: list[dict[str, Any]]) -> None:
        self._figures = {figure["name"]: figure for figure in figures}

    def value(self, figure: str, row: str) -> float | None:
        """One number; None where it is not measured."""
        rows = self._figures.get(figure, {"rows": []})["rows"]
        return next((float(one["value"]) for one in rows if one["name"] == row), None)

    def told(self, figure: str, row: str) -> str:
        """The same with its unit, and where it stands."""
        found = self._figures.get(figure, {"rows": []})
        for one in found["rows"]:
            if one["name"] == row:
                where = f"[{figure}](../bench/results/README.md), commit {found['commit']}"
                return f"{shown(one['value'])} {one['unit']} | {where}"
        return f"{NOT_YET} | {figure}: {row}"


def renew(folder: Path = RESULTS, docs: Path = DOCS) -> None:
    """Write every block anew."""
    figures = Measured(load(folder))
    for page in sorted(docs.glob("*.md")):
        text = page.read_text(encoding="utf-8")
        made = with_blocks(text, figures)
        if made != text:
            page.write_text(made, encoding="utf-8")


def with_blocks(text: str, figures: Measured) -> str:
    """A page with the present numbers in its blocks."""
    return BLOCK.sub(lambda found: f"{found[1]}{_table(found[2], figures)}{found[3]}", text)


def _table(name: str, figures: Measured) -> str:
    return "\n".join(TABLES[name](figures)) + "\n"


def _quoted(quotations: tuple[tuple[str, str, str], ...], figures: Measured) -> list[str]:
    lines = ["", "| | measured | figure |", "|---|---:|---|"]
    return [*lines, *(f"| {what} | {figures.told(figure, row)} |" for what, figure, row in quotations), ""]


SIZING = (
    ("memory of an idle screen", "memory", "ours: per idle screen"),
    ("memory of a node with 15,000 idle screens", "memory", "ours: whole process"),
    ("pushes a second, on one core", "delivery", "ours: frames/s"),
    ("processor time for one push", "delivery", "ours: CPU per frame"),
    ("durable changes a second, 256 callers in one process, SQLite", "library", "256 callers, spread"),
    ("the same on one account", "library", "256 callers, one hot account"),
    ("single POSTs a second over HTTP, SQLite", "posts", "POST spend, durable"),
    ("processor time for one POST", "posts", "POST: CPU of the server"),
    (
        "from the POST to the frame, 500 changes a second at 5,000 screens, median",
        "latency",
        "POST → frame, p50",
    ),
    ("the same, 99 of 100", "latency", "POST → frame, p99"),
    ("start to the first answer, existing file", "start", "start to first answer, existing file"),
)


def _sizing(figures: Measured) -> list[str]:
    return _quoted(SIZING, figures)


TABLES: dict[str, Callable[[Measured], list[str]]] = {"sizing": _sizing}


if __name__ == "__main__":
    renew()
