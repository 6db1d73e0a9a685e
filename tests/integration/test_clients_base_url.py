"""Unmodified programs on the providers' SDKs that know of the proxy by their base URL alone: no proxy, nothing to trust."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.applications import node_program, python_program
from tests.integration.metered import TOKMETER, Metered, Sidecar, facts, finished
from tests.integration.sdk_metered import EMPTY, Booked, row, wanted
from tests.integration.sdk_programs import WORDS, check_answers, check_bytes
from tokmeter.testing import ThreadedSimulator

MODE = ("--mode", "base-url")
RATES = "{input: 1, output: 2}"
GEMINI, GROQ, COHERE = Booked("gemini", "generate_content"), Booked("groq", "chat"), Booked("cohere", "chat")
PROGRAMS = {
    "google_calls.py": {"content": GEMINI, "stream": GEMINI},
    "groq_calls.py": {"chat": GROQ, "stream": GROQ},
    "cohere_calls.py": {"chat": COHERE, "stream": COHERE, "old_chat": COHERE},
}
CHATS = {
    "openai_calls.py": ("openai", ("chat", "stream_with_usage", "responses_stream")),
    "anthropic_calls.py": ("anthropic", ("messages", "stream")),
}


def called(sidecar: Sidecar, *command: str) -> list[dict[str, object]]:
    return finished(command, sidecar.base_url_environment())


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_clients_own_variable_is_enough(metered: Metered, program: str) -> None:
    calls = PROGRAMS[program]
    with metered.sidecar(options=MODE) as sidecar:
        lines = called(sidecar, *python_program(program), *calls)

    served = metered.simulator.requests
    check_answers(lines, list(calls))
    check_bytes(lines, served)
    assert [row(entry) for entry in metered.entries()] == [
        wanted(booked, request) for booked, request in zip(calls.values(), served, strict=True)
    ]


@pytest.mark.parametrize("program", CHATS)
def test_streams_and_whole_replies_are_metered(metered: Metered, program: str) -> None:
    provider, calls = CHATS[program]
    with metered.sidecar(options=MODE) as sidecar:
        lines = called(sidecar, *python_program(program), "sync", *calls)

    assert [(line["call"], line["words"]) for line in lines] == [(call, WORDS) for call in calls]
    entries = metered.entries()
    assert {(entry["provider"], entry["decision"], entry["provenance"]) for entry in entries} == {
        (provider, "admit", "reported")
    }
    assert [fact[4:] for fact in facts(entries)] == [
        (request.input_tokens, request.output_tokens) for request in metered.simulator.requests
    ]


def test_openai_for_node_is_metered(metered: Metered, tool: Callable[[str], str]) -> None:
    with metered.sidecar(options=MODE) as sidecar:
        lines = called(sidecar, *node_program(tool), "chat", "stream")

    assert [line["words"] for line in lines] == [WORDS, WORDS]
    assert [entry["provider"] for entry in metered.entries()] == ["openai", "openai"]


def test_a_session_of_openai_s_is_metered_and_one_of_google_genai_ends_at_once(metered: Metered) -> None:
    with metered.sidecar(options=MODE) as sidecar:
        session, live = called(sidecar, *python_program("realtime_calls.py"), "two_turns", "live")

    (request,) = metered.simulator.requests
    (entry,) = metered.entries()
    assert session["words"] == 2 * WORDS
    assert row(entry) == wanted(Booked("openai", "realtime"), request)
    # It speaks TLS whatever its base URL says.
    assert "error" in live


@pytest.mark.parametrize(
    ("program", "call", "native"),
    [
        ("openai_calls.py", "stream", {"error": "RateLimitError", "status": 429, "code": "insufficient_quota"}),
        ("anthropic_calls.py", "messages", {"error": "RateLimitError", "status": 429, "type": "rate_limit_error"}),
    ],
)
def test_a_refusal_is_the_providers_own_error(
    metered: Metered, program: str, call: str, native: dict[str, object]
) -> None:
    with metered.sidecar(EMPTY, options=MODE) as sidecar:
        (line,) = called(sidecar, *python_program(program), "sync", call)

    assert line | native == line
    assert [(entry["decision"], entry["retry"]) for entry in metered.entries()] == [("refuse", 0)]
    assert metered.simulator.requests == []


def test_a_server_of_ones_own_is_called_by_its_name(tmp_path: Path, state: Path) -> None:
    with ThreadedSimulator() as simulator:
        metered = Metered(tmp_path, state, simulator)
        lines = [
            f"store: sqlite://{metered.ledger}",
            "metrics: {listen: 127.0.0.1:0}",
            "proxy: {listen: 127.0.0.1:0, mode: base-url}",
            f"providers: [{{host: '{simulator.host}:{simulator.port}', dialect: openai, name: vllm, tls: false, rates: {RATES}}}]",
        ]
        config = tmp_path / "own.yaml"
        config.write_text("\n".join(lines))
        with Sidecar([*TOKMETER, "proxy", "--json", "--config", str(config)], metered.environ) as sidecar:
            environ = sidecar.base_url_environment() | {"OPENAI_BASE_URL": f"http://{sidecar.proxy[0]}/vllm/v1"}
            (line,) = finished([*python_program("openai_calls.py"), "sync", "chat"], environ)

        (request,), (entry,) = simulator.requests, metered.entries()
    assert line["words"] == WORDS
    assert row(entry) == wanted(Booked("vllm", "chat"), request)
    assert entry["cost_nano_usd"] == 1000 * request.input_tokens + 2000 * request.output_tokens


def test_a_name_that_nobody_has_is_told_and_counted(metered: Metered) -> None:
    with metered.sidecar(options=MODE) as sidecar:
        environ = sidecar.base_url_environment() | {"OPENAI_BASE_URL": f"http://{sidecar.proxy[0]}/v1"}
        (line,) = finished([*python_program("openai_calls.py"), "sync", "chat"], environ)
        unread = sidecar.series("tokmeter_unmetered_exchanges_total")

    assert (line["error"], line["status"], line["code"]) == ("NotFoundError", 404, "unknown_provider")
    assert unread == {'{reason="unknown_provider"}': 1}
    assert metered.entries() == []
