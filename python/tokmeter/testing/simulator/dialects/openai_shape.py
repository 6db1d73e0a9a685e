"""The shape that OpenAI gave to chat completions, completions and embeddings, and how its followers depart from it."""

from __future__ import annotations

import base64
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from tokmeter.testing.simulator import words
from tokmeter.testing.simulator.reply import CREATED, Call, Counts, Reply, data, grouped

type Handler = Callable[[Call], Reply]
type Place = Literal["nowhere", "own", "last", "every"]

EMBEDDING_SIZE = 8
ERRORS = {
    400: ("invalid_request_error", None),
    401: ("invalid_request_error", "invalid_api_key"),
    404: ("invalid_request_error", "model_not_found"),
    429: ("requests", "rate_limit_exceeded"),
    500: ("server_error", None),
    503: ("server_error", "overloaded"),
}
DONE = b"data: [DONE]\n\n"


def usage(counts: Counts) -> dict[str, Any]:
    """Usage as OpenAI states it."""
    return {
        "prompt_tokens": counts.input,
        "completion_tokens": counts.output,
        "total_tokens": counts.total,
        "prompt_tokens_details": {"cached_tokens": counts.cached, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": counts.reasoning,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def plain_usage(counts: Counts) -> dict[str, Any]:
    """The three numbers that every follower states."""
    return {"prompt_tokens": counts.input, "completion_tokens": counts.output, "total_tokens": counts.total}


def error(status: int, message: str) -> Reply:
    """An error as OpenAI words it."""
    kind, code = ERRORS.get(status, ("invalid_request_error" if status < 500 else "server_error", None))
    return Reply(status=status, body={"error": {"message": message, "type": kind, "param": None, "code": code}})


@dataclass(frozen=True, slots=True, kw_only=True)
class Flavour:
    """What one provider makes of the shape; a dialect by itself."""

    prefix: str = "/v1"
    """What its paths begin with."""
    models: tuple[str, ...] = ()
    """The models it lists."""
    usage: Callable[[Counts], dict[str, Any]] = usage
    unasked: Place = "nowhere"
    """Where a stream states its usage when it was not asked: a chunk of its own, the last with content, every one."""
    asked: Place = "own"
    """The same when `stream_options.include_usage` asks for it."""
    head: bytes = b""
    """What a stream begins with before its first event."""
    frame: Callable[[Call], dict[str, Any]] = lambda _call: {}
    """Further fields of a whole reply and of each chunk."""
    ending: Callable[[Call, Counts], dict[str, Any]] = lambda _call, _counts: {}
    """Further fields of a whole reply and of the last chunk with content."""
    refusal: Callable[[int, str], Reply] = error
    more: dict[str, Handler] = field(default_factory=dict)
    """Handlers of POSTs to further paths, without the prefix."""

    def answer(self, call: Call) -> Reply:
        """The reply to a call; an error for an unknown path."""
        route = call.route.removeprefix(self.prefix)
        if call.method == "GET" and route == "/models":
            return Reply(body={"object": "list", "data": [_model(name) for name in self.models]})
        if call.method == "GET" and route.startswith("/models/"):
            return Reply(body=_model(route.removeprefix("/models/")))
        handlers: dict[str, Handler] = {
            "/chat/completions": self.chat,
            "/completions": self._completion,
            "/embeddings": self.embeddings,
            **self.more,
        }
        handler = handlers.get(route) if call.route.startswith(self.prefix) else None
        if handler is None or call.method != "POST":
            return self.error(404, f"Unknown request URL: {call.method} {call.route}.")
        if not call.model:
            return self.error(400, "you must provide a model parameter")
        return handler(call)

    def error(self, status: int, message: str) -> Reply:
        """An error as the provider words it."""
        return self.refusal(status, message)

    def chat(self, call: Call) -> Reply:
        """A chat completion; also of a prompt in the middle, which some serve beside chats."""
        visible, cut = call.output_tokens("max_completion_tokens", "max_tokens")
        spoken, n = words.reply(visible), _choices_wanted(call)
        finish = "length" if cut else "stop"
        counts = Counts.of(call, _prompt(call), words.count("".join(spoken), call.model), times=n)
        made = {
            "id": f"chatcmpl-{call.number:08d}",
            "created": CREATED,
            "model": call.model,
            "system_fingerprint": "fp_sim",
            **self.frame(call),
        }
        stated = {} if call.behaviour.silent else {"usage": self.usage(counts)}
        if call.streamed:
            return self._chat_stream(call, made, finish, spoken, counts)
        message = {"role": "assistant", "content": "".join(spoken), "refusal": None}
        choices = [{"index": i, "message": message, "logprobs": None, "finish_reason": finish} for i in range(n)]
        body = {**made, "object": "chat.completion", "choices": choices, **stated, **self.ending(call, counts)}
        return Reply(body=body).spending(counts)

    def _place(self, call: Call) -> Place:
        if call.behaviour.silent:
            return "nowhere"
        options = call.body.get("stream_options")
        return self.asked if isinstance(options, dict) and options.get("include_usage") is True else self.unasked

    def _chat_stream(self, call: Call, made: dict[str, Any], finish: str, spoken: list[str], counts: Counts) -> Reply:
        place, n = self._place(call), _choices_wanted(call)
        total = self.usage(counts)

        def chunk(choices: list[dict[str, Any]], stated: dict[str, Any] | None = None, **more: object) -> bytes:
            named = {"usage": stated} if stated is not None or place == "own" else {}
            return data({**made, "object": "chat.completion.chunk", "choices": choices, **named, **more})

        def delta(index: int, value: dict[str, Any], reason: str | None = None) -> dict[str, Any]:
            return {"index": index, "delta": value, "logprobs": None, "finish_reason": reason}

        pieces = grouped(spoken, call.behaviour.chunks)

        def so_far(index: int) -> dict[str, Any] | None:
            if place != "every":
                return None
            said = n * words.count("".join(pieces[: index + 1]), call.model)
            return self.usage(Counts(input=counts.input, visible=said, reasoning=0, cached=counts.cached))

        closing = total if place in {"last", "every"} else None
        opening = [chunk([delta(i, {"role": "assistant", "content": "", "refusal": None})]) for i in range(n)]
        return Reply(
            lead=[*([self.head] if self.head else []), *opening],
            pieces=[
                chunk([delta(i, {"content": piece})], so_far(index))
                for index, piece in enumerate(pieces)
                for i in range(n)
            ],
            tail=[
                *(chunk([delta(i, {}, finish)]) for i in range(n - 1)),
                chunk([delta(n - 1, {}, finish)], closing, **self.ending(call, counts)),
                *([chunk([], total)] if place == "own" else []),
                DONE,
            ],
        ).spending(counts)

    def _completion(self, call: Call) -> Reply:
        visible, cut = call.output_tokens("max_tokens")
        spoken = words.reply(visible)
        finish = "length" if cut else "stop"
        counts = Counts.of(call, _prompt(call), words.count("".join(spoken), call.model))
        made = {"id": f"cmpl-{call.number:08d}", "object": "text_completion", "created": CREATED, "model": call.model}
        stated = {} if call.behaviour.silent else {"usage": self.usage(counts)}

        def choice(text: str, reason: str | None) -> dict[str, Any]:
            return {"index": 0, "text": text, "logprobs": None, "finish_reason": reason}

        if not call.streamed:
            body = {**made, "choices": [choice("".join(spoken), finish)], **stated}
            return Reply(body=body).spending(counts)
        place = self._place(call)
        last = stated if place in {"last", "every"} else {}
        return Reply(
            pieces=[data({**made, "choices": [choice(text, None)]}) for text in grouped(spoken, call.behaviour.chunks)],
            tail=[
                data({**made, "choices": [choice("", finish)], **last}),
                *([data({**made, "choices": [], **stated})] if place == "own" else []),
                DONE,
            ],
        ).spending(counts)

    def embeddings(self, call: Call) -> Reply:
        """Embeddings of one text, of several, or of token ids."""
        given = call.body.get("input", "")
        texts = given if isinstance(given, list) and not all(isinstance(item, int) for item in given) else [given]
        input_tokens = sum(
            len(text) if isinstance(text, list) else words.count(words.text_of(text), call.model) for text in texts
        )
        packed = base64.b64encode(struct.pack(f"<{EMBEDDING_SIZE}f", *vector())).decode()
        value = packed if call.body.get("encoding_format") == "base64" else vector()
        body: dict[str, Any] = {
            "object": "list",
            "model": call.model,
            "data": [{"object": "embedding", "index": index, "embedding": value} for index in range(len(texts))],
        }
        if not call.behaviour.silent:
            body["usage"] = {"prompt_tokens": input_tokens, "total_tokens": input_tokens}
        return Reply(body=body, input_tokens=input_tokens)


def vector() -> list[float]:
    """An embedding of any text."""
    return [round(0.125 * (index + 1), 3) for index in range(EMBEDDING_SIZE)]


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": CREATED, "owned_by": "simulator"}


def _choices_wanted(call: Call) -> int:
    n = call.body.get("n")
    return n if isinstance(n, int) and not isinstance(n, bool) and n > 0 else 1


def _prompt(call: Call) -> int:
    if "messages" in call.body:
        return words.chat_input(call.body["messages"], call.model)
    given = words.text_of(call.body.get("prompt", "")) + words.text_of(call.body.get("suffix") or "")
    return words.count(given, call.model)
