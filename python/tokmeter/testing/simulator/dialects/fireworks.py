"""Fireworks: the OpenAI shape, usage of a stream stated without asking. Does no I/O."""

from __future__ import annotations

from typing import Any

from tokmeter.testing.simulator.dialects.openai_shape import Flavour, plain_usage
from tokmeter.testing.simulator.reply import Counts

HOSTS = ("api.fireworks.ai",)


def _usage(counts: Counts) -> dict[str, Any]:
    return {**plain_usage(counts), "prompt_tokens_details": {"cached_tokens": counts.cached}}


DIALECT = Flavour(
    prefix="/inference/v1",
    models=("accounts/fireworks/models/llama-v3p3-70b-instruct",),
    usage=_usage,
    unasked="last",
    asked="last",
)
