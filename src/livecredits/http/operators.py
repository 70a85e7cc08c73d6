"""Operators: the people who work in the console, with a role and a limit for one change.

This promises that passwords are stored as argon2id digests only, that the last admin can neither be demoted nor
disabled, and that a one-time code signs in once. It must not know cookies or routes; sessions are next door.
The odd thing: hashing takes tens of milliseconds by design, so it runs beside the loop, two at a time.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import and_, delete, func, insert, select, update

from livecredits.access import Role
from livecredits.core.amounts import bad_field
from livecredits.core.changes import LIBRARY, Actor
from livecredits.errors import Conflict, NotFound
from livecredits.http.bodies import EMAIL, EMAIL_LENGTH_MAX, PASSWORD_LENGTHS, check_name
from livecredits.http.trail import digest, instant, new_id, noted
from livecredits.storage.audit import record
from livecredits.storage.schema import operator_sessions, operators, sign_in_codes

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from livecredits.credits import Credits

CODE_PREFIX = "lcc_"
CODE_TTL_S = 900
_HASHES_AT_ONCE = 2


class Operators:
    """The operators of one ledger.

    Args:
        credits: the ledger that holds them.
    """

    def __init__(self, credits: Credits) -> None:
        self._credits = credits
        self._hasher = PasswordHasher()
        self._hashing = asyncio.Semaphore(_HASHES_AT_ONCE)
        self._decoy: str | None = None

    async def create(
        self,
        email: str,
        name: str,
        role: Role,
        *,
        password: str | None = None,
        limit: int | None = None,
        actor: Actor = LIBRARY,
    ) -> dict[str, Any]:
        """Make an operator.

        Args:
            email: what they sign in with; compared without regard to case.
            name: what people call them.
            role: what they may do.
            password: at least 12 characters; without one they sign in by one-time codes only.
            limit: the most credits they may move in one change.
            actor: who makes them.

        Raises:
            Conflict: somebody has this e-mail address already.
            Invalid: it is no e-mail address, or the password is too short or too long.
        """
        _check(email, password)
        check_name(name)
        now_us = self._credits.clock.now_us()
        row: dict[str, Any] = {
            "operator_id": new_id("op"),
            "email": email.lower(),
            "name": name,
            "role": str(role),
            "password_digest": await self._hash(password) if password is not None else None,
            "change_limit": limit,
            "disabled_at_us": None,
            "created_at_us": now_us,
            "updated_at_us": now_us,
        }

        def write(connection: Connection) -> Any:
            taken = select(operators.c.operator_id).where(operators.c.email == row["email"])
            if connection.execute(taken).first():
                raise Conflict("An operator has this e-mail address already.")
            connection.execute(insert(operators).values(row))
            record(
                connection,
                at_us=now_us,
                actor=actor,
                action="operator.created",
                target=row["operator_id"],
                after=_told(row),
            )
            return noted()

        await self._credits.write(write)
        return as_item(row)

    async def every(self) -> list[dict[str, Any]]:
        """All operators, by e-mail address."""
        wanted = select(operators).order_by(operators.c.email)
        rows = await self._credits.read(lambda connection: connection.execute(wanted).mappings().all())
        return [as_item(dict(row)) for row in rows]

    async def read(self, operator_id: str) -> dict[str, Any]:
        """One operator.

        Raises:
            NotFound: there is no such operator.
        """
        return as_item(await self._credits.read(lambda connection: _find(connection, operator_id)))

    async def change(
        self, operator_id: str, given: Mapping[str, Any], *, actor: Actor
    ) -> tuple[dict[str, Any], list[str]]:
        """Change what is given: `name`, `role`, `password`, `limit`, `disabled`.

        Returns:
            The operator, and the sessions that ended by it (a new password or being disabled ends all of them).

        Raises:
            NotFound: there is no such operator.
            Conflict: nobody could administer this installation afterwards.
        """
        now_us = self._credits.clock.now_us()
        values: dict[str, Any] = {"updated_at_us": now_us}
        values |= {column: given[name] for name, column in _COLUMNS.items() if name in given}
        if given.get("password"):
            values["password_digest"] = await self._hash(given["password"])
        if "disabled" in given:
            values["disabled_at_us"] = now_us if given["disabled"] else None

        def write(connection: Connection) -> Any:
            before = _find(connection, operator_id)
            after = {**before, **values}
            _keep_an_admin(connection, before, after)
            connection.execute(update(operators).where(operators.c.operator_id == operator_id).values(values))
            ended = _end_all(connection, operator_id) if _locks_out(given) else []
            record(connection, at_us=now_us, actor=actor, action="operator.changed", target=operator_id,
                before=_told(before), after={**_told(after), "password_changed": "password" in given},
            )  # fmt: skip
            return noted((after, ended))

        done: tuple[Mapping[str, Any], list[str]] = await self._credits.write(write)
        return as_item(done[0]), done[1]

    async def create_code(
        self, operator_id: str, *, ttl_s: int = CODE_TTL_S, actor: Actor = LIBRARY
    ) -> tuple[str, int]:
        """A code that signs this operator in once; it belongs in a URL's fragment, never in its path or query.

        Returns:
            The code, and when it ends (microseconds UTC).

        Raises:
            NotFound: there is no such operator.
            Conflict: they are locked out.
        """
        code = CODE_PREFIX + secrets.token_urlsafe(24)
        now_us = self._credits.clock.now_us()
        ends_us = now_us + ttl_s * 1_000_000

        def write(connection: Connection) -> Any:
            if _find(connection, operator_id)["disabled_at_us"] is not None:
                raise Conflict("This operator is locked out; a link would let nobody in.")
            connection.execute(delete(sign_in_codes).where(sign_in_codes.c.expires_at_us <= now_us))
            connection.execute(
                insert(sign_in_codes).values(
                    digest=digest(code), operator_id=operator_id, created_at_us=now_us, expires_at_us=ends_us
                )
            )
            record(connection, at_us=now_us, actor=actor, action="operator.linked", target=operator_id)
            return noted()

        await self._credits.write(write)
        return code, ends_us

    async def with_password(self, email: str, password: str) -> tuple[Mapping[str, Any] | None, bool]:
        """Whose e-mail address this is, and whether they may sign in by this password; as slow in either case."""
        wanted = select(operators).where(operators.c.email == email.lower())
        row = await self._credits.read(lambda connection: connection.execute(wanted).mappings().first())
        known = row["password_digest"] if row and row["disabled_at_us"] is None else None
        if known is None and self._decoy is None:
            self._decoy = await self._hash(secrets.token_urlsafe())
        fits = await self._verify(known or self._decoy or "", password)
        return dict(row) if row else None, bool(fits and known)

    async def _hash(self, password: str) -> str:
        async with self._hashing:
            return await asyncio.to_thread(self._hasher.hash, password)

    async def _verify(self, digested: str, password: str) -> bool:
        try:
            async with self._hashing:
                return await asyncio.to_thread(self._hasher.verify, digested, password)
        except (VerificationError, InvalidHashError):
            return False


_COLUMNS = {"name": "name", "role": "role", "limit": "change_limit"}


def _find(connection: Connection, operator_id: str) -> Mapping[str, Any]:
    wanted = select(operators).where(operators.c.operator_id == operator_id)
    row = connection.execute(wanted).mappings().first()
    if row is None:
        raise NotFound(f"There is no operator {operator_id}.")
    return dict(row)


def _keep_an_admin(connection: Connection, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    if not _is_admin(before) or _is_admin(after):
        return
    others = select(func.count()).where(
        and_(
            operators.c.role == Role.ADMIN,
            operators.c.disabled_at_us.is_(None),
            operators.c.operator_id != before["operator_id"],
        )
    )
    if not connection.execute(others).scalar():
        raise Conflict("This is the last admin; make another one first.")


def _is_admin(row: Mapping[str, Any]) -> bool:
    return row["role"] == Role.ADMIN and row["disabled_at_us"] is None


def _locks_out(given: Mapping[str, Any]) -> bool:
    return bool(given.get("password") or given.get("disabled"))


def _end_all(connection: Connection, operator_id: str) -> list[str]:
    own = operator_sessions.c.operator_id == operator_id
    ended = connection.execute(select(operator_sessions.c.session_id).where(own)).scalars().all()
    connection.execute(delete(operator_sessions).where(own))
    return list(ended)


def _check(email: str, password: str | None) -> None:
    """The rules hold here and not only in a request's model, because the command line comes in by this door too."""
    if not EMAIL.fullmatch(email) or len(email) > EMAIL_LENGTH_MAX:
        raise bad_field("email", "must be an e-mail address")
    shortest, longest = PASSWORD_LENGTHS
    if password is not None and not shortest <= len(password) <= longest:
        raise bad_field("password", f"must be {shortest} to {longest} characters")


def _told(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "email": row["email"], "name": row["name"], "role": str(row["role"]), "limit": row["change_limit"],
        "disabled": row["disabled_at_us"] is not None,
    }  # fmt: skip


def as_item(row: Mapping[str, Any]) -> dict[str, Any]:
    """An operator as lists show them."""
    return {"id": row["operator_id"], **_told(row), "created_at": instant(row["created_at_us"])}
