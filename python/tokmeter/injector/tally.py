"""What the webhook counts of itself, in integers, for the catalog's names. Knows no exposition."""

import threading
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Mapping
from itertools import accumulate

from tokmeter.export.prometheus import Distribution, Series

MS = 10**6
BOUNDS = tuple(MS * bound // 10 for bound in (5, 10, 25, 50, 100, 200, 500, 1000, 2500, 5000, 10_000, 50_000, 100_000))
"""Nanoseconds, half a millisecond to ten seconds."""


class Tally:
    """Counters by source and label, durations, and gauges that are read when asked. Safe from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counted: dict[str, Counter[tuple[str, ...]]] = {
            # From the start, so that a rate has a first value.
            "injector_handshake_failures": Counter({(): 0}),
            "injector_unknown_namespaces": Counter({(): 0}),
        }
        self._durations = [0] * (len(BOUNDS) + 1)
        self._total_ns = 0
        self._gauges: dict[str, Callable[[], float | None]] = {}

    def count(self, source: str, *labels: str) -> None:
        """One more of `source` in the catalog."""
        with self._lock:
            self._counted.setdefault(source, Counter())[labels] += 1

    def lasted(self, duration_ns: int) -> None:
        """An admission was answered after so long."""
        with self._lock:
            self._durations[bisect_left(BOUNDS, duration_ns)] += 1
            self._total_ns += duration_ns

    def gauge(self, source: str, read: Callable[[], float | None]) -> None:
        """`read` is asked at each scrape; None leaves the series out."""
        self._gauges[source] = read

    def counted(self, source: str, *labels: str) -> int:
        """How many so far."""
        with self._lock:
            return self._counted.get(source, Counter())[labels]

    def series(self) -> Mapping[str, Series | Distribution]:
        """The adapter for the collector."""
        with self._lock:
            given: dict[str, Series | Distribution] = {name: list(rows.items()) for name, rows in self._counted.items()}
            cumulative = list(accumulate(self._durations))
            total = self._total_ns
        given["injector_admission_duration_ns"] = Distribution(BOUNDS, [((), cumulative[:-1], total, cumulative[-1])])
        for name, read in self._gauges.items():
            value = read()
            if value is not None:
                given[name] = [((), int(value))]
        return given
