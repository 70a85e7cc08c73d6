"""The route table: every address declares its rule, its bodies and its answers once; all else is derived from it.

This promises that there is no route without a `Rule` (declaring one fails at import), that finding a route costs a
dictionary look-up per path segment however many there are, and that the guard, the OpenAPI document and the security
tests read the very table that serves. It must not know what any route does.
The odd thing: this is no web framework's router. One change over HTTP has a budget of tens of microseconds beside its
commit, which dependency injection would spend alone (docs/decisions/http-route-table.md).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from pydantic import BaseModel
from pydantic_core import to_json

from livecredits.access import Principal, Role, Scope
from livecredits.errors import MethodNotAllowed, NotFound, Refused

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive
    from starlette.types import Scope as AsgiScope

    from livecredits.http.services import Services
    from livecredits.proxies import Origin

API = "/api/v1"
UNSAFE = frozenset({"POST", "PUT", "PATCH", "DELETE"})

Body = TypeVar("Body")
Query = TypeVar("Query")


@dataclass(frozen=True, slots=True)
class Rule:
    """Who may call a route. What is not named is refused.

    Attributes:
        user: a screen token may, for its own user's account.
        scope: a service key with this scope may.
        role: an operator with this role, or a higher one, may.
        anybody: no credential is asked for; the reason stands where the rule is made.
        by_itself: the endpoint checks the credential (a live screen sends it in its first frame).
        from_elsewhere: pages of allowed origins may call it (CORS).
    """

    user: bool = False
    scope: Scope | None = None
    role: Role | None = None
    anybody: bool = False
    by_itself: bool = False
    from_elsewhere: bool = False


OWN_ACCOUNT = Rule(user=True, from_elsewhere=True)
ANYBODY = Rule(anybody=True)
LIVE = Rule(by_itself=True, from_elsewhere=True)


@dataclass(slots=True)
class Reply:
    """A whole answer in memory; `body` is sent as it is."""

    body: bytes = b""
    status: int = 200
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    media_type: bytes = b"application/json"


@dataclass(slots=True)
class Stream:
    """An answer that is written as it is read from the ledger."""

    chunks: AsyncIterator[bytes]
    media_type: bytes
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    status: int = 200


@dataclass(slots=True)
class Handover:
    """The connection goes to another ASGI application (the live endpoints)."""

    to: ASGIApp


Answer = Reply | Stream | Handover


def as_json(content: Any, *, status: int = 200, headers: Sequence[tuple[bytes, bytes]] = ()) -> Reply:
    """A JSON answer."""
    return Reply(to_json(content), status, list(headers))


class Call(Generic[Body, Query]):
    """One request on its way to its route: who, from where, with what."""

    __slots__ = (
        "asgi", "body", "headers", "origin", "params", "principal", "query", "receive", "request_id", "root_path",
        "route", "services",
    )  # fmt: skip

    services: Services
    asgi: AsgiScope
    receive: Receive
    route: Route
    params: Mapping[str, str]
    headers: Mapping[str, str]
    origin: Origin
    root_path: str
    request_id: str
    principal: Principal
    body: Body
    query: Query


class NoBody(BaseModel):
    """The route reads no body."""


class NoQuery(BaseModel, extra="forbid"):
    """The route reads no query."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One method on one path; see `Routes.add` for the meaning of the parts."""

    method: str
    path: str
    answer: Callable[[Call[Any, Any]], Awaitable[Answer]]
    rule: Rule
    tag: str
    body: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    result: type[BaseModel] | None = None
    status: int = 200
    refuses: tuple[type[Refused], ...] = ()
    media_types: tuple[str, ...] = ()
    takes: Mapping[str, Callable[[bytes, Any], Any]] = field(default_factory=dict)
    body_bytes_max: int | None = None
    keyed: bool = False
    conditional: bool = False
    hidden: bool = False

    @property
    def is_unsafe(self) -> bool:
        """Whether the route changes something, so that a foreign page must not reach it."""
        return self.method in UNSAFE


class Routes:
    """The routes of one audience, collected by decorators.

    Args:
        tag: the heading under which the documentation lists them.
        prefix: what stands before each path.
    """

    def __init__(self, tag: str, *, prefix: str = API) -> None:
        self.tag = tag
        self.prefix = prefix
        self.routes: list[Route] = []

    def add(
        self, method: str, path: str, *, rule: Rule, **rest: Any
    ) -> Callable[
        [Callable[[Call[Any, Any]], Awaitable[Answer]]], Callable[[Call[Any, Any]], Awaitable[Answer]]
    ]:
        """Declare the decorated function as a route; its docstring is the documentation.

        Args:
            method: `GET`, `POST`, `PUT`, `PATCH` or `DELETE`.
            path: below the prefix; `{name}` stands for one segment, `{name*}` at the end for all that follow.
            rule: who may call it.
            rest: `body`, `query`, `result` (models), `status` of the good answer, `refuses` (leaves of
                `errors.Refused` beyond those that the rule and the models imply), `media_types` where it is not
                JSON alone, `takes` (media types of bodies besides JSON, each with what reads them, given the bytes
                and the query, in a thread), `body_bytes_max` where it is not the settings' one, `keyed` (takes an
                Idempotency-Key), `conditional` (takes If-Match), `hidden` from the documentation.
        """

        def declare(
            answer: Callable[[Call[Any, Any]], Awaitable[Answer]],
        ) -> Callable[[Call[Any, Any]], Awaitable[Answer]]:
            path_whole = self.prefix + path
            self.routes.append(
                Route(method=method, path=path_whole, answer=answer, rule=rule, tag=self.tag, **rest)
            )
            return answer

        return declare


class _Node:
    __slots__ = ("children", "methods", "name", "rest", "wild")

    def __init__(self) -> None:
        self.children: dict[str, _Node] = {}
        self.wild: _Node | None = None
        self.name = ""
        self.rest = False
        self.methods: dict[str, Route] = {}


class Table:
    """All routes of an application, ready to be searched.

    Raises:
        ValueError: two routes share a method and a path, or one parameter has two names.
    """

    def __init__(self, routes: Iterable[Route]) -> None:
        self.routes = tuple(routes)
        self._root = _Node()
        for route in self.routes:
            self._place(route)

    def _place(self, route: Route) -> None:
        node = self._root
        for segment in route.path[1:].split("/"):
            if not segment.startswith("{"):
                node = node.children.setdefault(segment, _Node())
                continue
            name = segment.strip("{*}")
            node.wild = node.wild or _Node()
            node = node.wild
            if node.name not in {"", name}:
                raise ValueError(f"{route.path}: {{{node.name}}} stands here already")
            node.name, node.rest = name, segment.endswith("*}")
        if route.method in node.methods:
            raise ValueError(f"{route.method} {route.path} is declared twice")
        node.methods[route.method] = route

    def find(self, path: str) -> tuple[Mapping[str, Route], dict[str, str]]:
        """The routes by method at `path`, and what its parameters stand for.

        Raises:
            NotFound: there is nothing at this path.
        """
        node = self._root
        params: dict[str, str] = {}
        segments = path[1:].split("/")
        for at, segment in enumerate(segments):
            child = node.children.get(segment)
            if child is None:
                child = node.wild
                if child is None or not (segment or child.rest):
                    raise NotFound("There is nothing at this address.")
                params[child.name] = "/".join(segments[at:]) if child.rest else segment
                if child.rest:
                    return child.methods, params
            node = child
        if not node.methods:
            raise NotFound("There is nothing at this address.")
        return node.methods, params


def choose(methods: Mapping[str, Route], method: str) -> Route:
    """The route for a method; HEAD is served by GET.

    Raises:
        MethodNotAllowed: with `allow`, the methods that there are.
    """
    route = methods.get("GET" if method == "HEAD" else method)
    if route is None:
        raise MethodNotAllowed(f"{method} is not allowed here.", allow=sorted(allowed_methods(methods)))
    return route


def allowed_methods(methods: Mapping[str, Route]) -> set[str]:
    """What `Allow` lists for a path."""
    return {*methods, *({"HEAD"} if "GET" in methods else ()), "OPTIONS"}
