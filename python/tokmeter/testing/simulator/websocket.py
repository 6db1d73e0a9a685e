"""The simulator's side of a WebSocket: the handshake, messages in both directions, their hashes. Knows no provider."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

import wsproto
import wsproto.events
import wsproto.extensions

READ_BYTES = 65_536
GOING_AWAY = 1001
INTERNAL_ERROR = 1011


class WebSocket:
    """One connection that leaves HTTP. Counts and hashes messages, not frames: framing is each hop's own."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        deflate: bool = False,
        binary: bool = False,
    ) -> None:
        """Prepares a connection whose request was read; `deflate` compresses messages, `binary` sends them as bytes."""
        self._reader = reader
        self._writer = writer
        self._extensions: list[wsproto.extensions.Extension] = (
            [wsproto.extensions.PerMessageDeflate()] if deflate else []
        )
        self._binary = binary
        self._wire = wsproto.WSConnection(wsproto.ConnectionType.SERVER)
        self._sent = hashlib.sha256()
        self._heard = hashlib.sha256()
        self._open = True
        self.sent = 0
        self.heard = 0

    @property
    def sha256(self) -> str:
        """Hash of the messages sent."""
        return self._sent.hexdigest()

    @property
    def heard_sha256(self) -> str:
        """Hash of the messages that came in."""
        return self._heard.hexdigest()

    async def accept(self, headers: Mapping[str, str], path: str) -> None:
        """Answers the request to upgrade."""
        fields = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
        self._wire.initiate_upgrade_connection(fields, path)
        for request in self._wire.events():
            if isinstance(request, wsproto.events.Request):
                wanted = next(iter(request.subprotocols), None)
                accepted = wsproto.events.AcceptConnection(subprotocol=wanted, extensions=self._extensions)
                await self._send(accepted)

    async def messages(self) -> AsyncIterator[dict[str, Any]]:
        """The JSON objects that come in, until the client closes or is gone."""
        parts: list[bytes] = []
        while self._open:
            data = await self._reader.read(READ_BYTES)
            self._wire.receive_data(data or None)
            for event in self._wire.events():
                match event:
                    case wsproto.events.Message():
                        raw = event.data
                        parts.append(raw.encode() if isinstance(raw, str) else bytes(raw))
                        if event.message_finished:
                            yield self._object(b"".join(parts))
                            parts.clear()
                    case wsproto.events.Ping():
                        await self._send(event.response())
                    case wsproto.events.CloseConnection():
                        self._open = False
                        if data:
                            await self._send(event.response())

    async def piece(self, data: bytes) -> None:
        """One message, on the wire before this returns."""
        self._sent.update(data)
        self.sent += len(data)
        message = wsproto.events.BytesMessage(data) if self._binary else wsproto.events.TextMessage(data.decode())
        await self._send(message)

    async def end(self) -> None:
        """The end of an answer, which a connection outlives."""

    async def close(self, code: int = GOING_AWAY, reason: str | None = None) -> None:
        """Closes from this side, unless the client did."""
        if self._open:
            self._open = False
            await self._send(wsproto.events.CloseConnection(code=code, reason=reason))

    def _object(self, message: bytes) -> dict[str, Any]:
        self._heard.update(message)
        self.heard += len(message)
        value = json.loads(message)
        return value if isinstance(value, dict) else {}

    async def _send(self, event: wsproto.events.Event) -> None:
        self._writer.write(self._wire.send(event))
        await self._writer.drain()
