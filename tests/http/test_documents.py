"""The OpenAPI document and the page at /docs say what the table says, and every example is valid."""

import inspect
import json
from typing import Any

import jsonschema_rs
import pytest
from pydantic import BaseModel
from tests.http.stage import Stage

from livecredits.errors import BY_CODE
from livecredits.http import answers, bodies, overview_models
from livecredits.http.openapi import describe, refusals

MODELS = [
    model
    for module in (answers, bodies, overview_models)
    for _, model in inspect.getmembers(module, inspect.isclass)
    if issubclass(model, BaseModel) and model.__module__ == module.__name__
]
WITHOUT_EXAMPLE = {"Model", "Asked", "ChangeBody", "OwnKeyBody", "PageShape"}


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_model_has_an_example_that_is_valid(model: type[BaseModel]) -> None:
    if model.__name__ in WITHOUT_EXAMPLE or issubclass(model, bodies.Asked):
        return
    examples = model.model_json_schema()["examples"]
    assert examples
    for example in examples:
        model.model_validate_json(json.dumps(example))


def test_the_document_is_openapi_3_1(stage: Stage) -> None:
    document = describe(stage.services.table)
    assert document["openapi"].startswith("3.1")
    for schema in document["components"]["schemas"].values():
        jsonschema_rs.validator_for({**schema, "components": document["components"]})
    assert _references(document) <= {
        f"#/components/schemas/{name}" for name in document["components"]["schemas"]
    }


def test_every_visible_route_is_described_once(stage: Stage) -> None:
    document = describe(stage.services.table)
    described = {
        (method.upper(), path) for path, operations in document["paths"].items() for method in operations
    }
    assert described == {
        (route.method, route.path) for route in stage.services.table.routes if not route.hidden
    }
    ids = [
        operation["operationId"]
        for operations in document["paths"].values()
        for operation in operations.values()
    ]
    assert len(ids) == len(set(ids))


def test_every_operation_tells_what_it_does_and_who_may(stage: Stage) -> None:
    for operations in describe(stage.services.table)["paths"].values():
        for operation in operations.values():
            assert operation["summary"], operation["operationId"]
            assert "Needs " in operation["description"]


def test_every_refusal_of_the_tree_can_be_reached_or_is_general(stage: Stage) -> None:
    told = {leaf.code for route in stage.services.table.routes for leaf in refusals(route)}
    general = {"refused", "method_not_allowed", "conflict", "gone", "unavailable", "draining"}
    assert set(BY_CODE) - told <= general


def _references(value: Any) -> set[str]:
    if isinstance(value, dict):
        own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
        return own.union(*map(_references, value.values()))
    if isinstance(value, list):
        return set().union(*map(_references, value))
    return set()


async def test_both_are_served_under_any_prefix_without_another_host(stage: Stage) -> None:
    stage.app = _under_prefix(stage.app, "/billing/credits")
    client = stage.client()
    document = (await client.get("/billing/credits/openapi.json")).json()
    assert document["servers"] == [{"url": "/billing/credits"}]
    page = await client.get("/billing/credits/docs")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "<script" not in page.text
    assert "src=" not in page.text
    assert 'href="/billing/credits/openapi.json"' in page.text
    for code in BY_CODE:
        assert code == "refused" or f'id="{code}"' in page.text


def _under_prefix(app: Any, prefix: str) -> Any:
    async def mounted(scope: Any, receive: Any, send: Any) -> None:
        await app({**scope, "root_path": prefix}, receive, send)

    return mounted
