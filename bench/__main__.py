"""`python -m bench [--only NAME…] [--quick] [--list]`: measure, print the table, keep it in bench/results/.

Promises: one figure that fails does not stop the others; the exit code is 1 if one could not be measured, and 0 where
a target was missed, since a missed target is a result; `--quick` keeps nothing.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from typing import Any

from rich.console import Console
from rich.table import Table

from bench import machine, quoted, report, run
from bench.figures import NAMES
from bench.processes import Failed


def main() -> int:
    """Measure what was asked for."""
    asked = _arguments()
    console = Console()
    if asked.list:
        for name in NAMES:
            console.print(f"[bold]{name:<9}[/] {_module(name).TITLE}", highlight=False, soft_wrap=True)
        return 0
    if not sys.platform.startswith("linux"):
        console.print("The bench needs Linux: its load generators use epoll, and it reads /proc.")
        return 1
    return _measure(tuple(asked.only or NAMES), console, quick=asked.quick)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench", description="Measure livecredits on this machine."
    )
    parser.add_argument("--only", nargs="+", choices=NAMES, metavar="NAME", help="these figures alone")
    parser.add_argument("--quick", action="store_true", help="a tenth of the load; nothing is kept")
    parser.add_argument("--list", action="store_true", help="name the figures")
    return parser.parse_args()


def _module(name: str) -> Any:
    return importlib.import_module(f"bench.figures.{name}")


def _measure(names: tuple[str, ...], console: Console, *, quick: bool) -> int:
    figures, faults = [], []
    with run.opened(quick=quick) as opened:
        for name in names:
            circumstances = machine.circumstances(opened.folder)
            try:
                with opened.figure():
                    figure = _module(name).measure(opened)
            except Failed as failure:
                faults.append(f"{name}: {failure}")
                continue
            figures.append(figure)
            if not quick:
                report.write(figure, circumstances)
                quoted.renew()
    for figure in figures:
        console.print(_table(figure))
        for note in figure.notes:
            console.print(f"  [dim]{note}", highlight=False)
    for fault in faults:
        console.print(f"[red]not measured[/] {fault}", highlight=False)
    return 1 if faults else 0


def _table(figure: report.Figure) -> Table:
    table = Table(title=f"{figure.name}: {figure.title}", title_justify="left", title_style="bold")
    for heading in ("", "value", "target", ""):
        table.add_column(heading, justify="right" if heading in {"value", "target"} else "left")
    for row in figure.rows:
        fields = {"target": {"sense": row.target.sense, "bound": row.target.bound} if row.target else None}
        colour = {True: "green", False: "red", None: "default"}[row.met]
        verdict = report.verdict({"met": row.met}).strip("*")
        table.add_row(
            row.name, f"{report.shown(row.value)} {row.unit}", report.bound(fields), f"[{colour}]{verdict}"
        )
    return table


if __name__ == "__main__":
    sys.exit(main())
