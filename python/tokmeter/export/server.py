"""The HTTP server beside the proxy: ``/metrics``, ``/events``, ``/budgets``, ``/healthz`` and ``/readyz``.

Owns sockets and threads of its own, so that a scrape never waits for traffic nor traffic for a scrape. Refuses to
know what the numbers mean. Answers GET only; everything is bounded, a connection too many is told 503.
"""

import errno
import json
import select
import socket
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, HTTPServer
from socketserver import ThreadingMixIn
from typing import Any

from tokmeter.errors import TokmeterError
from tokmeter.export.jsonl import EventStream, Subscription
from tokmeter.export.limits import CONNECTIONS_MAX, SOCKET_S, STOP_POLL_S, WATCH_S
from tokmeter.export.prometheus import CONTENT_TYPE, Collector, exposition

_FULL = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\nRetry-After: 5\r\n\r\n"


class MetricsServer:
    """Serves until stopped."""

    def __init__(
        self,
        host: str,
        port: int,
        *,
        collector: Collector,
        events: EventStream,
        budgets: Callable[[], Sequence[Mapping[str, Any]]],
        health: Callable[[], Mapping[str, Any]],
        ready: Callable[[], bool] = lambda: True,
    ) -> None:
        """`budgets` and `health` give what JSON can hold. `health` never decides the HTTP status.

        While the ledger fails traffic goes on, and a sidecar restarted for that would stop it. `ready` decides that of
        ``/readyz``: what is beside the proxy waits for it.
        """
        self._address = (host, port)
        self._routes = _Routes(collector, events, budgets, health, ready)
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> tuple[str, int]:
        """Listens and returns the bound address. Raises `TokmeterError` when it cannot."""
        try:
            server = self._listening()
        except OSError as error:
            host, port = self._address
            reason = (error.strerror or str(error)).lower()
            raise TokmeterError(
                f"the metrics server cannot listen: {reason}",
                where=f"{host}:{port}",
                hint="give another address with --metrics or metrics.listen",
            ) from None
        self._server = server
        self._thread = threading.Thread(
            target=server.serve_forever, args=(STOP_POLL_S,), name="tokmeter-metrics", daemon=True
        )
        self._thread.start()
        return server.server_name, server.server_port

    def _listening(self) -> "_Server":
        host, port = self._address
        try:
            return _Server(self._address, self._routes)
        except OSError as error:
            # All addresses are asked for, and this kernel knows no IPv6.
            if host != "::" or error.errno != errno.EAFNOSUPPORT:
                raise
            return _Server(("0.0.0.0", port), self._routes)  # noqa: S104 - as asked

    def stop(self) -> None:
        """Stops listening; event streams end once they are quiet. A repeated call does nothing."""
        server, self._server = self._server, None
        if server is not None and self._thread is not None:
            server.stopping.set()
            server.shutdown()
            server.server_close()
            self._thread.join()


class _Routes:
    """What each path answers with."""

    def __init__(
        self,
        collector: Collector,
        events: EventStream,
        budgets: Callable[[], Sequence[Mapping[str, Any]]],
        health: Callable[[], Mapping[str, Any]],
        ready: Callable[[], bool],
    ) -> None:
        self._collector = collector
        self._budgets = budgets
        self._health = health
        self.ready = ready
        self.events = events

    def whole(self, path: str) -> tuple[str, bytes] | None:
        """Content type and body; None for a path that is not known."""
        match path:
            case "/metrics":
                return CONTENT_TYPE, exposition(self._collector)
            case "/budgets":
                return "application/json", _json(list(self._budgets()))
            case "/healthz":
                return "application/json", _json(self._health())
        return None


class _Server(ThreadingMixIn, HTTPServer):
    """A thread for each connection, up to a bound."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = CONNECTIONS_MAX

    def __init__(self, address: tuple[str, int], routes: _Routes) -> None:
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        self.routes = routes
        self.stopping = threading.Event()
        self._free = threading.BoundedSemaphore(CONNECTIONS_MAX)
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
        request.settimeout(0)
        with suppress(OSError):
            request.sendall(_FULL)
        self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is nobody's error; the rest is answered with 500 where it happens."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    server_version = "tokmeter"
    sys_version = ""
    timeout = SOCKET_S
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path == "/events":
            self._events()
            return
        if path == "/readyz":
            ready = self.server.routes.ready()
            status = HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE
            self._answer(status, "application/json", _json({"ready": ready}))
            return
        try:
            answer = self.server.routes.whole(path)
        except Exception as error:  # noqa: BLE001 - whatever breaks here must show at the scraper, not end a thread
            self._answer(HTTPStatus.INTERNAL_SERVER_ERROR, "text/plain", f"{type(error).__name__}\n".encode())
            return
        if answer is None:
            known = b"known: /metrics /events /budgets /healthz /readyz\n"
            self._answer(HTTPStatus.NOT_FOUND, "text/plain", known)
        else:
            self._answer(HTTPStatus.OK, *answer)

    def log_message(self, *_: object) -> None:
        """Requests for metrics are not worth a line each."""

    def _answer(self, status: HTTPStatus, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _events(self) -> None:
        subscription = self.server.routes.events.subscribe()
        if subscription is None:
            self._answer(HTTPStatus.SERVICE_UNAVAILABLE, "text/plain", b"too many readers of the event stream\n")
            return
        with subscription:
            self.close_connection = True
            self.send_response(HTTPStatus.OK)
            self.send_header("Content-Type", "application/x-ndjson")
            self.send_header("Cache-Control", "no-store")
            self.send_header("Connection", "close")
            self.end_headers()
            self._stream(subscription)

    def _stream(self, subscription: Subscription) -> None:
        while not subscription.ended:
            line = subscription.get(WATCH_S)
            if line is not None:
                self.wfile.write(line.encode() + b"\n")
            elif self.server.stopping.is_set() or self._gone():
                return

    def _gone(self) -> bool:
        """Whether the client closed its side: a silent reader would otherwise keep its place until the next event."""
        poll = select.poll()  # select() refuses the descriptors beyond 1024 that a busy proxy has
        poll.register(self.connection, select.POLLIN)
        return bool(poll.poll(0)) and not self.connection.recv(1, socket.MSG_PEEK)


def _json(value: object) -> bytes:
    return json.dumps(value).encode() + b"\n"
