"""Commands that say who may come in: operator, key, token."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from livecredits.access import Role, Scope
from livecredits.cli.ledger import Database, Json, Ledger, at_ledger, operator_named
from livecredits.cli.output import AsJson, err, out, plain, print_json, print_table

SERVER = "http://127.0.0.1:8300"
CODE_NOTE = "The link signs in once and ends in a quarter of an hour."

operators = typer.Typer(no_args_is_help=True, help="People who work in the console.")
keys = typer.Typer(no_args_is_help=True, help="Service keys, with which backends call the API.")

Who = Annotated[str, typer.Argument(metavar="OPERATOR", help="E-mail address or id.")]
At = Annotated[str | None, typer.Option("--url", help="Where the server stands, for the link.")]


def add_to(app: typer.Typer) -> None:
    """Put these commands into the program."""
    app.add_typer(operators, name="operator")
    app.add_typer(keys, name="key")
    app.command()(token)


@operators.command("add")
def add_operator(
    email: Annotated[str, typer.Argument(help="What they sign in with.")],
    *,
    name: Annotated[
        str | None, typer.Option(help="What people call them; the address where left out.")
    ] = None,
    role: Annotated[Role, typer.Option(help="What they may do.")] = Role.SUPPORT,
    limit: Annotated[int | None, typer.Option(min=1, help="Most credits in one change.")] = None,
    with_password: Annotated[
        bool, typer.Option("--password", help="Ask for a password, or read it from standard input.")
    ] = False,
    url: At = None,
    database: Database = None,
    as_json: AsJson = False,
) -> None:
    """Make an operator and print a link that signs them in once."""
    password = _password() if with_password else None

    async def make(there: Ledger) -> Json:
        operator = await there.add_operator(email, name or email, role.value, password, limit)
        return {**operator, **await _link(there, operator, url)}

    made = at_ledger(make, database=database, as_json=as_json)
    if as_json:
        print_json(made)
        return
    out().print(f"[green]✓[/green] {plain(made['email'])} is an operator ({made['role']}).")
    _print_link(made)


@operators.command("list")
def list_operators(*, database: Database = None, as_json: AsJson = False) -> None:
    """Show all operators."""
    found = at_ledger(lambda there: there.operators(), database=database, as_json=as_json)
    if as_json:
        print_json(found)
        return
    rows = [
        (
            one["email"],
            one["name"],
            one["role"],
            one["limit"],
            "disabled" if one["disabled"] else "",
            one["id"],
        )
        for one in found
    ]
    print_table(
        ("e-mail", "name", "role", "limit", "", "id"),
        rows,
        empty="There are no operators. `livecredits operator add` makes the first one.",
    )


@operators.command("disable")
def disable_operator(operator: Who, *, database: Database = None, as_json: AsJson = False) -> None:
    """Lock an operator out and end their sessions."""

    async def disable(there: Ledger) -> Json:
        return await there.disable_operator((await operator_named(there, operator))["id"])

    disabled = at_ledger(disable, database=database, as_json=as_json)
    if as_json:
        print_json(disabled)
    else:
        out().print(f"[green]✓[/green] {plain(disabled['email'])} is locked out.")


@operators.command("link")
def link_operator(
    operator: Who, *, url: At = None, database: Database = None, as_json: AsJson = False
) -> None:
    """Print a link that signs an operator in once."""

    async def ask(there: Ledger) -> Json:
        return await _link(there, await operator_named(there, operator), url)

    link = at_ledger(ask, database=database, as_json=as_json)
    if as_json:
        print_json(link)
    else:
        _print_link(link)


@keys.command("add")
def add_key(
    name: Annotated[str, typer.Argument(help="What people call it, such as the backend that holds it.")],
    *,
    scopes: Annotated[
        list[Scope] | None,
        typer.Option("--scope", help="What it may do; give several, or none for all of them."),
    ] = None,
    database: Database = None,
    as_json: AsJson = False,
) -> None:
    """Make a service key; its secret is shown this once."""
    wanted = [scope.value for scope in scopes or list(Scope)]

    made = at_ledger(lambda there: there.add_key(name, wanted), database=database, as_json=as_json)
    if as_json:
        print_json(made)
        return
    out().print(made["secret"], soft_wrap=True)
    err().print(f"[dim]{made['key']['id']}: {', '.join(made['key']['scopes'])}. It is not shown again.[/dim]")


@keys.command("list")
def list_keys(*, database: Database = None, as_json: AsJson = False) -> None:
    """Show all service keys, without their secrets."""
    found = at_ledger(lambda there: there.keys(), database=database, as_json=as_json)
    if as_json:
        print_json(found)
        return
    rows = [
        (
            one["name"],
            " ".join(one["scopes"]),
            one["hint"],
            one["last_used_at"] or "never used",
            "revoked" if one["revoked_at"] else "",
            one["id"],
        )
        for one in found
    ]
    print_table(
        ("name", "scopes", "ends in", "last use", "", "id"),
        rows,
        empty="There are no keys. `livecredits key add` makes the first one.",
    )


@keys.command("revoke")
def revoke_key(
    key: Annotated[str, typer.Argument(metavar="KEY", help="The key's id, `key_…`.")],
    *,
    database: Database = None,
    as_json: AsJson = False,
) -> None:
    """End a service key, everywhere within five seconds."""
    ended_key = at_ledger(lambda there: there.revoke_key(key), database=database, as_json=as_json)
    if as_json:
        print_json(ended_key)
    else:
        out().print(f"[green]✓[/green] {plain(ended_key['name'])} is revoked.")


def token(
    user: Annotated[str, typer.Argument(metavar="USER", help="Whose screen.")],
    *,
    ttl: Annotated[int, typer.Option(min=1, max=3600, help="Seconds that it is good for.")] = 900,
    database: Database = None,
    as_json: AsJson = False,
) -> None:
    """Mint a screen token for one user."""
    minted = at_ledger(lambda there: there.token(user, ttl), database=database, as_json=as_json)
    if as_json:
        print_json(minted)
    else:
        typer.echo(minted["token"])


async def _link(there: Ledger, operator: Json, url: str | None) -> Json:
    made = await there.sign_in_code(operator["id"])
    root = (url or os.environ.get("LIVECREDITS_URL") or SERVER).rstrip("/")
    return {"link": f"{root}/console#code={made['code']}", "expires_at": made["expires_at"]}


def _print_link(link: Json) -> None:
    out().print(link["link"], soft_wrap=True)
    err().print(f"[dim]{CODE_NOTE}[/dim]")


def _password() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    return str(typer.prompt("Password (at least 12 characters)", hide_input=True, confirmation_prompt=True))
