"""The simulator itself: sockets, connections and the life of each reply. The wire formats are in the dialect modules."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import socket
import ssl
import struct
from collections import deque
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Self

from tokmeter.testing.simulator import anthropic, openai
from tokmeter.testing.simulator.authority import SimulatorAuthority
from tokmeter.testing.simulator.behaviour import HEADER, Behaviour
from tokmeter.testing.simulator.http import HEAD_BYTES_MAX, BadRequestError, RawRequest, ReplyWriter, read_request
from tokmeter.testing.simulator.journal import CREDENTIALS, Ending, Journal, ReceivedRequest
from tokmeter.testing.simulator.reply import Call, Reply

HOSTS = ("api.openai.com", "api.anthropic.com")


class ProviderSimulator:
    """Serves OpenAI and Anthropic on one address: ``async with ProviderSimulator(tls=True) as simulator``.

    The dialect follows from the request (Anthropic's clients always send ``anthropic-version``). A reply behaves as
    its ``x-simulate`` header says, else as the next of `script`, else as `behaviour`.
    """

    def __init__(
        self,
        *,
        tls: bool = False,
        host: str = "127.0.0.1",
        port: int = 0,
        names: Sequence[str] = (),
        behaviour: Behaviour | None = None,
        script: Iterable[Behaviour] = (),
    ) -> None:
        """Serves on `host`:`port` (0: any free one), over TLS also under `names` beside the providers' own."""
        self.host = host
        self.port = port
        self.behaviour = behaviour or Behaviour()
        self.journal = Journal()
        self._script = deque(script)
        self._authority = SimulatorAuthority((*HOSTS, "localhost", "127.0.0.1", "::1", *names)) if tls else None
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._released = asyncio.Event()

    @property
    def ca_path(self) -> Path:
        """The root to trust; raises `ValueError` without TLS."""
        if self._authority is None:
            raise ValueError("a simulator without TLS has no authority")
        return self._authority.ca_path

    @property
    def url(self) -> str:
        """Scheme, address and port, without a path."""
        return f"http{'s' if self._authority else ''}://{self.host}:{self.port}"

    @property
    def requests(self) -> list[ReceivedRequest]:
        """Every request so far, in order of arrival."""
        return self.journal.requests

    def follow(self, *behaviours: Behaviour) -> None:
        """Adds to the script: each behaviour is used for one reply, in order."""
        self._script.extend(behaviours)

    def release(self) -> None:
        """Lets all held replies go on, and those that would be held from now on."""
        self._released.set()

    async def __aenter__(self) -> Self:
        context = self._authority.server_context() if self._authority else None
        if context is not None:
            context.sni_callback = _remember_server_name
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._protocol, self.host, self.port, ssl=context, backlog=1024)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._authority is not None:
            self._authority.close()

    def _protocol(self) -> asyncio.StreamReaderProtocol:
        reader = asyncio.StreamReader(limit=HEAD_BYTES_MAX)
        gone = asyncio.Event()

        def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.get_running_loop().create_task(self._connection(reader, writer, gone))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

        return _WatchedProtocol(reader, connected, gone)

    async def _connection(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, gone: asyncio.Event
    ) -> None:
        self.journal.connections += 1
        self.journal.open_connections += 1
        number = self.journal.connections
        self.journal.changed()
        try:
            while (raw := await read_request(reader, writer)) is not None:
                if not await self._exchange(raw, number, writer, gone):
                    break
        except (BadRequestError, OSError):
            _reset(writer)
        finally:
            with contextlib.suppress(OSError):
                writer.close()
            self.journal.open_connections -= 1
            self.journal.changed()

    async def _exchange(
        self, raw: RawRequest, connection: int, writer: asyncio.StreamWriter, gone: asyncio.Event
    ) -> bool:
        received = ReceivedRequest(
            connection=connection,
            server_name=getattr(writer.get_extra_info("ssl_object"), "tokmeter_server_name", None),
            method=raw.method,
            path=raw.path,
            headers={name: "present" if name in CREDENTIALS else value for name, value in raw.headers.items()},
            body_bytes=len(raw.body),
            body_sha256=hashlib.sha256(raw.body).hexdigest(),
        )
        self.journal.requests.append(received)
        self.journal.changed()
        sending = _Sending(received, writer, gone, self._released)
        try:
            reply, behaviour = self._answer(raw, len(self.journal.requests))
            received.input_tokens, received.output_tokens = reply.input_tokens, reply.output_tokens
            received.ending = await sending.send(reply, behaviour)
        except OSError:
            received.ending = "client_gone"
        finally:
            self.journal.changed()
        return received.ending in {"complete", "cut_short"} and raw.headers.get("connection", "").lower() != "close"

    def _answer(self, raw: RawRequest, number: int) -> tuple[Reply, Behaviour]:
        dialect = anthropic if "anthropic-version" in raw.headers else openai
        try:
            text = raw.headers.get(HEADER)
            behaviour = Behaviour.parse(text) if text is not None else self._next_behaviour()
            body = _json_object(raw.body)
        except ValueError as reason:
            return dialect.error(400, str(reason)), Behaviour()
        if behaviour.status is not None and behaviour.status >= 400:
            return dialect.error(behaviour.status, "simulated failure"), behaviour
        return dialect.answer(Call(number, raw.method, raw.path, raw.headers, body, behaviour)), behaviour

    def _next_behaviour(self) -> Behaviour:
        return self._script.popleft() if self._script else self.behaviour


class _Sending:
    """The sending of one reply, until it is complete, scripted to fail, or the client is gone."""

    def __init__(
        self, received: ReceivedRequest, writer: asyncio.StreamWriter, gone: asyncio.Event, released: asyncio.Event
    ) -> None:
        self._received = received
        self._writer = writer
        self._gone = gone
        self._released = released

    async def send(self, reply: Reply, behaviour: Behaviour) -> Ending:
        out = ReplyWriter(self._writer, gzip=behaviour.gzip)
        if not await self._pause(behaviour.delay) or not await self._held(behaviour, 0):
            return "client_gone"
        self._received.status = reply.status
        headers = {"x-request-id": f"req_{id(self._received):x}", **reply.headers}
        try:
            if reply.body is None:
                return await self._stream(
                    out, reply, behaviour, {**headers, "content-type": "text/event-stream; charset=utf-8"}
                )
            return await self._whole(out, reply, behaviour, {**headers, "content-type": "application/json"})
        finally:
            self._received.response_bytes, self._received.response_sha256 = out.sent, out.sha256

    async def _whole(self, out: ReplyWriter, reply: Reply, behaviour: Behaviour, headers: dict[str, str]) -> Ending:
        padding = {"padding": "x" * behaviour.pad} if behaviour.pad else {}
        body = json.dumps({**(reply.body or {}), **padding}, separators=(",", ":")).encode()
        if behaviour.abort_after is not None:
            await out.begin(reply.status, headers)
            await out.piece(body[: len(body) // 2])
            return self._abort()
        if behaviour.chunked:
            await out.begin(reply.status, headers)
            for start in range(0, len(body), 16_384):
                await out.piece(body[start : start + 16_384])
            await out.end()
        else:
            await out.whole(reply.status, headers, body)
        return "complete"

    async def _stream(self, out: ReplyWriter, reply: Reply, behaviour: Behaviour, headers: dict[str, str]) -> Ending:
        await out.begin(reply.status, headers)
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

    def _abort(self) -> Ending:
        _reset(self._writer)
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


class _WatchedProtocol(asyncio.StreamReaderProtocol):
    """Tells at once when the client has left, also while nothing is being read."""

    def __init__(self, reader: asyncio.StreamReader, connected: Any, gone: asyncio.Event) -> None:
        super().__init__(reader, connected)
        self._gone = gone

    def eof_received(self) -> bool | None:
        self._gone.set()
        return super().eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        self._gone.set()
        super().connection_lost(exc)


def _remember_server_name(tls: ssl.SSLObject, name: str | None, _context: ssl.SSLContext) -> None:
    tls.tokmeter_server_name = name  # type: ignore[attr-defined]  # the ssl module keeps no copy for servers


def _json_object(body: bytes) -> dict[str, Any]:
    if not body:
        return {}
    value = json.loads(body)
    if not isinstance(value, dict):
        raise ValueError("the body must be a JSON object")  # noqa: TRY004 - one kind of error for bad input
    return value


def _reset(writer: asyncio.StreamWriter) -> None:
    """Ends the connection with a TCP reset, as a crashed peer does."""
    raw = writer.get_extra_info("socket")
    if raw is not None:
        with contextlib.suppress(OSError):
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
