"""Unmodified programs on openai-python that ask other providers of the same shape, each with its own way of stating usage."""

import pytest

from tests.integration.metered import Metered
from tests.integration.sdk_metered import (
    CACHED,
    REASONING,
    Booked,
    check_metered,
    check_provider_failure,
    check_refused,
    check_subsets,
)

PRICED = ("gemini", "mistral", "groq", "deepseek", "xai", "openrouter", "perplexity", "together", "azure")
UNPRICED = ("fireworks", "ollama", "tgi")
NAMES = {"ollama": "ollama-cloud", "tgi": "huggingface"}
STATES_UNASKED = ("mistral", "groq", "deepseek", "xai", "openrouter", "perplexity", "together", "fireworks")


def booked(provider: str) -> Booked:
    """A chat with a provider."""
    return Booked(NAMES.get(provider, provider), "chat", priced=provider in PRICED)


def test_providers_of_openais_shape_are_metered(metered: Metered) -> None:
    calls = {f"{name}{way}": booked(name) for name in (*PRICED, *UNPRICED) for way in ("", "_stream_with_usage")}
    calls |= {f"{name}_stream": booked(name) for name in STATES_UNASKED}

    check_metered(metered, "compatible_calls.py", calls)


# Which subsets a provider names: cached input, reasoning.
SUBSETS = {
    "deepseek": (CACHED, REASONING),
    "xai": (CACHED, REASONING),
    "openrouter": (CACHED, REASONING),
    "azure": (CACHED, REASONING),
    "together": (CACHED, None),
    "fireworks": (CACHED, None),
    "perplexity": (None, None),
}


@pytest.mark.parametrize("subsets", sorted(set(SUBSETS.values()), key=str))
def test_subsets_are_within_the_totals(metered: Metered, subsets: tuple[int | None, int | None]) -> None:
    cached, reasoning = subsets
    names = [name for name, named in SUBSETS.items() if named == subsets]
    calls = [f"{name}{way}" for name in names for way in ("", "_stream_with_usage")]

    check_subsets(metered, "compatible_calls.py", calls, cached=cached, reasoning=reasoning)


def test_refusals_are_errors_of_the_library_and_not_tried_again(metered: Metered) -> None:
    calls = [name for name in PRICED if name != "azure"]

    refused = {"error": "RateLimitError", "status": 429}
    check_refused(metered, "compatible_calls.py", [{"call": call, **refused} for call in calls])


def test_their_own_rejections_are_passed_on_each_time(metered: Metered) -> None:
    check_provider_failure(metered, "compatible_calls.py", "openrouter", asked=3)
