"""What the routes of batches take and answer, as pydantic models with examples; see `bodies` and `answers`."""

from __future__ import annotations

from typing import Annotated, Any, Literal, NotRequired

from pydantic import Field, StringConstraints
from typing_extensions import TypedDict  # before Python 3.12, pydantic cannot read the standard library's

from livecredits.credits.batches import ROWS_MOST
from livecredits.http.answers import Moment, PageShape
from livecredits.http.bodies import (
    Asked,
    Credits,
    Label,
    Model,
    PageQuery,
    Reason,
    Time,
    UnitName,
    UserId,
    closed,
    example_of,
)

BATCH_BYTES_MAX = 8 * 1024 * 1024
"""Largest body of a batch: 10,000 rows of 800 bytes."""
_AT = "2026-11-23T05:36:21.123456Z"
_BATCH = "bat_019d1f7e5b2a7c3f8e0a1b2c3d4e5f64"
_RUN = "The run that it is a part of: `run:<name>` where its key is `run:<name>:<part>`, else null."
_ENTRY = "ent_019d1f7e5b2a7c3f8e0a1b2c3d4e5f60"

DEFAULT_UNIT = "credits"
Operation = Literal["adjust", "set", "grant"]


def _default(default: str | None, description: str | None = None) -> Any:
    return Field(description=description, json_schema_extra={"default": default})


class BatchRowBody(TypedDict):
    """One change of a batch."""

    # A dictionary, where all other bodies are models: ten thousand models took twice as long to read, and then kept the
    # garbage collector busy. Members that are left out are left out, so each default stands where they are read.
    __pydantic_config__ = closed(example_of({"user_id": "ada", "op": "adjust", "amount": 50}))  # type: ignore[misc]
    row: NotRequired[
        Annotated[
            Annotated[int, Field(ge=1, le=2**31)] | None,
            _default(None, "Its number in your list; its place in `rows` where left out."),
        ]
    ]
    user_id: UserId
    op: Annotated[
        Operation,
        Field(description="adjust adds (negative takes), set makes equal, grant gives as a lot of its own."),
    ]
    amount: Annotated[
        Credits,
        Field(description="Signed for adjust, the wanted available credits for set, ≥ 1 for grant."),
    ]
    unit: NotRequired[Annotated[UnitName, _default(DEFAULT_UNIT)]]
    reason: NotRequired[Annotated[Reason | None, _default(None)]]
    label: NotRequired[Annotated[Label | None, _default(None)]]
    expires_at: NotRequired[Annotated[Time | None, _default(None, "When a grant ends.")]]
    key: NotRequired[
        Annotated[
            Annotated[str, StringConstraints(pattern=r"^[!-~]{1,255}$")] | None,
            _default(None, "The row's own idempotency key, where it may come again in another batch."),
        ]
    ]


class BatchBody(Model):
    """Many changes."""

    model_config = example_of(
        {
            "rows": [
                {"user_id": "ada", "op": "adjust", "amount": 50},
                {"user_id": "bob", "op": "grant", "amount": 20, "expires_at": "2099-12-31T23:59:59Z"},
            ],
            "dry_run": True,
            "reason": "goodwill",
        }
    )
    rows: Annotated[list[BatchRowBody], Field(min_length=1, max_length=ROWS_MOST)]
    dry_run: bool = Field(default=False, description="Only tell what would be.")
    atomic: bool = Field(default=False, description="All or none; otherwise each row stands for itself.")
    reason: Reason | None = Field(default=None, description="For rows without a reason of their own.")
    label: Label | None = Field(default=None, description="For rows without a label of their own.")


class BatchQuery(Asked):
    """How a CSV body is meant; a JSON body says so itself."""

    dry_run: bool = False
    atomic: bool = False
    op: Operation | None = Field(default=None, description="For a file without a column `op`.")
    reason: Reason | None = None
    label: Label | None = None


class BatchUndoBody(Model):
    """How a batch is undone."""

    model_config = example_of({"reason": "wrong file"})
    dry_run: bool = False
    atomic: bool = Field(default=False, description="All or none.")
    allow_below_floor: bool = Field(default=False, description="Take back credits that are spent, too.")
    reason: Reason | None = None
    label: Label | None = None


class BatchesQuery(PageQuery):
    """Which batches, newest first."""

    run: Annotated[str, StringConstraints(pattern=r"^[!-~]{1,255}$")] | None = Field(
        default=None, description="Only the parts of this run, as `run` of another answer names it."
    )


class BatchRowShape(Model):
    """What one row came to. Either `entry` (not in a dry run), or `code` and `detail` of its refusal."""

    model_config = example_of({
        "row": 1, "user_id": "ada", "unit": "credits", "op": "adjust", "amount": 50, "ok": True, "before": 95,
        "after": 145, "entry": _ENTRY,
    })  # fmt: skip
    row: int
    user_id: str
    unit: str
    op: Operation
    amount: Credits
    ok: bool
    before: Credits | None = Field(
        description="Available credits just before the row; null for an unknown user."
    )
    after: Credits | None
    entry: str = ""
    code: str = ""
    detail: str = ""
    reversed_by: str = Field(default="", description="The entry that undid it.")
    replayed: bool = Field(default=False, description="A former request with this key had done it already.")


class BatchTotal(Model):
    """What the accepted rows move, in one unit."""

    model_config = example_of({"added": 70, "taken": 0, "net": 70})
    added: int
    taken: int
    net: int


class BatchAnswer(Model):
    """A batch with all its rows. `batch` is null where nothing was kept: a dry run, or an atomic one refused."""

    model_config = example_of({
        "batch": _BATCH, "run": None, "dry_run": False, "atomic": False, "state": "applied", "applied": 1, "refused": 0,
        "totals": {"credits": {"added": 50, "taken": 0, "net": 50}}, "reason": "goodwill", "label": None,
        "actor": "operator:op_7f3e", "created_at": _AT, "finished_at": _AT, "rows": [],
    })  # fmt: skip
    batch: str | None
    run: str | None = Field(description=_RUN)
    dry_run: bool
    atomic: bool
    state: Literal["previewed", "refused", "running", "interrupted", "applied", "reversed", "partly_reversed"]
    applied: int
    refused: int
    totals: dict[str, BatchTotal]
    reason: str | None
    label: str | None
    actor: str | None
    created_at: Moment | None
    finished_at: Moment | None
    rows: list[BatchRowShape]


class BatchItem(Model):
    """A batch in a list."""

    model_config = example_of({
        "batch": _BATCH, "run": "run:019d1f7e", "state": "applied", "atomic": False, "rows": 2,
        "reason": "goodwill", "label": None, "actor": "operator:op_7f3e", "created_at": _AT, "finished_at": _AT,
    })  # fmt: skip
    batch: str
    run: str | None = Field(description=_RUN)
    state: Literal["running", "interrupted", "applied", "reversed", "partly_reversed"]
    atomic: bool
    rows: int
    reason: str | None
    label: str | None
    actor: str
    created_at: Moment
    finished_at: Moment | None


class BatchesPage(PageShape):
    """Batches, newest first."""

    model_config = example_of({"items": [], "next": None, "previous": None})
    items: list[BatchItem]
