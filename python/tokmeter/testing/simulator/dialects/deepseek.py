"""DeepSeek: the OpenAI shape with cache hits and misses beside the prompt. Does no I/O."""

from __future__ import annotations

from typing import Any

from tokmeter.testing.simulator.dialects.openai_shape import Flavour, plain_usage
from tokmeter.testing.simulator.reply import Call, Counts, Reply

HOSTS = ("api.deepseek.com",)


def _usage(counts: Counts) -> dict[str, Any]:
    return {
        **plain_usage(counts),
        "prompt_tokens_details": {"cached_tokens": counts.cached},
        "completion_tokens_details": {"reasoning_tokens": counts.reasoning},
        "prompt_cache_hit_tokens": counts.cached,
        "prompt_cache_miss_tokens": counts.fresh,
    }


_FLAVOUR = Flavour(prefix="", models=("deepseek-chat", "deepseek-reasoner"), usage=_usage, unasked="last")


def answer(call: Call) -> Reply:
    """The reply to a call, with or without the version in its path."""
    for prefix in ("/v1", "/beta"):
        if call.route.startswith(f"{prefix}/"):
            return _FLAVOUR.answer(call.at(call.path.removeprefix(prefix)))
    return _FLAVOUR.answer(call)


error = _FLAVOUR.error
