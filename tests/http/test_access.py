"""Roles are a ladder, scopes are a set, and nobody stands among another's keys."""

import pytest

from livecredits.access import ALL_SCOPES, Principal, Role, Scope


def test_roles_include_those_below() -> None:
    allowed = {(has, needs) for has in Role for needs in Role if has.covers(needs)}
    viewer, support, admin = Role.VIEWER, Role.SUPPORT, Role.ADMIN
    assert allowed == {
        (viewer, viewer), (support, viewer), (support, support), (admin, viewer), (admin, support), (admin, admin),
    }  # fmt: skip


@pytest.mark.parametrize("scope", list(Scope))
def test_no_scope_implies_another(scope: Scope) -> None:
    key = Principal("service", "key_1", scopes=frozenset({scope}))
    assert {one for one in Scope if key.has_scope(one)} == {scope}
    assert key.may_watch() is (scope is Scope.LIVE)
    assert not key.may_go_below_floor()


def test_a_user_has_neither_roles_nor_scopes() -> None:
    ada = Principal("user", "ada", user_id="ada", scopes=ALL_SCOPES)
    assert not any(ada.has_scope(scope) for scope in Scope)
    assert not any(ada.has_role(role) for role in Role)
    assert not ada.may_watch()
    assert not ada.may_go_below_floor()


def test_below_the_floor() -> None:
    assert Principal("operator", "op_1", role=Role.ADMIN).may_go_below_floor()
    assert not Principal("operator", "op_1", role=Role.SUPPORT).may_go_below_floor()
    both = frozenset({Scope.MOVE, Scope.ADMIN})
    assert Principal("service", "key_1", scopes=both).may_go_below_floor()


def test_whose_keys() -> None:
    assert Principal("service", "key_1").key_scope == Principal("service", "key_2").key_scope == "service"
    assert Principal("operator", "op_1", role=Role.ADMIN).key_scope == "operator:op_1"
    assert Principal("user", "ada", user_id="ada").key_scope == "user:ada"
