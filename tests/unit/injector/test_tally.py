"""Counters, durations and gauges, as the collector reads them."""

from prometheus_client.parser import text_string_to_metric_families

from tokmeter.export.prometheus import Collector, Distribution, exposition
from tokmeter.injector.tally import BOUNDS, MS, Tally


def test_all_of_it_is_in_the_catalog() -> None:
    tally = Tally()
    tally.count("injector_admissions", "injected")
    tally.count("injector_events_dropped", "failed")
    tally.count("injector_certificate_renewals", "renewed")
    tally.lasted(3 * MS)
    tally.gauge("injector_certificate_expiry", lambda: 3600.5)
    tally.gauge("injector_namespace_store_age_ms", lambda: 1500)

    families = text_string_to_metric_families(exposition(Collector(None, [tally.series])).decode())

    found = {(each.name, *each.labels.values()): each.value for family in families for each in family.samples}
    assert found["tokmeter_injector_admissions_total", "injected"] == 1
    assert found["tokmeter_injector_certificate_expiry_seconds",] == 3600
    assert found["tokmeter_injector_namespace_store_age_seconds",] == 1.5
    assert found["tokmeter_injector_unknown_namespaces_total",] == 0
    assert found["tokmeter_injector_admission_duration_seconds_bucket", "0.0025"] == 0
    assert found["tokmeter_injector_admission_duration_seconds_bucket", "0.005"] == 1
    assert found["tokmeter_injector_admission_duration_seconds_sum",] == 0.003


def test_a_gauge_without_a_value_is_left_out() -> None:
    tally = Tally()
    tally.gauge("injector_certificate_expiry", lambda: None)

    assert "injector_certificate_expiry" not in tally.series()


def test_a_bound_is_inside_its_bucket_and_the_longest_in_none() -> None:
    tally = Tally()
    for duration in (BOUNDS[0], BOUNDS[0] + 1, BOUNDS[-1] + 1):
        tally.lasted(duration)

    given = tally.series()["injector_admission_duration_ns"]

    assert isinstance(given, Distribution)
    ((_, counts, total, count),) = given.rows
    assert (counts[0], counts[1], counts[-1], count) == (1, 2, 2, 3)
    assert total == 2 * BOUNDS[0] + BOUNDS[-1] + 2
