"""Unmodified SDKs and the simulator, with nothing between them that reads: each is served under its provider's host name."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.integration.applications import python_program
from tests.integration.sdk_programs import (
    CALLS,
    COMPATIBLE,
    REFUSED,
    WORDS,
    check_answers,
    check_bytes,
    without_wire,
)
from tests.integration.tunnel import Tunnel
from tokmeter.testing import Behaviour, ThreadedSimulator

STREAMS_WITHOUT_USAGE = {"gemini_stream", "groq_stream", "ollama_stream", "tgi_stream", "azure_stream"}
LITELLM = ("openai", "anthropic", "gemini", "bedrock", "mistral", "groq", "deepseek", "xai", "openrouter", "perplexity")


@pytest.fixture
def tunnel(simulator: ThreadedSimulator) -> Iterator[Tunnel]:
    with Tunnel(simulator) as running:
        yield running


def told(lines: Sequence[dict[str, Any]]) -> list[list[int]]:
    """Input and output tokens of each call that was told of them."""
    return [line["tokens"][:2] for line in lines if line["tokens"]]


@pytest.mark.parametrize(("program", "calls"), CALLS.items())
def test_an_sdk_understands_its_provider(
    simulator: ThreadedSimulator, tunnel: Tunnel, tmp_path: Path, program: str, calls: tuple[str, ...]
) -> None:
    lines = tunnel.application([*python_program(program), *calls], tmp_path)

    check_answers(lines, calls)
    check_bytes(lines, simulator.requests)
    served = {
        line["call"]: [request.input_tokens, request.output_tokens]
        for line, request in zip(lines, simulator.requests, strict=True)
    }
    # Counting is free, and some embeddings are answered without a number.
    charged = [line for line in lines if line["call"] != "count" and line["tokens"]]
    assert told(charged) == [served[line["call"]] for line in charged]
    assert {f"{request.server_name}:443" for request in simulator.requests} == set(tunnel.hosts)


def test_openais_library_understands_those_of_its_shape(
    simulator: ThreadedSimulator, tunnel: Tunnel, tmp_path: Path
) -> None:
    calls = [f"{name}{end}" for name in COMPATIBLE for end in ("", "_stream", "_stream_with_usage")]

    lines = tunnel.application([*python_program("compatible_calls.py"), *calls], tmp_path)

    check_answers(lines, calls)
    check_bytes(lines, simulator.requests)
    assert {line["call"] for line in lines if not line["tokens"]} == STREAMS_WITHOUT_USAGE
    assert set(map(tuple, told(lines))) == {
        (request.input_tokens, request.output_tokens) for request in simulator.requests
    }


@pytest.mark.timeout(240)
def test_litellm_understands_them_all(simulator: ThreadedSimulator, tunnel: Tunnel, tmp_path: Path) -> None:
    calls = [f"{name}{end}" for name in LITELLM for end in ("", "_stream")]

    lines = tunnel.application([*python_program("litellm_calls.py"), *calls], tmp_path)

    check_answers(lines, calls)
    assert told(lines) == [[request.input_tokens, request.output_tokens] for request in simulator.requests]


def test_sessions_over_websockets(simulator: ThreadedSimulator, tunnel: Tunnel, tmp_path: Path) -> None:
    calls = ("text", "two_turns", "audio", "live", "live_two_turns")

    lines = tunnel.application([*python_program("realtime_calls.py"), *calls], tmp_path)

    assert [line["words"] for line in lines] == [WORDS, 2 * WORDS, 0, WORDS, 2 * WORDS]
    assert told(lines) == [[request.input_tokens, request.output_tokens] for request in simulator.requests]
    assert [(request.status, request.ending) for request in simulator.requests] == [(101, "complete")] * len(calls)


def test_a_session_goes_on_after_a_failure_or_ends(
    simulator: ThreadedSimulator, tunnel: Tunnel, tmp_path: Path
) -> None:
    simulator.follow(Behaviour(status=429), Behaviour(status=429))

    lines = tunnel.application([*python_program("realtime_calls.py"), "text", "live"], tmp_path)

    openai, gemini = without_wire(lines)
    assert (openai["error"], openai["type"]) == ("invalid_request_error", "rate_limit_exceeded")
    assert gemini["error"] == "APIError"


def test_batches_runs_and_media(simulator: ThreadedSimulator, tunnel: Tunnel, tmp_path: Path) -> None:
    calls = ("batch", "message_batch", "run", "transcription", "whisper", "speech", "image", "dalle", "moderation")

    lines = tunnel.application([*python_program("batch_calls.py"), *calls], tmp_path)

    assert [line.get("error") for line in lines] == [None] * len(calls)
    check_bytes(lines, simulator.requests)
    answers = {line.pop("call"): line for line in without_wire(lines)}
    assert answers["batch"] == answers["message_batch"] == {"words": 2, "tokens": [28, 2 * WORDS]}
    assert answers["run"]["words"] == WORDS
    assert answers["transcription"] == {"words": WORDS, "tokens": [20, WORDS]}
    assert answers["whisper"] == {"words": WORDS, "tokens": [], "seconds": 2}
    assert answers["speech"]["bytes"] > 0
    assert answers["image"]["tokens"][1] > 0
    assert answers["dalle"] == {"words": 1, "tokens": []}
    assert answers["moderation"] == {"words": 1, "tokens": []}


@pytest.mark.parametrize("program", sorted({refused.program for refused in REFUSED}))
def test_a_providers_429_is_its_sdks_own_error(
    simulator: ThreadedSimulator, tunnel: Tunnel, tmp_path: Path, program: str
) -> None:
    expected = [refused for refused in REFUSED if refused.program == program]
    asked = sum(refused.asked for refused in expected)
    simulator.follow(*[Behaviour(status=429)] * asked)

    lines = tunnel.application([*python_program(program), *(refused.call for refused in expected)], tmp_path)

    assert without_wire(lines) == [refused.line() for refused in expected]
    assert [request.status for request in simulator.requests] == [429] * asked


@pytest.mark.parametrize(
    ("program", "call", "error"),
    [
        ("google_calls.py", "stream", "RemoteProtocolError"),
        ("bedrock_calls.py", "converse_stream", "ProtocolError"),
        ("cohere_calls.py", "stream", "RemoteProtocolError"),
        ("mistral_calls.py", "stream", "RemoteProtocolError"),
        ("groq_calls.py", "stream", "RemoteProtocolError"),
        ("ollama_calls.py", "stream", "RemoteProtocolError"),
    ],
)
def test_a_stream_that_breaks_off_is_an_error(
    simulator: ThreadedSimulator, tunnel: Tunnel, tmp_path: Path, program: str, call: str, error: str
) -> None:
    simulator.follow(Behaviour(abort_after=2))

    lines = tunnel.application([*python_program(program), call], tmp_path)

    assert [line.get("error") for line in lines] == [error]
    assert [request.pieces for request in simulator.requests] == [2]
