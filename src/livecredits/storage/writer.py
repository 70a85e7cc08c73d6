"""The writer: one thread that makes everybody's changes durable, many with each commit (group commit).

Promises: changes are decided in the order in which they were submitted; a caller hears of its change only after the
commit that made it durable; one bad change refuses itself alone; after a commit whose outcome is not known the
callers hear exactly that. Must not know which database there is (`store.Store`), nor what callers do with answers.

Why it is quick: while one batch waits for the disk, the next one gathers. The whole batch then goes to the event
loop in one `call_soon_threadsafe`, which resolves the waiting callers and tells the subscribers.

The odd thing: when the database has failed for good (an I/O error), this object has too. Whether the last commit is on
the disk is then anybody's guess, and only opening the file anew can tell.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Future
from dataclasses import replace
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from livecredits.clock import Clock
from livecredits.core.changes import WELCOMER, Change, Welcome
from livecredits.errors import Draining, OutcomeUnknown, Refused, StorageFailed, StorageFull, Unavailable
from livecredits.storage.answers import CommittedBatch, Outcome, Ruling
from livecredits.storage.asides import Asides
from livecredits.storage.batch import Batch
from livecredits.storage.handover import Subscribers, Told, Waiting
from livecredits.storage.ids import Ids
from livecredits.storage.many import Many
from livecredits.storage.notices import encode
from livecredits.storage.store import Raced, Rows, Store, Undone
from livecredits.storage.warm import Warm

T = TypeVar("T")
_log = logging.getLogger(__name__)

BATCH_MOST = 500
"""Changes in one transaction: enough to share the commit, few enough that nobody waits long for it."""
WAITING_MOST = 50_000
"""Changes that may wait; more are turned away, since they would time out anyway."""
TRIES = 5
"""How often a batch is decided on fresh rows when other writers were quicker; then its changes go one by one."""
IDLE_S = 0.2
ASIDE_S = 0.02
"""When no change has come for so long, rows that wait for a ride get a commit of their own."""


class Job(Waiting):
    """A change, or what wants a transaction of its own, and who waits for it.

    The latter is a function (`ask`), a batch (`many`) or `rows` that move no credits.
    """

    __slots__ = ("ask", "change", "is_urgent", "many", "rows")

    def __init__(
        self,
        future: Any,
        loop: asyncio.AbstractEventLoop | None,
        change: Change | None = None,
        ask: Callable[[Any], Any] | None = None,
        many: Many | None = None,
        rows: Rows | None = None,
    ) -> None:
        super().__init__(future, loop)
        self.change = change
        self.ask = ask
        self.many = many
        self.rows = rows
        self.is_urgent = False


class Writer:
    """The thread and its queue. `close` ends it after what waits has been written."""

    def __init__(self, open_store: Callable[[], Store], clock: Clock, subscribers: Subscribers) -> None:
        """Start the thread; `open_store` is called in it, and what that raises is raised here."""
        self._clock = clock
        self._queue: SimpleQueue[Job | None] = SimpleQueue()
        self._subscribers = subscribers
        self._refusal: Refused | None = None
        self._warm = Warm()
        self._asides = Asides()
        self._is_refusing = False
        self.next_due_us: int | None = None
        self.nearer_due = threading.Event()
        """Set whenever `next_due_us` moves nearer; the scheduler waits on it."""
        self.on_failure: list[Callable[[Refused], None]] = []
        self.on_epoch: list[Callable[[str], None]] = []
        """Who is told, in this thread, when the database turns out to be on another line of history."""
        self.epoch = ""
        opened: Future[None] = Future()
        self._thread = threading.Thread(
            target=self._run, args=(open_store, opened), name="livecredits-writer", daemon=True
        )
        self._thread.start()
        opened.result()

    # --- for callers -----------------------------------------------------------------------------------------------

    @property
    def failure(self) -> Refused | None:
        """Why nothing is written any more, if so."""
        return self._refusal

    def submit_from_loop(self, change: Change) -> asyncio.Future[Outcome]:
        """Queue a change; the future belongs to the running loop. Raises `Unavailable` where nothing is taken."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Outcome] = loop.create_future()
        self._put(Job(future, loop, change))
        return future

    def submit(self, change: Change) -> Future[Outcome]:
        """Queue a change of a thread; the future is resolved in the writer's thread."""
        future: Future[Outcome] = Future()
        self._put(Job(future, None, change))
        return future

    def submit_many(self, many: Many) -> Future[list[Ruling]]:
        """Queue changes of a thread that share a transaction of their own."""
        future: Future[list[Ruling]] = Future()
        self._put(Job(future, None, many=many))
        return future

    def ask(self, ask: Callable[[Any], T]) -> Future[T]:
        """Queue a function that gets a SQLAlchemy connection in a transaction of its own."""
        future: Future[T] = Future()
        self._put(Job(future, None, ask=ask))
        return future

    def note(self, rows: Rows, *, urgent: bool = False) -> Future[None]:
        """Queue rows of the broadcast log; they go along with other commits unless somebody waits for them."""
        future: Future[None] = Future()
        job = Job(future, None, rows=rows)
        job.is_urgent = urgent
        self._put(job)
        return future

    def _put(self, job: Job) -> None:
        if self._refusal is not None:
            raise type(self._refusal)(self._refusal.detail)
        if self._queue.qsize() >= WAITING_MOST:
            raise Unavailable("Too many changes are waiting; try again with the same key.", retry_after_s=1)
        self._queue.put(job)

    def close(self) -> None:
        """Write what waits, leave the file tidy, end the thread. Later changes are refused as draining."""
        if self._refusal is None:
            self._refusal = Draining("This process is stopping.")
        self._queue.put(None)
        self._thread.join()

    # --- the thread ------------------------------------------------------------------------------------------------

    def _run(self, open_store: Callable[[], Store], opened: Future[None]) -> None:
        store: Store | None = None
        try:
            self._store = store = open_store()
            self._ids = Ids(store.newest_entry_id())
            self.epoch = store.epoch()
            self.next_due_us = store.next_due_us()
        except BaseException as error:  # noqa: BLE001 - it is raised to the opener
            if store is not None:
                with contextlib.suppress(Exception):
                    store.close()
            opened.set_exception(error)
            return
        opened.set_result(None)
        is_open = True
        while is_open:
            jobs, is_open = self._next_jobs()
            self._write(jobs)
        self._write_asides()
        self._refuse_the_rest()
        with contextlib.suppress(Exception):
            store.close()

    def _next_jobs(self) -> tuple[list[Job], bool]:
        """Wait for somebody, then take whoever waits."""
        jobs: list[Job] = []
        job = self._wait()
        while job is not None:
            jobs.append(job)
            if len(jobs) >= BATCH_MOST:
                return jobs, True
            try:
                job = self._queue.get_nowait()
            except Empty:
                return jobs, True
        return jobs, False

    def _wait(self) -> Job | None:
        """The next job; None is the sign to end. Housekeeping is done while nobody comes."""
        if self._asides:
            with contextlib.suppress(Empty):
                return self._queue.get(timeout=ASIDE_S)
            self._write_asides()
        is_tidy = False
        while not is_tidy:
            with contextlib.suppress(Empty):
                return self._queue.get(timeout=IDLE_S)
            is_tidy = self._store.tidy(idle=True)
        return self._queue.get()

    def _refuse_the_rest(self) -> None:
        with contextlib.suppress(Empty):
            while True:
                job = self._queue.get_nowait()
                if job is not None:
                    job.outcome = Draining("This process is stopping.")
                    self._subscribers.hand_over([job])

    def _write(self, jobs: Sequence[Job]) -> None:
        """Write jobs in their order: runs of changes in one transaction each, all else in one of its own."""
        run: list[Job] = []
        for job in jobs:
            if job.change is not None:
                run.append(job)
                continue
            if job.rows is not None and not job.is_urgent:
                self._asides.add(job, job.rows)
                continue
            self._write_run(run)
            run = []
            self._write_one(job)
        self._write_run(run)

    def _write_asides(self) -> None:
        """Write what waits for a ride that does not come."""
        while self._asides:
            self._write_one(self._asides.pop())

    def _write_run(self, jobs: Sequence[Job]) -> None:
        if not jobs:
            return
        try:
            committed = self._decided_anew(lambda: self._commit_changes(jobs))
        except Refused as error:
            self._give_up(jobs, error)
            return
        except Exception as error:  # noqa: BLE001 - it is the caller's, or nobody's
            self._undo()
            if self._asides:  # it may be theirs
                self._write_asides()
                self._write_run(jobs)
            elif len(jobs) > 1:
                _log.warning(
                    "A batch of %d changes failed and is written one by one", len(jobs), exc_info=True
                )
                for job in jobs:
                    self._write_run([job])
            else:
                jobs[0].outcome = _overtaken() if isinstance(error, Raced) else error
                self._subscribers.hand_over(jobs)
            return
        told = committed if committed.states or committed.lists else None
        self._subscribers.hand_over([*jobs, *self._asides.done()], told)
        self._store.tidy(idle=False)

    def _decided_anew(self, write: Callable[[], T]) -> T:
        """Run a transaction; where another writer was quicker, again, on rows as they are then."""
        for _ in range(TRIES - 1):
            try:
                return write()
            except Raced:
                self._undo()
        return write()

    def _commit_changes(self, jobs: Sequence[Job]) -> CommittedBatch:
        if self._refusal is not None and isinstance(self._refusal, StorageFailed):
            raise StorageFailed(self._refusal.detail)
        self._begin()
        batch, _ = self._new_batch()
        outcomes = batch.decide_all([job.change for job in jobs if job.change is not None])
        batch.finish()
        along = self._asides.some(len(jobs))
        if along is not None:
            self._store.save(along)
        committed = self._commit_batch(batch)
        for job, outcome in zip(jobs, outcomes, strict=True):
            job.outcome = outcome
        return committed

    def _new_batch(self) -> tuple[Batch, int]:
        now_us = self._clock.now_us()
        self._ids.at(now_us)
        return Batch(self._store, self._ids, now_us, self.epoch, self.next_due_us, self._warm), now_us

    def _begin(self, *, alone: bool = False) -> None:
        self._store.begin(alone=alone)
        if not self._store.is_alone and self._store.epoch() != self.epoch:
            self.epoch = self._store.epoch()
            for tell in self.on_epoch:
                tell(self.epoch)

    def _commit_batch(self, batch: Batch) -> CommittedBatch:
        news = CommittedBatch(
            self.epoch, batch.states(), batch.lists, 0, batch.entries, due_us=batch.next_due_us
        )
        return self._commit_news(news, batch)

    def _commit_news(
        self, news: CommittedBatch, batch: Batch | None, elsewhere: frozenset[str] = frozenset()
    ) -> CommittedBatch:
        """Commit, leaving word for other nodes in the same transaction; `elsewhere` is news for them alone."""
        if not self._store.is_alone:
            told = replace(news, anew=news.anew | elsewhere)
            if told.states or told.lists or told.signed_out or told.anew:
                self._store.tell(encode(told))
        self._commit()
        if batch is not None:
            batch.keep_warm()
            self._move_due(batch.next_due_us)
        return replace(news, committed_monotonic_ns=time.monotonic_ns())

    def _commit(self) -> None:
        try:
            self._store.commit()
        except (StorageFull, Raced):
            raise
        except Undone as undone:
            raise undone.why from undone
        except Exception as error:
            # A file that failed so has failed for good; a server comes back.
            again = {} if self._store.is_alone else {"retry_after_s": 1}
            unknown = OutcomeUnknown(
                "It is not known whether the change was made; ask again with the same key.", **again
            )
            unknown.__cause__ = error
            raise unknown from error
        self._is_refusing = False

    def _undo(self) -> None:
        self._store.rollback()
        self._asides.undone()
        self._warm.forget()

    def learn_due(self, due_us: int) -> None:
        """Another node's commit left something that is due then; any thread may tell."""
        if self.next_due_us is None or due_us < self.next_due_us:
            self._move_due(due_us)

    def _move_due(self, next_due_us: int | None) -> None:
        former, self.next_due_us = self.next_due_us, next_due_us
        if next_due_us is not None and (former is None or next_due_us < former):
            self.nearer_due.set()

    def _write_one(self, job: Job) -> None:
        """Run a function, or write a batch, in a transaction of its own."""
        committed = None
        try:
            if isinstance(self._refusal, StorageFailed):
                raise StorageFailed(self._refusal.detail)
            committed = self._decided_anew(lambda: self._write_job(job))
        except Unavailable as error:
            self._give_up([job], error)
            return
        except Raced:
            self._give_up([job], _overtaken())
            return
        except BaseException as error:  # noqa: BLE001 - it is the caller's
            self._undo()
            job.outcome = error
        self._subscribers.hand_over([job], committed)
        self._store.tidy(idle=False)

    def _write_job(self, job: Job) -> CommittedBatch | None:
        self._begin(alone=job.ask is not None)
        if job.many is not None:
            return self._write_many(job, job.many)
        if job.rows is None:
            return self._run_asked(job)
        self._store.save(job.rows)
        self._commit()
        return None

    def _run_asked(self, job: Job) -> CommittedBatch | None:
        assert job.ask is not None
        self._warm.forget()  # it may write to accounts
        job.outcome = self._store.run(job.ask)
        if not isinstance(job.outcome, Told):
            self._commit()
            return None
        told, job.outcome = job.outcome, job.outcome.result
        welcomed = self._welcome(told.newcomers) if told.newcomers else None
        given = welcomed.states() if welcomed else []
        states = {(state.user_id, state.unit): state for state in (*told.states, *given)}
        lists = {user_id: set(names) for user_id, names in told.lists.items()}
        for user_id, names in welcomed.lists.items() if welcomed else ():
            lists.setdefault(user_id, set()).update(names)
        anew = frozenset(state.user_id for state in told.states)
        entries = welcomed.entries if welcomed else ()
        due_us = welcomed.next_due_us if welcomed else None
        news = CommittedBatch(
            self.epoch, list(states.values()), lists, 0, entries, told.signed_out, anew, due_us
        )
        committed = self._commit_news(news, welcomed, told.elsewhere)
        if told.is_erasure:
            self._store.empty_log()
        return committed

    def _welcome(self, newcomers: Collection[str]) -> Batch | None:
        """Give new users what there is for them, in the transaction that made them."""
        if not self._store.has_welcomes():
            return None
        batch, _ = self._new_batch()
        batch.decide_all([Welcome(user_id=user_id, actor=WELCOMER) for user_id in sorted(newcomers)])
        batch.finish()
        return batch

    def _write_many(self, job: Job, many: Many) -> CommittedBatch | None:
        batch, now_us = self._new_batch()
        job.outcome = rulings = many.decide(batch)
        if not many.is_kept(rulings):
            self._store.rollback()  # and no more: what is in memory is as the last commit left it
            return None
        many.finish(self._store, batch, rulings, now_us)
        return self._commit_batch(batch)

    def _give_up(self, jobs: Sequence[Job], error: Refused) -> None:
        """Tell a batch that the database did not take it; if it failed for good, so has this object."""
        self._undo()
        cause = error.__cause__
        failed = error if isinstance(error, StorageFailed) else cause
        if isinstance(failed, StorageFailed) and not isinstance(self._refusal, StorageFailed):
            self._refusal = failed
            _log.critical("The database has failed for good: %s", failed.detail)
            for tell in self.on_failure:
                tell(failed)
        if cause is not None and not self._is_refusing:
            _log.warning("The database takes no changes just now: %s", " ".join(str(cause).split()))
        self._is_refusing = True
        # Rows that wait for a ride are their owner's again, who bounds them.
        told: list[Waiting] = [*jobs]
        while self._asides:
            told.append(self._asides.pop())
        for waiting in told:
            waiting.outcome = type(error)(error.detail, **error.extra)
        self._subscribers.hand_over(told)


def _overtaken() -> Unavailable:
    return Unavailable("Others keep changing the same rows; try again with the same key.", retry_after_s=1)
