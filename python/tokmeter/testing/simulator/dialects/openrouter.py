"""OpenRouter: the OpenAI shape with a price, and comments that keep a stream alive. Does no I/O."""

from __future__ import annotations

from typing import Any

from tokmeter.testing.simulator.dialects.openai_shape import Flavour, usage
from tokmeter.testing.simulator.reply import Call, Counts, Reply

HOSTS = ("openrouter.ai",)
PRICE_USD = 1e-6
"""Of an input token; an output token costs four times as much."""


def error(status: int, message: str) -> Reply:
    """An error as OpenRouter words it: its code is the status."""
    return Reply(status=status, body={"error": {"code": status, "message": message, "metadata": {}}})


def _usage(counts: Counts) -> dict[str, Any]:
    cost = round(PRICE_USD * (counts.input + 4 * counts.output), 9)
    details = {"upstream_inference_cost": None}
    return {**usage(counts), "cost": cost, "is_byok": False, "cost_details": details}


def _frame(call: Call) -> dict[str, Any]:
    return {"id": f"gen-{call.number:08d}", "provider": "Simulator"}


DIALECT = Flavour(
    prefix="/api/v1",
    models=("openai/gpt-4o", "anthropic/claude-sonnet-4.5"),
    usage=_usage,
    unasked="own",
    head=b": OPENROUTER PROCESSING\n\n: OPENROUTER PROCESSING\n\n",
    frame=_frame,
    refusal=error,
)
