"""Where a command's work happens: through a running server, or in the database file itself.

Promises: `LIVECREDITS_URL` and `LIVECREDITS_KEY` decide; with them everything goes over HTTP, without them the file of
`LIVECREDITS_DATABASE_URL` is opened, which only one process can do: then the error names the two variables. Whoever
names a file with `--database` means that file.
Both ways answer the same JSON. The odd thing: this is the one place where the facade and its remote twin stand side by
side, and it shows how little differs.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict, replace
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Protocol, TypeVar

import typer

from livecredits.cli.lock import require_free
from livecredits.cli.output import ended
from livecredits.errors import NotFound, StartRefused

if TYPE_CHECKING:
    from livecredits.client import AsyncClient
    from livecredits.client.call import Call
    from livecredits.core.changes import Actor
    from livecredits.credits import Credits
    from livecredits.credits.batches import BatchRow

URL, KEY = "LIVECREDITS_URL", "LIVECREDITS_KEY"
Json = dict[str, Any]
T = TypeVar("T")


class Ledger(Protocol):
    """What commands can do, wherever the ledger is."""

    async def grant(self, user_id: str, amount: int, expires_at: datetime | None, **about: Any) -> Json:
        """Give credits."""
        ...

    async def set(self, user_id: str, credits: int, **about: Any) -> Json:
        """Make the available credits equal to a number."""
        ...

    async def adjust(self, user_id: str, amount: int, **about: Any) -> Json:
        """Add, or take where negative."""
        ...

    async def batch(
        self, rows: list[BatchRow], *, dry_run: bool, reason: str | None, label: str | None, key: str | None
    ) -> Json:
        """Many changes at once."""
        ...

    async def token(self, user_id: str, ttl_s: int) -> Json:
        """Mint a screen token."""
        ...

    async def operators(self) -> list[Json]:
        """All operators."""
        ...

    async def add_operator(
        self, email: str, name: str, role: str, password: str | None, limit: int | None
    ) -> Json:
        """Make an operator."""
        ...

    async def disable_operator(self, operator_id: str) -> Json:
        """Lock an operator out."""
        ...

    async def sign_in_code(self, operator_id: str) -> Json:
        """A one-time code and when it ends."""
        ...

    async def keys(self) -> list[Json]:
        """All service keys."""
        ...

    async def add_key(self, name: str, scopes: list[str]) -> Json:
        """Make a service key: `key` and, this once, `secret`."""
        ...

    async def revoke_key(self, key_id: str) -> Json:
        """End a service key."""
        ...

    async def ask(self, verb: str, *args: Any, **about: Any) -> Json:
        """Any other verb of `Credits` and `Client`, which share their names and arguments; a list is `items`."""
        ...


Database = Annotated[
    str | None,
    typer.Option(
        "--database", metavar="URL", help="Open this ledger's file, whatever the LIVECREDITS_ variables say."
    ),
]


def at_ledger(
    ask: Callable[[Ledger], Awaitable[T]], *, database: str | None = None, as_json: bool = False
) -> T:
    """Ask the ledger one thing; a refusal becomes its sentence and its exit code."""

    async def work() -> T:
        async with ledger(database) as there:
            return await ask(there)

    return ended(work, as_json=as_json)


async def operator_named(ledger: Ledger, name: str) -> Json:
    """The operator with that id or e-mail address."""
    for operator in await ledger.operators():
        if name.lower() in {operator["id"], operator["email"]}:
            return operator
    raise NotFound(f"There is no operator {name}.")


@asynccontextmanager
async def ledger(database: str | None = None) -> AsyncIterator[Ledger]:
    """The ledger in the file of this address, else the one that the environment names.

    Raises:
        StartRefused: half of an address, a locked file, wrong settings.
    """
    url = os.environ.get(URL)
    if url and database is None:
        async with remote_client(url) as client:
            yield Remote(client)
        return
    from livecredits.config import Settings
    from livecredits.credits import Credits

    settings = Settings.load(**({} if database is None else {"database_url": database}))
    require_free(settings.database_url)
    async with Credits(settings.database_url, settings=settings) as credits:
        yield Local(credits)


def remote_client(url: str) -> AsyncClient:
    """A client of the server at `url`, with the key of the environment.

    Raises:
        StartRefused: there is no key, or the extra `client` is not installed.
    """
    key = os.environ.get(KEY)
    if not key:
        raise StartRefused(f"{URL} is set, but {KEY} is not. `livecredits key add` makes one.")
    try:
        from livecredits.client import AsyncClient
    except ImportError:
        raise StartRefused(
            f"Commands go over HTTP where {URL} is set, and that needs httpx2: pip install 'livecredits[client]'"
        ) from None
    try:
        return AsyncClient(url, key)
    except ValueError as error:
        raise StartRefused(f"{URL} or {KEY} cannot be right: {error}") from None


class Remote:
    """The ledger behind a server."""

    def __init__(self, client: AsyncClient) -> None:
        self._client = client

    async def grant(self, user_id: str, amount: int, expires_at: datetime | None, **about: Any) -> Json:
        """Give credits."""
        from livecredits.client import calls

        return await self._raw(calls.grant(user_id, amount, expires_at=expires_at, **about))

    async def set(self, user_id: str, credits: int, **about: Any) -> Json:
        """Make the available credits equal to a number."""
        from livecredits.client import calls

        return await self._raw(calls.set_credits(user_id, credits, **about))

    async def adjust(self, user_id: str, amount: int, **about: Any) -> Json:
        """Add, or take where negative."""
        from livecredits.client import calls

        return await self._raw(calls.adjust(user_id, amount, **about))

    async def batch(
        self, rows: list[BatchRow], *, dry_run: bool, reason: str | None, label: str | None, key: str | None
    ) -> Json:
        """Many changes at once."""
        from livecredits.client import batch_calls

        call: Any = batch_calls.batch(rows, dry_run=dry_run, reason=reason, label=label, key=key)
        told: Json = await self._client.run(
            replace(call, read=dict, replayed=lambda told: {**told, "replayed": True})
        )
        return told

    async def token(self, user_id: str, ttl_s: int) -> Json:
        """Mint a screen token."""
        from livecredits.client import calls

        return await self._raw(calls.token(user_id, ttl_s=ttl_s))

    async def operators(self) -> list[Json]:
        """All operators."""
        return list((await self._ask("GET", "/admin/operators"))["items"])

    async def add_operator(
        self, email: str, name: str, role: str, password: str | None, limit: int | None
    ) -> Json:
        """Make an operator; the route wants a password, so one that nobody knows stands in for none."""
        body = {
            "email": email,
            "name": name,
            "role": role,
            "password": password or secrets.token_urlsafe(32),
            "limit": limit,
        }
        return await self._ask("POST", "/admin/operators", body)

    async def disable_operator(self, operator_id: str) -> Json:
        """Lock an operator out."""
        return await self._ask("PUT", f"/admin/operators/{operator_id}", {"disabled": True})

    async def sign_in_code(self, operator_id: str) -> Json:
        """A one-time code and when it ends."""
        return await self._ask("POST", f"/admin/operators/{operator_id}/link", {})

    async def keys(self) -> list[Json]:
        """All service keys."""
        return list((await self._ask("GET", "/admin/keys"))["items"])

    async def add_key(self, name: str, scopes: list[str]) -> Json:
        """Make a service key."""
        return await self._ask("POST", "/admin/keys", {"name": name, "scopes": scopes})

    async def revoke_key(self, key_id: str) -> Json:
        """End a service key."""
        return await self._ask("DELETE", f"/admin/keys/{key_id}")

    async def users(self, after: str | None) -> Json:
        """A page of users."""
        from livecredits.client.call import Call

        query = {"limit": "200"} | ({"after": after} if after else {})
        return await self._client.run(Call("GET", "/admin/users", dict, query=query))

    async def ask(self, verb: str, *args: Any, **about: Any) -> Json:
        """Any other verb of the client."""
        from livecredits.client import admin_calls, batch_calls, calls, shop_calls

        of = next(group for group in (shop_calls, admin_calls, batch_calls, calls) if hasattr(group, verb))
        call: Call[Any] = getattr(of, verb)(*args, **about)
        told: Json | None = await self._client.run(replace(call, read=lambda body: body, replayed=None))
        return told or {}

    async def _raw(self, call: Call[Any]) -> Json:
        """The same call, answered as plain JSON."""
        told: Json = await self._client.run(replace(call, read=dict, replayed=None))
        return told

    async def _ask(self, method: Any, path: str, body: Mapping[str, Any] | None = None) -> Json:
        from livecredits.client.call import Call

        return await self._client.run(Call(method, path, dict, body=body))


class Local:
    """The ledger in a file that this process has opened."""

    def __init__(self, credits: Credits) -> None:
        self._credits = credits

    async def grant(self, user_id: str, amount: int, expires_at: datetime | None, **about: Any) -> Json:
        """Give credits."""
        answer = await self._credits.grant(user_id, amount, expires_at=expires_at, actor=_me(), **about)
        return answer.as_json()

    async def set(self, user_id: str, credits: int, **about: Any) -> Json:
        """Make the available credits equal to a number."""
        return (await self._credits.set(user_id, credits, actor=_me(), **about)).as_json()

    async def adjust(self, user_id: str, amount: int, **about: Any) -> Json:
        """Add, or take where negative."""
        return (await self._credits.adjust(user_id, amount, actor=_me(), **about)).as_json()

    async def batch(
        self, rows: list[BatchRow], *, dry_run: bool, reason: str | None, label: str | None, key: str | None
    ) -> Json:
        """Many changes at once."""
        result = await self._credits.batch(
            rows, dry_run=dry_run, reason=reason, label=label, key=key, actor=_me()
        )
        return {**result.as_json(), "replayed": result.replayed}

    async def token(self, user_id: str, ttl_s: int) -> Json:
        """Mint a screen token; one signed with a made-up secret would be good for nothing."""
        from livecredits.http.tokens import Tokens
        from livecredits.storage.answers import rfc3339

        settings = self._credits.settings
        if settings.secret is None:
            raise StartRefused(
                "LIVECREDITS_SECRET is not set: no server would know the token. Set it, or go through the server "
                f"with {URL} and {KEY}."
            )
        token, expires_at_us = await Tokens(self._credits, settings).mint(user_id, ttl_s)
        return {"token": token, "user_id": user_id, "expires_at": rfc3339(expires_at_us)}

    async def operators(self) -> list[Json]:
        """All operators."""
        from livecredits.http.operators import Operators

        return await Operators(self._credits).every()

    async def add_operator(
        self, email: str, name: str, role: str, password: str | None, limit: int | None
    ) -> Json:
        """Make an operator; without a password they sign in by one-time links."""
        from livecredits.access import Role
        from livecredits.http.operators import Operators

        return await Operators(self._credits).create(
            email, name, Role(role), password=password, limit=limit, actor=_me()
        )

    async def disable_operator(self, operator_id: str) -> Json:
        """Lock an operator out."""
        from livecredits.http.operators import Operators

        operator, _ = await Operators(self._credits).change(operator_id, {"disabled": True}, actor=_me())
        return operator

    async def sign_in_code(self, operator_id: str) -> Json:
        """A one-time code and when it ends."""
        from livecredits.http.operators import Operators
        from livecredits.storage.answers import rfc3339

        code, expires_at_us = await Operators(self._credits).create_code(operator_id, actor=_me())
        return {"code": code, "expires_at": rfc3339(expires_at_us)}

    async def keys(self) -> list[Json]:
        """All service keys."""
        from livecredits.http.keys import Keys

        return await Keys(self._credits).every()

    async def add_key(self, name: str, scopes: list[str]) -> Json:
        """Make a service key."""
        from livecredits.access import Scope
        from livecredits.http.keys import Keys

        key, secret = await Keys(self._credits).create(name, [Scope(scope) for scope in scopes], actor=_me())
        return {"key": key, "secret": secret}

    async def revoke_key(self, key_id: str) -> Json:
        """End a service key."""
        from livecredits.http.keys import Keys

        return await Keys(self._credits).revoke(key_id, actor=_me())

    async def ask(self, verb: str, *args: Any, **about: Any) -> Json:
        """Any other verb of the facade; what writes is written in the name of whoever types."""
        if verb == "units":
            await self._credits.states([])  # they are known once the ledger is open
            return {"items": [asdict(unit) for unit in self._credits.units.values()]}
        mine = {} if verb in _READING else {"actor": _me()}
        told = await getattr(self._credits, verb)(*args, **about, **mine)
        if verb == "erase":
            return {"user_id": args[0], "erased": dict(told)}
        if isinstance(told, list):
            return {"items": [one.as_json() for one in told]}
        return {} if told is None else _as_json(told)


_READING = frozenset({
    "packages", "orders", "order_of", "campaigns", "campaign", "campaign_codes", "vouchers", "voucher", "batches",
    "batch_of", "history", "audit", "users", "user",
})  # fmt: skip


def _as_json(told: Any) -> Json:
    if not hasattr(told, "items"):
        body: Json = told.as_json() if hasattr(told, "as_json") else asdict(told)
        return body
    page = {"items": [one.as_json() for one in told.items], "next": told.next, "previous": told.previous}
    return page if told.total is None else {**page, "total": told.total}


def _me() -> Actor:
    """Whoever types, as far as the machine knows."""
    import getpass

    from livecredits.core.changes import Actor

    return Actor("service", "cli", getpass.getuser())
