"""Unmodified programs on cohere's SDK under `tokmeter run`: what is billed is what counts."""

from tests.integration.applications import python_program
from tests.integration.metered import Metered
from tests.integration.sdk_metered import (
    CACHED,
    Booked,
    check_metered,
    check_provider_failure,
    check_refused,
    check_subsets,
)

CHAT = Booked("cohere", "chat")


def test_cohere_is_metered(metered: Metered) -> None:
    calls = {
        "chat": CHAT,
        "stream": CHAT,
        "embed": Booked("cohere", "embeddings"),
        "old_chat": CHAT,
        "old_stream": CHAT,
    }

    check_metered(metered, "cohere_calls.py", calls)


def test_a_rerank_has_no_tokens_and_no_invented_price(metered: Metered) -> None:
    ended = metered.run([*python_program("cohere_calls.py"), "rerank"])

    (entry,) = ended.entries
    assert ended.lines[0]["searches"] == 1
    assert (entry["operation"], entry["outcome"]) == ("rerank", "ok")
    assert not entry["usage"]["input_tokens"]
    assert entry["cost_nano_usd"] is None or entry["cost_nano_usd"] > 0


def test_the_cache_is_within_the_input(metered: Metered) -> None:
    check_subsets(metered, "cohere_calls.py", ["chat", "stream"], cached=CACHED, reasoning=None)


def test_a_refusal_is_coheres_own_error_and_is_not_tried_again(metered: Metered) -> None:
    calls = ("chat", "stream", "embed", "old_chat")

    check_refused(metered, "cohere_calls.py", [{"call": call, "error": "ApiError", "status": 402} for call in calls])


def test_coheres_own_rejection_is_passed_on_each_time(metered: Metered) -> None:
    check_provider_failure(metered, "cohere_calls.py", "chat", asked=3)
