"""Unmodified programs on litellm under `tokmeter run`: one library, every provider's own API."""

import pytest

from tests.integration.applications import python_program
from tests.integration.metered import Metered
from tests.integration.sdk_metered import EMPTY, Booked, row, wanted
from tests.integration.sdk_programs import check_answers, check_bytes, check_sent, without_wire

BOOKED = {
    "openai": Booked("openai", "chat"),
    "anthropic": Booked("anthropic", "messages"),
    "gemini": Booked("gemini", "generate_content"),
    "bedrock": Booked("bedrock", "converse"),
    "cohere": Booked("cohere", "chat"),
    "mistral": Booked("mistral", "chat"),
    "groq": Booked("groq", "chat"),
    "deepseek": Booked("deepseek", "chat"),
    "xai": Booked("xai", "chat"),
    "openrouter": Booked("openrouter", "chat"),
    "perplexity": Booked("perplexity", "chat"),
    "together": Booked("together", "chat"),
    "fireworks": Booked("fireworks", "chat"),
}
STREAMED = [name for name in BOOKED if name != "cohere"]


@pytest.mark.timeout(240)
@pytest.mark.parametrize("way", ["", "_stream"])
def test_litellm_is_metered_whatever_it_speaks(metered: Metered, way: str) -> None:
    names = STREAMED if way else list(BOOKED)
    calls = [f"{name}{way}" for name in names]

    ended = metered.run([*python_program("litellm_calls.py"), *calls])

    served = metered.simulator.requests
    assert ended.status == 0, ended.stderr
    check_answers(ended.lines, calls)
    # The library leaves a stream at its last event, before the reply is at its end.
    (check_sent if way else check_bytes)(ended.lines, served)
    assert [row(entry) for entry in ended.entries] == [
        wanted(BOOKED[name], request) for name, request in zip(names, served, strict=True)
    ]


def test_refusals_are_errors_that_the_library_knows(metered: Metered) -> None:
    limited = ("openai", "anthropic", "gemini", "mistral", "groq")

    ended = metered.run([*python_program("litellm_calls.py"), *limited], EMPTY)

    assert without_wire(ended.lines) == [{"call": call, "error": "RateLimitError", "status": 429} for call in limited]
    assert {(entry["decision"], entry["retry"]) for entry in ended.entries} == {("refuse", 0)}
    assert metered.simulator.requests == []
