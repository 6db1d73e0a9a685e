"""A snapshot with one series of everything, in the shape of the core's."""

from tokmeter.export.catalog import CATALOG, Metric

VALUE = 1_500_000_000


def plain(source: str) -> Metric:
    return next(metric for metric in CATALOG if metric.source == source and metric.kind != "histogram")


class FakeSnapshot:
    """Each series has its label names as values."""

    def series(self, name: str) -> list[tuple[tuple[str, ...], int]]:
        return [(plain(name).labels, VALUE)]

    def histogram(self, name: str) -> list[tuple[tuple[str, ...], list[int], int, int]]:
        return [(("openai",), [1, 3], 2_500_000_000, 4)]

    def bounds(self, name: str) -> list[int]:
        return [5_000_000, 1_000_000_000]
