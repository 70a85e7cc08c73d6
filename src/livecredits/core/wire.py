"""The frames of live delivery: how the server's are written, how a client's are read, how a connection ends.

Promises: a server frame is encoded once and is the same bytes on every carrier; a client frame is either one of the
seven known ones, whole and within its limits, or `Malformed` with a sentence that names the fault; every close code
stands in one table, and its range tells the client what to do next.
Must not know: sockets, clocks, who is connected.
The odd thing: `state` and `tick` are put together by f-strings, not by `json.dumps`. They are written once per
change, which makes them the hottest line of the server; a test holds them equal to what `json.dumps` would write.
`docs/protocol.md` is generated from this file and `wire_doc.py` by `tools/protocol_doc.py`.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from json.encoder import encode_basestring_ascii as quoted
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from livecredits.core.rows import AccountState, Cause

PROTOCOL = 1
SUBPROTOCOL = "livecredits.v1"
LIVE_PATH = "/api/v1/credits/live"

MAX_FRAME_BYTES = 4096
"""A longer message from a client is refused (RFC 6455 close code 1009)."""
MAX_TOKEN_CHARS = 3500
MAX_USER_CHARS = 128
MAX_UNITS = 64
MAX_LISTS = 16
MAX_TABS = 1000
MAX_INTEGER = 2**53 - 1
"""The largest integer that JavaScript keeps exact (ECMA-262, Number.MAX_SAFE_INTEGER)."""
_RECEIPT = ',"receipt":true'
_LOW = ',"low":true'

_UNFIT = re.compile(r"[\x00-\x1f\x7f-\x9f/\ud800-\udfff]")
"""Control characters, the slash, and halves of surrogate pairs, which no database stores."""

HINTED_LISTS = ("orders", "vouchers")
"""Of what a user's own screens are told by `changed`; their history has moved whenever a higher version arrives."""
SHARED_LISTS = ("packages",)
"""Of what the own screens of all users are told."""
OPERATOR_LISTS = ("users", "audit", "broadcasts", "orders", "vouchers", "history")


# --- how a connection ends ----------------------------------------------------------------------------------


class Close(NamedTuple):
    """One way to end a connection: the WebSocket close code, its short name and what it says to a person."""

    code: int
    name: str
    sentence: str

    @property
    def reason(self) -> str:
        """The close frame's reason: short name and sentence, at most 123 bytes (RFC 6455, section 5.5)."""
        return f"{self.name}: {self.sentence}"[:123]

    @property
    def advice(self) -> str:
        """What the client should do next: reconnect_now, reconnect_with_backoff, get_new_token, stay_away."""
        return advice(self.code)

    def because(self, sentence: str) -> Close:
        """The same verdict with a sentence that names this very case."""
        return Close(self.code, self.name, sentence)


RESTARTING = Close(4000, "restarting", "The server restarts; come back now.")
NO_ANSWER = Close(4001, "no_answer", "Nothing was heard from this screen for one and a half heartbeats.")
OVERLOADED = Close(4100, "overloaded", "The server has too much to do; come back a little later.")
INTERNAL = Close(4101, "internal", "The server failed; this is not the screen's fault.")
TOO_FAST = Close(4102, "too_fast", "Too many frames in one heartbeat.")
TOKEN_EXPIRED = Close(4200, "token_expired", "The token has expired; get a new one.")
TOKEN_INVALID = Close(4201, "token_invalid", "The token is not one of ours; get a new one.")
TOKEN_REVOKED = Close(4202, "token_revoked", "The token or the session was revoked.")
AUTH_TIMEOUT = Close(4203, "auth_timeout", "No auth frame came in time.")
MALFORMED_FRAME = Close(4300, "malformed_frame", "The frame is not one that this server understands.")
FORBIDDEN = Close(4301, "forbidden", "This token may not do that.")
TOO_MANY_SCREENS = Close(4302, "too_many_screens", "Too many open screens.")
ORIGIN_NOT_ALLOWED = Close(4303, "origin_not_allowed", "This origin may not connect.")
PROTOCOL_ERROR = Close(4304, "protocol_error", "The frames came in an order that the protocol does not have.")

CLOSES = (
    RESTARTING,
    NO_ANSWER,
    OVERLOADED,
    INTERNAL,
    TOO_FAST,
    TOKEN_EXPIRED,
    TOKEN_INVALID,
    TOKEN_REVOKED,
    AUTH_TIMEOUT,
    MALFORMED_FRAME,
    FORBIDDEN,
    TOO_MANY_SCREENS,
    ORIGIN_NOT_ALLOWED,
    PROTOCOL_ERROR,
)

ADVICE = (
    (4000, 4099, "reconnect_now"),
    (4100, 4199, "reconnect_with_backoff"),
    (4200, 4299, "get_new_token"),
    (4300, 4399, "stay_away"),
)


def advice(code: int) -> str:
    """What a close code asks of the client; codes outside our ranges (1006 and the like) mean back-off.

    The exceptions are the codes by which RFC 6455 blames the client's own bytes: the same bytes would fail again.
    """
    for low, high, verdict in ADVICE:
        if low <= code <= high:
            return verdict
    return "stay_away" if code in {1002, 1003, 1007, 1009} else "reconnect_with_backoff"


# --- server → client ----------------------------------------------------------------------------------------


@lru_cache(maxsize=4096)
def _second_text(second: int) -> str:
    # Not strftime: on Linux its %Y gives the year 469 three digits.
    return datetime.fromtimestamp(second, UTC).isoformat()[:19]


def time_text(at_us: int) -> str:
    """RFC 3339 in UTC with microseconds, from microseconds since 1970."""
    second, micro = divmod(at_us, 1_000_000)
    return f"{_second_text(second)}.{micro:06d}Z"


def state_text(state: AccountState, epoch: str, scale: int) -> str:
    """The `state` frame of one account, compact JSON, ASCII only.

    Args:
        state: What the ledger says after a commit, or on a read.
        epoch: The line of history that the version belongs to.
        scale: The unit's decimal places.
    """
    available = state.settled - state.held
    return (
        f'{{"type":"state","epoch":{quoted(epoch)},"user":{quoted(state.user_id)},"unit":{quoted(state.unit)},'
        f'"version":{state.version},"balance":{{"settled":{state.settled},"held":{state.held},'
        f'"available":{available}}},"credits":{available},"scale":{scale},'
        f'"next_expiry":{"null" if state.next_expiry_us is None else _next_expiry_text(state)},'
        f'"changed_at":{"null" if state.changed_at_us is None else _quoted_time(state.changed_at_us)},'
        f'"cause":{"null" if state.cause is None else _cause_text(state.cause)},'
        f'"keys":{_keys_text(state.keys) if state.keys else "[]"}{_RECEIPT if state.receipt else ""}'
        f"{_LOW if state.low else ''}}}"
    )


@lru_cache(maxsize=1024)  # the changes of a batch were all decided at the same moment
def _quoted_time(at_us: int) -> str:
    return f'"{time_text(at_us)}"'


def _next_expiry_text(state: AccountState) -> str:
    assert state.next_expiry_us is not None
    return f'{{"at":{_quoted_time(state.next_expiry_us)},"amount":{state.next_expiry_amount}}}'


def _cause_text(cause: Cause) -> str:
    label = "null" if cause.label is None else quoted(cause.label)
    return f'{{"entry":{quoted(cause.entry)},"kind":{quoted(cause.kind)},"amount":{cause.amount},"label":{label}}}'


def _keys_text(keys: Iterable[tuple[str, int]]) -> str:
    return "[[" + "],[".join([f"{quoted(key)},{version}" for key, version in keys]) + "]]"


def hello_text(
    *,
    epoch: str,
    screen: str,
    heartbeat_s: float,
    token_expires_at_us: int | None,
    user: str | None,
    accounts: Iterable[str],
    receipts: bool | None = None,
) -> str:
    """The `hello` frame: everything a screen needs, after registration and snapshot, and as the answer to `resync`.

    Args:
        epoch: The database's line of history.
        screen: The connection's id, `scr_…`.
        heartbeat_s: A tick comes about this often.
        token_expires_at_us: When the screen must have sent a newer token; None where it never expires.
        user: The user whose balance this is; None for operators and keys.
        accounts: `state` frames as text, one per account.
        receipts: whether the screen is to say what it has painted; None where it has no user.
    """
    expires = "null" if token_expires_at_us is None else _quoted_time(token_expires_at_us)
    asks = "" if receipts is None else f'"receipts":{"true" if receipts else "false"},'
    return (
        f'{{"type":"hello","protocol":{PROTOCOL},"epoch":{quoted(epoch)},"screen":{quoted(screen)},'
        f'"heartbeat_s":{heartbeat_s:g},"token_expires_at":{expires},'
        f'"user":{"null" if user is None else quoted(user)},{asks}"accounts":[{",".join(accounts)}]}}'
    )


def changed_text(lists: Iterable[str]) -> str:
    """The `changed` frame: a hint that these lists moved."""
    return f'{{"type":"changed","lists":[{",".join(map(quoted, sorted(lists)))}]}}'


def tick_text(
    epoch: str, versions: Mapping[str, int], watched: Mapping[str, Mapping[str, int]] | None = None
) -> str:
    """The `tick` frame: the versions a screen should hold; whoever differs answers with `resync`.

    Args:
        epoch: The database's line of history.
        versions: Unit → version of the screen's own user; version 0 may be left away.
        watched: User → the same, for operators and keys; None where nobody is watched.
    """
    head = f'{{"type":"tick","epoch":{quoted(epoch)},"versions":{_versions_text(versions)}'
    if watched is None:
        return head + "}"
    rows = ",".join([f"{quoted(user)}:{_versions_text(of_user)}" for user, of_user in watched.items()])
    return f'{head},"watched":{{{rows}}}}}'


def _versions_text(versions: Mapping[str, int]) -> str:
    return "{" + ",".join([f"{quoted(unit)}:{version}" for unit, version in versions.items()]) + "}"


def bye_text(reason: str, low_ms: int, high_ms: int) -> str:
    """The `bye` frame: the server goes; come back at a random moment of the window, in milliseconds."""
    return f'{{"type":"bye","reason":{quoted(reason)},"reconnect_ms":[{low_ms},{high_ms}]}}'


def closed_text(close: Close) -> str:
    """The `closed` frame: the close code where the carrier has none of its own (event streams)."""
    return f'{{"type":"closed","code":{close.code},"reason":{quoted(close.reason)}}}'


# --- the same text on each carrier --------------------------------------------------------------------------

SOCKET, TEXT, EVENTS = 0, 1, 2
"""How a screen is reached: our own WebSocket, somebody else's WebSocket, a stream of server-sent events."""

_SHORT, _MEDIUM = 126, 1 << 16  # the three length encodings of RFC 6455, section 5.2
_HEADS = [b"\x81" + (bytes([n]) if n < _SHORT else b"\x7e" + n.to_bytes(2)) for n in range(MAX_FRAME_BYTES)]
"""The first bytes of a frame by its length: nearly all of ours have 200 to 400."""
PING = b"\x89\x00"


def socket_bytes(text: str) -> bytes:
    """One unmasked, final WebSocket text frame (RFC 6455, section 5.2), ready for `transport.write`."""
    payload = text.encode("ascii")
    size = len(payload)
    if size < MAX_FRAME_BYTES:
        return _HEADS[size] + payload
    if size < _MEDIUM:
        return b"\x81\x7e" + size.to_bytes(2, "big") + payload
    return b"\x81\x7f" + size.to_bytes(8, "big") + payload


def socket_close(close: Close) -> bytes:
    """The WebSocket close frame of a verdict."""
    payload = close.code.to_bytes(2, "big") + close.reason.encode()[:123]
    return b"\x88" + len(payload).to_bytes(1, "big") + payload


def event_bytes(text: str, event_id: str = "") -> bytes:
    """One server-sent event; our JSON never holds a line break (`quoted` escapes it)."""
    head = f"id: {event_id}\n" if event_id else ""
    return f"{head}data: {text}\n\n".encode("ascii")


def carried(text: str, carrier: int, event_id: str = "") -> bytes | str:
    """A frame as its carrier takes it.

    Args:
        text: the frame.
        carrier: SOCKET, TEXT or EVENTS.
        event_id: what an event stream calls it, `epoch.version`; the other carriers have no use for it.
    """
    if carrier == SOCKET:
        return socket_bytes(text)
    return text if carrier == TEXT else event_bytes(text, event_id)


# --- client → server ----------------------------------------------------------------------------------------


class Malformed(ValueError):
    """A client frame that is not one; its message is the sentence that goes into the close reason."""


@dataclass(frozen=True, slots=True)
class Auth:
    """First frame, and again before the token expires.

    `epoch` and `held` are optional and say what the screen already shows: a server whose ledger is behind that
    raises its alarm. The token never stands in the representation (and so in no log).
    """

    token: str
    epoch: str | None = None
    held: Mapping[str, int] | None = None

    def __repr__(self) -> str:
        return f"Auth(token=…, epoch={self.epoch!r}, held={self.held!r})"


@dataclass(frozen=True, slots=True)
class Pong:
    """Answers a tick: what is painted, whether a tab is visible, how many tabs share the connection."""

    painted: Mapping[str, int]
    visible: bool
    tabs: int


@dataclass(frozen=True, slots=True)
class Shown:
    """A receipt at once, where a state asked for one. `tabs` of None: it does not say."""

    painted: Mapping[str, int]
    visible: bool
    tabs: int | None = None


@dataclass(frozen=True, slots=True)
class Resync:
    """Send me a hello."""


@dataclass(frozen=True, slots=True)
class Watch:
    """Show me these users too. `open`: their page is open, so let their screens send receipts at once for a while."""

    users: tuple[str, ...]
    open: bool = False


@dataclass(frozen=True, slots=True)
class Unwatch:
    """These users are no longer on the screen."""

    users: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Follow:
    """Tell me when these lists move; replaces what was followed before."""

    lists: tuple[str, ...]


ClientFrame = Auth | Pong | Shown | Resync | Watch | Unwatch | Follow


def decode(data: bytes | str) -> ClientFrame:
    """Read one client frame.

    Fields that this version does not know are ignored, so that a newer SDK may say more; everything it does know is
    checked to the type and the range.

    Args:
        data: One JSON object, at most 4 KiB.

    Raises:
        Malformed: with a sentence that names the fault.
    """
    if len(data) > MAX_FRAME_BYTES:
        _refuse(f"a frame has at most {MAX_FRAME_BYTES} bytes")
    try:
        frame = json.loads(data, parse_constant=_refuse_constant)
    except Malformed:
        raise
    except (ValueError, RecursionError) as error:  # UnicodeDecodeError is a ValueError
        raise Malformed("the frame is not JSON") from error
    return decode_object(frame)


def decode_object(frame: Any) -> ClientFrame:
    """Read one client frame that is parsed JSON already, as the upstream of SSE brings it in an array.

    Raises:
        Malformed: with a sentence that names the fault.
    """
    if not isinstance(frame, dict):
        _refuse("a frame is a JSON object")
    kind = frame.get("type")
    reader = _READERS.get(kind) if isinstance(kind, str) else None
    if reader is None:
        _refuse(f"type is one of {', '.join(_READERS)}")
    return reader(frame)


def _refuse(sentence: str) -> NoReturn:
    raise Malformed(sentence)


def _refuse_constant(name: str) -> NoReturn:
    _refuse(f"{name} is not JSON")


def _read_auth(frame: Mapping[str, Any]) -> Auth:
    token = _string(frame, "token", MAX_TOKEN_CHARS)
    if frame.get("epoch") is None:
        return Auth(token)
    return Auth(token, _string(frame, "epoch", MAX_USER_CHARS), _versions(frame, "held"))


def _read_pong(frame: Mapping[str, Any]) -> Pong:
    return Pong(_versions(frame, "painted"), _boolean(frame, "visible"), _tabs(frame.get("tabs", 1)))


def _read_shown(frame: Mapping[str, Any]) -> Shown:
    tabs = _tabs(frame["tabs"]) if "tabs" in frame else None
    return Shown(_versions(frame, "painted"), _boolean(frame, "visible"), tabs)


def _tabs(tabs: Any) -> int:
    if type(tabs) is not int or not 0 <= tabs <= MAX_TABS:
        _refuse(f"tabs is an integer from 0 to {MAX_TABS}")
    return tabs


def _read_resync(_frame: Mapping[str, Any]) -> Resync:
    return Resync()


def _read_watch(frame: Mapping[str, Any]) -> Watch:
    return Watch(_users(frame), _boolean(frame, "open") if "open" in frame else False)


def _read_unwatch(frame: Mapping[str, Any]) -> Unwatch:
    return Unwatch(_users(frame))


def _read_follow(frame: Mapping[str, Any]) -> Follow:
    lists = _strings(frame, "lists", MAX_LISTS)
    unknown = [name for name in lists if name not in OPERATOR_LISTS]
    if unknown:
        _refuse(f"lists are of {', '.join(OPERATOR_LISTS)}")
    return Follow(lists)


_READERS: dict[str, Callable[[Mapping[str, Any]], ClientFrame]] = {
    "auth": _read_auth,
    "pong": _read_pong,
    "shown": _read_shown,
    "resync": _read_resync,
    "watch": _read_watch,
    "unwatch": _read_unwatch,
    "follow": _read_follow,
}


def _is_integer(value: object) -> bool:
    return type(value) is int  # bool is a subclass of int, and no number of ours


def _string(frame: Mapping[str, Any], field: str, limit: int) -> str:
    value = frame.get(field)
    if not isinstance(value, str) or not 1 <= len(value) <= limit:
        _refuse(f"{field} is a string of 1 to {limit} characters")
    if _UNFIT.search(value.replace("/", "")):
        _refuse(f"{field} holds control characters")
    return value


def _boolean(frame: Mapping[str, Any], field: str) -> bool:
    value = frame.get(field)
    if not isinstance(value, bool):
        _refuse(f"{field} is true or false")
    return value


def _versions(frame: Mapping[str, Any], field: str) -> dict[str, int]:
    value = frame.get(field)
    if not isinstance(value, dict) or len(value) > MAX_UNITS:
        _refuse(f"{field} maps at most {MAX_UNITS} units to versions")
    for unit, version in value.items():
        if len(unit) > MAX_USER_CHARS or _UNFIT.search(unit):
            _refuse(f"{field} names units")
        if not _is_integer(version) or not 0 <= version <= MAX_INTEGER:
            _refuse(f"{field} holds versions, integers from 0 to 2^53 − 1")
    return value


def _users(frame: Mapping[str, Any]) -> tuple[str, ...]:
    users = _strings(frame, "users", MAX_FRAME_BYTES)
    for user in users:
        if not 1 <= len(user) <= MAX_USER_CHARS or _UNFIT.search(user):
            _refuse(f"users are ids of 1 to {MAX_USER_CHARS} characters without control characters or /")
    return users


def _strings(frame: Mapping[str, Any], field: str, limit: int) -> tuple[str, ...]:
    value: Sequence[Any] | None = frame.get(field)
    if not isinstance(value, list) or len(value) > limit:
        _refuse(f"{field} is an array of at most {limit} strings")
    if not all(isinstance(item, str) for item in value):
        _refuse(f"{field} holds strings")
    return tuple(dict.fromkeys(value))
