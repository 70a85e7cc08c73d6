"""Commands that copy a ledger and put a copy back: backup, restore.

Promises: a backup is taken beside a running server and needs no key; a ledger is put back only where no process has it
open, and the command says what went with the former one: how many entries, and which deeds are to be done again.
Must not know how a file is copied (`storage.backup`, `storage.restore`).
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
from livecredits.errors import LivecreditsError

if TYPE_CHECKING:
    from livecredits.storage.backup import Copied
    from livecredits.storage.restore import Restored

Database = Annotated[
    str | None,
    typer.Option("--database", metavar="URL", help="Which ledger; before LIVECREDITS_DATABASE_URL."),
]


def add_to(app: typer.Typer) -> None:
    """Put these commands into the program."""
    app.command()(backup)
    app.command()(restore)


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


def ledger_of(database: str | None) -> Path:
    """The SQLite file that this address, else the settings, name.

    Raises:
        StartRefused: the ledger is not in a SQLite file, or the settings are wrong.
    """
    from livecredits.config import Settings
    from livecredits.storage.database import path_of

    return path_of(Settings.load(**({} if database is None else {"database_url": database})).database_url)


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
