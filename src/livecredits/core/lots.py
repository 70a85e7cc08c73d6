"""Lots: the portions of which an account's credits are made, each with its own expiry and place in the burn order.

Promises: the lots of an account always add up to max(settled, 0); credits held are earmarked in lots and neither
burn nor expire while they are. Must not know of entries, versions or storage.

The odd thing: an account may come with only the first lots of its burn order (`loaded_through`), because a hot
account can have a hundred thousand of them. Whoever would have to reach further raises `NotLoaded`, and the caller
comes back with all of them. That is never a guess: a lot past the loaded part is recognised by its burn key.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from livecredits.core.quick import maker, quick

BurnKey = tuple[int, int, int, str]
Mark = tuple[str, int]
"""A lot's id and the part of it that is meant."""
NEVER = 2**63 - 1
"""Stands for "no expiry" in the burn order: later than every time in microseconds that fits 64 bits."""


class NotLoaded(Exception):
    """The decision needs lots or holds of this account that were not loaded."""

    def __init__(self, user_id: str, unit: str) -> None:
        super().__init__(f"{user_id}/{unit}")
        self.account = (user_id, unit)


@quick
@dataclass(frozen=True, slots=True)
class Lot:
    """A portion of granted credits.

    `amount` is what it began with, `remaining` what is left, `earmarked` the part of `remaining` that open holds
    have set aside; 0 ≤ earmarked ≤ remaining ≤ amount. `born` is the version of the entry that made it.
    """

    id: str
    user_id: str
    unit: str
    amount: int
    remaining: int
    earmarked: int
    priority: int
    expires_at_us: int | None
    source: str | None
    born: int
    created_at_us: int

    @property
    def free(self) -> int:
        """What can burn or expire now."""
        return self.remaining - self.earmarked

    @property
    def burn_key(self) -> BurnKey:
        """Low priority number first, then soonest expiry (never comes last), then oldest."""
        expires = NEVER if self.expires_at_us is None else self.expires_at_us
        return (self.priority, expires, self.born, self.id)

    def is_due(self, now_us: int) -> bool:
        """Whether its second has come."""
        return self.expires_at_us is not None and self.expires_at_us <= now_us


make_lot = maker(Lot)


@quick
@dataclass(frozen=True, slots=True)
class Terms:
    """Under which terms credits are granted; the lot carries them on."""

    priority: int = 0
    expires_at_us: int | None = None
    source: str | None = None


EVERGREEN = Terms()


class Pile:
    """The open lots of one account while one change is decided: a private, mutable copy that knows what it touched.

    `lots` stays sorted in burn order, so that a spend looks at the head only, however many lots there are.
    """

    __slots__ = ("_account", "_loaded_through", "lots", "touched")

    def __init__(self, account: tuple[str, str], lots: Iterable[Lot], loaded_through: BurnKey | None) -> None:
        self._account = account
        self._loaded_through = loaded_through
        self.lots = list(lots)
        self.touched: dict[str, Lot] = {}

    def in_burn_order(self) -> Iterator[Lot]:
        """Lots from the first to burn to the last; raises `NotLoaded` where the loaded part ends."""
        through = self._loaded_through
        if through is None:
            yield from self.lots
            return
        for lot in self.lots:
            if lot.burn_key > through:
                break
            yield lot
        raise NotLoaded(*self._account)

    def put(self, lot: Lot) -> None:
        """Keep this newer form of a lot; one with nothing left is no longer open."""
        self.touched[lot.id] = lot
        lots = self.lots
        # The first to burn is the one that is asked for most, and what is new is the last for the most part; the others
        # are looked up by their place in the order.
        if lots and lots[0].id == lot.id:
            at, known = 0, True
        elif not lots or lots[-1].burn_key < lot.burn_key:
            at, known = len(lots), False
        else:
            at = bisect_left(lots, lot.burn_key, key=_burn_key)
            known = at < len(lots) and lots[at].id == lot.id
        if known and lot.remaining:
            lots[at] = lot
        elif known:
            del lots[at]
        elif lot.remaining:
            lots.insert(at, lot)

    def burn(self, amount: int, first: Iterable[Mark] = ()) -> dict[str, int]:
        """Take `amount` out of free credits: the parts of lots that `first` names, then in burn order.

        Returns what each lot gave; together less than `amount` where the free credits end, and then the caller
        decides what that means.
        """
        taken: dict[str, int] = {}
        for lot_id, most in first:
            lot = self.open_lot(lot_id)
            if lot is not None:
                amount -= self._take(lot, min(lot.free, most, amount), taken)
        if amount > 0:
            for lot, part in self._free_parts(amount):
                self._take(lot, part, taken)
        return taken

    def _take(self, lot: Lot, part: int, taken: dict[str, int]) -> int:
        if part > 0:
            # Spelled out, since `replace` takes three times as long and every spend comes this way.
            self.put(
                make_lot(
                    lot.id, lot.user_id, lot.unit, lot.amount, lot.remaining - part, lot.earmarked, lot.priority,
                    lot.expires_at_us, lot.source, lot.born, lot.created_at_us,
                )
            )  # fmt: skip
            taken[lot.id] = taken.get(lot.id, 0) + part
        return part

    def earmark(self, amount: int) -> tuple[Mark, ...]:
        """Set free credits aside for a hold, in burn order, up to `amount`."""
        parts = self._free_parts(amount)
        for lot, part in parts:
            self.put(replace(lot, earmarked=lot.earmarked + part))
        return tuple((lot.id, part) for lot, part in parts)

    def unmark(self, marks: Iterable[Mark]) -> None:
        """Give earmarked parts free again."""
        for lot_id, part in marks:
            lot = self.open_lot(lot_id)
            assert lot is not None, "an earmarked lot has something left"
            self.put(replace(lot, earmarked=lot.earmarked - part))

    def open_lot(self, lot_id: str) -> Lot | None:
        """The lot with this id as it stands here, if it has anything left; the account has to be loaded whole."""
        if self._loaded_through is not None:
            raise NotLoaded(*self._account)
        return next((lot for lot in self.lots if lot.id == lot_id), None)

    def _free_parts(self, amount: int) -> list[tuple[Lot, int]]:
        """Which lots give how much of `amount`, in burn order, without taking it yet."""
        parts: list[tuple[Lot, int]] = []
        for lot in self.in_burn_order():
            part = min(lot.remaining - lot.earmarked, amount)
            if part > 0:
                parts.append((lot, part))
                amount -= part
                if not amount:
                    break
        return parts


def _burn_key(lot: Lot) -> BurnKey:
    return lot.burn_key
