"""Sessions over a WebSocket: their events, their usage, and the messages on a real socket."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import wsproto
import wsproto.events
import wsproto.extensions

from tokmeter.testing import Behaviour, ProviderSimulator
from tokmeter.testing.simulator.dialects.gemini_live import GeminiLiveSession
from tokmeter.testing.simulator.dialects.realtime import BYTES_PER_TOKEN, RealtimeSession
from tokmeter.testing.simulator.reply import Call, Reply
from tokmeter.testing.simulator.sessions import session_of

UPGRADE = {"host": "x", "upgrade": "websocket"}
ITEM = {
    "type": "conversation.item.create",
    "item": {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hello there"}]},
}
TEXT = {"type": "response.create", "response": {"output_modalities": ["text"]}}


def call(behaviour: Behaviour, path: str = "/v1/realtime?model=gpt-realtime") -> Call:
    return Call(1, "GET", path, UPGRADE, {}, behaviour)


def messages(reply: Reply) -> list[Any]:
    return [json.loads(message) for message in [*reply.lead, *reply.pieces, *reply.tail]]


def test_a_realtime_response_ends_with_its_usage() -> None:
    session = RealtimeSession(call(Behaviour()))
    (created,) = messages(session.opened())
    session.heard(ITEM, call(Behaviour()))

    reply = session.heard(TEXT, call(Behaviour(tokens=7, cached=1, chunks=2)))

    kinds = [message["type"] for message in messages(reply)]
    usage = messages(reply)[-1]["response"]["usage"]
    assert created["session"]["model"] == "gpt-realtime"
    assert kinds.count("response.output_text.delta") == 2
    assert kinds[-1] == "response.done"
    assert usage["input_token_details"]["text_tokens"] == usage["input_tokens"] == reply.input_tokens
    assert usage["input_token_details"]["cached_tokens"] == 1
    assert usage["output_token_details"] == {"text_tokens": 7, "audio_tokens": 0}


def test_what_was_said_is_the_input_of_what_is_said_next() -> None:
    session = RealtimeSession(call(Behaviour()))
    session.heard(ITEM, call(Behaviour()))
    first = session.heard(TEXT, call(Behaviour(tokens=7)))
    second = session.heard(TEXT, call(Behaviour(tokens=7)))

    assert second.input_tokens == first.input_tokens + 7


def test_sound_is_counted_beside_text() -> None:
    session = RealtimeSession(call(Behaviour()))
    sound = base64.b64encode(b"x" * (3 * BYTES_PER_TOKEN)).decode()
    session.heard({"type": "input_audio_buffer.append", "audio": sound}, call(Behaviour()))

    usage = messages(session.heard({"type": "response.create"}, call(Behaviour(tokens=8))))[-1]["response"]["usage"]

    assert usage["input_token_details"]["audio_tokens"] == 3
    assert usage["output_token_details"] == {"text_tokens": 2, "audio_tokens": 6}


def test_a_live_turn_ends_with_its_usage() -> None:
    session = GeminiLiveSession(call(Behaviour()))
    turn = {"clientContent": {"turns": [{"role": "user", "parts": [{"text": "hello"}]}], "turnComplete": True}}

    ready = messages(session.heard({"setup": {"model": "models/gemini-live"}}, call(Behaviour())))
    reply = session.heard(turn, call(Behaviour(tokens=7, reasoning=2)))

    assert ready == [{"setupComplete": {}}]
    usage = messages(reply)[-1]["usageMetadata"]
    assert (usage["responseTokenCount"], usage["thoughtsTokenCount"]) == (7, 2)
    assert reply.output_tokens == 9


@pytest.mark.parametrize(
    ("headers", "path", "kind"),
    [
        (UPGRADE, "/v1/realtime?model=m", RealtimeSession),
        (UPGRADE, "//ws/google.ai.generativelanguage.v1.GenerativeService.BidiGenerateContent", GeminiLiveSession),
        (UPGRADE, "/v1/models", type(None)),
        ({}, "/v1/realtime", type(None)),
    ],
)
def test_an_upgrade_begins_the_session_of_its_path(headers: dict[str, str], path: str, kind: type) -> None:
    assert isinstance(session_of(Call(1, "GET", path, headers, {}, Behaviour())), kind)


class Caller:
    """A client of a session on a real socket."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, deflate: bool = False) -> None:
        self._reader, self._writer = reader, writer
        self._wire = wsproto.WSConnection(wsproto.ConnectionType.CLIENT)
        self._deflate = deflate
        self.heard = hashlib.sha256()

    async def open(self, path: str, simulate: str = "") -> None:
        extensions: list[wsproto.extensions.Extension] = (
            [wsproto.extensions.PerMessageDeflate()] if self._deflate else []
        )
        headers = [(b"x-simulate", simulate.encode())] if simulate else []
        request = wsproto.events.Request(host="x", target=path, extensions=extensions, extra_headers=headers)
        self._writer.write(self._wire.send(request))

    async def say(self, message: dict[str, Any]) -> None:
        self._writer.write(self._wire.send(wsproto.events.TextMessage(json.dumps(message))))

    async def until(self, kind: str) -> list[Any]:
        """What comes until a message of that type, or the end."""
        found: list[Any] = []
        while True:
            data = await self._reader.read(65536)
            self._wire.receive_data(data or None)
            for event in self._wire.events():
                if isinstance(event, wsproto.events.TextMessage):
                    self.heard.update(event.data.encode())
                    found.append(json.loads(event.data))
                if isinstance(event, (wsproto.events.CloseConnection, wsproto.events.RejectConnection)):
                    return [*found, event]
            if found and found[-1]["type"] == kind:
                return found

    async def close(self) -> None:
        self._writer.write(self._wire.send(wsproto.events.CloseConnection(code=1000)))
        while await self._reader.read(65536):
            pass


@contextlib.asynccontextmanager
async def caller(simulator: ProviderSimulator, **options: bool) -> AsyncIterator[Caller]:
    reader, writer = await asyncio.open_connection(simulator.host, simulator.port)
    try:
        yield Caller(reader, writer, **options)
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


@pytest.mark.parametrize("deflate", [False, True])
async def test_a_session_on_a_socket_is_recorded_by_its_messages(deflate: bool) -> None:
    async with (
        ProviderSimulator(script=[Behaviour(tokens=7)]) as simulator,
        caller(simulator, deflate=deflate) as client,
    ):
        await client.open("/v1/realtime?model=m", "gzip,tokens=7" if deflate else "")
        await client.until("session.created")
        await client.say(TEXT)
        *_, done = await client.until("response.done")
        await client.close()
        await simulator.journal.until(lambda journal: bool(journal.ended("complete")))
        (request,) = simulator.requests
    assert done["response"]["usage"]["output_tokens"] == 7 == request.output_tokens
    assert (request.status, request.pieces) == (101, 7)
    assert request.body_sha256 == hashlib.sha256(json.dumps(TEXT).encode()).hexdigest()
    assert request.response_sha256 == client.heard.hexdigest()


@pytest.mark.parametrize(("script", "ending"), [("end_after=2", "cut_short"), ("abort_after=2", "aborted")])
async def test_a_session_that_is_cut_short_or_broken_off(script: str, ending: str) -> None:
    async with ProviderSimulator(script=[Behaviour.parse(script)]) as simulator, caller(simulator) as client:
        await client.open("/v1/realtime?model=m")
        await client.until("session.created")
        await client.say(TEXT)
        if ending == "cut_short":
            *_, last = await client.until("response.done")
            assert isinstance(last, wsproto.events.CloseConnection)
        await simulator.journal.until(lambda journal: journal.requests[0].ending != "open")
        (request,) = simulator.requests
    assert (request.ending, request.pieces) == (ending, 2)


async def test_an_upgrade_is_refused_like_any_request() -> None:
    async with ProviderSimulator() as simulator, caller(simulator) as client:
        await client.open("/v1/realtime?model=m", "status=429")
        (refused,) = await client.until("error")
    assert isinstance(refused, wsproto.events.RejectConnection)
    assert refused.status_code == 429
