"""Single POSTs a second over HTTP, each durable before its answer, beside routes that do nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from bench import posting, serving
from bench.posting import Load
from bench.processes import load_core
from bench.report import Figure, Target
from bench.run import Run

TITLE = "single POSTs/s over HTTP with a durable commit each, one process"
INCLUDES = (
    "`POST /api/v1/users/{id}/spend` with a service key and an Idempotency-Key of its own to `livecredits serve` on "
    "SQLite (synchronous=FULL), 64 keep-alive connections with one request at a time on each, 10,000 users in turn; "
    "answered 200 after the commit. The load generator (`bench/peers/http_post.c`) has one core, the server is not "
    "pinned. Beside it in the same run: `GET /healthz` of the same server, and a FastAPI route that reads the same "
    "body and answers without doing anything (`bench/peers/fastapi_noop.py`)."
)
OURS, HEALTH, FASTAPI = "POST spend, durable", "GET /healthz, same server", "FastAPI no-op POST"


def measure(run: Run) -> Figure:
    """Our POST, our no-op, FastAPI's no-op, in turn."""
    users, requests, turns = run.scaled(10_000, 1_000), run.scaled(15_000, 2_000), run.scaled(5, 2)
    run.steps("posts", 1 + 3 * turns)
    run.step("making users")
    ours = serving.start(run, serving.seeded(run, users))
    fastapi = run.python("bench.peers.fastapi_noop", core=None)
    port = fastapi.hear()["port"]
    loads = {
        OURS: Load(ours.port, requests, ours.key, users=users),
        HEALTH: Load(ours.port, requests, method="GET", path="/healthz", body=""),
        FASTAPI: Load(port, requests, users=users),
    }
    posting.whole(run, replace(loads[OURS], requests=requests // 5))
    told: dict[str, list[dict[str, Any]]] = {name: [] for name in loads}
    cpu_us = []
    for turn in range(turns):
        for name, load in loads.items():
            run.step(f"{name}, turn {turn + 1} of {turns}")
            before = ours.process.cpu_s()
            told[name].append(posting.whole(run, load))
            if name == OURS:
                cpu_us.append((ours.process.cpu_s() - before) / requests * 1e6)
    return _figure(told, cpu_us)


def _figure(told: dict[str, list[dict[str, Any]]], cpu_us: list[float]) -> Figure:
    figure = Figure("posts", TITLE, INCLUDES)
    rates = {name: [one["per_s"] for one in found] for name, found in told.items()}
    figure.add(OURS, "/s", rates[OURS], Target(">=", 2_000))
    figure.add(HEALTH, "/s", rates[HEALTH])
    figure.add(FASTAPI, "/s", rates[FASTAPI])
    figure.add("POST ÷ own no-op", "×", _ratios(rates, HEALTH))
    figure.add("POST ÷ FastAPI no-op", "×", _ratios(rates, FASTAPI))
    figure.add("POST: CPU of the server", "µs", cpu_us)
    for share in ("p50", "p99"):
        values = [one["latency"][f"{share}_us"] / 1000 for one in told[OURS]]
        figure.add(f"POST: time to answer, {share}", "ms", values)
    figure.notes.append(f"The load generator runs on core {load_core()}.")
    return figure


def _ratios(rates: dict[str, list[float]], other: str) -> list[float]:
    return [ours / theirs for ours, theirs in zip(rates[OURS], rates[other], strict=True)]
