"""Unmodified programs on the OpenAI SDKs under `tokmeter run`: what they get, and what the ledger holds afterwards."""

from collections.abc import Callable

import pytest

from tests.integration.applications import node_program, python_program
from tests.integration.metered import Metered, facts
from tokmeter.testing import Behaviour

WORDS = 24
SEEN = 2
"""Pieces that an impatient program reads, and the provider sends before it waits."""

# Each call, what the ledger calls it, and how its usage is known.
PYTHON = {
    "chat": ("chat", "reported"),
    "stream": ("chat", "counted"),
    "stream_with_usage": ("chat", "reported"),
    "responses": ("responses", "reported"),
    "responses_stream": ("responses", "reported"),
    "embeddings": ("embeddings", "reported"),
}
NODE = {call: PYTHON[call] for call in PYTHON if call != "responses_stream"}


def check_whole_calls(metered: Metered, command: tuple[str, ...], calls: dict[str, tuple[str, str]]) -> None:
    """Every call is answered in full and recorded with the provider's own numbers."""
    ended = metered.run([*command, *calls])

    served = metered.simulator.requests
    expected = [
        (operation, "ok", "admit", provenance, request.input_tokens, request.output_tokens or None)
        for (operation, provenance), request in zip(calls.values(), served, strict=True)
    ]
    assert ended.status == 0
    assert [line["words"] for line in ended.lines] == [0 if call == "embeddings" else WORDS for call in calls]
    assert facts(ended.entries) == expected
    assert {entry["provider"] for entry in ended.entries} == {"openai"}
    assert {entry["service"] for entry in ended.entries} == {"flock"}
    assert all(entry["cost_nano_usd"] > 0 for entry in ended.entries)
    assert ended.summary["calls"] == len(calls)
    assert {request.server_name for request in served} == {"api.openai.com"}
    assert {request.headers["host"] for request in served} == {"api.openai.com"}
    # The program's own numbers, where it has any, are those of the ledger.
    assert [line["tokens"] for line in ended.lines if line["tokens"]] == [
        [row[4], row[5] or 0] for row in expected if row[3] == "reported"
    ]


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_openai_python_is_metered(metered: Metered, mode: str) -> None:
    check_whole_calls(metered, (*python_program("openai_calls.py"), mode), PYTHON)


def test_openai_node_is_metered(metered: Metered, tool: Callable[[str], str]) -> None:
    check_whole_calls(metered, node_program(tool), NODE)


def check_impatient_client(metered: Metered, command: tuple[str, ...]) -> None:
    """A program that stops reading pays for what was sent, and the provider is told to stop."""
    metered.simulator.follow(Behaviour(hold_after=SEEN))

    ended = metered.run([*command, "impatient"])

    metered.simulator.until(lambda journal: len(journal.ended("client_gone")) == 1)
    request = metered.simulator.requests[0]
    assert ended.lines == [{"call": "impatient", "words": SEEN, "tokens": None}]
    assert facts(ended.entries) == [("chat", "client_gone", "admit", "estimated", request.input_tokens, SEEN)]
    assert request.pieces == SEEN


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_openai_python_that_stops_reading(metered: Metered, mode: str) -> None:
    check_impatient_client(metered, (*python_program("openai_calls.py"), mode))


def test_openai_node_that_stops_reading(metered: Metered, tool: Callable[[str], str]) -> None:
    check_impatient_client(metered, node_program(tool))


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_openai_python_whose_provider_breaks_off(metered: Metered, mode: str) -> None:
    metered.simulator.follow(Behaviour(abort_after=SEEN))

    ended = metered.run([*python_program("openai_calls.py"), mode, "stream"])

    request = metered.simulator.requests[0]
    # The program must not take a broken reply for a whole one.
    assert [line.get("error") for line in ended.lines] == ["APIConnectionError"]
    assert facts(ended.entries) == [("chat", "upstream_gone", "admit", "estimated", request.input_tokens, SEEN)]
    assert len(metered.simulator.requests) == 1


def test_a_provider_error_reaches_the_program_and_costs_nothing(metered: Metered) -> None:
    metered.simulator.follow(Behaviour(status=400))

    ended = metered.run([*python_program("openai_calls.py"), "sync", "chat", "chat"])

    assert [line.get("error") for line in ended.lines] == ["BadRequestError", None]
    first, second = ended.entries
    assert (first["outcome"], first["status"], first["cost_nano_usd"]) == ("error", 400, 0)
    assert second["outcome"] == "ok"
