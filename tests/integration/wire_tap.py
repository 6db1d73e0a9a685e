"""Between a proxy and a server of HTTP/1.1: passes every byte on as it is, and keeps what both said.

Owns the connections and taking bodies out of what was kept. Knows nothing of what the bodies mean.
"""

import asyncio
import hashlib
import threading
from types import TracebackType
from typing import Self

import h11

READ_BYTES = 65_536
START_LIMIT_S = 10.0


class WireTap:
    """``with WireTap(port) as tap``: listens on a port of its own, in a thread, and connects to `port` of this machine."""

    def __init__(self, port: int) -> None:
        self._server = port
        self._started = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=lambda: self._loop.run_until_complete(self._serve()), daemon=True)
        self._kept: list[tuple[bytearray, bytearray]] = []
        """What was sent and what was answered, a connection each."""
        self.port = 0

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._started.wait(START_LIMIT_S)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(START_LIMIT_S)
        self._loop.close()

    def exchanges(self) -> list[tuple[bytes, bytes]]:
        """Bodies of each request and its reply, in the order they came on each connection."""
        return [
            pair
            for sent, answered in self._kept
            for pair in zip(bodies(bytes(sent), h11.SERVER), bodies(bytes(answered), h11.CLIENT), strict=True)
        ]

    async def _serve(self) -> None:
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self._started.set()
        await self._stop.wait()
        server.close()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        sent, answered = bytearray(), bytearray()
        self._kept.append((sent, answered))
        there, back = await asyncio.open_connection("127.0.0.1", self._server)
        await asyncio.gather(pass_on(reader, back, sent), pass_on(there, writer, answered))


async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, kept: bytearray) -> None:
    """Bytes as they come, until there are no more; the other side is told so."""
    try:
        while data := await reader.read(READ_BYTES):
            kept += data
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        # Whoever hangs up has read enough.
        pass
    finally:
        writer.close()


def bodies(data: bytes, role: type[h11.SERVER | h11.CLIENT]) -> list[bytes]:
    """The bodies of the messages in `data`, as one who has `role` reads them."""
    found = []
    while data:
        connection = h11.Connection(role)
        if role is h11.CLIENT:
            # A reply is read as the answer to something.
            connection.send(h11.Request(method="POST", target="/", headers=[("host", "tap"), ("content-length", "0")]))
            connection.send(h11.EndOfMessage())
        connection.receive_data(data)
        body = b""
        while not isinstance(event := connection.next_event(), h11.EndOfMessage):
            if event is h11.NEED_DATA:
                raise AssertionError("a message was cut short")
            if isinstance(event, h11.Data):
                body += event.data
        found.append(body)
        data = connection.trailing_data[0]
    return found


def sha256(data: bytes) -> str:
    """As the applications print it."""
    return hashlib.sha256(data).hexdigest()
