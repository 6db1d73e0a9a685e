"""Unmodified programs on ollama's client under `tokmeter run`: lines of JSON, without a price unless one is configured."""

from tests.integration.metered import Metered
from tests.integration.sdk_metered import Booked, check_metered, check_provider_failure, check_subsets

CHAT = Booked("ollama-cloud", "chat", priced=False)
COMPLETION = Booked("ollama-cloud", "completions", priced=False)


def test_ollama_is_metered(metered: Metered) -> None:
    calls = {
        "chat": CHAT,
        "stream": CHAT,
        "generate": COMPLETION,
        "generate_stream": COMPLETION,
        "embed": Booked("ollama-cloud", "embeddings", priced=False),
    }

    check_metered(metered, "ollama_calls.py", calls)


def test_its_counts_have_no_subsets(metered: Metered) -> None:
    check_subsets(metered, "ollama_calls.py", ["chat", "stream", "generate_stream"], cached=None, reasoning=None)


def test_its_own_rejection_is_passed_on(metered: Metered) -> None:
    check_provider_failure(metered, "ollama_calls.py", "chat", asked=1)
