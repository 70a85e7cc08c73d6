"""Operators' sessions: opaque, on the server, in a cookie that no script can read.

This promises that only the digest of a session's secret is stored, that guessing is slowed per address and never locks
the real operator out elsewhere, that a one-time code works once, and that an ended session ends within five seconds in
every process. It must not know which routes need a session; the guard does.
The odd thing: a refused sign-in is in the audit trail by the operator's id and never by what was typed, since people
type their password into the wrong field; and a flood of them is counted there instead of written row by row.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, insert, select, update

from livecredits.access import Principal, Role
from livecredits.core.changes import Actor
from livecredits.errors import LivecreditsError, RateLimited, Unauthenticated
from livecredits.http.fresh import Fresh
from livecredits.http.limits import Allowance, retry_after
from livecredits.http.operators import Operators
from livecredits.http.trail import digest, new_id, noted
from livecredits.proxies import limit_key
from livecredits.storage.audit import record
from livecredits.storage.schema import operator_sessions, operators, sign_in_codes

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from livecredits.config import Settings
    from livecredits.credits import Credits

log = logging.getLogger("livecredits.http")

USER_AGENT_LENGTH_MAX = 300
REFUSALS_AT_ONCE = 60
"""Refused sign-ins that are written one by one; then one a second, and the rest is counted."""
_WRONG = "The e-mail address or the password is wrong."
_CODE_GONE = "This link was used before or has expired; ask for a new one."


class Sessions:
    """The sessions of one ledger's operators.

    Args:
        credits: the ledger that holds them.
        settings: how long sessions last, how often one may try.
    """

    def __init__(self, credits: Credits, settings: Settings) -> None:
        self.operators = Operators(credits)
        self._credits = credits
        self._ttl_us = settings.session_ttl_s * 1_000_000
        self._attempts = Allowance(
            settings.sign_in_attempts / settings.sign_in_window_s, settings.sign_in_attempts
        )
        self._most_attempts, self._window_us = (
            settings.sign_in_attempts,
            settings.sign_in_window_s * 1_000_000,
        )
        self._known: Fresh[Principal] = Fresh()
        self._refusals = Allowance(1.0, REFUSALS_AT_ONCE)
        self._unwritten = 0

    async def sign_in(
        self, email: str, password: str, actor: Actor, user_agent: str | None
    ) -> tuple[str, Principal]:
        """Start a session by e-mail and password.

        Args:
            email: the operator's.
            password: the operator's.
            actor: from which address, in which request (who is still to be seen).
            user_agent: the browser's word for itself.

        Returns:
            The session's secret for the cookie, and whose it is.

        Raises:
            Unauthenticated: they do not fit, without telling which.
            RateLimited: too many attempts from this address.
        """
        attempt = await self._count_attempt(actor.address)
        row, is_right = await self.operators.with_password(email, password)
        if row is None or not is_right:
            await self._note_refusal(actor, None if row is None else row["operator_id"], "password")
            raise Unauthenticated(_WRONG)
        await self._forgive_attempt(actor.address, attempt)
        now_us = self._credits.clock.now_us()
        started: tuple[str, Principal] = await self._credits.write(
            lambda connection: self._start(connection, row, actor, user_agent, now_us, "password")
        )
        return started

    async def sign_in_by_code(self, code: str, actor: Actor, user_agent: str | None) -> tuple[str, Principal]:
        """Start a session by a one-time code; see `sign_in`."""
        attempt = await self._count_attempt(actor.address)
        now_us = self._credits.clock.now_us()
        using = (
            update(sign_in_codes)
            .where(
                sign_in_codes.c.digest == digest(code),
                sign_in_codes.c.used_at_us.is_(None),
                sign_in_codes.c.expires_at_us > now_us,
            )
            .values(used_at_us=now_us)
            .returning(sign_in_codes.c.operator_id)
        )

        def write(connection: Connection) -> Any:
            operator_id = connection.execute(using).scalar()
            wanted = select(operators).where(
                operators.c.operator_id == operator_id, operators.c.disabled_at_us.is_(None)
            )
            row = connection.execute(wanted).mappings().first()
            return row and self._start(connection, dict(row), actor, user_agent, now_us, "code")

        started: tuple[str, Principal] | None = await self._credits.write(write)
        if started is None:
            await self._note_refusal(actor, await self._linked_by(code), "code")
            raise Unauthenticated(_CODE_GONE)
        await self._forgive_attempt(actor.address, attempt)
        return started

    async def _linked_by(self, code: str) -> str | None:
        """Whom a code that is used or too old was for."""
        wanted = select(sign_in_codes.c.operator_id).where(sign_in_codes.c.digest == digest(code))
        return await self._credits.read(lambda connection: connection.execute(wanted).scalar())

    async def _note_refusal(self, actor: Actor, operator_id: str | None, by: str) -> None:
        log.warning("sign-in refused from %s, request %s", actor.address, actor.request_id)
        if self._refusals.take(""):
            self._unwritten += 1
            return
        unwritten, self._unwritten = self._unwritten, 0
        now_us = self._credits.clock.now_us()
        details: dict[str, Any] = {"by": by, **({"unwritten": unwritten} if unwritten else {})}
        try:
            await self._credits.write(
                lambda connection: noted(
                    record(
                        connection, at_us=now_us, actor=actor, action="session.refused", target=operator_id,
                        details=details,
                    )
                )
            )  # fmt: skip
        except LivecreditsError as error:  # whoever may not come in is told so, disk full or not
            log.warning("the refused sign-in could not be written down: %s", error)

    async def _forgive_attempt(self, address: str | None, places: list[int]) -> None:
        """Only guesses count: an office behind one address signs in as often as it likes.

        Counted first and given back after, so that parallel guesses cannot all be on their way at once.
        """
        self._attempts.give_back(limit_key(address))
        await self._credits.give_back_attempt(places)

    async def _count_attempt(self, address: str | None) -> list[int]:
        """Count an attempt here, and with those of all nodes; gives what is to be given back of the latter."""
        key = limit_key(address)
        if wait := self._attempts.take(key):
            raise _too_many(retry_after(wait))
        return await self._credits.take_attempt(
            f"sign-in:{key}",
            self._most_attempts,
            self._window_us,
            too_many="Too many attempts; try again later.",
        )

    def _start(
        self,
        connection: Connection,
        row: Mapping[str, Any],
        actor: Actor,
        user_agent: str | None,
        now_us: int,
        by: str,
    ) -> Any:
        secret = secrets.token_urlsafe(32)
        session_id = new_id("ses")
        connection.execute(delete(operator_sessions).where(operator_sessions.c.expires_at_us <= now_us))
        connection.execute(
            insert(operator_sessions).values(
                session_id=session_id,
                digest=digest(secret),
                operator_id=row["operator_id"],
                created_at_us=now_us,
                expires_at_us=now_us + self._ttl_us,
                last_seen_at_us=now_us,
                address=actor.address,
                user_agent=(user_agent or "")[:USER_AGENT_LENGTH_MAX] or None,
            )
        )
        who = Actor("operator", row["operator_id"], row["name"], actor.address, actor.request_id)
        record(
            connection,
            at_us=now_us,
            actor=who,
            action="session.started",
            target=row["operator_id"],
            details={"by": by},
        )
        principal = _principal({**row, "session_id": session_id, "expires_at_us": now_us + self._ttl_us})
        return noted((secret, principal))

    async def authenticate(self, secret: str) -> Principal:
        """Whose session this is.

        Raises:
            Unauthenticated: it ended, or never was.
        """
        known_by = digest(secret)
        return await self._find(known_by, operator_sessions.c.digest == known_by)

    async def authenticate_id(self, session_id: str) -> Principal:
        """Whose session this is, by its id, which is no secret and comes from a token of ours."""
        return await self._find(session_id, operator_sessions.c.session_id == session_id)

    async def _find(self, key: str, condition: Any) -> Principal:
        principal = await self._known.find(key, lambda: self._read(condition))
        if principal.expires_at_us is not None and principal.expires_at_us <= self._credits.clock.now_us():
            raise Unauthenticated("Your session has ended; sign in again.")
        return principal

    async def _read(self, condition: Any) -> Principal:
        wanted = (
            select(operators, operator_sessions.c.session_id, operator_sessions.c.expires_at_us)
            .join(operators, operators.c.operator_id == operator_sessions.c.operator_id)
            .where(condition, operators.c.disabled_at_us.is_(None))
        )
        row = await self._credits.read(lambda connection: connection.execute(wanted).mappings().first())
        if row is None:
            raise Unauthenticated("You are signed out.")
        return _principal(dict(row))

    async def end(self, principal: Principal, actor: Actor) -> None:
        """End a session."""
        now_us = self._credits.clock.now_us()

        def write(connection: Connection) -> Any:
            connection.execute(
                delete(operator_sessions).where(operator_sessions.c.session_id == principal.session_id)
            )
            record(connection, at_us=now_us, actor=actor, action="session.ended", target=principal.id)
            return noted()

        await self._credits.write(write)
        self.forget()

    def forget(self) -> None:
        """Look sessions up anew: somebody ended some, or changed an operator."""
        self._known.forget()


def _too_many(seconds: int) -> RateLimited:
    return RateLimited(f"Too many attempts; try again in {seconds} s.", retry_after_s=seconds)


def _principal(row: Mapping[str, Any]) -> Principal:
    return Principal(
        "operator",
        row["operator_id"],
        role=Role(row["role"]),
        expires_at_us=row["expires_at_us"],
        session_id=row["session_id"],
        name=row["name"],
        limit=row["change_limit"],
    )
