"""The provider simulator over real sockets: its bytes, its counts, its scripted faults."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import hashlib
import json
import socket
import ssl
import struct
from typing import Any

import pytest

from tokmeter.testing import Behaviour, ProviderSimulator, ThreadedSimulator

CHAT = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "hello there"}]}
MESSAGES = {"model": "claude-sonnet-4-5", "max_tokens": 100, "messages": [{"role": "user", "content": "hello there"}]}


class Answer:
    def __init__(self, raw: bytes) -> None:
        head, _, body = raw.partition(b"\r\n\r\n")
        self.status = int(head.split(b" ")[1])
        self.headers = dict(line.lower().split(": ", 1) for line in head.decode("latin-1").split("\r\n")[1:])
        self.complete = True
        if self.headers.get("transfer-encoding") == "chunked":
            body, self.complete = _dechunk(body)
        self.wire = body
        self.body = gzip.decompress(body) if self.headers.get("content-encoding") == "gzip" else body

    def json(self) -> Any:
        return json.loads(self.body)

    def events(self) -> list[Any]:
        lines = [line for line in self.body.split(b"\n") if line.startswith(b"data: ")]
        return [line[6:].decode() if line == b"data: [DONE]" else json.loads(line[6:]) for line in lines]


def _dechunk(body: bytes) -> tuple[bytes, bool]:
    out = b""
    while body:
        size, _, body = body.partition(b"\r\n")
        if int(size, 16) == 0:
            return out, True
        out, body = out + body[: int(size, 16)], body[int(size, 16) + 2 :]
    return out, False


async def ask(
    simulator: ProviderSimulator, path: str, body: object = None, *, simulate: str = "", headers: str = ""
) -> Answer:
    context = ssl.create_default_context(cafile=simulator.ca_path) if simulator.url.startswith("https") else None
    name = "api.openai.com" if context else None
    reader, writer = await asyncio.open_connection(simulator.host, simulator.port, ssl=context, server_hostname=name)
    data = b"" if body is None else json.dumps(body).encode()
    method = "GET" if body is None else "POST"
    extra = (f"x-simulate: {simulate}\r\n" if simulate else "") + headers
    writer.write(
        f"{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {len(data)}\r\n{extra}\r\n".encode()
        + data
    )
    raw = bytearray()
    with contextlib.suppress(ConnectionResetError):
        while piece := await reader.read(65536):
            raw += piece
    writer.close()
    return Answer(bytes(raw) or b"HTTP/1.1 0\r\n\r\n")


ANTHROPIC = "anthropic-version: 2023-06-01\r\nx-api-key: sk-secret\r\n"


async def test_chat_reports_the_tokens_of_its_own_text() -> None:
    async with ProviderSimulator() as simulator:
        answer = (await ask(simulator, "/v1/chat/completions", CHAT, simulate="tokens=7")).json()
    assert len(answer["choices"][0]["message"]["content"].split()) == 7
    assert answer["usage"]["completion_tokens"] == 7
    assert answer["usage"]["total_tokens"] == answer["usage"]["prompt_tokens"] + 7
    assert answer["choices"][0]["finish_reason"] == "stop"
    assert simulator.requests[0].output_tokens == 7


async def test_a_token_limit_of_the_request_is_kept() -> None:
    async with ProviderSimulator() as simulator:
        answer = (await ask(simulator, "/v1/chat/completions", {**CHAT, "max_completion_tokens": 3})).json()
    assert answer["usage"]["completion_tokens"] == 3
    assert answer["choices"][0]["finish_reason"] == "length"


@pytest.mark.parametrize("asked", [True, False])
async def test_a_chat_stream_states_usage_only_when_asked(asked: bool) -> None:
    body = {**CHAT, "stream": True} | ({"stream_options": {"include_usage": True}} if asked else {})
    async with ProviderSimulator() as simulator:
        events = (await ask(simulator, "/v1/chat/completions", body, simulate="tokens=5,chunks=2")).events()
    assert events[-1] == "[DONE]"
    stated = [event["usage"] for event in events[:-1] if event.get("usage")]
    assert [usage["completion_tokens"] for usage in stated] == ([5] if asked else [])
    assert sum(1 for event in events[:-1] if event["choices"] and event["choices"][0]["delta"].get("content")) == 2


async def test_responses_and_embeddings_and_models_have_their_shapes() -> None:
    async with ProviderSimulator() as simulator:
        stream = await ask(simulator, "/v1/responses", {"model": "gpt-4o", "input": "hi", "stream": True})
        embedded = await ask(simulator, "/v1/embeddings", {"model": "text-embedding-3-small", "input": ["a", "b"]})
        models = await ask(simulator, "/v1/models")
    last = stream.events()[-1]
    assert last["type"] == "response.completed"
    assert last["response"]["usage"]["output_tokens"] == 24
    assert len(embedded.json()["data"]) == 2
    assert embedded.json()["usage"]["prompt_tokens"] >= 2
    assert models.json()["data"][0]["object"] == "model"


async def test_anthropic_input_leaves_the_cache_out_and_the_stream_states_usage_twice() -> None:
    async with ProviderSimulator() as simulator:
        whole = (await ask(simulator, "/v1/messages", MESSAGES, simulate="cached=4", headers=ANTHROPIC)).json()
        stream = await ask(simulator, "/v1/messages", {**MESSAGES, "stream": True}, headers=ANTHROPIC)
        counted = (await ask(simulator, "/v1/messages/count_tokens", MESSAGES, headers=ANTHROPIC)).json()
    assert whole["usage"]["input_tokens"] + 4 == counted["input_tokens"]
    assert whole["usage"]["cache_read_input_tokens"] == 4
    first, *_, delta, last = stream.events()
    assert first["message"]["usage"]["output_tokens"] == 1
    assert delta["usage"]["output_tokens"] == 24
    assert last == {"type": "message_stop"}
    assert simulator.requests[0].headers["x-api-key"] == "present"


async def test_failures_are_worded_by_the_provider() -> None:
    async with ProviderSimulator() as simulator:
        limited = await ask(simulator, "/v1/chat/completions", CHAT, simulate="status=429")
        overloaded = await ask(simulator, "/v1/messages", MESSAGES, simulate="status=529", headers=ANTHROPIC)
        unknown = await ask(simulator, "/v1/chat/completions", CHAT, simulate="wobble=3")
    assert (limited.status, limited.json()["error"]["code"]) == (429, "rate_limit_exceeded")
    assert (overloaded.status, overloaded.json()["error"]["type"]) == (529, "overloaded_error")
    assert unknown.status == 400
    assert "wobble" in unknown.json()["error"]["message"]


async def test_the_journal_knows_the_bytes_that_went_out() -> None:
    async with ProviderSimulator(tls=True) as simulator:
        plain = await ask(simulator, "/v1/chat/completions", CHAT, simulate="pad=100000,chunked")
        packed = await ask(simulator, "/v1/chat/completions", {**CHAT, "stream": True}, simulate="gzip")
    for answer, received in zip((plain, packed), simulator.requests, strict=True):
        assert received.response_sha256 == hashlib.sha256(answer.wire).hexdigest()
        assert received.response_bytes == len(answer.wire)
        assert received.server_name == "api.openai.com"
        assert received.ending == "complete"
    assert len(plain.json()["padding"]) == 100_000
    assert packed.events()[-1] == "[DONE]"


async def test_an_aborted_and_a_cut_short_stream_end_differently() -> None:
    body = {**CHAT, "stream": True}
    async with ProviderSimulator() as simulator:
        await ask(simulator, "/v1/chat/completions", body, simulate="abort_after=2")
        short = await ask(simulator, "/v1/chat/completions", body, simulate="end_after=2")
    assert [request.ending for request in simulator.requests] == ["aborted", "cut_short"]
    assert [request.pieces for request in simulator.requests] == [2, 2]
    assert short.complete
    assert "[DONE]" not in short.events()


async def test_a_client_that_leaves_a_held_stream_is_noticed() -> None:
    async with ProviderSimulator(behaviour=Behaviour(hold_after=3)) as simulator:
        reader, writer = await asyncio.open_connection(simulator.host, simulator.port)
        data = json.dumps({**CHAT, "stream": True}).encode()
        writer.write(b"POST /v1/chat/completions HTTP/1.1\r\ncontent-length: %d\r\n\r\n" % len(data) + data)
        await reader.readuntil(b"\r\n\r\n")
        raw = writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()
        await simulator.journal.until(lambda journal: bool(journal.ended("client_gone")))
        assert simulator.requests[0].pieces <= 3


async def test_a_held_reply_goes_on_after_release() -> None:
    async with ProviderSimulator(behaviour=Behaviour(hold_after=0)) as simulator:
        waiting = asyncio.create_task(ask(simulator, "/v1/chat/completions", CHAT))
        await simulator.journal.until(lambda journal: len(journal.requests) == 1)
        assert simulator.requests[0].status is None
        simulator.release()
        assert (await waiting).status == 200


async def test_the_script_comes_before_the_default() -> None:
    async with ProviderSimulator(script=[Behaviour(status=500)]) as simulator:
        statuses = [(await ask(simulator, "/v1/chat/completions", CHAT)).status for _ in range(2)]
    assert statuses == [500, 200]


async def test_a_malformed_request_ends_its_connection_only() -> None:
    async with ProviderSimulator() as simulator:
        reader, writer = await asyncio.open_connection(simulator.host, simulator.port)
        writer.write(b"nonsense\r\n\r\n")
        with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
            await reader.readexactly(1)
        writer.close()
        assert (await ask(simulator, "/v1/models")).status == 200


def test_the_threaded_simulator_serves_and_counts() -> None:
    with ThreadedSimulator() as simulator, socket.create_connection((simulator.host, simulator.port)) as client:
        client.sendall(b"GET /v1/models HTTP/1.1\r\n\r\n")
        assert client.recv(12) == b"HTTP/1.1 200"
        simulator.until(lambda journal: len(journal.ended("complete")) == 1)
        assert simulator.connections == 1


@pytest.mark.parametrize("text", ["delay=x", "tokens=-1", "gzip=maybe", "nope"])
def test_a_behaviour_names_what_it_cannot_read(text: str) -> None:
    with pytest.raises(ValueError, match=text.partition("=")[0]):
        Behaviour.parse(text)
