"""Unmodified programs on groq's SDK under `tokmeter run`: a stream states its usage in a field of the provider's own."""

from tests.integration.metered import Metered
from tests.integration.sdk_metered import Booked, check_metered, check_provider_failure, check_refused, check_subsets

CHAT = Booked("groq", "chat")


def test_groq_is_metered(metered: Metered) -> None:
    check_metered(metered, "groq_calls.py", {"chat": CHAT, "stream": CHAT, "stream_with_usage": CHAT})


def test_reasoning_and_the_cache_are_within_the_totals(metered: Metered) -> None:
    check_subsets(metered, "groq_calls.py", ["chat", "stream", "stream_with_usage"])


def test_a_refusal_is_groqs_own_error_and_is_not_tried_again(metered: Metered) -> None:
    calls = ("chat", "stream")

    check_refused(metered, "groq_calls.py", [{"call": c, "error": "RateLimitError", "status": 429} for c in calls])


def test_groqs_own_rejection_is_passed_on_each_time(metered: Metered) -> None:
    check_provider_failure(metered, "groq_calls.py", "chat", asked=3)
