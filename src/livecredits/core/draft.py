"""One account while one change is decided: posts entries, and keeps balance, lots, holds and hash chain in step.

Promises: after every `post` the lots add up to max(settled, 0), the version is the former one plus one, and the
balance is within ±(2^53 − 1). Must not know which kinds of change there are: that is `ledger`.

Two odd things. A credit first repays debt and only the rest makes a lot; a debit first burns lots and only the rest
makes debt (`_lot_room`). And where a negative floor lets a debit go that far, it burns even what holds have
earmarked: the holds keep their amounts, and what they no longer have in lots becomes debt when they are captured.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from livecredits.core.amounts import MAX_AMOUNT
from livecredits.core.chain import link
from livecredits.core.changes import SYSTEM, Change
from livecredits.core.lots import EVERGREEN, Lot, Mark, NotLoaded, Pile, Terms, make_lot
from livecredits.core.rows import (
    Account,
    Entry,
    HoldRow,
    HoldState,
    Kind,
    LotMove,
    Refusal,
    make_account,
    make_entry,
    make_move,
)

NewId = Callable[[str], str]
"""Gives a fresh, time-ordered id with the prefix that it is called with (`ent`, `lot`, `hld`)."""


class Refuse(Exception):
    """Ends a rule with a refusal."""

    def __init__(self, code: str, detail: str, *, sticks: bool = True, **extra: Any) -> None:
        super().__init__(detail)
        self.refusal = Refusal(code, detail, extra, sticks)


class Draft:
    """The account as it is becoming. `entries`, `holds` and `pile.touched` are what the change will have written."""

    __slots__ = (
        "_account", "_change", "_hash", "_new_id", "_now_us", "entries", "held", "holds", "label", "pile", "settled",
        "version",
    )  # fmt: skip

    def __init__(self, account: Account, change: Change, now_us: int, new_id: NewId) -> None:
        self._account = account
        self._change = change
        self._now_us = now_us
        self._new_id = new_id
        self._hash = account.last_hash
        self.label = change.label
        self.settled, self.held, self.version = account.settled, account.held, account.version
        self.pile = Pile((account.user_id, account.unit), account.lots, account.loaded_through)
        self.entries: list[Entry] = []
        self.holds: dict[str, HoldRow] = {}

    @property
    def available(self) -> int:
        """What could be spent now, debt below zero."""
        return self.settled - self.held

    def require_room(self, amount: int) -> None:
        """Refuse if taking `amount` would bring available credits below the floor."""
        floor = self._account.floor
        if floor is None or self._change.allow_below_floor or self.available - amount >= floor:
            return
        sentence = f"{amount} {self._account.unit} are needed and {self.available} are available"
        bound = f", with a floor of {floor}." if floor else "."
        raise Refuse(
            "insufficient_credits", sentence + bound, needed=amount, available=self.available, floor=floor
        )

    def require_version(self, version: int | None) -> None:
        """Refuse if the account has moved on from the version that the caller saw; None takes it as it is."""
        if version is None or version == self.version:
            return
        raise Refuse(
            "version_mismatch",
            f"The balance has moved on from version {version} to {self.version}.",
            sticks=False,
            version=self.version,
            balance={"settled": self.settled, "held": self.held, "available": self.available},
        )

    def require_thawed(self) -> None:
        """Refuse if the account is frozen."""
        if self._account.frozen:
            raise Refuse("account_frozen", "This account is frozen; an operator can thaw it.")

    # --- entries ---------------------------------------------------------------------------------------------------

    def move(self, kind: Kind, amount: int) -> Entry:
        """Add `amount`, or take it where it is negative."""
        return self.credit(kind, amount) if amount >= 0 else self.debit(kind, -amount)

    def credit(
        self,
        kind: Kind,
        amount: int,
        portions: Sequence[tuple[Terms, int]] = (),
        *,
        id: str = "",
        peer: str | None = None,
        origin: str | None = None,
    ) -> Entry:
        """Add `amount`: the part that does not repay debt becomes lots under the terms of `portions`."""
        lots = self._new_lots(self._lot_room(amount), portions or [(EVERGREEN, amount)])
        return self.post(kind, amount, 0, lots, id=id, peer=peer, origin=origin)

    def debit(
        self,
        kind: Kind,
        amount: int,
        first: Sequence[Mark] = (),
        *,
        id: str = "",
        peer: str | None = None,
        reverses: str | None = None,
    ) -> Entry:
        """Take `amount`, down to the floor: out of `first`, then in burn order."""
        self.require_room(amount)
        return self.post(kind, -amount, 0, self.take(amount, first), id=id, peer=peer, reverses=reverses)

    def release(self, hold: HoldRow, amount: int) -> Entry:
        """Post that `amount` of a hold is given back."""
        return self.post("release", 0, -amount, hold_id=hold.id)

    def expire_due(self) -> None:
        """Post an `expire` for every lot past its second, as far as no hold has earmarked it."""
        for lot in [lot for lot in self.pile.lots if lot.is_due(self._now_us) and lot.free > 0]:
            self.pile.put(replace(lot, remaining=lot.earmarked))
            self.post("expire", -lot.free, 0, [LotMove(lot.id, -lot.free)])

    def post(  # noqa: PLR0913 - what an entry may be linked to
        self,
        kind: Kind,
        settled: int,
        held: int,
        lots: Sequence[LotMove] = (),
        *,
        id: str = "",
        reverses: str | None = None,
        peer: str | None = None,
        hold_id: str | None = None,
        hold_expires_at_us: int | None = None,
        origin: str | None = None,
    ) -> Entry:
        """Write the next entry: move the balance by `settled` and `held`, and link it into the chain."""
        account, change = self._account, self._change
        self.settled += settled
        self.held += held
        self.version += 1
        # Above, what is settled is furthest away; below, what is available.
        if self.settled > MAX_AMOUNT or self.settled - self.held < -MAX_AMOUNT or self.held > MAX_AMOUNT:
            raise Refuse("balance_limit", f"The balance would leave the range of ±{MAX_AMOUNT}.")
        # An expiry is time's doing, even when a release or a reversal brings it about.
        actor, reason, label, metadata = (
            (change.actor, change.reason, self.label, change.metadata)
            if kind != "expire"
            else (SYSTEM, None, None, None)
        )
        is_own = change.key is not None and not self.entries and change.key_scope == f"user:{account.user_id}"
        # By place: names cost half as much again, and every change comes this way.
        entry = make_entry(
            id or self._new_id("ent"), account.user_id, account.unit, self.version, kind, settled or held, settled,
            held, self.settled, self.held, self._now_us, f"{actor.kind}:{actor.id}", reason, label, metadata,
            change.key if is_own else None, change.actor.request_id, reverses, peer, hold_id, hold_expires_at_us,
            origin, tuple(lots),
        )  # fmt: skip
        self._hash = link(self._hash, entry.content())
        # The hash covers every other field, so it can only be set once they are. `replace` would build all of them
        # again on the hottest path there is; nobody else has seen the entry yet.
        object.__setattr__(entry, "hash", self._hash)
        self.entries.append(entry)
        return entry

    # --- lots ------------------------------------------------------------------------------------------------------

    def take(self, amount: int, first: Sequence[Mark] = ()) -> list[LotMove]:
        """Burn what a debit of `amount` burns: the parts in `first`, the burn order, then what holds earmarked."""
        burn = -self._lot_room(-amount)
        taken = self.pile.burn(burn, first)
        short = burn - sum(taken.values())
        if short:
            self._take_earmarked(short, taken)
        return [make_move(lot_id, -part) for lot_id, part in taken.items()]

    def restore(self, entry: Entry, amount: int, lots: Mapping[str, Lot]) -> list[LotMove]:
        """Put what `entry` burned back into its lots, the last burned first; the rest becomes a new lot.

        Args:
            entry: the debit that is undone.
            amount: how much of it.
            lots: the lots that the entry moved, those included that have nothing left.
        """
        room = self._lot_room(amount)
        moves: list[LotMove] = []
        for move in reversed(entry.lots):
            part = min(-move.delta, room)
            if part > 0:
                lot = self.pile.open_lot(move.lot_id) or lots[move.lot_id]
                self.pile.put(replace(lot, remaining=lot.remaining + part))
                moves.append(LotMove(lot.id, part))
                room -= part
        return moves + self._new_lots(room, [(EVERGREEN, room)])

    def given(self, entry: Entry) -> list[tuple[Terms, int]]:
        """Under which terms an entry of this draft took its credits, for the account that receives them."""
        portions = []
        for move in entry.lots:
            lot = self.pile.touched[move.lot_id]
            portions.append((Terms(lot.priority, lot.expires_at_us, lot.source), -move.delta))
        lent = -entry.amount - sum(part for _, part in portions)
        return [*portions, (EVERGREEN, lent)] if lent else portions

    def close_hold(self, hold: HoldRow, *, captured: int) -> None:
        """Close a hold of which `captured` is spent; what it had earmarked is free again."""
        self.pile.unmark(hold.marks)
        state: HoldState = "captured" if captured else "released"
        self.holds[hold.id] = replace(
            hold, state=state, marks=(), captured=captured, closed_at_us=self._now_us
        )

    def account_after(self) -> Account:
        """The account as it is after the draft's entries."""
        before = self._account
        holds = before.holds
        if self.holds:
            # A copy in one go, since a busy account has hundreds; only what this draft closed is looked at.
            holds = {**holds, **self.holds}
            for hold in self.holds.values():
                if hold.state != "open":
                    del holds[hold.id]
        return make_account(
            before.user_id, before.unit, self.version, self.settled, self.held, before.floor, before.frozen,
            self._hash, self._now_us, tuple(self.pile.lots), holds, before.loaded_through,
        )  # fmt: skip

    def _lot_room(self, settled: int) -> int:
        """By how much the lots grow (shrink, if negative) when settled credits move by `settled`."""
        before = self.settled
        after = before + settled
        if before >= 0 <= after:  # nobody has debt, for the most part
            return settled
        return max(0, after) - max(0, before)

    def _new_lots(self, room: int, portions: Sequence[tuple[Terms, int]]) -> list[LotMove]:
        """New lots born with the next entry, `room` together; what does not fit has repaid debt."""
        moves: list[LotMove] = []
        # The last portions are the longest-lived: they are what is kept.
        for terms, portion in reversed(portions):
            part = min(room, portion)
            if part <= 0:
                continue
            lot = make_lot(
                self._new_id("lot"), self._account.user_id, self._account.unit, part, part, 0, terms.priority,
                terms.expires_at_us, terms.source, self.version + 1, self._now_us,
            )  # fmt: skip
            self.pile.put(lot)
            moves.append(make_move(lot.id, part, terms))
            room -= part
        return moves

    def _take_earmarked(self, amount: int, taken: dict[str, int]) -> None:
        """Let debt reach into what holds have set aside, the last to burn first."""
        for lot in reversed(list(self.pile.in_burn_order())):
            part = min(lot.earmarked, amount)
            if part:
                taken[lot.id] = taken.get(lot.id, 0) + part
                self.pile.put(replace(lot, remaining=lot.remaining - part, earmarked=lot.earmarked - part))
                self._shrink_marks(lot.id, part)
                amount -= part

    def _shrink_marks(self, lot_id: str, amount: int) -> None:
        for hold in self._open_holds():
            marks = dict(hold.marks)
            part = min(marks.get(lot_id, 0), amount)
            if part:
                marks[lot_id] -= part
                kept = tuple(mark for mark in marks.items() if mark[1])
                self.holds[hold.id] = replace(hold, marks=kept)
                amount -= part

    def _open_holds(self) -> list[HoldRow]:
        if self._account.loaded_through is not None:
            raise NotLoaded(*self._account.key)
        return [hold for hold in {**self._account.holds, **self.holds}.values() if hold.state == "open"]
