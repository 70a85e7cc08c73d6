"""What operators set for the whole installation, in the database: every process goes by the same.

Promises: a setting that nobody touched has its default, also one that a later version adds; a change and its row of
the audit trail stand in one transaction, and naming only what really changed. Must not know who may change what.
The settings of one process (secret, origins, limits) are `livecredits.config`'s.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from sqlalchemy import Connection, delete, insert, select

from livecredits.core.changes import Actor
from livecredits.storage import schema
from livecredits.storage.audit import record

REASONS = ("Goodwill", "Correction", "Refund", "Promotion", "Paid by invoice", "Test")


@dataclass(frozen=True, slots=True)
class StoredSettings:
    """The settings of an installation.

    Attributes:
        receipts: whether screens are asked what they painted.
        painted_objective_ms: a change is to be painted within so many milliseconds of its commit.
        broadcasts_keep_days: how long the broadcast log is kept.
        reason_presets: the reasons that the console offers.
    """

    receipts: bool = True
    painted_objective_ms: int = 200
    broadcasts_keep_days: int = 7
    reason_presets: tuple[str, ...] = REASONS

    def as_json(self) -> dict[str, Any]:
        """The settings as routes answer them."""
        return {**asdict(self), "reason_presets": list(self.reason_presets)}


_NAMES = frozenset(field.name for field in fields(StoredSettings))


def read_settings(connection: Connection) -> StoredSettings:
    """The settings as they are; names that this version does not know are left alone."""
    rows = connection.execute(select(schema.settings.c.name, schema.settings.c.value))
    return _made({name: json.loads(value) for name, value in rows if name in _NAMES})


def _made(values: Mapping[str, Any]) -> StoredSettings:
    presets = values.get("reason_presets", REASONS)
    return StoredSettings(**{**values, "reason_presets": tuple(presets)})


def write_settings(
    connection: Connection, given: Mapping[str, Any], *, actor: Actor, now_us: int
) -> StoredSettings:
    """Change what is given, with its row of the audit trail; nothing is written where nothing changes.

    Args:
        connection: an open transaction of the writer.
        given: values by the names of `StoredSettings`, already checked.
        actor: who changes them.
        now_us: when, in microseconds UTC.
    """
    before = read_settings(connection).as_json()
    after = _made({**before, **given}).as_json()
    changed = [name for name in after if after[name] != before[name]]
    if not changed:
        return _made(after)
    table = schema.settings
    connection.execute(delete(table).where(table.c.name.in_(changed)))
    rows = [{"name": name, "value": json.dumps(after[name]), "updated_at_us": now_us} for name in changed]
    connection.execute(insert(table), rows)
    record(
        connection, at_us=now_us, actor=actor, action="settings.changed",
        before={name: before[name] for name in changed}, after={name: after[name] for name in changed},
    )  # fmt: skip
    return _made(after)
