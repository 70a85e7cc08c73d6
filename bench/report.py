"""What a measurement leaves: rows with targets, one JSON file per figure, and one page for people made of them all.

Promises: a row's verdict is computed from its value and target, here and nowhere else; each file names the machine,
the commit, the date and the versions it was measured with; the page is made anew from the files, so it never says
what no file says. Must not know: how anything is measured.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, Literal

SCHEMA = 1
RESULTS = Path(__file__).parent / "results"
PAGE = RESULTS / "README.md"


@dataclass(frozen=True, slots=True)
class Target:
    """A bound from the list of promises: at least or at most so much."""

    sense: Literal[">=", "<="]
    bound: float

    def met_by(self, value: float) -> bool:
        """Whether a value keeps the promise."""
        return value >= self.bound if self.sense == ">=" else value <= self.bound


@dataclass(frozen=True, slots=True)
class Row:
    """One number: the median of its rounds where there were several."""

    name: str
    value: float
    unit: str
    target: Target | None = None
    rounds: tuple[float, ...] = ()

    @property
    def met(self) -> bool | None:
        """The verdict; None where nothing was promised."""
        return None if self.target is None else self.target.met_by(self.value)


@dataclass(slots=True)
class Figure:
    """One figure as measured: `includes` says exactly what the clock ran over."""

    name: str
    title: str
    includes: str
    rows: list[Row] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, name: str, unit: str, rounds: Sequence[float] | float, target: Target | None = None) -> Row:
        """Append a row; several rounds count by their median.

        Returns:
            The row, so that ratios can be made of it.
        """
        # What a page measured comes as a whole number where it happens to be one.
        values = tuple(map(float, rounds if isinstance(rounds, Sequence) else (rounds,)))
        row = Row(name, median(values), unit, target, values if len(values) > 1 else ())
        self.rows.append(row)
        return row


def write(figure: Figure, circumstances: dict[str, Any], folder: Path = RESULTS) -> Path:
    """Keep a figure as JSON, then make the page anew."""
    rows = [{**asdict(row), "met": row.met} for row in figure.rows]
    document = {"schema": SCHEMA, **asdict(figure), "rows": rows, **circumstances}
    path = folder / f"{figure.name}.json"
    path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    (folder / PAGE.name).write_text(page(load(folder)), encoding="utf-8")
    return path


def load(folder: Path = RESULTS) -> list[dict[str, Any]]:
    """Every kept figure, in the order of the list of figures."""
    from bench.figures import NAMES

    kept = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("*.json")}
    return [kept[name] for name in NAMES if name in kept]


def page(figures: list[dict[str, Any]]) -> str:
    """The figures as Markdown: a table of what was promised, then each figure in full."""
    lines = [
        "# Figures",
        "",
        "Made by `make bench` from the JSON files beside this page; not written by hand. What each figure means and",
        "how to run one alone: [docs/benchmarks.md](../../docs/benchmarks.md).",
        "",
        "| figure | | reached | target | |",
        "|---|---|---:|---:|---|",
    ]
    for figure in figures:
        lines += [
            f"| {figure['name']} | {row['name']} | {shown(row['value'])} {row['unit']} "
            f"| {bound(row)} | {verdict(row)} |"
            for row in figure["rows"]
            if row["target"]
        ]
    for figure in figures:
        lines += ["", *_section(figure)]
    return "\n".join(lines) + "\n"


def _section(figure: dict[str, Any]) -> list[str]:
    machine, versions = figure["machine"], figure["versions"]
    lines = [f"## {figure['name']}: {figure['title']}", "", figure["includes"], ""]
    lines += ["| | value | rounds | target | |", "|---|---:|---|---:|---|"]
    for row in figure["rows"]:
        rounds = " · ".join(shown(value) for value in row["rounds"])
        lines.append(
            f"| {row['name']} | {shown(row['value'])} {row['unit']} | {rounds} | {bound(row)} | {verdict(row)} |"
        )
    lines += ["", *(f"- {note}" for note in figure["notes"])]
    lines += [
        "",
        f"{figure['date']}, commit {figure['commit']}, {machine['cpu']}, {machine['cores']} cores, "
        f"{machine['memory_gib']} GiB, {machine['system']}, load average {machine['load_average']} at the start, "
        f"fdatasync {machine['fdatasync_us']} µs. "
        + ", ".join(f"{name} {version}" for name, version in versions.items())
        + ".",
    ]
    return [line for index, line in enumerate(lines) if line or (index and lines[index - 1])]


def shown(value: float) -> str:
    """A number as people read it: no more than three or four digits that mean something."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def bound(row: dict[str, Any]) -> str:
    """The target as text."""
    target = row["target"]
    return (
        f"{target['sense'].replace('>=', '≥').replace('<=', '≤')} {shown(target['bound'])}" if target else ""
    )


def verdict(row: dict[str, Any]) -> str:
    """Met or missed, in a word."""
    return {True: "met", False: "**missed**", None: ""}[row["met"]]
