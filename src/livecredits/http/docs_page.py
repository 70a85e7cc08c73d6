"""The page at /docs: the OpenAPI document as plain HTML, rendered here.

This promises that the documentation needs no script and no other host, so that it opens behind any firewall and under
any Content-Security-Policy. It must not know routes, only their description.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

from livecredits.http.openapi import problem_codes

CONTENT_SECURITY_POLICY = (
    b"default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'"
)

_STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
body { max-width: 60rem; margin: 0 auto; padding: 1rem }
h2 { margin-top: 2.5rem } details { border-top: 1px solid #8885; padding: .4rem 0 }
summary { cursor: pointer } summary code { font-weight: 600 } .who { opacity: .8 }
code, pre { font-family: ui-monospace, monospace; font-size: .9em }
pre { overflow: auto; padding: .6rem; border: 1px solid #8885; border-radius: .4rem }
table { border-collapse: collapse; width: 100% }
td, th { text-align: left; padding: .2rem .6rem .2rem 0; vertical-align: top }
"""


def render(document: Mapping[str, Any]) -> str:
    """The page for an OpenAPI document made by `openapi.describe`."""
    by_tag: dict[str, list[str]] = {}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            text = _operation(method.upper(), path, operation, document["components"]["schemas"])
            by_tag.setdefault(operation["tags"][0], []).append(text)
    sections = "".join(f"<h2>{escape(tag)}</h2>{''.join(texts)}" for tag, texts in by_tag.items())
    about = escape(document["info"]["description"])
    root = document["servers"][0]["url"].rstrip("/")
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>livecredits API</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head><body>'
        f"<h1>livecredits API {escape(document['info']['version'])}</h1><p>{about}</p>"
        f'<p>For programs: <a href="{escape(root)}/openapi.json">openapi.json</a></p>'
        f"{sections}<h2>What can go wrong</h2>{_codes()}</body></html>"
    )


def _operation(method: str, path: str, operation: Mapping[str, Any], schemas: Mapping[str, Any]) -> str:
    rest = escape(operation["description"]).replace("\n\n", "</p><p>")
    return (
        f'<details id="{escape(operation["operationId"])}"><summary><code>{method} {escape(path)}</code> '
        f'{escape(operation["summary"])}</summary><p class="who">{rest}</p>'
        f"{_parameters(operation['parameters'])}{_body(operation, schemas)}{_answers(operation, schemas)}</details>"
    )


def _parameters(parameters: Iterable[Mapping[str, Any]]) -> str:
    rows = [
        (f"<code>{escape(one['name'])}</code>", escape(one["in"]), escape(one.get("description", "")))
        for one in parameters
    ]
    return _table(("parameter", "in", "means"), rows) if rows else ""


def _body(operation: Mapping[str, Any], schemas: Mapping[str, Any]) -> str:
    body = operation.get("requestBody")
    if body is None:
        return ""
    schema = _resolve(body["content"]["application/json"]["schema"], schemas)
    rows = [
        (f"<code>{escape(name)}</code>", escape(_kind(told, schemas)), escape(told.get("description", "")))
        for name, told in schema["properties"].items()
    ]
    return _table(("member", "type", "means"), rows) + _examples(schema)


def _answers(operation: Mapping[str, Any], schemas: Mapping[str, Any]) -> str:
    rows = [(status, escape(told["description"])) for status, told in operation["responses"].items()]
    good = next(iter(operation["responses"].values()))
    shown = good.get("content", {}).get("application/json")
    example = _examples(_resolve(shown["schema"], schemas)) if shown else ""
    return _table(("answer", "means"), rows) + example


def _resolve(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> Mapping[str, Any]:
    reference = schema.get("$ref")
    return schemas[reference.rpartition("/")[2]] if reference else schema


def _kind(told: Mapping[str, Any], schemas: Mapping[str, Any]) -> str:
    if "anyOf" in told:
        return " or ".join(_kind(choice, schemas) for choice in told["anyOf"])
    if "enum" in (resolved := _resolve(told, schemas)):
        return " | ".join(str(value) for value in resolved["enum"])
    return str(resolved.get("type", "any"))


def _examples(schema: Mapping[str, Any]) -> str:
    texts = (json.dumps(example, indent=2, ensure_ascii=False) for example in schema.get("examples", ()))
    return "".join(f"<pre>{escape(text)}</pre>" for text in texts)


def _codes() -> str:
    rows = [
        (f'<code id="{code}">{code}</code>', str(status), escape(meaning))
        for code, status, meaning in problem_codes()
    ]
    return _table(
        ("code", "status", "means"), [*rows, ('<code id="internal">internal</code>', "500", "A bug of ours.")]
    )


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    lines = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return "<table><tr>" + "".join(f"<th>{name}</th>" for name in head) + f"</tr>{lines}</table>"
