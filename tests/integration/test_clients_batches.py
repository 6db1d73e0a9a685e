"""Unmodified programs on batches, runs and media under `tokmeter run`: each is charged once, whatever is polled."""

from tests.integration.applications import python_program
from tests.integration.metered import Metered
from tests.integration.sdk_programs import WORDS, check_bytes


def totals(entries: list[dict[str, object]]) -> tuple[int, int]:
    """Input and output tokens of all entries."""
    usages: list[dict[str, int | None]] = [entry["usage"] for entry in entries]  # type: ignore[misc]
    return sum(u["input_tokens"] or 0 for u in usages), sum(u["output_tokens"] or 0 for u in usages)


def test_a_batch_is_charged_when_its_output_is_read(metered: Metered) -> None:
    ended = metered.run([*python_program("batch_calls.py"), "batch", "message_batch"])

    check_bytes(ended.lines, metered.simulator.requests)
    spent = [request for request in metered.simulator.requests if request.output_tokens]
    assert [request.path.rpartition("/")[2] for request in spent] == ["content", "results"]
    for provider, request in zip(("openai", "anthropic"), spent, strict=True):
        own = [entry for entry in ended.entries if entry["provider"] == provider]
        assert totals(own) == (request.input_tokens, request.output_tokens) == (28, 2 * WORDS)
        charged = [entry for entry in own if entry["usage"]["output_tokens"]]
        assert [(entry["operation"], entry["provenance"]) for entry in charged] == [("batches", "reported")]
        assert charged[0]["cost_nano_usd"] > 0


def test_a_run_is_charged_once_however_often_it_is_polled(metered: Metered) -> None:
    ended = metered.run([*python_program("batch_calls.py"), "run"])

    request = next(request for request in metered.simulator.requests if request.output_tokens)
    assert totals(ended.entries) == (request.input_tokens, request.output_tokens)
    charged = [entry for entry in ended.entries if entry["usage"]["output_tokens"]]
    assert [(entry["operation"], entry["provenance"]) for entry in charged] == [("runs", "reported")]


def test_media_are_charged_by_the_token_or_have_no_price(metered: Metered) -> None:
    calls = ("transcription", "whisper", "speech", "image", "dalle", "moderation")

    ended = metered.run([*python_program("batch_calls.py"), *calls])

    check_bytes(ended.lines, metered.simulator.requests)
    entries = dict(zip(calls, ended.entries, strict=True))
    assert entries["transcription"]["usage"]["audio_input_tokens"] == 20
    assert entries["image"]["usage"]["output_tokens"] == metered.simulator.requests[3].output_tokens
    for call in ("transcription", "image"):
        assert entries[call]["provenance"] == "reported"
        assert entries[call]["cost_nano_usd"] > 0
    # By the second, the character and the picture: a price of its own, or none; never zero.
    for call in ("whisper", "speech", "dalle"):
        assert entries[call]["cost_nano_usd"] is None or entries[call]["cost_nano_usd"] > 0
    assert entries["moderation"]["cost_nano_usd"] == 0
