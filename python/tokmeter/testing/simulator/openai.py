"""OpenAI's wire format: chat completions, completions, embeddings, responses, models and errors. Does no I/O."""

from __future__ import annotations

import base64
import struct
from typing import Any

from tokmeter.testing.simulator import words
from tokmeter.testing.simulator.openai_responses import responses
from tokmeter.testing.simulator.reply import CREATED, Call, Reply, compact, grouped

EMBEDDING_SIZE = 8
ERRORS = {
    400: ("invalid_request_error", None),
    401: ("invalid_request_error", "invalid_api_key"),
    404: ("invalid_request_error", "model_not_found"),
    429: ("requests", "rate_limit_exceeded"),
    500: ("server_error", None),
    503: ("server_error", "overloaded"),
}


def answer(call: Call) -> Reply:
    """The reply to a call of the OpenAI API; an error of the provider's shape for an unknown path."""
    route = call.path.partition("?")[0]
    if call.method == "GET" and route == "/v1/models":
        names = ("gpt-4o", "gpt-4o-mini", "text-embedding-3-small")
        return Reply(body={"object": "list", "data": [_model(name) for name in names]})
    if call.method == "GET" and route.startswith("/v1/models/"):
        return Reply(body=_model(route.removeprefix("/v1/models/")))
    handler = {
        "/v1/chat/completions": _chat,
        "/v1/completions": _completion,
        "/v1/embeddings": _embeddings,
        "/v1/responses": responses,
    }.get(route)
    if handler is None or call.method != "POST":
        return error(404, f"Unknown request URL: {call.method} {route}.")
    if not call.model:
        return error(400, "you must provide a model parameter")
    return handler(call)


def error(status: int, message: str) -> Reply:
    """An error as OpenAI words it."""
    kind, code = ERRORS.get(status, ("invalid_request_error" if status < 500 else "server_error", None))
    return Reply(status=status, body={"error": {"message": message, "type": kind, "param": None, "code": code}})


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": CREATED, "owned_by": "simulator"}


def _usage(call: Call, input_tokens: int, output_tokens: int) -> dict[str, Any]:
    return {
        "prompt_tokens": input_tokens,
        "completion_tokens": output_tokens,
        "total_tokens": input_tokens + output_tokens,
        "prompt_tokens_details": {"cached_tokens": min(call.behaviour.cached, input_tokens), "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": call.behaviour.reasoning,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def _choices_wanted(call: Call) -> int:
    n = call.body.get("n")
    return n if isinstance(n, int) and not isinstance(n, bool) and n > 0 else 1


def _chat(call: Call) -> Reply:
    visible, cut = call.output_tokens("max_completion_tokens", "max_tokens")
    spoken, n = words.reply(visible), _choices_wanted(call)
    finish = "length" if cut else "stop"
    input_tokens = words.chat_input(call.body.get("messages"), call.model)
    output_tokens = n * (words.count("".join(spoken), call.model) + call.behaviour.reasoning)
    frame = {
        "id": f"chatcmpl-{call.number:08d}",
        "created": CREATED,
        "model": call.model,
        "system_fingerprint": "fp_sim",
    }
    usage = _usage(call, input_tokens, output_tokens)
    if not call.streamed:
        message = {"role": "assistant", "content": "".join(spoken), "refusal": None}
        choices = [{"index": i, "message": message, "logprobs": None, "finish_reason": finish} for i in range(n)]
        body = {**frame, "object": "chat.completion", "choices": choices} | (
            {} if call.behaviour.silent else {"usage": usage}
        )
        return Reply(body=body, input_tokens=input_tokens, output_tokens=output_tokens)

    asked = _usage_asked(call)

    def chunk(choices: list[dict[str, Any]], *, last: bool = False) -> bytes:
        stated = {"usage": usage if last else None} if asked else {}
        return _data({**frame, "object": "chat.completion.chunk", "choices": choices, **stated})

    def delta(index: int, value: dict[str, Any], reason: str | None = None) -> dict[str, Any]:
        return {"index": index, "delta": value, "logprobs": None, "finish_reason": reason}

    return Reply(
        lead=[chunk([delta(i, {"role": "assistant", "content": "", "refusal": None})]) for i in range(n)],
        pieces=[
            chunk([delta(i, {"content": piece})]) for piece in grouped(spoken, call.behaviour.chunks) for i in range(n)
        ],
        tail=[
            *(chunk([delta(i, {}, finish)]) for i in range(n)),
            *([chunk([], last=True)] if asked else []),
            b"data: [DONE]\n\n",
        ],
        input_tokens=input_tokens,
        output_tokens=output_tokens,
    )


def _usage_asked(call: Call) -> bool:
    options = call.body.get("stream_options")
    return isinstance(options, dict) and options.get("include_usage") is True and not call.behaviour.silent


def _completion(call: Call) -> Reply:
    visible, cut = call.output_tokens("max_tokens")
    spoken = words.reply(visible)
    finish = "length" if cut else "stop"
    input_tokens = words.count(words.text_of(call.body.get("prompt", "")), call.model)
    output_tokens = words.count("".join(spoken), call.model)
    frame = {"id": f"cmpl-{call.number:08d}", "object": "text_completion", "created": CREATED, "model": call.model}
    usage = _usage(call, input_tokens, output_tokens)

    def choice(text: str, reason: str | None) -> dict[str, Any]:
        return {"index": 0, "text": text, "logprobs": None, "finish_reason": reason}

    if not call.streamed:
        body = {**frame, "choices": [choice("".join(spoken), finish)]} | (
            {} if call.behaviour.silent else {"usage": usage}
        )
        return Reply(body=body, input_tokens=input_tokens, output_tokens=output_tokens)
    closing = [_data({**frame, "choices": [choice("", finish)]})]
    if _usage_asked(call):
        closing.append(_data({**frame, "choices": [], "usage": usage}))
    return Reply(
        pieces=[_data({**frame, "choices": [choice(piece, None)]}) for piece in grouped(spoken, call.behaviour.chunks)],
        tail=[*closing, b"data: [DONE]\n\n"],
        input_tokens=input_tokens,
        output_tokens=output_tokens,
    )


def _embeddings(call: Call) -> Reply:
    given = call.body.get("input", "")
    texts = given if isinstance(given, list) and not all(isinstance(item, int) for item in given) else [given]
    input_tokens = sum(
        len(text) if isinstance(text, list) else words.count(words.text_of(text), call.model) for text in texts
    )
    vector = [round(0.125 * (index + 1), 3) for index in range(EMBEDDING_SIZE)]
    packed = base64.b64encode(struct.pack(f"<{EMBEDDING_SIZE}f", *vector)).decode()
    value = packed if call.body.get("encoding_format") == "base64" else vector
    body: dict[str, Any] = {
        "object": "list",
        "model": call.model,
        "data": [{"object": "embedding", "index": index, "embedding": value} for index in range(len(texts))],
    }
    if not call.behaviour.silent:
        body["usage"] = {"prompt_tokens": input_tokens, "total_tokens": input_tokens}
    return Reply(body=body, input_tokens=input_tokens)


def _data(value: dict[str, Any]) -> bytes:
    return f"data: {compact(value)}\n\n".encode()
