"""A ledger so naive that it is plainly right: every single credit is an object, and a change moves objects about.

It shares no code with the ledger and knows none of its ways (no lots with a remainder, no partial loading, no batches).
Amounts in the tests are small, so a list of credits is a fine database.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

FOREVER = 2**63 - 1
_made = itertools.count()


@dataclass(eq=False)
class Portion:
    """What credits of one lot have in common, and where they stand in the burn order."""

    priority: int
    expires_at_us: int | None
    source: str | None
    born: int
    made: int = field(default_factory=lambda: next(_made))

    @property
    def place(self) -> tuple[int, int, int, int]:
        expires = FOREVER if self.expires_at_us is None else self.expires_at_us
        return (self.priority, expires, self.born, self.made)


@dataclass(eq=False)
class Credit:
    portion: Portion
    held_by: str | None = None


@dataclass(eq=False)
class Deed:
    """An entry, as far as undoing it needs to know."""

    user: str
    kind: str
    amount: int
    moves: list[tuple[Portion, int]]
    peer: Deed | None = None
    undone: bool = False


@dataclass(eq=False)
class HeldSum:
    amount: int
    expires_at_us: int
    state: str = "open"


@dataclass(eq=False)
class Code:
    """A voucher: how often it may pay in all and to one user, and to whom it has."""

    id: str
    amount: int
    most: int | None
    most_each: int | None
    paid: list[str] = field(default_factory=list)

    def require_open(self, user: str) -> None:
        if self.most_each is not None and self.paid.count(user) >= self.most_each:
            raise No("already_redeemed")
        if self.most is not None and len(self.paid) >= self.most:
            raise No("voucher_used")


@dataclass(eq=False)
class Bought:
    """An order."""

    user: str
    amount: int
    validity_s: int | None
    state: str = "pending"
    deed: Deed | None = None


class No(Exception):
    """The change is refused, with this code."""


class Purse:
    """One user's credits."""

    def __init__(self, user: str) -> None:
        self.user = user
        self.credits: list[Credit] = []
        self.debt = 0
        self.holds: dict[str, HeldSum] = {}
        self.version = 0
        self.floor: int | None = 0
        self.frozen = False
        self.kinds: list[str] = []

    @property
    def settled(self) -> int:
        return len(self.credits) - self.debt

    @property
    def held(self) -> int:
        return sum(hold.amount for hold in self.holds.values() if hold.state == "open")

    @property
    def available(self) -> int:
        return self.settled - self.held

    def lots(self) -> list[tuple[int, int | None, int, int]]:
        """(priority, expiry, remaining, earmarked) of each lot in burn order."""
        found: dict[Portion, list[int]] = {}
        for credit in self.credits:
            sums = found.setdefault(credit.portion, [0, 0])
            sums[0] += 1
            sums[1] += credit.held_by is not None
        return [
            (portion.priority, portion.expires_at_us, found[portion][0], found[portion][1])
            for portion in sorted(found, key=lambda portion: portion.place)
        ]

    # --- one entry each --------------------------------------------------------------------------------------------

    def post(self, kind: str, amount: int, moves: list[tuple[Portion, int]]) -> Deed:
        self.version += 1
        self.kinds.append(kind)
        return Deed(self.user, kind, amount, moves)

    def need(self, amount: int, *, anyway: bool = False) -> None:
        if not anyway and self.floor is not None and self.available - amount < self.floor:
            raise No("insufficient_credits")

    def give(self, kind: str, amount: int, portions: list[tuple[int, int | None, str | None, int]]) -> Deed:
        """Repay debt first, with what comes first; the rest becomes credits of their own portions."""
        repaid = min(self.debt, amount)
        self.debt -= repaid
        moves = []
        left = amount - repaid
        for priority, expires_at_us, source, part in reversed(portions):
            kept = min(part, left)
            if kept:
                portion = Portion(priority, expires_at_us, source, self.version + 1)
                self.credits += [Credit(portion) for _ in range(kept)]
                moves.append((portion, kept))
                left -= kept
        return self.post(kind, amount, moves)

    def take(self, kind: str, amount: int, first: list[tuple[Portion, int]] | None = None) -> Deed:
        """Remove credits: those named first, then free ones in burn order, then held ones from the end, then lend."""
        moves: dict[Portion, int] = {}
        left = amount

        def remove(credit: Credit) -> None:
            nonlocal left
            self.credits.remove(credit)
            moves[credit.portion] = moves.get(credit.portion, 0) - 1
            left -= 1

        for portion, most in first or []:
            free = [one for one in self.credits if one.portion is portion and one.held_by is None]
            for credit in free[: min(most, left)]:
                remove(credit)
        free = [one for one in self.credits if one.held_by is None]
        for credit in sorted(free, key=lambda one: one.portion.place)[:left]:
            remove(credit)
        order = {hold: place for place, hold in enumerate(self.holds)}
        held = [one for one in self.credits if one.held_by is not None]
        from_the_end = sorted(
            held, key=lambda one: ([-part for part in one.portion.place], order[str(one.held_by)])
        )
        for credit in from_the_end[:left]:
            remove(credit)
        self.debt += left
        return self.post(kind, -amount, list(moves.items()))

    def free(self, hold_id: str) -> list[tuple[Portion, int]]:
        """Let go of a hold's credits; says which they were."""
        parts: dict[Portion, int] = {}
        for credit in sorted(self.credits, key=lambda one: one.portion.place):
            if credit.held_by == hold_id:
                credit.held_by = None
                parts[credit.portion] = parts.get(credit.portion, 0) + 1
        return list(parts.items())

    def put_back(self, deed: Deed, amount: int) -> Deed:
        """Undo a debit: the last taken first, each to where it was; the rest is new."""
        repaid = min(self.debt, amount)
        self.debt -= repaid
        left = amount - repaid
        moves = []
        for portion, delta in reversed(deed.moves):
            part = min(-delta, left)
            if part > 0:
                self.credits += [Credit(portion) for _ in range(part)]
                moves.append((portion, part))
                left -= part
        if left:
            portion = Portion(0, None, None, self.version + 1)
            self.credits += [Credit(portion) for _ in range(left)]
            moves.append((portion, left))
        return self.post("reverse", amount, moves)

    # --- time ------------------------------------------------------------------------------------------------------

    def settle(self, now_us: int) -> None:
        late = [(hold.expires_at_us, id) for id, hold in self.holds.items() if hold.state == "open"]
        for expires_at_us, hold_id in sorted(late):
            if expires_at_us <= now_us:
                self.free(hold_id)
                self.holds[hold_id].state = "released"
                self.post("release", -self.holds[hold_id].amount, [])
        self.expire(now_us)

    def expire(self, now_us: int) -> None:
        due = {
            one.portion
            for one in self.credits
            if one.held_by is None and (one.portion.expires_at_us or FOREVER) <= now_us
        }
        for portion in sorted(due, key=lambda portion: portion.place):
            gone = [one for one in self.credits if one.portion is portion and one.held_by is None]
            for credit in gone:
                self.credits.remove(credit)
            self.post("expire", -len(gone), [(portion, -len(gone))])
