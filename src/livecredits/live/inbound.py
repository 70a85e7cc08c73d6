"""What a client may send on our WebSocket, after the handshake: RFC 6455 frames, small, masked, mostly none.

Promises: every violation ends in the close code that RFC 6455 section 7.4.1 has for it; nothing is kept between two
frames but an unfinished one; a message is text of at most 4 KiB, in one frame or several.
Must not know: what the messages say, screens, the loop.
The odd thing: single frames are parsed by `websockets` (`Frame.parse`), only their order is judged here, because the
library's connection object costs 5 KiB for as long as a screen is open. A test feeds both the same bytes and holds
them to the same answers.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import TYPE_CHECKING

from websockets.exceptions import PayloadTooBig, ProtocolError
from websockets.frames import Close as CloseFrame
from websockets.frames import Frame, Opcode

from livecredits.core.wire import MAX_FRAME_BYTES, Close

if TYPE_CHECKING:
    from collections.abc import Iterator

BAD_FRAME = Close(1002, "protocol_error", "The bytes are not RFC 6455.")
NOT_TEXT = Close(1003, "unsupported_data", "Frames are text.")
NOT_UTF8 = Close(1007, "invalid_data", "Text is UTF-8.")
TOO_BIG = Close(1009, "too_big", f"A message has at most {MAX_FRAME_BYTES} bytes.")


class Violation(Exception):
    """The client broke RFC 6455; `verdict` says how."""

    def __init__(self, verdict: Close) -> None:
        super().__init__(verdict.reason)
        self.verdict = verdict


class _Short(Exception):
    """The buffer ends within a frame."""


class Inbound:
    """Turns bytes into messages; one per connection, and small.

    Attributes:
        rest: the bytes of an unfinished frame.
        message: the parts so far of an unfinished message; None between messages.
    """

    __slots__ = ("message", "rest")

    def __init__(self) -> None:
        self.rest = b""
        self.message: bytes | None = None

    def feed(self, data: bytes) -> Iterator[tuple[Opcode, bytes]]:
        """Take bytes in.

        Returns:
            What is whole: (TEXT, message), (PING, payload), (PONG, payload), (CLOSE, code to echo or nothing).

        Raises:
            Violation: after all that was right before it.
        """
        buffer = self.rest + data if self.rest else data
        self.rest = b""
        at = 0
        while at < len(buffer):
            try:
                frame, at = _next_frame(buffer, at)
            except _Short:
                self.rest = buffer[at:]
                return
            except PayloadTooBig:
                raise Violation(TOO_BIG) from None
            except ProtocolError as error:
                raise Violation(BAD_FRAME.because(f"{str(error).capitalize()}.")) from None
            whole = self._judge(frame)
            if whole is not None:
                yield whole

    def _judge(self, frame: Frame) -> tuple[Opcode, bytes] | None:
        opcode, data = frame.opcode, bytes(frame.data)
        if opcode is Opcode.TEXT or opcode is Opcode.CONT:
            return self._join(frame, data)
        if opcode is Opcode.BINARY:
            raise Violation(
                NOT_TEXT if self.message is None else BAD_FRAME.because("Expected a continuation frame.")
            )
        if opcode is Opcode.CLOSE:
            echo = _echo(data)
            if self.message is not None:
                raise Violation(BAD_FRAME.because("A message was left unfinished."))
            return opcode, echo
        return opcode, data

    def _join(self, frame: Frame, data: bytes) -> tuple[Opcode, bytes] | None:
        is_next = frame.opcode is Opcode.CONT
        if is_next == (self.message is None):
            raise Violation(BAD_FRAME.because("A continuation without a start, or a start within a message."))
        message = (self.message or b"") + data
        if len(message) > MAX_FRAME_BYTES:
            raise Violation(TOO_BIG)
        if not frame.fin:
            self.message = message
            return None
        self.message = None
        try:
            message.decode()
        except UnicodeDecodeError:
            raise Violation(NOT_UTF8) from None
        return Opcode.TEXT, message


def _next_frame(buffer: bytes, at: int) -> tuple[Frame, int]:
    """One frame from `at` on, and where the next one begins."""

    def read_exact(size: int) -> Generator[None, None, bytes]:
        nonlocal at
        if at + size > len(buffer):
            raise _Short
        at += size
        yield from ()  # a generator, as `Frame.parse` wants it, that never waits
        return buffer[at - size : at]

    return _run(lambda: Frame.parse(read_exact, mask=True, max_size=MAX_FRAME_BYTES)), at


def _run(parse: Callable[[], Generator[None, None, Frame]]) -> Frame:
    try:
        next(parse())
    except StopIteration as end:
        frame: Frame = end.value
        return frame
    raise AssertionError("read_exact never waits")


def _echo(data: bytes) -> bytes:
    """The close code to answer with, judged as RFC 6455 section 7.4 does."""
    try:
        CloseFrame.parse(data)
    except ProtocolError as error:
        raise Violation(BAD_FRAME.because(f"{str(error).capitalize()}.")) from None
    except UnicodeDecodeError:
        raise Violation(NOT_UTF8) from None
    return data[:2]
