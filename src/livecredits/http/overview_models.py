"""What Overview, Settings and Developers' tools take and answer; as `bodies` and `answers` do for the others."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, StringConstraints

from livecredits.http.answers import Moment
from livecredits.http.bodies import Asked, Model, Time, example_of

_AT = "2026-11-23T05:36:21.123456Z"
OBJECTIVE_MS_MOST = 60_000
KEEP_DAYS_MOST = 365
PRESETS_MOST = 20
TOKEN_TEXT_MOST = 8_192

Sum = Annotated[int, Field(description="In the unit's smallest part; a sum, so it may be beyond 2^53 − 1.")]


# --- figures -------------------------------------------------------------------------------------------------------


class StatsQuery(Asked):
    """From when on is today."""

    today_from: Time | None = Field(
        default=None,
        description="When the reader's day began, on a quarter of an hour and at most 25 hours ago. Midnight UTC by "
        "default. The hours of `series` are cut where this clock shows full hours.",
    )


class HourFigures(Model):
    """What one hour moved."""

    model_config = example_of(
        {"at": _AT, "granted": 500, "spent": 120, "expired": 0, "taken": 0, "reversed": 0}
    )
    at: Moment
    granted: Sum
    spent: Sum
    expired: Sum
    taken: Sum
    reversed: Sum


class UnitStats(Model):
    """The figures of one unit. Outstanding changes by granted − spent − expired − taken + reversed."""

    model_config = example_of({
        "unit": "credits", "scale": 0, "outstanding": 48_210, "held": 90, "granted_today": 500, "spent_today": 120,
        "expired_today": 0, "taken_today": 0, "reversed_today": 0, "series": [],
    })  # fmt: skip
    unit: str
    scale: int
    outstanding: Sum = Field(description="What all users together could spend.")
    held: Sum
    granted_today: Sum = Field(description="Given by grants, adjustments, sets, vouchers and orders.")
    spent_today: Sum = Field(description="Used by spends and captures.")
    expired_today: Sum
    taken_today: Sum = Field(description="Taken by adjustments and sets.")
    reversed_today: Sum = Field(description="What reversals gave back (positive) or took back (negative).")
    series: list[HourFigures] = Field(
        description="The last 24 hours, oldest first; the last one is not over."
    )


class OrderStats(Model):
    """Orders that wait."""

    model_config = example_of({"pending": 3})
    pending: int


class ScreenStats(Model):
    """Open screens of users, and of how many users; of all nodes that answered."""

    model_config = example_of({"open": 12, "users": 9, "users_exact": True})
    open: int
    users: int
    users_exact: bool = Field(
        description="False where several nodes have thousands of users: an estimate then, within a few percent."
    )


class NodesCounted(Model):
    """How many nodes `screens`, `painted` and `failures` are of; one that does not answer is left out."""

    model_config = example_of({"asked": 2, "answered": 2})
    asked: int
    answered: int


class PaintedStats(Model):
    """How long changes took from their commit until a screen had painted them, an upper bound; of all nodes."""

    model_config = example_of({
        "p50_ms": 14.2, "p95_ms": 31.0, "p99_ms": 88.5, "count": 1_204, "window_s": 3_600, "objective_ms": 200,
        "within": 0.998,
    })  # fmt: skip
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    count: int = Field(description="How many receipts these figures rest on.")
    window_s: int = Field(description="From how many seconds they are.")
    objective_ms: int
    within: float | None = Field(
        description="Which share was within the objective; null where nothing is known."
    )


class FailureStats(Model):
    """What went wrong on the nodes, on each since it started."""

    model_config = example_of({
        "since": _AT, "storage": None, "errors": 0, "refused": 4, "limited": 0, "closed": {"no_answer": 2},
        "alarms": 0,
    })  # fmt: skip
    since: Moment = Field(description="When the first of them started.")
    storage: str | None = Field(description="Why nothing is written any more, if so.")
    errors: int = Field(description="Requests answered with 5xx.")
    refused: int = Field(description="Changes refused for a reason of the ledger: 402, 409, 410, 412.")
    limited: int = Field(description="Requests answered with 429.")
    closed: dict[str, int] = Field(
        description="Live connections that the server ended, by the name of the reason."
    )
    alarms: int = Field(description="Screens or handed-over states that did not fit the ledger.")


class StatsAnswer(Model):
    """The installation at a glance."""

    model_config = example_of({
        "as_of": _AT, "today_from": _AT, "complete": True, "units": [], "users": 1_204, "orders": {"pending": 3},
        "screens": {"open": 12, "users": 9, "users_exact": True},
        "painted": {"p50_ms": None, "p95_ms": None, "p99_ms": None, "count": 0, "window_s": 3_600,
                    "objective_ms": 200, "within": None},
        "failures": {"since": _AT, "storage": None, "errors": 0, "refused": 0, "limited": 0, "closed": {},
                     "alarms": 0},
        "nodes": {"asked": 2, "answered": 2},
    })  # fmt: skip
    as_of: Moment
    today_from: Moment
    complete: bool = Field(
        description="False for the first seconds of a process: the day's entries are still being counted."
    )
    units: list[UnitStats]
    users: int = Field(description="As of a moment ago.")
    orders: OrderStats
    screens: ScreenStats
    painted: PaintedStats
    failures: FailureStats
    nodes: NodesCounted


class NodeShape(Model):
    """One serving process."""

    model_config = example_of({
        "node": "credits-1", "started_at": _AT, "version": "0.1.0", "screens": 12, "lag_ms": 0, "draining": False,
        "not_ready": None, "batch": None, "is_this": True,
    })  # fmt: skip
    node: str
    started_at: Moment
    version: str
    screens: int = Field(description="Open live connections, operators' included.")
    lag_ms: int = Field(
        description="How old the commits of other nodes were that reached it last: the oldest of two seconds."
    )
    draining: bool = Field(description="It is going, and sends its screens to the others.")
    not_ready: str | None = Field(
        description="Why it takes no changes or shows them late, in a sentence; a proxy should not send to it."
    )
    batch: str | None = Field(description="The batch that it is applying, if any.")
    is_this: bool = Field(description="Whether this answer is its own.")


class NodesAnswer(Model):
    """All serving processes."""

    model_config = example_of({"items": []})
    items: list[NodeShape]


# --- settings ------------------------------------------------------------------------------------------------------


def _once(presets: list[str]) -> list[str]:
    if len(set(presets)) < len(presets):
        raise ValueError("must not hold a reason twice")
    return presets


Preset = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$"),
]
Presets = Annotated[list[Preset], Field(max_length=PRESETS_MOST), AfterValidator(_once)]
ObjectiveMs = Annotated[int, Field(ge=1, le=OBJECTIVE_MS_MOST)]
KeepDays = Annotated[int, Field(ge=1, le=KEEP_DAYS_MOST)]


class SettingsBody(Model):
    """What is to be changed; what is left out stays."""

    model_config = example_of({"painted_objective_ms": 150, "reason_presets": ["Goodwill", "Correction"]})
    receipts: bool = Field(default=True, description="Whether screens are asked what they painted.")
    painted_objective_ms: ObjectiveMs = Field(
        default=200, description="A change is to be painted within so many milliseconds of its commit."
    )
    broadcasts_keep_days: KeepDays = Field(default=7, description="How long the broadcast log is kept.")
    reason_presets: Presets = Field(default=[], description="The reasons that the console offers.")


class FactsShape(Model):
    """What the environment of this process decides; changed there, not here."""

    model_config = example_of({
        "version": "0.1.0", "mode": "production", "database": "sqlite", "allowed_origins": [],
        "trusted_proxies": [], "require_reason": False, "session_ttl_s": 43_200, "token_ttl_most_s": 3_600,
        "heartbeat_s": 20, "screens_per_user": 50, "identity_provider": None, "idempotency_keep_days": None,
    })  # fmt: skip
    version: str
    mode: Literal["development", "production"]
    database: str = Field(description="Which kind of database; never its address.")
    allowed_origins: list[str]
    trusted_proxies: list[str]
    require_reason: bool
    session_ttl_s: int
    token_ttl_most_s: int
    heartbeat_s: int
    screens_per_user: int
    identity_provider: str | None = Field(description="Host of the provider whose tokens are taken, if any.")
    idempotency_keep_days: int | None = Field(
        description="How long the answer to an idempotency key is kept; null for ever."
    )


class SettingsAnswer(Model):
    """The settings of the installation, and what the process's environment decides."""

    model_config = example_of({
        "receipts": True, "painted_objective_ms": 200, "broadcasts_keep_days": 7,
        "reason_presets": ["Goodwill", "Correction"],
        "facts": {"version": "0.1.0", "mode": "production", "database": "sqlite", "allowed_origins": [],
                  "trusted_proxies": [], "require_reason": False, "session_ttl_s": 43_200,
                  "token_ttl_most_s": 3_600, "heartbeat_s": 20, "screens_per_user": 50, "identity_provider": None,
                  "idempotency_keep_days": None},
    })  # fmt: skip
    receipts: bool
    painted_objective_ms: ObjectiveMs
    broadcasts_keep_days: KeepDays
    reason_presets: Presets
    facts: FactsShape


# --- developers' tools ---------------------------------------------------------------------------------------------


class TokenTestBody(Model):
    """A token that somebody holds."""

    model_config = example_of({"token": "eyJhbGciOi…"})
    token: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=TOKEN_TEXT_MOST)]


class TokenProblem(Model):
    """Why a token is refused."""

    model_config = example_of({"check": "expired", "detail": "It ended 4 minutes ago."})
    check: Literal[
        "shape",
        "kind",
        "algorithm",
        "signature",
        "claims",
        "issuer",
        "audience",
        "times",
        "expired",
        "user",
        "revoked",
    ]
    detail: str


class TokenTestAnswer(Model):
    """What a token says, and whether it would be taken now."""

    model_config = example_of({
        "valid": False, "kind": "screen", "user_id": "ada", "known_user": True, "issued_at": _AT,
        "expires_at": _AT, "header": {"alg": "HS256", "typ": "JWT"}, "claims": {"sub": "ada"},
        "problem": {"check": "expired", "detail": "It ended 4 minutes ago."},
    })  # fmt: skip
    valid: bool
    kind: Literal["screen", "provider", "operator", "key", "unknown"] = Field(
        description="Our own screen token, the identity provider's, an operator's live token, a service key."
    )
    user_id: str | None = Field(description="Whose account it would open.")
    known_user: bool | None = Field(description="Whether there is such a user already; testing makes nobody.")
    issued_at: Moment | None
    expires_at: Moment | None
    header: dict[str, Any] | None = Field(description="As the token says it, believed or not.")
    claims: dict[str, Any] | None = Field(description="As the token says it, believed or not.")
    problem: TokenProblem | None
