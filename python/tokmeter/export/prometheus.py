"""A Prometheus collector over a snapshot: nothing is counted here, everything is read when scraped.

Owns the one place where integers become floats. Refuses to know metric names (`catalog`) and HTTP (`server`).

The exposition is the classic text format: in OpenMetrics the counter ``tokmeter_cost_usd_total`` and the histogram
``tokmeter_cost_usd`` would be two families of one name.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

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

type Adapter = Callable[[], Mapping[str, Series]]
"""Reads the series of one adapter, by their source names in the catalog."""

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def build_info(version: str, price_book: str) -> Adapter:
    """The adapter for ``tokmeter_build_info``."""
    return lambda: {"build": [((version, price_book), 1)]}


class Collector:
    """Yields every metric of the catalog whose source is there."""

    def __init__(self, snapshot: Callable[[], Snapshot], adapters: Sequence[Adapter] = ()) -> None:
        """`snapshot` and each of `adapters` are called once a scrape, from the scraper's thread."""
        self._snapshot = snapshot
        self._adapters = tuple(adapters)

    def collect(self) -> Iterator[Family]:
        """One family for each metric. Raises `ValueError` for a source that the catalog does not have."""
        snapshot = self._snapshot()
        given = {source: series for adapter in self._adapters for source, series in adapter().items()}
        if strangers := given.keys() - {metric.source for metric in CATALOG if metric.adapter}:
            raise ValueError(f"not in the catalog: {', '.join(sorted(strangers))}")
        for metric in CATALOG:
            if metric.adapter:
                if metric.source in given:
                    yield _plain(metric, given[metric.source])
            elif metric.kind == "histogram":
                yield _histogram(metric, snapshot)
            else:
                yield _plain(metric, snapshot.series(metric.source))


def exposition(collector: Collector) -> bytes:
    """The text of a scrape."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(collector)
    return generate_latest(registry)


def _plain(metric: Metric, series: Series) -> Family:
    family = (
        CounterMetricFamily(metric.name, metric.help, labels=metric.labels)
        if metric.kind == "counter"
        else GaugeMetricFamily(metric.name, metric.help, labels=metric.labels)
    )
    for labels, value in series:
        family.add_metric(labels, value / metric.divisor)
    return family


def _histogram(metric: Metric, snapshot: Snapshot) -> Family:
    family = HistogramMetricFamily(metric.name, metric.help, labels=metric.labels)
    bounds = [repr(bound / metric.divisor) for bound in snapshot.bounds(metric.source)]
    for labels, counts, total, count in snapshot.histogram(metric.source):
        # The counts may or may not repeat the last bucket, which is the count itself.
        buckets = [*zip(bounds, counts, strict=False), ("+Inf", count)]
        family.add_metric(labels, buckets, sum_value=total / metric.divisor)
    return family
