"""How long `import livecredits` takes, and how soon a started server answers."""

from __future__ import annotations

import subprocess
import time

from bench import serving
from bench.processes import PYTHON, ROOT
from bench.report import Figure, Target
from bench.run import Run

TITLE = "import time, and start to first answer"
INCLUDES = (
    "Import: `import livecredits` in a fresh interpreter, by the clock inside it, so without Python's own start. "
    "First answer: from starting `livecredits serve --port N` as a process to the first `200` of `/healthz`; on a new "
    "file the schema is made first, on an existing one it is only checked."
)
IMPORT = "import time; began = time.perf_counter(); import livecredits; print(time.perf_counter() - began)"


def measure(run: Run) -> Figure:
    """Several fresh processes of each kind; the medians count."""
    turns = run.scaled(7, 3)
    run.steps("start", 3)
    figure = Figure("start", TITLE, INCLUDES)
    run.step("imports")
    figure.add("import livecredits", "ms", [_import_ms() for _ in range(2 * turns)], Target("<=", 150))
    run.step("new file")
    starts = [_start_ms(run, f"new-{turn}.db") for turn in range(turns)]
    figure.add("start to first answer, new file", "ms", starts, Target("<=", 2_000))
    run.step("existing file")
    starts = [_start_ms(run, "new-0.db") for _ in range(turns)]
    figure.add("start to first answer, existing file", "ms", starts, Target("<=", 2_000))
    return figure


def _import_ms() -> float:
    told = subprocess.run(
        [PYTHON, "-c", IMPORT], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    return float(told.stdout) * 1e3


def _start_ms(run: Run, name: str) -> float:
    port = serving.free_port()
    environment = {**serving.ENVIRONMENT, "LIVECREDITS_DATABASE_URL": f"sqlite:///{run.folder / name}"}
    began = time.perf_counter()
    process = run.livecredits("serve", "--port", str(port), core=None, environment=environment)
    serving.wait_for_answer(process, port)
    took = time.perf_counter() - began
    process.end()
    return took * 1e3
