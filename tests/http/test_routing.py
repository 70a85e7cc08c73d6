"""The table: every route has a rule, is found exactly, and cannot be declared ambiguously."""

from typing import Any

import pytest

from livecredits.errors import MethodNotAllowed, NotFound
from livecredits.http.routing import ANYBODY, OWN_ACCOUNT, Call, Reply, Routes, Table, choose


async def nothing(_: Call[Any, Any]) -> Reply:
    """Answer nothing."""
    return Reply()


def table_of(*paths: str) -> Table:
    routes = Routes("Test", prefix="")
    for path in paths:
        routes.add("GET", path, rule=ANYBODY)(nothing)
    return Table(routes.routes)


def test_a_route_without_a_rule_does_not_even_import() -> None:
    routes: Any = Routes("Test")
    with pytest.raises(TypeError, match="rule"):
        routes.add("GET", "/open")


@pytest.mark.parametrize(
    ("path", "found", "params"),
    [
        ("/users/ada", "/users/{user_id}", {"user_id": "ada"}),
        ("/users/ada/spend", "/users/{user_id}/spend", {"user_id": "ada"}),
        ("/users/spend/spend", "/users/{user_id}/spend", {"user_id": "spend"}),
        ("/users/me", "/users/me", {}),
        ("/files/a/b/c.js", "/files/{rest*}", {"rest": "a/b/c.js"}),
        ("/files/", "/files/{rest*}", {"rest": ""}),
    ],
)
def test_finding(path: str, found: str, params: dict[str, str]) -> None:
    table = table_of("/users/me", "/users/{user_id}", "/users/{user_id}/spend", "/files/{rest*}")
    methods, given = table.find(path)
    assert methods["GET"].path == found
    assert given == params


@pytest.mark.parametrize(
    "path", ["/", "", "/users", "/users/", "/users//spend", "/users/ada/spend/", "/USERS/ada"]
)
def test_what_is_not_there_is_not_found(path: str) -> None:
    with pytest.raises(NotFound):
        table_of("/users/{user_id}", "/users/{user_id}/spend").find(path)


def test_another_method_is_told_what_is_allowed() -> None:
    methods, _ = table_of("/users").find("/users")
    assert choose(methods, "HEAD") is methods["GET"]
    with pytest.raises(MethodNotAllowed) as caught:
        choose(methods, "DELETE")
    assert caught.value.extra["allow"] == ["GET", "HEAD", "OPTIONS"]


def test_ambiguous_declarations_are_refused() -> None:
    with pytest.raises(ValueError, match="twice"):
        table_of("/a", "/a")
    with pytest.raises(ValueError, match="stands here"):
        table_of("/a/{one}", "/a/{two}/b")


def test_rules_do_not_leak_into_each_other() -> None:
    assert OWN_ACCOUNT.user
    assert not ANYBODY.user
