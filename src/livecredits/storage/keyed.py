"""Idempotency keys of what is no change of credits: an order that is placed, a campaign, a voucher.

Promises: the same key with the same content gives the thing that was made the first time, with other content it is
refused; the key stands in the transaction that makes the thing. Keys share one table with those of changes, so that a
key means one thing in its scope, whatever was asked with it. What may be deleted is kept beside its key as it was made,
so that a request that comes again is answered as before.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from sqlalchemy import Connection, insert, select

from livecredits.core.chain import canonical
from livecredits.errors import KeyReused
from livecredits.storage.schema import idempotency


def content_of(what: str, asked: Mapping[str, Any]) -> str:
    """A digest of what is asked for, the same for the same request in any process."""
    return hashlib.sha256(canonical({"make": what, **asked}).encode()).hexdigest()


class Made(NamedTuple):
    """A thing that a key has made: its id, whether that was before, and what was kept of it then."""

    id: str
    is_old: bool
    kept: Mapping[str, Any] | None = None


def once(
    connection: Connection, scope: str, key: str | None, content: str, now_us: int, make: Callable[[], str],
    keep: Callable[[str], Mapping[str, Any]] | None = None,
) -> Made:  # fmt: skip
    """Make a thing, or find the one that this key has made.

    Args:
        connection: in the transaction that makes the thing.
        scope: whose key it is.
        key: None makes a new thing each time.
        content: what is asked (`content_of`).
        now_us: the time.
        make: makes it, and gives its id.
        keep: gives what is to be kept of it, for a thing that may be deleted later.

    Raises:
        KeyReused: the key belongs to another request.
    """
    if key is None:
        return Made(make(), is_old=False)
    known = connection.execute(
        select(idempotency.c.content, idempotency.c.answer).where(
            idempotency.c.scope == scope, idempotency.c.key == key
        )
    ).first()
    if known is not None and known.content != content:
        raise KeyReused(f"The idempotency key {key} belongs to another request.", key=key)
    if known is not None:
        answer = json.loads(known.answer)
        return Made(str(answer["made"]), is_old=True, kept=answer.get("kept"))
    made = make()
    answer = {"made": made} if keep is None else {"made": made, "kept": keep(made)}
    connection.execute(
        insert(idempotency),
        {
            "scope": scope, "key": key, "content": content, "answer": canonical(answer), "created_at_us": now_us,
        },
    )  # fmt: skip
    return Made(made, is_old=False)
