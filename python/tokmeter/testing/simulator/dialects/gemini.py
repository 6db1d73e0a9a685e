"""Gemini: whole and streamed content (events, or one JSON array in pieces), counting, embeddings. Does no I/O."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qs, unquote

from tokmeter.testing.simulator import words
from tokmeter.testing.simulator.dialects.openai_shape import Flavour, vector
from tokmeter.testing.simulator.reply import JSON, Call, Counts, Reply, compact, data, grouped

HOSTS = ("generativelanguage.googleapis.com",)
PATH = re.compile(r"/v1(?:beta|alpha)?/models/(?P<model>[^:]+):(?P<method>\w+)")
STATUS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
THOUGHT = {"text": "Counting sheep.", "thought": True}
_COMPATIBLE = Flavour(prefix="/v1beta/openai")


def answer(call: Call) -> Reply:
    """The reply to a call of the Gemini API; an error of the provider's shape for an unknown path."""
    if call.route.startswith("/v1beta/openai/"):
        return _COMPATIBLE.answer(call)
    if call.method == "GET" and call.route == "/v1beta/models":
        return Reply(body={"models": [{"name": "models/gemini-2.5-flash", "version": "001"}]})
    place = PATH.fullmatch(call.route)
    if place is None or call.method != "POST":
        return error(404, f"Not found: {call.method} {call.route}")
    return model_method(call.asking(model=unquote(place["model"])), place["method"])


def error(status: int, message: str) -> Reply:
    """An error as Google words it."""
    named = STATUS.get(status, "UNKNOWN")
    wait = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "30s"}
    details = {"details": [wait]} if status == 429 else {}
    return Reply(status=status, body={"error": {"code": status, "message": message, "status": named, **details}})


def model_method(call: Call, method: str, **always: object) -> Reply:
    """What a method of a model answers; `always` stands in every usage (Vertex's kind of traffic)."""
    if method == "generateContent":
        return _whole(call, always)
    if method == "streamGenerateContent":
        return _stream(call, always)
    if method == "countTokens":
        total = prompt(call)
        return Reply(body={"totalTokens": total, "promptTokensDetails": _modality(total)})
    if method == "embedContent":
        return Reply(body={"embedding": {"values": vector()}}, input_tokens=_text(call, call.body.get("content")))
    if method == "batchEmbedContents":
        asked = call.body.get("requests")
        requests = asked if isinstance(asked, list) else []
        spent = sum(_text(call, request.get("content")) for request in requests)
        return Reply(body={"embeddings": [{"values": vector()} for _ in requests]}, input_tokens=spent)
    return error(404, f"{method} is not a method of {call.model}")


def prompt(call: Call) -> int:
    """Input tokens of a request for content."""
    system = call.body.get("systemInstruction", call.body.get("system_instruction"))
    return _text(call, system) + sum(_text(call, content) for content in _contents(call))


def _contents(call: Call) -> list[Any]:
    request = call.body.get("generateContentRequest", call.body)
    contents = request.get("contents") if isinstance(request, dict) else None
    return contents if isinstance(contents, list) else []


def _text(call: Call, content: object) -> int:
    return words.count(words.text_of(content), call.model)


def _modality(tokens: int) -> list[dict[str, Any]]:
    return [{"modality": "TEXT", "tokenCount": tokens}]


def _usage(counts: Counts, always: dict[str, object]) -> dict[str, Any]:
    stated: dict[str, Any] = {
        "promptTokenCount": counts.input,
        "candidatesTokenCount": counts.visible,
        "totalTokenCount": counts.total,
        "promptTokensDetails": _modality(counts.input),
    }
    if counts.cached:
        stated |= {"cachedContentTokenCount": counts.cached, "cacheTokensDetails": _modality(counts.cached)}
    if counts.reasoning:
        stated["thoughtsTokenCount"] = counts.reasoning
    return {**stated, **always}


def _limits(call: Call) -> tuple[int, bool]:
    return call.output_tokens("maxOutputTokens", "max_output_tokens", within="generationConfig")


def _answer(call: Call, parts: list[dict[str, Any]], reason: str | None, usage: dict[str, Any] | None) -> Any:
    candidate: dict[str, Any] = {"content": {"parts": parts, "role": "model"}, "index": 0}
    if reason is not None:
        candidate["finishReason"] = reason
    stated = {} if usage is None or call.behaviour.silent else {"usageMetadata": usage}
    named = {"modelVersion": call.model, "responseId": f"response-{call.number:08d}"}
    return {"candidates": [candidate], **stated, **named}


def _whole(call: Call, always: dict[str, object]) -> Reply:
    visible, cut = _limits(call)
    text = "".join(words.reply(visible))
    counts = Counts.of(call, prompt(call), words.count(text, call.model))
    body = _answer(call, [{"text": text}], "MAX_TOKENS" if cut else "STOP", _usage(counts, always))
    return Reply(body=body).spending(counts)


def _stream(call: Call, always: dict[str, object]) -> Reply:
    """Running totals in every piece, thoughts first; Vertex states nothing but its kind of traffic before the end."""
    visible, cut = _limits(call)
    spoken = words.reply(visible)
    counts = Counts.of(call, prompt(call), words.count("".join(spoken), call.model))
    texts = grouped(spoken, call.behaviour.chunks)
    thinking = {"promptTokenCount": counts.input, "totalTokenCount": counts.input, **always}
    pieces, said = [], 0
    for text in texts:
        said += words.count(text, call.model)
        so_far = Counts(input=counts.input, visible=said, reasoning=counts.reasoning, cached=counts.cached)
        pieces.append(_answer(call, [{"text": text}], None, dict(always) if always else _usage(so_far, always)))
    first = [_answer(call, [THOUGHT], None, dict(always) if always else thinking)] if counts.reasoning else []
    last = _answer(call, [{"text": ""}], "MAX_TOKENS" if cut else "STOP", _usage(counts, always))
    if parse_qs(call.path.partition("?")[2]).get("alt") == ["sse"]:
        return Reply(
            lead=[data(value) for value in first],
            pieces=[data(value) for value in pieces],
            tail=[data(last)],
        ).spending(counts)
    begun = b"[" + b",\r\n".join(compact(value).encode() for value in first)
    comma = b",\r\n" if first else b""
    return Reply(
        media=f"{JSON}; charset=UTF-8",
        lead=[begun],
        pieces=[(b",\r\n" if index else comma) + compact(value).encode() for index, value in enumerate(pieces)],
        tail=[(b",\r\n" if first or pieces else b"") + compact(last).encode() + b"\n]"],
    ).spending(counts)
