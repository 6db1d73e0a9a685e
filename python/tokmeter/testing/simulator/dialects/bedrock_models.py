"""What the models behind Bedrock's `invoke` say, each family in its own shape. Knows no framing."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tokmeter.testing.simulator import words
from tokmeter.testing.simulator.dialects import anthropic
from tokmeter.testing.simulator.dialects.openai_shape import vector
from tokmeter.testing.simulator.reply import Call, Counts, grouped

type Object = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """A reply as a whole, and as the objects of a stream."""

    counts: Counts
    whole: Object
    lead: list[Object] = field(default_factory=list)
    pieces: list[Object] = field(default_factory=list)
    tail: list[Object] = field(default_factory=list)


def invoked(call: Call) -> Invocation:
    """What the model of a call says; a family without a shape of its own here is answered as Cohere's command."""
    for name, family in FAMILIES.items():
        if name in call.model:
            return family(call)
    return _command(call)


def _claude(call: Call) -> Invocation:
    """Anthropic's own messages, its events unwrapped."""
    asked = call.at("/v1/messages")
    whole = anthropic.answer(asked.asking(stream=False))
    stream = anthropic.answer(asked.asking(stream=True))
    behaviour = call.behaviour
    counts = Counts(
        input=whole.input_tokens,
        visible=whole.output_tokens - behaviour.reasoning,
        reasoning=behaviour.reasoning,
        cached=min(behaviour.cached, whole.input_tokens),
    )
    return Invocation(
        counts=counts,
        whole=whole.body or {},
        lead=[_payload(event) for event in stream.lead],
        pieces=[_payload(event) for event in stream.pieces],
        tail=[_payload(event) for event in stream.tail],
    )


def _payload(event: bytes) -> Object:
    value: Object = json.loads(event.partition(b"data: ")[2])
    return value


def _titan(call: Call) -> Invocation:
    visible, cut = call.output_tokens("maxTokenCount", within="textGenerationConfig")
    reason = "LENGTH" if cut else "FINISH"
    spoken, counts = _spoken(call, "inputText", visible)
    result = {"tokenCount": counts.output, "outputText": "".join(spoken), "completionReason": reason}
    stated = {} if call.behaviour.silent else {"inputTextTokenCount": counts.input}

    def part(text: str, total: int | None, why: str | None) -> Object:
        return {"outputText": text, "index": 0, "totalOutputTextTokenCount": total, "completionReason": why, **stated}

    return Invocation(
        counts=counts,
        whole={**stated, "results": [result]},
        pieces=[part(text, None, None) for text in spoken],
        tail=[part("", counts.output, reason)],
    )


def _titan_embedding(call: Call) -> Invocation:
    tokens = words.count(words.text_of(call.body.get("inputText", "")), call.model)
    counts = Counts(input=tokens, visible=0, reasoning=0, cached=0)
    stated = {} if call.behaviour.silent else {"inputTextTokenCount": tokens}
    return Invocation(counts=counts, whole={"embedding": vector(), **stated}, tail=[{"embedding": vector()}])


def _llama(call: Call) -> Invocation:
    visible, cut = call.output_tokens("max_gen_len")
    reason = "length" if cut else "stop"
    spoken, counts = _spoken(call, "prompt", visible)

    def part(text: str, made: int, why: str | None) -> Object:
        stated = {"prompt_token_count": counts.input, "generation_token_count": made}
        return {"generation": text, **({} if call.behaviour.silent else stated), "stop_reason": why}

    return Invocation(
        counts=counts,
        whole=part("".join(spoken), counts.output, reason),
        pieces=[part(text, index + 1, None) for index, text in enumerate(spoken)],
        tail=[part("", counts.output, reason)],
    )


def _nova(call: Call) -> Invocation:
    visible, cut = call.output_tokens("maxTokens", "max_new_tokens", within="inferenceConfig")
    stop = "max_tokens" if cut else "end_turn"
    spoken = grouped(words.reply(visible), call.behaviour.chunks)
    text = "".join(spoken)
    counts = Counts.of(call, words.chat_input(call.body.get("messages"), call.model), words.count(text, call.model))
    stated = {
        "inputTokens": counts.fresh,
        "outputTokens": counts.output,
        "cacheReadInputTokenCount": counts.cached,
        "cacheWriteInputTokenCount": 0,
    }
    usage = {} if call.behaviour.silent else {"usage": stated}
    message = {"content": [{"text": text}], "role": "assistant"}
    total = {} if call.behaviour.silent else {"usage": {**stated, "totalTokens": counts.total}}
    return Invocation(
        counts=counts,
        whole={"output": {"message": message}, "stopReason": stop, **total},
        lead=[{"messageStart": {"role": "assistant"}}],
        pieces=[{"contentBlockDelta": {"delta": {"text": piece}, "contentBlockIndex": 0}} for piece in spoken],
        tail=[
            {"contentBlockStop": {"contentBlockIndex": 0}},
            {"messageStop": {"stopReason": stop}},
            {"metadata": {**usage, "metrics": {}, "trace": {}}},
        ],
    )


def _command(call: Call) -> Invocation:
    """A body without any usage: the headers, or the metrics of a stream, are the only numbers."""
    visible, cut = call.output_tokens("max_tokens")
    reason = "MAX_TOKENS" if cut else "COMPLETE"
    spoken, counts = _spoken(call, "prompt", visible)
    named = {"id": f"generation-{call.number:08d}"}
    made = {**named, "text": "".join(spoken), "finish_reason": reason}
    return Invocation(
        counts=counts,
        whole={**named, "generations": [made], "prompt": words.text_of(call.body.get("prompt", ""))},
        pieces=[{"text": text, "is_finished": False} for text in spoken],
        tail=[{"is_finished": True, "finish_reason": reason}],
    )


def _spoken(call: Call, prompt: str, visible: int) -> tuple[list[str], Counts]:
    spoken = words.reply(visible)
    counts = Counts.of(
        call,
        words.count(words.text_of(call.body.get(prompt, "")), call.model),
        words.count("".join(spoken), call.model),
    )
    return grouped(spoken, call.behaviour.chunks), counts


FAMILIES: dict[str, Callable[[Call], Invocation]] = {
    "anthropic.claude": _claude,
    "amazon.titan-embed": _titan_embedding,
    "amazon.titan": _titan,
    "amazon.nova": _nova,
    "meta.llama": _llama,
}
"""By a part of the model's name, the longer ones first."""
