"""`livecredits doctor`: what this machine and this installation lack, each told in one line.

Promises: it changes nothing (the speed of the disk is measured on a file of its own, which it removes); every check
says what it found, and a failed one what to do. ✗ stops a start or costs speed tenfold; ! is worth knowing.
The odd thing: it must work where nothing else does, so each check fails alone and no ledger is opened.
"""

from __future__ import annotations

import os
import platform
import shutil
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from livecredits.cli.lock import holder_of
from livecredits.cli.output import REFUSED, AsJson, out, plain, print_json
from livecredits.errors import StartRefused

if TYPE_CHECKING:
    from livecredits.config import Settings

PYTHON_MIN = (3, 11)
FREE_BYTES_MIN = 1_000_000_000
FSYNC_TRIES = 20
FSYNC_MS_MAX = 20.0
CLOCK_OFF_S_MAX = 5.0
STATIC = Path(__file__).parents[1] / "static"

Verdict = Literal["ok", "note", "bad"]
MARKS = {"ok": "[green]✓[/green]", "note": "[yellow]![/yellow]", "bad": "[red]✗[/red]"}


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found."""

    check: str
    verdict: Verdict
    told: str


Check = Callable[["Path | None"], Finding]


def add_to(app: typer.Typer) -> None:
    """Put this command into the program."""
    app.command()(doctor)


def doctor(
    *,
    database: Annotated[
        str | None,
        typer.Option("--database", metavar="URL", help="Which ledger; before LIVECREDITS_DATABASE_URL."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check this machine and this installation; changes nothing."""
    findings = list(examine(database))
    if as_json:
        print_json([{"check": one.check, "verdict": one.verdict, "told": one.told} for one in findings])
    else:
        for one in findings:
            out().print(f"{MARKS[one.verdict]} [bold]{one.check:<9}[/bold] {plain(one.told)}", soft_wrap=True)
    if any(one.verdict == "bad" for one in findings):
        raise typer.Exit(REFUSED)


def examine(database: str | None) -> Iterator[Finding]:
    """Every finding, in the order of what depends on what."""
    from livecredits.storage.database import is_postgres

    settings, found = _settings(database)
    yield found
    yield from _strangers()
    url = settings.database_url if settings else ""
    if is_postgres(url):
        from livecredits.cli.doctor_server import examine_server

        yield from _checked((("python", _python),), None)
        yield from examine_server(url, settings.listen_url if settings else None)
    else:
        yield from _checked(OF_A_FILE, _file(url))
    yield from _checked((("web", _web), ("client", _client), ("server", _server)), None)


def _checked(checks: Iterable[tuple[str, Check]], file: Path | None) -> Iterator[Finding]:
    for name, check in checks:
        try:
            yield check(file)
        except Exception as error:  # noqa: BLE001 - a check that breaks is a finding, and the others go on
            yield Finding(name, "bad", f"could not be checked: {error}")


def _settings(database: str | None) -> tuple[Settings | None, Finding]:
    from livecredits.config import Settings
    from livecredits.storage.database import check_address

    try:
        settings = Settings.load(**({} if database is None else {"database_url": database}))
        check_address(settings.database_url)
    except StartRefused as refused:
        return None, Finding("settings", "bad", str(refused))
    if settings.mode == "development":
        return settings, Finding(
            "settings", "note", "development mode: LIVECREDITS_MODE=production is for real use"
        )
    return settings, Finding("settings", "ok", "production mode, nothing missing")


def _strangers() -> Iterator[Finding]:
    from livecredits.config import Settings

    for name, meant in Settings.unknown(os.environ).items():
        hint = f": did you mean {meant}?" if meant else ": nothing reads it"
        yield Finding("settings", "note", f"{name} is no setting{hint}")


def _file(url: str) -> Path | None:
    return Path(url.removeprefix("sqlite:///")) if url.startswith("sqlite:///") else None


def _python(_file: Path | None) -> Finding:
    told = f"Python {platform.python_version()} on {platform.system()} {platform.machine()}"
    return Finding("python", "ok" if sys.version_info >= PYTHON_MIN else "bad", told)


def _sqlite(_file: Path | None) -> Finding:
    from livecredits.storage.sqlite import OLDEST_SQLITE

    fits = sqlite3.sqlite_version_info >= OLDEST_SQLITE
    wanted = "" if fits else f"; {'.'.join(map(str, OLDEST_SQLITE))} or newer is needed: use a newer Python"
    return Finding("sqlite", "ok" if fits else "bad", f"SQLite {sqlite3.sqlite_version}{wanted}")


def _rights(file: Path | None) -> Finding:
    if file is None:
        return Finding("file", "note", "the ledger is not in a SQLite file")
    folder = file.absolute().parent
    if not folder.is_dir():
        return Finding("file", "bad", f"the folder {folder} does not exist: mkdir -p {folder}")
    if not os.access(folder, os.W_OK):
        return Finding(
            "file", "bad", f"this user may not write into {folder}, where the log of {file.name} goes"
        )
    if not file.exists():
        return Finding("file", "ok", f"{file} will be made at the first start")
    if file.stat().st_mode & 0o007:
        return Finding("file", "note", f"everybody on this machine can read {file}: chmod o-rwx {file}")
    return Finding("file", "ok", f"{file}, {file.stat().st_size / 1e6:,.1f} MB")


def _fault_of(file: Path) -> str | None:
    folder = file.parent
    if not folder.is_dir():
        return f"the folder {folder} does not exist: mkdir -p {folder}"
    if not os.access(folder, os.W_OK):
        return f"this user may not write into {folder}, where the write-ahead log goes"
    if file.exists() and not os.access(file, os.R_OK | os.W_OK):
        return f"this user may not read and write {file}"
    return None


def _lock(file: Path | None) -> Finding:
    holder = holder_of(file) if file is not None else None
    if holder is None:
        return Finding("lock", "ok", "no process has the ledger open")
    told = f"open in another process ({holder}): commands need LIVECREDITS_URL and LIVECREDITS_KEY"
    return Finding("lock", "note", told)


def _schema(file: Path | None) -> Finding:
    from livecredits.storage.migrate import HEAD, version_of

    if file is None or not file.exists():
        return Finding("schema", "ok", f"{HEAD}, made at the first start")
    with closing(_reading(file)) as db:
        version = version_of(db)
    if version == HEAD:
        return Finding("schema", "ok", f"{version}, which is this program's")
    if version is None or version < HEAD:
        return Finding(
            "schema",
            "note",
            f"{version or 'none'}; the next start, or `livecredits migrate`, makes it {HEAD}",
        )
    return Finding(
        "schema", "bad", f"{version}, and this program knows up to {HEAD}: install the newer version"
    )


def _clock(file: Path | None) -> Finding:
    newest_us = 0
    if file is not None and file.exists():
        with closing(_reading(file)) as db:
            newest_us = (db.execute("SELECT at_us FROM entries ORDER BY id DESC LIMIT 1").fetchone() or (0,))[
                0
            ] or 0
    ahead_s = newest_us / 1e6 - time.time()
    if ahead_s > CLOCK_OFF_S_MAX:
        return Finding(
            "clock", "bad", f"the newest entry is {ahead_s:,.0f} s in the future: set this machine's clock"
        )
    return Finding("clock", "ok", "no entry is in the future")


def _reading(file: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True, timeout=1)


def _disk(file: Path | None) -> Finding:
    free = shutil.disk_usage(_folder(file)).free
    verdict: Verdict = "ok" if free >= FREE_BYTES_MIN else "bad"
    return Finding("disk", verdict, f"{free / 1e9:,.1f} GB free in {_folder(file)}")


def _folder(file: Path | None) -> Path:
    folder = file.absolute().parent if file is not None else Path.cwd()
    return folder if folder.is_dir() else Path.cwd()


def _fsync(file: Path | None) -> Finding:
    """What a commit waits for: one page written and forced to the disk."""
    times_ms = []
    with tempfile.TemporaryFile(dir=_folder(file)) as probe:
        for _ in range(FSYNC_TRIES):
            started = time.perf_counter()
            probe.write(b"\0" * 4096)
            probe.flush()
            os.fsync(probe.fileno())
            times_ms.append((time.perf_counter() - started) * 1000)
    middle_ms = statistics.median(times_ms)
    told = f"{middle_ms:.2f} ms to make a write durable (median of {FSYNC_TRIES})"
    if middle_ms > FSYNC_MS_MAX:
        return Finding("fsync", "bad", f"{told}: every change waits for that; use a faster or a local disk")
    return Finding("fsync", "ok", told)


def _web(_file: Path | None) -> Finding:
    missing = [name for name in ("console", "wallet") if not (STATIC / name / "index.html").is_file()]
    if missing:
        return Finding(
            "web", "bad", f"the pages of {' and '.join(missing)} are not built: `make demo` in the source"
        )
    return Finding("web", "ok", "console and wallet are built")


def _client(_file: Path | None) -> Finding:
    from importlib.util import find_spec

    if find_spec("httpx2") is None:
        return Finding(
            "client", "note", "commands cannot go over HTTP without: pip install 'livecredits[client]'"
        )
    return Finding("client", "ok", "httpx2 is installed, commands can go over HTTP")


def _server(_file: Path | None) -> Finding:
    from urllib.request import urlopen

    url = os.environ.get("LIVECREDITS_URL")
    if not url:
        return Finding("server", "ok", "LIVECREDITS_URL is not set: commands open the file")
    asked = time.time()
    with urlopen(f"{url.rstrip('/')}/readyz", timeout=5) as response:  # noqa: S310 - the user's own address
        date = response.headers.get("date")
    if date and abs(parsedate_to_datetime(date).timestamp() - asked) > CLOCK_OFF_S_MAX:
        return Finding(
            "server", "bad", f"{url} is ready, but its clock and ours differ: tokens may be refused"
        )
    return Finding("server", "ok", f"{url} is ready")


OF_A_FILE: tuple[tuple[str, Check], ...] = (
    ("python", _python), ("sqlite", _sqlite), ("file", _rights), ("lock", _lock), ("schema", _schema),
    ("clock", _clock), ("disk", _disk), ("fsync", _fsync),
)  # fmt: skip
