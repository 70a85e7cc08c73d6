"""The package's face: its names exist, and importing it costs next to nothing."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

import livecredits

IMPORT_MS_MOST = 150
"""Of processor time: what else the machine does is not ours."""
SLOW = ("sqlalchemy", "alembic", "pydantic", "starlette", "uvicorn", "asyncio", "sqlite3")


@pytest.mark.parametrize("name", livecredits.__all__)
def test_every_public_name_can_be_imported(name: str) -> None:
    assert getattr(livecredits, name) is not None
    assert name in dir(livecredits)


def test_names_are_sorted_and_complete() -> None:
    assert livecredits.__all__ == sorted(livecredits.__all__)
    assert set(livecredits.__all__) == {*livecredits._HOME_OF, "__version__"}
    with pytest.raises(AttributeError):
        _ = livecredits.nothing_of_the_kind
    for home in livecredits._HOMES:
        importlib.import_module(home)


def test_importing_it_loads_nothing_heavy() -> None:
    program = (
        "import sys, time; t = time.process_time(); import livecredits; print((time.process_time() - t) * 1e3); "
        f"print([name for name in {SLOW!r} if name in sys.modules])"
    )
    took_ms = []
    for _ in range(3):  # the first may have to compile it
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        took, loaded = done.stdout.splitlines()
        assert loaded == "[]"
        took_ms.append(float(took))
    assert min(took_ms) < IMPORT_MS_MOST
