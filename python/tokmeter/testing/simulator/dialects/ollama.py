"""Ollama's native API: lines of JSON unless a stream is declined, counts in the last; and its OpenAI shape. Does no I/O."""

from __future__ import annotations

from typing import Any

from tokmeter.testing.simulator import words
from tokmeter.testing.simulator.dialects.openai_shape import Flavour, plain_usage, vector
from tokmeter.testing.simulator.reply import CREATED_AT, NDJSON, Call, Counts, Reply, grouped, line

HOSTS = ("ollama.com",)
TIMES_NS = {"total_duration": 180_000_000, "load_duration": 20_000_000}
_COMPATIBLE = Flavour(models=("llama3.2",), usage=plain_usage)


def answer(call: Call) -> Reply:
    """The reply to a call of Ollama; an error of its shape for an unknown path."""
    if call.route.startswith("/v1/"):
        return _COMPATIBLE.answer(call)
    if call.method == "GET" and call.route == "/api/tags":
        return Reply(body={"models": [{"name": "llama3.2", "model": "llama3.2", "modified_at": CREATED_AT, "size": 1}]})
    if call.method == "GET" and call.route == "/api/version":
        return Reply(body={"version": "0.12.0"})
    if call.method == "POST" and call.route in {"/api/chat", "/api/generate"}:
        return _speak(call, chat=call.route == "/api/chat")
    if call.method == "POST" and call.route == "/api/embed":
        return _embed(call)
    return error(404, f"Not found: {call.method} {call.route}")


def error(status: int, message: str) -> Reply:
    """An error as Ollama words it."""
    return Reply(status=status, body={"error": message})


def _speak(call: Call, *, chat: bool) -> Reply:
    visible, cut = call.output_tokens("num_predict", within="options")
    spoken = words.reply(visible)
    prompt = (
        words.chat_input(call.body.get("messages"), call.model)
        if chat
        else words.count(words.text_of(call.body.get("prompt", "")), call.model)
    )
    counts = Counts.of(call, prompt, words.count("".join(spoken), call.model))
    named = {"model": call.model, "created_at": CREATED_AT}

    def said(text: str) -> dict[str, Any]:
        return {"message": {"role": "assistant", "content": text}} if chat else {"response": text}

    tokens = {
        "prompt_eval_count": counts.input,
        "prompt_eval_duration": 30_000_000,
        "eval_count": counts.output,
        "eval_duration": 120_000_000,
    }
    ended = {
        "done_reason": "length" if cut else "stop",
        "done": True,
        **TIMES_NS,
        **({} if call.behaviour.silent else tokens),
    }
    if call.body.get("stream") is False:
        return Reply(body={**named, **said("".join(spoken)), **ended}).spending(counts)
    return Reply(
        media=NDJSON,
        pieces=[line({**named, **said(text), "done": False}) for text in grouped(spoken, call.behaviour.chunks)],
        tail=[line({**named, **said(""), **ended})],
    ).spending(counts)


def _embed(call: Call) -> Reply:
    given = call.body.get("input", "")
    texts = given if isinstance(given, list) else [given]
    tokens = sum(words.count(words.text_of(text), call.model) for text in texts)
    stated = {} if call.behaviour.silent else {"prompt_eval_count": tokens}
    body = {"model": call.model, "embeddings": [vector() for _ in texts], **TIMES_NS, **stated}
    return Reply(body=body, input_tokens=tokens)
