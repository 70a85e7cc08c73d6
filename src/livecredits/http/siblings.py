"""The figures of all workers behind one port: whichever takes the connection answers for every one of them.

Promises: each worker's figures stand there as its own, told apart by the label `node`, so that a counter that begins
anew is one worker's and rates stay right; a worker that does not answer in time is left out, and
`livecredits_worker_up` says so. Must not know what is counted.

How it works: a worker answers on a Unix socket in a folder that the parent has made and that nobody else may enter.
Whoever connects there gets the text and is hung up on. The database is not needed for it: figures are wanted most when
that one is away.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path

log = logging.getLogger("livecredits.http")

ANSWER_S = 1.0
"""A worker that runs has answered within milliseconds."""
UP = "livecredits_worker_up"
_SAMPLE = re.compile(r"^([a-zA-Z_:][\w:]*)(?:{(.*)})? ", re.ASCII)


class Siblings:
    """The workers of one parent.

    Args:
        socket: where it answers: `NUMBER.sock` in the folder of all.
        name: what it is called: that of all of them, and its number.
        text: its own figures.
    """

    def __init__(self, socket: Path, name: str, text: Callable[[], bytes]) -> None:
        self._socket = socket
        self._family = name.removesuffix(f"-{socket.stem}")
        self._text = text

    @contextlib.asynccontextmanager
    async def answering(self) -> AsyncIterator[None]:
        """Answer the others for the block; where that cannot be, their figures lack these, and nothing else does."""
        try:
            server = await asyncio.start_unix_server(self._answer, self._socket)
        except OSError as error:
            log.warning("The other workers cannot ask this one for its figures: %s", error)
            yield
            return
        try:
            yield
        finally:
            server.close()

    async def text(self) -> bytes:
        """The figures of all."""
        found = {self._socket, *self._socket.parent.glob("*.sock")}
        paths = sorted(found, key=lambda path: int(path.stem))
        texts = await asyncio.gather(*map(self._text_of, paths))
        told = {f"{self._family}-{path.stem}": text for path, text in zip(paths, texts, strict=True)}
        return merged({name: text.decode() for name, text in told.items() if text}) + _up(told)

    async def _text_of(self, path: Path) -> bytes:
        if path == self._socket:
            return self._text()
        try:
            async with asyncio.timeout(ANSWER_S):
                reader, writer = await asyncio.open_unix_connection(path)
                try:
                    return await reader.read()
                finally:
                    writer.close()
        except (OSError, TimeoutError):  # it is being started, or stands still
            return b""

    async def _answer(self, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            writer.write(self._text())
            await writer.drain()
        writer.close()


def merged(texts: Mapping[str, str]) -> bytes:
    """Expositions of several nodes as one; each sample gets the label `node`.

    Args:
        texts: by the nodes' names. Lines of one family must stand together, so they are sorted by families.
    """
    families: dict[str, list[str]] = {}
    for name, text in texts.items():
        label = f'node="{_escaped(name)}"'
        lines: list[str] = []
        for line in text.splitlines():
            if line.startswith("# HELP "):
                lines = families.setdefault(line, [])
            elif not line.startswith("#"):
                lines.append(_labelled(line, label))
            elif not lines:
                lines.append(line)
    return "".join(f"{line}\n" for head, lines in families.items() for line in (head, *lines)).encode()


def _labelled(line: str, label: str) -> str:
    found = _SAMPLE.match(line)
    if found is None:
        return line
    name, labels = found.groups()
    return f"{name}{{{label}{f',{labels}' if labels else ''}}} {line[found.end() :]}"


def _up(told: Mapping[str, bytes]) -> bytes:
    lines = [f"# HELP {UP} Whether this worker has answered.", f"# TYPE {UP} gauge"]
    lines += [f'{UP}{{node="{_escaped(name)}"}} {int(bool(text))}' for name, text in told.items()]
    return "".join(f"{line}\n" for line in lines).encode()


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
