"""The figures of several workers as one exposition: each its own, nobody waited for who stands still."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.http.stage import Stage

from livecredits.access import Scope
from livecredits.http import siblings
from livecredits.http.metrics import Metrics
from livecredits.http.siblings import Siblings, merged


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short one: the path of a Unix socket has at most a hundred characters."""
    with TemporaryDirectory() as name:
        yield Path(name)


def counted(requests: int, route: str = "/users/{id}") -> Metrics:
    metrics = Metrics()
    for _ in range(requests):
        metrics.answered("GET", route, 200, 0.01)
    return metrics


def samples(text: bytes) -> dict[tuple[str, str, str], float]:
    """By name, node and route."""
    return {
        (sample.name, sample.labels.get("node", ""), sample.labels.get("route", "")): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


async def test_whoever_answers_shows_all(folder: Path) -> None:
    async with AsyncExitStack() as stack:
        workers = [
            Siblings(folder / f"{number}.sock", f"web-{number}", counted(number).text) for number in (1, 2, 3)
        ]
        for worker in workers:
            await stack.enter_async_context(worker.answering())
        for worker in workers:
            found = samples(await worker.text())
            for number in (1, 2, 3):
                node = f"web-{number}"
                assert found["livecredits_http_requests_total", node, "/users/{id}"] == number
                assert found["livecredits_http_request_seconds_count", node, "/users/{id}"] == number
                assert found["livecredits_worker_up", node, ""] == 1


async def test_who_stands_still_or_is_gone_is_left_out_and_said_to_be(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(siblings, "ANSWER_S", 0.05)
    own = Siblings(folder / "1.sock", "web-1", counted(1).text)
    with socket.socket(socket.AF_UNIX) as still, socket.socket(socket.AF_UNIX) as gone:
        still.bind(os.fspath(folder / "2.sock"))
        still.listen()
        gone.bind(os.fspath(folder / "3.sock"))
        async with own.answering():
            found = samples(await own.text())
    up = {node: value for (name, node, _), value in found.items() if name == siblings.UP}
    assert up == {"web-1": 1, "web-2": 0, "web-3": 0}
    assert {node for _, node, _ in found} == {"web-1", "web-2", "web-3"}
    assert found["livecredits_http_requests_total", "web-1", "/users/{id}"] == 1


async def test_a_worker_whom_nobody_can_ask_shows_its_own(folder: Path) -> None:
    """The path of its socket is longer than the system takes."""
    (folder / ("long" * 40)).mkdir()
    alone = Siblings(folder / ("long" * 40) / "1.sock", "web-1", counted(3).text)
    async with alone.answering():
        found = samples(await alone.text())
    assert found["livecredits_http_requests_total", "web-1", "/users/{id}"] == 3


async def test_a_worker_that_begins_anew_takes_the_place_of_the_former(folder: Path) -> None:
    path = folder / "1.sock"
    with socket.socket(socket.AF_UNIX) as former:
        former.bind(os.fspath(path))
    async with Siblings(path, "web-1", counted(7).text).answering():
        reader, writer = await asyncio.open_unix_connection(path)
        assert b"livecredits_http_requests_total" in await reader.read()
        writer.close()


def test_lines_of_one_family_stand_together_with_their_values_untouched() -> None:
    odd = counted(1, 'a "quoted" {x} \\ route').text().decode()
    told = merged({'no"de': odd, "other": odd}).decode()
    heads = [line for line in told.splitlines() if line.startswith("# HELP ")]
    assert len(heads) == len(set(heads))
    found = samples(told.encode())
    for node in ('no"de', "other"):
        assert found["livecredits_http_requests_total", node, 'a "quoted" {x} \\ route'] == 1
    alone = samples(odd.encode())["process_open_fds", "", ""]
    assert alone == found["process_open_fds", "other", ""]


async def test_the_route_answers_for_all(stage: Stage, folder: Path) -> None:
    services = stage.services
    services.siblings = Siblings(folder / "1.sock", "web-1", services.metrics.text)
    async with services.siblings.answering():
        backend = await stage.backend(Scope.READ)
        assert 'livecredits_screens{node="web-1"} 0.0' in (await backend.get("/metrics")).text
