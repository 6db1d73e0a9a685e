"""Unmodified programs on anthropic-python under `tokmeter run`: what they get, and what the ledger holds afterwards."""

import pytest

from tests.integration.applications import python_program
from tests.integration.metered import Metered, facts
from tokmeter.testing import Behaviour

WORDS = 24
SEEN = 2
CALLS = ("messages", "stream", "events")


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_anthropic_python_is_metered(metered: Metered, mode: str) -> None:
    cached = 5
    metered.simulator.follow(Behaviour(cached=cached), Behaviour(cached=cached))

    ended = metered.run([*python_program("anthropic_calls.py"), mode, *CALLS])

    served = metered.simulator.requests
    assert ended.status == 0
    assert [line["words"] for line in ended.lines] == [WORDS] * len(CALLS)
    assert facts(ended.entries) == [
        ("messages", "ok", "admit", "reported", request.input_tokens, request.output_tokens) for request in served
    ]
    # The provider's input leaves the cache out; ours includes it and names it.
    assert [entry["usage"]["cache_read_tokens"] for entry in ended.entries] == [cached, cached, 0]
    assert [line["tokens"][0] for line in ended.lines] == [
        request.input_tokens - read for request, read in zip(served, (cached, cached, 0), strict=True)
    ]
    assert {entry["provider"] for entry in ended.entries} == {"anthropic"}
    assert all(entry["cost_nano_usd"] > 0 for entry in ended.entries)
    assert {request.server_name for request in served} == {"api.anthropic.com"}


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_anthropic_python_that_stops_reading(metered: Metered, mode: str) -> None:
    metered.simulator.follow(Behaviour(hold_after=SEEN))

    ended = metered.run([*python_program("anthropic_calls.py"), mode, "impatient"])

    metered.simulator.until(lambda journal: len(journal.ended("client_gone")) == 1)
    request = metered.simulator.requests[0]
    assert ended.lines == [{"call": "impatient", "words": SEEN, "tokens": [request.input_tokens, None, 0]}]
    # The input was reported at the start; the output that was sent is counted by us.
    assert [
        (entry["outcome"], entry["usage"]["input_tokens"], entry["usage"]["output_tokens"] >= SEEN)
        for entry in ended.entries
    ] == [("client_gone", request.input_tokens, True)]
    assert ended.entries[0]["provenance"] == "estimated"
    assert ended.entries[0]["usage"]["output_tokens"] < WORDS


def test_anthropic_python_whose_provider_breaks_off(metered: Metered) -> None:
    metered.simulator.follow(Behaviour(abort_after=SEEN))

    ended = metered.run([*python_program("anthropic_calls.py"), "sync", "events"])

    # The program must not take a broken reply for a whole one.
    assert "error" in ended.lines[0]
    assert [entry["outcome"] for entry in ended.entries] == ["upstream_gone"]
    assert len(metered.simulator.requests) == 1


def test_counting_tokens_is_free(metered: Metered) -> None:
    ended = metered.run([*python_program("anthropic_calls.py"), "sync", "count_tokens"])

    assert ended.lines[0]["tokens"][0] > 0
    assert sum(entry["cost_nano_usd"] or 0 for entry in ended.entries) == 0
    assert ended.summary["cost_usd"] in {"0", "0.00", "0.000000000"}
