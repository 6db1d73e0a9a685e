"""Together: the OpenAI shape with cached tokens beside the others. Does no I/O."""

from __future__ import annotations

from typing import Any

from tokmeter.testing.simulator.dialects.openai_shape import Flavour, plain_usage
from tokmeter.testing.simulator.reply import Counts

HOSTS = ("api.together.xyz", "api.together.ai")


def _usage(counts: Counts) -> dict[str, Any]:
    return {**plain_usage(counts), "cached_tokens": counts.cached}


DIALECT = Flavour(models=("meta-llama/Llama-3.3-70B-Instruct-Turbo",), usage=_usage, unasked="last", asked="last")
