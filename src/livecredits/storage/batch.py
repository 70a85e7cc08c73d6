"""One transaction's worth of changes: load what they name, decide them one after the other, collect what to write.

Promises: every change is decided on the rows as the changes before it left them; a change that is refused leaves no
trace but its stored refusal; the same idempotency key gets the same answer, also within the batch; what was due on an
account is posted before anything is decided on it. Must not know which database it talks to, nor who is waiting.

The odd thing: accounts are first loaded in part, with the first `PART` lots in burn order (none for a grant), so that a
change costs the same on an account with a hundred thousand lots. When a rule needs more (`NotLoaded`), what is decided
so far is written, more of the account is loaded from the same transaction, and the change is decided again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from itertools import islice

from livecredits.core.chain import canonical
from livecredits.core.changes import (
    Capture,
    Change,
    Fulfil,
    Grant,
    Redeem,
    Refund,
    Release,
    Reverse,
    Settle,
    Transfer,
    Welcome,
)
from livecredits.core.ledger import decide, settle_due
from livecredits.core.lots import BurnKey, Lot, NotLoaded
from livecredits.core.rows import (
    Account,
    AccountKey,
    AccountState,
    Book,
    Cause,
    Decision,
    Entry,
    HoldRow,
    Refusal,
    Voucher,
)
from livecredits.errors import KeyReused, Refused, from_code
from livecredits.storage.answers import (
    Answer,
    Outcome,
    Ruling,
    States,
    again,
    amounts_of,
    answer_of,
    dump,
    parse,
)
from livecredits.storage.ids import Ids
from livecredits.storage.naming import BY_ACCOUNT_ALONE, BY_ANOTHER_ROW, named_by, only_adds
from livecredits.storage.store import AuditRow, KeyOf, Rows, Side, Store, ids_of, seal_of
from livecredits.storage.warm import Warm

PART = 8
"""How many lots and holds of an account are loaded at first."""
GROWTH = 16
"""How many times more when that was not enough."""
LARGEST_PART = 2_048
"""A part that is larger than this is not worth having."""
AHEAD_MOST = 256
"""So many accounts at most are loaded further together with one that was not enough."""
WRITTEN_TOGETHER = 48
"""A database server writes what so many changes came to while the next ones are decided."""
KEPT_KEYS = 16
"""How many of a user's own keys a state tells."""
SETTLED_AT_ONCE = 500
"""How many due accounts one `Settle` without a user takes on; who asked comes again for the rest."""
_HISTORY = frozenset({"history"})
"""What moves with every entry."""
BEFORE_ALL: BurnKey = (-(2**63), 0, 0, "")
"""Where the loaded part of an account ends of which no lot is loaded."""


class Batch:
    """A batch of changes inside one open transaction of `store`."""

    def __init__(
        self, store: Store, ids: Ids, now_us: int, epoch: str, next_due_us: int | None, warm: Warm
    ) -> None:
        self._store = store
        self._warm = warm
        self._ids = ids
        self._now_us = now_us
        self._epoch = epoch
        self._next_due_us = next_due_us
        self._book = Book()
        self._sides: dict[AccountKey, Side] = {}
        self._rows = Rows()
        self._parts: dict[AccountKey, int | None] = {}
        self._answered: dict[KeyOf, tuple[str, Answer | Refused | str]] = {}
        self._newest: dict[AccountKey, Entry] = {}
        self.entries: list[Entry] = []
        """Every entry that was decided, in the order of their ids."""
        self._receipts: set[AccountKey] = set()
        self._lists: dict[str, AbstractSet[str]] = {}
        self._ahead = 0
        """How many others are loaded further with the next account of which more is needed."""
        self._is_long = False
        """Whether these are the rows of a list, which come once, rather than what people happen to ask for."""
        self._is_time = next_due_us is not None and next_due_us <= now_us
        self._due: list[AccountKey] | None = None
        self._may_be_due = self._is_time or not store.is_alone
        self._soonest_us: int | None = None

    # --- deciding --------------------------------------------------------------------------------------------------

    def decide_all(self, changes: Sequence[Change]) -> list[Outcome]:
        """What each change came to, in their order."""
        self._lock(changes)
        self._find_answers(changes)
        self._load([change for change in changes if (change.key_scope, change.key) not in self._answered])
        outcomes: list[Outcome] = []
        for part in self._written_apart(changes):
            if outcomes:
                self._write()
            outcomes += [self._answer(change) for change in part]
        return outcomes

    def _written_apart(self, changes: Sequence[Change]) -> list[Sequence[Change]]:
        """Parts of a batch that are written each for itself; there is one where the writing is done by this thread."""
        count = 1 if self._store.is_alone else max(len(changes) // WRITTEN_TOGETHER, 1)
        size = -(-len(changes) // count) or 1
        return [changes[first : first + size] for first in range(0, len(changes), size)]

    def rule(self, changes: Sequence[Change]) -> list[Ruling]:
        """The same for a list of changes, each with the available credits before it."""
        self._is_long = True
        self._lock(changes)
        self._find_answers(changes)
        self._load(changes)
        return [self._rule(change) for change in changes]

    def _rule(self, change: Change) -> Ruling:
        if change.key is not None:
            return self._ruling_of(self._answer(change), change)
        # Most rows have no key, and nobody asks for their answers: making them would cost more than ruling does.
        decision = self._decided(change)
        if isinstance(decision, Refusal):
            return self._ruling_of(_refused(decision), change)
        entry, account = decision.primary, decision.accounts[0]
        after = account.settled - account.held
        return Ruling(entry.id, after - entry.amount, after)

    def _ruling_of(self, outcome: Outcome, change: Change) -> Ruling:
        assert outcome is not None, "a Settle has no balance before it"
        if isinstance(outcome, Answer):
            return Ruling(
                outcome.entry, outcome.credits - outcome.amount, outcome.credits, replayed=outcome.replayed
            )
        # What is refused has left the account as it was.
        is_known = change.user_id in self._book.users
        before = self._book.account(change.user_id, change.unit).available if is_known else None
        return Ruling(None, before, before, outcome)

    def _find_answers(self, changes: Sequence[Change]) -> None:
        keys = {(change.key_scope, change.key) for change in changes if change.key is not None}
        if keys:
            self._answered.update(self._store.find_answers(keys))

    def _answer(self, change: Change) -> Outcome:
        if type(change) is Settle:
            return None  # loading its account has posted what was due
        if change.key is None:
            decision = self._decided(change)
            return answer_of(decision, self._epoch) if isinstance(decision, Decision) else _refused(decision)
        key = (change.key_scope, change.key)
        if key in self._answered:
            content, known = self._answered[key]
            if content != change.content:
                return _reused(change.key)
            return again(parse(known, self._epoch) if isinstance(known, str) else known)
        decision = self._decided(change)
        outcome = answer_of(decision, self._epoch) if isinstance(decision, Decision) else _refused(decision)
        if isinstance(decision, Decision) or decision.sticks:
            self._answered[key] = (change.content, outcome)
            self._rows.answers.append((*key, change.content, dump(outcome), self._now_us))
        return outcome

    def _decided(self, change: Change) -> Decision | Refusal:
        """What the rules say of the change; what they allow is kept to be written."""
        while True:
            try:
                decision = decide(self._book, change, self._now_us, self._ids)
            except NotLoaded as partly:
                self._load_more(partly.account)
            else:
                break
        if isinstance(decision, Decision):
            if change.audit is not None:
                before = self._book.account(decision.primary.user_id, decision.primary.unit)
                self._audit(change, decision, before)
            self._keep(decision, change)
        return decision

    # --- what a decision leaves to be written ------------------------------------------------------------------------

    def _keep(self, decision: Decision, change: Change | None) -> None:
        if decision.orders or decision.redemptions:
            self._keep_shop(decision)
        rows, lists = self._rows, self._lists
        for entry in decision.entries:
            user_id = entry.user_id
            key = (user_id, entry.unit)
            side = self._side(key)
            rows.entries.append((side.id, entry))
            self.entries.append(entry)
            self._newest[key] = entry
            if lists.get(user_id) is not _HISTORY:
                self._note_moved(user_id, _HISTORY)
            if entry.user_key is not None:
                keys = (*side.user_keys, (entry.user_key, entry.version))[-KEPT_KEYS:]
                self._sides[key] = replace(side, user_keys=keys)
            if entry.reverses is not None:
                rows.reversals.append((entry.reverses, entry.id))
        for account in decision.accounts:
            key = (account.user_id, account.unit)
            rows.accounts[key] = (account, self._side(key))
            if change is not None and change.receipt:
                self._receipts.add(key)
        self._book.apply(decision)
        self._keep_lots(decision)

    def _note_moved(self, user_id: str, lists: AbstractSet[str]) -> None:
        former = self._lists.get(user_id)
        self._lists[user_id] = lists if former is None else former | lists

    def _keep_lots(self, decision: Decision) -> None:
        rows = self._rows
        for lot in decision.lots:
            rows.lots[lot.id] = (self._sides[lot.user_id, lot.unit].id, lot)
            if lot.expires_at_us is not None and lot.remaining > lot.earmarked:
                self._note_due(lot.expires_at_us)
        for hold in decision.holds:
            rows.holds[hold.id] = (self._sides[hold.user_id, hold.unit].id, hold)
            if hold.state == "open":
                self._note_due(hold.expires_at_us)

    def _keep_shop(self, decision: Decision) -> None:
        """Note how orders and vouchers move on, from the state in which the database has them."""
        rows = self._rows
        for order in decision.orders:
            before = (
                rows.orders[order.id][0] if order.id in rows.orders else self._book.orders[order.id].state
            )
            rows.orders[order.id] = (before, order)
            if order.state == "fulfilled" and order.entry_id is not None:
                rows.fulfilments.append((order.id, order.entry_id))
            self._note_moved(order.user_id, {"orders"})
        for one in decision.redemptions:
            count = rows.vouchers[one.voucher_id][0] if one.voucher_id in rows.vouchers else one.turn - 1
            rows.vouchers[one.voucher_id] = (count, one.turn)
            rows.redemptions.append(one)
            self._note_moved(one.user_id, {"vouchers"})

    def _side(self, key: AccountKey) -> Side:
        """The account's side; a first entry makes the account, and the user if need be."""
        side = self._sides.get(key)
        if side is None:
            user_id, unit = key
            seal = seal_of(user_id, unit, 0, frozen=False, created_at_us=self._now_us)
            side = self._sides[key] = Side(self._store.new_account_id(), self._now_us, seal)
            if user_id not in self._book.users:
                self._rows.users[user_id] = self._now_us
                self._note_moved(user_id, {"users"})
        return side

    def _note_due(self, at_us: int) -> None:
        if self._soonest_us is None or at_us < self._soonest_us:
            self._soonest_us = at_us

    def _audit(self, change: Change, decision: Decision, before: Account) -> None:
        entry, actor = decision.primary, change.actor
        after = decision.accounts[0]
        details = {"entry": entry.id, "kind": entry.kind, "amount": entry.amount, "unit": entry.unit}
        if decision.orders:
            details["order"] = decision.orders[0].id
        elif entry.origin is not None:
            details["voucher"] = entry.origin
        row = AuditRow(
            self._ids("aud"), self._now_us, str(actor), change.audit or entry.kind, entry.user_id,
            change.reason, canonical(amounts_of(before)), canonical(amounts_of(after)), actor.address,
            actor.request_id, canonical(details),
        )  # fmt: skip
        self._rows.audit.append(row)
        self._note_moved(entry.user_id, {"audit"})

    # --- loading ---------------------------------------------------------------------------------------------------

    def _lock(self, changes: Sequence[Change]) -> None:
        """Lock every row that these changes name, where others may write as well."""
        if not self._store.is_alone:
            self._store.lock(named_by(changes, self._due_anywhere), self._now_us, PART + 1)

    def _due_anywhere(self) -> list[AccountKey]:
        """Some accounts that have something due; the same ones for the whole batch."""
        if self._due is None:
            self._due = self._store.due_accounts(self._now_us, SETTLED_AT_ONCE)
        return self._due

    def _load(self, changes: Sequence[Change]) -> None:
        """Load every row that these changes name, and post what is due on their accounts."""
        kinds = set(map(type, changes))
        takers: set[AccountKey] = set()
        others: set[AccountKey] = set()
        for change in changes:
            if change.user_id and type(change) not in BY_ANOTHER_ROW:
                (others if only_adds(change) else takers).add((change.user_id, change.unit))
                if type(change) is Transfer:
                    others.add((change.to_user_id, change.unit))
            elif type(change) is Settle:
                others.update(self._due_anywhere())
        others |= self._load_welcomes(changes)
        whole: set[AccountKey] = set()
        if not kinds <= BY_ACCOUNT_ALONE:
            granted, undone = self._load_orders(changes)
            others |= granted | self._load_vouchers(changes)
            whole = self._load_holds(changes) | self._load_past(changes, undone)
        self._load_accounts(takers | others | whole, takers, whole)

    def _load_orders(self, changes: Sequence[Change]) -> tuple[set[AccountKey], set[str]]:
        """Load the orders that changes name; gives their accounts, and the entries that refunds undo."""
        wanted = [change for change in changes if isinstance(change, (Fulfil, Refund))]
        if not wanted:
            return set(), set()
        found = {order.id: order for order in self._store.find_orders({change.order_id for change in wanted})}
        self._book.orders.update(found)
        refunds = {change.order_id for change in wanted if isinstance(change, Refund)} & set(found)
        undone = {entry_id for id in refunds if (entry_id := found[id].entry_id) is not None}
        return {(order.user_id, order.unit) for order in found.values()}, undone

    def _load_vouchers(self, changes: Sequence[Change]) -> set[AccountKey]:
        asked = [change for change in changes if isinstance(change, Redeem)]
        if not asked:
            return set()
        by_digest = self._store.find_vouchers({change.digest for change in asked})
        self._book.codes.update({digest: voucher.id for digest, voucher in by_digest.items()})
        pairs = [(by_digest[change.digest], change.user_id) for change in asked if change.digest in by_digest]
        return self._load_turns(pairs)

    def _load_turns(self, pairs: Sequence[tuple[Voucher, str]]) -> set[AccountKey]:
        """Load what users have redeemed of these vouchers' scopes, and whether they may."""
        self._book.vouchers.update({voucher.id: voucher for voucher, _ in pairs})
        scopes = {(voucher.scope, user_id) for voucher, user_id in pairs}
        if scopes:
            self._book.redeemed.update(self._store.find_redeemed(scopes))
        listed = {(voucher.scope, user_id) for voucher, user_id in pairs if voucher.is_listed}
        if listed:
            self._book.listed |= self._store.find_listed(listed)
        return {(user_id, voucher.unit) for voucher, user_id in pairs}

    def _load_welcomes(self, changes: Sequence[Change]) -> set[AccountKey]:
        """Load what new users are given, for those whom these changes may make or welcome."""
        if not self._store.has_welcomes():
            return set()
        named = {change.user_id for change in changes if isinstance(change, (Grant, Redeem, Welcome))}
        known = self._store.find_users(named)
        welcomed = {change.user_id for change in changes if isinstance(change, Welcome)}
        newcomers = (named - known) | (welcomed & known)
        if not newcomers:
            return set()
        vouchers = self._store.find_welcomes()
        self._book.welcomes = tuple(voucher.id for voucher in vouchers)
        return self._load_turns([(voucher, user_id) for voucher in vouchers for user_id in newcomers])

    def _load_holds(self, changes: Sequence[Change]) -> set[AccountKey]:
        ids = {change.hold_id for change in changes if isinstance(change, (Capture, Release))}
        found = self._store.find_holds(ids) if ids else []
        self._book.holds.update({hold.id: hold for hold in found})
        return {(hold.user_id, hold.unit) for hold in found}

    def _load_past(self, changes: Sequence[Change], undone: set[str]) -> set[AccountKey]:
        """Load the entries that are to be undone, and the orders that those fulfilled."""
        ids = undone | {change.entry_id for change in changes if isinstance(change, Reverse)}
        if not ids:
            return set()
        past, lots = self._store.find_past(ids)
        self._book.past.update(past)
        self._book.lots.update({lot.id: lot for lot in lots})
        origins = {known.entry.origin for known in past.values() if known.entry.kind == "fulfil"}
        fulfilled = {origin for origin in origins if origin is not None} - set(self._book.orders)
        if fulfilled:
            self._book.orders.update({order.id: order for order in self._store.find_orders(fulfilled)})
        return {(known.entry.user_id, known.entry.unit) for known in past.values()}

    def _load_accounts(self, keys: set[AccountKey], takers: set[AccountKey], whole: set[AccountKey]) -> None:
        """Load accounts: all lots of those in `whole`, the first of those in `takers`, none of the others."""
        cold = self._use_warm(keys - whole, takers) | whole
        # Sorted, so that two writers never wait for each other in a circle.
        found = self._store.find_accounts(sorted(cold)) if cold else []
        known = {account.user_id for account, _ in found}
        unknown = {user_id for user_id, _ in cold} - known
        self._book.users |= known | (self._store.find_users(unknown) if unknown else set())
        if not found:
            return
        self._catch_up(found)
        numbers = ids_of(found)
        due = self._find_due(numbers)
        for account, side in found:
            self._sides[account.key] = side
            self._book.accounts[account.key] = account
        parts: dict[int | None, dict[int, AccountKey]] = {None: {}, PART: {}, 0: {}}
        for number, key in numbers.items():
            part = None if key in whole or number in due else PART if key in takers else 0
            parts[part][number] = key
        for part, some in parts.items():
            self._fill(some, part)
        for number in sorted(due):
            self._settle(numbers[number])

    def _catch_up(self, found: Sequence[tuple[Account, Side]]) -> None:
        """Let time and ids go on from where these accounts are: another writer's clock may be ahead of ours."""
        if self._store.is_alone:
            return
        now_ms = self._now_us // 1_000
        recent = {
            side.id: account for account, side in found if (account.changed_at_us or 0) // 1_000 >= now_ms
        }
        newest = self._store.newest_entry_of(recent) if recent else None
        if newest is not None:
            self._now_us = max(self._now_us, *(account.changed_at_us or 0 for account in recent.values()))
            self._ids.after(newest)

    def _use_warm(self, keys: set[AccountKey], takers: set[AccountKey]) -> set[AccountKey]:
        """Take over accounts that the last batches left in memory; says which of them have to be read."""
        if self._may_be_due:
            return keys  # what is due may lie in a part that is not in memory
        cold = set()
        for key in keys:
            kept = self._warm.find(key, takes=key in takers)
            if kept is None:
                cold.add(key)
            else:
                self._book.accounts[key], self._sides[key], self._parts[key] = kept
                self._book.users.add(key[0])
        return cold

    def keep_warm(self) -> None:
        """Leave the accounts in memory for the next batch; to be called after the commit."""
        if not self._store.is_alone:
            return  # the next batch may find them changed by somebody else
        self._warm.keep(self._book.accounts, self._sides, self._parts, displaces=not self._is_long)

    def _find_due(self, numbers: Iterable[int]) -> set[int]:
        return self._store.find_due(list(numbers), self._now_us) if self._may_be_due else set()

    def _fill(self, numbers: dict[int, AccountKey], most: int | None) -> None:
        """Give these accounts their open lots and holds; one with more than `most` is loaded in part."""
        if not numbers:
            return
        accounts = self._book.accounts
        lots: dict[int, list[Lot]] = {}
        holds: dict[int, list[HoldRow]] = {}
        if most != 0:
            one_more = None if most is None else most + 1
            lots = self._store.open_lots(numbers, one_more)
            holding = {number: key for number, key in numbers.items() if accounts[key].held}
            holds = self._store.open_holds(holding, one_more) if holding else {}
        for number, key in numbers.items():
            mine, held = lots.get(number, []), holds.get(number, [])
            is_part = most is not None and (most == 0 or len(mine) > most or len(held) > most)
            account = accounts[key]
            # They were loaded for this batch, and nobody has seen them without these fields yet; making each account
            # twice would be a tenth of the cost of a change.
            object.__setattr__(account, "lots", tuple(mine))
            object.__setattr__(account, "holds", {} if is_part else {hold.id: hold for hold in held})
            object.__setattr__(account, "loaded_through", _end_of(mine) if is_part else None)
            self._parts[key] = most

    def _load_more(self, key: AccountKey) -> None:
        """Load a larger part of an account, or all of it."""
        part = self._parts[key]
        assert part is not None, "an account that is loaded whole lacks nothing"
        more = max(part * GROWTH, PART)
        keys = [key]
        if more <= LARGEST_PART:
            # Rows of a list are alike: where one takes more than the first lots, the next ones will. Each time that
            # this comes true twice as many are loaded with it.
            keys += islice(self._unmoved(part, key), self._ahead)
            self._ahead = min(max(2 * self._ahead, 1), AHEAD_MOST)
        self._write()
        accounts = self._book.accounts
        accounts.update({one: replace(accounts[one]) for one in keys})
        self._fill({self._sides[one].id: one for one in keys}, more if more <= LARGEST_PART else None)

    def _unmoved(self, part: int, but: AccountKey) -> Iterator[AccountKey]:
        """Accounts of which no more than such a part is loaded, and which this batch has not moved yet."""
        for key, loaded in self._parts.items():
            is_partial = loaded == part and self._book.accounts[key].loaded_through is not None
            if is_partial and key not in self._newest and key != but:
                yield key

    def _settle(self, key: AccountKey) -> None:
        decision = settle_due(self._book, key, self._now_us, self._ids)
        if decision is not None:
            self._keep(decision, None)

    # --- the end of the batch --------------------------------------------------------------------------------------

    def _write(self) -> None:
        self._store.save(self._rows)
        self._rows = Rows()

    def finish(self) -> None:
        """Write all that was decided. The transaction stays open."""
        self._write()
        if self._is_time:
            self._next_due_us = self._store.next_due_us()
        elif self._soonest_us is not None:
            former = self._soonest_us if self._next_due_us is None else self._next_due_us
            self._next_due_us = min(self._soonest_us, former)

    @property
    def next_due_us(self) -> int | None:
        """The earliest time at which anything is due after this batch; may be too early, never too late."""
        return self._next_due_us

    @property
    def lists(self) -> Mapping[str, AbstractSet[str]]:
        """Which lists have changed for which users."""
        return self._lists

    def states(self) -> States:
        """The newest state of each account that the batch changed; to be asked before the commit."""
        accounts, newest, sides, receipts = self._book.accounts, self._newest, self._sides, self._receipts
        partly = [sides[key].id for key in newest if accounts[key].loaded_through is not None]
        expiries = self._store.next_expiries(partly) if partly else {}
        low = {unit: self._store.low_threshold(unit) for unit in {unit for _, unit in newest}}

        def state_of(key: AccountKey) -> AccountState:
            account, entry, side = accounts[key], newest[key], sides[key]
            expiry = (
                _next_expiry(account) if account.loaded_through is None else expiries.get(side.id, (None, 0))
            )
            low_at = low[account.unit] if side.low_threshold is None else side.low_threshold
            return AccountState(
                account.user_id, account.unit, account.version, account.settled, account.held, account.floor,
                account.frozen, account.changed_at_us, Cause(entry.id, entry.kind, entry.amount, entry.label),
                expiry[0], expiry[1], side.user_keys, key in receipts,
                low_at is not None and account.available <= low_at,
            )  # fmt: skip

        return States(list(newest), state_of)


def _refused(refusal: Refusal) -> Refused:
    return from_code(refusal.code, refusal.detail, refusal.extra)


def _reused(key: str) -> KeyReused:
    return KeyReused(f"The idempotency key {key} belongs to another request.", key=key)


def _end_of(lots: Sequence[Lot]) -> BurnKey:
    return lots[-1].burn_key if lots else BEFORE_ALL


def _next_expiry(account: Account) -> tuple[int | None, int]:
    """When the next credits expire and how many: what holds have earmarked does not."""
    soonest, amount = None, 0
    for lot in account.lots:
        at_us = lot.expires_at_us
        if at_us is None or lot.remaining == lot.earmarked:
            continue
        free = lot.remaining - lot.earmarked
        if soonest is None or at_us < soonest:
            soonest, amount = at_us, free
        elif at_us == soonest:
            amount += free
    return soonest, amount
