"""A batch of 10,000 rows over HTTP while 1,000 of its users have a screen open."""

from __future__ import annotations

import csv
import http.client
import io
import json
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from bench import serving
from bench.processes import Failed
from bench.report import Figure, Target
from bench.run import Run
from bench.screens import QUIET_MS, Pair, connect, users
from bench.serving import Serving

TITLE = "a batch of 10,000 rows, and every open screen right, with 1,000 screens of its users open"
INCLUDES = (
    "One POST /admin/batches on a kept-alive connection, from sending its first byte to having read its whole answer: "
    "body read and checked, every row decided, hash chain, durable commits (synchronous=FULL), each row's outcome kept "
    "and answered. Screens right: from that last byte of the answer until the last of the 1,000 screens, which are "
    "spread over all rows at random, has read the frame that holds its new balance; negative where all were told "
    "before the answer. `livecredits serve` is not pinned; poster and screens run beside it."
)
SEED = 1


@dataclass(frozen=True, slots=True)
class Kind:
    """One way to ask: what each row says, and how."""

    name: str
    row: Callable[[int, str, int], dict[str, Any]]
    is_csv: bool = False
    asked: dict[str, bool] = field(default_factory=dict)

    @property
    def is_kept(self) -> bool:
        """Whether screens hear of it."""
        return "dry_run" not in self.asked


@dataclass(frozen=True, slots=True)
class Took:
    """What one batch cost: until the answer, from then until the last screen was right, and the server's CPU."""

    answer_s: float
    screens_s: float
    cpu_s: float


def measure(run: Run) -> Figure:
    """Seed, connect the screens, then every kind in turn."""
    rows, screens, turns = run.scaled(10_000, 1_000), run.scaled(1_000, 100), run.scaled(5, 1)
    run.steps("batch", 2 + turns)
    run.step("making users")
    ours = serving.start(run, serving.seeded(run, rows))
    run.step("connecting")
    pair = connect(run, ours.process, ours.port, serving.tokens(screens))
    took: dict[str, list[Took]] = {kind.name: [] for kind in KINDS}
    for turn in range(turns):
        run.step(f"turn {turn + 1} of {turns}")
        for kind in KINDS:
            took[kind.name].append(_batch(ours, pair, kind, turn, rows))
    return _figure(took)


def _adjusted(_number: int, user: str, _turn: int) -> dict[str, Any]:
    return {"user_id": user, "op": "adjust", "amount": 7}


def _mixed(number: int, user: str, turn: int) -> dict[str, Any]:
    """By turns: added, taken, made equal, granted for a while; every fifth grant is a new user's first."""
    if number % 4 == 3:
        is_new = number % 20 == 19
        return {
            "user_id": f"new-{turn}-{user}" if is_new else user, "op": "grant", "amount": 5, "label": "A present",
            "reason": "goodwill", "expires_at": "2099-12-31T23:59:59Z",
        }  # fmt: skip
    op, amount = (("adjust", 7), ("adjust", -7), ("set", 1_000_000 + turn))[number % 4]
    return {"user_id": user, "op": op, "amount": amount, "reason": "correction"}


KINDS = (
    Kind("adjusts, JSON", _adjusted),
    Kind("mixed, JSON", _mixed),
    Kind("mixed, CSV", _mixed, is_csv=True),
    Kind("adjusts, JSON, atomic", _adjusted, asked={"atomic": True}),
    Kind("adjusts, JSON, dry run", _adjusted, asked={"dry_run": True}),
)


def _batch(ours: Serving, pair: Pair, kind: Kind, turn: int, count: int) -> Took:
    """Post one batch and wait for the last screen.

    Raises:
        Failed: a row was refused, or a screen was not told.
    """
    order = list(enumerate(users(count)))
    random.Random(SEED).shuffle(order)
    # A mixed batch's new users stand in for known ones, so that every screen's own user keeps a row.
    rows = [_own(kind.row(number, user, turn), user, number < pair.screens) for number, user in order]
    prefix, content, headers = _spelled(kind, rows)
    pair.receivers.ask("reset")
    connection = http.client.HTTPConnection("127.0.0.1", ours.port, timeout=60)
    connection.connect()
    cpu_s, began_ns = ours.process.cpu_s(), time.monotonic_ns()
    connection.request("POST", *_request(prefix, content, began_ns, headers, ours.key))
    answer = connection.getresponse()
    told = answer.read()
    answer_s = (time.monotonic_ns() - began_ns) / 1e9
    body = json.loads(told)
    if answer.status != 200 or body["applied"] != count:
        raise Failed(f"not every row of {kind.name} was applied: {told[:300]!r}")
    connection.close()
    if not kind.is_kept:
        return Took(answer_s, 0.0, ours.process.cpu_s() - cpu_s)
    seen = pair.receivers.ask(f"wait {pair.screens} {QUIET_MS}")
    if seen["latency"]["n"] != pair.screens:
        raise Failed(f"{seen['latency']['n']} of {pair.screens} screens were told of {kind.name}")
    return Took(answer_s, seen["latency"]["max_us"] / 1e6 - answer_s, ours.process.cpu_s() - cpu_s)


def _own(row: dict[str, Any], user: str, has_screen: bool) -> dict[str, Any]:  # noqa: FBT001 - a fact of the row
    return {**row, "user_id": user} if has_screen else row


def _spelled(kind: Kind, rows: list[dict[str, Any]]) -> tuple[str, bytes, dict[str, str]]:
    """Query, body and headers; the batch's label is left to the moment of sending, since it is that moment."""
    for row in rows:
        row.pop("label", None)
    if not kind.is_csv:
        body = json.dumps({**kind.asked, "rows": rows}).encode()
        return "", body, {"content-type": "application/json"}
    text = io.StringIO()
    writer = csv.DictWriter(text, ["user_id", "op", "amount", "reason", "expires_at"])
    writer.writeheader()
    writer.writerows(rows)
    return "?", text.getvalue().encode(), {"content-type": "text/csv"}


def _request(query: str, content: bytes, began_ns: int, headers: dict[str, str], key: str) -> Iterator[Any]:
    label = f"t{began_ns}"
    if query:
        yield f"/api/v1/admin/batches?label={label}"
        yield content
    else:
        yield "/api/v1/admin/batches"
        yield content[:1] + f'"label":"{label}",'.encode() + content[1:]
    yield {**headers, "authorization": f"Bearer {key}"}


def _figure(took: dict[str, list[Took]]) -> Figure:
    figure = Figure("batch", TITLE, INCLUDES)
    for name, found in took.items():
        figure.add(f"{name}: answered", "s", [one.answer_s for one in found], Target("<=", 1.0))
        if any(one.screens_s for one in found):
            figure.add(
                f"{name}: screens right after the answer",
                "s",
                [one.screens_s for one in found],
                Target("<=", 1.0),
            )
        figure.add(f"{name}: CPU of the server", "s", [one.cpu_s for one in found])
    return figure
