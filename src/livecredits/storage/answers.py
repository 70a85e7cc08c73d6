"""What the writer hands out: the answer to a change, and what a committed batch means for everybody who watches.

Promises: both are plain frozen values; `as_json` is the one spelling of a change's answer over HTTP. A stored answer
(`dump`, `parse`) replays as the same answer, a stored refusal as the same refusal. Must not know of any database.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, overload

from livecredits.core import wire
from livecredits.core.quick import quick
from livecredits.core.rows import Account, AccountKey, AccountState, AnyEntry, Decision
from livecredits.errors import Refused, from_code

_quote = json.encoder.encode_basestring
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


rfc3339 = wire.time_text
"""A time as JSON carries it: `2026-11-23T05:36:21.123456Z`."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def moment(at_us: int) -> datetime:
    """A time as Python has it, to the microsecond."""
    return _EPOCH + timedelta(microseconds=at_us)


@dataclass(frozen=True, slots=True)
class Amounts:
    """A balance: what is settled, what is held, and what is left to spend."""

    settled: int
    held: int

    @property
    def available(self) -> int:
        """Settled credits that are not held."""
        return self.settled - self.held

    def as_json(self) -> dict[str, int]:
        """The three numbers by name."""
        return {"settled": self.settled, "held": self.held, "available": self.settled - self.held}


@quick
@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to an accepted change.

    Attributes:
        entry: id of the entry that the change left (the first, where it left several).
        user_id: whose account.
        unit: which of the user's accounts.
        kind: the entry's kind.
        amount: the entry's effect, signed.
        version: the account's version after the whole change.
        settled: settled credits after it.
        held: held credits after it.
        as_of_us: when it was decided, microseconds UTC.
        epoch: the line of history that `version` counts in.
        hold: id of the hold that the entry belongs to, if any.
        order: id of the order that was fulfilled or refunded, if any.
        voucher: id of the voucher that was redeemed, if any.
        replayed: whether this is a former answer, given again for the same idempotency key.
    """

    entry: str
    user_id: str
    unit: str
    kind: str
    amount: int
    version: int
    settled: int
    held: int
    as_of_us: int
    epoch: str
    hold: str | None = None
    order: str | None = None
    voucher: str | None = None
    replayed: bool = field(default=False, compare=False)

    @property
    def balance(self) -> Amounts:
        """Settled, held and available credits after the change."""
        return Amounts(self.settled, self.held)

    @property
    def credits(self) -> int:
        """The number that people see: available credits after the change."""
        return self.settled - self.held

    @property
    def as_of(self) -> datetime:
        """When it was decided."""
        return moment(self.as_of_us)

    def as_json(self) -> dict[str, Any]:
        """The body of an HTTP answer."""
        body: dict[str, Any] = {
            "entry": self.entry, "user_id": self.user_id, "unit": self.unit, "kind": self.kind,
            "amount": self.amount, "version": self.version, "epoch": self.epoch, "credits": self.credits,
            "balance": self.balance.as_json(), "as_of": rfc3339(self.as_of_us),
        }  # fmt: skip
        links = {"hold": self.hold, "order": self.order, "voucher": self.voucher}
        return body | {name: value for name, value in links.items() if value is not None}


Outcome = Answer | Refused | None
"""What a change came to; None for a `Settle`, which answers nobody."""


class Ruling(NamedTuple):
    """What one change of many came to.

    Attributes:
        entry: id of the entry that it left; None where it was refused.
        before: the available credits just before it; None for an unknown user.
        after: the available credits just after it.
        refused: why it left nothing.
        replayed: whether a former change with its key had done it already.
    """

    entry: str | None
    before: int | None
    after: int | None
    refused: Refused | None = None
    replayed: bool = False


def answer_of(decision: Decision, epoch: str) -> Answer:
    """What the caller is told of a decision."""
    entry, account = decision.primary, decision.accounts[0]
    return Answer(
        entry.id, account.user_id, account.unit, entry.kind, entry.amount, account.version, account.settled,
        account.held, entry.at_us, epoch, entry.hold_id, decision.orders[0].id if decision.orders else None,
        entry.origin if entry.kind == "redeem" else None,
    )  # fmt: skip


def dump(outcome: Answer | Refused) -> str:
    """The text that is stored with an idempotency key. The epoch is the database's own and is not stored."""
    if isinstance(outcome, Refused):
        return _encode({"code": outcome.code, "detail": outcome.detail, "extra": outcome.extra})
    # Spelled out: it is written for every change, and only ids and names need quoting.
    hold = "null" if outcome.hold is None else f'"{outcome.hold}"'
    return (
        f'{{"entry":"{outcome.entry}","user_id":{_quote(outcome.user_id)},"unit":{_quote(outcome.unit)},'
        f'"kind":"{outcome.kind}","amount":{outcome.amount},"version":{outcome.version},'
        f'"settled":{outcome.settled},"held":{outcome.held},"as_of":{outcome.as_of_us},"hold":{hold}{_origin(outcome)}}}'
    )


def _origin(answer: Answer) -> str:
    if answer.order is not None:
        return f',"order":"{answer.order}"'
    return "" if answer.voucher is None else f',"voucher":"{answer.voucher}"'


def parse(stored: str, epoch: str) -> Answer | Refused:
    """The answer or refusal that `dump` stored."""
    fields = json.loads(stored)
    if "code" in fields:
        return from_code(fields["code"], fields["detail"], fields["extra"])
    as_of_us = fields.pop("as_of")
    return Answer(**fields, as_of_us=as_of_us, epoch=epoch)


def again(outcome: Answer | Refused) -> Answer | Refused:
    """The same outcome for another caller. A refusal is made anew, since a raised exception belongs to its raiser."""
    if isinstance(outcome, Refused):
        refusal = from_code(outcome.code, outcome.detail, outcome.extra)
        refusal.replayed = True
        return refusal
    return replace(outcome, replayed=True)


class States(Sequence[AccountState]):
    """The newest states of accounts that a batch has changed, each made when somebody looks at it.

    Of the thousands of accounts that a list changes, few have a screen that shows them.
    """

    __slots__ = ("_keys", "_state_of")

    def __init__(self, keys: Sequence[AccountKey], state_of: Callable[[AccountKey], AccountState]) -> None:
        """`state_of` gives what holds of the batch for good, whoever asks from which thread."""
        self._keys = keys
        self._state_of = state_of

    def __len__(self) -> int:
        return len(self._keys)

    def __iter__(self) -> Iterator[AccountState]:
        return map(self._state_of, self._keys)

    @overload
    def __getitem__(self, place: int) -> AccountState: ...

    @overload
    def __getitem__(self, place: slice) -> Sequence[AccountState]: ...

    def __getitem__(self, place: int | slice) -> AccountState | Sequence[AccountState]:
        if isinstance(place, slice):
            return States(self._keys[place], self._state_of)
        return self._state_of(self._keys[place])

    def of(self, user_ids: Container[str]) -> list[AccountState]:
        """Those of these users."""
        return [self._state_of(key) for key in self._keys if key[0] in user_ids]


EVERYBODY = ""
"""Stands for all users where users are named: nobody's id is empty."""


@quick
@dataclass(frozen=True, slots=True)
class CommittedBatch:
    """What one commit changed.

    Attributes:
        epoch: the line of history that the versions count in.
        states: the newest state of each account that changed.
        lists: which lists have changed for whom: `history`, `orders`, `vouchers` of a user; `users`, `audit` for
            operators. What concerns no user stands under the empty id.
        committed_monotonic_ns: when the commit returned, by this process's monotonic clock.
        entries: every new entry, in the order of their ids; of another node's commit, their marks.
        signed_out: users whose screen tokens it has ended; their open screens have to close.
        anew: whose accounts changed without an entry, so that no version tells of it (a floor, a threshold); or
            `EVERYBODY`, when a unit changed.
        due_us: when the next thing is due as far as its writer knows; told of another node's commit.
    """

    epoch: str
    states: Sequence[AccountState]
    lists: Mapping[str, AbstractSet[str]]
    committed_monotonic_ns: int
    entries: Sequence[AnyEntry] = ()
    signed_out: frozenset[str] = frozenset()
    anew: frozenset[str] = frozenset()
    due_us: int | None = None

    def states_of(self, user_ids: Container[str]) -> list[AccountState]:
        """The states of these users' accounts alone; of a long list, that is much quicker."""
        states = self.states
        if isinstance(states, States):
            return states.of(user_ids)
        return [state for state in states if state.user_id in user_ids]


def amounts_of(account: Account) -> dict[str, int]:
    """An account's balance and version as the audit trail keeps them."""
    return {
        "version": account.version, "credits": account.available, "settled": account.settled,
        "held": account.held,
    }  # fmt: skip
