"""A small HTTP/2 provider behind TLS: `/json` answers, `/sse` sends three events and waits for release before the rest."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import h2.config
import h2.connection
import h2.errors
import h2.events

from tests.integration.upstream import event


@dataclass
class UpstreamH2:
    """What the provider saw."""

    host: str = "127.0.0.1"
    port: int = 0
    connections: int = 0
    resets: list[int] = field(default_factory=list)
    reset: asyncio.Event = field(default_factory=asyncio.Event)
    release: asyncio.Event = field(default_factory=asyncio.Event)


@contextlib.asynccontextmanager
async def upstream_h2(context: ssl.SSLContext) -> AsyncIterator[UpstreamH2]:
    """Serves until left."""
    seen = UpstreamH2()
    tasks: set[asyncio.Task[None]] = set()

    async def reply(conn: h2.connection.H2Connection, writer: asyncio.StreamWriter, stream: int, path: str) -> None:
        conn.send_headers(stream, [(":status", "200"), ("content-type", "text/plain")])
        if path in {"/sse", "/cut"}:
            for number in range(3):
                conn.send_data(stream, event(number))
            writer.write(conn.data_to_send())
            await seen.release.wait()
            if stream in seen.resets:
                return
            conn.send_data(stream, event(3))
        else:
            conn.send_data(stream, b'{"ok":true}')
        conn.end_stream(stream)
        writer.write(conn.data_to_send())

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.connections += 1
        conn = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="utf-8"))
        conn.initiate_connection()
        writer.write(conn.data_to_send())
        paths: dict[int, str] = {}
        while data := await reader.read(65_536):
            for happened in conn.receive_data(data):
                if isinstance(happened, h2.events.RequestReceived):
                    paths[happened.stream_id] = dict(happened.headers)[":path"]
                elif isinstance(happened, h2.events.StreamEnded):
                    task = asyncio.create_task(reply(conn, writer, happened.stream_id, paths[happened.stream_id]))
                    tasks.add(task)
                    task.add_done_callback(tasks.discard)
                elif isinstance(happened, h2.events.StreamReset):
                    seen.resets.append(happened.stream_id)
                    seen.reset.set()
            writer.write(conn.data_to_send())
        writer.close()

    server = await asyncio.start_server(serve, seen.host, 0, ssl=context)
    seen.port = server.sockets[0].getsockname()[1]
    try:
        yield seen
    finally:
        seen.release.set()
        server.close()
