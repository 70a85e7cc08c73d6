"""Where and with what a figure was measured: processor, kernel, disk, commit, versions.

The odd thing is `fdatasync_us`: what one durable write costs here decides the figures of the ledger more than the
processor does, and virtual disks differ by a factor of a hundred.
"""

from __future__ import annotations

import importlib.metadata
import os
import platform
import sqlite3
import statistics
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

PACKAGES = ("livecredits", "uvicorn", "uvloop", "httptools", "websockets", "starlette", "sqlalchemy")


def circumstances(folder: Path) -> dict[str, Any]:
    """Everything that a result file says about where it comes from.

    Args:
        folder: where the databases of this run lie; its disk is the one that is timed.
    """
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "commit": commit(),
        "machine": {
            "cpu": _after("/proc/cpuinfo", "model name") or platform.processor(),
            "cores": len(os.sched_getaffinity(0)),
            "memory_gib": round(int((_after("/proc/meminfo", "MemTotal") or "0").split()[0]) / 2**20),
            "system": f"{platform.system()} {platform.release().split('-')[0]}",
            "load_average": round(os.getloadavg()[0], 2),
            "fdatasync_us": fdatasync_us(folder),
        },
        "versions": {
            "Python": platform.python_version(),
            "SQLite": sqlite3.sqlite_version,
            **{name: importlib.metadata.version(name) for name in PACKAGES},
        },
    }


def commit() -> str:
    """The commit measured, with a plus where the package differs from it."""
    root = Path(__file__).parent.parent

    def git(*words: str) -> str:
        return subprocess.run(
            ["git", "-C", str(root), *words], capture_output=True, text=True, check=False
        ).stdout.strip()

    return (git("rev-parse", "--short", "HEAD") or "unknown") + (
        "+" if git("status", "-s", "--", "src") else ""
    )


def fdatasync_us(folder: Path, writes: int = 100) -> int:
    """The median time of writing 4 KiB to the end of a file and making it durable."""
    path, times = folder / "fdatasync", []
    with path.open("wb", buffering=0) as file:
        for _ in range(writes):
            began = time.perf_counter()
            file.write(bytes(4096))
            os.fdatasync(file.fileno())
            times.append(time.perf_counter() - began)
    path.unlink()
    return round(statistics.median(times) * 1e6)


def _after(path: str, name: str) -> str | None:
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith(name)), None)
