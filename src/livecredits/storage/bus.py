"""The bus over PostgreSQL: one thread with one connection, by which a process hears of the others and they of it.

Promises: what another node has committed is handed over here within `POLL_S` after it can be seen, and within
milliseconds where the doorbell works; a connection that is lost is made again, and nothing is missed meanwhile; no
writer ever waits for it. Must not know screens, nor what messages mean.

How it works: every commit leaves a row in `notices` (`notices.py`), and a message between nodes is such a row as well.
`tail.py` finds the rows of others. The doorbell (`NOTIFY`, empty) only says that it is worth looking now; it is rung
after the commit and on this connection, since inside the money transaction it would make all commits wait for each
other. Whoever does not hear it looks four times a second.

The odd thing: a node that has not looked for `LOST_US`, or finds the database on another line of history, does not
catch up: it begins at the present, and has everything read anew that it shows (`Presence.lost`). How long that was is
told by the database's clock: that of a process which was stopped, or of a machine which slept, may have stood still.
"""

from __future__ import annotations

import contextlib
import logging
import os
import selectors
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from livecredits import __version__
from livecredits.core.messages import decode as decode_message
from livecredits.core.messages import is_message
from livecredits.errors import StartRefused
from livecredits.storage import nodes, postgres_line, tail
from livecredits.storage.nodes import BEAT_S, MEMORY, POSTGRES, NodeRow

if TYPE_CHECKING:
    from psycopg import Connection

    from livecredits.core.messages import Message
    from livecredits.storage.tail import Window

_log = logging.getLogger(__name__)

CHANNEL = "livecredits"
POLL_S = 0.25
RING_S = 0.003
"""The doorbell is rung this often at most."""
WAITING_MOST = 10_000
"""Messages that wait for a connection; none of them is of use for long."""
LOST_US = 300_000_000
"""Shorter than notices are kept (`nodes.NOTICES_KEPT_US`), so that none is missed unnoticed."""
PAUSES_S = (0.05, 0.2, 0.5, 1.0)
"""Before a lost connection is made again; the last one for ever."""
STUCK_S, STUCK_AT_END_S = 10.0, 2.0
"""A turn takes milliseconds. A line on which one takes so long is cut, and made again: something in between may hold it
open and carry nothing, and libpq would wait for ever."""
WATCH_S = 0.5
HOUSE_S = 10.0
SOCKET_OPTIONS = {
    "connect_timeout": 5, "keepalives": 1, "keepalives_idle": 2, "keepalives_interval": 1, "keepalives_count": 2,
    "tcp_user_timeout": 4_000,
}  # fmt: skip
"""For the connection: a server that is gone without a word is found out in four seconds."""
# A message that a crash of the database server takes with it was for nodes that have to begin anew anyway.
PREPARE = (
    "SET application_name = 'livecredits bus'; SET synchronous_commit = off; "
    "SET default_transaction_isolation = 'read committed'; LISTEN livecredits"
)
NOT_DIRECT = (
    "A pooler stands before the database, so that the doorbell is not heard: changes of other nodes are up to 250 ms "
    "late. LIVECREDITS_LISTEN_URL names the database directly"
)
RING = f"SELECT pg_notify('{CHANNEL}', %s)"
COME = "beat"
"""Rung by who joins, drains or leaves: the others look at once who is there."""
POST = (
    f"INSERT INTO notices (node, at_us, body) SELECT %s, {nodes.NOW_US}, body FROM unnest(%s::text[]) AS body"
)
TIMELINE = "SELECT left(pg_walfile_name(pg_current_wal_lsn()), 8)"


@dataclass(frozen=True, slots=True)
class Place:
    """How a process finds the others.

    Attributes:
        name: what it is called; anew with each start.
        bus: `postgres`, or `memory` for one that hears of nobody and refuses others.
        listen_url: the database directly, where its address leads through a pooler.
    """

    name: str
    bus: str = POSTGRES
    listen_url: str | None = None


@dataclass(slots=True)
class Presence:
    """What a process is to the others beside being there; whoever serves screens fills it in. Called on any thread.

    Attributes:
        figures: what the node tells of itself with each beat: fields of its row.
        hear: takes a message, and who has sent it.
        lost: commits may have been missed.
    """

    figures: Callable[[], dict[str, Any]] = dict
    hear: Callable[[str, Message], None] = lambda _sender, _message: None
    lost: Callable[[], None] = lambda: None


def open_bus(url: str, place: Place, presence: Presence, *, on_commit: Callable[[str, int], None]) -> Bus:
    """Join the others that have a PostgreSQL database open.

    Raises:
        StartRefused: the server cannot be reached, or this node and the others could not work together.
    """
    address = place.listen_url or url
    if address != url:
        require_same(url, address)

    def connect() -> Connection[Any]:
        return postgres_line.connect(address, **SOCKET_OPTIONS)

    node = NodeRow(place.name, __version__, bus=place.bus)
    try:
        return Bus(connect, node, presence, on_commit=on_commit)
    except postgres_line.driver().Error as error:
        raise postgres_line.start_refused(address, error) from None


def require_same(url: str, listen_url: str) -> None:
    """Refuse to listen elsewhere than where changes are written: nobody there would ever tell of one.

    Raises:
        StartRefused: they are two databases, or one cannot be reached.
    """
    # The driver comes with it, which a ledger in a file does without.
    from livecredits.storage.postgres_session import epoch_of

    found = []
    for address in (url, listen_url):
        try:
            with postgres_line.connect(address) as db:
                found.append((epoch_of(db), db.execute("SELECT current_database()").fetchone()))
        except postgres_line.driver().Error as error:
            raise postgres_line.start_refused(address, error) from None
    if found[0] != found[1]:
        raise StartRefused(
            f"LIVECREDITS_LISTEN_URL leads to {postgres_line.shown(listen_url)}, which is another database than "
            f"{postgres_line.shown(url)}: it must name the same one directly, past the pooler."
        )


class Bus:
    """A process's place among the others.

    Args:
        connect: makes a connection of its own, in autocommit mode, straight to the primary.
        node: who this is.
        presence: what it is to the others.
        on_commit: called in the bus's thread with what another node has committed, and how many microseconds ago.
    """

    def __init__(
        self,
        connect: Callable[[], Connection[Any]],
        node: NodeRow,
        presence: Presence,
        *,
        on_commit: Callable[[str, int], None],
    ) -> None:
        """Join the others; from here on nothing that they commit is missed.

        Raises:
            StartRefused: this node and the others could not work together.
        """
        self.node = node
        self.others: tuple[NodeRow, ...] = ()
        """Who else is alive, as of the last beat."""
        self.conflict = ""
        """Why this node and another one cannot work together, if so."""
        self.looks = self.rings = self.heard = self.losses = self.breaks = 0
        self.lag_us = 0
        """How old the commits were that came in last: the oldest since the last beat."""
        self._follows = node.bus != MEMORY
        self._connect = connect
        self._on_commit = on_commit
        self._presence = presence
        self._window: Window | None = None
        self._timeline = ""
        self._looked_s = time.monotonic()
        self._looked_us = 0
        self._beat_due_s = self._house_due_s = 0.0
        self._oldest_us = 0
        self._outbox: list[str] = []
        self._calls: list[str] = []
        """What is to be said with the doorbell; empty strings are plain rings."""
        self._rung_s = 0.0
        self._has_news = False
        self._is_closing = False
        self._is_over = threading.Event()
        self._line: socket.socket | None = None
        self._turned_s = time.monotonic()
        with connect() as db:
            self.others = tuple(nodes.join(db, self.row()))
            self._find_place(db)
            db.execute(RING, (COME,))
        self._waker, self._bell = socket.socketpair()
        for end in (self._waker, self._bell):
            end.setblocking(False)
        self._thread = threading.Thread(target=self._run, name="livecredits-bus", daemon=True)
        self._thread.start()
        self._watch_thread = threading.Thread(target=self._watch, name="livecredits-bus-watch", daemon=True)
        self._watch_thread.start()

    # --- for everybody ---------------------------------------------------------------------------------------------

    @property
    def silent_s(self) -> float:
        """For how long this node has not been able to look; one that is alone by choice has nothing to look at."""
        return time.monotonic() - self._looked_s if self._follows else 0.0

    def row(self) -> NodeRow:
        """This node, as the others are told of it."""
        return replace(self.node, lag_us=self.lag_us, **self._presence.figures())

    def committed(self) -> None:
        """This process has committed something: ring the doorbell, if there is anybody to hear it."""
        if self.others and not self._has_news and threading.current_thread() is not self._thread:
            self._has_news = True
            self._wake()

    def tell(self, message: Message) -> None:
        """Send a message; nothing is waited for. While the database is away for long, what is new is dropped."""
        if len(self._outbox) < WAITING_MOST:
            self._outbox.append(message.encode())
            self._wake()

    def beat_soon(self) -> None:
        """What this node tells of itself has changed, and the others should know now."""
        if self._follows:
            self._calls.append(COME)
        self._beat_due_s = 0.0
        self._wake()

    def close(self) -> None:
        """Leave the others."""
        self._is_closing = True
        self._wake()
        self._thread.join()
        self._is_over.set()
        self._watch_thread.join()
        self._waker.close()
        self._bell.close()

    def _wake(self) -> None:
        with contextlib.suppress(OSError):  # so many wake-ups wait already, or it was closed meanwhile
            self._waker.send(b"\0")

    # --- the thread ------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        from psycopg import Error

        failures = 0
        while not self._is_closing:
            try:
                with self._connect() as db, self._watched(db):
                    failures = 0
                    self._attend(db)
            except Error as error:
                self.breaks += 1
                if not failures:
                    _log.warning("The connection to the other nodes was lost: %s", str(error).strip())
                self._pause(PAUSES_S[min(failures, len(PAUSES_S) - 1)])
                failures += 1
            except Exception:  # noqa: BLE001 - whatever it was, this thread must not end
                _log.exception("The bus failed, and begins anew")
                self._pause(PAUSES_S[-1])

    @contextlib.contextmanager
    def _watched(self, db: Connection[Any]) -> Iterator[None]:
        """Have the line cut where a turn takes too long."""
        self._turned_s = time.monotonic()
        # A handle of its own: by the connection's number the watch might cut what was opened after it.
        line = self._line = socket.socket(fileno=os.dup(db.fileno()))
        try:
            yield
        finally:
            self._line = None
            line.close()

    def _watch(self) -> None:
        while not self._is_over.wait(WATCH_S):
            line, most_s = self._line, STUCK_AT_END_S if self._is_closing else STUCK_S
            if line is not None and time.monotonic() > self._turned_s + most_s:
                _log.warning("The connection to the other nodes carries nothing; it is made anew")
                with contextlib.suppress(OSError):
                    line.shutdown(socket.SHUT_RDWR)

    def _pause(self, seconds: float) -> None:
        end_s = time.monotonic() + seconds
        while not self._is_closing and (left_s := end_s - time.monotonic()) > 0:
            self._sleep(left_s)

    def _attend(self, db: Connection[Any]) -> None:
        if self._follows:
            if postgres_line.is_direct(db):
                db.execute(PREPARE)
            else:  # it would be said to a session that is somebody else's a moment later: commits, not durable
                _log.warning(NOT_DIRECT)
            self._find_place(db)
        with selectors.DefaultSelector() as selector:
            selector.register(db.fileno(), selectors.EVENT_READ)
            selector.register(self._bell, selectors.EVENT_READ)
            while not self._is_closing:
                is_called = self._is_called(db)  # what came while a statement ran wakes no selector
                if not is_called:
                    selector.select(self._patience_s())
                    is_called = self._is_called(db)
                self._turned_s = time.monotonic()
                self._take_turn(db, is_called=is_called)
        self._turned_s = time.monotonic()
        nodes.leave(db, self.node.node_id)
        db.execute(RING, (COME,))

    def _patience_s(self) -> float:
        """How long to wait if nobody calls: until the next look, or until the doorbell may be rung again."""
        if not self._follows:
            return max(0.0, self._beat_due_s - time.monotonic())
        until_s = self._rung_s + RING_S if self._has_news else self._looked_s + POLL_S
        return min(max(0.0, until_s - time.monotonic()), POLL_S)

    def _is_called(self, db: Connection[Any]) -> bool:
        """Whether another node has rung the doorbell."""
        self._drain_bell()
        calls = [call for call in db.notifies(timeout=0) if call.pid != db.info.backend_pid]
        if any(call.payload == COME for call in calls):
            self._beat_due_s = 0.0
        return bool(calls)

    def _take_turn(self, db: Connection[Any], *, is_called: bool) -> None:
        now_s = time.monotonic()
        if self._follows:
            self._post(db)
            self._ring(db, now_s)
            if is_called or now_s >= self._looked_s + POLL_S:
                self._look(db)
        if now_s >= self._beat_due_s:
            self._beat(db, now_s)
        if now_s >= self._house_due_s:
            self._house_due_s = now_s + HOUSE_S
            dead = nodes.keep_house(db)
            if dead:
                _log.warning("Forgot nodes that were not seen for long: %s", ", ".join(dead))

    def _drain_bell(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self._bell.recv(4_096)

    def _sleep(self, seconds: float) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._bell, selectors.EVENT_READ)
            selector.select(seconds)
        self._drain_bell()

    # --- speaking --------------------------------------------------------------------------------------------------

    def _post(self, db: Connection[Any]) -> None:
        if not self._outbox:
            return
        count = len(self._outbox)
        db.execute(POST, (self.node.node_id, self._outbox[:count]))
        del self._outbox[:count]  # after it: what could not be sent is sent when the connection is back
        self._has_news = True

    def _ring(self, db: Connection[Any], now_s: float) -> None:
        calls, self._calls = self._calls, []
        if self._has_news and now_s >= self._rung_s + RING_S:
            self._has_news = False
            calls.append("")
        for call in dict.fromkeys(calls):
            db.execute(RING, (call,))
            self._rung_s = now_s
            self.rings += 1

    # --- hearing ---------------------------------------------------------------------------------------------------

    def _find_place(self, db: Connection[Any]) -> None:
        """Go on where the last look ended, or, where that cannot be, at the present."""
        timeline = db.execute(TIMELINE).fetchone()
        assert timeline is not None
        former, self._timeline = self._timeline, str(timeline[0])
        if self._window is None:
            self._window = tail.begin(db)
        elif former != self._timeline:
            self._begin_anew(db, "another server took over")

    def _begin_anew(self, db: Connection[Any], why: str) -> None:
        _log.warning("Commits of other nodes may have been missed (%s): everything shown is read anew", why)
        self._window, self._looked_us = tail.begin(db), 0
        self.losses += 1
        self._presence.lost()

    def _look(self, db: Connection[Any]) -> None:
        assert self._window is not None
        try:
            found = tail.look(db, self._window, own=self.node.node_id)
        except tail.WentBack as error:
            self._begin_anew(db, str(error))
            return
        silent_us, self._looked_us = found.now_us - (self._looked_us or found.now_us), found.now_us
        self._looked_s = time.monotonic()
        self.looks += 1
        if silent_us > LOST_US:
            self._begin_anew(db, f"it has not looked for {silent_us // 1_000_000} s")
            return
        self._window = found.window
        for notice in found.notices:
            age_us = max(0, found.now_us - notice.at_us)
            self._oldest_us = max(self._oldest_us, age_us)
            self._hear(notice, age_us)

    def _hear(self, notice: tail.Notice, age_us: int) -> None:
        self.heard += 1
        try:
            if not is_message(notice.body):
                self._on_commit(notice.body, age_us)
                return
            message = decode_message(notice.body)
            if message is not None and message.is_for(self.node.node_id):
                self._presence.hear(notice.node, message)
        except Exception:  # noqa: BLE001 - its fault may be a newer version's
            _log.exception("A notice of the node %s could not be understood", notice.node)
            self._presence.lost()

    # --- being seen ------------------------------------------------------------------------------------------------

    def _beat(self, db: Connection[Any], now_s: float) -> None:
        self._beat_due_s = now_s + BEAT_S
        self.lag_us, self._oldest_us = max(self._oldest_us, 0), 0
        row = self.row()
        self.others = tuple(nodes.beat(db, row))
        self._note_conflict(row)

    def _note_conflict(self, row: NodeRow) -> None:
        """Two that must not run beside each other may, where one was stopped for so long that it passed for dead."""
        former, self.conflict = self.conflict, ""
        try:
            for other in self.others:
                nodes.check_together(row, other)
        except StartRefused as refused:
            self.conflict = str(refused)
            if self.conflict != former:
                _log.critical("%s", self.conflict)
