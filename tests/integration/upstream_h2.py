"""A small HTTP/2 provider behind TLS: `/json` answers; `/sse` and `/cut` send three events, and the rest once released.

Given a `stream`, it answers everything with what that makes of the request's body, in frames of the size it says.
"""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field

from h2 import config, connection, events

from tests.integration.upstream import Received, event

_STREAMS = frozenset({"/sse", "/cut"})

type Stream = Callable[[bytes], tuple[bytes, int]]


@dataclass
class UpstreamH2:
    """What the provider saw."""

    host: str = "127.0.0.1"
    port: int = 0
    connections: int = 0
    requests: list[Received] = field(default_factory=list)
    resets: list[int] = field(default_factory=list)
    reset: asyncio.Event = field(default_factory=asyncio.Event)
    release: asyncio.Event = field(default_factory=asyncio.Event)


class _Connection:
    """One connection of a client."""

    def __init__(self, seen: UpstreamH2, writer: asyncio.StreamWriter, stream: Stream | None) -> None:
        self._seen = seen
        self._stream = stream
        self._writer = writer
        self._h2 = connection.H2Connection(config.H2Configuration(client_side=False, header_encoding="utf-8"))
        self._requests: dict[int, Received] = {}
        self._replies: set[asyncio.Task[None]] = set()
        self._h2.initiate_connection()
        self._send()

    def receive(self, data: bytes) -> None:
        for happened in self._h2.receive_data(data):
            match happened:
                case events.RequestReceived():
                    self._requests[happened.stream_id or 0] = request = _received(happened.headers)
                    self._seen.requests.append(request)
                case events.DataReceived():
                    self._requests[happened.stream_id or 0].body += happened.data or b""
                case events.StreamEnded():
                    task = asyncio.create_task(self._reply(happened.stream_id or 0))
                    self._replies.add(task)
                    task.add_done_callback(self._replies.discard)
                case events.StreamReset():
                    self._seen.resets.append(happened.stream_id or 0)
                    self._seen.reset.set()
        self._send()

    def _send(self) -> None:
        self._writer.write(self._h2.data_to_send())

    async def _reply(self, stream: int) -> None:
        if self._stream is not None:
            self._send_stream(stream, *self._stream(self._requests[stream].body))
            return
        self._h2.send_headers(stream, [(":status", "200"), ("content-type", "text/plain")])
        if self._requests[stream].line not in _STREAMS:
            self._h2.send_data(stream, b'{"ok":true}', end_stream=True)
            self._send()
            return
        for number in range(3):
            self._h2.send_data(stream, event(number))
        self._send()
        await self._seen.release.wait()
        if stream not in self._seen.resets:
            self._h2.send_data(stream, event(3), end_stream=True)
            self._send()

    def _send_stream(self, stream: int, body: bytes, size: int) -> None:
        head = {":status": "200", "content-type": "text/event-stream", "content-length": str(len(body))}
        self._h2.send_headers(stream, list(head.items()))
        for at in range(0, len(body), size):
            self._h2.send_data(stream, body[at : at + size])
        self._h2.end_stream(stream)
        self._send()


def _received(headers: Iterable[tuple[str | bytes, str | bytes]] | None) -> Received:
    fields = {str(name): str(value) for name, value in headers or ()}
    return Received(fields[":path"], fields, b"")


@contextlib.asynccontextmanager
async def upstream_h2(
    context: ssl.SSLContext, stream: Stream | None = None, *, host: str = "127.0.0.1", port: int = 0
) -> AsyncIterator[UpstreamH2]:
    """Serves until left, on any free port unless one is given."""
    seen = UpstreamH2(host=host)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.connections += 1
        client = _Connection(seen, writer, stream)
        while data := await reader.read(65_536):
            client.receive(data)
        writer.close()

    server = await asyncio.start_server(serve, seen.host, port, ssl=context)
    seen.port = server.sockets[0].getsockname()[1]
    try:
        yield seen
    finally:
        seen.release.set()
        server.close()
