"""Commands that copy a ledger, put a copy back, or move it into PostgreSQL: backup, restore, copy.

Promises: a backup is taken beside a running server and needs no key; a ledger is put back only where no process has it
open, and the command says what went with the former one: how many entries, and which deeds are to be done again. A
ledger that is moved is not served from two places. Must not know how any of it is done (`storage.backup`,
`storage.restore`, `storage.copying`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from livecredits.cli.lock import require_free
from livecredits.cli.output import AsJson, err, fail, out, plain, print_json, print_table
from livecredits.errors import LivecreditsError, StartRefused

if TYPE_CHECKING:
    from livecredits.storage.backup import Copied
    from livecredits.storage.copying import Moved
    from livecredits.storage.restore import Restored

Database = Annotated[
    str | None,
    typer.Option("--database", metavar="URL", help="Which ledger; before LIVECREDITS_DATABASE_URL."),
]


def add_to(app: typer.Typer) -> None:
    """Put these commands into the program."""
    app.command()(backup)
    app.command()(restore)
    app.command()(copy)


def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What the copy shall be called.")],
    *,
    database: Database = None,
    as_json: AsJson = False,
) -> None:
    """Copy the ledger's SQLite file, checked, while a server goes on writing to it."""
    from livecredits.storage.backup import back_up

    with _told(as_json=as_json), moving(shown=not as_json) as progress:
        copied = back_up(ledger_of(database), file, progress)
    if as_json:
        print_json(copied.as_json())
    else:
        _print_copied(copied)


def _print_copied(copied: Copied) -> None:
    held = copied.content
    out().print(
        f"[green]✓[/green] {plain(copied.file)}: {copied.bytes / 1e6:,.1f} MB, {held.entries:,} entries of "
        f"{held.accounts:,} accounts, the newest of {held.newest or 'never'}.",
        soft_wrap=True,
    )
    if not held.checked:
        err().print(
            f"[yellow]![/yellow] It has schema {held.schema}, older than this program's: its pages were checked, its "
            "entries were not. `livecredits restore` checks them.",
            soft_wrap=True,
        )


def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The backup to put back.")],
    *,
    unrelated: Annotated[
        bool, typer.Option("--unrelated", help="Replace a ledger that the backup is not of, too.")
    ] = False,
    database: Database = None,
    as_json: AsJson = False,
) -> None:
    """Put a backup in the ledger's place, with the server stopped; the former file stays beside it."""
    from livecredits.clock import SystemClock
    from livecredits.storage import restore as restoring

    with _told(as_json=as_json), moving(shown=not as_json) as progress:
        ledger = ledger_of(database)
        require_free(f"sqlite:///{ledger}")
        done = restoring.restore(file, ledger, SystemClock().now_us(), progress, unrelated=unrelated)
    if as_json:
        print_json(done.as_json())
    else:
        _print_restored(done)


def _print_restored(done: Restored) -> None:
    out().print(
        f"[green]✓[/green] {plain(done.file)}: {done.entries:,} entries of {done.accounts:,} accounts, the newest of "
        f"{done.newest or 'never'}. Epoch {done.epoch}.",
        soft_wrap=True,
    )
    if done.replaced is not None:
        err().print(f"The former file is now {plain(done.replaced)}.", soft_wrap=True)
    if done.lost is None:
        err().print("[yellow]![/yellow] It cannot be read, so what is lost cannot be told.", soft_wrap=True)
    elif done.lost:
        entries = "1 entry" if done.lost == 1 else f"{done.lost:,} entries"
        err().print(f"[yellow]![/yellow] {entries} in it came after the backup.", soft_wrap=True)
    if done.again:
        err().print("[yellow]![/yellow] The restored ledger has not heard of these. Do them again:")
        print_table(
            ("when", "what", "to whom"), ((one.at, one.action, one.target) for one in done.again), empty=""
        )
    err().print(
        "Every operator is signed out. Open screens show this ledger as soon as a server runs on it.",
        soft_wrap=True,
    )


def copy(
    source: Annotated[str, typer.Argument(metavar="SQLITE_URL", help="The ledger: sqlite:///FILE.")],
    target: Annotated[
        str | None,
        typer.Argument(
            metavar="POSTGRESQL_URL",
            help="Where it goes; LIVECREDITS_DATABASE_URL where left out, so that no password is seen.",
        ),
    ] = None,
    *,
    keep_source: Annotated[
        bool, typer.Option("--keep-source", help="Let the file be served afterwards: for a rehearsal.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Move a ledger from its SQLite file into an empty PostgreSQL database, with the server stopped."""
    from livecredits.storage import copying

    with _told(as_json=as_json), moving(shown=not as_json) as progress:
        file, url = _file_of(source), _server_of(target)
        require_free(source)
        done = copying.copy_ledger(file, url, progress, keep_source=keep_source)
    if as_json:
        print_json(done.as_json())
    else:
        _print_moved(done)


def _print_moved(done: Moved) -> None:
    out().print(
        f"[green]✓[/green] {plain(done.target)}: {done.entries:,} entries of {done.accounts:,} accounts, and all else "
        f"({done.rows:,} rows), compared and checked.",
        soft_wrap=True,
    )
    if done.marked:
        err().print(
            f"{plain(done.source)} stays as it is and is served no more. Start the server with "
            "LIVECREDITS_DATABASE_URL and the same LIVECREDITS_SECRET: screens and keys go on.",
            soft_wrap=True,
        )
    else:
        err().print(
            "[yellow]![/yellow] Both can be served now: what happens to one, the other does not know.",
            soft_wrap=True,
        )


def _file_of(source: str) -> Path:
    from livecredits.storage.database import is_postgres, path_of

    if is_postgres(source):
        raise StartRefused("A ledger is copied from a SQLite file into PostgreSQL, and not the other way.")
    return path_of(source)


def _server_of(target: str | None) -> str:
    from livecredits.config import Settings
    from livecredits.storage.database import is_postgres

    url = Settings.load().database_url if target is None else target
    if not is_postgres(url):
        raise StartRefused("A ledger is copied into PostgreSQL: postgresql://USER:PASSWORD@HOST/DATABASE.")
    return url


def ledger_of(database: str | None) -> Path:
    """The SQLite file that this address, else the settings, name.

    Raises:
        StartRefused: the ledger is not in a SQLite file, or the settings are wrong.
    """
    from livecredits.config import Settings
    from livecredits.storage.database import is_postgres, path_of

    url = Settings.load(**({} if database is None else {"database_url": database})).database_url
    if is_postgres(url):
        raise StartRefused(
            "This ledger is in PostgreSQL, whose own tools back it up and restore it: docs/operations.md tells how."
        )
    return path_of(url)


@contextmanager
def moving(*, shown: bool) -> Iterator[Callable[[str, int, int], None]]:
    """A bar for each step on a terminal, and nothing elsewhere."""
    console = err()
    columns: tuple[Any, ...] = (
        TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn(),
    )  # fmt: skip
    tasks: dict[str, Any] = {}
    with Progress(
        *columns, console=console, transient=True, disable=not (shown and console.is_terminal)
    ) as bar:

        def advance(step: str, done: int, total: int) -> None:
            if step not in tasks:
                tasks[step] = bar.add_task(step, total=total)
            bar.update(tasks[step], completed=done, total=total)

        yield advance


@contextmanager
def _told(*, as_json: bool) -> Iterator[None]:
    try:
        yield
    except LivecreditsError as error:
        raise fail(error, as_json=as_json) from None
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
