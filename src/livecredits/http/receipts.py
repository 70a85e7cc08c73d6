"""Who has seen a change: the counts as every answer spells them, and routes that wait for them.

This promises that waiting never delays a commit: it begins after the change is durable, and ends when no screen is
behind or when the caller's time is over. It must not know how receipts are counted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from livecredits.core.broadcasts import Counts
from livecredits.errors import NotFound
from livecredits.http.bodies import Asked, Model, TextWhole, example_of

if TYPE_CHECKING:
    from livecredits.http.routing import Call

TIMEOUT_MS_MAX = 10_000
TIMEOUT_MS = 2_000

_Count = Annotated[int, Field(ge=0)]


class WaitQuery(Asked):
    """Whether the answer is to tell on how many screens the change was seen."""

    wait: Literal["shown"] | None = Field(
        default=None,
        description="`shown`: ask the screens for receipts at once, and answer when none is behind, or in time.",
    )
    timeout_ms: Annotated[
        TextWhole, Field(ge=1, le=TIMEOUT_MS_MAX, description="How long to wait for them at most.")
    ] = TIMEOUT_MS


class CountsShape(Model):
    """Where the screens stand that were open when it was pushed: each in one class."""

    model_config = example_of({
        "open": 3, "shown": 2, "hidden": 1, "asleep": 0, "gone": 0, "behind": 0, "first_ms": 14, "last_ms": 21,
        "counted": "screens",
    })  # fmt: skip
    open: _Count = Field(description="Screens of the user that were open.")
    shown: _Count = Field(description="A visible tab painted this version or a higher one.")
    hidden: _Count = Field(description="No tab is visible.")
    asleep: _Count = Field(description="Alive on the wire, but its script has not answered in time.")
    gone: _Count = Field(description="Closed before it painted.")
    behind: _Count = Field(description="Open and visible, and has not painted it yet.")
    first_ms: int | None = Field(
        description="From commit to the first receipt, an upper bound; null until one came."
    )
    last_ms: int | None = Field(description="From commit to the last receipt so far.")
    counted: Literal["screens", "browsers"] = Field(
        description="`browsers` where tabs share a connection: then one counts as shown when its visible tabs all do."
    )
    off: bool = Field(default=False, description="Receipts are switched off for this user, or for all.")


def as_counts(counts: Counts) -> dict[str, Any]:
    """Counts as JSON."""
    shape: dict[str, Any] = {
        "open": counts.open, "shown": counts.shown, "hidden": counts.hidden, "asleep": counts.asleep,
        "gone": counts.gone, "behind": counts.behind, "first_ms": counts.first_ms, "last_ms": counts.last_ms,
        "counted": "browsers" if counts.browsers else "screens",
    }  # fmt: skip
    return {**shape, "off": True} if counts.off else shape


def waits(call: Call[Any, Any]) -> bool:
    """Whether the caller wants to know who has seen it."""
    return call.route.query is WaitQuery and call.query.wait is not None


async def receipts_of(call: Call[Any, Any], id: str, *, is_new: bool) -> dict[str, Any] | None:
    """The counts of a broadcast, as soon as no screen is behind or the caller's time is over.

    Args:
        call: of a route with a `WaitQuery`.
        id: the entry's or the re-send's.
        is_new: it was pushed just now, so that who is not in memory had no screen.

    Returns:
        The counts as JSON; None where they were never written down.
    """
    services = call.services
    counts = await services.nodes.counts(id, call.query.timeout_ms / 1000)
    if counts is None and is_new:
        counts = Counts()
    if counts is None:
        await services.nodes.flush()
        try:
            counts = (await services.log.one(id)).counts
        except NotFound:
            counts = None
    return None if counts is None else as_counts(counts)
