"""Vertex AI: Gemini's methods and Anthropic's messages under a path of project and place. Does no I/O."""

from __future__ import annotations

import re
from typing import Any

from tokmeter.testing.simulator import words
from tokmeter.testing.simulator.dialects import anthropic, gemini
from tokmeter.testing.simulator.dialects.openai_shape import vector
from tokmeter.testing.simulator.reply import Call, Reply

HOSTS = ("aiplatform.googleapis.com",)
SUFFIX = "-aiplatform.googleapis.com"
EXAMPLES = ("us-central1-aiplatform.googleapis.com", "europe-west4-aiplatform.googleapis.com")
PATH = re.compile(
    r"/v1(?:beta1)?/(?:projects/[^/]+/locations/[^/]+/)?publishers/(?P<publisher>\w+)/models/(?P<model>[^:]+):(?P<method>\w+)"
)
TRAFFIC = "ON_DEMAND"

error = gemini.error


def answer(call: Call) -> Reply:
    """The reply to a call of a publisher's model; an error of Google's shape for an unknown path."""
    place = PATH.fullmatch(call.route)
    if place is None or call.method != "POST":
        return error(404, f"Not found: {call.method} {call.route}")
    call, method = call.asking(model=place["model"]), place["method"]
    if place["publisher"] == "anthropic":
        return _anthropic(call, method)
    if method == "predict":
        return _predict(call)
    return gemini.model_method(call, method, trafficType=TRAFFIC)


def _anthropic(call: Call, method: str) -> Reply:
    """Streams are asked for by the method and by the body; a request that says neither is answered whole."""
    if call.model == "count-tokens":
        return anthropic.answer(call.at("/v1/messages/count_tokens").asking(model=call.body.get("model", "claude")))
    if method not in {"rawPredict", "streamRawPredict"}:
        return error(404, f"{method} is not a method of {call.model}")
    return anthropic.answer(call.at("/v1/messages"))


def _predict(call: Call) -> Reply:
    given = call.body.get("instances")
    texts = [words.text_of(instance.get("content", "")) for instance in (given if isinstance(given, list) else [])]
    tokens = [words.count(text, call.model) for text in texts]
    predictions: list[dict[str, Any]] = [
        {"embeddings": {"values": vector(), "statistics": {"truncated": False, "token_count": count}}}
        for count in tokens
    ]
    characters = sum(len(text.replace(" ", "")) for text in texts)
    body = {"predictions": predictions, "metadata": {"billableCharacterCount": characters}}
    return Reply(body=body, input_tokens=sum(tokens))
