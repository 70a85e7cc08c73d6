"""How every command speaks: answers on standard output, everything else on standard error, errors as exit codes."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import Annotated, Any, TypeVar

import typer
from rich.console import Console
from rich.table import Table

from livecredits.errors import LivecreditsError, Refused, StartRefused

T = TypeVar("T")

_ORDERS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""Control characters of terminals, and those that turn the direction of what follows."""
REFUSED = 1
CANNOT_START = 2

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]


def out() -> Console:
    """Where answers go."""
    return Console(highlight=False)


def err() -> Console:
    """Where everything else goes."""
    return Console(stderr=True, highlight=False)


def print_json(value: Any) -> None:
    """Print one line of JSON."""
    typer.echo(json.dumps(value, ensure_ascii=False))


def print_table(columns: Iterable[str], rows: Iterable[Iterable[Any]], *, empty: str) -> None:
    """Print a table, or the sentence `empty` where there are no rows."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*["" if cell is None else plain(cell) for cell in row])
    if table.row_count:
        out().print(table)
    else:
        err().print(empty, style="dim")


def print_change(answer: Mapping[str, Any], *, as_json: bool) -> None:
    """Print what an accepted change did."""
    if as_json:
        print_json(answer)
        return
    balance = answer["balance"]
    held = f", {balance['held']:,} held" if balance["held"] else ""
    out().print(
        f"[green]✓[/green] {answer['kind']} {answer['amount']:+,} → {plain(answer['user_id'])} has "
        f"[bold]{answer['credits']:,}[/bold] {answer['unit']}{held}  [dim]version {answer['version']}, "
        f"{answer['entry']}[/dim]",
        soft_wrap=True,
    )


def ended(work: Callable[[], Coroutine[Any, Any, T]], *, as_json: bool = False) -> T:
    """Run a command's work on a loop; a refusal becomes its sentence and its exit code."""
    import asyncio

    try:
        return asyncio.run(work())
    except LivecreditsError as error:
        raise fail(error, as_json=as_json) from None
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


def fail(error: LivecreditsError, *, as_json: bool = False) -> typer.Exit:
    """Say why, and give the exit to raise."""
    if as_json:
        told: dict[str, Any] = {"code": "cannot_start", "detail": str(error)}
        if isinstance(error, Refused):
            told = {**error.extra, "code": error.code, "status": error.status, "detail": error.detail}
        typer.echo(json.dumps(told, ensure_ascii=False, default=str), err=True)
    else:
        code = f" [dim]({error.code})[/dim]" if isinstance(error, Refused) else ""
        err().print(f"[red]✗[/red] {plain(error)}{code}", soft_wrap=True)
    return typer.Exit(CANNOT_START if isinstance(error, StartRefused) else REFUSED)


def plain(value: Any) -> str:
    """What somebody else has written, so that neither rich nor the terminal takes it for an order."""
    from rich.markup import escape

    return escape(_ORDERS.sub("\ufffd", str(value)))
