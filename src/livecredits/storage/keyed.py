"""Idempotency keys of what is no change of credits: an order that is placed, a campaign, a voucher.

Promises: the same key with the same content gives the thing that was made the first time, with other content it is
refused; the key stands in the transaction that makes the thing. Keys share one table with those of changes, so that a
key means one thing in its scope, whatever was asked with it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import Connection, insert, select

from livecredits.core.chain import canonical
from livecredits.errors import KeyReused
from livecredits.storage.schema import idempotency


def content_of(what: str, asked: Mapping[str, Any]) -> str:
    """A digest of what is asked for, the same for the same request in any process."""
    return hashlib.sha256(canonical({"make": what, **asked}).encode()).hexdigest()


def once(
    connection: Connection, scope: str, key: str | None, content: str, now_us: int, make: Callable[[], str]
) -> tuple[str, bool]:
    """Make a thing, or find the one that this key has made.

    Returns:
        The thing's id, and whether it was made before.

    Raises:
        KeyReused: the key belongs to another request.
    """
    if key is None:
        return make(), False
    known = connection.execute(
        select(idempotency.c.content, idempotency.c.answer).where(
            idempotency.c.scope == scope, idempotency.c.key == key
        )
    ).first()
    if known is not None and known.content != content:
        raise KeyReused(f"The idempotency key {key} belongs to another request.", key=key)
    if known is not None:
        return str(json.loads(known.answer)["made"]), True
    made = make()
    connection.execute(
        insert(idempotency).values(
            scope=scope, key=key, content=content, answer=canonical({"made": made}), created_at_us=now_us
        )
    )
    return made, False
