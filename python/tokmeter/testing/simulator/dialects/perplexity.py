"""Perplexity: the OpenAI shape with running totals in every chunk, and a fee for the search. Does no I/O."""

from __future__ import annotations

from typing import Any

from tokmeter.testing.simulator.dialects.openai_shape import Flavour, plain_usage
from tokmeter.testing.simulator.reply import Call, Counts, Reply

HOSTS = ("api.perplexity.ai",)
PRICE_USD = 1e-6
"""Of a token."""
REQUEST_USD = 0.005
"""Of a request with a search context of low size."""


def error(status: int, message: str) -> Reply:
    """An error as Perplexity words it."""
    return Reply(status=status, body={"error": {"message": message, "type": f"status_{status}", "code": status}})


def _usage(counts: Counts) -> dict[str, Any]:
    parts = {
        "input_tokens_cost": round(PRICE_USD * counts.input, 9),
        "output_tokens_cost": round(PRICE_USD * counts.output, 9),
        "request_cost": REQUEST_USD,
    }
    cost = {**parts, "total_cost": round(sum(parts.values()), 9)}
    return {**plain_usage(counts), "search_context_size": "low", "cost": cost}


def _frame(_call: Call) -> dict[str, Any]:
    return {"citations": ["https://sheep.example/"], "search_results": []}


DIALECT = Flavour(
    prefix="", models=("sonar",), usage=_usage, unasked="every", asked="every", frame=_frame, refusal=error
)
