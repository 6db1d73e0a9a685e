"""The text of a scrape, as parsers and promtool read it."""

import shutil
import subprocess
from collections.abc import Callable
from typing import cast

import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.unit.export.fakes import FakeSnapshot

from tokmeter._core import Snapshot
from tokmeter.export.catalog import CATALOG
from tokmeter.export.jsonl import EventStream
from tokmeter.export.prometheus import Adapter, Collector, build_info, exposition
from tokmeter.injector.tally import Tally

snapshot = cast(Callable[[], Snapshot], FakeSnapshot)
INJECTOR = Tally()
for source in ("injector_admissions", "injector_certificate_renewals", "injector_events_dropped"):
    INJECTOR.count(source, "any")
for source in ("injector_certificate_expiry", "injector_namespace_store_age_ms"):
    INJECTOR.gauge(source, lambda: 1)
EVERYTHING: tuple[Adapter, ...] = (
    build_info("1.2.3", "book 2026-01-01"),
    EventStream().series,
    INJECTOR.series,
    lambda: {
        "ledger_written": [((), 3)],
        "ledger_dropped": [(("queue_full",), 2)],
        "ledger_errors": [((), 1)],
        "ledger_queued": [((), 4)],
        "capture_dropped": [(("ring_full",), 5)],
        "unmetered_connections": [(("java",), 8)],
        "unmetered_bytes": [(("java", "sent"), 9)],
        "stopped_processes": [((), 1)],
        "refused_connections": [((), 6)],
        "closed_connections": [((), 7)],
    },
)


def samples(text: bytes) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


def test_every_metric_of_the_catalog_is_scraped_under_its_name() -> None:
    text = exposition(Collector(snapshot, EVERYTHING))

    found = {name for name, _ in samples(text)}
    for metric in CATALOG:
        assert (metric.name if metric.kind != "histogram" else f"{metric.name}_bucket") in found


def test_integers_become_the_unit_in_the_name() -> None:
    found = samples(exposition(Collector(snapshot)))

    labels = (("model", "model"), ("provider", "provider"), ("service", "service"))
    assert found["tokmeter_cost_usd_total", labels] == 1.5
    tokens = (*labels[:1], ("provenance", "provenance"), *labels[1:])
    assert found["tokmeter_input_tokens_total", tokens] == 1_500_000_000
    assert found["tokmeter_budget_spent_usd", (("budget", "budget"), ("window", "window"))] == 1.5


def test_histograms_are_cumulative_and_end_in_their_count() -> None:
    found = samples(exposition(Collector(snapshot)))

    def bucket(le: str) -> float:
        return found["tokmeter_exchange_duration_seconds_bucket", (("le", le), ("provider", "openai"))]

    assert (bucket("0.005"), bucket("1.0"), bucket("+Inf")) == (1, 3, 4)
    assert found["tokmeter_exchange_duration_seconds_sum", (("provider", "openai"),)] == 2.5
    assert found["tokmeter_exchange_duration_seconds_count", (("provider", "openai"),)] == 4


def test_the_counter_and_the_histogram_of_cost_are_two_families() -> None:
    text = exposition(Collector(snapshot)).decode()

    assert text.count("# TYPE tokmeter_cost_usd_total counter\n") == 1
    assert text.count("# TYPE tokmeter_cost_usd histogram\n") == 1


def test_one_scrape_reads_one_snapshot() -> None:
    taken: list[FakeSnapshot] = []

    def take() -> Snapshot:
        taken.append(FakeSnapshot())
        return cast(Snapshot, taken[-1])

    exposition(Collector(take))

    assert len(taken) == 1


def test_what_no_adapter_gives_is_absent_not_zero() -> None:
    assert b"tokmeter_ledger" not in exposition(Collector(snapshot))


def test_a_series_that_the_catalog_does_not_have_is_an_error() -> None:
    with pytest.raises(ValueError, match="not in the catalog: surprise"):
        exposition(Collector(snapshot, [lambda: {"surprise": []}]))


def test_odd_label_values_are_escaped() -> None:
    odd = 'a"b\\c\nd'

    text = exposition(Collector(snapshot, [build_info(odd, "é")]))

    assert samples(text)["tokmeter_build_info", (("price_book", "é"), ("version", odd))] == 1


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_promtool_has_nothing_to_say() -> None:
    text = exposition(Collector(snapshot, EVERYTHING))

    checked = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, check=False, timeout=30)

    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")


def test_a_process_that_meters_nothing_has_no_snapshot() -> None:
    found = {name for name, _ in samples(exposition(Collector(None, [INJECTOR.series])))}

    assert "tokmeter_injector_admissions_total" in found
    assert "tokmeter_exchanges_total" not in found
