"""Mistral: chat, fill-in-the-middle, embeddings and OCR. States a stream's usage without being asked. Does no I/O."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tokmeter.testing.simulator.dialects.openai_shape import Flavour, plain_usage
from tokmeter.testing.simulator.reply import Call, Counts, Reply

HOSTS = ("api.mistral.ai", "codestral.mistral.ai")


def error(status: int, message: str) -> Reply:
    """An error as Mistral words it; what fails validation is a list of places."""
    detail = [{"type": "value_error", "loc": ["body"], "msg": message, "input": {}}] if status == 422 else message
    return Reply(status=status, body={"detail": detail})


def _usage(counts: Counts) -> dict[str, Any]:
    return {**plain_usage(counts), "num_cached_tokens": counts.cached, "prompt_audio_seconds": None}


def _ocr(call: Call) -> Reply:
    """One page for each that is asked for, else one."""
    asked = call.body.get("pages")
    numbers = asked if isinstance(asked, list) and asked else [0]
    size = {"dpi": 200, "height": 2200, "width": 1700}
    body: dict[str, Any] = {
        "pages": [{"index": n, "markdown": "# Sheep", "images": [], "dimensions": size} for n in numbers],
        "model": call.model,
        "document_annotation": None,
    }
    if not call.behaviour.silent:
        body["usage_info"] = {"pages_processed": len(numbers), "doc_size_bytes": 1024}
    return Reply(body=body)


def _embeddings(call: Call) -> Reply:
    """The shape's own, with the fields that Mistral's client insists on."""
    reply = DIALECT.embeddings(call)
    body = {"id": f"embd-{call.number:08d}", **(reply.body or {})}
    if "usage" in body:
        body["usage"] = {**body["usage"], "completion_tokens": 0}
    return replace(reply, body=body)


DIALECT = Flavour(
    models=("mistral-large-latest", "codestral-latest", "mistral-embed", "mistral-ocr-latest"),
    usage=_usage,
    unasked="last",
    asked="last",
    refusal=error,
)
DIALECT.more.update({"/fim/completions": DIALECT.chat, "/embeddings": _embeddings, "/ocr": _ocr})
