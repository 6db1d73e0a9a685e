"""Unmodified programs on mistralai's SDK under `tokmeter run`."""

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

CHAT = Booked("mistral", "chat")
FIM = Booked("mistral", "completions")


def test_mistral_is_metered(metered: Metered) -> None:
    calls = {
        "chat": CHAT,
        "stream": CHAT,
        "fim": FIM,
        "fim_stream": FIM,
        "embeddings": Booked("mistral", "embeddings"),
    }

    check_metered(metered, "mistral_calls.py", calls)


def test_pages_have_no_tokens_and_no_invented_price(metered: Metered) -> None:
    ended = metered.run([*python_program("mistral_calls.py"), "ocr"])

    (entry,) = ended.entries
    assert ended.lines[0]["pages"] == 2
    assert (entry["operation"], entry["outcome"]) == ("ocr", "ok")
    assert not entry["usage"]["input_tokens"]
    assert entry["cost_nano_usd"] is None or entry["cost_nano_usd"] > 0


def test_the_cache_is_within_the_input(metered: Metered) -> None:
    check_subsets(metered, "mistral_calls.py", ["chat", "stream"], cached=CACHED, reasoning=None)


def test_a_refusal_is_mistrals_own_error(metered: Metered) -> None:
    calls = ("chat", "stream", "fim", "embeddings")

    check_refused(metered, "mistral_calls.py", [{"call": call, "error": "SDKError", "status": 429} for call in calls])


def test_mistrals_own_rejection_is_passed_on(metered: Metered) -> None:
    check_provider_failure(metered, "mistral_calls.py", "chat", asked=1)
