"""Azure OpenAI: a deployment in the path, the model only in the reply, filter results first. Does no I/O."""

from __future__ import annotations

import re
from typing import Any

from tokmeter.testing.simulator.dialects.openai_responses import responses
from tokmeter.testing.simulator.dialects.openai_shape import Flavour
from tokmeter.testing.simulator.reply import Call, Reply, data

SUFFIXES = (".openai.azure.com", ".cognitiveservices.azure.com", ".services.ai.azure.com")
EXAMPLE = "flock.openai.azure.com"
MODEL = "gpt-4o-2024-11-20"
"""Behind every deployment."""
DEPLOYMENT = re.compile(r"/openai/deployments/(?P<name>[^/]+)(?P<rest>/.*)")
FILTERED = {"hate": {"filtered": False, "severity": "safe"}}


def _frame(_call: Call) -> dict[str, Any]:
    return {"model": MODEL}


_HEAD = data(
    {
        "choices": [],
        "created": 0,
        "id": "",
        "model": "",
        "object": "",
        "prompt_filter_results": [{"prompt_index": 0, "content_filter_results": FILTERED}],
    }
)
_FLAVOUR = Flavour(prefix="/openai/v1", models=(MODEL,), head=_HEAD, frame=_frame, more={"/responses": responses})


def answer(call: Call) -> Reply:
    """The reply to a call by deployment, or to one of the newer paths."""
    place = DEPLOYMENT.match(call.path)
    if place is not None:
        call = call.at(f"/openai/v1{place['rest']}").asking(model=place["name"])
    return _FLAVOUR.answer(call)


error = _FLAVOUR.error
