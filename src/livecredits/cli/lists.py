"""What commands that show lists have in common: pages or everything, tables, JSON.

Promises: `--json` prints the answer of the interface as it is, one line; a table never prints what somebody else wrote
as an order to the terminal. Must not know what is listed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from livecredits.cli.ledger import Json, Ledger, at_ledger
from livecredits.cli.output import err, out, print_json, print_table

PAGE_MOST = 200
Limit = Annotated[int, typer.Option(min=1, max=PAGE_MOST, help="How many at most.")]
All = Annotated[bool, typer.Option("--all", help="All of them, page by page.")]
Time = Annotated[
    datetime | None, typer.Option(formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"], help="A day, or a time in UTC.")
]
Columns = Mapping[str, Callable[[Json], Any]]


def utc(moment: datetime | None) -> datetime | None:
    """A time as it was typed, which is UTC."""
    return None if moment is None else moment.replace(tzinfo=UTC)


def asked(
    verb: str,
    *args: Any,
    every: bool = False,
    database: str | None = None,
    as_json: bool = False,
    **about: Any,
) -> Json:
    """The answer of one verb of the ledger; with `every`, all pages of a list as one."""

    async def ask(there: Ledger) -> Json:
        if not every:
            return await there.ask(verb, *args, **about)
        items: list[Json] = []
        after = None
        while True:
            page = await there.ask(verb, *args, **{**about, "limit": PAGE_MOST, "after": after})
            items += page["items"]
            after = page["next"]
            if after is None:
                return {"items": items, "next": None, "previous": None}

    return at_ledger(ask, database=database, as_json=as_json)


def show(answer: Json, sentence: str | None, *, as_json: bool) -> None:
    """Print one thing: as JSON, by a sentence, or field by field."""
    if as_json:
        print_json(answer)
    elif sentence is not None:
        out().print(f"[green]✓[/green] {sentence}", soft_wrap=True)
    else:
        print_table(("", ""), _fields(answer), empty="")


def _fields(answer: Json, prefix: str = "") -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for name, value in answer.items():
        if isinstance(value, dict):
            found += _fields(value, f"{prefix}{name}.")
        elif not isinstance(value, list):
            found.append((f"{prefix}{name}", value))
    return found


def show_page(page: Json, columns: Columns, *, as_json: bool, empty: str) -> None:
    """Print a page as a table, and say so where there is more."""
    if as_json:
        print_json(page)
        return
    print_table(columns, [[cell(one) for cell in columns.values()] for one in page["items"]], empty=empty)
    if page.get("next"):
        total = page.get("total")
        of = "" if total is None else f" of {total:,}"
        err().print(f"[dim]{len(page['items']):,}{of} shown; --all shows all.[/dim]")
