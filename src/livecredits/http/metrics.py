"""Figures for Prometheus, one registry per application so that two in a process do not mix.

This promises names that stay (`livecredits_…`), labels without any user's id, and a cost of a few microseconds per
request: the label lookups are done once per route and status. It must not know what is measured beyond its names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

CONTENT_TYPE = CONTENT_TYPE_LATEST.encode()
_BUCKETS_S = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 30.0)


class _Collected(Collector):
    """Figures that are asked for when somebody scrapes."""

    def __init__(self, figures: Callable[[], Iterator[Metric]]) -> None:
        self._figures = figures

    def collect(self) -> Iterator[Metric]:
        """What Prometheus gets."""
        return self._figures()


class Metrics:
    """The figures of one application."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._requests = Counter(
            "livecredits_http_requests",
            "Requests answered, by route and status.",
            ("method", "route", "status"),
            registry=self.registry,
        )
        self._seconds = Histogram(
            "livecredits_http_request_seconds",
            "Time from a request's first byte at the application to its answer's last.",
            ("method", "route"),
            buckets=_BUCKETS_S,
            registry=self.registry,
        )
        self.statuses: dict[int, int] = {}
        """Requests answered by status, of all routes together."""
        self._counted: dict[tuple[str, str, int], tuple[Callable[[], None], Callable[[float], None]]] = {}

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one answered request."""
        found = self._counted.get((method, route, status))
        if found is None:
            count = self._requests.labels(method, route, str(status)).inc
            found = (count, self._seconds.labels(method, route).observe)
            self._counted[method, route, status] = found
        found[0]()
        found[1](seconds)
        self.statuses[status] = self.statuses.get(status, 0) + 1

    def watch(self, name: str, meaning: str, figure: Callable[[], float]) -> None:
        """Show a figure that somebody else keeps."""
        Gauge(name, meaning, registry=self.registry).set_function(figure)

    def tell(self, name: str, meaning: str, facts: Mapping[str, object]) -> None:
        """Show facts that stay as they are, as labels."""
        told = {label: str(fact) for label, fact in facts.items()}
        Info(name, meaning, registry=self.registry).info(told)

    def watch_counts(
        self, name: str, meaning: str, label: str, figures: Callable[[], Mapping[str, int]]
    ) -> None:
        """Show numbers that only grow and that somebody else keeps, one for each value of a label."""

        def counted() -> Iterator[Metric]:
            family = CounterMetricFamily(name, meaning, labels=[label])
            for value, number in figures().items():
                family.add_metric([value], number)
            yield family

        self.registry.register(_Collected(counted))

    def watch_histogram(
        self, name: str, meaning: str, figures: Callable[[], tuple[Sequence[tuple[str, float]], float]]
    ) -> None:
        """Show a histogram that somebody else keeps: how many up to each edge, and the sum in seconds."""

        def measured() -> Iterator[Metric]:
            buckets, sum_s = figures()
            yield HistogramMetricFamily(name, meaning, buckets=list(buckets), sum_value=sum_s)

        self.registry.register(_Collected(measured))

    def text(self) -> bytes:
        """The exposition that Prometheus scrapes."""
        return generate_latest(self.registry)
