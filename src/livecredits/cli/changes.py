"""Commands that move credits, and the one that checks that none was lost: grant, set, adjust, verify."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import Progress

from livecredits.cli.ledger import Database, at_ledger
from livecredits.cli.output import REFUSED, AsJson, err, fail, out, print_change, print_json, print_table
from livecredits.errors import LivecreditsError

if TYPE_CHECKING:
    from livecredits.storage.verify import VerifyReport

UserId = Annotated[str, typer.Argument(metavar="USER", help="The user, by your app's own id.")]
Unit = Annotated[str, typer.Option(help="Which of the user's accounts.")]
Reason = Annotated[str | None, typer.Option(help="Why, for operators' eyes.")]
Label = Annotated[str | None, typer.Option(help="What the user reads about it.")]
Key = Annotated[str | None, typer.Option(help="Idempotency key: the same key changes once.")]

# A negative number is an argument here, not an option.
NUMBERS = {"ignore_unknown_options": True}


def add_to(app: typer.Typer) -> None:
    """Put these commands into the program."""
    app.command()(grant)
    app.command("set", context_settings=NUMBERS)(set_credits)
    app.command(context_settings=NUMBERS)(adjust)
    app.command()(verify)


def grant(  # noqa: PLR0913 - options
    user: UserId,
    amount: Annotated[int, typer.Argument(help="How many, at least 1.")],
    *,
    unit: Unit = "credits",
    expires: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"], help="When they expire, UTC."),
    ] = None,
    reason: Reason = None,
    label: Label = None,
    key: Key = None,
    database: Database = None,
    as_json: AsJson = False,
) -> None:
    """Give credits to a user; makes the user if need be."""
    expires_at = expires.replace(tzinfo=UTC) if expires else None
    about = _about(unit=unit, reason=reason, label=label, key=key)

    print_change(
        at_ledger(
            lambda there: there.grant(user, amount, expires_at, **about), database=database, as_json=as_json
        ),
        as_json=as_json,
    )


def set_credits(
    user: UserId,
    credits: Annotated[int, typer.Argument(help="What the user shall have.")],
    *,
    unit: Unit = "credits",
    reason: Reason = None,
    label: Label = None,
    key: Key = None,
    database: Database = None,
    as_json: AsJson = False,
) -> None:
    """Make a user's available credits equal to a number."""
    about = _about(unit=unit, reason=reason, label=label, key=key)
    answer = at_ledger(lambda there: there.set(user, credits, **about), database=database, as_json=as_json)
    print_change(answer, as_json=as_json)


def adjust(
    user: UserId,
    amount: Annotated[int, typer.Argument(help="What to add; negative takes.")],
    *,
    unit: Unit = "credits",
    reason: Reason = None,
    label: Label = None,
    key: Key = None,
    database: Database = None,
    as_json: AsJson = False,
) -> None:
    """Add credits to a user, or take them."""
    about = _about(unit=unit, reason=reason, label=label, key=key)

    print_change(
        at_ledger(lambda there: there.adjust(user, amount, **about), database=database, as_json=as_json),
        as_json=as_json,
    )


def verify(
    *,
    database: Annotated[
        str | None,
        typer.Option("--database", metavar="URL", help="Which ledger; before LIVECREDITS_DATABASE_URL."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Read every entry and check that no number was lost or altered."""
    from livecredits.config import Settings
    from livecredits.storage.database import verify_at

    try:
        settings = Settings.load(**({} if database is None else {"database_url": database}))
        with _progress(shown=not as_json) as progress:
            report = verify_at(settings.database_url, progress)
    except LivecreditsError as error:
        raise fail(error, as_json=as_json) from None
    _print_report(report, as_json=as_json)
    if report.damages:
        raise typer.Exit(REFUSED)


@contextmanager
def _progress(*, shown: bool) -> Iterator[Callable[[int, int], None]]:
    """A bar on a terminal, and nothing elsewhere."""
    console = err()
    with Progress(console=console, transient=True, disable=not (shown and console.is_terminal)) as bar:
        task = bar.add_task("Reading entries", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _print_report(report: VerifyReport, *, as_json: bool) -> None:
    if as_json:
        print_json({"ok": not report.damages, **asdict(report)})
        return
    read = f"{report.entries:,} entries of {report.accounts:,} accounts"
    if not report.damages:
        out().print(f"[green]✓[/green] {read}: every number adds up and no entry was altered.")
        return
    plural = "" if len(report.damages) == 1 else "s"
    out().print(f"[red]✗[/red] {read}: {len(report.damages):,} damage{plural}.")
    rows = [(damage.table, damage.row, damage.what) for damage in report.damages]
    print_table(("table", "row", "what"), rows, empty="")


def _about(**said: str | None) -> dict[str, Any]:
    # An empty reason is none, as over HTTP; an empty key is a mistake that must not pass for "no key".
    return {name: value for name, value in said.items() if value is not None and (value or name == "key")}
