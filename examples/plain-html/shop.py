"""A site that writes its pages on the server; livecredits runs beside it as a service.

Start it with `python shop.py`; LIVECREDITS_URL and LIVECREDITS_KEY say where the service is.
"""

from __future__ import annotations

import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from livecredits.client import Client
from livecredits.errors import NotFound

SERVICE = os.environ.get("LIVECREDITS_URL", "http://127.0.0.1:8300")
PORT = int(os.environ.get("PORT", "8000"))
PAGE = (Path(__file__).parent / "page.html").read_text()

credits = Client(SERVICE, os.environ["LIVECREDITS_KEY"])


def credits_of(user: str) -> int:
    """The number as it is now; a user who was never given anything has none."""
    try:
        return credits.balance(user).credits
    except NotFound:
        return 0


class Site(BaseHTTPRequestHandler):
    """Two addresses: the page, and the token of whoever is signed in."""

    @property
    def user(self) -> str:
        """Whoever is signed in. Your own session stands in this place; here it is always Ada."""
        return "ada"

    def do_GET(self) -> None:
        """Write the page, with the number as it is now."""
        if self.path != "/":
            return self.send_error(404)
        page = PAGE.replace("{{ service }}", SERVICE).replace("{{ user }}", self.user)
        return self.answer(
            page.replace("{{ credits }}", str(credits_of(self.user))), "text/html; charset=utf-8"
        )

    def do_POST(self) -> None:
        """Mint a token with which this user's browser sees this user's account."""
        if self.path != "/credits-token":
            return self.send_error(404)
        token = credits.token(self.user).token
        return self.answer(json.dumps({"token": token}), "application/json")

    def answer(self, text: str, media_type: str) -> None:
        """Send a whole answer, which nobody may keep."""
        self.send_response(200)
        self.send_header("Content-Type", media_type)
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(text.encode())


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", PORT), Site).serve_forever()
