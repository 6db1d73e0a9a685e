"""An HTTP/1.1 server over TLS or without: a thread for each connection, everything bounded.

Owns sockets, threads, time-outs and how serving ends. Refuses to know what is answered. HTTP/2 is not offered: an API
server opens as many connections as it needs, keeps them, and each is one thread here.
"""

import io
import os
import select
import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, HTTPServer
from socketserver import ThreadingMixIn
from time import monotonic
from typing import Any, cast

from tokmeter.errors import TokmeterError
from tokmeter.injector import limits
from tokmeter.injector.admission import Answer
from tokmeter.injector.room import Room

type Routes = Callable[[str, str, bytes], Answer]
"""Method, path and body in, the answer out. An exception is answered with 500."""

PLAIN = "text/plain; charset=utf-8"
_FULL = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\nRetry-After: 1\r\n\r\n"


class Listener:
    """Serves until stopped."""

    def __init__(
        self,
        address: tuple[str, int],
        routes: Routes,
        *,
        name: str,
        option: str,
        context: Callable[[], ssl.SSLContext | None] | None = None,
        body_max: int = 0,
        connections_max: int = limits.STATUS_CONNECTIONS_MAX,
        handshake_failed: Callable[[], None] = lambda: None,
    ) -> None:
        """`context` is asked at each handshake, and no handshake is answered while it gives None."""
        self._address = address
        self._option = option
        self._name = name
        self._server: _Server | None = None
        self._made: Callable[[], _Server] = partial(
            _Server, address, routes, context, body_max, connections_max, handshake_failed
        )

    def start(self) -> tuple[str, int]:
        """Listens and returns the bound address. Raises `TokmeterError` when it cannot."""
        try:
            server = self._made()
        except OSError as error:
            raise TokmeterError(
                f"the {self._name} server cannot listen: {(error.strerror or str(error)).lower()}",
                where=f"{self._address[0]}:{self._address[1]}",
                hint=f"give another address with {self._option}",
            ) from None
        self._server = server
        threading.Thread(
            target=server.serve_forever, args=(limits.STOP_POLL_S,), name=f"tokmeter-{self._name}", daemon=True
        ).start()
        return server.server_name, server.server_port

    def stop(self, patience_s: float) -> None:
        """Stops accepting, answers what is open for up to `patience_s`. A repeated call does nothing."""
        server, self._server = self._server, None
        if server is not None:
            server.leave(patience_s)


class _Server(ThreadingMixIn, HTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(
        self,
        address: tuple[str, int],
        routes: Routes,
        context: Callable[[], ssl.SSLContext | None] | None,
        body_max: int,
        connections_max: int,
        handshake_failed: Callable[[], None],
    ) -> None:
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        self.routes = routes
        self.body_max = body_max
        self.room = Room(limits.BODIES_BYTES_MAX)
        self.leaving = threading.Event()
        self.woken, self._waking = os.pipe()
        self._context = context
        self._handshake_failed = handshake_failed
        self._free = threading.BoundedSemaphore(connections_max)
        self._changed = threading.Condition()
        self._open: set[_Handler] = set()
        super().__init__(address, _Handler)

    def server_bind(self) -> None:
        """Without the reverse look-up of the host's name, which may take as long as the network likes."""
        super(HTTPServer, self).server_bind()
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def process_request(self, request: Any, client_address: Any) -> None:
        if self._free.acquire(blocking=False):
            try:
                super().process_request(request, client_address)
            except BaseException:
                self._free.release()
                raise
            return
        if self._context is None:
            request.settimeout(0)
            with suppress(OSError):
                request.sendall(_FULL)
        self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """The handshake is here, in the connection's own thread: a slow one must not keep others from being accepted."""
        try:
            secured = self._secured(request)
            if secured is not None:
                super().process_request_thread(secured, client_address)
        finally:
            self._free.release()

    def _secured(self, request: socket.socket) -> socket.socket | None:
        if self._context is None:
            return request
        context = self._context()
        try:
            if context is None:
                raise ConnectionError
            request.settimeout(limits.HANDSHAKE_S)
            return context.wrap_socket(request, server_side=True)
        except OSError:
            self._handshake_failed()
            request.close()
            return None

    def entered(self, handler: "_Handler") -> None:
        """A connection is served."""
        with self._changed:
            self._open.add(handler)

    def left(self, handler: "_Handler") -> None:
        """It is no more."""
        with self._changed:
            self._open.discard(handler)
            self._changed.notify_all()

    def leave(self, patience_s: float) -> None:
        """A request that has arrived, even in part, is answered; a connection that is only kept ends."""
        self.shutdown()
        self.server_close()
        self.leaving.set()
        # The other end stays open: it is readable to every connection's thread from now on.
        os.close(self._waking)
        with self._changed:
            if self._changed.wait_for(lambda: not self._open, timeout=patience_s):
                os.close(self.woken)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is nobody's error; the rest is answered with 500 where it happens."""


class _Reading(io.RawIOBase):
    """What comes over one connection, all of it before an instant: a client that dribbles is no better than a silent one."""

    def __init__(self, connection: socket.socket, woken: int) -> None:
        """`woken` becomes readable when nothing more is to be waited for."""
        self._connection = connection
        # A record of TLS is 16 KiB at most, and each is one call: no layer in between that can be spared.
        self._receive: Callable[[memoryview], int] = (
            partial(_read, connection) if isinstance(connection, ssl.SSLSocket) else connection.recv_into
        )
        self._woken = woken
        self._until = 0.0
        self._waiting_s = 0.0
        self._idle = False

    def within(self, seconds: float, *, idle: bool = False) -> None:
        """From now on; `idle` while nothing of a request has come."""
        self._until = monotonic() + seconds
        self._idle = idle
        self._wait(seconds)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        left = self._until - monotonic()
        if left <= 0:
            raise TimeoutError
        if self._idle and not self._came(left):
            return 0
        if self._waiting_s - left > limits.DEADLINE_SLACK_S:
            self._wait(left)
        return self._receive(buffer)

    def _wait(self, seconds: float) -> None:
        self._waiting_s = seconds
        self._connection.settimeout(seconds)

    def _came(self, left: float) -> bool:
        if isinstance(self._connection, ssl.SSLSocket) and self._connection.pending():
            return True
        poll = select.poll()
        poll.register(self._connection, select.POLLIN)
        poll.register(self._woken, select.POLLIN)
        return self._connection.fileno() in dict(poll.poll(left * 1000))


def _read(connection: ssl.SSLSocket, buffer: memoryview) -> int:
    # With a buffer it is their number; the stubs know only of bytes.
    return cast(int, connection.read(len(buffer), buffer))


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    server_version = "tokmeter"
    sys_version = ""
    disable_nagle_algorithm = True
    wbufsize = -1

    def setup(self) -> None:
        super().setup()
        self._reading = _Reading(self.connection, self.server.woken)
        self.rfile = self._buffered = io.BufferedReader(self._reading, 1 << 16)
        self.server.entered(self)

    def finish(self) -> None:
        try:
            super().finish()
            if isinstance(self.connection, ssl.SSLSocket):
                # Says that nothing was cut off; whether the client says so too is not waited for.
                self.connection.settimeout(0)
                with suppress(OSError):
                    self.connection.unwrap()
        finally:
            self.server.left(self)

    def handle_one_request(self) -> None:
        self._reading.within(limits.IDLE_S, idle=True)
        try:
            if not self._buffered.peek(1):
                self.close_connection = True
                return
        except (OSError, ValueError):
            self.close_connection = True
            return
        self._reading.within(limits.HEAD_S)
        super().handle_one_request()
        if self.server.leaving.is_set():
            self.close_connection = True

    def do_GET(self) -> None:
        self._route(b"")

    def do_POST(self) -> None:
        length = self._length()
        if length is None:
            return
        self._reading.within(limits.BODY_S)
        held = 0
        pieces: list[bytes] = []
        try:
            while held < length:
                wanted = min(length - held, limits.BODY_PIECE_BYTES)
                if not self.server.room.take(wanted, limits.ROOM_S):
                    self._refuse(HTTPStatus.SERVICE_UNAVAILABLE, "too much at once")
                    return
                held += wanted
                pieces.append(self.rfile.read(wanted))
                if len(pieces[-1]) < wanted:
                    self.close_connection = True
                    return
            self._route(b"".join(pieces))
        except TimeoutError:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT, "the body did not come in time")
        finally:
            self.server.room.give(held)

    def _length(self) -> int | None:
        """How long the body says to be; None when that was answered already. Two opinions about it are none."""
        given = self.headers.get_all("Content-Length") or []
        if "Transfer-Encoding" in self.headers or len(given) != 1:
            self._refuse(HTTPStatus.LENGTH_REQUIRED, "a body needs one Content-Length")
        elif not (given[0].isascii() and given[0].isdigit() and len(given[0]) < 19):
            self._refuse(HTTPStatus.BAD_REQUEST, "Content-Length is not a number")
        elif int(given[0]) > self.server.body_max:
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a body has up to {self.server.body_max} bytes")
        else:
            return int(given[0])
        return None

    def _route(self, body: bytes) -> None:
        try:
            answer = self.server.routes(self.command, self.path.partition("?")[0], body)
        except Exception as error:  # noqa: BLE001 - whatever breaks must show at the client, not end a thread
            answer = Answer(500, PLAIN, f"{type(error).__name__}\n".encode())
        self._answer(answer)

    def _refuse(self, status: HTTPStatus, why: str) -> None:
        """What follows on the connection cannot be told from the body."""
        self.close_connection = True
        self._answer(Answer(status, PLAIN, f"{why}\n".encode()))

    def _answer(self, answer: Answer) -> None:
        if self.server.leaving.is_set():
            self.close_connection = True
        self.connection.settimeout(limits.SEND_S)
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.kind)
        self.send_header("Content-Length", str(len(answer.body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(answer.body)
        self.wfile.flush()

    def log_message(self, *_: object) -> None:
        """A line for each admission would say less than the metrics do."""
