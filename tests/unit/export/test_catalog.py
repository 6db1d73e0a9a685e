"""The names that dashboards rely on, and the conventions of all names."""

import re

import pytest

from tokmeter import _core
from tokmeter.export.catalog import CATALOG, NANO, Metric
from tokmeter.store.ledger import DIMENSIONS

CONTRACT = """
tokmeter_exchanges_total{provider,operation,model,service,outcome}
tokmeter_input_tokens_total{provider,model,service,provenance}
tokmeter_output_tokens_total{provider,model,service,provenance}
tokmeter_cache_read_tokens_total{provider,model,service,provenance}
tokmeter_cache_write_tokens_total{provider,model,service,provenance}
tokmeter_reasoning_tokens_total{provider,model,service,provenance}
tokmeter_counted_input_tokens_total{provider,model,count}
tokmeter_stated_input_tokens_total{provider,model,count}
tokmeter_cost_usd_total{provider,model,service}
tokmeter_exchange_duration_seconds{provider}
tokmeter_first_chunk_seconds{provider}
tokmeter_cost_usd{provider}
tokmeter_context_utilization_ratio{provider}
tokmeter_budget_limit_usd{budget,window}
tokmeter_budget_spent_usd{budget,window}
tokmeter_budget_held_usd{budget,window}
tokmeter_budget_accounts{budget,window}
tokmeter_budget_spent_ratio{budget,window}
tokmeter_budget_used_ratio{budget,window}
tokmeter_decisions_total{decision,mode,reason}
tokmeter_retries_total{provider}
tokmeter_retry_cost_usd_total{provider}
tokmeter_provider_errors_total{provider,code}
tokmeter_defects_total{defect}
tokmeter_unpriced_exchanges_total{}
tokmeter_unmetered_exchanges_total{reason}
tokmeter_capture_dropped_total{reason}
"""
"""What dashboards and alerts outside this repository rely on: changing a line here breaks them."""


def by_name() -> dict[str, Metric]:
    return {metric.name: metric for metric in CATALOG}


@pytest.mark.parametrize("line", CONTRACT.split())
def test_the_contract_holds(line: str) -> None:
    name, labels = line.rstrip("}").split("{")

    assert by_name()[name].labels == tuple(filter(None, labels.split(",")))


def test_names_are_unique_and_follow_the_conventions() -> None:
    assert len(by_name()) == len(CATALOG)
    for metric in CATALOG:
        assert re.fullmatch(r"tokmeter_[a-z]+(_[a-z]+)*", metric.name)
        assert metric.name.endswith("_total") == (metric.kind == "counter")
        assert metric.name.endswith("_info") == (metric.kind == "info")
        assert metric.help.endswith(".") or metric.kind == "info"
        if metric.unit in {"usd", "seconds", "ratio"}:
            assert f"_{metric.unit}" in metric.name
        if metric.source.endswith(("nano_usd", "_ns")):
            assert metric.divisor == NANO


def test_no_label_has_as_many_values_as_there_are_users() -> None:
    unbounded = {"user", "key", "pid", "process", "container", "pod", "namespace", "id", "path", "host"}

    assert unbounded & set(DIMENSIONS), "these are what the ledger and its reports are for"
    for metric in CATALOG:
        assert not unbounded & set(metric.labels)


def test_the_core_has_every_source() -> None:
    snapshot = _core.Meter(price_book=_core.PriceBook.embedded(), seed=bytes(16)).snapshot(0)

    for metric in CATALOG:
        if metric.adapter:
            continue
        if metric.kind == "histogram":
            bounds = snapshot.bounds(metric.source)
            assert bounds == sorted(set(bounds))
            snapshot.histogram(metric.source)
        else:
            assert all(len(labels) == len(metric.labels) for labels, _ in snapshot.series(metric.source))
