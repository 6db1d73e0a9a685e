"""Sample entries have the shape of real ones."""

from __future__ import annotations

import json

import pytest

from tokmeter._core import LedgerEntry
from tokmeter.testing import SampleEntry
from tokmeter.testing.entries import usage


def test_a_sample_has_every_field_of_an_entry() -> None:
    fields = {name for name in dir(LedgerEntry) if not name.startswith("_")}

    assert fields - set(dir(SampleEntry)) <= {"to_replay_json"}


def test_unknown_counts_are_refused() -> None:
    assert usage(input_tokens=3)["input_tokens"] == 3
    assert usage()["output_tokens"] is None
    with pytest.raises(ValueError, match="prompt_tokens"):
        usage(prompt_tokens=3)


def test_the_event_states_money_exactly() -> None:
    event = json.loads(SampleEntry(cost_nano_usd=1_000_000_001).to_json())

    assert event["cost_usd"] == "1.000000001"
    assert event["time"] == "2026-01-01T00:00:00Z"
    assert json.loads(SampleEntry(cost_nano_usd=None).to_json())["cost_usd"] is None
