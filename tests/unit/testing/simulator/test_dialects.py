"""The wire formats by themselves: what each says about the same call, and that its numbers agree with each other."""

from __future__ import annotations

import base64
import json
import zlib
from typing import Any

import pytest

from tokmeter.testing import Behaviour
from tokmeter.testing.simulator.dialects import (
    anthropic,
    azure,
    bedrock,
    cohere,
    deepseek,
    event_stream,
    fireworks,
    gemini,
    groq,
    mistral,
    ollama,
    openai,
    openrouter,
    perplexity,
    tgi,
    together,
    vertex,
    xai,
)
from tokmeter.testing.simulator.reply import Call, Dialect, Reply

CHAT = {"model": "m", "messages": [{"role": "user", "content": "hello there"}]}
CONTENTS = {"contents": [{"role": "user", "parts": [{"text": "hello there"}]}]}
CACHED, REASONING, TOKENS = 2, 5, 7
BEHAVIOUR = Behaviour(tokens=TOKENS, cached=CACHED, reasoning=REASONING, chunks=3)


def call(path: str, body: dict[str, Any], behaviour: Behaviour = BEHAVIOUR, method: str = "POST") -> Call:
    return Call(1, method, path, {"host": "x"}, body, behaviour)


def wire(reply: Reply) -> bytes:
    return b"".join([*reply.lead, *reply.pieces, *reply.tail])


def events(reply: Reply) -> list[Any]:
    lines = [line for line in wire(reply).split(b"\n") if line.startswith(b"data:")]
    return [json.loads(line[5:]) for line in lines if line.strip() != b"data: [DONE]"]


def unframed(raw: bytes) -> list[tuple[str, Any]]:
    """Event types and payloads of a binary stream, each checksum compared."""
    found = []
    while raw:
        total, head = int.from_bytes(raw[:4]), int.from_bytes(raw[4:8])
        message, raw = raw[:total], raw[total:]
        assert zlib.crc32(message[:8]) == int.from_bytes(message[8:12])
        assert zlib.crc32(message[:-4]) == int.from_bytes(message[-4:])
        kind = message[12 : 12 + head].split(b":event-type\x07\x00")[1]
        found.append((kind[1 : 1 + kind[0]].decode(), json.loads(message[12 + head : -4])))
    return found


def body(reply: Reply) -> dict[str, Any]:
    assert reply.body is not None
    return reply.body


# Dialect, path, and how its usage tells input, output and cached tokens: all inclusive.
SHAPED: list[tuple[Dialect, str]] = [
    (openai, "/v1/chat/completions"),
    (mistral.DIALECT, "/v1/chat/completions"),
    (groq.DIALECT, "/openai/v1/chat/completions"),
    (deepseek, "/chat/completions"),
    (openrouter.DIALECT, "/api/v1/chat/completions"),
    (perplexity.DIALECT, "/chat/completions"),
    (together.DIALECT, "/v1/chat/completions"),
    (fireworks.DIALECT, "/inference/v1/chat/completions"),
    (azure, "/openai/deployments/shepherd/chat/completions?api-version=1"),
    (ollama, "/v1/chat/completions"),
    (tgi, "/v1/chat/completions"),
    (gemini, "/v1beta/openai/chat/completions"),
]


@pytest.mark.parametrize(("dialect", "path"), SHAPED, ids=lambda value: str(value) if isinstance(value, str) else "")
def test_followers_of_openais_shape_state_the_same_totals(dialect: Dialect, path: str) -> None:
    reply = dialect.answer(call(path, CHAT))

    usage = body(reply)["usage"]
    assert (usage["prompt_tokens"], usage["completion_tokens"]) == (reply.input_tokens, reply.output_tokens)
    assert usage["total_tokens"] == reply.input_tokens + reply.output_tokens
    assert reply.output_tokens == TOKENS + REASONING


STATED: list[tuple[Dialect, str, list[bool], list[bool]]] = [
    (openai, "/v1/chat/completions", [], [True]),
    (mistral.DIALECT, "/v1/chat/completions", [False], [False]),
    (groq.DIALECT, "/openai/v1/chat/completions", [], [True]),
    (deepseek, "/chat/completions", [False], [True]),
    (xai.DIALECT, "/v1/chat/completions", [True], [True]),
    (openrouter.DIALECT, "/api/v1/chat/completions", [True], [True]),
    (together.DIALECT, "/v1/chat/completions", [False], [False]),
    (ollama, "/v1/chat/completions", [], [True]),
]
"""For each chunk with usage, whether it has no content: in a stream that was not asked for it, and in one that was."""


@pytest.mark.parametrize(("dialect", "path", "unasked", "asked"), STATED, ids=lambda value: "")
def test_a_stream_states_usage_where_the_provider_does(
    dialect: Dialect, path: str, unasked: list[bool], asked: list[bool]
) -> None:
    choices: list[dict[str, Any]] = [{}, {"stream_options": {"include_usage": True}}]
    for options, places in zip(choices, (unasked, asked), strict=True):
        reply = dialect.answer(call(path, {**CHAT, "stream": True, **options}))
        stating = [event for event in events(reply) if event.get("usage")]
        assert [event["choices"] == [] for event in stating] == places
        assert len(reply.pieces) == 3
        assert wire(reply).endswith(b"data: [DONE]\n\n")


def test_perplexity_repeats_running_totals() -> None:
    reply = perplexity.DIALECT.answer(call("/chat/completions", {**CHAT, "stream": True}))

    running = [event["usage"]["completion_tokens"] for event in events(reply) if "usage" in event]
    assert running[:-1] == sorted(running[:-1])
    assert running[-1] == reply.output_tokens


def test_xai_leaves_reasoning_outside_and_states_a_price() -> None:
    usage = body(xai.DIALECT.answer(call("/v1/chat/completions", CHAT)))["usage"]

    assert usage["completion_tokens"] == TOKENS
    assert usage["completion_tokens_details"]["reasoning_tokens"] == REASONING
    assert usage["total_tokens"] == usage["prompt_tokens"] + TOKENS + REASONING
    assert usage["cost_in_usd_ticks"] > 0


def test_groq_states_a_streams_usage_in_its_own_field() -> None:
    reply = groq.DIALECT.answer(call("/openai/v1/chat/completions", {**CHAT, "stream": True}))

    stated = [event["x_groq"]["usage"] for event in events(reply) if "usage" in event.get("x_groq", {})]
    assert [usage["completion_tokens"] for usage in stated] == [reply.output_tokens]


def test_openrouter_begins_a_stream_with_comments_and_ends_it_with_a_price() -> None:
    reply = openrouter.DIALECT.answer(call("/api/v1/chat/completions", {**CHAT, "stream": True}))

    assert reply.lead[0].startswith(b": OPENROUTER PROCESSING")
    assert events(reply)[-1]["usage"]["cost"] == round(1e-6 * (reply.input_tokens + 4 * reply.output_tokens), 9)


def test_azure_names_the_model_only_in_its_reply_and_filters_first() -> None:
    path = "/openai/deployments/shepherd/chat/completions?api-version=1"
    first, *rest = events(azure.answer(call(path, {"messages": CHAT["messages"], "stream": True})))

    assert (first["model"], first["choices"]) == ("", [])
    assert first["prompt_filter_results"]
    assert {event["model"] for event in rest} == {azure.MODEL}


GENERATE = "/v1beta/models/gemini-2.5-flash:generateContent"
STREAM = "/v1beta/models/gemini-2.5-flash:streamGenerateContent"


def test_geminis_thoughts_stand_beside_its_candidates() -> None:
    reply = gemini.answer(call(GENERATE, CONTENTS))

    usage = body(reply)["usageMetadata"]
    assert (usage["candidatesTokenCount"], usage["thoughtsTokenCount"]) == (TOKENS, REASONING)
    assert usage["totalTokenCount"] == usage["promptTokenCount"] + TOKENS + REASONING
    assert usage["cachedContentTokenCount"] == CACHED
    assert reply.output_tokens == TOKENS + REASONING


def test_geminis_stream_is_events_or_one_array_with_the_same_content() -> None:
    array = gemini.answer(call(STREAM, CONTENTS))
    sse = gemini.answer(call(f"{STREAM}?alt=sse", CONTENTS))

    values = json.loads(wire(array))
    assert values == events(sse)
    assert array.media.startswith("application/json")
    totals = [value["usageMetadata"].get("candidatesTokenCount", 0) for value in values]
    assert totals == sorted(totals)
    assert totals[-1] == TOKENS
    assert values[0]["candidates"][0]["content"]["parts"][0]["thought"] is True


@pytest.mark.parametrize("chunks", [0, 1, None])
@pytest.mark.parametrize("reasoning", [0, 3])
def test_a_json_array_is_whole_whatever_its_pieces(chunks: int | None, reasoning: int) -> None:
    reply = gemini.answer(call(STREAM, CONTENTS, Behaviour(tokens=4, chunks=chunks, reasoning=reasoning)))

    assert json.loads(wire(reply))[-1]["candidates"][0]["finishReason"] == "STOP"


def test_gemini_counts_and_embeds() -> None:
    counted = gemini.answer(call("/v1beta/models/g:countTokens", CONTENTS))
    embedded = gemini.answer(call("/v1beta/models/g:embedContent", {"content": {"parts": [{"text": "a sheep"}]}}))
    batch = gemini.answer(
        call("/v1beta/models/g:batchEmbedContents", {"requests": [{"content": {"parts": [{"text": "a sheep"}]}}] * 2})
    )

    assert body(counted)["totalTokens"] > 0
    assert (counted.input_tokens, counted.output_tokens) == (0, 0)
    assert body(embedded)["embedding"]["values"]
    assert len(body(batch)["embeddings"]) == 2
    assert batch.input_tokens == 2 * embedded.input_tokens


PLACE = "/v1/projects/p/locations/us-central1/publishers"


def test_vertex_serves_two_publishers() -> None:
    google = body(vertex.answer(call(f"{PLACE}/google/models/gemini-2.5-flash:generateContent", CONTENTS)))
    claude = body(vertex.answer(call(f"{PLACE}/anthropic/models/claude-sonnet-4-5@1:rawPredict", CHAT)))
    stream = vertex.answer(
        call(f"{PLACE}/anthropic/models/claude-sonnet-4-5@1:streamRawPredict", {**CHAT, "stream": True})
    )
    predicted = vertex.answer(call(f"{PLACE}/google/models/e:predict", {"instances": [{"content": "a sheep"}]}))

    assert google["usageMetadata"]["trafficType"] == "ON_DEMAND"
    assert claude["model"] == "claude-sonnet-4-5@1"
    assert claude["usage"]["cache_read_input_tokens"] == CACHED
    assert events(stream)[-1] == {"type": "message_stop"}
    assert body(predicted)["predictions"][0]["embeddings"]["statistics"]["token_count"] == predicted.input_tokens > 0


def test_vertex_says_only_at_the_end_how_much_it_was() -> None:
    path = f"{PLACE}/google/models/gemini-2.5-flash:streamGenerateContent?alt=sse"
    *before, last = events(vertex.answer(call(path, CONTENTS)))

    assert all(value["usageMetadata"] == {"trafficType": "ON_DEMAND"} for value in before)
    assert last["usageMetadata"]["candidatesTokenCount"] == TOKENS


CONVERSE = {"messages": [{"role": "user", "content": [{"text": "hello there"}]}], "inferenceConfig": {"maxTokens": 50}}


def test_bedrocks_converse_leaves_the_cache_out_of_its_input() -> None:
    whole = bedrock.answer(call("/model/us.anthropic.claude-x-v1%3A0/converse", CONVERSE))
    stream = bedrock.answer(call("/model/us.anthropic.claude-x-v1%3A0/converse-stream", CONVERSE))

    usage = body(whole)["usage"]
    assert usage["inputTokens"] + CACHED == whole.input_tokens
    assert usage["totalTokens"] == whole.input_tokens + whole.output_tokens
    kinds = unframed(wire(stream))
    assert [kind for kind, _ in kinds] == [
        "messageStart",
        *["contentBlockDelta"] * 3,
        "contentBlockStop",
        "messageStop",
        "metadata",
    ]
    assert kinds[-1][1]["usage"] == usage
    assert stream.media == event_stream.MEDIA


INVOKED = {
    "anthropic.claude-x-v1:0": CHAT,
    "amazon.nova-micro-v1:0": CONVERSE,
    "amazon.titan-text-lite-v1": {"inputText": "hello there"},
    "meta.llama3-8b-instruct-v1:0": {"prompt": "hello there"},
    "cohere.command-text-v14": {"prompt": "hello there"},
}


@pytest.mark.parametrize(("model", "asked"), INVOKED.items())
def test_bedrocks_models_are_counted_in_headers_and_metrics(model: str, asked: dict[str, Any]) -> None:
    whole = bedrock.answer(call(f"/model/{model}/invoke", asked))
    stream = bedrock.answer(call(f"/model/{model}/invoke-with-response-stream", asked))

    fresh = int(whole.headers["x-amzn-bedrock-input-token-count"])
    assert fresh + CACHED == whole.input_tokens
    assert int(whole.headers["x-amzn-bedrock-output-token-count"]) == whole.output_tokens == TOKENS + REASONING
    chunks = [json.loads(base64.b64decode(value["bytes"])) for _, value in unframed(wire(stream))]
    metrics = chunks[-1]["amazon-bedrock-invocationMetrics"]
    assert metrics["inputTokenCount"] == fresh
    assert metrics["cacheReadInputTokenCount"] == CACHED
    assert metrics["outputTokenCount"] == stream.output_tokens == whole.output_tokens


def test_cohere_bills_less_than_it_counts() -> None:
    whole = cohere.answer(call("/v2/chat", CHAT))
    old = cohere.answer(call("/v1/chat", {"model": "m", "message": "hello there"}))
    stream = cohere.answer(call("/v2/chat", {**CHAT, "stream": True}))
    ranked = cohere.answer(call("/v2/rerank", {"model": "m", "query": "q", "documents": ["a"] * 101}))

    units = body(whole)["usage"]
    assert units["billed_units"]["input_tokens"] == whole.input_tokens < units["tokens"]["input_tokens"]
    assert body(old)["meta"]["billed_units"]["output_tokens"] == old.output_tokens
    assert events(stream)[-1]["delta"]["usage"] == units
    assert body(ranked)["meta"]["billed_units"] == {"search_units": 2}


def test_cohere_streams_its_first_version_as_lines() -> None:
    reply = cohere.answer(call("/v1/chat", {"model": "m", "message": "hello there", "stream": True}))

    first, *_, last = map(json.loads, wire(reply).splitlines())
    assert first["event_type"] == "stream-start"
    assert last["response"]["meta"]["billed_units"]["output_tokens"] == reply.output_tokens


def test_ollama_streams_unless_declined_and_counts_in_the_last_line() -> None:
    stream = ollama.answer(call("/api/chat", CHAT))
    whole = ollama.answer(call("/api/chat", {**CHAT, "stream": False}))
    limited = ollama.answer(call("/api/generate", {"model": "m", "prompt": "hi", "options": {"num_predict": 2}}))

    lines = list(map(json.loads, wire(stream).splitlines()))
    assert [line["done"] for line in lines] == [False] * 3 + [True]
    assert lines[-1]["prompt_eval_count"] == stream.input_tokens == body(whole)["prompt_eval_count"]
    assert json.loads(limited.tail[-1])["done_reason"] == "length"


def test_tgi_tells_details_on_request_and_counts_in_headers() -> None:
    asked = {"inputs": "hello there", "parameters": {"details": True}}
    plain = tgi.answer(call("/generate", {"inputs": "hello there"}))
    whole = tgi.answer(call("/generate", asked))
    stream = tgi.answer(call("/generate_stream", asked))

    assert "details" not in body(plain)
    assert plain.headers["x-generated-tokens"] == str(plain.output_tokens)
    assert len(body(whole)["details"]["prefill"]) == whole.input_tokens
    assert events(stream)[-1]["details"]["generated_tokens"] == stream.output_tokens
    assert wire(stream).startswith(b"data:{")


def test_mistral_reads_pages_and_fills_in_the_middle() -> None:
    ocr = mistral.DIALECT.answer(call("/v1/ocr", {"model": "m", "document": {}, "pages": [0, 4]}))
    fim = mistral.DIALECT.answer(call("/v1/fim/completions", {"model": "m", "prompt": "def", "suffix": "end"}))

    assert body(ocr)["usage_info"]["pages_processed"] == 2
    assert body(fim)["usage"]["num_cached_tokens"] == CACHED
    assert fim.input_tokens >= 2


ERRORS: list[tuple[Dialect, dict[str, Any]]] = [
    (gemini, {"error": {"code": 429, "message": "no", "status": "RESOURCE_EXHAUSTED"}}),
    (bedrock, {"message": "no"}),
    (cohere, {"message": "no"}),
    (mistral.DIALECT, {"detail": "no"}),
    (openrouter.DIALECT, {"error": {"code": 429, "message": "no", "metadata": {}}}),
    (perplexity.DIALECT, {"error": {"message": "no", "type": "status_429", "code": 429}}),
    (xai.DIALECT, {"error": "no"}),
    (ollama, {"error": "no"}),
    (tgi, {"error": "no", "error_type": "overloaded"}),
    (groq.DIALECT, {"error": {"message": "no", "type": "requests", "param": None, "code": "rate_limit_exceeded"}}),
]


@pytest.mark.parametrize(("dialect", "expected"), ERRORS, ids=lambda value: "")
def test_errors_are_worded_by_the_provider(dialect: Dialect, expected: dict[str, Any]) -> None:
    reply = dialect.error(429, "no")

    told = body(reply)
    for name, value in expected.items():
        assert told[name] == ({**told[name], **value} if isinstance(value, dict) else value)
    assert reply.status == 429


def test_bedrock_names_its_errors_in_a_header() -> None:
    assert bedrock.error(429, "no").headers["x-amzn-errortype"] == "ThrottlingException"


@pytest.mark.parametrize("dialect", [gemini, vertex, bedrock, cohere, ollama, tgi, anthropic, openai, azure])
def test_an_unknown_path_is_an_error_of_the_provider(dialect: Dialect) -> None:
    assert dialect.answer(call("/nowhere", CHAT)).status == 404


@pytest.mark.parametrize(
    ("dialect", "path", "asked"),
    [
        (openai, "/v1/chat/completions", {**CHAT, "stream": True, "stream_options": {"include_usage": True}}),
        (gemini, f"{STREAM}?alt=sse", CONTENTS),
        (bedrock, "/model/m/converse", CONVERSE),
        (cohere, "/v2/chat", CHAT),
        (ollama, "/api/chat", {**CHAT, "stream": False}),
        (mistral.DIALECT, "/v1/chat/completions", {**CHAT, "stream": True}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_silent_provider_states_no_usage(dialect: Dialect, path: str, asked: dict[str, Any]) -> None:
    reply = dialect.answer(call(path, asked, Behaviour(silent=True)))

    said = json.dumps(reply.body) if reply.body else wire(reply).decode()
    for word in ("usage", "_count", "billed", "TokenCount"):
        assert word not in said.replace('"usage":null', "")
