"""Unmodified programs on openai-python whose streams are asked for their usage in their place."""

from pathlib import Path

import pytest

from tests.integration.applications import python_program
from tests.integration.metered import Metered, facts
from tokmeter.testing import Behaviour, ThreadedSimulator

INJECT = "policies: {include_usage: inject}"
TIMES = 3


def test_a_program_gets_the_very_bytes_it_would_have_got(tmp_path: Path, state: Path) -> None:
    printed = []
    for name, policy in (("leave", "mode: enforce"), ("inject", INJECT)):
        folder = tmp_path / name
        folder.mkdir()
        with ThreadedSimulator(tls=True) as simulator:
            metered = Metered(folder, state, simulator)
            ended = metered.run([*python_program("openai_bytes.py"), str(TIMES)], policy)
            sent = [(request.response_sha256, request.response_bytes) for request in simulator.requests]
        assert (ended.status, len(ended.lines)) == (0, TIMES)
        got = [(line["sha256"], line["bytes"]) for line in ended.lines]
        # Without the policy the program gets what the provider sent; with it, the provider sent more.
        assert (got == sent) == (name == "leave")
        printed.append(ended.lines)
        assert {(entry["decision"], entry["provenance"]) for entry in ended.entries} == {
            ("admit", "counted") if name == "leave" else ("rewrite", "reported")
        }
    assert printed[0] == printed[1]


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_openai_python_learns_nothing_and_the_ledger_everything(metered: Metered, mode: str) -> None:
    calls = ["stream", "stream_with_usage", "chat"]

    ended = metered.run([*python_program("openai_calls.py"), mode, *calls], INJECT)

    served = metered.simulator.requests
    assert [line["tokens"] is None for line in ended.lines] == [True, False, False]
    assert facts(ended.entries) == [
        ("chat", "ok", decision, "reported", request.input_tokens, request.output_tokens)
        for decision, request in zip(("rewrite", "admit", "admit"), served, strict=True)
    ]
    assert [request.headers["accept-encoding"] == "identity" for request in served] == [True, False, False]


def test_a_provider_that_compresses_all_the_same_is_passed_on(metered: Metered) -> None:
    metered.simulator.follow(Behaviour(gzip=True))

    ended = metered.run([*python_program("openai_calls.py"), "sync", "stream"], INJECT)

    (entry,) = ended.entries
    assert ended.lines[0]["tokens"] == [entry["usage"]["input_tokens"], entry["usage"]["output_tokens"]]
    assert (entry["decision"], entry["provenance"]) == ("rewrite", "reported")
