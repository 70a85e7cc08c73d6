"""PostgreSQL: a writer's connection and its transactions.

Promises: a transaction needs two waits where it can: what is asked first goes out with BEGIN, what is written goes out
while the writer still works, and COMMIT behind it. A refusal before COMMIT is told as what it is (`Undone`), a COMMIT
whose answer did not come is not. A transaction holds the ledger's lock shared, a function of its own transaction holds
it alone, so that such a function meets what SQLite's one writer would show it. Must not know tables of the ledger.

The odd things: a connection that turns out to be dead is replaced by the next BEGIN, and since nothing had been asked,
the batch is just decided anew (`Raced`). And where a pooler stands in between, settings are made in each transaction
(SET LOCAL), because it forgets plain SET; on a direct line they are made once.
"""

from __future__ import annotations

import contextlib
import hashlib
import time
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import psycopg

from livecredits.clock import Clock, why_off
from livecredits.errors import Unavailable
from livecredits.storage import postgres_line
from livecredits.storage.postgres_line import meaning, told_apart
from livecredits.storage.postgres_pipe import Pipe, Statement, Value
from livecredits.storage.store import Raced, Undone

T = TypeVar("T")

_IDLE = psycopg.pq.TransactionStatus.IDLE
_OPEN = (psycopg.pq.TransactionStatus.INTRANS, psycopg.pq.TransactionStatus.INERROR)
LEDGER_LOCK = 0x6C63_0001
"""The number of the advisory lock: shared by whoever moves credits, held alone by functions of their own."""
BOUNDS_MS = {
    "lock_timeout": 10_000,
    "idle_in_transaction_session_timeout": 30_000,
    "statement_timeout": 30_000,
}
"""Longest wait for a lock, longest pause inside a transaction, longest statement: a process that was stopped in the
middle of one must not keep everybody else waiting for ever. A batch of 10,000 rows is decided in a second or two."""
SETTINGS = {
    **{name: str(most) for name, most in BOUNDS_MS.items()},
    **dict.fromkeys(
        ("enable_seqscan", "enable_hashjoin", "enable_mergejoin", "enable_memoize", "jit"), "off"
    ),
    "plan_cache_mode": "force_generic_plan",
    "array_nulls": "on",  # else a NULL in an array that is spelled out is a text
}
"""Bounds, one plan for each statement whatever it is asked for (the one that reads by index), and what a role or a
database may have set otherwise."""

PLANS_LAST_S = 10.0
"""A plan was made for tables as large as they were then; later the server is asked to plan anew."""
FORGET_PLANS = "DISCARD PLANS"
BEGIN = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"
"""Whatever the defaults of the role and of the database are."""
SET_UP = "SELECT " + ", ".join(f"set_config('{name}', '{value}', $1)" for name, value in SETTINGS.items())
"""For one transaction or for the session."""
LOCK_LEDGER = f"SELECT pg_advisory_xact_lock_shared({LEDGER_LOCK})"
LOCK_LEDGER_ALONE = f"SELECT pg_advisory_xact_lock({LEDGER_LOCK})"
LOOK_AROUND = (
    "SELECT (SELECT json_object_agg(name, low_threshold) FROM units WHERE low_threshold IS NOT NULL), "
    "EXISTS (SELECT FROM campaigns WHERE welcome = 1), (extract(epoch FROM clock_timestamp()) * 1000000)::bigint"
)
"""What every batch needs of the tables that only functions of their own transaction write, and the server's time."""
EPOCH = (
    "SELECT value, (SELECT system_identifier FROM pg_control_system()), "
    "left(pg_walfile_name(pg_current_wal_lsn()), 8) FROM meta WHERE name = 'epoch'"
)
"""Our own mark, which server it is, and its timeline: a standby that takes over begins a new one."""
TELL = (
    "INSERT INTO notices (node, at_us, body) "
    "VALUES ($1, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint, $2)"
)


class WrongClock(Exception):
    """This machine's time is not the server's."""


class Session:
    """What `PostgresStore` does with its transactions; `store.Store` says what each public method promises."""

    is_alone = False

    def __init__(self, url: str, node: str = "", clock: Clock | None = None) -> None:
        """Connect; what psycopg raises then is the opener's to tell.

        Args:
            url: the database.
            node: signs what is told to others.
            clock: the machine's. Where it is far from the server's nothing is written: a node that is ahead would
                expire what is not over yet, for everybody.
        """
        self._clock = clock
        self._clock_fault = ""
        self._url = url
        self._node = node
        self._epoch = ""
        self._word: str | None = None
        self._engine: Any = None
        self._low_thresholds: dict[str, int] = {}
        self._has_welcomes = False
        self._is_alone = False
        self._plans_end_s = 0.0
        self._waiting: list[Statement] = []
        """What goes out with the next question."""
        self._is_fresh = False
        """Whether the server has been asked nothing yet in this transaction."""
        self._must_hit = False
        """Whether something was put whose count has to be seen before COMMIT."""
        self._db = self._connect()

    def _connect(self) -> psycopg.Connection[Any]:
        db = postgres_line.connect(self._url, postgres_line.lent())
        try:
            self._get_to_know(db)
        except BaseException:  # a pooler takes everybody in, and says later that there is no server
            db.close()
            raise
        if self._engine is not None:
            self._engine.dispose()
            self._engine = None
        return db

    def _get_to_know(self, db: psycopg.Connection[Any]) -> None:
        self._is_direct = postgres_line.is_direct(db)
        self._pipe = Pipe(db, prepares=self._is_direct)
        self._epoch = epoch_of(db)
        if self._is_direct:
            self._pipe.put(Statement(SET_UP, ("false",)))
            self._pipe.wait()

    def epoch(self) -> str:
        """The identity of the database's line of history."""
        return self._epoch

    def low_threshold(self, unit: str) -> int | None:
        """At or below how many available credits an account of this unit is low."""
        return self._low_thresholds.get(unit)

    def has_welcomes(self) -> bool:
        """Whether new users may be given anything."""
        return self._has_welcomes

    # --- asking ----------------------------------------------------------------------------------------------------

    def _ask(self, *statements: Statement) -> None:
        """Put what waits and these to the server, and wait for what all of them give."""
        with told_apart():
            is_fresh, self._is_fresh = self._is_fresh, False
            try:
                self._put(*statements)
                refusal = self._pipe.wait()
                if refusal is not None:
                    raise refusal.error
            except psycopg.OperationalError as error:
                if is_fresh and self._db.closed:
                    raise Raced("the connection had been lost") from error
                raise
            self._must_hit = False
            if self._clock_fault:
                raise Unavailable(
                    self._clock_fault, retry_after_s=postgres_line.RETRY_AFTER_S
                ) from WrongClock(self._clock_fault)

    def _put(self, *statements: Statement) -> None:
        waiting, self._waiting = self._waiting, []
        for statement in (*waiting, *statements):
            self._pipe.put(statement)

    def _begin_with(self, statements: Iterable[Statement]) -> None:
        """Let the server begin with statements whose answers are waited for later."""
        if self._is_fresh:
            self._waiting.extend(statements)
            return
        with told_apart():
            self._put(*statements)
            self._pipe.flush()

    def _found(self, text: str, *values: Value) -> list[Any]:
        found: list[Any] = []
        self._ask(Statement(text, values, take=found.extend))
        return found

    # --- the transaction -------------------------------------------------------------------------------------------

    def begin(self, *, alone: bool = False) -> None:
        """Begin with the first question; one that is `alone` begins here, and waits for its turn."""
        with told_apart():
            if self._db.closed:
                self._db = self._connect()
        self._is_alone, self._is_fresh = alone, True
        self._waiting = [
            Statement(BEGIN),
            # Not before: what goes out together is one transaction from its first statement on.
            *self._plans_forgotten(),
            *([] if self._is_direct else [Statement(SET_UP, ("true",))]),
            Statement(LOCK_LEDGER_ALONE if alone else LOCK_LEDGER),
            Statement(LOOK_AROUND, take=self._look_around),
        ]
        if alone:
            self._ask()

    def _plans_forgotten(self) -> list[Statement]:
        now_s = time.monotonic()
        if not self._is_direct or now_s < self._plans_end_s:
            return []
        self._plans_end_s = now_s + PLANS_LAST_S
        return [Statement(FORGET_PLANS)]

    def _look_around(self, found: list[Any]) -> None:
        ((thresholds, self._has_welcomes, server_us),) = found
        self._low_thresholds = thresholds or {}
        self._clock_fault = "" if self._clock is None else why_off(server_us, self._clock.now_us())

    def tell(self, word: str) -> None:
        """Leave word; it is sent with the commit."""
        self._word = word

    def commit(self) -> None:
        """Commit what was written; raises `Undone` where it certainly was not made."""
        word, self._word = self._word, None
        if word is not None:
            self._waiting.append(Statement(TELL, (self._node, word)))
        commit = Statement("COMMIT")
        try:
            if self._is_fresh or self._must_hit:
                self._ask()
            with told_apart():
                self._put()
        except Exception as error:
            raise Undone(error) from error
        with told_apart():
            self._pipe.put(commit)
            refusal = self._pipe.wait()
            if refusal is not None and refusal.statement is commit:
                raise refusal.error
        if refusal is not None:
            raise Undone(meaning(refusal.error)) from refusal.error

    def rollback(self) -> None:
        """Undo; a connection that broke has been undone by the server."""
        self._waiting, self._word, self._must_hit = [], None, False
        with contextlib.suppress(psycopg.Error):
            self._pipe.abandon()
            if self._db.info.transaction_status in _OPEN:
                self._pipe.put(Statement("ROLLBACK"))
                self._pipe.wait()
        if self._db.info.transaction_status != _IDLE:  # cut in the middle of something: not worth mending
            self._db.close()

    def run(self, ask: Callable[[Any], T]) -> T:
        """Call `ask` with a SQLAlchemy connection that stands on the writer's own."""
        self._ask()
        if self._engine is None:
            from sqlalchemy import StaticPool, create_engine

            self._engine = create_engine(
                "postgresql+psycopg://",
                creator=lambda: self._db,
                poolclass=StaticPool,
                use_native_hstore=False,
            )
        with told_apart(alone=self._is_alone), self._engine.connect() as connection:
            result = ask(connection)
        self._ask(Statement(LOOK_AROUND, take=self._look_around))
        return result

    # --- housekeeping ----------------------------------------------------------------------------------------------

    def tidy(self, *, idle: bool) -> bool:
        """Nothing: the server keeps house itself."""
        return True

    def empty_log(self) -> None:
        """Nothing: the server's log is its own, and goes by its rules of retention."""

    def close(self) -> None:
        """Undo what is open, and hang up."""
        self.rollback()
        self._db.close()


def epoch_of(connection: Any) -> str:
    """The identity of a database's line of history, asked of psycopg's connection or SQLAlchemy's."""
    ask = getattr(connection, "exec_driver_sql", connection.execute)
    place = " ".join(map(str, ask(EPOCH).fetchone()))
    return f"ep_{hashlib.sha256(place.encode()).hexdigest()[:16]}"
