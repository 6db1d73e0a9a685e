"""What the simulator received: sizes, hashes and ends of life, with events to await. Holds no body and no key."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal, Self

from tokmeter.testing.simulator.http import RawRequest

type Ending = Literal["open", "complete", "client_gone", "aborted", "cut_short"]

CREDENTIALS = frozenset({"authorization", "x-api-key", "api-key", "cookie", "x-goog-api-key", "x-amz-security-token"})
"""Header fields of which only the presence is recorded."""
KEY_IN_PATH = re.compile(r"(?<=[?&]key=)[^&]+")
SIGNATURE = "AWS4-HMAC-SHA256 "
"""What an authorization that signs a request begins with; it holds no key."""


@dataclass(slots=True, kw_only=True)
class ReceivedRequest:
    """One request as it arrived, and what became of its reply."""

    connection: int
    """Number of the connection it came on, from 1."""
    server_name: str | None
    """Server name of the TLS handshake."""
    method: str
    path: str
    """With the value of a key in its query replaced, like that of a credential."""
    headers: dict[str, str]
    """Names in lower case; the value of a credential is ``present``."""
    body_bytes: int
    """Of a WebSocket: those of the messages that came in."""
    body_sha256: str
    signature_sha256: str | None = None
    """Hash of an authorization header that signs the request in AWS's way."""
    status: int | None = None
    pieces: int = 0
    """Content pieces of a stream that were sent."""
    response_bytes: int = 0
    """Body bytes sent, content coding included, transfer coding excluded."""
    response_sha256: str = ""
    input_tokens: int = 0
    output_tokens: int = 0
    ending: Ending = "open"

    @classmethod
    def of(cls, raw: RawRequest, *, connection: int, server_name: str | None) -> Self:
        """The record of a request that has just been read."""
        authorization = raw.headers.get("authorization", "")
        signed = authorization.startswith(SIGNATURE)
        return cls(
            connection=connection,
            server_name=server_name,
            method=raw.method,
            path=KEY_IN_PATH.sub("present", raw.path),
            headers={name: "present" if name in CREDENTIALS else value for name, value in raw.headers.items()},
            body_bytes=len(raw.body),
            body_sha256=hashlib.sha256(raw.body).hexdigest(),
            signature_sha256=hashlib.sha256(authorization.encode()).hexdigest() if signed else None,
        )


@dataclass(slots=True)
class Journal:
    """Everything received so far, in order of arrival. Belongs to one event loop."""

    requests: list[ReceivedRequest] = field(default_factory=list)
    connections: int = 0
    open_connections: int = 0
    _waiting: list[tuple[Callable[[Journal], bool], asyncio.Future[None]]] = field(default_factory=list)

    def __iter__(self) -> Iterator[ReceivedRequest]:
        return iter(self.requests)

    def ended(self, ending: Ending) -> list[ReceivedRequest]:
        """The requests with that end of life."""
        return [request for request in self.requests if request.ending == ending]

    def changed(self) -> None:
        """Wakes those whose condition now holds."""
        for condition, future in list(self._waiting):
            if not future.done() and condition(self):
                future.set_result(None)

    async def until(self, condition: Callable[[Journal], bool], *, limit_s: float = 10.0) -> None:
        """Waits until `condition` holds; raises `TimeoutError` after `limit_s`."""
        if condition(self):
            return
        future = asyncio.get_running_loop().create_future()
        item = (condition, future)
        self._waiting.append(item)
        try:
            async with asyncio.timeout(limit_s):
                await future
        finally:
            self._waiting.remove(item)
