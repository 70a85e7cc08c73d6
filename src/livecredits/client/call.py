"""One request, and how its answer is read: what every verb is made of.

Promises: a change of credits carries an idempotency key before it is sent for the first time, and so does whatever
else a retry could make twice; what has no key and would be made twice says so (`repeatable`). Must not know
connections, threads, time.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Generic, Literal, TypedDict, TypeVar
from urllib.parse import quote

from livecredits.client.reading import Json
from livecredits.client.results import Answer, Page
from livecredits.errors import Invalid

T = TypeVar("T")
_KEY = re.compile(r"[!-~]{1,255}")
Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
Replayed = TypeVar("Replayed", bound=Any)


class _Untouched:
    """Says that a field stays as it is, where None would empty it."""

    def __repr__(self) -> str:
        return "…"


UNTOUCHED: Any = _Untouched()
"""The value of an argument that was not given."""


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """One request, and how its answer is read.

    Attributes:
        method: of HTTP.
        path: below `/api/v1`.
        read: makes the result of the answer's JSON.
        body: sent as JSON, or, where it is bytes, as the `content-type` of `headers` says.
        query: of the address.
        headers: besides those of every request.
        changes: it changes something; without an answer nobody knows whether it did.
        repeatable: asking twice does no more than asking once: it reads, has a key, or sets what it sets.
        replayed: is told of a former answer, given again.
    """

    method: Method
    path: str
    read: Callable[[Json], T]
    body: Mapping[str, Any] | bytes | None = None
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    changes: bool = False
    repeatable: bool = True
    replayed: Callable[[T], T] | None = None


@dataclass(frozen=True, slots=True)
class Download:
    """A list that comes as a file: CSV or NDJSON, all pages of it."""

    path: str
    query: Mapping[str, str]

    @property
    def call(self) -> Call[None]:
        """The request that asks for it."""
        return Call("GET", self.path, nothing, query=self.query, headers={"Accept": "*/*"})


class About(TypedDict, total=False):
    """What every change may say about itself.

    unit: which of the user's accounts (default `credits`) · reason: why, for operators' eyes · label: what the user
    reads about it · metadata: your own facts · key: the idempotency key, 1–255 characters, made if left out ·
    receipt: screens tell at once that they painted it · if_version: refuse unless the account is still at this version.
    """

    unit: str
    reason: str | None
    label: str | None
    metadata: Mapping[str, Any] | None
    key: str | None
    receipt: bool
    if_version: int | None


class AboutOwn(About, total=False):
    """The same for changes that a user's own browser may have asked for.

    as_user: the key was made by the user's browser; it is told to their screens, so that an optimistic number there
    settles.
    """

    as_user: bool


class AboutOrder(TypedDict, total=False):
    """What the change that an order leads to may say about itself; see `About`. Its unit is the package's."""

    reason: str | None
    label: str | None
    metadata: Mapping[str, Any] | None
    key: str | None
    receipt: bool
    if_version: int | None


class Awaited(TypedDict, total=False):
    """Whether the answer is to tell on how many screens the change was seen, as its `receipts`.

    wait: `shown` asks the user's screens for receipts, and answers when none is behind, or in time · timeout_ms: how
    long to wait at most, 1–10,000 (default 2,000); the change is durable before that begins.
    """

    wait: Literal["shown"] | None
    timeout_ms: int


class AboutShown(About, Awaited, total=False):
    """See `About` and `Awaited`."""


class AboutOwnShown(AboutOwn, Awaited, total=False):
    """See `AboutOwn` and `Awaited`."""


class AboutOrderShown(AboutOrder, Awaited, total=False):
    """See `AboutOrder` and `Awaited`."""


def change(method: Method, path: str, body: Mapping[str, Any], about: Mapping[str, Any]) -> Call[Answer]:
    """A change of credits, with its key."""
    said = {**body, **about}
    headers = keyed(said.pop("key", None))
    if_version = said.pop("if_version", None)
    query = texts({name: said.pop(name, None) for name in ("wait", "timeout_ms")})
    if if_version is not None:
        headers["If-Match"] = f'"{if_version}"'
    return Call(
        method, path, Answer.read, body=told(said), query=query, headers=headers, changes=True, replayed=as_replayed
    )  # fmt: skip


def keyed(key: object) -> dict[str, str]:
    """The header of an idempotency key, which is made where none is given.

    Raises:
        Invalid: it cannot be one: over HTTP it has 1–255 visible ASCII characters.
    """
    if key is None:
        return {"Idempotency-Key": secrets.token_hex(16)}
    if not isinstance(key, str) or not _KEY.fullmatch(key):
        raise _bad("key", "must have 1–255 visible ASCII characters")
    return {"Idempotency-Key": key}


def _bad(field: str, message: str) -> Invalid:
    return Invalid(f"{field} {message}.", errors=[{"field": field, "message": message}])


def as_replayed(result: Replayed) -> Replayed:
    """The same result, saying that it is a former one."""
    return replace(result, replayed=True)


def told(values: Mapping[str, Any]) -> dict[str, Any]:
    """What has a value; the service's own default stands for the rest."""
    return {name: value for name, value in values.items() if value is not None}


def touched(**values: Any) -> dict[str, Any]:
    """What was given, None included: that empties a field."""
    return {name: value for name, value in values.items() if value is not UNTOUCHED}


def page_of(read_item: Callable[[Json], T], path: str, **query: Any) -> Call[Page[T]]:
    """A page of a list."""
    return Call("GET", path, lambda body: Page.read(read_item, body), query=texts(query))


def items_of(read_item: Callable[[Json], T], path: str) -> Call[list[T]]:
    """A whole short list."""
    return Call("GET", path, items_read(read_item))


def items_read(read_item: Callable[[Json], T]) -> Callable[[Json], list[T]]:
    """What reads a whole short list."""
    return lambda body: list(Page.read(read_item, body))


def texts(values: Mapping[str, Any]) -> dict[str, str]:
    """Values as a query spells them; None is left out."""
    return {name: _text(value) for name, value in values.items() if value is not None}


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return time(value) or "" if isinstance(value, datetime) else str(value)


def listed(values: Iterable[str] | None) -> str | None:
    """Several words in one parameter; None for none, and one word is one."""
    return values if isinstance(values, str) else None if values is None else ",".join(values) or None


def named(value: object) -> str:
    """An id as one step of a path.

    Raises:
        Invalid: it cannot be one; an empty step, or one of dots alone, would lead to another address.
    """
    if not isinstance(value, str) or value in {"", ".", ".."}:
        raise _bad("id", "must be text, and neither empty nor . nor ..")
    return quote(value, safe="")


def time(at: datetime | None) -> str | None:
    """A moment as JSON carries it, in UTC.

    Raises:
        ValueError: it has no zone, and nobody knows when it is.
    """
    if at is None:
        return None
    if at.tzinfo is None:
        raise ValueError(f"{at!r} has no time zone")
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def nothing(_body: Json) -> None:
    """Read an answer that says nothing."""
