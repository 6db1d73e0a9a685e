"""Bedrock's runtime: converse and invoke, whole and as an event stream, with usage in bodies, headers and metrics.

Signatures are not checked, only remembered by the journal. The models behind `invoke` are in `bedrock_models`.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import unquote

from tokmeter.testing.simulator import words
from tokmeter.testing.simulator.dialects import event_stream
from tokmeter.testing.simulator.dialects.bedrock_models import Invocation, invoked
from tokmeter.testing.simulator.reply import Call, Counts, Reply, compact, grouped

PREFIX = "bedrock-runtime."
EXAMPLES = ("bedrock-runtime.us-east-1.amazonaws.com", "bedrock-runtime.eu-central-1.amazonaws.com")
PATH = re.compile(r"/model/(?P<model>[^/]+)/(?P<method>[\w-]+)")
KINDS = {
    400: "ValidationException",
    402: "ServiceQuotaExceededException",
    403: "AccessDeniedException",
    404: "ResourceNotFoundException",
    408: "ModelTimeoutException",
    429: "ThrottlingException",
    500: "InternalServerException",
    503: "ServiceUnavailableException",
}


def answer(call: Call) -> Reply:
    """The reply to a call of the runtime; an error of AWS's shape for an unknown path."""
    place = PATH.fullmatch(call.route)
    if place is None or call.method != "POST":
        return error(404, f"Not found: {call.method} {call.route}")
    call, method = call.asking(model=unquote(place["model"])), place["method"]
    if method in {"converse", "converse-stream"}:
        return _converse(call, streamed=method == "converse-stream")
    if method == "invoke":
        return _invoke(call)
    if method == "invoke-with-response-stream":
        return _invoke_stream(call)
    return error(404, f"Not found: {method}")


def error(status: int, message: str) -> Reply:
    """An error as AWS words it: its kind is in a header."""
    kind = KINDS.get(status, "InternalServerException" if status >= 500 else "ValidationException")
    return Reply(status=status, headers={"x-amzn-errortype": kind}, body={"message": message})


def _converse(call: Call, *, streamed: bool) -> Reply:
    visible, cut = call.output_tokens("maxTokens", within="inferenceConfig")
    spoken = words.reply(visible)
    text, stop = "".join(spoken), "max_tokens" if cut else "end_turn"
    system = words.count(words.text_of(call.body.get("system", "")), call.model)
    counts = Counts.of(
        call, system + words.chat_input(call.body.get("messages"), call.model), words.count(text, call.model)
    )
    stated: dict[str, Any] = {
        # The provider's own number leaves out what came from the cache; its total has it.
        "inputTokens": counts.fresh,
        "outputTokens": counts.output,
        "totalTokens": counts.total,
    }
    if counts.cached:
        stated |= {"cacheReadInputTokens": counts.cached, "cacheWriteInputTokens": 0}
    usage = {} if call.behaviour.silent else {"usage": stated}
    if not streamed:
        message = {"content": [{"text": text}], "role": "assistant"}
        body = {"metrics": {"latencyMs": 40}, "output": {"message": message}, "stopReason": stop, **usage}
        return Reply(body=body).spending(counts)
    return Reply(
        media=event_stream.MEDIA,
        lead=[_event("messageStart", {"role": "assistant"})],
        pieces=[
            _event("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": piece}})
            for piece in grouped(spoken, call.behaviour.chunks)
        ],
        tail=[
            _event("contentBlockStop", {"contentBlockIndex": 0}),
            _event("messageStop", {"stopReason": stop}),
            _event("metadata", {"metrics": {"latencyMs": 40}, **usage}),
        ],
    ).spending(counts)


def _event(kind: str, value: dict[str, Any]) -> bytes:
    """An event with the padding that hides the length of its text."""
    return event_stream.event(kind, compact({**value, "p": "abcdefgh"}).encode())


def _invoke(call: Call) -> Reply:
    made = invoked(call)
    counts = made.counts
    headers = {
        "x-amzn-bedrock-input-token-count": str(counts.fresh),
        "x-amzn-bedrock-output-token-count": str(counts.output),
        "x-amzn-bedrock-invocation-latency": "40",
    }
    if counts.cached:
        headers |= {
            "x-amzn-bedrock-cache-read-input-token-count": str(counts.cached),
            "x-amzn-bedrock-cache-write-input-token-count": "0",
        }
    return Reply(
        headers={} if call.behaviour.silent else headers,
        body=made.whole,
    ).spending(counts)


def _invoke_stream(call: Call) -> Reply:
    made = invoked(call)
    *tail, last = made.tail
    metrics = {} if call.behaviour.silent else {"amazon-bedrock-invocationMetrics": _metrics(made)}
    return Reply(
        media=event_stream.MEDIA,
        headers={"x-amzn-bedrock-content-type": "application/json"},
        lead=_chunks(made.lead),
        pieces=_chunks(made.pieces),
        tail=_chunks([*tail, {**last, **metrics}]),
        input_tokens=made.counts.input,
        output_tokens=made.counts.output,
    )


def _metrics(made: Invocation) -> dict[str, int]:
    counts = made.counts
    stated = {
        "inputTokenCount": counts.fresh,
        "outputTokenCount": counts.output,
        "invocationLatency": 40,
        "firstByteLatency": 10,
    }
    cache = {"cacheReadInputTokenCount": counts.cached, "cacheWriteInputTokenCount": 0}
    return {**stated, **(cache if counts.cached else {})}


def _chunks(values: Iterable[dict[str, Any]]) -> list[bytes]:
    return [_event("chunk", {"bytes": base64.b64encode(compact(value).encode()).decode()}) for value in values]
