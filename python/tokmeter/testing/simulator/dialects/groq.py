"""Groq: the OpenAI shape with times, and in a stream the usage under `x_groq`. Does no I/O."""

from __future__ import annotations

from typing import Any

from tokmeter.testing.simulator.dialects.openai_shape import Flavour, plain_usage
from tokmeter.testing.simulator.reply import Call, Counts

HOSTS = ("api.groq.com",)


def _usage(counts: Counts) -> dict[str, Any]:
    times = {"queue_time": 0.01, "prompt_time": 0.002, "completion_time": 0.05, "total_time": 0.052}
    stated: dict[str, Any] = {**times, **plain_usage(counts)}
    if counts.cached:
        stated["prompt_tokens_details"] = {"cached_tokens": counts.cached}
    if counts.reasoning:
        stated["completion_tokens_details"] = {"reasoning_tokens": counts.reasoning}
    return stated


def _ending(call: Call, counts: Counts) -> dict[str, Any]:
    stated = {"usage": _usage(counts)} if call.streamed and not call.behaviour.silent else {}
    return {"x_groq": {"id": f"req_{call.number:08d}", **stated}}


def _frame(_call: Call) -> dict[str, Any]:
    return {"service_tier": "on_demand"}


DIALECT = Flavour(
    prefix="/openai/v1",
    models=("llama-3.3-70b-versatile", "openai/gpt-oss-20b"),
    usage=_usage,
    frame=_frame,
    ending=_ending,
)
