"""Many changes that share one transaction of their own, beside the run of single ones: what a batch is made of.

Promises: the rows are decided one after the other by the very rules of single changes (`Batch`); with `atomic` one
refusal leaves nothing of any of them; with `dry_run` nothing is ever written, and the rulings are those that the rows
would get now. Must not know what a batch is called, who asked for it, or how its rows arrived.

The odd thing: a dry run takes the write lock like a real one and then rolls back. So it meets the rows as the writer
would, due lots included, and no second copy of the rules has to agree with the first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from livecredits.core.changes import Change
from livecredits.storage.answers import Ruling
from livecredits.storage.batch import Batch
from livecredits.storage.store import Rows, Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Many:
    """What one transaction is to do.

    Attributes:
        changes: the rows, in the order in which they are decided.
        atomic: whether one refusal refuses them all.
        dry_run: whether to stop before anything is written.
        also: writes what belongs to the rows beside the ledger; gets the connection, the rulings and the time. Not
            called where nothing is written.
        parts: gives rows for `schema.batch_parts`; asked before `also`, and written after it.
    """

    changes: Sequence[Change]
    atomic: bool = False
    dry_run: bool = False
    also: Callable[[Any, Sequence[Ruling], int], None] | None = None
    parts: Callable[[Sequence[Ruling]], list[tuple[str, int, str]]] | None = None

    def decide(self, batch: Batch) -> list[Ruling]:
        """Rule on every row."""
        return batch.rule(self.changes)

    def is_kept(self, rulings: Sequence[Ruling]) -> bool:
        """Whether these rulings are to be committed."""
        if self.dry_run:
            return False
        return not (self.atomic and any(ruling.refused is not None for ruling in rulings))

    def finish(self, store: Store, batch: Batch, rulings: Sequence[Ruling], now_us: int) -> None:
        """Write everything; the transaction stays open."""
        batch.finish()
        parts = [] if self.parts is None else self.parts(rulings)
        also = self.also
        if also is not None:
            store.run(lambda connection: also(connection, rulings, now_us))
        if parts:
            store.save(Rows(batch_parts=parts))
