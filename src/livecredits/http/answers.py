"""What the HTTP API answers, as pydantic models with examples.

These describe: the documentation shows them and the contract tests hold every answer to them. At run time answers are
written as plain dictionaries, since validating our own output would cost more than the request that caused it.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from livecredits.access import Role, Scope
from livecredits.core.rows import Kind
from livecredits.http.bodies import Amount, Credits, Model, Version, example_of
from livecredits.http.receipts import CountsShape

Moment = Annotated[str, Field(json_schema_extra={"format": "date-time"})]

_AT = "2026-11-23T05:36:21.123456Z"
_ENTRY = "ent_019d1f7e5b2a7c3f8e0a1b2c3d4e5f60"
_BALANCE = {"settled": 100, "held": 5, "available": 95}


class BalanceShape(Model):
    """The three figures of an account."""

    model_config = example_of(_BALANCE)
    settled: Credits
    held: Credits
    available: Credits


class ChangeAnswer(Model):
    """What an accepted change did, and the account after it."""

    model_config = example_of({
        "entry": _ENTRY, "user_id": "ada", "unit": "credits", "kind": "spend", "amount": -5, "version": 42,
        "epoch": "ep_7f3e", "credits": 95, "balance": _BALANCE, "as_of": _AT,
    })  # fmt: skip
    entry: str
    user_id: str
    unit: str
    kind: Kind
    amount: Credits
    version: Version
    epoch: str
    credits: Credits
    balance: BalanceShape
    as_of: Moment
    hold: str = Field(default="", description="The hold's id, where there is one.")
    order: str = Field(default="", description="The order's id, where it was fulfilled or refunded.")
    voucher: str = Field(default="", description="The voucher's id, where one was redeemed.")
    receipts: CountsShape | None = Field(
        default=None,
        description="Who has seen it, where the call waited for that; null where nobody knows any more.",
    )


class NextExpiry(Model):
    """When credits expire next, and how many."""

    model_config = example_of({"at": _AT, "amount": 20})
    at: Moment
    amount: Amount


class LotShape(Model):
    """A portion of granted credits."""

    model_config = example_of({
        "lot": "lot_019d1f7e5b2a7c3f8e0a1b2c3d4e5f61", "amount": 100, "remaining": 95, "earmarked": 5, "priority": 0,
        "expires_at": None, "source": "welcome", "created_at": _AT,
    })  # fmt: skip
    lot: str
    amount: Credits
    remaining: Credits
    earmarked: Credits
    priority: int
    expires_at: Moment | None
    source: str | None
    created_at: Moment


class BalanceAnswer(Model):
    """An account as it is now."""

    model_config = example_of({
        "user_id": "ada", "unit": "credits", "version": 42, "epoch": "ep_7f3e", "credits": 95, "balance": _BALANCE,
        "floor": 0, "lots": [], "next_expiry": None, "as_of": _AT,
    })  # fmt: skip
    user_id: str
    unit: str
    version: Version
    epoch: str
    credits: Credits
    balance: BalanceShape
    floor: Credits | None
    frozen: bool = False
    scale: int = 0
    low_threshold: Credits | None = None
    low: bool = Field(
        default=False, description="Whether the available credits are at or below the threshold."
    )
    lots: list[LotShape]
    next_expiry: NextExpiry | None
    as_of: Moment


class EntryShape(Model):
    """One line of history. `reason`, `actor` and `metadata` are for operators and services only."""

    model_config = example_of({
        "entry": _ENTRY, "user_id": "ada", "unit": "credits", "version": 42, "kind": "spend", "amount": -5,
        "settled_delta": -5, "held_delta": 0, "balance": _BALANCE, "credits": 95, "at": _AT, "label": "Image generated",
    })  # fmt: skip
    entry: str
    user_id: str
    unit: str
    version: Version
    kind: Kind
    amount: Credits
    settled_delta: Credits
    held_delta: Credits
    balance: BalanceShape
    credits: Credits
    at: Moment
    label: str | None
    reason: str | None = None
    actor: str | None = None
    metadata: dict[str, JsonValue] | None = None
    reverses: str | None = None
    reversed_by: str | None = None
    hold: str | None = None
    order: str | None = None
    voucher: str | None = None


class HoldShape(Model):
    """Credits set aside."""

    model_config = example_of({
        "hold": "hld_019d1f7e5b2a7c3f8e0a1b2c3d4e5f62", "user_id": "ada", "unit": "credits", "amount": 30,
        "captured": 0, "state": "open", "expires_at": _AT, "created_at": _AT, "closed_at": None,
    })  # fmt: skip
    hold: str
    user_id: str
    unit: str
    amount: Credits
    captured: Credits
    state: Literal["open", "captured", "released"]
    expires_at: Moment
    created_at: Moment
    closed_at: Moment | None


class PageShape(Model):
    """Part of a list; `next` and `previous` are cursors, null at the ends."""

    next: str | None
    previous: str | None


class HistoryPage(PageShape):
    """Entries, newest first."""

    model_config = example_of({"items": [], "next": None, "previous": None})
    items: list[EntryShape]


class HoldsPage(PageShape):
    """Holds, newest first."""

    model_config = example_of({"items": [], "next": None, "previous": None})
    items: list[HoldShape]


class UserItem(Model):
    """A user with the account of one unit."""

    model_config = example_of({
        "user_id": "ada", "name": "Ada Lovelace", "email": "ada@example.com", "credits": 95, "balance": _BALANCE,
        "version": 42, "unit": "credits", "frozen": False, "floor": 0, "screens": 2, "updated_at": _AT,
    })  # fmt: skip
    user_id: str
    name: str | None
    email: str | None
    credits: Credits
    balance: BalanceShape
    version: Version
    unit: str
    frozen: bool
    floor: Credits | None
    low: bool = Field(
        default=False, description="Whether the available credits are at or below the threshold."
    )
    screens: int
    updated_at: Moment | None


class UsersPage(PageShape):
    """Users."""

    model_config = example_of({"items": [], "next": None, "previous": None, "total": 0})
    items: list[UserItem]
    total: int


class AccountShape(Model):
    """One account of a user."""

    model_config = example_of({
        "unit": "credits", "version": 42, "credits": 95, "balance": _BALANCE, "floor": 0, "frozen": False,
        "scale": 0, "next_expiry": None, "updated_at": _AT,
    })  # fmt: skip
    unit: str
    version: Version
    credits: Credits
    balance: BalanceShape
    floor: Credits | None
    frozen: bool
    scale: int
    low_threshold: Credits | None = None
    low: bool = False
    next_expiry: NextExpiry | None
    updated_at: Moment | None


class UserDetail(UserItem):
    """A user with all accounts and the lots of one."""

    model_config = example_of({
        "user_id": "ada", "name": "Ada Lovelace", "email": "ada@example.com", "credits": 95, "balance": _BALANCE,
        "version": 42, "unit": "credits", "frozen": False, "floor": 0, "screens": 2, "updated_at": _AT, "lots": [],
        "next_expiry": None, "metadata": {"plan": "pro"}, "receipts": True, "created_at": _AT, "accounts": [],
    })  # fmt: skip
    lots: list[LotShape]
    next_expiry: NextExpiry | None
    metadata: dict[str, JsonValue] | None
    receipts: bool = Field(description="Whether this user's screens are asked what they painted.")
    created_at: Moment
    accounts: list[AccountShape]


class CheckAnswer(Model):
    """Whether an amount could be spent at this moment."""

    model_config = example_of({"user_id": "ada", "unit": "credits", "amount": 5, "affordable": True})
    user_id: str
    unit: str
    amount: Amount
    affordable: bool


class TokenAnswer(Model):
    """A screen token."""

    model_config = example_of({"token": "eyJhbGciOiJIUzI1NiIs…", "user_id": "ada", "expires_at": _AT})
    token: str
    user_id: str
    expires_at: Moment


class RevokedAnswer(Model):
    """What was revoked."""

    model_config = example_of({"user_id": "ada", "revoked_at": _AT, "screens_closed": 2})
    user_id: str
    revoked_at: Moment
    screens_closed: int


class LiveTokenAnswer(Model):
    """A token for the first frame of an operator's live connection, good for a minute."""

    model_config = example_of({"token": "eyJhbGciOiJIUzI1NiIs…", "expires_at": _AT})
    token: str
    expires_at: Moment


class BroadcastAnswer(Model):
    """To how many screens the state was pushed again."""

    model_config = example_of(
        {"user_id": "ada", "screens": 2, "broadcast": "brd_019d1f7e5b2a7c3f8e0a1b2c3d4e5f60"}
    )
    user_id: str
    screens: int = Field(description="Screens that show the user, those of operators who watch included.")
    broadcast: str = Field(description="What the broadcast log calls it.")
    receipts: CountsShape | None = Field(
        default=None, description="Who has said so far what they show, where the call waited for that."
    )


class ScreenShape(Model):
    """One open connection."""

    model_config = example_of({
        "screen": "scr_7f3e", "user": "ada", "kind": "user", "carrier": "websocket", "since": _AT,
        "user_agent": "Firefox", "visible": True, "tabs": 2, "painted": {"credits": 42}, "sent": {"credits": 42},
        "behind": False, "asleep": False, "node": "web-1",
    })  # fmt: skip
    screen: str
    user: str | None
    kind: str
    carrier: str
    since: Moment
    user_agent: str | None
    visible: bool | None
    tabs: int | None
    painted: dict[str, int]
    sent: dict[str, int]
    behind: bool
    asleep: bool = Field(description="Alive on the wire, but has not said for a while what it shows.")
    node: str = Field(description="The process that it is connected to.")


class ScreensAnswer(Model):
    """Open connections, on all nodes."""

    model_config = example_of({"items": []})
    items: list[ScreenShape]


class AuditItem(Model):
    """Who did what, when and why."""

    model_config = example_of({
        "id": "aud_019d1f7e5b2a7c3f8e0a1b2c3d4e5f63", "at": _AT, "actor": "operator:op_7f3e", "action": "credits.set",
        "target": "ada", "reason": "goodwill", "before": {"credits": 95}, "after": {"credits": 150},
        "address": "203.0.113.7", "request_id": "req_7f3e", "details": None,
    })  # fmt: skip
    id: str
    at: Moment
    actor: str
    action: str
    target: str | None
    reason: str | None
    before: JsonValue
    after: JsonValue
    address: str | None
    request_id: str | None
    details: JsonValue


class AuditPage(PageShape):
    """The audit trail, newest first."""

    model_config = example_of({"items": [], "next": None, "previous": None})
    items: list[AuditItem]


class OperatorShape(Model):
    """An operator."""

    model_config = example_of({
        "id": "op_7f3e", "email": "olga@example.com", "name": "Olga", "role": "support", "limit": 500,
        "disabled": False, "created_at": _AT,
    })  # fmt: skip
    id: str
    email: str
    name: str
    role: Role
    limit: int | None
    disabled: bool
    created_at: Moment


class OperatorsAnswer(Model):
    """All operators."""

    model_config = example_of({"items": []})
    items: list[OperatorShape]


class SessionAnswer(Model):
    """Who is signed in, until when."""

    model_config = example_of({
        "operator": {"id": "op_7f3e", "email": "olga@example.com", "name": "Olga", "role": "support", "limit": 500},
        "expires_at": _AT, "require_reason": False,
    })  # fmt: skip
    operator: SignedIn
    expires_at: Moment
    require_reason: bool


class SignedIn(Model):
    """The signed-in operator."""

    model_config = example_of({
        "id": "op_7f3e", "email": "olga@example.com", "name": "Olga", "role": "support", "limit": None,
    })  # fmt: skip
    id: str
    email: str
    name: str
    role: Role
    limit: int | None


class LinkAnswer(Model):
    """A one-time code that signs an operator in; it belongs in a URL's fragment and is exchanged by POST."""

    model_config = example_of({"code": "lcc_7f3e…", "expires_at": _AT})
    code: str
    expires_at: Moment


class KeyShape(Model):
    """A service key, without its secret."""

    model_config = example_of({
        "id": "key_7f3e", "name": "shop backend", "scopes": ["move", "read"], "hint": "…x9Qz",
        "created_by": "operator:op_7f3e", "created_at": _AT, "last_used_at": None, "revoked_at": None,
    })  # fmt: skip
    id: str
    name: str
    scopes: list[Scope]
    hint: str
    created_by: str | None
    created_at: Moment
    last_used_at: Moment | None
    revoked_at: Moment | None


class KeysAnswer(Model):
    """All service keys."""

    model_config = example_of({"items": []})
    items: list[KeyShape]


class NewKeyAnswer(Model):
    """A new key; `secret` is shown this once."""

    model_config = example_of({
        "key": {"id": "key_7f3e", "name": "shop backend", "scopes": ["move"], "hint": "…x9Qz", "created_by": None,
                "created_at": _AT, "last_used_at": None, "revoked_at": None},
        "secret": "lck_…",
    })  # fmt: skip
    key: KeyShape
    secret: str


class UnitShape(Model):
    """What is counted, and with how many decimal places it is shown."""

    model_config = example_of({"name": "credits", "scale": 0, "low_threshold": 20})
    name: str
    scale: int
    low_threshold: int | None = Field(description="At or below it a balance is marked as low.")


class UnitsAnswer(Model):
    """All units."""

    model_config = example_of({"items": [{"name": "credits", "scale": 0, "low_threshold": None}]})
    items: list[UnitShape]


class HealthAnswer(Model):
    """Whether the process can serve."""

    model_config = example_of({"status": "ok"})
    status: Literal["ok"]


class ProblemShape(BaseModel):
    """What went wrong (RFC 9457)."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={"examples": [{
            "type": "/docs#insufficient_credits", "title": "There are not affordable credits", "status": 402,
            "detail": "5 credits are needed and 3 are available.", "code": "insufficient_credits",
            "request_id": "req_7f3e", "needed": 5, "available": 3,
        }]},
    )  # fmt: skip
    type: str = Field(description="Where this code is explained.")
    title: str
    status: int
    detail: str = Field(description="A sentence for a human.")
    code: str = Field(description="Stable; for programs.")
    request_id: str
    errors: list[FieldError] = Field(default=[], description="Which fields are wrong, where fields are.")


class FieldError(Model):
    """One wrong field."""

    model_config = example_of({"field": "amount", "message": "input should be a valid integer"})
    field: str
    message: str
    row: int = Field(default=0, description="In which row, where there are rows; a file's header is row 1.")
    column: int = Field(default=0, description="In which column of a file, from 1.")
