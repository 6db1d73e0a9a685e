"""What one run used and cost."""

from __future__ import annotations

import json
from decimal import Decimal

from tokmeter.cli.summary import Summary
from tokmeter.testing import SampleEntry
from tokmeter.testing.entries import usage

CALL = SampleEntry(response_model="gpt-4o", cost_nano_usd=2_000_000, usage=usage(input_tokens=1_000, output_tokens=5))
REFUSED = SampleEntry(
    response_model=None,
    request_model="gpt-4o",
    decision="refuse",
    cost_nano_usd=None,
    priced=False,
    usage=usage(),
)


def test_a_run_without_calls_says_so() -> None:
    assert Summary(None).lines() == ["tokmeter: no LLM calls were seen"]


def test_what_is_no_model_call_is_not_counted() -> None:
    summary = Summary(None)
    summary.add(SampleEntry(llm=False))

    assert summary.lines() == ["tokmeter: no LLM calls were seen"]


def test_calls_are_summed_by_model_dearest_first() -> None:
    summary = Summary(None)
    for entry in (CALL, CALL, SampleEntry(provider="anthropic", response_model="claude", cost_nano_usd=10**9)):
        summary.add(entry)

    text = "\n".join(summary.lines())

    assert text.index("claude") < text.index("gpt-4o")
    assert "openai     gpt-4o      2        0  2,000      10       0  $0.004000" in text
    assert "total                  3        0  2,120      50       0  $1.004000" in text


def test_the_cap_shows_what_is_left_and_what_was_refused() -> None:
    summary = Summary(Decimal("0.01"))
    summary.add(CALL)
    summary.add(REFUSED)

    *_, numbers, reason = summary.lines()
    assert numbers == "budget $0.010000, left $0.008000, refused 1 of 2 calls"
    assert "longest possible reply" in reason, "money is left, so it needs an explanation"


def test_unpriced_calls_are_pointed_out_refused_ones_are_not() -> None:
    summary = Summary(None)
    summary.add(SampleEntry(priced=False, cost_nano_usd=None))
    summary.add(REFUSED)

    assert "1 calls have no price and are missing from COST" in summary.lines()


def test_the_object_has_exact_money_and_the_status() -> None:
    summary = Summary(Decimal("0.5"))
    summary.add(CALL)

    found = json.loads(summary.to_json(3))

    assert found["status"] == 3
    assert found["cost_usd"] == "0.002"
    assert found["budget"] == {"usd": "0.5", "left_usd": "0.498"}
    assert found["models"] == [
        {
            "provider": "openai",
            "model": "gpt-4o",
            "calls": 1,
            "refused": 0,
            "unpriced": 0,
            "input_tokens": 1_000,
            "output_tokens": 5,
            "cache_read_tokens": 0,
            "cost_usd": "0.002",
        }
    ]
