"""Anthropic's wire format: messages and their batches, count_tokens, models and errors. Does no I/O."""

from __future__ import annotations

from typing import Any

from tokmeter.testing.simulator import words
from tokmeter.testing.simulator.dialects import anthropic_batches
from tokmeter.testing.simulator.reply import Call, Reply, event, grouped

HOSTS = ("api.anthropic.com",)

ERRORS = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    529: "overloaded_error",
}


def answer(call: Call) -> Reply:
    """The reply to a call of the Anthropic API; an error of the provider's shape for an unknown path."""
    route = call.route
    if route.startswith("/v1/messages/batches"):
        return anthropic_batches.answer(call, _messages, error)
    if call.method == "GET" and route == "/v1/models":
        names = ("claude-sonnet-4-5", "claude-haiku-4-5")
        return Reply(
            body={
                "data": [_model(name) for name in names],
                "has_more": False,
                "first_id": names[0],
                "last_id": names[-1],
            }
        )
    if call.method != "POST" or route not in {"/v1/messages", "/v1/messages/count_tokens"}:
        return error(404, f"Not found: {call.method} {route}")
    if not call.model:
        return error(400, "model: Field required")
    if route == "/v1/messages/count_tokens":
        return Reply(body={"input_tokens": _input(call)})
    return _messages(call)


def error(status: int, message: str) -> Reply:
    """An error as Anthropic words it."""
    kind = ERRORS.get(status, "api_error" if status >= 500 else "invalid_request_error")
    return Reply(
        status=status,
        body={"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_simulated"},
    )


def _model(name: str) -> dict[str, Any]:
    return {"type": "model", "id": name, "display_name": name, "created_at": "2026-01-01T00:00:00Z"}


def _input(call: Call) -> int:
    system = words.count(words.text_of(call.body.get("system", "")), call.model)
    return system + words.chat_input(call.body.get("messages"), call.model)


def _messages(call: Call) -> Reply:
    visible, cut = call.output_tokens("max_tokens")
    spoken = words.reply(visible)
    text = "".join(spoken)
    stop = "max_tokens" if cut else "end_turn"
    input_tokens = _input(call)
    output_tokens = words.count(text, call.model) + call.behaviour.reasoning
    cached = min(call.behaviour.cached, input_tokens)
    shared: dict[str, Any] = {
        # The provider's own number leaves out what came from the cache.
        "input_tokens": input_tokens - cached,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": cached,
        "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
        "service_tier": "standard",
    }
    frame = {"id": f"msg_{call.number:08d}", "type": "message", "role": "assistant", "model": call.model}
    if not call.streamed:
        body: dict[str, Any] = {
            **frame,
            "content": [{"type": "text", "text": text}],
            "stop_reason": stop,
            "stop_sequence": None,
        }
        if not call.behaviour.silent:
            body["usage"] = {**shared, "output_tokens": output_tokens}
        return Reply(body=body, input_tokens=input_tokens, output_tokens=output_tokens)

    begun: dict[str, Any] = {**frame, "content": [], "stop_reason": None, "stop_sequence": None}
    ended: dict[str, Any] = {"delta": {"stop_reason": stop, "stop_sequence": None}}
    if not call.behaviour.silent:
        begun["usage"] = {**shared, "output_tokens": 1}
        ended["usage"] = {
            "input_tokens": input_tokens - cached,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": cached,
            "output_tokens": output_tokens,
        }
    return Reply(
        lead=[
            _event("message_start", message=begun),
            _event("content_block_start", index=0, content_block={"type": "text", "text": ""}),
            _event("ping"),
        ],
        pieces=[
            _event("content_block_delta", index=0, delta={"type": "text_delta", "text": piece})
            for piece in grouped(spoken, call.behaviour.chunks)
        ],
        tail=[
            _event("content_block_stop", index=0),
            _event("message_delta", **ended),
            _event("message_stop"),
        ],
        input_tokens=input_tokens,
        output_tokens=output_tokens,
    )


def _event(kind: str, **fields: object) -> bytes:
    return event(kind, {"type": kind, **fields})
