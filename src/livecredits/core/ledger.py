"""The ledger's rules: what each kind of change does to an account, or why it is refused.

`decide(book, change, now_us, new_id)` is a pure function. It looks at the rows that the caller has locked (`Book`),
and answers with the rows that come after (`Decision`) or with a `Refusal`. It promises, for every decision:

- versions go up by one for each entry, and each entry carries the balance that it left;
- the lots add up to max(settled, 0), and every movement of a lot is on the entry that moved it;
- available credits do not fall below the account's floor, unless the change was allowed to.

Must not know of databases, clocks, JSON bodies or users' names. The odd thing: what time does by itself is not part
of `decide` but of `settle_due`, which the caller runs first on every account that it is about to decide on. So a
decision never meets a lot past its second or an overdue hold, and what was due stays posted if the change is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from livecredits.core.changes import (
    SYSTEM,
    WELCOMER,
    Adjust,
    Capture,
    Change,
    Fulfil,
    Grant,
    Hold,
    Redeem,
    Refund,
    Release,
    Reverse,
    Set,
    Settle,
    Spend,
    Transfer,
    Welcome,
)
from livecredits.core.draft import Draft, NewId, Refuse
from livecredits.core.lots import Lot, NotLoaded, Terms
from livecredits.core.orders import (
    order_label,
    refundable,
    require_fulfilled,
    require_pending,
    require_whole_refund,
)
from livecredits.core.rows import (
    Account,
    AccountKey,
    Book,
    Decision,
    Entry,
    HoldRow,
    OrderRow,
    Past,
    Redemption,
    Refusal,
    Voucher,
    make_decision,
)
from livecredits.core.vouchers import NO_SUCH_CODE, require_redeemable

REVERSIBLE = frozenset({"adjust", "set", "grant", "spend", "capture", "transfer", "redeem", "fulfil"})
"""The kinds that a `reverse` can undo; what time or a hold's end did cannot be undone, nor can a reversal."""


def decide(book: Book, change: Change, now_us: int, new_id: NewId) -> Decision | Refusal:
    """Decide one change on rows whose due lots and holds have been settled.

    Args:
        book: the locked rows: the accounts named by the change, and what a hold's or an entry's id stands for.
        change: what is asked.
        now_us: the time of the decision, in microseconds UTC.
        new_id: gives fresh time-ordered ids.

    Returns:
        A `Decision` for the caller to write and to `book.apply`, or a `Refusal`, which leaves everything as it was.

    Raises:
        NotLoaded: the account came with part of its lots, and the rest is needed.
    """
    kind = type(change)
    try:
        if change.user_id not in book.users or kind is Transfer:
            _require_known(book, change)
        decision = _RULES[kind](book, change, now_us, new_id)
        if change.limit is not None:
            _require_within_limit(decision, change.limit)
        if book.welcomes:
            decision = _with_welcomes(book, decision, now_us, new_id)
    except Refuse as refuse:
        return refuse.refusal
    return decision


def settle_due(book: Book, key: AccountKey, now_us: int, new_id: NewId) -> Decision | None:
    """Post what time has brought about on one account: overdue holds are released, then due lots expire.

    Returns None where nothing was due. Where something is, the account has to be loaded whole.
    """
    account = book.accounts.get(key)
    if account is None:
        return None
    draft = Draft(account, Settle(user_id=key[0], unit=key[1], actor=SYSTEM), now_us, new_id)
    overdue = [hold for hold in account.holds.values() if hold.expires_at_us <= now_us]
    for hold in sorted(overdue, key=lambda hold: (hold.expires_at_us, hold.id)):
        draft.close_hold(hold, captured=0)
        draft.release(hold, hold.amount)
    draft.expire_due()
    return _decision(draft.entries[-1], draft) if draft.entries else None


def _require_known(book: Book, change: Change) -> None:
    """Only a grant or a redemption may be a user's first appearance; else an unknown user is a mistyped id."""
    kind = type(change)
    if kind is Grant or kind is Redeem:
        return
    users = book.users
    if change.user_id not in users and change.user_id:
        raise _no_such_user(change.user_id)
    if isinstance(change, Transfer) and change.to_user_id not in users:
        raise _no_such_user(change.to_user_id)


def _no_such_user(user_id: str) -> Refuse:
    return Refuse("not_found", f"There is no user {user_id}.", sticks=False)


def _require_within_limit(decision: Decision, limit: int) -> None:
    """Hold the actor's limit where the amount is known for sure: after the decision, since a set moves a difference."""
    moved = abs(decision.primary.amount)
    if moved > limit:
        sentence = f"This change moves {moved}; you may move {limit} in one change."
        raise Refuse("over_operator_limit", sentence, sticks=False, needed=moved, limit=limit)


def _decision(primary: Entry, *drafts: Draft) -> Decision:
    if len(drafts) == 1:  # nearly always, and twice as quick without the loops
        (draft,) = drafts
        lots = tuple(draft.pile.touched.values())
        return make_decision(
            primary, tuple(draft.entries), (draft.account_after(),), tuple(draft.holds.values()), lots
        )
    return Decision(
        primary,
        tuple(entry for draft in drafts for entry in draft.entries),
        tuple(draft.account_after() for draft in drafts),
        tuple(hold for draft in drafts for hold in draft.holds.values()),
        tuple(lot for draft in drafts for lot in draft.pile.touched.values()),
    )


def _draft(book: Book, change: Change, now_us: int, new_id: NewId) -> Draft:
    return _draft_of(book, change.user_id, change.unit, change, now_us, new_id)


def _draft_of(book: Book, user_id: str, unit: str, change: Change, now_us: int, new_id: NewId) -> Draft:
    """A draft of the account that the change is about, if it is still as the caller saw it."""
    draft = Draft(book.account(user_id, unit), change, now_us, new_id)
    if change.if_version is not None:
        draft.require_version(change.if_version)
    return draft


# --- credits come and go -------------------------------------------------------------------------------------------


def _adjust(book: Book, change: Adjust, now_us: int, new_id: NewId) -> Decision:
    draft = _draft(book, change, now_us, new_id)
    return _decision(draft.move("adjust", change.amount), draft)


def _set(book: Book, change: Set, now_us: int, new_id: NewId) -> Decision:
    draft = _draft(book, change, now_us, new_id)
    return _decision(draft.move("set", change.credits - draft.available), draft)


def _grant(book: Book, change: Grant, now_us: int, new_id: NewId) -> Decision:
    expires = change.terms.expires_at_us
    if expires is not None and expires <= now_us:
        raise _bad_field("expires_at", "must be in the future")
    draft = _draft(book, change, now_us, new_id)
    return _decision(draft.credit("grant", change.amount, [(change.terms, change.amount)]), draft)


def _spend(book: Book, change: Spend, now_us: int, new_id: NewId) -> Decision:
    draft = _draft(book, change, now_us, new_id)
    draft.require_thawed()
    return _decision(draft.debit("spend", change.amount), draft)


def _transfer(book: Book, change: Transfer, now_us: int, new_id: NewId) -> Decision:
    if change.to_user_id == change.user_id:
        raise _bad_field("to_user_id", "must be another user than the sender")
    giver = _draft(book, change, now_us, new_id)
    taker = Draft(book.account(change.to_user_id, change.unit), change, now_us, new_id)
    giver.require_thawed()
    sent_id, received_id = new_id("ent"), new_id("ent")
    sent = giver.debit("transfer", change.amount, id=sent_id, peer=received_id)
    taker.credit("transfer", change.amount, giver.given(sent), id=received_id, peer=sent_id)
    return _decision(sent, giver, taker)


# --- holds ---------------------------------------------------------------------------------------------------------


def _hold(book: Book, change: Hold, now_us: int, new_id: NewId) -> Decision:
    draft = _draft(book, change, now_us, new_id)
    draft.require_thawed()
    draft.require_room(change.amount)
    expires_at_us = now_us + change.ttl_s * 1_000_000
    hold = HoldRow(
        new_id("hld"), change.user_id, change.unit, change.amount, "open", expires_at_us, now_us,
        draft.pile.earmark(change.amount),
    )  # fmt: skip
    draft.holds[hold.id] = hold
    entry = draft.post("hold", 0, change.amount, hold_id=hold.id, hold_expires_at_us=expires_at_us)
    return _decision(entry, draft)


def _capture(book: Book, change: Capture, now_us: int, new_id: NewId) -> Decision:
    hold = _open_hold(book, change.hold_id, change.user_id)
    amount = hold.amount if change.amount is None else change.amount
    if amount > hold.amount:
        raise _bad_field("amount", f"must be at most the {hold.amount} that are held")
    draft = _draft_of(book, hold.user_id, hold.unit, change, now_us, new_id)
    draft.close_hold(hold, captured=amount)
    entry = draft.post("capture", -amount, -amount, draft.take(amount, first=hold.marks), hold_id=hold.id)
    if amount < hold.amount:
        draft.release(hold, hold.amount - amount)
    draft.expire_due()
    return _decision(entry, draft)


def _release(book: Book, change: Release, now_us: int, new_id: NewId) -> Decision:
    hold = _open_hold(book, change.hold_id, change.user_id)
    draft = _draft_of(book, hold.user_id, hold.unit, change, now_us, new_id)
    draft.close_hold(hold, captured=0)
    entry = draft.release(hold, hold.amount)
    draft.expire_due()
    return _decision(entry, draft)


def _open_hold(book: Book, hold_id: str, user_id: str) -> HoldRow:
    hold = book.holds.get(hold_id)
    if hold is None or (user_id and hold.user_id != user_id):
        raise Refuse("not_found", f"There is no hold {hold_id}.", sticks=False)
    if hold.state != "open":
        raise Refuse("hold_closed", f"The hold is already {hold.state}.", hold=hold_id, state=hold.state)
    return hold


# --- undoing -------------------------------------------------------------------------------------------------------


def _reverse(book: Book, change: Reverse, now_us: int, new_id: NewId) -> Decision:
    past = book.past.get(change.entry_id)
    if past is None or (change.user_id and past.entry.user_id != change.user_id):
        raise Refuse("not_found", f"There is no entry {change.entry_id}.", sticks=False)
    entry = past.entry
    if entry.kind not in REVERSIBLE or not entry.amount:
        why = f"an entry of kind {entry.kind}" if entry.amount else "an entry that moved nothing"
        raise Refuse("not_reversible", f"There is no undoing {why}.", kind=entry.kind)
    if past.reversed_by is not None:
        raise Refuse("already_reversed", "The entry was reversed before.", reversed_by=past.reversed_by)
    if entry.kind == "fulfil":
        require_whole_refund(entry, change.amount, may_refund=change.may_refund)
    amount = abs(entry.amount) if change.amount is None else change.amount
    if amount > abs(entry.amount):
        raise _bad_field("amount", f"must be at most the {abs(entry.amount)} of the entry")
    drafts = []
    for undone in [entry] if entry.peer is None else [entry, book.past[entry.peer].entry]:
        draft = Draft(book.account(undone.user_id, undone.unit), change, now_us, new_id)
        if undone is entry:
            draft.require_version(change.if_version)
        _undo(draft, undone, amount, book.lots)
        drafts.append(draft)
    decision = _decision(drafts[0].entries[0], *drafts)
    return replace(decision, orders=_orders_undone(book, past, decision.primary))


def _undo(draft: Draft, entry: Entry, amount: int, lots: Mapping[str, Lot]) -> None:
    """Post the reversal of one entry: what it took goes back into the very lots, what it gave is taken from them."""
    if entry.amount < 0:
        draft.post("reverse", amount, 0, draft.restore(entry, amount, lots), reverses=entry.id)
        draft.expire_due()
    else:
        own = [(move.lot_id, move.delta) for move in entry.lots]
        draft.debit("reverse", amount, first=own, reverses=entry.id)


# --- vouchers and orders -------------------------------------------------------------------------------------------


def _redeem(book: Book, change: Redeem, now_us: int, new_id: NewId) -> Decision:
    voucher_id = book.codes.get(change.digest)
    if voucher_id is None:
        raise Refuse("not_found", NO_SUCH_CODE, sticks=False)
    voucher = book.vouchers[voucher_id]
    turn = _require_redeemable(book, voucher, change.user_id, now_us)
    draft = _draft_of(book, change.user_id, voucher.unit, change, now_us, new_id)
    draft.require_thawed()
    return _pay_out(draft, voucher, turn, now_us, address=change.address)


def _require_redeemable(book: Book, voucher: Voucher, user_id: str, now_us: int) -> int:
    """The number of this redemption among the user's own in the voucher's scope, if it may be."""
    redeemed = book.redeemed.get((voucher.scope, user_id), 0)
    is_allowed = not voucher.is_listed or (voucher.scope, user_id) in book.listed
    require_redeemable(voucher, user_id, now_us, redeemed=redeemed, is_allowed=is_allowed)
    return redeemed + 1


def _pay_out(draft: Draft, voucher: Voucher, user_turn: int, now_us: int, *, address: str | None) -> Decision:
    terms = Terms(0, _end_of(voucher.validity_s, now_us), voucher.id)
    if draft.label is None:
        draft.label = voucher.label
    entry = draft.credit("redeem", voucher.amount, [(terms, voucher.amount)], origin=voucher.id)
    redemption = Redemption(
        voucher.id, voucher.redemptions + 1, voucher.scope, entry.user_id, user_turn, entry.id, voucher.amount,
        now_us, address,
    )  # fmt: skip
    return replace(_decision(entry, draft), redemptions=(redemption,))


def _end_of(validity_s: int | None, now_us: int) -> int | None:
    return None if validity_s is None else now_us + validity_s * 1_000_000


def _with_welcomes(book: Book, decision: Decision, now_us: int, new_id: NewId) -> Decision:
    """Add what new users of this decision are welcomed with, behind its own entries."""
    redeemed = {(one.scope, one.user_id) for one in decision.redemptions}
    for user_id in sorted({account.user_id for account in decision.accounts} - book.users):
        for voucher, turn in _welcomes_for(book, user_id, now_us):
            if (voucher.scope, user_id) not in redeemed:
                decision = _welcomed(book, decision, user_id, voucher, turn, now_us, new_id) or decision
    return decision


def _welcome(book: Book, change: Welcome, now_us: int, new_id: NewId) -> Decision:
    decision: Decision | None = None
    for voucher, turn in _welcomes_for(book, change.user_id, now_us):
        decision = _welcomed(book, decision, change.user_id, voucher, turn, now_us, new_id) or decision
    if decision is None:
        raise Refuse("not_found", "There is nothing to welcome this user with.", sticks=False)
    return decision


def _welcomes_for(book: Book, user_id: str, now_us: int) -> list[tuple[Voucher, int]]:
    """The welcome vouchers that pay for this user now, each with the user's turn."""
    found = []
    for voucher_id in book.welcomes:
        voucher = book.vouchers[voucher_id]
        try:
            turn = _require_redeemable(book, voucher, user_id, now_us)
        except Refuse:
            continue  # it is used up, or not in its window: nobody asked for it, so nobody is refused
        if turn == 1:
            found.append((voucher, turn))
    return found


def _welcomed(
    book: Book, decision: Decision | None, user_id: str, voucher: Voucher, turn: int, now_us: int, new_id: NewId
) -> Decision | None:  # fmt: skip
    """The decision with what the voucher pays behind its entries; None where the account cannot hold it."""
    known = {account.key: account for account in decision.accounts} if decision else {}
    account = known.get((user_id, voucher.unit)) or book.account(user_id, voucher.unit)
    asked = Welcome(user_id=user_id, unit=voucher.unit, actor=WELCOMER)
    try:
        given = _pay_out(Draft(account, asked, now_us, new_id), voucher, turn, now_us, address=None)
    except Refuse:
        return None  # the balance would pass its limit; what the user came for stands
    return given if decision is None else _joined(decision, given)


def _joined(first: Decision, then: Decision) -> Decision:
    """Two decisions as one: rows of `then` replace those of `first`, whose primary stays."""
    accounts = {account.key: account for account in (*first.accounts, *then.accounts)}
    return Decision(
        first.primary, (*first.entries, *then.entries), tuple(accounts.values()), (*first.holds, *then.holds),
        (*first.lots, *then.lots), (*first.orders, *then.orders), (*first.redemptions, *then.redemptions),
    )  # fmt: skip


def _fulfil(book: Book, change: Fulfil, now_us: int, new_id: NewId) -> Decision:
    order = _order(book, change.order_id, change.user_id)
    require_pending(order)
    draft = _draft_of(book, order.user_id, order.unit, change, now_us, new_id)
    terms = Terms(0, _end_of(order.validity_s, now_us), order.id)
    if draft.label is None and order.package_name is not None:
        draft.label = order_label(order.package_name)
    entry = draft.credit("fulfil", order.credits, [(terms, order.credits)], origin=order.id)
    fulfilled = replace(
        order, state="fulfilled", entry_id=entry.id, fulfilled_at_us=now_us, fulfilled_by=str(change.actor),
        claimed_by=change.fulfilled_by, note=change.note,
    )  # fmt: skip
    return replace(_decision(entry, draft), orders=(fulfilled,))


def _refund(book: Book, change: Refund, now_us: int, new_id: NewId) -> Decision:
    order = _order(book, change.order_id, change.user_id)
    require_fulfilled(order)
    past = book.past[order.entry_id or ""]
    if past.reversed_by is not None:
        raise Refuse("already_reversed", "The entry was reversed before.", reversed_by=past.reversed_by)
    account = book.account(order.user_id, order.unit)
    left = _left_of(account, {move.lot_id for move in past.entry.lots})
    amount, anyway = refundable(order, left, change.spent)
    asked = replace(change, allow_below_floor=change.allow_below_floor or anyway)
    draft = _draft_of(book, *account.key, asked, now_us, new_id)
    _undo(draft, past.entry, amount, book.lots)
    return replace(_decision(draft.entries[0], draft), orders=(_refunded(order, draft.entries[0]),))


def _left_of(account: Account, lot_ids: set[str]) -> int:
    if account.loaded_through is not None:
        raise NotLoaded(*account.key)
    return sum(lot.free for lot in account.lots if lot.id in lot_ids)


def _refunded(order: OrderRow, entry: Entry) -> OrderRow:
    return replace(order, state="refunded", refund_entry_id=entry.id, refunded_at_us=entry.at_us)


def _orders_undone(book: Book, past: Past, entry: Entry) -> tuple[OrderRow, ...]:
    """The order that a reversal of its fulfilment refunds."""
    if past.entry.kind != "fulfil" or past.entry.origin is None:
        return ()
    return (_refunded(book.orders[past.entry.origin], entry),)


def _order(book: Book, order_id: str, user_id: str) -> OrderRow:
    order = book.orders.get(order_id)
    if order is None or (user_id and order.user_id != user_id):
        raise Refuse("not_found", f"There is no order {order_id}.", sticks=False)
    return order


def _bad_field(field: str, message: str) -> Refuse:
    errors = [{"field": field, "message": message}]
    return Refuse("invalid", f"{field} {message}.", sticks=False, errors=errors)


_RULES: Mapping[type[Change], Callable[[Book, Any, int, NewId], Decision]] = {
    Adjust: _adjust,
    Set: _set,
    Grant: _grant,
    Spend: _spend,
    Transfer: _transfer,
    Hold: _hold,
    Capture: _capture,
    Release: _release,
    Reverse: _reverse,
    Redeem: _redeem,
    Welcome: _welcome,
    Fulfil: _fulfil,
    Refund: _refund,
}
