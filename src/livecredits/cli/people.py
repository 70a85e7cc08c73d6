"""Commands about people and what was done: users, history, thresholds, erasure, batches, the audit trail.

Promises: nothing that cannot be undone happens without a word of consent. Must not know the rules: each command asks
one verb of the ledger.
"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from livecredits.cli.changes import NUMBERS, Label, Reason, Unit, UserId
from livecredits.cli.ledger import Database, Json
from livecredits.cli.lists import All, Columns, Limit, Time, asked, show, show_page, utc
from livecredits.cli.output import REFUSED, AsJson, err, out, plain, print_table

batches = typer.Typer(help="Many changes that were made in one request.", no_args_is_help=True)
BatchId = Annotated[str, typer.Argument(metavar="BATCH", help="Its id, bat_….")]


def add_to(app: typer.Typer) -> None:
    """Put these commands into the program."""
    app.command("users")(list_users)
    app.command("history")(history)
    app.command("threshold", context_settings=NUMBERS)(threshold)
    app.command("erase")(erase)
    app.command("audit")(audit)
    app.add_typer(batches, name="batch")


USERS: Columns = {
    "user": lambda one: one["user_id"],
    "name": lambda one: one["name"],
    "e-mail": lambda one: one["email"],
    "credits": lambda one: f"{one['credits']:,}",
    "held": lambda one: f"{one['balance']['held']:,}" if one["balance"]["held"] else "",
    "": lambda one: ", ".join(word for word in ("frozen", "low") if one.get(word)),
}
ENTRIES: Columns = {
    "at": lambda one: one["at"][:19],
    "kind": lambda one: one["kind"],
    "amount": lambda one: f"{one['amount']:+,}",
    "credits": lambda one: f"{one['credits']:,}",
    "unit": lambda one: one["unit"],
    "reason": lambda one: one.get("reason"),
    "label": lambda one: one.get("label"),
    "by": lambda one: one.get("actor"),
    "entry": lambda one: one["entry"],
}
DEEDS: Columns = {
    "at": lambda one: one["at"][:19],
    "who": lambda one: one["actor"],
    "did": lambda one: one["action"],
    "to": lambda one: one["target"],
    "reason": lambda one: one["reason"],
    "from": lambda one: one["address"],
}
BATCHES: Columns = {
    "made": lambda one: one["created_at"][:16],
    "state": lambda one: one["state"],
    "rows": lambda one: f"{one['rows']:,}",
    "reason": lambda one: one["reason"],
    "by": lambda one: one["actor"],
    "id": lambda one: one["batch"],
}
ROWS: Columns = {
    "row": lambda one: one["row"],
    "user": lambda one: one["user_id"],
    "op": lambda one: one["op"],
    "amount": lambda one: f"{one['amount']:,}",
    "before": lambda one: one["before"],
    "after": lambda one: one["after"],
    "why not": lambda one: one.get("detail"),
}


def list_users(
    *,
    search: Annotated[str | None, typer.Option(help="In ids, names and addresses.")] = None,
    low: Annotated[bool, typer.Option("--low", help="Only those whose balance is low.")] = False,
    frozen: Annotated[bool, typer.Option("--frozen", help="Only those who are frozen.")] = False,
    unit: Unit = "credits",
    limit: Limit = 50,
    every: All = False,
    database: Database = None,
    as_json: AsJson = False,
) -> None:
    """Show users with their balances."""
    found = asked(
        "users", search=search, unit=unit, low=low or None, frozen=frozen or None, limit=limit, every=every,
        database=database, as_json=as_json,
    )  # fmt: skip
    show_page(found, USERS, as_json=as_json, empty="No such users.")


def history(  # noqa: PLR0913 - options
    user: UserId,
    *,
    unit: Annotated[str | None, typer.Option(help="Only of this account.")] = None,
    kind: Annotated[
        list[str] | None, typer.Option(help="Only this kind; may be given several times.")
    ] = None,
    since: Time = None,
    until: Time = None,
    limit: Limit = 50,
    every: All = False,
    database: Database = None,
    as_json: AsJson = False,
) -> None:
    """Show what happened to a user's credits, the newest first; `livecredits export history` writes a file."""
    found = asked(
        "history", user, unit=unit, kinds=kind or None, since=utc(since), until=utc(until), limit=limit, every=every,
        database=database, as_json=as_json,
    )  # fmt: skip
    show_page(found, ENTRIES, as_json=as_json, empty="Nothing has happened yet.")


def threshold(
    amount: Annotated[
        str, typer.Argument(help="At or below how many credits a balance is low; none ends it.")
    ],
    *,
    unit: Unit = "credits",
    user: Annotated[str | None, typer.Option(help="For this user alone; otherwise for the unit.")] = None,
    reason: Reason = None,
    database: Database = None,
    as_json: AsJson = False,
) -> None:
    """Say when a balance is low: then it is marked in the user's wallet and in the operators' list."""
    wanted = _amount_or_none(amount)
    if user is None:
        told = asked(
            "put_unit",
            unit,
            _scale_of(unit, database),
            low_threshold=wanted,
            database=database,
            as_json=as_json,
        )
    else:
        told = asked(
            "put_user",
            user,
            unit=unit,
            low_threshold=wanted,
            reason=reason,
            database=database,
            as_json=as_json,
        )
    whose = plain(unit if user is None else user)
    shown = "has no threshold any more" if wanted is None else f"is low at {wanted:,} or less"
    show(told, f"{whose} {shown}", as_json=as_json)


def _amount_or_none(text: str) -> int | None:
    if text == "none":
        return None
    try:
        return int(text)
    except ValueError:
        raise typer.BadParameter("AMOUNT is a whole number, or none") from None


def _scale_of(unit: str, database: str | None) -> int:
    """The unit's own, so that it stays; 0 for a new one."""
    units = asked("units", database=database)
    found: list[Json] = [one for one in units["items"] if one["name"] == unit]
    return int(found[0]["scale"]) if found else 0


def erase(
    user: UserId,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    reason: Reason = None,
    database: Database = None,
    as_json: AsJson = False,
) -> None:
    """Remove a person's data for good: name, address, billing. Entries stay, under the id alone."""
    if not yes:
        typed = typer.prompt(
            f"This cannot be undone. Type {user} to erase what is known of this person", err=True
        )
        if typed != user:
            err().print("That is another id; nothing was erased.")
            raise typer.Exit(REFUSED)
    told = asked("erase", user, reason=reason, database=database, as_json=as_json)
    rows = ", ".join(f"{count:,} {name}" for name, count in told["erased"].items() if count)
    show(told, f"{plain(user)} is erased: {rows}", as_json=as_json)


def audit(  # noqa: PLR0913 - options
    *,
    actor: Annotated[str | None, typer.Option(help="Only what operator:… or service:… has done.")] = None,
    action: Annotated[
        list[str] | None, typer.Option(help="Only this action; may be given several times.")
    ] = None,
    target: Annotated[str | None, typer.Option(help="Only what was done to this user, order, key ….")] = None,
    since: Time = None,
    until: Time = None,
    limit: Limit = 50,
    every: All = False,
    database: Database = None,
    as_json: AsJson = False,
) -> None:
    """Show who did what, the newest first; `livecredits export audit` writes a file."""
    found = asked(
        "audit", actor=actor, actions=action or None, target=target, since=utc(since), until=utc(until), limit=limit,
        every=every, database=database, as_json=as_json,
    )  # fmt: skip
    show_page(found, DEEDS, as_json=as_json, empty="Nobody has done such a thing.")


@batches.command("list")
def list_batches(
    *, limit: Limit = 50, every: All = False, database: Database = None, as_json: AsJson = False
) -> None:
    """Show batches, the newest first; `livecredits import` makes them."""
    found = asked("batches", limit=limit, every=every, database=database, as_json=as_json)
    show_page(found, BATCHES, as_json=as_json, empty="There are no batches.")


@batches.command("show")
def show_batch(batch: BatchId, *, database: Database = None, as_json: AsJson = False) -> None:
    """Show what each row of a batch came to."""
    _show_rows(asked("batch_of", batch, database=database, as_json=as_json), as_json=as_json)


@batches.command("undo")
def undo_batch(
    batch: BatchId,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would be.")] = False,
    atomic: Annotated[bool, typer.Option("--atomic", help="All or nothing.")] = False,
    below_floor: Annotated[bool, typer.Option("--below-floor", help="Take back what is spent, too.")] = False,
    reason: Reason = None,
    label: Label = None,
    database: Database = None,
    as_json: AsJson = False,
) -> None:
    """Undo a batch: a reversal for each entry that it left and that still stands."""
    undone = asked(
        "reverse_batch", batch, dry_run=dry_run, atomic=atomic, allow_below_floor=below_floor, reason=reason,
        label=label, database=database, as_json=as_json,
    )  # fmt: skip
    _show_rows(undone, as_json=as_json)
    if undone["refused"]:
        raise typer.Exit(REFUSED)


def _show_rows(batch: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        show(batch, None, as_json=True)
        return
    print_table(
        ROWS, [[cell(row) for cell in ROWS.values()] for row in batch["rows"]], empty="It has no rows."
    )
    out().print(f"{batch['state']}: {batch['applied']:,} stand or are undone, {batch['refused']:,} refused")
