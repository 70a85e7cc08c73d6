"""The hash chain: each entry of an account carries the hash of itself and of the one before.

Promises: the same entry gives the same hash in any language that can write sorted JSON and SHA-256, and no field of
an entry, of the lots it made or moved, or of the hold it opened can be edited alone without `verify` noticing.
Whoever can rewrite a whole chain can forge it; keeping the newest hash elsewhere is the answer to that.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from json import JSONEncoder, encoder
from typing import Any

GENESIS = "0" * 64
"""What stands before an account's first entry."""

_encoder = JSONEncoder(sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _quick_encoder() -> Callable[[Mapping[str, Any]], str]:
    """An encoder for the flat fields of entries, the same in every letter as `_encoder`."""
    # `_encoder` sets itself up anew at each call, which doubles the cost of the hottest path there is. The part in C
    # that it uses is CPython's own; elsewhere there is none.
    make = getattr(encoder, "c_make_encoder", None)
    if make is None:
        return _encoder.encode
    chunks = make(None, _encoder.default, encoder.encode_basestring, None, ":", ",", True, False, False)
    return lambda fields: "".join(chunks(fields, 0))


flat = _quick_encoder()
"""`canonical` for fields that hold no objects; quicker."""


def canonical(fields: Mapping[str, Any]) -> str:
    """JSON with sorted keys, no spaces, no ASCII escapes: one text for one meaning.

    Times go in as whole microseconds and metadata as text, since floats and nested objects have no single spelling.

    Raises:
        ValueError: NaN, an infinity, or an object inside itself.
        TypeError: something that is not JSON.
    """
    return _encoder.encode(fields)


def link(previous: str, content: str) -> str:
    """The hash of an entry: SHA-256 over the previous hash, a newline, and the entry's canonical text, as hex."""
    return hashlib.sha256(f"{previous}\n{content}".encode()).hexdigest()
