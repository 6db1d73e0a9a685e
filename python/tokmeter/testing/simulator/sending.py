"""The sending of replies as scripted: pauses, holds, cuts and resets. Knows no provider, and no framing of its own."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import struct
from typing import Protocol

from tokmeter.testing.simulator.behaviour import Behaviour
from tokmeter.testing.simulator.http import ReplyWriter
from tokmeter.testing.simulator.journal import Ending, ReceivedRequest
from tokmeter.testing.simulator.reply import JSON, SSE, Reply

PIECE_BYTES = 16_384
"""Of a whole reply that is sent with chunked coding."""


class Pieces(Protocol):
    """Where the pieces of a stream go."""

    async def piece(self, data: bytes) -> None:
        """One piece, on the wire before this returns."""

    async def end(self) -> None:
        """The end of the stream."""


class Sending:
    """The sending of one reply, until it is complete, scripted to fail, or the client is gone."""

    def __init__(
        self, received: ReceivedRequest, writer: asyncio.StreamWriter, gone: asyncio.Event, released: asyncio.Event
    ) -> None:
        """Prepares to send on `writer` until `gone`; what is held waits for `released`."""
        self._received = received
        self._writer = writer
        self._gone = gone
        self._released = released

    async def send(self, reply: Reply, behaviour: Behaviour) -> Ending:
        """Sends a reply over HTTP."""
        out = ReplyWriter(self._writer, gzip=behaviour.gzip)
        if not await self.ready(behaviour):
            return "client_gone"
        self._received.status = reply.status
        self._received.input_tokens, self._received.output_tokens = reply.input_tokens, reply.output_tokens
        media = reply.media or (SSE if reply.streamed else JSON)
        headers = {"x-request-id": f"req_{id(self._received):x}", **reply.headers, "content-type": media}
        try:
            if reply.streamed:
                await out.begin(reply.status, headers)
                return await self.stream(out, reply, behaviour)
            return await self._whole(out, reply, behaviour, headers)
        finally:
            self._received.response_bytes, self._received.response_sha256 = out.sent, out.sha256

    async def ready(self, behaviour: Behaviour) -> bool:
        """Waits as long as the script says before the first byte; False when the client left first."""
        return await self._pause(behaviour.delay) and await self._held(behaviour, 0)

    async def stream(self, out: Pieces, reply: Reply, behaviour: Behaviour) -> Ending:
        """Sends the events of a reply, as far as the script lets them go."""
        for event in reply.lead:
            await out.piece(event)
        for index, event in enumerate(reply.pieces):
            if index == behaviour.abort_after:
                return self._abort()
            if index == behaviour.end_after:
                await out.end()
                return "cut_short"
            if not await self._pause(behaviour.interval if index else 0) or (
                index and not await self._held(behaviour, index)
            ):
                return "client_gone"
            await out.piece(event)
            self._received.pieces += 1
        if behaviour.abort_after is not None:
            return self._abort()
        for event in reply.tail:
            await out.piece(event)
        await out.end()
        return "complete"

    async def _whole(self, out: ReplyWriter, reply: Reply, behaviour: Behaviour, headers: dict[str, str]) -> Ending:
        body = reply.content
        if body is None:
            padding = {"padding": "x" * behaviour.pad} if behaviour.pad else {}
            body = json.dumps({**(reply.body or {}), **padding}, separators=(",", ":")).encode()
        if behaviour.abort_after is not None:
            await out.begin(reply.status, headers)
            await out.piece(body[: len(body) // 2])
            return self._abort()
        if behaviour.chunked:
            await out.begin(reply.status, headers)
            for start in range(0, len(body), PIECE_BYTES):
                await out.piece(body[start : start + PIECE_BYTES])
            await out.end()
        else:
            await out.whole(reply.status, headers, body)
        return "complete"

    def _abort(self) -> Ending:
        reset(self._writer)
        return "aborted"

    async def _held(self, behaviour: Behaviour, pieces: int) -> bool:
        """Waits for the release where the script says so; False when the client left first."""
        if behaviour.hold_after != pieces:
            return not self._gone.is_set()
        waits = {asyncio.ensure_future(self._released.wait()), asyncio.ensure_future(self._gone.wait())}
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        return not self._gone.is_set()

    async def _pause(self, seconds: float) -> bool:
        """Waits; False when the client left meanwhile."""
        if seconds > 0:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._gone.wait()
        return not self._gone.is_set()


def reset(writer: asyncio.StreamWriter) -> None:
    """Ends the connection with a TCP reset, as a crashed peer does."""
    raw = writer.get_extra_info("socket")
    if raw is not None:
        with contextlib.suppress(OSError):
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
