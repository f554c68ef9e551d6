"""What alerts are about, for Prometheus: measures that nothing else tells, of all workers alike, and how many alerts fire."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy.ext.asyncio import AsyncConnection

from db.alerts.conditions import Reading
from db.alerts.measures import MEASURES
from db.queries.alert_judging import count_firing, read_measure
from db.queries.alert_rules import AlertSeverity

TOLD = tuple(measure for measure in MEASURES.values() if measure.prometheus is None)


class AlertFigures(Collector):
    """As of the last reading."""

    def __init__(self) -> None:
        self._readings: Mapping[str, Reading] = {}
        self._firing: Mapping[str, int] | None = None

    async def read(self, connection: AsyncConnection) -> None:
        self._readings = {measure.name: await read_measure(connection, measure.name, None) for measure in TOLD}
        self._firing = await count_firing(connection)

    def forget(self) -> None:
        """Nothing is known."""
        self._readings, self._firing = {}, None

    def collect(self) -> Iterator[Metric]:
        for measure in TOLD:
            family = GaugeMetricFamily(measure.name, measure.description, labels=[measure.by] if measure.by else [])
            for subject, value in self._readings.get(measure.name, {}).items():
                family.add_metric([subject or ""] if measure.by else [], value)
            yield family
        firing = GaugeMetricFamily("alerts_firing", "Alerts that fire, of all rules.", labels=["severity"])
        for severity in AlertSeverity if self._firing is not None else ():
            firing.add_metric([severity.value.lower()], (self._firing or {}).get(severity.value, 0))
        yield firing
