"""Lists as files: CSV for spreadsheets, NDJSON for programs, page by page from the ledger.

This promises that a cell which a spreadsheet would run as a formula (= + − @ at its beginning) is inert, that amounts
stay plain numbers, and that an export of any size holds one short page in memory and no read transaction between
pages (an open one would stop the database's checkpoint).
"""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any, Literal, Protocol

from pydantic_core import to_json

from livecredits.core.cells import inert
from livecredits.http.bodies import canonical
from livecredits.http.routing import Stream


class PageOfItems(Protocol):
    """A page as the ledger gives it."""

    @property
    def items(self) -> Sequence[Any]:
        """What is on it."""

    @property
    def next(self) -> str | None:
        """Where the next one begins."""


async def export(
    form: Literal["csv", "ndjson"],
    name: str,
    columns: Sequence[str],
    read: Callable[[str | None], Awaitable[PageOfItems]],
    tell: Callable[[Any], Mapping[str, Any]],
) -> Stream:
    """All pages of a list as a file.

    Args:
        form: which kind of file.
        name: the file's name without its ending.
        columns: members of the items that become columns; `balance.held` reaches into one.
        read: gives the page that begins at a cursor. The first is read before the answer begins, so that it can refuse.
        tell: an item as JSON.
    """
    page = await read(None)
    ending = f'attachment; filename="{name}.{form}"'.encode()
    headers = [(b"content-disposition", ending)]
    if form == "csv":
        return Stream(_csv(page, columns, read, tell), b"text/csv; charset=utf-8", headers)
    return Stream(_ndjson(page, read, tell), b"application/x-ndjson", headers)


async def _ndjson(
    page: PageOfItems, read: Callable[[str | None], Awaitable[PageOfItems]], tell: Callable[[Any], Any]
) -> AsyncIterator[bytes]:
    while True:
        yield b"".join(to_json(tell(item)) + b"\n" for item in page.items)
        if page.next is None:
            return
        page = await read(page.next)


async def _csv(
    page: PageOfItems,
    columns: Sequence[str],
    read: Callable[[str | None], Awaitable[PageOfItems]],
    tell: Callable[[Any], Mapping[str, Any]],
) -> AsyncIterator[bytes]:
    yield _lines([[column.replace(".", "_") for column in columns]])
    while True:
        yield _lines([[_cell(tell(item), column) for column in columns] for item in page.items])
        if page.next is None:
            return
        page = await read(page.next)


def _lines(rows: Sequence[Sequence[Any]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


def _cell(item: Mapping[str, Any], column: str) -> Any:
    value: Any = item
    for step in column.split("."):
        value = value.get(step) if isinstance(value, Mapping) else None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (dict, list)):
        value = canonical(value)
    return inert(value) if isinstance(value, str) else value
