"""A small HTTP/2 client that goes through the proxy by CONNECT: several requests at once on one connection."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field

from h2 import config, connection, errors, events

from tests.integration.proxied import Proxied, client


@dataclass
class ReplyH2:
    """One reply as it grows; `ended` is complete, reset or gone."""

    stream: int
    status: int = 0
    body: bytes = b""
    ended: str = ""
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def until(self, needle: bytes) -> None:
        while needle not in self.body and not self.ended:
            self.changed.clear()
            await self.changed.wait()

    async def whole(self) -> "ReplyH2":
        while not self.ended:
            self.changed.clear()
            await self.changed.wait()
        return self


def _status(headers: Iterable[tuple[str | bytes, str | bytes]] | None) -> int:
    return int(dict(headers or ())[":status"])


class ClientH2:
    """One connection."""

    def __init__(self, host: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._host = host
        self._reader = reader
        self._writer = writer
        self._h2 = connection.H2Connection(config.H2Configuration(client_side=True, header_encoding="utf-8"))
        self._replies: dict[int, ReplyH2] = {}
        self._holding = False
        self._held: list[tuple[int, int]] = []
        self._h2.initiate_connection()
        self._send()

    def hold(self) -> None:
        """From now on, what arrives is not acknowledged."""
        self._holding = True

    def read_on(self) -> None:
        """Acknowledges what was held back, and all that follows."""
        self._holding = False
        for stream, size in self._held:
            self._h2.acknowledge_received_data(size, stream)
        self._held.clear()
        self._send()

    def post(self, path: str, body: bytes = b"{}", *, sized: bool = True) -> ReplyH2:
        """Sends a request, telling its length or not; the reply grows from now on. `body` fits the initial window."""
        stream = self._h2.get_next_available_stream_id()
        names = {":method": "POST", ":scheme": "https", ":authority": self._host, ":path": path}
        length = {"content-length": str(len(body))} if sized else {}
        self._h2.send_headers(stream, [*names.items(), *length.items()])
        for start in range(0, len(body), 16_384):
            self._h2.send_data(stream, body[start : start + 16_384])
        self._h2.end_stream(stream)
        self._send()
        self._replies[stream] = reply = ReplyH2(stream)
        return reply

    def reset(self, reply: ReplyH2) -> None:
        """Gives up on a reply and keeps the connection."""
        self._h2.reset_stream(reply.stream, errors.ErrorCodes.CANCEL)
        self._send()

    async def read(self) -> None:
        """Reads until the proxy closes."""
        with contextlib.suppress(ConnectionError):
            while data := await self._reader.read(65_536):
                for happened in self._h2.receive_data(data):
                    self._take(happened)
                self._send()
        for reply in self._replies.values():
            reply.ended = reply.ended or "gone"
            reply.changed.set()

    def _take(self, happened: events.Event) -> None:
        reply = self._replies.get(getattr(happened, "stream_id", None) or 0)
        if reply is None:
            return
        match happened:
            case events.ResponseReceived():
                reply.status = _status(happened.headers)
            case events.DataReceived():
                reply.body += happened.data or b""
                self._held.append((reply.stream, happened.flow_controlled_length or 0))
                if not self._holding:
                    self.read_on()
            case events.StreamEnded():
                reply.ended = "complete"
            case events.StreamReset():
                reply.ended = "reset"
        reply.changed.set()

    def _send(self) -> None:
        self._writer.write(self._h2.data_to_send())


@contextlib.asynccontextmanager
async def client_h2(proxy: Proxied, host: str) -> AsyncIterator[ClientH2]:
    """A connection to `host` through the proxy, trusting its authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=proxy.capture.authority.root_pem.decode())
    context.set_alpn_protocols(["h2", "http/1.1"])
    async with client(proxy) as (reader, writer):
        writer.write(f"CONNECT {host}:443 HTTP/1.1\r\n\r\n".encode())
        await reader.readuntil(b"\r\n\r\n")
        await writer.start_tls(context, server_hostname=host)
        if writer.get_extra_info("ssl_object").selected_alpn_protocol() != "h2":
            raise ConnectionError("HTTP/2 was not agreed on")
        speaking = ClientH2(host, reader, writer)
        reading = asyncio.create_task(speaking.read())
        try:
            yield speaking
        finally:
            reading.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await reading
