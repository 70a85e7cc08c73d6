"""What the HTTP API takes: bodies and queries, as pydantic models with examples.

This promises that a number which JavaScript or JSON would damage is refused by name (floats, booleans, text, beyond
±(2^53 − 1)), that unknown members are refused instead of ignored, and that every example is valid. It must not know
routes. The odd thing: bodies are strict (JSON has types), queries are not (they arrive as text), yet both refuse 1e3.
"""

from __future__ import annotations

import json
import re
import unicodedata
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    StringConstraints,
    ValidationInfo,
    field_validator,
)

from livecredits.access import Role, Scope
from livecredits.core.amounts import MAX_AMOUNT, bad_field
from livecredits.credits.asking import METADATA_LENGTH_MAX, TEXT_LENGTHS_MAX, TTL_S_MOST, check_text

TOKEN_TTL_MAX_S = 3_600
USER_ID_LENGTH_MAX = 128
EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
EMAIL_LENGTH_MAX = 254
PASSWORD_LENGTHS = (12, 256)
CURSOR_LENGTH_MAX = 4_096
"""A cursor spells a name and an id of any script: 254 and 128 characters, escaped and in base 64."""
_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,6})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_WHOLE = re.compile(r"-?[0-9]{1,16}", re.ASCII)


def _not_zero(amount: int) -> int:
    if amount == 0:
        raise ValueError("must not be 0")
    return amount


def _rfc3339(value: Any) -> Any:
    """Times are RFC 3339 with an offset: the library would also take a bare number for seconds or milliseconds."""
    if not isinstance(value, str) or not _TIME.fullmatch(value):
        raise ValueError("must be a time such as 2026-11-23T05:36:21Z")
    try:
        return datetime.fromisoformat(value.upper()).astimezone(UTC)
    except OverflowError:
        raise ValueError("must be in the years 1 to 9999 in UTC") from None


def _from_text(value: Any) -> Any:
    """Whole numbers in a query are plain ASCII digits: no 1e3, 1_000 or other scripts' digits."""
    if isinstance(value, str):
        if not _WHOLE.fullmatch(value):
            raise ValueError("must be a whole number")
        return int(value)
    return value


def _is_control(one: str) -> bool:
    return unicodedata.category(one) in {"Cc", "Cs"}


def check_user_id(user_id: str) -> str:
    """Promise that this can be a user's id.

    Raises:
        ValueError: it is empty, longer than 128 characters, or holds a control character or `/`.
    """
    if not 1 <= len(user_id) <= USER_ID_LENGTH_MAX:
        raise ValueError(f"must be 1 to {USER_ID_LENGTH_MAX} characters")
    if user_id in {".", ".."}:  # clients and proxies take them for steps in a path
        raise ValueError("must not be . or ..")
    if "/" in user_id or (not user_id.isprintable() and any(map(_is_control, user_id))):
        raise ValueError("must not hold control characters or /")
    return user_id


def _small(metadata: dict[str, JsonValue]) -> dict[str, JsonValue]:
    try:
        text = canonical(metadata)
    except ValueError:
        raise ValueError("must hold finite numbers only") from None
    if len(text) > METADATA_LENGTH_MAX:
        raise ValueError(f"must be at most {METADATA_LENGTH_MAX} characters of JSON")
    return metadata


def check_unit_name(name: str) -> str:
    """Promise that this can be a unit's name.

    Raises:
        Invalid: 422.
    """
    if not re.fullmatch(UNIT_NAME, name):
        raise bad_field("unit", "must be lower-case letters, digits and _, 1 to 32 of them, a letter first")
    return name


def check_name(name: str) -> str:
    """Promise that people could be called so.

    Raises:
        Invalid: 422.
    """
    check_text("name", name, TEXT_LENGTHS_MAX["label"])
    if not name.strip():
        raise bad_field("name", "must not be empty")
    return name


def canonical(value: Any) -> str:
    """JSON with sorted names and no spaces: one text for one meaning."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


Amount = Annotated[int, Field(ge=1, le=MAX_AMOUNT, description="Whole credits.")]
SignedAmount = Annotated[
    int,
    Field(ge=-MAX_AMOUNT, le=MAX_AMOUNT, description="Whole credits, added or (negative) taken; not 0."),
    AfterValidator(_not_zero),
]
Credits = Annotated[int, Field(ge=-MAX_AMOUNT, le=MAX_AMOUNT)]
Version = Annotated[int, Field(ge=0, le=MAX_AMOUNT)]
UserId = Annotated[
    str,
    Field(
        min_length=1,
        max_length=USER_ID_LENGTH_MAX,
        json_schema_extra={"pattern": r"^[^/\x00-\x1f\x7f-\x9f]+$"},
    ),
    AfterValidator(check_user_id),
]
UNIT_NAME = r"^[a-z][a-z0-9_]{0,31}$"
UnitName = Annotated[str, StringConstraints(pattern=UNIT_NAME)]
Reason = Annotated[str, StringConstraints(min_length=1, max_length=TEXT_LENGTHS_MAX["reason"])]
Label = Annotated[
    str, StringConstraints(min_length=1, max_length=TEXT_LENGTHS_MAX["label"], pattern=r"^[^\x00]*$")
]

Source = Annotated[str, StringConstraints(min_length=1, max_length=TEXT_LENGTHS_MAX["source"])]
Metadata = Annotated[dict[str, JsonValue], AfterValidator(_small)]
TextWhole = Annotated[int, BeforeValidator(_from_text)]
Time = Annotated[AwareDatetime, BeforeValidator(_rfc3339)]
# Ours are ASCII. Of anything else, two of the longest would make an address that uvicorn does not read.
Cursor = Annotated[str, StringConstraints(max_length=CURSOR_LENGTH_MAX, pattern=r"^[!-~]*$")]
Email = Annotated[str, StringConstraints(max_length=EMAIL_LENGTH_MAX, pattern=rf"^{EMAIL.pattern}$")]
Password = Annotated[str, StringConstraints(min_length=PASSWORD_LENGTHS[0], max_length=PASSWORD_LENGTHS[1])]


class Model(BaseModel):
    """Strict, closed and immutable."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, hide_input_in_errors=True)


def closed(config: ConfigDict) -> ConfigDict:
    """The same for what is no model."""
    return {**config, "strict": True, "extra": "forbid", "hide_input_in_errors": True}


class Asked(BaseModel):
    """A query: its values arrive as text."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


def example_of(example: dict[str, Any]) -> ConfigDict:
    """The model's configuration with an example for the documentation."""
    return ConfigDict(json_schema_extra={"examples": [example]})


# --- bodies of changes ---------------------------------------------------------------------------------------------


class ChangeBody(Model):
    """What every change may carry."""

    unit: UnitName = "credits"
    reason: Reason | None = Field(default=None, description="Why, for operators' eyes.")
    label: Label | None = Field(default=None, description="What the user may read about it.")
    metadata: Metadata | None = Field(default=None, description="Your own facts.")
    receipt: bool = Field(default=False, description="Ask the screens to tell at once that they painted it.")


class OwnKeyBody(ChangeBody):
    """A change that a user's own browser may have asked for."""

    as_user: bool = Field(
        default=False,
        description="The key was made by this user's browser: it stands among the user's own keys and comes back in "
        "their live frames.",
    )


class SpendBody(OwnKeyBody):
    """Credits to take."""

    model_config = example_of({"amount": 5, "label": "Image generated", "metadata": {"job": "j-118"}})
    amount: Amount
    allow_below_floor: bool = Field(default=False, description="Needs the scopes `move` and `admin`.")


class GrantBody(OwnKeyBody):
    """Credits to give, as a lot of their own."""

    model_config = example_of({"amount": 100, "reason": "welcome", "expires_at": "2099-12-31T23:59:59Z"})
    amount: Amount
    expires_at: Time | None = Field(default=None, description="When what is left of them ends.")
    priority: int = Field(
        default=0, ge=-1_000_000, le=1_000_000, description="Lots of a lower number burn first."
    )
    source: Source | None = Field(
        default=None, description="Where they come from, such as an invoice's number."
    )


class HoldBody(OwnKeyBody):
    """Credits to set aside."""

    model_config = example_of({"amount": 30, "ttl_s": 600})
    amount: Amount
    ttl_s: int = Field(
        default=900, ge=1, le=TTL_S_MOST, description="Seconds until it is released by itself."
    )


class ClosingBody(Model):
    """What closing a hold may carry."""

    model_config = example_of({"reason": "job cancelled"})
    reason: Reason | None = None
    label: Label | None = None
    metadata: Metadata | None = None
    receipt: bool = False
    as_user: bool = False


class CaptureBody(ClosingBody):
    """How much of a hold to spend."""

    model_config = example_of({"amount": 22})
    amount: Amount | None = Field(default=None, description="All of it where left out; the rest is released.")


class TransferBody(OwnKeyBody):
    """Credits to move from one user to another."""

    model_config = example_of({"from_user_id": "ada", "to_user_id": "bob", "amount": 10})
    from_user_id: UserId
    to_user_id: UserId
    amount: Amount


class CheckBody(Model):
    """An amount that might be spent."""

    model_config = example_of({"amount": 5})
    amount: Amount
    unit: UnitName = "credits"


class SetBody(ChangeBody):
    """The available credits that the user shall have."""

    model_config = example_of({"credits": 150, "reason": "goodwill"})
    credits: Credits


class AdjustBody(ChangeBody):
    """Credits to add, or to take where negative."""

    model_config = example_of({"amount": -20, "reason": "double booking"})
    amount: SignedAmount
    allow_below_floor: bool = Field(default=False, description="Needs the role admin.")


class ReverseBody(Model):
    """How much of an entry to undo."""

    model_config = example_of({"reason": "wrong user"})
    amount: Amount | None = Field(default=None, description="All of it where left out.")
    allow_below_floor: bool = Field(default=False, description="Needs the role admin.")
    reason: Reason | None = None
    label: Label | None = None
    metadata: Metadata | None = None
    receipt: bool = False


# --- other bodies --------------------------------------------------------------------------------------------------


class TokenBody(Model):
    """Whose screens, and for how long."""

    model_config = example_of({"user_id": "ada", "ttl_s": 900})
    user_id: UserId
    ttl_s: int = Field(default=TOKEN_TTL_MAX_S, ge=1, le=TOKEN_TTL_MAX_S)


class UserBody(Model):
    """What is to be changed about a user; what is left out stays. `null` empties a field (`floor`: no floor)."""

    model_config = example_of(
        {"name": "Ada Lovelace", "email": "ada@example.com", "metadata": {"plan": "pro"}}
    )
    name: Label | None = None
    email: Email | None = None
    metadata: Metadata | None = None
    unit: UnitName = Field(default="credits", description="Which account `floor` and `frozen` are about.")
    floor: Credits | None = Field(
        default=0, le=0, description="Least available credits after a spend. Role admin."
    )
    frozen: bool = Field(default=False, description="Refuse spends and holds. Role admin.")
    low_threshold: Credits | None = Field(
        default=None, description="At or below it the balance is marked as low; null goes by the unit's."
    )
    receipts: bool = Field(default=True, description="Whether their screens are asked what they painted.")
    reason: Reason | None = Field(default=None, description="Why, for the audit trail.")


class SignInBody(Model):
    """An operator's e-mail and password, or a one-time code."""

    model_config = example_of({"email": "olga@example.com", "password": "correct horse battery"})
    email: Annotated[str, StringConstraints(max_length=254)] | None = None
    password: Annotated[str, StringConstraints(max_length=256)] | None = None
    code: Annotated[str, StringConstraints(max_length=128)] | None = None


class NewOperatorBody(Model):
    """A new operator."""

    model_config = example_of(
        {
            "email": "olga@example.com",
            "name": "Olga",
            "role": "support",
            "password": "correct horse battery",
            "limit": 500,
        }
    )
    email: Email
    name: Label
    role: Annotated[Role, Field(strict=False)]
    password: Password | None = Field(
        default=None, description="Without one they sign in by one-time codes only."
    )
    limit: Amount | None = Field(default=None, description="Most credits in one change.")


class OperatorBody(Model):
    """What is to be changed about an operator; what is left out stays."""

    model_config = example_of({"role": "viewer", "limit": None})
    name: Label = ""
    role: Annotated[Role, Field(strict=False)] = Role.VIEWER
    password: Password = ""
    limit: Amount | None = None
    disabled: bool = False


class KeyBody(Model):
    """A new service key."""

    model_config = example_of({"name": "shop backend", "scopes": ["read", "move", "tokens"]})
    name: Label
    scopes: Annotated[frozenset[Annotated[Scope, Field(strict=False)]], Field(strict=False, min_length=1)]


class UnitBody(Model):
    """How a unit is shown."""

    model_config = example_of({"scale": 0, "low_threshold": 20})
    scale: Annotated[int, Field(ge=0, le=9)] | None = Field(
        default=None,
        description="Decimal places that people see and type; left out stays, and is 0 for a new unit.",
    )
    low_threshold: Credits | None = Field(
        default=None,
        description="At or below it a balance is marked as low; null marks none, left out stays.",
    )


# --- queries -------------------------------------------------------------------------------------------------------


class UnitQuery(Asked):
    """Which account."""

    unit: UnitName = "credits"


class BalanceQuery(UnitQuery):
    """Which account, and whether to wait for news of it."""

    after_version: Annotated[TextWhole, Field(ge=0, le=MAX_AMOUNT)] | None = Field(
        default=None, description="Answer once the version is higher, or `wait` is over."
    )
    wait: Annotated[TextWhole, Field(ge=0, le=30)] = Field(
        default=0, description="Seconds to wait, at most 30."
    )


class PageQuery(Asked):
    """Which page."""

    before: Cursor | None = Field(default=None, description="`previous` of another page.")
    after: Cursor | None = Field(default=None, description="`next` of another page.")
    limit: Annotated[TextWhole, Field(ge=1, le=200)] = 50

    @field_validator("after")
    @classmethod
    def _one_direction(cls, after: str | None, info: ValidationInfo) -> str | None:
        if after is not None and info.data.get("before") is not None:
            raise ValueError("cannot be combined with before")
        return after


Format = Annotated[
    Literal["json", "csv", "ndjson"],
    Field(
        description="csv and ndjson give all pages as a file; what concerns others needs the right to export."
    ),
]


class HistoryQuery(PageQuery):
    """Which entries, newest first."""

    unit: UnitName | None = None
    kind: str | None = Field(
        default=None, description="Kinds of entries, separated by commas.", max_length=120
    )
    since: Time | None = None
    until: Time | None = None


class OwnHistoryQuery(HistoryQuery):
    """Which entries, newest first, and in which form."""

    format: Format = "json"


class FullHistoryQuery(OwnHistoryQuery):
    """Which entries, newest first, and in which form."""

    actor: str | None = Field(default=None, max_length=200, description="`operator:<id>`, `service:<id>` …")
    metadata: str | None = Field(
        default=None,
        max_length=200,
        description="`name:value`; finds texts, numbers and true, false, null that are spelled so.",
    )


class HoldsQuery(PageQuery):
    """Which holds."""

    unit: UnitName | None = None
    state: Literal["open", "captured", "released", "all"] = "open"


class UsersQuery(PageQuery):
    """Which users."""

    q: str | None = Field(
        default=None, max_length=200, description="Part of an id, a name or an e-mail address."
    )
    unit: UnitName = "credits"
    sort: Literal[
        "user_id", "name", "credits", "updated_at", "-user_id", "-name", "-credits", "-updated_at"
    ] = "user_id"
    frozen: bool | None = None
    low: bool | None = Field(default=None, description="Only low balances, or only others.")
    format: Format = "json"


Actions = Annotated[str, StringConstraints(min_length=1, max_length=400)]


class ReasonQuery(Asked):
    """Why, for what takes no body."""

    reason: Reason | None = None


class ReasonBody(Model):
    """Why, for what needs nothing else."""

    model_config = example_of({"reason": "printed twice"})
    reason: Reason | None = None


class AuditQuery(PageQuery):
    """Which rows of the audit trail, newest first."""

    actor: str | None = Field(default=None, max_length=200)
    action: Actions | None = Field(default=None, description="Actions, separated by commas.")
    exclude: Actions | None = Field(default=None, description="Actions to leave out, separated by commas.")
    target: str | None = Field(
        default=None, max_length=200,
        description="What it was done to, by its id; of an order, a voucher or an entry also what moved its credits.",
    )  # fmt: skip
    since: Time | None = None
    until: Time | None = None
    format: Format = "json"


class ScreensQuery(Asked):
    """Whose screens."""

    user: Annotated[str, AfterValidator(check_user_id)] | None = None
