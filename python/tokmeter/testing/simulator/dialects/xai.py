"""xAI: the OpenAI shape with reasoning beside the completion, and its own price in ticks. Does no I/O."""

from __future__ import annotations

from typing import Any

from tokmeter.testing.simulator.dialects.openai_shape import Flavour
from tokmeter.testing.simulator.reply import Counts, Reply

HOSTS = ("api.x.ai",)
TICKS = 10_000
"""Price of an input token, in ticks of 1e-10 USD; an output token costs five times as much."""


def error(status: int, message: str) -> Reply:
    """An error as xAI words it."""
    return Reply(status=status, body={"code": f"The request failed with status {status}", "error": message})


def _usage(counts: Counts) -> dict[str, Any]:
    return {
        "prompt_tokens": counts.input,
        "completion_tokens": counts.visible,
        "total_tokens": counts.total,
        "prompt_tokens_details": {
            "text_tokens": counts.input,
            "audio_tokens": 0,
            "image_tokens": 0,
            "cached_tokens": counts.cached,
        },
        "completion_tokens_details": {
            "reasoning_tokens": counts.reasoning,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
        "num_sources_used": 0,
        "cost_in_usd_ticks": TICKS * (counts.input + 5 * counts.output),
    }


DIALECT = Flavour(models=("grok-4", "grok-3-mini"), usage=_usage, unasked="own", refusal=error)
