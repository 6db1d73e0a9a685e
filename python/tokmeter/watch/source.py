"""Where the live view's events come from: a sidecar's event stream. Knows no table."""

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

QUEUE_MAX = 10_000
"""Events waiting to be drawn; the reader waits when it is full, and the sidecar drops for it, counted."""
LINE_BYTES_MAX = 64 * 1024
CONNECT_LIMIT_S = 5.0
RETRY_S = 1.0


class SidecarSource:
    """Reads `/events` on a thread and `/budgets` on demand; reconnects when the sidecar restarts."""

    def __init__(self, url: str) -> None:
        """Prepares a source; raises `TokmeterError` for an address that is none."""
        parts = urlsplit(url if "://" in url else f"http://{url}")
        if parts.scheme != "http" or not parts.hostname:
            raise TokmeterError("not the address of a sidecar", where=url, hint="write for example http://127.0.0.1:15490")
        self._host, self._port = parts.hostname, parts.port or 80
        self._events: queue.Queue[str] = queue.Queue(QUEUE_MAX)
        self._stopping = threading.Event()
        self._open: HTTPConnection | None = None
        self._thread = threading.Thread(target=self._run, name="sidecar-events", daemon=True)
        self.connected = False

    def __enter__(self) -> Self:
        """Connects; raises `TokmeterError` when no sidecar answers."""
        first = self._connect()
        self.connected = True
        self._thread = threading.Thread(target=self._run, args=(first,), name="sidecar-events", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        connection = self._open
        if connection is not None and connection.sock is not None:
            with contextlib.suppress(OSError):
                connection.sock.shutdown(socket.SHUT_RDWR)
        self._thread.join(CONNECT_LIMIT_S)

    def lines(self, limit_s: float) -> list[str]:
        """The event lines that have arrived, waiting up to `limit_s` for the first."""
        found: list[str] = []
        with contextlib.suppress(queue.Empty):
            found.append(self._events.get(timeout=limit_s) if limit_s > 0 else self._events.get_nowait())
            while len(found) < QUEUE_MAX:
                found.append(self._events.get_nowait())
        return found

    def budgets(self) -> list[dict[str, Any]]:
        """The budget accounts now; an empty list while the sidecar does not answer."""
        connection = HTTPConnection(self._host, self._port, timeout=CONNECT_LIMIT_S)
        try:
            connection.request("GET", "/budgets")
            value = json.loads(connection.getresponse().read())
        except (OSError, HTTPException, ValueError):
            return []
        finally:
            connection.close()
        return value if isinstance(value, list) else []

    def _connect(self) -> HTTPResponse:
        connection = HTTPConnection(self._host, self._port, timeout=CONNECT_LIMIT_S)
        where = f"http://{self._host}:{self._port}/events"
        try:
            connection.request("GET", "/events")
            response = connection.getresponse()
        except (OSError, HTTPException) as reason:
            connection.close()
            raise TokmeterError(
                f"no sidecar answers: {reason}", where=where, hint="start `tokmeter proxy` and use its metrics address"
            ) from reason
        if response.status != 200:  # noqa: PLR2004 - the one good status
            connection.close()
            raise TokmeterError(f"the sidecar answers with status {response.status}", where=where)
        # A quiet stream is no failure.
        if connection.sock is not None:
            connection.sock.settimeout(None)
        self._open = connection
        return response

    def _run(self, response: HTTPResponse | None = None) -> None:
        while not self._stopping.is_set():
            if response is not None:
                self._read(response)
                self.connected = False
            if self._stopping.wait(RETRY_S):
                return
            response = None
            with contextlib.suppress(TokmeterError):
                response = self._connect()
                self.connected = True

    def _read(self, response: HTTPResponse) -> None:
        with contextlib.suppress(OSError, HTTPException, ValueError, AttributeError), response:
            while not self._stopping.is_set():
                line = response.readline(LINE_BYTES_MAX)
                if not line:
                    return
                if line.strip():
                    self._put(line.decode("utf-8", "replace").strip())

    def _put(self, line: str) -> None:
        while not self._stopping.is_set():
            with contextlib.suppress(queue.Full):
                self._events.put(line, timeout=RETRY_S)
                return
