"""Unmodified programs on google-genai, and on Anthropic's SDK for Vertex, under `tokmeter run`."""

from tests.integration.applications import python_program
from tests.integration.metered import Metered
from tests.integration.sdk_metered import (
    Booked,
    check_metered,
    check_provider_failure,
    check_refused,
    check_subsets,
)

GENERATE = Booked("gemini", "generate_content")
VERTEX = Booked("vertex", "generate_content")
CLAUDE = Booked("vertex", "messages")
TEXTS = 2
EXHAUSTED = {"error": "ClientError", "status": 429, "type": "RESOURCE_EXHAUSTED"}


def test_gemini_is_metered(metered: Metered) -> None:
    counted = Booked("gemini", "count_tokens", "none", free=True)

    check_metered(metered, "google_calls.py", {"content": GENERATE, "stream": GENERATE, "count": counted})


def test_vertex_is_metered_for_both_publishers(metered: Metered) -> None:
    calls = {"vertex_content": VERTEX, "vertex_stream": VERTEX, "claude": CLAUDE, "claude_stream": CLAUDE}

    entries = check_metered(metered, "google_calls.py", calls)

    assert [entry["request_model"].partition("@")[0] for entry in entries] == [
        *["gemini-2.5-flash"] * 2,
        *["claude-sonnet-4-5"] * 2,
    ]


def test_embeddings_without_a_number_are_estimated(metered: Metered) -> None:
    ended = metered.run([*python_program("google_calls.py"), "embed"])

    (entry,) = ended.entries
    assert ended.lines[0]["words"] == TEXTS
    assert (entry["provider"], entry["operation"], entry["outcome"]) == ("gemini", "embeddings", "ok")
    assert entry["provenance"] in {"counted", "estimated"}
    assert entry["usage"]["input_tokens"] > 0
    assert entry["cost_nano_usd"] > 0


def test_thoughts_and_the_cache_are_within_the_totals(metered: Metered) -> None:
    check_subsets(metered, "google_calls.py", ["content", "stream", "vertex_content", "vertex_stream"])


def test_a_refusal_is_googles_own_error(metered: Metered) -> None:
    calls = ("content", "stream", "vertex_content", "vertex_stream")
    claude = {"call": "claude", "error": "RateLimitError", "status": 429, "type": None}

    check_refused(metered, "google_calls.py", [*({"call": call, **EXHAUSTED} for call in calls), claude])


def test_googles_own_rejection_is_passed_on(metered: Metered) -> None:
    check_provider_failure(metered, "google_calls.py", "content", asked=1)
