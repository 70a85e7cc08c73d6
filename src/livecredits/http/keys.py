"""Service keys: `lck_…`, shown once, stored as a digest, with scopes and a last use.

This promises that a key's secret is never stored, logged or shown again, and that a revoked key stops working within
five seconds in every process. It must not know routes. The odd thing: the last use is written at most once a minute
and beside the request, since a busy key would otherwise double every change.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select, update

from livecredits.access import Principal, Scope
from livecredits.core.changes import LIBRARY, Actor
from livecredits.errors import LivecreditsError, NotFound, Unauthenticated
from livecredits.http.bodies import check_name
from livecredits.http.fresh import Fresh
from livecredits.http.trail import digest, instant, moment, new_id, noted
from livecredits.storage.audit import record
from livecredits.storage.schema import api_keys

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from livecredits.credits import Credits

log = logging.getLogger("livecredits.http")

PREFIX = "lck_"
USE_NOTED_EVERY_US = 60_000_000
_UNKNOWN = "This key is not known or was revoked."


class Keys:
    """The service keys of one ledger.

    Args:
        credits: the ledger that holds them.
    """

    def __init__(self, credits: Credits) -> None:
        self._credits = credits
        self._known: Fresh[Principal] = Fresh()
        self._used_us: dict[str, int] = {}
        self._notes: set[asyncio.Task[None]] = set()

    async def authenticate(self, secret: str) -> Principal:
        """Whose key this is.

        Raises:
            Unauthenticated: no such key, or it was revoked.
        """
        digested = digest(secret)
        principal = await self._known.find(digested, lambda: self._find(digested))
        self._note_use(principal.id)
        return principal

    async def _find(self, digested: str) -> Principal:
        wanted = select(api_keys).where(api_keys.c.digest == digested, api_keys.c.revoked_at_us.is_(None))
        row = await self._credits.read(lambda connection: connection.execute(wanted).mappings().first())
        if row is None:
            raise Unauthenticated(_UNKNOWN)
        scopes = frozenset(row["scopes"].split())
        return Principal("service", row["key_id"], scopes=scopes, session_id=row["key_id"], name=row["name"])

    def forget(self) -> None:
        """Look keys up anew: another process has ended one."""
        self._known.forget()

    def _note_use(self, key_id: str) -> None:
        now_us = self._credits.clock.now_us()
        if now_us - self._used_us.get(key_id, 0) < USE_NOTED_EVERY_US:
            return
        self._used_us[key_id] = now_us
        task = asyncio.create_task(self._write_use(key_id, now_us))
        self._notes.add(task)
        task.add_done_callback(self._notes.discard)

    async def _write_use(self, key_id: str, now_us: int) -> None:
        noting = update(api_keys).where(api_keys.c.key_id == key_id).values(last_used_at_us=now_us)
        try:
            await self._credits.write(lambda connection: connection.execute(noting).rowcount)
        except LivecreditsError as error:
            log.warning("the last use of key %s could not be written: %s", key_id, error)

    async def create(
        self, name: str, scopes: Iterable[Scope], *, actor: Actor = LIBRARY
    ) -> tuple[dict[str, Any], str]:
        """Make a key.

        Args:
            name: what people call it.
            scopes: what it may do.
            actor: who makes it.

        Raises:
            Invalid: nobody could be called so.

        Returns:
            The key as lists show it, and its secret, which cannot be had again.
        """
        check_name(name)
        secret = PREFIX + secrets.token_urlsafe(32)
        now_us = self._credits.clock.now_us()
        row: dict[str, Any] = {
            "key_id": new_id("key"),
            "digest": digest(secret),
            "name": name,
            "hint": f"…{secret[-4:]}",
            "scopes": " ".join(sorted(scopes)),
            "created_by": str(actor),
            "created_at_us": now_us,
            "last_used_at_us": None,
            "revoked_at_us": None,
        }
        shown = as_item(row)

        def write(connection: Connection) -> Any:
            connection.execute(insert(api_keys).values(row))
            after = {"name": name, "scopes": shown["scopes"]}
            record(
                connection, at_us=now_us, actor=actor, action="key.created", target=row["key_id"], after=after
            )
            return noted()

        await self._credits.write(write)
        return shown, secret

    async def every(self) -> list[dict[str, Any]]:
        """All keys, revoked ones included, newest first."""
        wanted = select(api_keys).order_by(api_keys.c.key_id.desc())
        rows = await self._credits.read(lambda connection: connection.execute(wanted).mappings().all())
        return [as_item(dict(row)) for row in rows]

    async def revoke(self, key_id: str, *, actor: Actor = LIBRARY) -> dict[str, Any]:
        """End a key; ending it again changes nothing.

        Raises:
            NotFound: there is no such key.
        """
        now_us = self._credits.clock.now_us()

        def write(connection: Connection) -> Any:
            row = connection.execute(select(api_keys).where(api_keys.c.key_id == key_id)).mappings().first()
            if row is None:
                raise NotFound(f"There is no key {key_id}.")
            if row["revoked_at_us"] is not None:
                return dict(row)
            connection.execute(
                update(api_keys).where(api_keys.c.key_id == key_id).values(revoked_at_us=now_us)
            )
            record(
                connection,
                at_us=now_us,
                actor=actor,
                action="key.revoked",
                target=key_id,
                before={"name": row["name"]},
            )
            return noted({**row, "revoked_at_us": now_us})

        row = await self._credits.write(write)
        self._known.forget(row["digest"])
        return as_item(row)


def as_item(row: Mapping[str, Any]) -> dict[str, Any]:
    """A key as lists show it."""
    return {
        "id": row["key_id"],
        "name": row["name"],
        "scopes": row["scopes"].split(),
        "hint": row["hint"],
        "created_by": row["created_by"],
        "created_at": instant(row["created_at_us"]),
        "last_used_at": moment(row["last_used_at_us"]),
        "revoked_at": moment(row["revoked_at_us"]),
    }
