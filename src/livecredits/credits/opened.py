"""An opened ledger, on which both faces of `Credits` stand: plain calls that block; the async face uses threads.

Promises: a read first has everything posted that is due on the accounts it shows (so what is read and what is in the
ledger never differ); what changes an account beside its entries (floor, freezing) keeps its seal right and is audited.
Must not know of event loops.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy import Connection

from livecredits.clock import Clock
from livecredits.core.amounts import whole
from livecredits.core.changes import LIBRARY, SYSTEM, Actor, Change, Redeem, Settle
from livecredits.core.rows import AccountState
from livecredits.credits.asking import check_edit, check_text, check_user_id, checked
from livecredits.credits.batches import Batches
from livecredits.credits.desk import Desk
from livecredits.credits.guesses import Guesses, GuessLimits
from livecredits.credits.others import Others
from livecredits.credits.windows import Windows
from livecredits.errors import Invalid, NotFound, Refused, StorageFull
from livecredits.scheduler import Scheduler
from livecredits.storage import audit, pages, people, reads, verify
from livecredits.storage.answers import EVERYBODY, CommittedBatch
from livecredits.storage.bus import Place, Presence
from livecredits.storage.database import is_postgres, open_database
from livecredits.storage.handover import Subscribers
from livecredits.storage.nodes import name_of_process
from livecredits.storage.views import Balance, HistoryEntry, HoldView, Page, UserDetail, UserRow

T = TypeVar("T")

SCALE_MOST = 9


@dataclass(frozen=True, slots=True)
class Unit:
    """What is counted. `scale` is the number of decimal places that people see and type.

    Available credits at or below `low_threshold` are marked as low; None marks none.
    """

    name: str
    scale: int = 0
    low_threshold: int | None = None


class Opened:
    """A database with its writer, its scheduler, and the questions that can be asked of it."""

    def __init__(
        self,
        url: str,
        clock: Clock,
        subscribers: Subscribers,
        limits: GuessLimits | None = None,
        place: Place | None = None,
        presence: Presence | None = None,
    ) -> None:
        self._clock = clock
        self._subscribers = subscribers
        place = place or Place(name_of_process(None, is_alone=not is_postgres(url)))
        self._database = open_database(url, clock, subscribers, place.name)
        try:
            self.others = self._join(url, place, presence or Presence()) if is_postgres(url) else None
        except BaseException:
            self._database.close()
            raise
        self.writer = self._database.writer
        self.readers = self._database.readers
        self.former_epochs: Collection[str] = self._database.read(reads.former_epochs)
        self._known_epoch = self.epoch
        self.writer.on_epoch.append(self._note_epoch)
        self.units: Mapping[str, Unit] = self._database.read(_units)
        self._schedulers = [Scheduler(lane, clock) for lane in self._database.lanes]
        self._windows = Windows(self._database, clock, is_shared=self.others is not None)
        self.desk = Desk(self._database, clock, lambda: self.units, self._windows)
        self.guesses = Guesses(clock, limits, self.others.attempts if self.others else None)
        self.batches = Batches(self._database, clock, lambda: self.units, self.others)
        self.batching = ThreadPoolExecutor(1, thread_name_prefix="livecredits-batches")
        """One batch at a time: two would only make each other, and everybody else, wait."""
        self.making = ThreadPoolExecutor(1, thread_name_prefix="livecredits-codes")
        """The same for campaigns: a hundred thousand codes take ten seconds, in which nobody's balance may wait."""

    def _join(self, url: str, place: Place, presence: Presence) -> Others:
        return Others(
            url, place, presence, self._subscribers, self._clock, learn_due=self._database.lanes[0].learn_due,
            read_units=self._read_units, look_again=self._look_again,
        )  # fmt: skip

    def _look_again(self) -> None:
        """Have every lane open a transaction: what is due elsewhere, and whose server this is, may have changed."""
        for lane in self._database.lanes:
            with contextlib.suppress(Refused):
                lane.submit(Settle(actor=SYSTEM))

    @property
    def epoch(self) -> str:
        """The identity of the database's line of history."""
        return self.writer.epoch

    def _note_epoch(self, epoch: str) -> None:
        """Another server has taken over: it may lack what was committed last."""
        self.former_epochs = {*self.former_epochs, self._known_epoch}
        self._known_epoch = epoch

    def close(self) -> None:
        """Write what waits and let go of the database."""
        for scheduler in self._schedulers:
            scheduler.close()
        self._windows.close()
        self.writer.close()
        # Whatever reads has ended before its connections are: a read that came later would make one that nobody closes.
        self.batching.shutdown(cancel_futures=True)
        self.making.shutdown(cancel_futures=True)
        if self.others is not None:
            self.others.close()
        self._database.close()

    def ready(self, change: Change) -> Change:
        """The change as the writer takes it: checked, and a code read and under its digest.

        Raises:
            Invalid: 422, a field is out of its range, or the code has a typing error.
        """
        return checked(self.desk.ready(change) if isinstance(change, Redeem) else change, self.units)

    # --- reading ---------------------------------------------------------------------------------------------------

    def read(self, ask: Callable[[Connection], T]) -> T:
        """Ask one moment of the database."""
        return self._database.read(ask)

    def _read_fresh(self, user_ids: Collection[str], ask: Callable[[Connection], T]) -> T:
        """Post what is due on these users' accounts, then read; on a full disk, read what was posted last."""
        due_us, now_us = self.writer.next_due_us, self._clock.now_us()
        if user_ids and due_us is not None and due_us <= now_us:
            due = self.read(lambda connection: reads.due_accounts(connection, user_ids, now_us))
            changes = [Settle(user_id=user_id, unit=unit, actor=SYSTEM) for user_id, unit in due]
            with contextlib.suppress(StorageFull):
                for posted in [self.writer.submit(change) for change in changes]:
                    posted.result()
        return self.read(ask)

    def _moment(self) -> reads.Moment:
        scales = {name: unit.scale for name, unit in self.units.items()}
        low = {name: unit.low_threshold for name, unit in self.units.items()}
        return reads.Moment(self.epoch, scales, self._clock.now_us(), low)

    def balance(self, user_id: str, unit: str) -> Balance:
        """One account."""
        self._require_unit(unit)
        moment = self._moment()
        return self._read_fresh(
            [user_id], lambda connection: reads.balance(connection, user_id, unit, moment)
        )

    def check(self, user_id: str, amount: int, unit: str) -> bool:
        """Whether a spend of `amount` would pass now."""
        whole("amount", amount, low=0)
        account = self.balance(user_id, unit)
        return not account.frozen and (account.floor is None or account.available - amount >= account.floor)

    def states(self, user_ids: Sequence[str]) -> dict[str, list[AccountState]]:
        """The live state of many users."""
        return self._read_fresh(user_ids, lambda connection: reads.states(connection, user_ids, self.units))

    def history(
        self, user_id: str, asked: pages.HistoryFilter, part: pages.Slice, *, for_user: bool
    ) -> Page[HistoryEntry]:
        """A page of a user's entries."""
        if asked.unit is not None:
            self._require_unit(asked.unit)
        return self._read_fresh(
            [user_id],
            lambda connection: pages.history(connection, user_id, asked, part, for_user=for_user),
        )

    def holds(self, user_id: str, unit: str | None, state: str | None, part: pages.Slice) -> Page[HoldView]:
        """A page of a user's holds."""
        if unit is not None:
            self._require_unit(unit)
        return self._read_fresh(
            [user_id], lambda connection: pages.holds_of(connection, user_id, unit, state, part)
        )

    def users(self, asked: pages.UserFilter, part: pages.Slice) -> Page[UserRow]:
        """A page of users. What is due is the scheduler's to post: a list of all users cannot wait for each."""
        self._require_unit(asked.unit)
        if asked.sort.removeprefix("-") not in pages.SORTS:
            raise Invalid(f"sort must be one of {', '.join(pages.SORTS)}, with or without '-' in front.")
        return self.read(lambda connection: pages.users_of(connection, asked, part))

    def user(self, user_id: str, unit: str) -> UserDetail:
        """One user."""
        self._require_unit(unit)
        moment = self._moment()
        return self._read_fresh([user_id], lambda connection: reads.user(connection, user_id, unit, moment))

    def audit(self, asked: audit.AuditFilter, part: pages.Slice) -> Page[audit.AuditRow]:
        """A page of the audit trail."""
        return self.read(lambda connection: audit.page(connection, asked, part))

    def verify(self, progress: verify.Progress | None) -> verify.VerifyReport:
        """Check the whole ledger."""
        return self._database.verify(progress)

    def _require_unit(self, unit: str) -> None:
        if unit not in self.units:
            raise NotFound(f"There is no unit {unit}.")

    # --- what is no change of credits ------------------------------------------------------------------------------

    def write(self, ask: Callable[[Connection], T]) -> T:
        """Run a function in one transaction of the writer, and wait for it."""
        return self.writer.ask(ask).result()

    def put_user(self, user_id: str, edit: people.UserEdit) -> UserDetail:
        """Make or change a user; floor, freezing and threshold are told to the subscribers like a change."""
        check_user_id("user_id", user_id)
        self._require_unit(edit.unit)
        check_edit(edit)
        now_us, units = self._clock.now_us(), self.units
        self.writer.ask(lambda connection: people.put_user(connection, user_id, edit, now_us, units)).result()
        return self.user(user_id, edit.unit)

    def put_unit(self, name: str, scale: int | None, low_threshold: int | None, actor: Actor | None) -> Unit:
        """Make a unit, or change its scale and its threshold; every screen is told."""
        check_text("name", name, 64)
        if scale is not None:
            whole("scale", scale, low=0, high=SCALE_MOST)
        if low_threshold is not None and low_threshold is not people.UNTOUCHED:
            whole("low_threshold", low_threshold)
        now_us, by = self._clock.now_us(), actor or LIBRARY
        self.write(lambda connection: people.put_unit(connection, name, scale, low_threshold, by, now_us))
        self._read_units()
        # Not by the commit itself: whoever hears of it asks for the units, and must not get the former ones.
        told = CommittedBatch(self.epoch, [], {}, time.monotonic_ns(), anew=frozenset({EVERYBODY}))
        self._subscribers.hand_over([], told)
        return self.units[name]

    def _read_units(self) -> None:
        self.units = self.read(_units)


def _units(connection: Connection) -> dict[str, Unit]:
    return {row.name: Unit(row.name, row.scale, row.low_threshold) for row in reads.unit_rows(connection)}
