"""The simulator itself: sockets, connections and the life of each reply. The wire formats are in the dialect modules."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

from tokmeter.testing.simulator.authority import SimulatorAuthority, server_context
from tokmeter.testing.simulator.behaviour import HEADER, Behaviour
from tokmeter.testing.simulator.form import body_object
from tokmeter.testing.simulator.http import HEAD_BYTES_MAX, BadRequestError, RawRequest, read_request
from tokmeter.testing.simulator.journal import Ending, Journal, ReceivedRequest
from tokmeter.testing.simulator.providers import HOSTS, dialect_of
from tokmeter.testing.simulator.reply import Call, Dialect, Reply
from tokmeter.testing.simulator.sending import Sending, reset
from tokmeter.testing.simulator.sessions import Session, session_of
from tokmeter.testing.simulator.websocket import INTERNAL_ERROR, WebSocket

type Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]

FAILURE = "simulated failure"


class ProviderSimulator:
    """Serves every provider on one address: ``async with ProviderSimulator(tls=True) as simulator``.

    The dialect follows from the request: its host, else its header or path (`providers`). A reply behaves as its
    ``x-simulate`` header says, else as the next of `script`, else as `behaviour`.
    """

    def __init__(
        self,
        *,
        tls: bool = False,
        certificate: Path | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        names: Sequence[str] = (),
        behaviour: Behaviour | None = None,
        script: Iterable[Behaviour] = (),
    ) -> None:
        """Serves on `host`:`port` (0: any free one), over TLS also under `names` beside the providers' own.

        `certificate` is a PEM file with a key and its chain, to be served instead of one of a throw-away authority.
        """
        self.host = host
        self.port = port
        self.behaviour = behaviour or Behaviour()
        self.journal = Journal()
        self._script = deque(script)
        self._kept: dict[str, Any] = {}
        own = tls and certificate is None
        self._authority = SimulatorAuthority((*HOSTS, "localhost", "127.0.0.1", "::1", *names)) if own else None
        self._context: ssl.SSLContext | None = None
        if self._authority is not None:
            self._context = self._authority.server_context()
        elif certificate is not None:
            self._context = server_context(certificate)
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._released = asyncio.Event()

    @property
    def ca_path(self) -> Path:
        """The root to trust; raises `ValueError` without TLS and with a given certificate."""
        if self._authority is None:
            raise ValueError("a simulator without TLS, or with a certificate that it was given, has no authority")
        return self._authority.ca_path

    @property
    def url(self) -> str:
        """Scheme, address and port, without a path."""
        return f"http{'s' if self._context else ''}://{self.host}:{self.port}"

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
        context = self._context
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
                if not await self._exchange(raw, number, (reader, writer), gone):
                    break
        except (BadRequestError, OSError):
            reset(writer)
        finally:
            with contextlib.suppress(OSError):
                writer.close()
            self.journal.open_connections -= 1
            self.journal.changed()

    async def _exchange(self, raw: RawRequest, connection: int, streams: Streams, gone: asyncio.Event) -> bool:
        """Answers one request; False when its connection ends with it."""
        name = getattr(streams[1].get_extra_info("ssl_object"), "tokmeter_server_name", None)
        received = ReceivedRequest.of(raw, connection=connection, server_name=name)
        self.journal.requests.append(received)
        self.journal.changed()
        sending = Sending(received, streams[1], gone, self._released)
        try:
            received.ending, goes_on = await self._answer(raw, sending, received, streams)
        except OSError:
            received.ending, goes_on = "client_gone", False
        finally:
            self.journal.changed()
        return goes_on and raw.headers.get("connection", "").lower() != "close"

    async def _answer(
        self, raw: RawRequest, sending: Sending, received: ReceivedRequest, streams: Streams
    ) -> tuple[Ending, bool]:
        dialect = dialect_of(raw.path, raw.headers)
        scripted = HEADER in raw.headers
        try:
            call = Call(
                len(self.journal.requests),
                raw.method,
                raw.path,
                raw.headers,
                body_object(raw.body, raw.headers.get("content-type", "")),
                Behaviour.parse(raw.headers[HEADER]) if scripted else self.behaviour,
                self._kept,
            )
        except ValueError as reason:
            return await sending.send(dialect.error(400, str(reason)), Behaviour()), True
        session = session_of(call)
        if session is not None and call.behaviour.status is None:
            socket = WebSocket(*streams, deflate=call.behaviour.gzip, binary=session.binary)
            return await self._converse(socket, call, session, sending, received), False
        if not scripted:
            call = replace(call, behaviour=self._next_behaviour())
        ending = await sending.send(_reply(dialect, call), call.behaviour)
        return ending, ending in {"complete", "cut_short"}

    async def _converse(
        self, socket: WebSocket, call: Call, session: Session, sending: Sending, received: ReceivedRequest
    ) -> Ending:
        """A session over a WebSocket, until one side ends it; each answer follows the script like a reply."""
        received.status = 101
        ending: Ending = "complete"
        try:
            await socket.accept(call.headers, call.path)
            await sending.stream(socket, session.opened(), Behaviour())
            async for message in socket.messages():
                asked = call
                if session.asks(message) and HEADER not in call.headers:
                    asked = replace(call, behaviour=self._next_behaviour())
                status = asked.behaviour.status
                refused = session.asks(message) and status is not None and status >= 400
                reply = session.failed(status or 0, FAILURE) if refused else session.heard(message, asked)
                received.input_tokens += reply.input_tokens
                received.output_tokens += reply.output_tokens
                if not await sending.ready(asked.behaviour):
                    return "client_gone"
                ending = await sending.stream(socket, reply, asked.behaviour if reply.pieces else Behaviour())
                self.journal.changed()
                if refused and session.fatal:
                    await socket.close(INTERNAL_ERROR, FAILURE)
                if ending != "complete":
                    break
            if ending != "aborted":
                await socket.close()
        finally:
            received.body_bytes, received.body_sha256 = socket.heard, socket.heard_sha256
            received.response_bytes, received.response_sha256 = socket.sent, socket.sha256
        return ending

    def _next_behaviour(self) -> Behaviour:
        return self._script.popleft() if self._script else self.behaviour


def _reply(dialect: Dialect, call: Call) -> Reply:
    status = call.behaviour.status
    if status is not None and status >= 400:
        return dialect.error(status, FAILURE)
    return dialect.answer(call)


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
