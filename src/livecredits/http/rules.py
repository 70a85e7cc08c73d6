"""The rules and refusals that routes of several audiences share, so that "who may" reads the same everywhere."""

from __future__ import annotations

from livecredits.access import Role, Scope
from livecredits.errors import BalanceLimit, KeyReused, OutcomeUnknown, StorageFull, VersionMismatch
from livecredits.http.routing import Rule

MOVES = Rule(scope=Scope.MOVE)
MOVES_OR_SUPPORT = Rule(scope=Scope.MOVE, role=Role.SUPPORT)
READS = Rule(scope=Scope.READ)
MINTS = Rule(scope=Scope.TOKENS)
MINTS_OR_RULES = Rule(scope=Scope.TOKENS, role=Role.ADMIN)
SEES = Rule(scope=Scope.ADMIN, role=Role.VIEWER)
HELPS = Rule(scope=Scope.ADMIN, role=Role.SUPPORT)
RULES = Rule(scope=Scope.ADMIN, role=Role.ADMIN)
SHOWS = Rule(scope=Scope.SHOP, role=Role.VIEWER)
SERVES = Rule(scope=Scope.SHOP, role=Role.SUPPORT)
SELLS = Rule(scope=Scope.SHOP, role=Role.ADMIN)
SERVES_USERS = Rule(scope=Scope.SHOP)
"""What the host's backend does in the shop for a user of its own; no operator orders or redeems for somebody."""
SIGNED_IN = Rule(role=Role.VIEWER)

MOVED = (KeyReused, VersionMismatch, BalanceLimit, OutcomeUnknown, StorageFull)
"""How any change can be refused or left open, besides its own reasons."""
EXPORTS = ("text/csv", "application/x-ndjson")
"""What lists can be had as, besides pages of JSON."""
