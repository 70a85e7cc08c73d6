"""Who asks, and what they may do: principals, roles and scopes.

This promises that a right is decided from a `Principal` alone, without a database, a request or a clock. Three kinds
of principal exist: a *user* reads one account, a *service* acts within its key's scopes, an *operator* within a role.
Roles are a ladder (each does all that the one below does), scopes are a set (none implies another, so a key that may
move credits cannot read e-mail addresses unless it was also given `read`).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal


class Role(StrEnum):
    """What an operator may do; each role includes the one before it."""

    VIEWER = "viewer"
    SUPPORT = "support"
    ADMIN = "admin"

    def covers(self, needed: Role) -> bool:
        """Whether this role includes all that `needed` may do."""
        return _LADDER.index(self) >= _LADDER.index(needed)


_LADDER = (Role.VIEWER, Role.SUPPORT, Role.ADMIN)


class Scope(StrEnum):
    """What a service key may do; no scope implies another."""

    READ = "read"
    MOVE = "move"
    TOKENS = "tokens"
    SHOP = "shop"
    ADMIN = "admin"
    LIVE = "live"


ALL_SCOPES = frozenset(Scope)

PrincipalKind = Literal["user", "service", "operator"]


@dataclass(frozen=True, slots=True)
class Principal:
    """One authenticated party.

    Attributes:
        kind: `user` (a screen token), `service` (a key) or `operator` (a signed-in person).
        id: the user's, key's or operator's id.
        user_id: the one user whose account a screen token reads; None for the others.
        scopes: a key's scopes; empty for the others.
        role: an operator's role; None for the others.
        expires_at_us: when the credential ends (UTC, microseconds); None if it does not.
        session_id: what ends with it: the operator's session, or the key itself. Live screens close with it.
        name: what people call an operator or a key, for history and audit.
        limit: the most credits an operator may move in one change; None without such a limit.
    """

    kind: PrincipalKind
    id: str
    user_id: str | None = None
    scopes: frozenset[str] = frozenset()
    role: Role | None = None
    expires_at_us: int | None = None
    session_id: str | None = None
    name: str | None = None
    limit: int | None = None

    def has_scope(self, scope: Scope) -> bool:
        """Whether this is a key with that scope."""
        return self.kind == "service" and scope in self.scopes

    def has_role(self, role: Role) -> bool:
        """Whether this is an operator whose role includes that one."""
        return self.role is not None and self.role.covers(role)

    def may_watch(self) -> bool:
        """Whether this principal may follow other people's accounts live: any operator, or a key with `live`."""
        return self.has_role(Role.VIEWER) or self.has_scope(Scope.LIVE)

    def may_go_below_floor(self) -> bool:
        """Whether this principal may let a change pass the floor: admins, and keys with both `move` and `admin`."""
        return self.has_role(Role.ADMIN) or (self.has_scope(Scope.ADMIN) and self.has_scope(Scope.MOVE))

    def may_refund(self) -> bool:
        """Whether this principal may refund orders: admins, and keys with `shop`."""
        return self.has_role(Role.ADMIN) or self.has_scope(Scope.SHOP)

    def may_see_codes(self) -> bool:
        """Whether this principal may read codes that can still pay: a code that is read can be redeemed."""
        return self.has_role(Role.SUPPORT) or self.has_scope(Scope.SHOP)

    @property
    def key_scope(self) -> str:
        """Whose idempotency keys this principal's keys stand among; nobody can probe another's."""
        return "service" if self.kind == "service" else f"{self.kind}:{self.id}"
