"""The SDK's element as one script, for pages that have no build of their own.

This promises that `<script type="module" src="…/sdk/element.js">` works from any page of any site, under any prefix:
the script finds the service by its own address. It holds nothing secret and reads nothing of who asks.
The odd thing: the script keeps its name for good, so that pages need not change with a new version; browsers ask by its
digest whether theirs is the newest. The parts that it loads carry a digest in their names and last for ever.
"""

from __future__ import annotations

import mimetypes
from hashlib import blake2b
from pathlib import Path
from typing import Any

from livecredits.errors import NotFound
from livecredits.http.built import BuiltFiles
from livecredits.http.routing import ANYBODY, Call, Reply, Routes

FILES = BuiltFiles(Path(__file__).parents[1] / "static" / "sdk")
_LASTING = b"public, max-age=31536000, immutable"
# Asked for by its digest every time: an older script would load parts that a newer build no longer has.
_RENEWED = b"public, no-cache"
_FROM_ANYWHERE = [(b"access-control-allow-origin", b"*"), (b"cross-origin-resource-policy", b"cross-origin")]

routes = Routes("SDK", prefix="")


@routes.add("GET", "/sdk/{rest*}", rule=ANYBODY, hidden=True)
async def sdk_file(call: Call[Any, Any]) -> Reply:
    """The element's script, or a part that it loads."""
    name = call.params["rest"]
    content = FILES.content(name)
    if content is None:
        raise NotFound("There is no such file; `element.js` is the one to load.")
    tag = f'"{blake2b(content, digest_size=8).hexdigest()}"'
    lasts = _LASTING if name.startswith("parts/") else _RENEWED
    headers = [(b"etag", tag.encode()), (b"cache-control", lasts), *_FROM_ANYWHERE]
    if tag in call.headers.get("if-none-match", ""):
        return Reply(b"", 304, headers)
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    return Reply(content, 200, headers, kind.encode())
