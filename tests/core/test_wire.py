"""The frames: what is written equals what `json.dumps` would write; what is read is whole and in range, or refused."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livecredits.core import wire
from livecredits.core.rows import AccountState, Cause

AMOUNT = st.integers(-(2**53) + 1, 2**53 - 1)
TIME = st.integers(0, 4_102_444_800_000_000)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)
STATES = st.builds(
    AccountState,
    user_id=TEXT,
    unit=TEXT,
    version=st.integers(0, 2**53 - 1),
    settled=AMOUNT,
    held=st.integers(0, 2**40),
    changed_at_us=st.none() | TIME,
    cause=st.none()
    | st.builds(Cause, entry=TEXT, kind=st.just("grant"), amount=AMOUNT, label=st.none() | TEXT),
    next_expiry_us=st.none() | TIME,
    next_expiry_amount=st.integers(0, 10**9),
    keys=st.lists(st.tuples(TEXT, st.integers(1, 10**6)), max_size=4).map(tuple),
    receipt=st.booleans(),
)


def as_object(state: AccountState, epoch: str, scale: int) -> dict[str, Any]:
    """The frame by the book, field by field."""
    available = state.settled - state.held
    frame: dict[str, Any] = {
        "type": "state",
        "epoch": epoch,
        "user": state.user_id,
        "unit": state.unit,
        "version": state.version,
        "balance": {"settled": state.settled, "held": state.held, "available": available},
        "credits": available,
        "scale": scale,
        "next_expiry": None
        if state.next_expiry_us is None
        else {"at": wire.time_text(state.next_expiry_us), "amount": state.next_expiry_amount},
        "changed_at": None if state.changed_at_us is None else wire.time_text(state.changed_at_us),
        "cause": None
        if state.cause is None
        else {
            "entry": state.cause.entry,
            "kind": state.cause.kind,
            "amount": state.cause.amount,
            "label": state.cause.label,
        },
        "keys": [list(pair) for pair in state.keys],
    }
    return {**frame, "receipt": True} if state.receipt else frame


@settings(max_examples=300)
@given(STATES, TEXT, st.integers(0, 9))
def test_a_state_is_what_json_dumps_would_write(state: AccountState, epoch: str, scale: int) -> None:
    assert wire.state_text(state, epoch, scale) == json.dumps(
        as_object(state, epoch, scale), separators=(",", ":")
    )


@given(
    st.dictionaries(TEXT, st.integers(0, 99)),
    st.none() | st.dictionaries(TEXT, st.dictionaries(TEXT, st.just(1))),
)
def test_a_tick_is_what_json_dumps_would_write(versions: Any, watched: Any) -> None:
    frame = {"type": "tick", "epoch": "ep", "versions": versions}
    if watched is not None:
        frame["watched"] = watched
    assert wire.tick_text("ep", versions, watched) == json.dumps(frame, separators=(",", ":"))


def test_a_hello_carries_its_states_as_they_are() -> None:
    state = AccountState("søren", "credits", 3, 7)
    text = wire.hello_text(
        epoch="ep_x",
        screen="scr_1",
        heartbeat_s=20.0,
        token_expires_at_us=1_795_411_800_000_000,
        user="søren",
        accounts=[wire.state_text(state, "ep_x", 2)],
    )
    assert json.loads(text) == {
        "type": "hello",
        "protocol": 1,
        "epoch": "ep_x",
        "screen": "scr_1",
        "heartbeat_s": 20,
        "token_expires_at": "2026-11-23T05:30:00.000000Z",
        "user": "søren",
        "accounts": [as_object(state, "ep_x", 2)],
    }


def test_the_small_frames() -> None:
    assert json.loads(wire.changed_text({"orders", "history"})) == {
        "type": "changed",
        "lists": ["history", "orders"],
    }
    assert json.loads(wire.bye_text("draining", 0, 3000)) == {
        "type": "bye",
        "reason": "draining",
        "reconnect_ms": [0, 3000],
    }
    assert json.loads(wire.closed_text(wire.TOKEN_EXPIRED))["code"] == 4200


@pytest.mark.parametrize(
    ("at_us", "text"),
    [
        (0, "1970-01-01T00:00:00.000000Z"),
        (1_795_412_181_123_456, "2026-11-23T05:36:21.123456Z"),
        (951_782_400_000_001, "2000-02-29T00:00:00.000001Z"),
        (-47_336_041_492_510_642, "0469-12-24T03:35:07.489358Z"),
    ],
)
def test_times_are_rfc_3339_with_microseconds(at_us: int, text: str) -> None:
    assert wire.time_text(at_us) == text


# --- carriers -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65_535, 65_536, 200_000])
def test_the_three_lengths_of_a_websocket_frame(size: int) -> None:
    from websockets.frames import Frame, Opcode

    made = wire.socket_bytes("x" * size)
    assert made == Frame(Opcode.TEXT, b"x" * size).serialize(mask=False)


def test_a_close_frame_is_what_the_library_writes() -> None:
    from websockets.frames import Close, Frame, Opcode

    for verdict in wire.CLOSES:
        payload = Close(verdict.code, verdict.reason).serialize()
        assert wire.socket_close(verdict) == Frame(Opcode.CLOSE, payload).serialize(mask=False)


def test_an_event_is_one_data_line_whatever_the_text_holds() -> None:
    state = AccountState("a\nb\r\n\u2028", "credits", 3, 7)
    event = wire.carried(wire.state_text(state, "ep", 0), wire.EVENTS, "ep.3")
    assert isinstance(event, bytes)
    head, data, end = event.split(b"\n", 2)
    assert head == b"id: ep.3"
    assert end == b"\n"
    assert json.loads(data.removeprefix(b"data: "))["user"] == "a\nb\r\n\u2028"


# --- verdicts -----------------------------------------------------------------------------------------------


def test_every_verdict_has_its_own_code_and_name_and_fits_a_close_frame() -> None:
    assert len({verdict.code for verdict in wire.CLOSES}) == len(wire.CLOSES)
    assert len({verdict.name for verdict in wire.CLOSES}) == len(wire.CLOSES)
    for verdict in wire.CLOSES:
        assert verdict.reason.startswith(f"{verdict.name}: ")
        assert len(verdict.reason.encode()) <= 123
        assert len(wire.socket_close(verdict.because("ß" * 200))) <= 127


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        (4000, "reconnect_now"),
        (4099, "reconnect_now"),
        (4100, "reconnect_with_backoff"),
        (4200, "get_new_token"),
        (4300, "stay_away"),
        (1002, "stay_away"),
        (1009, "stay_away"),
        (1006, "reconnect_with_backoff"),
        (1001, "reconnect_with_backoff"),
    ],
)
def test_the_range_of_a_code_is_its_advice(code: int, advice: str) -> None:
    assert wire.advice(code) == advice


# --- what clients send --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "frame"),
    [
        ('{"type":"auth","token":"abc"}', wire.Auth("abc")),
        ('{"type":"auth","token":"a/b+c="}', wire.Auth("a/b+c=")),
        (
            '{"type":"auth","token":"abc","epoch":"ep","held":{"credits":3}}',
            wire.Auth("abc", "ep", {"credits": 3}),
        ),
        ('{"type":"auth","token":"abc","epoch":null}', wire.Auth("abc")),
        (
            '{"type":"pong","painted":{"credits":42},"visible":true,"tabs":2}',
            wire.Pong({"credits": 42}, True, 2),
        ),
        ('{"type":"pong","painted":{},"visible":false}', wire.Pong({}, False, 1)),
        ('{"type":"shown","painted":{"credits":0},"visible":true}', wire.Shown({"credits": 0}, True)),
        ('{"type":"resync"}', wire.Resync()),
        ('{"type":"resync","newer":"field"}', wire.Resync()),
        ('{"type":"watch","users":["ada","søren 🦆","ada"]}', wire.Watch(("ada", "søren 🦆"))),
        ('{"type":"unwatch","users":[]}', wire.Unwatch(())),
        ('{"type":"follow","lists":["users","audit"]}', wire.Follow(("users", "audit"))),
    ],
)
def test_a_good_frame_is_read(text: str, frame: wire.ClientFrame) -> None:
    assert wire.decode(text) == frame
    assert wire.decode(text.encode()) == frame


BAD = {
    "": "not JSON",
    "{": "not JSON",
    "[" * 4000: "not JSON",
    '{"type":"resync"}x': "not JSON",
    "null": "object",
    "[]": "object",
    '"resync"': "object",
    "{}": "type is one of",
    '{"type":1}': "type is one of",
    '{"type":["auth"]}': "type is one of",
    '{"type":"state"}': "type is one of",
    '{"type":"__class__"}': "type is one of",
    '{"type":"auth"}': "token is a string",
    '{"type":"auth","token":""}': "token is a string",
    '{"type":"auth","token":7}': "token is a string",
    '{"type":"auth","token":"a\\u0000b"}': "control characters",
    '{"type":"auth","token":"\\ud800"}': "control characters",
    '{"type":"auth","token":"a","epoch":"e"}': "held maps",
    '{"type":"auth","token":"a","epoch":5,"held":{}}': "epoch is a string",
    '{"type":"pong"}': "painted maps",
    '{"type":"pong","painted":[],"visible":true}': "painted maps",
    '{"type":"pong","painted":{"credits":-1},"visible":true}': "painted holds versions",
    '{"type":"pong","painted":{"credits":1.0},"visible":true}': "painted holds versions",
    '{"type":"pong","painted":{"credits":true},"visible":true}': "painted holds versions",
    '{"type":"pong","painted":{"credits":9007199254740992},"visible":true}': "painted holds versions",
    '{"type":"pong","painted":{"credits":NaN},"visible":true}': "NaN is not JSON",
    '{"type":"pong","painted":{"credits":Infinity},"visible":true}': "Infinity is not JSON",
    '{"type":"pong","painted":{"\\ud800":1},"visible":true}': "painted names units",
    '{"type":"pong","painted":{},"visible":1}': "visible is true or false",
    '{"type":"pong","painted":{}}': "visible is true or false",
    '{"type":"pong","painted":{},"visible":true,"tabs":-1}': "tabs is an integer",
    '{"type":"pong","painted":{},"visible":true,"tabs":1e3}': "tabs is an integer",
    '{"type":"pong","painted":{},"visible":true,"tabs":true}': "tabs is an integer",
    '{"type":"shown","painted":{}}': "visible is true or false",
    '{"type":"watch"}': "users is an array",
    '{"type":"watch","users":"ada"}': "users is an array",
    '{"type":"watch","users":[1]}': "users holds strings",
    '{"type":"watch","users":[""]}': "users are ids",
    '{"type":"watch","users":["a/b"]}': "users are ids",
    '{"type":"watch","users":["a\\nb"]}': "users are ids",
    '{"type":"watch","users":["\\udc00"]}': "users are ids",
    f'{{"type":"watch","users":["{"x" * 129}"]}}': "users are ids",
    '{"type":"follow","lists":["secrets"]}': "lists are of",
    '{"type":"follow","lists":{}}': "lists is an array",
    f'{{"type":"follow","lists":{["users"] * 17}}}'.replace("'", '"'): "lists is an array",
    " " * 4097: "at most 4096 bytes",
}


@pytest.mark.parametrize("text", BAD, ids=lambda text: text[:60])
def test_a_bad_frame_is_refused_with_the_reason(text: str) -> None:
    with pytest.raises(wire.Malformed, match=BAD[text].replace("[", r"\[")):
        wire.decode(text)


def test_bytes_that_are_not_utf_8_are_refused() -> None:
    with pytest.raises(wire.Malformed, match="not JSON"):
        wire.decode(b'{"type":"auth","token":"\xff"}')


@given(st.binary(max_size=200) | st.text(max_size=200))
def test_nothing_but_malformed_is_ever_raised(data: bytes | str) -> None:
    with contextlib.suppress(wire.Malformed):
        wire.decode(data)


@given(
    st.recursive(st.none() | st.booleans() | st.floats() | st.integers() | st.text(), st.lists, max_leaves=5)
)
def test_no_value_in_any_known_field_raises_anything_else(value: Any) -> None:
    for kind in ("auth", "pong", "shown", "watch", "unwatch", "follow", "resync"):
        frame = dict.fromkeys(
            ("token", "painted", "visible", "tabs", "users", "lists", "epoch", "held"), value
        )
        with contextlib.suppress(wire.Malformed):
            wire.decode_object({**frame, "type": kind})


def test_a_token_never_stands_in_a_representation() -> None:
    assert "s3cret" not in repr(wire.decode('{"type":"auth","token":"s3cret"}'))
