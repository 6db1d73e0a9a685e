"""What takes more than one request: batches, runs, and media that are uploaded or paid in other units."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from tokmeter.testing import Behaviour
from tokmeter.testing.simulator.dialects import anthropic, openai
from tokmeter.testing.simulator.dialects.openai_media import BYTES_PER_SECOND, IMAGE_TOKENS, TOKENS_PER_SECOND
from tokmeter.testing.simulator.reply import Call, Dialect, Reply

CHAT = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hello there"}], "max_tokens": 50}


class Client:
    """Asks one dialect, which keeps what was left behind."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._call = Call(0, "GET", "/", {"host": "x"}, {}, Behaviour(tokens=7))

    def ask(self, method: str, path: str, asked: dict[str, Any] | None = None) -> Reply:
        self._call = replace(self._call, number=self._call.number + 1, method=method, path=path, body=asked or {})
        return self._dialect.answer(self._call)

    def body(self, method: str, path: str, asked: dict[str, Any] | None = None) -> dict[str, Any]:
        reply = self.ask(method, path, asked)
        assert reply.status == 200
        assert reply.body is not None
        return reply.body


def test_a_batch_is_polled_and_its_output_states_a_usage_in_each_line() -> None:
    client = Client(openai)
    asked = [{"custom_id": n, "method": "POST", "url": "/v1/chat/completions", "body": CHAT} for n in range(3)]
    content = "\n".join(map(json.dumps, asked)).encode()
    file = client.body("POST", "/v1/files", {"purpose": "batch", "file": {"filename": "f", "content": content}})
    made = client.body("POST", "/v1/batches", {"input_file_id": file["id"], "endpoint": "/v1/chat/completions"})

    states = [client.body("GET", f"/v1/batches/{made['id']}") for _ in range(3)]

    assert [made["status"], *(state["status"] for state in states)] == [
        "validating",
        "in_progress",
        "completed",
        "completed",
    ]
    output = client.ask("GET", f"/v1/files/{states[-1]['output_file_id']}/content")
    assert output.content is not None
    usages = [json.loads(line)["response"]["body"]["usage"] for line in output.content.splitlines()]
    assert [usage["completion_tokens"] for usage in usages] == [7] * 3
    assert output.output_tokens == 21 == states[-1]["usage"]["output_tokens"]
    assert output.input_tokens == sum(usage["prompt_tokens"] for usage in usages)
    assert (client.ask("GET", "/v1/batches/none").status, client.ask("GET", "/v1/files/none/content").status) == (
        404,
        404,
    )


def test_a_message_batch_ends_and_its_results_are_billed_as_a_batch() -> None:
    client = Client(anthropic)
    made = client.body("POST", "/v1/messages/batches", {"requests": [{"custom_id": "a", "params": CHAT}]})

    states = [client.body("GET", f"/v1/messages/batches/{made['id']}") for _ in range(2)]

    assert [made["processing_status"], *(state["processing_status"] for state in states)] == [
        "in_progress",
        "in_progress",
        "ended",
    ]
    assert states[-1]["results_url"] == f"https://x/v1/messages/batches/{made['id']}/results"
    results = client.ask("GET", f"/v1/messages/batches/{made['id']}/results")
    assert results.content is not None
    usage = json.loads(results.content)["result"]["message"]["usage"]
    assert usage["service_tier"] == "batch"
    assert (usage["input_tokens"], usage["output_tokens"]) == (results.input_tokens, results.output_tokens)


def test_a_run_states_usage_only_when_it_is_completed() -> None:
    client = Client(openai)
    thread = client.body("POST", "/v1/threads", {"messages": CHAT["messages"]})
    run = client.body("POST", f"/v1/threads/{thread['id']}/runs", {"assistant_id": "a", "model": "gpt-4o"})

    polls = [client.body("GET", f"/v1/threads/{thread['id']}/runs/{run['id']}") for _ in range(3)]

    assert [(run["status"], run["usage"])] + [(poll["status"], bool(poll["usage"])) for poll in polls] == [
        ("queued", None),
        ("in_progress", False),
        ("completed", True),
        ("completed", True),
    ]
    messages = client.body("GET", f"/v1/threads/{thread['id']}/messages")["data"]
    assert [message["role"] for message in messages] == ["assistant", "user"]


def test_transcriptions_are_paid_by_the_token_or_by_the_second() -> None:
    client = Client(openai)
    file = {"filename": "f.wav", "content": b"x" * (2 * BYTES_PER_SECOND + 1)}
    tokens = client.body("POST", "/v1/audio/transcriptions", {"model": "gpt-4o-transcribe", "file": file})["usage"]
    seconds = client.body("POST", "/v1/audio/transcriptions", {"model": "whisper-1", "file": file})["usage"]
    stream = client.ask(
        "POST", "/v1/audio/transcriptions", {"model": "gpt-4o-transcribe", "file": file, "stream": "true"}
    )

    assert tokens["input_token_details"]["audio_tokens"] == 3 * TOKENS_PER_SECOND
    assert tokens["output_tokens"] == 7
    assert seconds == {"type": "duration", "seconds": 3}
    assert json.loads(stream.tail[-1][6:])["usage"] == tokens


@pytest.mark.parametrize(("model", "tokens"), [("gpt-image-1", 2 * IMAGE_TOKENS), ("dall-e-3", 0)])
def test_pictures_are_paid_by_the_token_or_by_the_piece(model: str, tokens: int) -> None:
    reply = Client(openai).ask("POST", "/v1/images/generations", {"model": model, "prompt": "a sheep", "n": 2})

    assert reply.body is not None
    assert len(reply.body["data"]) == 2
    assert reply.output_tokens == tokens == reply.body.get("usage", {}).get("output_tokens", 0)


def test_speech_is_sound_or_events() -> None:
    client = Client(openai)
    sound = client.ask("POST", "/v1/audio/speech", {"model": "tts-1", "input": "a sheep"})
    events = client.ask("POST", "/v1/audio/speech", {"model": "tts-1", "input": "a sheep", "stream_format": "sse"})

    assert sound.content
    assert sound.media == "audio/mpeg"
    assert json.loads(events.tail[-1][6:])["usage"]["output_tokens"] == 7
