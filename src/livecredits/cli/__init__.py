"""The command `livecredits`: each file of this folder holds the commands of one kind.

Promises: exit code 0 for done, 1 for a refusal or a damage found, 2 for wrong usage or a process that cannot start;
with `--json` exactly the answer on standard output, everything else on standard error.
The odd thing: imports of heavy modules stand inside the commands, so that `--help` and completion answer at once.
Every command and option is explained in docs/reference/cli.md; a test holds the two together.
"""

from __future__ import annotations

import gc

import typer

from livecredits.cli import (
    access,
    backups,
    changes,
    doctor,
    exporting,
    importing,
    people,
    processes,
    shop,
    tail,
)

app = typer.Typer(
    name="livecredits",
    help="Prepaid credits for your users, live on every open screen.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_show_locals=False,  # a local may be a secret
)

processes.add_to(app)
changes.add_to(app)
importing.add_to(app)
exporting.add_to(app)
backups.add_to(app)
shop.add_to(app)
people.add_to(app)
tail.add_to(app)
access.add_to(app)
doctor.add_to(app)


GC_THRESHOLD = (50_000, 20, 100)
"""What a command loads is no garbage: looking for some at every 700 new objects took a seventh of its start (by
processor time, `key list`: 0.90 s → 0.79). A server sets its own once it is ready."""


def main() -> None:
    """Entry point of the script `livecredits`."""
    gc.set_threshold(*GC_THRESHOLD)
    app()
