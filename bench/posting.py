"""The HTTP load generator: so many connections, as fast as answers come or at a steady rate."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from bench.processes import Failed, Process
from bench.run import Run

SPEND = "/api/v1/users/u{u}/spend"
BODY = '{"amount":1,"label":"t{t}"}'
"""{t} is the moment at which the request was due; it comes back in the frame, which so tells how old it is."""


@dataclass(frozen=True, slots=True)
class Load:
    """One load.

    Attributes:
        port: of a server on loopback.
        requests: how many.
        key: the service key.
        method: GET or POST.
        path: {u} is the number of the next user.
        body: of each request.
        users: so many, in turn.
        connections: kept open, one request at a time on each.
        rate: requests a second whether or not answers come; 0 is as fast as they come.
    """

    port: int
    requests: int
    key: str = "none"
    method: str = "POST"
    path: str = SPEND
    body: str = BODY
    users: int = 1
    connections: int = 64
    rate: int = 0

    def words(self) -> list[str]:
        """The load as command-line words."""
        return [str(word) for name, value in asdict(self).items() for word in (f"--{name}", value)]


def begin(run: Run, load: Load) -> Process:
    """Start a load; `finish` waits for its end."""
    return run.program("http_post", *load.words())


def finish(load: Process, timeout_s: float = 180) -> dict[str, Any]:
    """The figures of a load.

    Raises:
        Failed: an answer was not 200.
    """
    told = load.hear(timeout_s)
    load.end()
    if set(told["statuses"]) != {"200"}:
        raise Failed(f"not every request was answered with 200: {told['statuses']} {told['first_bad']}")
    return told


def whole(run: Run, load: Load) -> dict[str, Any]:
    """A load from beginning to end."""
    return finish(begin(run, load))
