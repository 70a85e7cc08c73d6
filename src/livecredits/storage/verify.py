"""Check the whole ledger: re-add, re-hash, compare."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Damage:
    """One thing that is not as it must be."""

    table: str
    row: str
    what: str


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What `verify` found."""

    entries: int
    accounts: int
    damages: tuple[Damage, ...] = ()


def verify(path: Path, progress: Progress | None = None) -> VerifyReport:
    """Check a database file."""
    raise NotImplementedError
