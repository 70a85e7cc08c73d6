"""What each frame's fields mean, as `docs/protocol.md` prints them; the frames themselves are made in `wire.py`.

Promises: nothing at run time; `tests/core/test_protocol_doc.py` holds every example to what `wire` writes and reads,
so that a frame cannot gain or lose a field without its line here.
The odd thing: meanings stand apart from the code that makes the frames, because that code is the hottest of the
server and a reader of it wants to see bytes, not prose.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a frame: its name, its JSON type, what it means."""

    name: str
    type: str
    meaning: str


@dataclass(frozen=True, slots=True)
class FrameDoc:
    """One frame: what it is for, its fields, and an example on one line."""

    type: str
    purpose: str
    fields: tuple[Field, ...]
    example: str


_EPOCH = Field(
    "epoch", "string", "identity of the database's line of history; changes when a backup is restored"
)
_PAINTED = Field(
    "painted",
    "object",
    "unit → highest version of this epoch that was on the screen: applied, rendered, and a frame composed while the "
    "tab was visible. Of several tabs, the lowest of the visible ones. `{}` where `receipts` is false",
)
_VISIBLE = Field("visible", "boolean", "whether a tab of it is visible")

STATE_EXAMPLE = (
    '{"type":"state","epoch":"ep_x","user":"ada","unit":"credits","version":42,'
    '"balance":{"settled":100,"held":5,"available":95},"credits":95,"scale":0,'
    '"next_expiry":{"at":"2026-12-01T00:00:00.000000Z","amount":20},"changed_at":"2026-11-23T05:36:21.123456Z",'
    '"cause":{"entry":"ent_1","kind":"grant","amount":20,"label":null},"keys":[["k1",41]],"receipt":true}'
)

SERVER_FRAMES = (
    FrameDoc(
        "hello",
        "Everything a screen needs: after its snapshot was read, and as the answer to `resync`. It replaces what is "
        "held, unconditionally.",
        (
            Field("protocol", "integer", "version of this protocol"),
            _EPOCH,
            Field("screen", "string", "this connection's id, `scr_…`"),
            Field("heartbeat_s", "number", "a `tick` comes about this often, ± 10 %"),
            Field("token_expires_at", "time or null", "send a newer `auth` before then; null = never"),
            Field("user", "string or null", "whose balance this is; null for operators and keys"),
            Field(
                "receipts",
                "boolean",
                "whether to say what was painted; false = send `painted` empty and never `shown`. Only with a `user`",
            ),
            Field("accounts", "array", "a `state` per account of the user, or of every watched user"),
        ),
        '{"type":"hello","protocol":1,"epoch":"ep_x","screen":"scr_1","heartbeat_s":20,'
        '"token_expires_at":"2026-11-23T06:36:21.000000Z","user":"ada","receipts":true,"accounts":[]}',
    ),
    FrameDoc(
        "state",
        "The whole current state of one account. A user's history has moved whenever a higher version arrives.",
        (
            _EPOCH,
            Field("user", "string", "the account's user"),
            Field("unit", "string", "the account's unit"),
            Field("version", "integer", "counts the account's entries; 0 = no entry yet"),
            Field("balance", "object", "`settled`, `held`, and `available` = settled − held"),
            Field("credits", "integer", "the number that people see: `available`"),
            Field("scale", "integer", "the unit's decimal places"),
            Field("next_expiry", "object or null", "`at` and `amount` of what expires next"),
            Field("changed_at", "time or null", "when the newest entry was made"),
            Field("cause", "object or null", "that entry: `entry`, `kind`, `amount` (signed), `label`"),
            Field("keys", "array", "the user's own last ≤ 16 [idempotency key, version] pairs, oldest first"),
            Field(
                "receipt",
                "true",
                "present where `shown` is wanted at once, in the `accounts` of a `hello` too",
            ),
        ),
        STATE_EXAMPLE,
    ),
    FrameDoc(
        "changed",
        "These lists moved; read them again if they are on the screen. Gathered, so it may stand for many changes. A "
        "user's own screens are not told that their history moved: a higher version says so.",
        (
            Field(
                "lists",
                "array",
                "of orders, vouchers, packages; for followers also history, users, audit, broadcasts",
            ),
        ),
        '{"type":"changed","lists":["orders"]}',
    ),
    FrameDoc(
        "tick",
        "The versions that the screen should hold. Whoever differs sends `resync`. A missing unit is version 0.",
        (
            _EPOCH,
            Field("versions", "object", "unit → version, of the screen's own user"),
            Field("watched", "object", "user → unit → version; only for operators and keys"),
        ),
        '{"type":"tick","epoch":"ep_x","versions":{"credits":42},"watched":{"bob":{"credits":7}}}',
    ),
    FrameDoc(
        "bye",
        "The server goes; a close follows. Come back at a random moment of the window.",
        (
            Field("reason", "string", "`draining`"),
            Field("reconnect_ms", "array", "[least, most] milliseconds from now"),
        ),
        '{"type":"bye","reason":"draining","reconnect_ms":[0,3000]}',
    ),
    FrameDoc(
        "closed",
        "Event streams only: the close code, which a WebSocket has in its close frame.",
        (
            Field("code", "integer", "see the close codes"),
            Field("reason", "string", "short name and sentence"),
        ),
        '{"type":"closed","code":4200,"reason":"token_expired: The token has expired; get a new one."}',
    ),
)

CLIENT_FRAMES = (
    FrameDoc(
        "auth",
        "The first frame, and again before the token expires. A token never stands in a URL.",
        (
            Field(
                "token", "string", "screen token, operator's live token, or a service key with scope `live`"
            ),
            Field("epoch", "string", "optional: the epoch of what the screen already shows"),
            Field(
                "held",
                "object",
                "with `epoch`: unit → version shown; a ledger that is behind raises its alarm",
            ),
        ),
        '{"type":"auth","token":"eyJ…","epoch":"ep_x","held":{"credits":42}}',
    ),
    FrameDoc(
        "pong",
        "Answers `tick`.",
        (
            _PAINTED,
            _VISIBLE,
            Field("tabs", "integer", "browser tabs that share this connection; 1 if absent"),
        ),
        '{"type":"pong","painted":{"credits":42},"visible":true,"tabs":2}',
    ),
    FrameDoc(
        "shown",
        "The same at once, where a state has `receipt`: after the paint, or without waiting for one where no tab is "
        "visible. Answered even if the state brought nothing new.",
        (_PAINTED, _VISIBLE, Field("tabs", "integer", "optional: as in `pong`")),
        '{"type":"shown","painted":{"credits":42},"visible":true,"tabs":2}',
    ),
    FrameDoc(
        "resync",
        "Send me a `hello`. One that is on its way already is not sent twice.",
        (),
        '{"type":"resync"}',
    ),
    FrameDoc(
        "watch",
        "Operators and keys: show me these users too. Each account of theirs is answered with a `state`; sent right "
        "behind `auth`, they stand in the first `hello`. Long lists go in several frames.",
        (
            Field("users", "array", "user ids; at most 500 watched at once"),
            Field(
                "open",
                "boolean",
                "optional: the pages of these users are open, so their own screens are asked for `shown` at once for "
                "the next 10 s. Send it again to go on; who is watched already is not answered again",
            ),
        ),
        '{"type":"watch","users":["ada","bob"],"open":true}',
    ),
    FrameDoc(
        "unwatch",
        "These users are no longer on the screen.",
        (Field("users", "array", "user ids"),),
        '{"type":"unwatch","users":["bob"]}',
    ),
    FrameDoc(
        "follow",
        "Operators and keys: send `changed` when these lists move. Replaces what was followed before.",
        (Field("lists", "array", "of users, audit, broadcasts, orders, vouchers, history"),),
        '{"type":"follow","lists":["users","audit"]}',
    ),
)
