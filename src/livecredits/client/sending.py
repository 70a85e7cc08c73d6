"""What both clients share about sending: addresses, headers, a request's parts, and what a list that broke off raises.

The odd thing: everything that knows httpx2 and is no method of a client stands here, so that the two clients differ in
`await` alone.
"""

from __future__ import annotations

import re
from typing import Any

import httpx2

from livecredits.client.call import Call
from livecredits.errors import Unavailable

API = "/api/v1"
_BEARER = re.compile(r"[!-~]{1,8192}")
TIMEOUT_S = 10.0
PAGE_MOST = 200
"""Items on the largest page."""
NEVER_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)


def base(url: str) -> str:
    """Where the API stands.

    Raises:
        ValueError: that is no address of a service.
    """
    try:
        parts = httpx2.URL(url.strip())
        is_address = parts.scheme in {"http", "https"} and bool(parts.host) and " " not in parts.host
    except (httpx2.InvalidURL, ValueError):
        is_address = False
    if not is_address:
        raise ValueError("the address must read https://host, with the prefix that it is mounted under")
    return url.strip().rstrip("/") + API


def headers(key: str) -> dict[str, str]:
    """What every request carries.

    Raises:
        ValueError: that is no key; what it is instead is not told, since it may be one in parts.
    """
    bare = key.strip()  # a key that was read from a file ends in a line break
    if not _BEARER.fullmatch(bare):
        raise ValueError("the key must be a service key, lck_…, and nothing else")
    return {
        "Authorization": f"Bearer {bare}",
        "Accept": "application/json",
        "User-Agent": "livecredits-client",
    }


def request(call: Call[Any]) -> dict[str, Any]:
    """A call as httpx2 takes it."""
    sent = {"content": call.body} if isinstance(call.body, bytes) else {"json": call.body}
    return {
        "method": call.method, "url": call.path, "params": dict(call.query), "headers": dict(call.headers), **sent
    }  # fmt: skip


def reason(error: httpx2.TransportError) -> str:
    """Why no answer came, in a word."""
    return str(error) or type(error).__name__


def broken_off(error: httpx2.TransportError) -> Unavailable:
    """The refusal of a list that ended before its end."""
    return Unavailable(f"The list broke off ({reason(error)}); ask for it again.")
