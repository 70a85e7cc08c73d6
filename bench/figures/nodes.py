"""Several nodes on one PostgreSQL: how soon a change is on another node's screens, and what it costs to follow."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from tests.postgres import PostgresServer

from bench import serving
from bench.report import Figure
from bench.run import Run
from bench.screens import connect, users
from bench.serving import Serving
from livecredits.credits import Credits
from livecredits.storage import postgres_schema

TITLE = "several nodes on one PostgreSQL: commit → frame on another node, and the cost of following"
INCLUDES = (
    "A program commits through the library (fsync and synchronous_commit on) at a steady rate: what is due is asked "
    "for every 10 ms, and group commits take it. 1,000 users have a screen each, at a `livecredits serve` that hears "
    "of it over the bus alone. From the moment at which a change was due to the moment at which it was committed, and "
    "to that at which the screen read the frame, both on CLOCK_MONOTONIC. Following: the processor time of a node that "
    "has no screens and takes no requests meanwhile, with one, two and four such nodes. Everything shares the "
    "machine's cores, PostgreSQL and the receivers included."
)
SEED = 1_000_000_000
RATES = (200, 2_000)
FOLLOWERS = (1, 2, 4)
"""Nodes beside the one that commits."""
TICK_S = 0.01


def measure(run: Run) -> Figure:
    """At each rate: with screens at a node that did not commit; then without, with 1, 2 and 4 nodes that follow."""
    screens, seconds = run.scaled(1_000, 100), run.scaled(10, 3)
    run.steps("nodes", 3 + (1 + len(FOLLOWERS)) * len(RATES))
    run.step("starting PostgreSQL")
    serving.lift_file_limit()
    server = PostgresServer(durable=True, max_connections="200")
    try:
        url = server.url(server.create_database())
        postgres_schema.bring_up_to_date(url)
        run.step("making users")
        asyncio.run(_seed(url, screens))
        figure = Figure("nodes", TITLE, INCLUDES)
        nodes = [serving.start(run, url)]
        for rate in RATES:
            run.step(f"{rate}/s, with screens")
            committed_ms, frames = _with_screens(run, url, nodes[0], rate, seconds, screens)
            for share, place in (("p50", 0.5), ("p99", 0.99)):
                at = committed_ms[int(len(committed_ms) * place)]
                figure.add(f"{rate}/s: due → committed, {share}", "ms", [at])
                figure.add(
                    f"{rate}/s: due → frame on another node, {share}", "ms", [frames[f"{share}_us"] / 1000]
                )
        for count in FOLLOWERS:
            while len(nodes) < count:
                nodes.append(serving.start(run, url, key=nodes[0].key))
            for rate in RATES:
                following = f"{rate}/s, {count} nodes follow" if count > 1 else f"{rate}/s, 1 node follows"
                run.step(following)
                shares = _cost(url, nodes, rate, seconds, screens)
                figure.add(f"{following}: CPU of one", "%", shares)
        return figure
    finally:
        server.remove()


async def _seed(url: str, count: int) -> None:
    async with Credits(url) as credits:
        named = users(count)
        for first in range(0, count, 500):
            await asyncio.gather(*(credits.grant(user, SEED) for user in named[first : first + 500]))


async def _commit(url: str, rate: int, seconds: int, count: int) -> list[float]:
    """So many spends a second; gives how long each took from the moment at which it was due, in ms, sorted."""
    took_ms: list[float] = []

    async def spend(credits: Credits, user: str, due_ns: int) -> None:
        await credits.spend(user, 1, label=f"t{due_ns}")
        took_ms.append((time.monotonic_ns() - due_ns) / 1e6)

    async with Credits(url, node_name="bench") as credits:
        named = users(count)
        await credits.states(named[:1])  # opens it
        await asyncio.sleep(1)  # the others know that it is there, and it that they are
        began_ns, asked, working = time.monotonic_ns(), 0, set()
        while asked < rate * seconds:
            due = min(rate * seconds, int((time.monotonic_ns() - began_ns) / 1e9 * rate))
            for number in range(asked, due):
                due_ns = began_ns + number * 1_000_000_000 // rate
                working.add(asyncio.create_task(spend(credits, named[number % count], due_ns)))
            asked = max(asked, due)
            await asyncio.sleep(TICK_S)
        await asyncio.gather(*working)
    return sorted(took_ms)


def _with_screens(
    run: Run, url: str, node: Serving, rate: int, seconds: int, screens: int
) -> tuple[list[float], dict[str, Any]]:
    pair = connect(run, node.process, node.port, serving.tokens(screens))
    asyncio.run(_commit(url, rate, 1, screens))
    pair.receivers.ask("reset")
    committed_ms = asyncio.run(_commit(url, rate, seconds, screens))
    seen: dict[str, Any] = pair.receivers.ask(f"wait {rate * seconds} 1000")["latency"]
    pair.disconnect()
    return committed_ms, seen


def _cost(url: str, nodes: list[Serving], rate: int, seconds: int, screens: int) -> list[float]:
    before = [node.process.cpu_s() for node in nodes]
    asyncio.run(_commit(url, rate, seconds, screens))
    spent = [node.process.cpu_s() - since for node, since in zip(nodes, before, strict=True)]
    return [one / seconds * 100 for one in spent]
