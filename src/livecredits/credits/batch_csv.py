"""Rows of a batch from a CSV file, whoever wrote it: Excel's semicolons and byte-order mark, tabs, quotes.

Promises: a file is read once, line by line, in bounded memory whatever its size; what is wrong is told with its row and
column as a spreadsheet counts them (the header is row 1), and nothing is guessed: an unknown column, an amount such as
`1,000` or `1e3`, or a row with too many cells is a fault, never a value. Must not know what is done with the rows.

The odd thing: faults in cells are collected, so that one look mends many; a fault in the file's shape ends the reading
at once, since nothing after it can be trusted.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, BinaryIO

from livecredits.core.amounts import whole
from livecredits.core.cells import meant
from livecredits.credits.asking import check_text, check_user_id
from livecredits.credits.batches import OPS, BatchRow
from livecredits.errors import Invalid
from livecredits.storage.batches import Op

COLUMNS = ("user_id", "op", "amount", "unit", "reason", "label", "expires_at", "key")
REQUIRED = ("user_id", "amount")
LINE_MOST = 65_536
"""Characters in a line; one that is longer is no row of a batch."""
FAULTS_MOST = 20
_DELIMITERS = (",", ";", "\t")
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_FOREIGN = re.compile("[\udc80-\udcff]")
"""What a byte that is not UTF-8 is read as (`surrogateescape`), so that its cell can be told."""
_AMOUNT = re.compile(r"[+-]?[0-9]{1,16}", re.ASCII)
_UNIT = re.compile(r"[a-z][a-z0-9_]{0,31}", re.ASCII)
_KEY = re.compile(r"[!-~]{1,255}", re.ASCII)
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,6})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


def read_all(file: BinaryIO, *, op: Op | None = None, most: int) -> list[BatchRow]:
    """Every row of a short file.

    Args:
        file: the CSV, in UTF-8.
        op: what is done where the file has no column `op`.
        most: how many rows there may be.

    Raises:
        Invalid: 422; `errors` tells up to 20 faults, each with `row`, `column` and `field`.
    """
    found = CsvRows(file, op=op)
    rows: list[BatchRow] = []
    for row in found:
        rows.append(row)
        if len(rows) > most:
            raise fault_of(
                row.row, None, "file", f"has more than {most} rows; `livecredits import` takes any number"
            )
    found.require_clean()
    if not rows:
        raise fault_of(2, None, "file", "has no rows below its header")
    return rows


class CsvRows:
    """The rows of a CSV file, read as they are asked for.

    Attributes:
        faults: what was wrong with cells so far; rows with a fault are not given.
    """

    def __init__(self, file: BinaryIO, *, op: Op | None = None) -> None:
        """Read the header; `op` is what is done where there is no such column.

        Raises:
            Invalid: this is no text, or the header does not name the columns.
        """
        self.faults: list[dict[str, Any]] = []
        self._op = op
        self._row = 1
        _require_text(file)
        self._text = io.TextIOWrapper(file, "utf-8-sig", errors="surrogateescape", newline="")
        self._is_foreign = False
        self._header, delimiter = self._read_header()
        self._records = csv.reader(self._lines(), delimiter=delimiter, strict=True)

    def require_clean(self) -> None:
        """Raise what was wrong, if anything was."""
        if self.faults:
            raise Invalid(sentence_of(self.faults[0]), errors=self.faults)

    def close(self) -> None:
        """Let go of the file, which stays open."""
        self._text.detach()

    def __iter__(self) -> Iterator[BatchRow]:
        """The rows without faults.

        Raises:
            Invalid: the file's shape is wrong from here on.
        """
        while True:
            self._row += 1
            try:
                cells = next(self._records)
            except StopIteration:
                return
            except csv.Error as error:
                self._require_utf_8(())
                raise fault_of(self._row, None, "file", f"cannot be read as CSV ({error})") from None
            self._require_utf_8(cells)
            if not any(cell.strip() for cell in cells):
                continue
            row = self._read(cells)
            if row is not None:
                yield row
            elif len(self.faults) >= FAULTS_MOST:
                return

    # --- the file's shape ------------------------------------------------------------------------------------------

    def _read_header(self) -> tuple[list[str], str]:
        line = self._line()
        if not line.strip():
            raise fault_of(1, None, "file", "is empty: its first row must name the columns")
        delimiter = max(_DELIMITERS, key=line.count)
        try:
            names = next(csv.reader([line], delimiter=delimiter, strict=True))
        except csv.Error as error:
            self._require_utf_8(())
            raise fault_of(1, None, "file", f"cannot be read as CSV ({error})") from None
        self._require_utf_8(names)
        header = [name.strip().lower() for name in names]
        _check_header(header)
        if "op" not in header and self._op is None:
            raise fault_of(
                1, None, "op", f"is missing: a column of {', '.join(OPS)}, or one of them for the whole file"
            )
        return header, delimiter

    def _lines(self) -> Iterator[str]:
        while line := self._line():
            yield line

    def _line(self) -> str:
        line = self._text.readline(LINE_MOST + 1)
        if not line.isascii() and _FOREIGN.search(line):
            self._is_foreign = True
        if len(line) > LINE_MOST:
            raise fault_of(self._row, None, "file", f"has a line of more than {LINE_MOST} characters")
        if "\0" in line:
            raise fault_of(self._row, None, "file", "is not text: it holds a NUL byte")
        return line

    def _require_utf_8(self, cells: Sequence[str]) -> None:
        """Refuse a record of which a line held other bytes, naming the first such cell."""
        if self._is_foreign:
            column = next((at for at, cell in enumerate(cells, 1) if _FOREIGN.search(cell)), None)
            raise fault_of(self._row, column, "file", "is not text in UTF-8; save it as CSV UTF-8")

    # --- cells -----------------------------------------------------------------------------------------------------

    def _read(self, cells: Sequence[str]) -> BatchRow | None:
        if len(cells) != len(self._header):
            has = "1 column" if len(cells) == 1 else f"{len(cells)} columns"
            message = f"has {has}, and the header {len(self._header)}"
            self._note(min(len(cells), len(self._header)) + 1, "row", message)
            return None
        values = dict(zip(self._header, map(str.strip, cells), strict=True))
        known = len(self.faults)
        fields = {name: self._field(name, values) for name in COLUMNS if values.get(name)}
        for name in ("user_id", "amount", *(("op",) if "op" in values else ())):
            if not values[name]:
                self._note(self._header.index(name) + 1, name, "is empty")
        if len(self.faults) > known:
            return None
        op = fields.setdefault("op", self._op)
        self._check_amount(op, fields["amount"])
        if fields.get("expires_at") is not None and op != "grant":
            self._note(self._header.index("expires_at") + 1, "expires_at", "is for grants alone")
        return None if len(self.faults) > known else BatchRow(row=self._row, **fields)

    def _field(self, name: str, values: Mapping[str, str]) -> Any:
        try:
            return _READ[name](values[name])
        except ValueError as error:
            self._note(self._header.index(name) + 1, name, str(error))
        except Invalid as error:
            self._note(self._header.index(name) + 1, name, error.extra["errors"][0]["message"])
        return None

    def _check_amount(self, op: str | None, amount: int) -> None:
        column = self._header.index("amount") + 1
        if op == "grant" and amount < 1:
            self._note(column, "amount", "must be at least 1 for a grant")
        elif op == "adjust" and amount == 0:
            self._note(column, "amount", "must not be 0")

    def note(self, field: str, message: str) -> None:
        """Tell a fault of the row that was given last, which its reader has found."""
        self._note(self._header.index(field) + 1, field, message)

    def _note(self, column: int, field: str, message: str) -> None:
        self.faults.append({"field": field, "message": message, "row": self._row, "column": column})


def fault_of(row: int, column: int | None, field: str, message: str) -> Invalid:
    """The refusal of a whole file for one reason."""
    fault: dict[str, Any] = {"field": field, "message": message, "row": row}
    if column is not None:
        fault["column"] = column
    return Invalid(sentence_of(fault), errors=[fault])


def sentence_of(fault: Mapping[str, Any]) -> str:
    """A fault in words: `Row 12, column 3: amount must be a whole number`."""
    column = f", column {fault['column']}" if "column" in fault else ""
    return f"Row {fault['row']}{column}: {fault['field']} {fault['message']}."


def _require_text(file: BinaryIO) -> None:
    start = file.read(4_096)
    file.seek(0)
    if start.startswith(_UTF_16):
        raise fault_of(1, None, "file", "is UTF-16; save it as CSV UTF-8")
    if b"\0" in start:
        lines = start[: start.index(b"\0")].splitlines(keepends=True) or [b""]
        row = len(lines) + lines[-1].endswith((b"\n", b"\r"))
        raise fault_of(row, None, "file", "is not text: it holds a NUL byte")


def _check_header(header: Sequence[str]) -> None:
    missing = [name for name in REQUIRED if name not in header]
    if missing:
        raise fault_of(1, None, " and ".join(missing), "must be named in the first row, the header")
    for at, name in enumerate(header, 1):
        if name not in COLUMNS:
            shown = name[:40] or "(empty)"
            raise fault_of(1, at, shown, f"is no column of a batch; there are {', '.join(COLUMNS)}")
        if name in header[: at - 1]:
            raise fault_of(1, at, name, "stands twice in the header")


def _user_id(text: str) -> str:
    user_id = meant(text)
    check_user_id("user_id", user_id)
    return user_id


def _op(text: str) -> str:
    if text.lower() not in OPS:
        raise ValueError(f"must be one of {', '.join(OPS)}")
    return text.lower()


def _amount(text: str) -> int:
    if not _AMOUNT.fullmatch(text):
        raise ValueError("must be a whole number, such as 50 or -50")
    return whole("amount", int(text))


def _unit(text: str) -> str:
    if not _UNIT.fullmatch(text):
        raise ValueError("must be the name of a unit")
    return text


def _reason(text: str) -> str:
    check_text("reason", text)
    return meant(text)


def _label(text: str) -> str:
    check_text("label", text)
    return meant(text)


def _moment(text: str) -> datetime:
    if _DAY.fullmatch(text):
        text += "T00:00:00Z"
    if not _TIME.fullmatch(text):
        raise ValueError("must be a day such as 2026-12-31 or a time such as 2026-12-31T12:00:00Z")
    try:
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("is no day of the calendar") from None


def _key(text: str) -> str:
    if not _KEY.fullmatch(text):
        raise ValueError("must be 1 to 255 visible ASCII characters")
    return text


_READ = {
    "user_id": _user_id, "op": _op, "amount": _amount, "unit": _unit, "reason": _reason, "label": _label,
    "expires_at": _moment, "key": _key,
}  # fmt: skip
