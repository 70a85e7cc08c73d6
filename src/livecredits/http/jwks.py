"""The key set of the host's identity provider, fetched beside the loop and kept.

This promises at most one fetch per interval however many tokens with unknown key ids arrive (they cost an attacker
nothing), https only, no redirects, and that a provider that is down does not invalidate keys already known.
It must not know what tokens claim.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.request import HTTPSHandler, OpenerDirector, Request

from livecredits.errors import Unauthenticated, Unavailable

if TYPE_CHECKING:
    from jwt import PyJWK

log = logging.getLogger("livecredits.http")

BYTES_MAX = 262_144
TIMEOUT_S = 5.0
_KEY_TYPES = {"RS256": "RSA", "ES256": "EC"}


def fetch(url: str) -> bytes:
    """The body at an https address; blocking. An opener with this one handler can neither redirect nor speak http."""
    opener = OpenerDirector()
    opener.add_handler(HTTPSHandler())
    request = Request(url, headers={"Accept": "application/json"})  # noqa: S310 - this opener knows https alone
    with opener.open(request, timeout=TIMEOUT_S) as response:
        if response.status != HTTPStatus.OK:
            raise OSError(f"status {response.status}")
        return bytes(response.read(BYTES_MAX))


class KeySet:
    """Public keys by their id.

    Args:
        url: where the set is.
        algorithm: the one algorithm that its keys sign with.
        refetch_s: least seconds between two fetches.
        fetch: gets the bytes at an address, blocking; runs in a thread.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        url: str,
        algorithm: str,
        refetch_s: int,
        *,
        fetch: Callable[[str], bytes] = fetch,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url = url
        self._algorithm = algorithm
        self._refetch_s = refetch_s
        self._fetch = fetch
        self._clock = clock
        self._keys: dict[str, PyJWK] = {}
        self._fetched_at: float | None = None
        self._fetching = asyncio.Lock()

    async def key(self, key_id: Any) -> PyJWK:
        """The public key of that id.

        Raises:
            Unauthenticated: there is none.
            Unavailable: the provider has never answered, so nobody can tell.
        """
        if not isinstance(key_id, str):
            raise Unauthenticated("The token does not name its key.")
        if key_id not in self._keys:
            await self._refetch()
        if key_id in self._keys:
            return self._keys[key_id]
        if not self._keys:
            raise Unavailable(
                "The identity provider's keys cannot be read at the moment.", retry_after_s=self._refetch_s
            )
        raise Unauthenticated("The token's key is not known.")

    async def _refetch(self) -> None:
        from jwt.exceptions import PyJWTError

        async with self._fetching:
            if self._fetched_at is not None and self._clock() - self._fetched_at < self._refetch_s:
                return
            self._fetched_at = self._clock()
            try:
                self._keys = self._usable(json.loads(await asyncio.to_thread(self._fetch, self._url)))
            except (OSError, ValueError, PyJWTError) as error:
                log.warning(
                    "the key set of the identity provider could not be read: %s", type(error).__name__
                )

    def _usable(self, key_set: Any) -> dict[str, PyJWK]:
        if not isinstance(key_set, dict) or not isinstance(key_set.get("keys"), list):
            raise ValueError("not a key set")  # noqa: TRY004 - wrong content, whatever its type
        from jwt import PyJWK

        return {
            key["kid"]: PyJWK(key, self._algorithm)
            for key in key_set["keys"]
            if isinstance(key, dict)
            and isinstance(key.get("kid"), str)
            and key.get("kty") == _KEY_TYPES[self._algorithm]
            and key.get("use", "sig") == "sig"
            and key.get("alg", self._algorithm) == self._algorithm
        }
