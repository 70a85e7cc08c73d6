"""The files that the web build left in the package, by name.

This promises that nothing outside a folder is ever read, and that a file is read again only when it changed. It must
not know what the files are for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class BuiltFiles:
    """The files below one folder.

    Args:
        folder: where the build put them; need not exist.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: dict[str, tuple[int, bytes]] = {}

    def content(self, name: str) -> bytes | None:
        """A file's bytes, or None for what is no file below the folder."""
        path = (self._folder / name).resolve()
        if not path.is_relative_to(self._folder.resolve()) or not path.is_file():
            return None
        changed = path.stat().st_mtime_ns
        known = self._read.get(name)
        if known is None or known[0] != changed:
            known = self._read[name] = (changed, path.read_bytes())
        return known[1]
