"""A Prometheus collector over a snapshot: nothing is counted here, everything is read when scraped.

Owns the one place where integers become floats. Refuses to know metric names (`catalog`) and HTTP (`server`).

The exposition is the classic text format: in OpenMetrics the counter ``tokmeter_cost_usd_total`` and the histogram
``tokmeter_cost_usd`` would be two families of one name.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.metrics_core import (
    Metric as Family,
)

from tokmeter._core import Snapshot
from tokmeter.export.catalog import CATALOG, Metric

type Series = Iterable[tuple[tuple[str, ...], int]]
"""Label values and integer value of each series, as `Snapshot.series` gives them."""


@dataclass(frozen=True, slots=True)
class Distribution:
    """The histograms of an adapter."""

    bounds: Sequence[int]
    rows: Iterable[tuple[tuple[str, ...], Sequence[int], int, int]]
    """Label values, cumulative counts, sum and count, as `Snapshot.histogram` gives them."""


type Adapter = Callable[[], Mapping[str, Series | Distribution]]
"""Reads the series of one adapter, by their source names in the catalog."""

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def build_info(version: str, price_book: str) -> Adapter:
    """The adapter for ``tokmeter_build_info``."""
    return lambda: {"build": [((version, price_book), 1)]}


class Collector:
    """Yields every metric of the catalog whose source is there."""

    def __init__(self, snapshot: Callable[[], Snapshot] | None, adapters: Sequence[Adapter] = ()) -> None:
        """`snapshot` and each of `adapters` are called once a scrape, from the scraper's thread.

        A process that meters nothing has no snapshot.
        """
        self._snapshot = snapshot
        self._adapters = tuple(adapters)

    def collect(self) -> Iterator[Family]:
        """One family for each metric. Raises `ValueError` for a source that the catalog does not have."""
        snapshot = None if self._snapshot is None else self._snapshot()
        given = {source: series for adapter in self._adapters for source, series in adapter().items()}
        if strangers := given.keys() - {metric.source for metric in CATALOG if metric.adapter}:
            raise ValueError(f"not in the catalog: {', '.join(sorted(strangers))}")
        for metric in CATALOG:
            if metric.adapter:
                if metric.source in given:
                    yield _family(metric, given[metric.source])
            elif snapshot is not None:
                yield _family(metric, _read(metric, snapshot))


def exposition(collector: Collector) -> bytes:
    """The text of a scrape."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(collector)
    return generate_latest(registry)


def _read(metric: Metric, snapshot: Snapshot) -> Series | Distribution:
    if metric.kind == "histogram":
        return Distribution(snapshot.bounds(metric.source), snapshot.histogram(metric.source))
    return snapshot.series(metric.source)


def _family(metric: Metric, given: Series | Distribution) -> Family:
    return _histogram(metric, given) if isinstance(given, Distribution) else _plain(metric, given)


def _plain(metric: Metric, series: Series) -> Family:
    family = (
        CounterMetricFamily(metric.name, metric.help, labels=metric.labels)
        if metric.kind == "counter"
        else GaugeMetricFamily(metric.name, metric.help, labels=metric.labels)
    )
    for labels, value in series:
        family.add_metric(labels, value / metric.divisor)
    return family


def _histogram(metric: Metric, distribution: Distribution) -> Family:
    family = HistogramMetricFamily(metric.name, metric.help, labels=metric.labels)
    bounds = [repr(bound / metric.divisor) for bound in distribution.bounds]
    for labels, counts, total, count in distribution.rows:
        # The counts may or may not repeat the last bucket, which is the count itself.
        buckets = [*zip(bounds, counts, strict=False), ("+Inf", count)]
        family.add_metric(labels, buckets, sum_value=total / metric.divisor)
    return family
