"""Our order of frames against the library's: the same bytes, the same messages, the same verdict."""

from __future__ import annotations

from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.live.raw import BINARY, CLOSE, CONT, PING, PONG, TEXT, frame
from websockets.frames import Frame, Opcode
from websockets.protocol import OPEN
from websockets.server import ServerProtocol

from livecredits.live.inbound import Inbound, Violation

PAYLOAD = st.one_of(
    st.binary(max_size=130),
    st.text(max_size=40).map(str.encode),
    st.just(b"\xc3"),
    st.just(b"\xb6"),
    st.sampled_from([b"x" * n for n in (125, 126, 127, 2000, 4096, 4097)]),
    st.sampled_from(
        [(n).to_bytes(2, "big") + b"bye" for n in (999, 1000, 1001, 1004, 1005, 1012, 3000, 4999, 5000)]
    ),
)
FRAMES = st.lists(
    st.builds(
        frame,
        st.sampled_from([TEXT, TEXT, CONT, CONT, BINARY, PING, PONG, CLOSE, 3, 11]),
        PAYLOAD,
        fin=st.sampled_from([True, True, True, False]),
        masked=st.sampled_from([True] * 9 + [False]),
        rsv=st.sampled_from([0] * 15 + [1, 2, 4]),
    ),
    max_size=8,
)


def ours(chunks: list[bytes]) -> tuple[list[tuple[int, bytes]], int | None]:
    """Messages and pings in order, and the close code; PONGs are signs of life on both sides."""
    inbound = Inbound()
    seen: list[tuple[int, bytes]] = []
    for chunk in chunks:
        try:
            for opcode, payload in inbound.feed(chunk):
                if opcode is Opcode.CLOSE:
                    return seen, int.from_bytes(payload, "big") if payload else 1005
                seen.append((int(opcode), payload))
        except Violation as violation:
            return seen, violation.verdict.code
    return seen, None


def theirs(chunks: list[bytes], max_size: int | None = 4096) -> tuple[list[tuple[int, bytes]], int | None]:
    """The same of the library, with the message put together as its own connection does."""
    protocol = ServerProtocol(state=OPEN, max_size=max_size)
    seen: list[tuple[int, bytes]] = []
    message = b""
    for chunk in chunks:
        protocol.receive_data(chunk)
        for event in protocol.events_received():
            assert isinstance(event, Frame)
            data = bytes(event.data)
            if event.opcode in {Opcode.PING, Opcode.PONG}:
                seen.append((int(event.opcode), data))
            elif event.opcode is Opcode.BINARY:
                return seen, 1003  # ours alone: frames are text
            elif event.opcode in {Opcode.TEXT, Opcode.CONT}:
                message += data
                if len(message) > 4096:
                    return seen, 1009
                if event.fin:
                    message, whole = b"", message
                    try:
                        whole.decode()
                    except UnicodeDecodeError:
                        return seen, 1007
                    seen.append((TEXT, whole))
        if protocol.close_sent is not None:
            return seen, protocol.close_sent.code
    return seen, None


@settings(max_examples=1500, deadline=None)
@given(FRAMES, st.integers(1, 60))
@example([frame(TEXT, b"a", fin=False), frame(CLOSE, b"")], 60)
@example([frame(TEXT, b"a" * 4096, fin=False), frame(PING, b"x")], 60)
def test_the_same_bytes_mean_the_same(frames: list[bytes], size: int) -> None:
    data = b"".join(frames)
    chunks = [data[at : at + size * 7] for at in range(0, len(data), size * 7)]
    # Without its own limit, since the library counts a ping within a message as a part of it.
    (ours_seen, ours_code), (theirs_seen, theirs_code) = ours(chunks), theirs(chunks, max_size=None)
    assert ours_seen == theirs_seen
    codes = {ours_code, theirs_code}
    # What is too big and wrong in another way may be told by either name.
    assert len(codes) == 1 or (1009 in codes and codes < {1002, 1003, 1007, 1009})


@settings(max_examples=500, deadline=None)
@given(st.binary(max_size=300))
def test_noise_means_the_same(data: bytes) -> None:
    assert ours([data]) == theirs([data])


@given(st.lists(st.text(max_size=50).map(str.encode), min_size=1, max_size=5), st.integers(1, 9))
def test_nothing_is_kept_between_two_messages(texts: list[bytes], size: int) -> None:
    data = b"".join(frame(TEXT, text) for text in texts)
    inbound = Inbound()
    seen = [
        payload for at in range(0, len(data), size) for opcode, payload in inbound.feed(data[at : at + size])
    ]
    assert seen == texts
    assert (inbound.rest, inbound.message) == (b"", None)


@settings(max_examples=300, deadline=None)
@given(FRAMES, st.integers(1, 5000))
def test_never_more_than_a_message_is_kept(frames: list[bytes], size: int) -> None:
    inbound = Inbound()
    data = b"".join(frames)
    try:
        for at in range(0, len(data), size):
            list(inbound.feed(data[at : at + size]))
            assert len(inbound.rest) <= 4096 + 14
            assert len(inbound.message or b"") <= 4096
    except Violation:
        pass
