"""The only door to the Prometheus library: figures become its text format (0.0.4), made anew for each scrape.

Imported where somebody scrapes, for the library costs memory that a desk without Prometheus does not need.
"""

from collections import defaultdict
from collections.abc import Iterator
from typing import TypeVar

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from ui.metrics.catalogue import METRICS, Metric
from ui.metrics.gathering import Gathered
from wire.meter import MOST_SERIES, Amount, Spread, plain_label

Told = TypeVar("Told", Amount, Spread)

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def exposition(gathered: Gathered) -> bytes:
    """The figures as Prometheus reads them. A series that is told twice is told once, as it was told last."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Told(gathered))
    return generate_latest(registry)


class _Told(Collector):
    def __init__(self, gathered: Gathered) -> None:
        self._amounts: dict[str, dict[tuple[str, ...], Amount]] = defaultdict(dict)
        self._spreads: dict[str, dict[tuple[str, ...], Spread]] = defaultdict(dict)
        for amount in gathered.amounts:
            _keep(self._amounts[amount.name], amount)
        for spread in gathered.spreads:
            _keep(self._spreads[spread.name], spread)

    def collect(self) -> Iterator[Family]:
        for metric in METRICS:
            if metric.kind == "histogram":
                if told := self._spreads.get(metric.name):
                    yield _histogram(metric, list(told.values()))
            elif amounts := self._amounts.get(metric.name):
                yield _plain(metric, list(amounts.values()))


def _keep(series: dict[tuple[str, ...], Told], told: Told) -> None:
    """No more series of one name than a meter makes: a process may be somebody else's by now."""
    if told.labels in series or len(series) <= MOST_SERIES:
        series[told.labels] = told


def _plain(metric: Metric, amounts: list[Amount]) -> Family:
    kind = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
    family = kind(metric.name, metric.help, labels=metric.labels)
    for amount in amounts:
        family.add_metric(_plain_labels(amount.labels), amount.value)
    return family


def _histogram(metric: Metric, spreads: list[Spread]) -> Family:
    family = HistogramMetricFamily(metric.name, metric.help, labels=metric.labels)
    for spread in spreads:
        so_far, buckets = 0, []
        for bound, count in zip((*map(str, spread.bounds), "+Inf"), spread.counts, strict=True):
            so_far += count
            buckets.append((bound, float(so_far)))
        family.add_metric(_plain_labels(spread.labels), buckets, spread.total)
    return family


def _plain_labels(labels: tuple[str, ...]) -> list[str]:
    return [plain_label(one) for one in labels]
