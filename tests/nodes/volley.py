"""Many requests whose last bytes leave at the same moment, so that the servers decide all of them at once."""

from __future__ import annotations

import json
import socket
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from http.client import HTTPResponse
from typing import Any

ANSWER_S = 30
READERS = 8


@dataclass(frozen=True)
class Post:
    """One POST: the port it goes to, its path, its body as JSON and its headers."""

    port: int
    path: str
    body: Any
    headers: dict[str, str] = field(default_factory=dict)

    def encoded(self) -> bytes:
        body = json.dumps(self.body).encode()
        lines = {
            "Host": f"127.0.0.1:{self.port}",
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            "Connection": "close",
            **self.headers,
        }
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        return f"POST {self.path} HTTP/1.1\r\n{head}\r\n".encode() + body


@dataclass(frozen=True)
class Answered:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


def volley(posts: Sequence[Post]) -> list[Answered]:
    """Send all of them but for their last byte, then the last bytes; gives the answers in their order."""
    with ExitStack() as stack:
        lines = [
            stack.enter_context(socket.create_connection(("127.0.0.1", post.port), ANSWER_S))
            for post in posts
        ]
        for line, post in zip(lines, posts, strict=True):
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            line.sendall(post.encoded()[:-1])
        for line, post in zip(lines, posts, strict=True):
            line.sendall(post.encoded()[-1:])
        with ThreadPoolExecutor(READERS) as readers:
            return list(readers.map(_answer, lines))


def _answer(line: socket.socket) -> Answered:
    with HTTPResponse(line, method="POST") as response:
        response.begin()
        headers = {name.lower(): value for name, value in response.getheaders()}
        return Answered(response.status, headers, response.read())
