"""The queue between the tracer and the live view."""

from dataclasses import dataclass
from typing import cast

import pytest

from tokmeter._core import LedgerEntry
from tokmeter.capture.ebpf import audit
from tokmeter.watch import traced
from tokmeter.watch.source import Unmetered
from tokmeter.watch.traced import TracedSource


@dataclass
class Told:
    """Of an entry, a source needs its event."""

    event: str

    def to_json(self) -> str:
        return self.event


def told(number: int) -> LedgerEntry:
    return cast("LedgerEntry", Told(f'{{"number": {number}}}'))


def test_events_come_out_in_order_and_once() -> None:
    source = TracedSource()
    source.put(told(1))
    source.put(told(2))

    assert source.events(0) == [{"number": 1}, {"number": 2}]
    assert source.events(0) == []


def test_a_view_that_is_too_slow_misses_and_does_not_delay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traced, "QUEUE_MAX", 2)
    source = TracedSource()
    for number in range(5):
        source.put(told(number))

    assert source.dropped == 3
    assert [event["number"] for event in source.events(0)] == [0, 1]


def test_budgets_come_from_where_they_are_accounted() -> None:
    source = TracedSource()
    assert source.budgets() == []

    source.account_with(lambda: [{"name": "daily"}])

    assert source.budgets() == [{"name": "daily"}]


def test_why_tracing_has_ended_is_raised_when_all_is_told() -> None:
    source = TracedSource()
    source.put(told(1))
    source.fail_with(lambda: OSError("the kernel has changed its mind"))

    assert source.events(0) == [{"number": 1}]
    with pytest.raises(OSError, match="changed its mind"):
        source.events(0)


def test_the_end_comes_behind_what_was_put_before() -> None:
    source = TracedSource()
    source.put(told(1))
    source.end()
    source.put(told(2))

    assert (source.events(0), source.ended) == ([{"number": 1}], True)
    assert source.events(0) == [{"number": 2}]


def test_what_is_not_read_is_told_with_advice() -> None:
    source = TracedSource()
    assert source.unmetered() == []

    source.audit_with(lambda: (audit.Unmetered(812, "java", "api.openai.com", "java", 3, 4, 5),))

    assert source.unmetered() == [
        Unmetered(812, "java", "api.openai.com", 3, 4, 5, "Java has its own TLS; run it through tokmeter proxy")
    ]
