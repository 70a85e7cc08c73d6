"""Many statements for one wait: they go out one behind the other, and what they give is waited for once.

Promises: statements are run in their order, and one that the server refuses stops those behind it, COMMIT among them;
which one it was is told, so that a refusal before COMMIT is never taken for a COMMIT that got lost. Where the line is
direct, a statement is parsed once. Must not know what statements say, nor what their refusals mean.

The odd thing: it stands on libpq itself (`psycopg.pq`), and psycopg's cursors are for what comes rarely. Their way
through a pipeline took a third of the writer's processor time; and each wait is a chance for the event loop to keep the
interpreter for milliseconds, so there had better be one than a dozen.
"""

from __future__ import annotations

import contextlib
import select
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from psycopg import DataError, OperationalError, pq
from psycopg.adapt import Transformer
from psycopg.errors import error_from_result

if TYPE_CHECKING:
    from psycopg import Connection, Error
    from psycopg.pq.abc import PGresult

Value = str | int | None
_SYNC = pq.ExecStatus.PIPELINE_SYNC
_DONE = (pq.ExecStatus.COMMAND_OK, pq.ExecStatus.TUPLES_OK)
_REFUSED = pq.ExecStatus.FATAL_ERROR
_IS_OFF = pq.PipelineStatus.OFF
_STATE = pq.DiagnosticField.SQLSTATE


@dataclass(frozen=True, slots=True)
class Statement:
    """What is asked, and who takes what it gives.

    Attributes:
        text: with `$1` for the first value.
        values: as many.
        take: is given the rows.
        count: is given how many rows were changed.
    """

    text: str
    values: Sequence[Value] = ()
    take: Callable[[list[Any]], None] | None = None
    count: Callable[[int], None] | None = None


class Refusal(NamedTuple):
    """What the server refused first, and why; nothing behind it was run."""

    statement: Statement | _Preparation
    error: Error


class _Preparation(NamedTuple):
    text: str


class Pipe:
    """One connection, of one thread."""

    def __init__(self, connection: Connection[Any], *, prepares: bool) -> None:
        """Stand on a connection; `prepares`: what was sent once is known to the server from then on."""
        self._connection = connection
        self._pg = connection.pgconn
        self._loading = Transformer.from_context(connection)
        self._prepares = prepares
        self._names: dict[str, bytes] = {}
        self._counter = 0
        self._sent: list[Statement | _Preparation] = []
        """Since the last wait."""
        self._poll = select.poll()
        self._poll.register(self._pg.socket, select.POLLIN)

    def put(self, statement: Statement) -> None:
        """Send a statement, at the latest with `flush` or `wait`.

        Raises:
            psycopg.DataError: a value cannot be sent.
            psycopg.OperationalError: the connection is broken.
        """
        pg, text = self._pg, statement.text
        values = [_spelled(value) for value in statement.values]
        if pg.pipeline_status == _IS_OFF:
            pg.enter_pipeline_mode()
        if self._prepares:
            pg.send_query_prepared(self._names.get(text) or self._prepare(text), values)
        else:
            pg.send_query_params(text.encode(), values)
        self._sent.append(statement)

    def _prepare(self, text: str) -> bytes:
        self._counter += 1
        name = f"livecredits_{self._counter}".encode()
        self._pg.send_prepare(name, text.encode())
        self._names[text] = name
        self._sent.append(_Preparation(text))
        return name

    def flush(self) -> None:
        """Let go what was put, as far as it does not have to wait for that."""
        self._pg.flush()

    def wait(self) -> Refusal | None:
        """Wait for all that was put, and hand out what it gives.

        Raises:
            psycopg.OperationalError: the connection broke, and how far the server came is not known.
        """
        sent, self._sent = self._sent, []
        if not sent:
            return None
        try:
            self._pg.pipeline_sync()
            results = self._results()
            if self._pg.status == pq.ConnStatus.OK:
                self._pg.exit_pipeline_mode()
        finally:
            if self._pg.pipeline_status != _IS_OFF:
                self._connection.close()  # it stands in the middle of something
        return self._hand_out(sent, results)

    def abandon(self) -> None:
        """Wait for what was put, and make nothing of it."""
        self._sent = [one if isinstance(one, _Preparation) else Statement(one.text) for one in self._sent]
        self.wait()

    # --- waiting ---------------------------------------------------------------------------------------------------

    def _results(self) -> list[PGresult]:
        """What each message came to, as far as it was answered before the server ended the session."""
        results: list[PGresult] = []
        try:
            while not self._take(results):
                self._await_more()
        except OperationalError:
            with contextlib.suppress(OperationalError):
                self._take(results)  # what had come in before
            # A server that ends a session says so, and runs nothing that was sent behind.
            if all(result.status != _REFUSED for result in results):
                raise
        return results

    def _take(self, results: list[PGresult]) -> bool:
        """Take what has come in; says whether that was the last of it."""
        is_between = False
        while not self._pg.is_busy():
            result = self._pg.get_result()
            if result is None and is_between:
                raise OperationalError("the server has stopped answering")
            is_between = result is None
            if result is None:
                continue
            if result.status == _SYNC:
                return True
            if result.status == _REFUSED and not result.error_field(_STATE):
                raise OperationalError("the connection was lost")
            results.append(result)
        return False

    def _await_more(self) -> None:
        pg = self._pg
        while pg.flush():
            self._poll.modify(pg.socket, select.POLLIN | select.POLLOUT)
            self._poll.poll()
            self._poll.modify(pg.socket, select.POLLIN)
            pg.consume_input()  # the server reads no more until we do
        if pg.is_busy():  # sending may have read the last of it: then nothing more comes
            self._poll.poll()
            pg.consume_input()

    def _hand_out(
        self, sent: Sequence[Statement | _Preparation], results: Sequence[PGresult]
    ) -> Refusal | None:
        refusal: Refusal | None = None
        for place, statement in enumerate(sent):
            result = results[place] if place < len(results) else None
            if result is not None and result.status in _DONE:
                if isinstance(statement, Statement):
                    self._give(statement, result)
                continue
            if isinstance(statement, _Preparation):
                del self._names[statement.text]
            if refusal is None and result is not None:
                refusal = Refusal(statement, error_from_result(result))
        return refusal

    def _give(self, statement: Statement, result: PGresult) -> None:
        if statement.take is not None:
            self._loading.set_pgresult(result)
            statement.take(self._loading.load_rows(0, result.ntuples, tuple))
        if statement.count is not None:
            statement.count(result.command_tuples or 0)


def _spelled(value: Value) -> bytes | None:
    if value is None:
        return None
    spelled = value.encode() if isinstance(value, str) else str(value).encode()
    if b"\0" in spelled:
        raise DataError("PostgreSQL's texts cannot contain a NUL character")
    return spelled
