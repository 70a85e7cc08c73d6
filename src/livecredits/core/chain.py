"""The hash chain: each entry of an account carries the hash of itself and of the one before.

Promises: the same entry gives the same hash in any language that can write sorted JSON and SHA-256, and no field of
an entry, of the lots it made or moved, or of the hold it opened can be edited alone without `verify` noticing.
Whoever can rewrite a whole chain can forge it; keeping the newest hash elsewhere is the answer to that.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

GENESIS = "0" * 64
"""What stands before an account's first entry."""

_encode = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode


def canonical(fields: Mapping[str, Any]) -> str:
    """JSON with sorted keys, no spaces, no ASCII escapes: one text for one meaning.

    Times go in as whole microseconds and metadata as text, since floats and nested objects have no single spelling.
    """
    return _encode(fields)


def link(previous: str, fields: Mapping[str, Any]) -> str:
    """The hash of an entry: SHA-256 over the previous hash, a newline, and the canonical fields, as hex."""
    return hashlib.sha256(f"{previous}\n{_encode(fields)}".encode()).hexdigest()
