"""Cohere: chat of both versions, embed and rerank; what is billed is less than what is counted. Does no I/O."""

from __future__ import annotations

from typing import Any

from tokmeter.testing.simulator import words
from tokmeter.testing.simulator.dialects.openai_shape import vector
from tokmeter.testing.simulator.reply import NDJSON, Call, Counts, Reply, event, grouped, line

HOSTS = ("api.cohere.com", "api.cohere.ai")
OVERHEAD = 60
"""Tokens of the provider's own prompt: counted, never billed."""
SEARCH_DOCUMENTS = 100
"""Documents of one search unit."""


def answer(call: Call) -> Reply:
    """The reply to a call of the Cohere API; an error of the provider's shape for an unknown path."""
    handlers = {
        "/v2/chat": _chat,
        "/v1/chat": _chat_v1,
        "/v2/embed": _embed,
        "/v1/embed": _embed,
        "/v2/rerank": _rerank,
        "/v1/rerank": _rerank,
    }
    handler = handlers.get(call.route)
    if handler is None or call.method != "POST":
        return error(404, f"Not found: {call.method} {call.route}")
    return handler(call)


def error(status: int, message: str) -> Reply:
    """An error as Cohere words it."""
    return Reply(status=status, body={"id": "error-simulated", "message": message})


def _units(counts: Counts) -> dict[str, Any]:
    return {
        "billed_units": {"input_tokens": counts.input, "output_tokens": counts.output},
        "tokens": {"input_tokens": counts.input + OVERHEAD, "output_tokens": counts.output},
    }


def _chat(call: Call) -> Reply:
    visible, cut = call.output_tokens("max_tokens")
    spoken = words.reply(visible)
    finish = "MAX_TOKENS" if cut else "COMPLETE"
    counts = Counts.of(
        call, words.chat_input(call.body.get("messages"), call.model), words.count("".join(spoken), call.model)
    )
    usage = {} if call.behaviour.silent else {"usage": {**_units(counts), "cached_tokens": counts.cached}}
    named = {"id": f"chat-{call.number:08d}"}
    if not call.streamed:
        message = {"role": "assistant", "content": [{"type": "text", "text": "".join(spoken)}]}
        return Reply(body={**named, "finish_reason": finish, "message": message, **usage}).spending(counts)
    begun = {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []}
    return Reply(
        lead=[
            _event("message-start", **named, delta={"message": begun}),
            _event("content-start", index=0, delta={"message": {"content": {"type": "text", "text": ""}}}),
        ],
        pieces=[
            _event("content-delta", index=0, delta={"message": {"content": {"text": piece}}})
            for piece in grouped(spoken, call.behaviour.chunks)
        ],
        tail=[
            _event("content-end", index=0),
            _event("message-end", **named, delta={"finish_reason": finish, **usage}),
            b"data: [DONE]\n\n",
        ],
    ).spending(counts)


def _event(kind: str, **fields: object) -> bytes:
    return event(kind, {"type": kind, **fields})


def _chat_v1(call: Call) -> Reply:
    visible, cut = call.output_tokens("max_tokens")
    spoken = words.reply(visible)
    text, finish = "".join(spoken), "MAX_TOKENS" if cut else "COMPLETE"
    asked = words.text_of(call.body.get("message", "")) + words.text_of(call.body.get("preamble") or "")
    counts = Counts.of(call, words.count(asked, call.model), words.count(text, call.model))
    meta = {"api_version": {"version": "1"}, **({} if call.behaviour.silent else _units(counts))}
    named = {"response_id": f"response-{call.number:08d}", "generation_id": f"generation-{call.number:08d}"}
    whole = {**named, "text": text, "chat_history": [], "finish_reason": finish, "meta": meta}
    if not call.streamed:
        return Reply(body=whole).spending(counts)
    begun = {"is_finished": False, "event_type": "stream-start", "generation_id": named["generation_id"]}
    ended = {"is_finished": True, "event_type": "stream-end", "finish_reason": finish, "response": whole}
    return Reply(
        media=NDJSON,
        lead=[line(begun)],
        pieces=[
            line({"is_finished": False, "event_type": "text-generation", "text": piece})
            for piece in grouped(spoken, call.behaviour.chunks)
        ],
        tail=[line(ended)],
    ).spending(counts)


def _meta(call: Call, **units: int) -> dict[str, Any]:
    billed = {} if call.behaviour.silent else {"billed_units": units}
    return {"api_version": {"version": call.route.split("/")[1].removeprefix("v")}, **billed}


def _embed(call: Call) -> Reply:
    given = call.body.get("texts")
    texts = given if isinstance(given, list) else []
    tokens = sum(words.count(words.text_of(text), call.model) for text in texts)
    vectors = [vector() for _ in texts]
    typed = call.route.startswith("/v2/") or "embedding_types" in call.body
    body: dict[str, Any] = {
        "id": f"embed-{call.number:08d}",
        "embeddings": {"float": vectors} if typed else vectors,
        "texts": texts,
        "meta": _meta(call, input_tokens=tokens),
        "response_type": "embeddings_by_type" if typed else "embeddings_floats",
    }
    return Reply(body=body, input_tokens=tokens)


def _rerank(call: Call) -> Reply:
    given = call.body.get("documents")
    documents = len(given) if isinstance(given, list) else 0
    results = [{"index": index, "relevance_score": round(1 / (index + 1), 4)} for index in range(documents)]
    units = max(1, -(-documents // SEARCH_DOCUMENTS))
    body = {"id": f"rerank-{call.number:08d}", "results": results, "meta": _meta(call, search_units=units)}
    return Reply(body=body)
