"""The protocol page says what the code does: same frames, same fields, and the committed file is the made one."""

from __future__ import annotations

import json

import pytest
from tools import make_vectors, protocol_doc

from livecredits.core import wire
from livecredits.core.rows import AccountState, Cause
from livecredits.core.wire_doc import CLIENT_FRAMES, SERVER_FRAMES, FrameDoc

STATE = AccountState(
    "ada",
    "credits",
    42,
    settled=100,
    held=5,
    changed_at_us=1_795_412_181_123_456,
    cause=Cause("ent_1", "grant", 20, None),
    next_expiry_us=1_796_083_200_000_000,
    next_expiry_amount=20,
    keys=(("k1", 41),),
    receipt=True,
)
WRITTEN = {
    "hello": wire.hello_text(
        epoch="ep_x",
        screen="scr_1",
        heartbeat_s=20.0,
        token_expires_at_us=1_795_415_781_000_000,
        user="ada",
        receipts=True,
        accounts=[],
    ),
    "state": wire.state_text(STATE, "ep_x", 0),
    "changed": wire.changed_text(["orders"]),
    "tick": wire.tick_text("ep_x", {"credits": 42}, {"bob": {"credits": 7}}),
    "bye": wire.bye_text("draining", 0, 3000),
    "closed": wire.closed_text(wire.TOKEN_EXPIRED),
}


def test_the_committed_page_is_up_to_date() -> None:
    assert protocol_doc.TARGET.read_text(encoding="utf-8") == protocol_doc.page()


def test_the_committed_vectors_are_up_to_date() -> None:
    assert make_vectors.TARGET.read_text(encoding="utf-8") == make_vectors.text()


@pytest.mark.parametrize("frame", SERVER_FRAMES, ids=lambda frame: frame.type)
def test_a_server_frame_is_written_as_its_example_says(frame: FrameDoc) -> None:
    assert WRITTEN[frame.type] == frame.example


def test_every_server_frame_is_explained() -> None:
    assert set(WRITTEN) == {frame.type for frame in SERVER_FRAMES}


@pytest.mark.parametrize("frame", CLIENT_FRAMES, ids=lambda frame: frame.type)
def test_a_client_frame_is_read_as_its_example_says(frame: FrameDoc) -> None:
    assert type(wire.decode(frame.example)).__name__.lower() == frame.type


def test_every_client_frame_is_explained() -> None:
    assert set(wire._READERS) == {frame.type for frame in CLIENT_FRAMES}


@pytest.mark.parametrize("frame", [*SERVER_FRAMES, *CLIENT_FRAMES], ids=lambda frame: frame.type)
def test_every_field_of_an_example_is_explained(frame: FrameDoc) -> None:
    assert [field.name for field in frame.fields] == list(json.loads(frame.example))[1:]


def test_every_close_code_is_on_the_page() -> None:
    page = protocol_doc.page()
    assert all(f"| {close.code} | `{close.name}` |" in page for close in wire.CLOSES)
