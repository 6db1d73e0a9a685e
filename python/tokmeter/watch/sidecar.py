"""A sidecar as a source of the live view: its `/events` stream and its `/budgets`."""

from __future__ import annotations

import contextlib
import json
import queue
import socket
import threading
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import Any, Self
from urllib.parse import urlsplit

from tokmeter.errors import TokmeterError
from tokmeter.watch.source import QUEUE_MAX, Stops, Unmetered

LINE_BYTES_MAX = 64 * 1024
"""Bytes of one event; real ones have about 1 kB."""
BUDGETS_BYTES_MAX = 16 << 20
ANSWER_LIMIT_S = 5.0
RETRY_S = 1.0
OK = 200


class SidecarSource:
    """Reads the stream on a thread; reconnects when the sidecar restarts. Use it as a context."""

    ended = False

    def __init__(self, url: str) -> None:
        """Prepare a source; raises `TokmeterError` for an address that is none."""
        parts = urlsplit(url if "://" in url else f"http://{url}")
        try:
            port = parts.port or 80
        except ValueError:
            port = 0
        if parts.scheme != "http" or not parts.hostname or not port:
            raise TokmeterError(
                "not the address of a sidecar", where=url, hint="write for example http://127.0.0.1:15490"
            )
        self._host, self._port = parts.hostname, port
        self._events: queue.Queue[dict[str, Any]] = queue.Queue(QUEUE_MAX)
        self._stopping = threading.Event()
        self._connection: HTTPConnection | None = None
        self._thread: threading.Thread | None = None
        self.malformed = 0

    def __enter__(self) -> Self:
        """Connect; raises `TokmeterError` when no sidecar answers."""
        first = self._connect()
        self._thread = threading.Thread(target=self._run, args=(first,), name="sidecar-events", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Disconnect."""
        self._stopping.set()
        open_socket = self._connection.sock if self._connection is not None else None
        if open_socket is not None:
            with contextlib.suppress(OSError):
                open_socket.shutdown(socket.SHUT_RDWR)
        if self._thread is not None:
            self._thread.join(ANSWER_LIMIT_S)

    def events(self, limit_s: float) -> list[dict[str, Any]]:
        """The events that have arrived, waiting up to `limit_s` for the first."""
        found: list[dict[str, Any]] = []
        with contextlib.suppress(queue.Empty):
            found.append(self._events.get(timeout=limit_s) if limit_s > 0 else self._events.get_nowait())
            while len(found) < QUEUE_MAX:
                found.append(self._events.get_nowait())
        return found

    def stopped(self) -> Stops:
        """Nothing: it is not stopped from here."""
        return Stops()

    def unmetered(self) -> list[Unmetered]:
        """Nothing: what is not read is not told here."""
        return []

    def budgets(self) -> list[dict[str, Any]]:
        """The budget accounts now; an empty list while the sidecar does not answer."""
        try:
            return self.require_budgets()
        except TokmeterError:
            return []

    def require_budgets(self) -> list[dict[str, Any]]:
        """The budget accounts now. Raises `TokmeterError` when no sidecar answers."""
        value = _document(self._host, self._port, "/budgets")
        return value if isinstance(value, list) else []

    def _connect(self) -> HTTPResponse:
        connection = HTTPConnection(self._host, self._port, timeout=ANSWER_LIMIT_S)
        response = _ask(connection, "/events")
        # A quiet stream is no failure.
        if connection.sock is not None:
            connection.sock.settimeout(None)
        self._connection = connection
        return response

    def _run(self, response: HTTPResponse | None) -> None:
        while True:
            if response is not None:
                self._read(response)
            if self._stopping.wait(RETRY_S):
                return
            response = None
            with contextlib.suppress(TokmeterError):
                response = self._connect()

    def _read(self, response: HTTPResponse) -> None:
        with contextlib.suppress(OSError, HTTPException), response:
            while not self._stopping.is_set() and (line := response.readline(LINE_BYTES_MAX)):
                if line.strip():
                    self._take(line)

    def _take(self, line: bytes) -> None:
        try:
            event = json.loads(line)
        except ValueError:
            event = None
        if not isinstance(event, dict):
            self.malformed += 1
            return
        # Waits while the queue is full: the sidecar drops for a slow reader, and counts that.
        while not self._stopping.is_set():
            with contextlib.suppress(queue.Full):
                self._events.put(event, timeout=RETRY_S)
                return


def _document(host: str, port: int, path: str) -> Any:
    """One JSON document of a sidecar. Raises `TokmeterError`."""
    connection = HTTPConnection(host, port, timeout=ANSWER_LIMIT_S)
    try:
        return json.loads(_ask(connection, path).read(BUDGETS_BYTES_MAX))
    except (OSError, HTTPException, ValueError) as reason:
        raise TokmeterError(
            f"the sidecar's answer cannot be read: {reason}", where=f"http://{host}:{port}{path}"
        ) from reason
    finally:
        connection.close()


def _ask(connection: HTTPConnection, path: str) -> HTTPResponse:
    where = f"http://{connection.host}:{connection.port}{path}"
    try:
        connection.request("GET", path)
        response = connection.getresponse()
    except (OSError, HTTPException) as reason:
        connection.close()
        said = (getattr(reason, "strerror", None) or str(reason) or type(reason).__name__).lower()
        raise TokmeterError(
            f"no sidecar answers: {said}", where=where, hint="start `tokmeter proxy` and give its metrics address"
        ) from reason
    if response.status != OK:
        connection.close()
        raise TokmeterError(f"the sidecar answers with status {response.status}", where=where)
    return response
