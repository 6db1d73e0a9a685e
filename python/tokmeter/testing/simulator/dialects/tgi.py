"""Text Generation Inference: generate, whole and streamed, details on request; and its OpenAI shape. Does no I/O."""

from __future__ import annotations

from typing import Any

from tokmeter.testing.simulator import words
from tokmeter.testing.simulator.dialects.openai_shape import Flavour, plain_usage
from tokmeter.testing.simulator.reply import Call, Counts, Reply, compact, grouped

SUFFIX = ".endpoints.huggingface.cloud"
EXAMPLE = "flock.us-east-1.aws.endpoints.huggingface.cloud"
_COMPATIBLE = Flavour(models=("tgi",), usage=plain_usage)


def answer(call: Call) -> Reply:
    """The reply to a call of a TGI server; an error of its shape for an unknown path."""
    if call.route.startswith("/v1/"):
        return _COMPATIBLE.answer(call)
    if call.method == "GET" and call.route == "/info":
        return Reply(body={"model_id": "tgi", "max_total_tokens": 4096})
    if call.method != "POST" or call.route not in {"/", "/generate", "/generate_stream"}:
        return error(404, f"Not found: {call.method} {call.route}")
    streamed = call.route == "/generate_stream" or (call.route == "/" and call.streamed)
    return _generate(call, streamed=streamed)


def error(status: int, message: str) -> Reply:
    """An error as TGI words it."""
    kind = {422: "validation", 429: "overloaded"}.get(status, "generation")
    return Reply(status=status, body={"error": message, "error_type": kind})


def _generate(call: Call, *, streamed: bool) -> Reply:
    visible, cut = call.output_tokens("max_new_tokens", within="parameters")
    spoken = words.reply(visible)
    text = "".join(spoken)
    counts = Counts.of(
        call, words.count(words.text_of(call.body.get("inputs", "")), call.model), words.count(text, call.model)
    )
    parameters = call.body.get("parameters")
    wanted = isinstance(parameters, dict) and parameters.get("details") is True and not call.behaviour.silent
    details: dict[str, Any] = {
        "finish_reason": "length" if cut else "eos_token",
        "generated_tokens": counts.output,
        "seed": None,
    }
    if not streamed:
        prefill = [{"id": index, "text": "x", "logprob": None} for index in range(counts.input)]
        stated = {"details": {**details, "prefill": prefill, "tokens": []}} if wanted else {}
        headers = {} if call.behaviour.silent else _headers(counts)
        return Reply(headers=headers, body={"generated_text": text, **stated}).spending(counts)
    pieces = grouped(spoken, call.behaviour.chunks)

    def token(index: int, piece: str) -> bytes:
        last = index == len(pieces)
        value = {
            "index": index,
            "token": {"id": index, "text": piece, "logprob": -0.5, "special": False},
            "generated_text": text if last else None,
            "details": {**details, "input_length": counts.input} if last and not call.behaviour.silent else None,
        }
        # Without the space that others put after the colon.
        return f"data:{compact(value)}\n\n".encode()

    made = [token(index, piece) for index, piece in enumerate(pieces, 1)]
    return Reply(pieces=made[:-1], tail=made[-1:]).spending(counts)


def _headers(counts: Counts) -> dict[str, str]:
    return {"x-prompt-tokens": str(counts.input), "x-generated-tokens": str(counts.output)}
