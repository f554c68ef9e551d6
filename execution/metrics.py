"""What Prometheus is told. Counting costs a tenth of a microsecond; the rest is done when somebody scrapes.

No label takes a value that a client can make up: paths and methods are those that there are, operations are called by name
only where their document is registered, codes and reasons are ours.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

OTHER = "other"
MOST_NAMES = 500
"""Of operations; those that come later are counted together."""

METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
STATEMENTS = (0.0, 1.0, 2.0, 3.0, 5.0, 8.0, 13.0, 21.0, 34.0)
COSTS = (1.0, 10.0, 100.0, 1_000.0, 10_000.0, 100_000.0)

Reading = float | Mapping[str, float] | None


class Histogram:
    """How often a value fell into each bucket. Bounds belong to the bucket below them."""

    __slots__ = ("_bounds", "_counts", "_sum")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def observe(self, value: float) -> None:
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def add_to(self, family: HistogramMetricFamily, *labels: str) -> None:
        bounds = [*map(str, self._bounds), "+Inf"]
        family.add_metric(labels, [*zip(bounds, accumulate(self._counts), strict=True)], self._sum)


@dataclass(frozen=True, slots=True)
class Watched:
    """A figure that somebody else keeps, read when it is asked for. With ``label`` the reading has a value for each."""

    name: str
    help: str
    read: Callable[[], Reading]
    label: str | None
    family: type[CounterMetricFamily] | type[GaugeMetricFamily]

    def metric(self) -> Metric:
        family = self.family(self.name, self.help, labels=[self.label] if self.label else [])
        reading = self.read()
        values = reading if isinstance(reading, Mapping) else {} if reading is None else {"": reading}
        for key, value in values.items():
            family.add_metric([key] if self.label else [], value)
        return family


class Metrics(Collector):
    """Of one application, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._watched: list[Watched] = []
        self._requests: Counter[tuple[str, str, int]] = Counter()
        self._request_seconds: defaultdict[str, Histogram] = defaultdict(lambda: Histogram(SECONDS))
        self._names: set[str] = set()
        self._operations: Counter[tuple[str, str]] = Counter()
        self._operation_seconds: defaultdict[str, Histogram] = defaultdict(lambda: Histogram(SECONDS))
        self._operation_cost = Histogram(COSTS)
        self._operation_statements = Histogram(STATEMENTS)
        self._errors: Counter[str] = Counter()
        self.requests_at_hand = 0
        self.sockets = 0
        self.gauge("http_requests_in_progress", "HTTP requests that are being answered.", lambda: self.requests_at_hand)
        self.gauge("websocket_connections", "WebSockets that are open.", lambda: self.sockets)
        for collector in (self, ProcessCollector(registry=None), PlatformCollector(registry=None)):
            self.registry.register(collector)
        GCCollector(registry=self.registry)

    def counter(self, name: str, help: str, read: Callable[[], Reading], label: str | None = None) -> None:
        """A figure that only grows; its name ends in ``_total``."""
        self._watched.append(Watched(name, help, read, label, CounterMetricFamily))

    def gauge(self, name: str, help: str, read: Callable[[], Reading], label: str | None = None) -> None:
        """A figure that goes up and down."""
        self._watched.append(Watched(name, help, read, label, GaugeMetricFamily))

    def count_request(self, method: str, path: str, status: int, seconds: float) -> None:
        """``path`` is one of ours."""
        self._requests[method if method in METHODS else OTHER, path, status] += 1
        self._request_seconds[path].observe(seconds)

    def count_operation(
        self,
        name: str | None,
        codes: Iterable[str],
        seconds: float | None,
        *,
        statements: int | None = None,
        cost: float | None = None,
    ) -> None:
        """``name`` is None where the document is not registered; ``codes`` are those of the answer's errors.

        ``seconds`` is None where it says nothing of us.
        """
        if name is None or (name not in self._names and len(self._names) >= MOST_NAMES):
            name = OTHER
        self._names.add(name)
        status = "OK"
        for code in codes:
            status = code if status == "OK" else status
            self._errors[code] += 1
        self._operations[name, status] += 1
        if seconds is not None:
            self._operation_seconds[name].observe(seconds)
        if statements is not None:
            self._operation_statements.observe(statements)
        if cost is not None:
            self._operation_cost.observe(cost)

    def figures(self) -> dict[str, Reading]:
        """The watched figures as they are now, by name."""
        return {watched.name: watched.read() for watched in self._watched}

    def collect(self) -> Iterator[Metric]:
        """Prometheus asks for it."""
        requests = CounterMetricFamily("http_requests", "HTTP requests.", labels=["method", "path", "status"])
        for (method, path, status), count in self._requests.items():
            requests.add_metric([method, path, str(status)], count)
        yield requests
        yield self._seconds("http_request_duration_seconds", "path", self._request_seconds)
        operations = CounterMetricFamily(
            "graphql_operations",
            "Operations, those of unregistered documents together; status is OK or the code of the first error.",
            labels=["name", "status"],
        )
        for (name, outcome), count in self._operations.items():
            operations.add_metric([name, outcome], count)
        yield operations
        yield self._seconds("graphql_operation_duration_seconds", "name", self._operation_seconds)
        yield self._plain("graphql_operation_cost", "Cost of operations, where it is computed.", self._operation_cost)
        yield self._plain(
            "graphql_sql_statements_per_operation", "Statements that operations took.", self._operation_statements
        )
        errors = CounterMetricFamily("graphql_resolver_errors", "Errors in answers, by code.", labels=["code"])
        for code, count in self._errors.items():
            errors.add_metric([code], count)
        yield errors
        for watched in self._watched:
            yield watched.metric()

    @staticmethod
    def _seconds(name: str, label: str, histograms: Mapping[str, Histogram]) -> Metric:
        family = HistogramMetricFamily(name, "How long they took.", labels=[label])
        for value, histogram in histograms.items():
            histogram.add_to(family, value)
        return family

    @staticmethod
    def _plain(name: str, help: str, histogram: Histogram) -> Metric:
        family = HistogramMetricFamily(name, help)
        histogram.add_to(family)
        return family
