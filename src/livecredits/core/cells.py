"""Texts in cells of a spreadsheet: written so that none is run as a formula, and read back as they were.

Promises: what `inert` writes, `meant` reads as the text that it was made of, so that ids such as `@ada` or
`+49151…` come back from an export as the same users. Must not know files. The odd thing: a text that has such an
apostrophe of its own is given another one, or it would be read as a text without.
"""

from __future__ import annotations

import unicodedata

_FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠")
"""What a cell must not begin with; spreadsheets of some languages take the wide signs for the narrow ones."""
_BREAKS = ("\t", "\r", "\n")


def inert(text: str) -> str:
    """The text so that a spreadsheet shows it instead of running it (OWASP: CSV injection)."""
    return f"'{text}" if _is_run(text) else text


def meant(cell: str) -> str:
    """The text of which `inert` has made this cell."""
    return cell[1:] if cell.startswith("'") and _is_run(cell[1:]) else cell


def _is_run(text: str) -> bool:
    text = text.lstrip("'")
    # Some drop what cannot be seen before they look.
    first = next((character for character in text if not _is_unseen(character)), "")
    return text.startswith(_BREAKS) or first in _FORMULA


def _is_unseen(character: str) -> bool:
    return character.isspace() or unicodedata.category(character) in ("Cc", "Cf")
