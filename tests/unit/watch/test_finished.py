"""Reading an event of the stream."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tokmeter.testing import SampleEntry
from tokmeter.watch.finished import Finished


def event(**fields: Any) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(SampleEntry(**fields).to_json())
    return value


def test_an_event_becomes_names_and_numbers() -> None:
    found = Finished.from_event(event(duration_ns=2_500_000_000, service=None))

    assert found == Finished(
        service="-",
        process="-",
        provider="openai",
        model="gpt-4o-mini-2024-07-18",
        second=1_767_225_602,
        input_tokens=120,
        output_tokens=40,
        cache_read_tokens=0,
        cost_nano_usd=42_000,
        refused=False,
        priced=True,
    )


def test_the_model_asked_for_stands_in_for_one_that_never_answered() -> None:
    found = Finished.from_event(event(response_model=None, decision="refuse"))

    assert found is not None
    assert (found.model, found.refused) == ("gpt-4o-mini", True)


def test_what_is_no_model_call_is_passed_over() -> None:
    assert Finished.from_event(event(llm=False)) is None


@pytest.mark.parametrize(
    "broken",
    [
        {},
        {"llm": True},
        event() | {"usage": None},
        event() | {"time": "yesterday"},
        event() | {"cost_usd": "a lot"},
        event() | {"usage": {"input_tokens": "many"}},
    ],
)
def test_a_malformed_event_is_a_value_error(broken: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        Finished.from_event(broken)
