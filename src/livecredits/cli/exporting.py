"""The command `export`: a whole list as CSV or NDJSON, through a server or beside it from the file.

Promises: cells that a spreadsheet would run are inert; a file that is named is there whole or not at all; of the
ledger's own file it reads short pages and takes no lock, so a server may be running on it. Through a server the export
is written down in its audit trail. The odd thing: without `--out` the list itself is the answer on standard output.
"""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import DownloadColumn, Progress, SpinnerColumn, TextColumn

from livecredits.cli.ledger import URL, Database, remote_client
from livecredits.cli.output import REFUSED, AsJson, ended, err, fail, plain, print_json
from livecredits.errors import StartRefused
from livecredits.files import opened

if TYPE_CHECKING:
    from livecredits.storage.pages import Slice
    from livecredits.storage.views import Page

PAGE = 500
exports = typer.Typer(no_args_is_help=True, help="Whole lists as CSV or NDJSON, of any length.")


class Form(StrEnum):
    """Which kind of file."""

    CSV = "csv"
    NDJSON = "ndjson"


Out = Annotated[
    Path | None,
    typer.Option("--out", dir_okay=False, help="Write to this file; standard output where left out."),
]
As = Annotated[Form, typer.Option("--format", help="csv for spreadsheets, ndjson for programs.")]
DAYS = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]
Since = Annotated[datetime | None, typer.Option(formats=DAYS, help="Only from then on, UTC.")]
Until = Annotated[datetime | None, typer.Option(formats=DAYS, help="Only before then, UTC.")]


@dataclass(frozen=True, slots=True)
class _Wanted:
    """Which list, in which form, and where it goes."""

    name: str
    terms: Mapping[str, Any]
    form: Form
    file: Path | None
    database: str | None
    target: tuple[str, ...] = ()


def add_to(app: typer.Typer) -> None:
    """Put these commands into the program."""
    app.add_typer(exports, name="export")


@exports.command("history")
def export_history(  # noqa: PLR0913 - options
    user: Annotated[str, typer.Argument(metavar="USER", help="Whose entries.")],
    *,
    unit: Annotated[str | None, typer.Option(help="Of this unit only.")] = None,
    kinds: Annotated[list[str] | None, typer.Option("--kind", help="Only this kind; give several.")] = None,
    since: Since = None,
    until: Until = None,
    form: As = Form.CSV,
    file: Out = None,
    database: Database = None,
    as_json: AsJson = False,
) -> None:
    """A user's entries, the newest first."""
    terms = {"unit": unit, "kinds": kinds or None, "since": _utc(since), "until": _utc(until)}
    _export(_Wanted("history", terms, form, file, database, (user,)), as_json=as_json)


@exports.command("users")
def export_users(
    *,
    search: Annotated[str | None, typer.Option(help="Part of an id, a name or an e-mail address.")] = None,
    unit: Annotated[str, typer.Option(help="Whose balances.")] = "credits",
    sort: Annotated[
        str, typer.Option(help="user_id, name, credits or updated_at; with - in front descending.")
    ] = "user_id",
    low: Annotated[bool, typer.Option("--low", help="Only low balances.")] = False,
    form: As = Form.CSV,
    file: Out = None,
    database: Database = None,
    as_json: AsJson = False,
) -> None:
    """All users with their balance."""
    terms = {"search": search, "unit": unit, "sort": sort, "low": low or None}
    _export(_Wanted("users", terms, form, file, database), as_json=as_json)


@exports.command("audit")
def export_audit(  # noqa: PLR0913 - options
    *,
    actor: Annotated[str | None, typer.Option(help="Only what operator:<id> or service:<id> did.")] = None,
    actions: Annotated[
        list[str] | None,
        typer.Option("--action", help="Only this action, such as credits.set; give several."),
    ] = None,
    exclude: Annotated[list[str] | None, typer.Option(help="Leave this action out; give several.")] = None,
    target: Annotated[str | None, typer.Option(help="Only what was done to this user, order …")] = None,
    since: Since = None,
    until: Until = None,
    form: As = Form.CSV,
    file: Out = None,
    database: Database = None,
    as_json: AsJson = False,
) -> None:
    """Who did what, when and why, the newest first."""
    terms = {
        "actor": actor, "actions": actions or None, "exclude": exclude or None, "target": target,
        "since": _utc(since), "until": _utc(until),
    }  # fmt: skip
    _export(_Wanted("audit", terms, form, file, database), as_json=as_json)


@exports.command("codes")
def export_codes(
    campaign: Annotated[str, typer.Argument(metavar="CAMPAIGN", help="The campaign's id, `cmp_…`.")],
    *,
    state: Annotated[
        str | None, typer.Option(help="Only codes that are upcoming, open, used, expired or revoked.")
    ] = None,
    file: Out = None,
    database: Database = None,
    as_json: AsJson = False,
) -> None:
    """A campaign's codes as CSV, and what became of each."""
    _export(_Wanted("codes", {"state": state}, Form.CSV, file, database, (campaign,)), as_json=as_json)


def _utc(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.replace(tzinfo=UTC)


def _export(wanted: _Wanted, *, as_json: bool) -> None:
    if as_json and wanted.file is None:
        raise typer.BadParameter("without --out the list itself is the answer", param_hint="--json")

    async def work() -> int:
        with opened(wanted.file or sys.stdout.buffer) as to, _progress(shown=not as_json) as advance:
            size = 0
            async for chunk in _chunks(wanted):
                size += to.write(chunk)
                advance(len(chunk))
            to.flush()
            return size

    try:
        size = ended(work, as_json=as_json)
    except BrokenPipeError:
        # Whoever read has enough. Nothing may be flushed into the closed pipe at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(REFUSED) from None
    except OSError as error:
        where = wanted.file or "standard output"
        refused = StartRefused(f"{where} cannot be written: {error.strerror}.")
        raise fail(refused, as_json=as_json) from None
    if as_json:
        print_json({"file": str(wanted.file), "format": wanted.form.value, "bytes": size})
    elif wanted.file is not None:
        err().print(f"[green]✓[/green] {plain(wanted.file)}: {size:,} bytes.", soft_wrap=True)


@contextmanager
def _progress(*, shown: bool) -> Iterator[Callable[[int], None]]:
    """How much has come, on a terminal; nothing elsewhere."""
    console = err()
    columns = (SpinnerColumn(), TextColumn("{task.description}"), DownloadColumn())
    is_shown = shown and console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=not is_shown) as bar:
        task = bar.add_task("Exporting", total=None)
        yield lambda size: bar.advance(task, size)


async def _chunks(wanted: _Wanted) -> AsyncIterator[bytes]:
    url = None if wanted.database is not None else os.environ.get(URL)
    source = _through(url, wanted) if url else _beside(wanted)
    async for chunk in source:
        yield chunk


async def _through(url: str, wanted: _Wanted) -> AsyncIterator[bytes]:
    """The list as a server gives it."""
    async with remote_client(url) as client:
        from livecredits.client import admin_calls, calls, shop_calls

        asked: Mapping[str, Callable[..., Any]] = {
            "history": calls.export_history, "users": admin_calls.export_users, "audit": admin_calls.export_audit,
            "codes": shop_calls.export_codes,
        }  # fmt: skip
        form = {} if wanted.name == "codes" else {"format": wanted.form.value}
        async for chunk in client.stream(asked[wanted.name](*wanted.target, **wanted.terms, **form)):
            yield chunk


# --- the file itself -----------------------------------------------------------------------------------------------


async def _beside(wanted: _Wanted) -> AsyncIterator[bytes]:
    """The list from the ledger's file, page by page, each page one moment of it."""
    from livecredits.http.export import export
    from livecredits.storage.pages import Slice

    columns, page_of = _LISTS[wanted.name]()

    with _reading(wanted.database) as read:

        async def page(cursor: str | None) -> Page[Any]:
            part = Slice(after=cursor, limit=PAGE)
            found: Page[Any] = read(lambda connection: page_of(connection, wanted, part))
            return found

        stream = await export(wanted.form.value, wanted.name, columns, page, lambda item: item.as_json())
        async for chunk in stream.chunks:
            yield chunk


@contextmanager
def _reading(database: str | None) -> Iterator[Callable[[Callable[[Any], Any]], Any]]:
    """Questions to a file that another process may own.

    Raises:
        StartRefused: there is no such file, or it is of another version.
    """
    from livecredits.config import Settings
    from livecredits.storage.database import engine_beside

    settings = Settings.load(**({} if database is None else {"database_url": database}))
    engine = engine_beside(settings.database_url)

    def read(ask: Callable[[Any], Any]) -> Any:
        with engine.connect() as connection:
            return ask(connection)

    try:
        yield read
    finally:
        engine.dispose()


_PageOf = Callable[[Any, _Wanted, "Slice"], "Page[Any]"]


def _history() -> tuple[tuple[str, ...], _PageOf]:
    from livecredits.core.rows import KINDS
    from livecredits.credits.asking import microseconds
    from livecredits.http.reading import HISTORY_COLUMNS
    from livecredits.storage import pages

    def page_of(connection: Any, wanted: _Wanted, part: Slice) -> Page[Any]:
        terms = wanted.terms
        _require_known("kind", terms["kinds"] or (), KINDS)
        asked = pages.HistoryFilter(
            unit=terms["unit"], kinds=terms["kinds"], since_us=microseconds("since", terms["since"]),
            until_us=microseconds("until", terms["until"]),
        )  # fmt: skip
        return pages.history(connection, wanted.target[0], asked, part)

    return HISTORY_COLUMNS, page_of


def _users() -> tuple[tuple[str, ...], _PageOf]:
    from livecredits.http.admin import USER_COLUMNS
    from livecredits.storage import pages

    def page_of(connection: Any, wanted: _Wanted, part: Slice) -> Page[Any]:
        _require_known("sort", [wanted.terms["sort"].removeprefix("-")], pages.SORTS)
        return pages.users_of(connection, pages.UserFilter(**wanted.terms), part)

    return USER_COLUMNS, page_of


def _audit() -> tuple[tuple[str, ...], _PageOf]:
    from livecredits.credits.asking import microseconds
    from livecredits.http.admin_records import AUDIT_COLUMNS
    from livecredits.storage import audit

    def page_of(connection: Any, wanted: _Wanted, part: Slice) -> Page[Any]:
        terms = dict(wanted.terms)
        since_us, until_us = (microseconds(name, terms.pop(name)) for name in ("since", "until"))
        return audit.page(connection, audit.AuditFilter(**terms, since_us=since_us, until_us=until_us), part)

    return AUDIT_COLUMNS, page_of


def _codes() -> tuple[tuple[str, ...], _PageOf]:
    from livecredits.clock import SystemClock
    from livecredits.credits.shop_asked import VOUCHER_STATES
    from livecredits.http.admin_vouchers import CODE_COLUMNS
    from livecredits.storage import shop_pages

    now_us = SystemClock().now_us()

    def page_of(connection: Any, wanted: _Wanted, part: Slice) -> Page[Any]:
        campaign, state = wanted.target[0], wanted.terms["state"]
        _require_known("state", [] if state is None else [state], VOUCHER_STATES)
        shop_pages.require_campaign(connection, campaign)
        asked = shop_pages.VoucherFilter(campaign_id=campaign, state=state)
        return shop_pages.vouchers_of(connection, asked, part, now_us)

    return CODE_COLUMNS, page_of


def _require_known(field: str, values: Iterable[str], known: Iterable[str]) -> None:
    from livecredits.core.amounts import bad_field

    if not set(values) <= set(known):
        raise bad_field(field, f"must be of: {', '.join(known)}")


_LISTS: Mapping[str, Callable[[], tuple[tuple[str, ...], _PageOf]]] = {
    "history": _history, "users": _users, "audit": _audit, "codes": _codes,
}  # fmt: skip
