"""The console's built files, under any prefix.

This promises that every address below /console that is not a file answers with the console's page, so that deep links
and reloads work, and that the page's `<base>` names the prefix it is served under, so that the build needs to know
none. It must not know what the console does. Where there is no build, a page says how to make one.
"""

from __future__ import annotations

import mimetypes
from html import escape
from pathlib import Path
from typing import Any

from livecredits.errors import NotFound
from livecredits.http.built import BuiltFiles
from livecredits.http.routing import ANYBODY, Call, Reply, Routes

FILES = BuiltFiles(Path(__file__).parents[1] / "static" / "console")
_POLICY = (
    b"default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; "
    b"connect-src 'self'; object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'self'"
)
_SECURITY_HEADERS = [
    (b"content-security-policy", _POLICY),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
]
_MISSING = """<!doctype html><html lang="en"><meta charset="utf-8"><title>livecredits console</title>
<h1>The console has not been built</h1>
<p>This installation holds no built web files. In a clone of the source, <code>make serve</code> builds them; the
packages on PyPI contain them.</p></html>"""

routes = Routes("Console", prefix="")


@routes.add("GET", "/console", rule=ANYBODY, hidden=True)
async def console_front(call: Call[Any, Any]) -> Reply:
    """The console's page."""
    return _page(call.root_path)


@routes.add("GET", "/console/{rest*}", rule=ANYBODY, hidden=True)
async def console_file(call: Call[Any, Any]) -> Reply:
    """A file of the console, or its page for any address of its own."""
    rest = call.params["rest"]
    content = FILES.content(rest)
    if content is None:
        if rest.startswith("assets/"):
            raise NotFound("There is no such file; the page that asked for it is of an older build.")
        return _page(call.root_path)
    kind = mimetypes.guess_type(rest)[0] or "application/octet-stream"
    # Built files carry a digest of their content in their name; a new build has new names.
    lasting = b"public, max-age=31536000, immutable" if rest.startswith("assets/") else b"no-cache"
    return Reply(content, 200, [(b"cache-control", lasting)], kind.encode())


def _page(root_path: str) -> Reply:
    content = FILES.content("index.html")
    if content is None:
        return Reply(_MISSING.encode(), 503, [], b"text/html; charset=utf-8")
    base = f'<base href="{escape(root_path, quote=True)}/console/">'.encode()
    page = content.replace(b"<head>", b"<head>" + base, 1)
    headers = [*_SECURITY_HEADERS, (b"cache-control", b"no-cache")]
    return Reply(page, 200, headers, b"text/html; charset=utf-8")
