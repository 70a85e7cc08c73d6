"""The figures that the README and pages under docs/ quote, and what follows from them by arithmetic.

Promises: a number in a block `<!-- measured: NAME -->` … `<!-- end -->` stands in a file under bench/results/, or is
computed from such numbers by a formula that the page shows; a figure that nobody has measured is told as that. The
blocks are made anew with each measurement. Must not know how anything is measured.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from math import ceil
from pathlib import Path
from typing import Any

from bench.report import RESULTS, load, shown

ROOT = Path(__file__).parents[1]
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

    def target(self, figure: str, row: str) -> str:
        """What it is to reach; empty where nothing was promised."""
        rows = self._figures.get(figure, {"rows": []})["rows"]
        bound = next((one["target"]["bound"] for one in rows if one["name"] == row and one["target"]), None)
        return "" if bound is None else f"{bound:,g}"

    def told(self, figure: str, row: str) -> str:
        """The same with its unit, and where it stands."""
        found = self._figures.get(figure, {"rows": []})
        for one in found["rows"]:
            if one["name"] == row:
                where = f"[{figure}](../bench/results/README.md), commit {found['commit']}"
                return f"{shown(one['value'])} {one['unit']} | {where}"
        return f"{NOT_YET} | {figure}: {row}"


def pages(root: Path = ROOT) -> list[Path]:
    """Where blocks may stand."""
    return [root / "README.md", *sorted((root / "docs").glob("*.md"))]


def renew(folder: Path = RESULTS, root: Path = ROOT) -> None:
    """Write every block anew."""
    figures = Measured(load(folder))
    for page in pages(root):
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
    (
        "from when a change is due to the frame at another node, 200 changes a second, median",
        "nodes",
        "200/s: due → frame on another node, p50",
    ),
    ("the same at 2,000 changes a second, 99 of 100", "nodes", "2000/s: due → frame on another node, p99"),
    ("durable changes a second on PostgreSQL, 256 callers in one process", "postgres", "256 callers, spread"),
    ("the same in two processes", "postgres", "two processes, spread"),
    ("start to the first answer, existing file", "start", "start to first answer, existing file"),
    ("entries a second of `verify`", "moving", "verify"),
    ("entries a second of `backup`, with its check", "moving", "backup"),
    ("entries a second of `restore`, with its check", "moving", "restore"),
    (
        "entries a second of `copy` into PostgreSQL, with its comparison and check",
        "moving",
        "copy into PostgreSQL",
    ),
)


def _sizing(figures: Measured) -> list[str]:
    return _quoted(SIZING, figures)


IN_SHORT = (
    ("POST → painted pixel in Chromium, p50 / p99", "painted", ("POST → painted, p50", "POST → painted, p99"), "ms"),
    ("POST → painted on the last of five tabs, p50 / p99", "painted",
     ("POST → painted on the last of 5 tabs, p50", "POST → painted on the last of 5 tabs, p99"), "ms"),
    ("POST → frame at 500 changes/s with 5,000 screens, p50 / p99", "latency",
     ("POST → frame, p50", "POST → frame, p99"), "ms"),
    ("memory of an idle screen, 15,000 open", "memory", ("ours: per idle screen",), "KiB"),
    ("frames/s of one core at 5,000 screens, against a C loop that only sends", "delivery", ("ours ÷ C",), "×"),
    ("durable changes/s of the library, SQLite `synchronous=FULL`, 256 callers", "library",
     ("256 callers, spread",), ""),
    ("one hot account against spread accounts", "library", ("hot ÷ spread",), "×"),
    ("durable POSTs/s, one process", "posts", ("POST spend, durable",), ""),
)  # fmt: skip


def _in_short(figures: Measured) -> list[str]:
    lines = ["", "| | reached | target |", "|---|---:|---:|"]
    for what, figure, rows, unit in IN_SHORT:
        values = [figures.value(figure, row) for row in rows]
        reached = " / ".join(NOT_YET if value is None else shown(value) for value in values)
        wanted = " / ".join(figures.target(figure, row) for row in rows)
        lines.append(f"| {what} | {f'{reached} {unit}'.rstrip()} | {f'{wanted} {unit}'.rstrip()} |")
    return [*lines, ""]


# --- a plan for many screens and changes -------------------------------------------------------------------------

SCREENS = 1_000_000
CHANGES_PER_S = 50_000
HEARTBEAT_S = 20
HANDSHAKES_PER_S = 1_000
"""What one node lets in (`LIVECREDITS_HANDSHAKES_PER_S`)."""
NODES_IN_A_CELL = 8
"""How many nodes one database's bus is meant for."""
FOLLOWED_PER_S = 2_000
FOLLOWING = ("nodes", f"{FOLLOWED_PER_S}/s, 4 nodes follow: CPU of one")
"""Percent of a core of a node that only hears of so many changes of others."""
LOAD = 0.5
"""How full a node, or a database, is planned to be."""
MICRO, KIB, GIB = 1e-6, 1024, 1024**3


TAKEN = (
    ("memory of an idle screen", "memory", "ours: per idle screen"),
    ("processor time for one POST, durable (on SQLite)", "posts", "POST: CPU of the server"),
    ("processor time for one push", "delivery", "ours: CPU per frame"),
    ("processor time for one frame with its receipt", "receipts", "CPU per frame, receipts on"),
    (f"share of a core for following {FOLLOWED_PER_S:,} changes a second of another node", *FOLLOWING),
    ("durable changes a second on PostgreSQL, one process", "postgres", "256 callers, spread"),
    ("the same, two processes", "postgres", "two processes, spread"),
    ("the same, two processes on one account", "postgres", "two processes, one hot account"),
)


def _taken(figures: Measured) -> list[str]:
    return _quoted(TAKEN, figures)


def _scale(figures: Measured) -> list[str]:
    rows = [
        f"| {what} | {how} | {NOT_YET if value is None else value} |" for what, how, value in _plan(figures)
    ]
    return ["", "| | how | |", "|---|---|---:|", *rows, ""]


def _plan(figures: Measured) -> list[tuple[str, str, str | None]]:
    """What is needed, how it is computed, and how much it is; None where a figure is missing."""
    memory = _times(figures.value("memory", "ours: per idle screen"), SCREENS * KIB / GIB)
    pushing = _times(figures.value("delivery", "ours: CPU per frame"), CHANGES_PER_S * MICRO)
    ticking = _times(figures.value("receipts", "CPU per frame, receipts on"), SCREENS / HEARTBEAT_S * MICRO)
    posting = _times(figures.value("posts", "POST: CPU of the server"), CHANGES_PER_S * MICRO)
    following = _times(figures.value(*FOLLOWING), CHANGES_PER_S / FOLLOWED_PER_S / 100)
    durable_per_s = figures.value("postgres", "two processes, spread")
    primaries = None if durable_per_s is None else ceil(CHANGES_PER_S / durable_per_s / LOAD)
    serving = (
        None if None in (pushing, ticking, posting) else (pushing or 0) + (ticking or 0) + (posting or 0)
    )
    cells = None
    if serving is not None and following is not None and primaries is not None:
        of_a_node = serving / NODES_IN_A_CELL + following * (NODES_IN_A_CELL - 1) / NODES_IN_A_CELL
        cells = max(ceil(of_a_node / LOAD), primaries)
    nodes = None if cells is None else cells * NODES_IN_A_CELL
    return [
        ("memory for screens", f"{SCREENS:,} × the memory of an idle screen", _told(memory, "GiB")),
        ("processor for changes", f"{CHANGES_PER_S:,}/s × the time of a POST", _told(posting, "cores")),
        ("processor for pushes", f"{CHANGES_PER_S:,}/s × the time of a push: one open screen for each change",
         _told(pushing, "cores")),
        ("processor for heartbeats", f"{SCREENS:,} ÷ {HEARTBEAT_S} s × the time of a frame with its receipt",
         _told(ticking, "cores")),
        ("nodes for these three, were there no bus", f"their sum ÷ {LOAD}",
         None if serving is None else f"{ceil(serving / LOAD)}"),
        ("processor for following the others, on **each** node of one cluster",
         f"{CHANGES_PER_S:,} ÷ {FOLLOWED_PER_S:,} × what following takes", _told(following, "cores")),
        ("PostgreSQL primaries like the one measured",
         f"{CHANGES_PER_S:,}/s ÷ durable changes a second of two processes ÷ {LOAD}",
         None if primaries is None else f"{primaries}"),
        (f"cells of one primary and {NODES_IN_A_CELL} nodes",
         f"so many that each node's own work and its following take {LOAD} of a core, and no fewer than primaries",
         None if cells is None else f"{cells}"),
        ("screens on each node", f"{SCREENS:,} ÷ (cells × {NODES_IN_A_CELL})",
         None if nodes is None else f"{SCREENS / nodes:,.0f}"),
        ("everybody back after a whole outage", f"screens on each node ÷ {HANDSHAKES_PER_S:,} handshakes a second",
         None if nodes is None else f"{SCREENS / nodes / HANDSHAKES_PER_S:,.0f} s"),
    ]  # fmt: skip


def _times(value: float | None, factor: float) -> float | None:
    return None if value is None else value * factor


def _told(value: float | None, unit: str) -> str | None:
    return None if value is None else f"{shown(value)} {unit}"


TABLES: dict[str, Callable[[Measured], list[str]]] = {
    "short": _in_short,
    "sizing": _sizing,
    "taken": _taken,
    "scale": _scale,
}


if __name__ == "__main__":
    renew()
