"""Which web pages may open a live connection (cross-site WebSocket hijacking, RFC 6455 section 10.2).

Promises: no Origin at all is not a browser, and the token suffices; a page of this very host may; a page of an
allowed origin may; nobody else. Must not know: tokens, carriers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from livecredits.proxies import normalise_origin

if TYPE_CHECKING:
    from collections.abc import Collection

    from livecredits.proxies import Origin


def may_connect(page: str | None, reached: Origin, allowed: Collection[str]) -> bool:
    """Whether a page may open a live connection.

    Args:
        page: the `Origin` header; None where the client sent none.
        reached: how the client reached us, through trusted proxies.
        allowed: further origins, normalised, from the settings.
    """
    if page is None:
        return True
    origin = normalise_origin(page)
    if origin is None:  # "null" of sandboxed frames and files, or nonsense
        return False
    # Behind a TLS proxy that is not trusted we take our scheme for http, so https on our own host is ours as well:
    # a page cannot choose its Host, and no cookie is read here that it could ride on.
    own = {normalise_origin(f"{scheme}://{reached.host}") for scheme in (reached.scheme, "https")}
    return origin in allowed or origin in own
