"""A meter that does as it is told, for tests of capture: what the proxy does with each verdict must not depend on prices."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest


@dataclass
class ScriptedRefuse:
    """Stands in for the core's refusal, which programs cannot make."""

    status: int = 429
    headers: list[tuple[bytes, bytes]] = field(default_factory=lambda: [(b"content-type", b"application/json")])
    body: bytes = b'{"error":{"code":"insufficient_quota"}}'
    budget: str | None = "test"
    reason: str = "usd"


@dataclass
class ScriptedCut:
    """Stands in for the core's cut."""

    data: bytes
    clean: bool


@dataclass
class ScriptedExchange:
    """One exchange and everything that happened to it."""

    meter: "ScriptedMeter"
    request: Any
    decision: object
    status: int | None = None
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    chunks: list[bytes] = field(default_factory=list)
    said: list[bytes] = field(default_factory=list)
    """What the client of a session sent."""
    closes: list[str] = field(default_factory=list)

    @property
    def reads_session(self) -> bool:
        return self.meter.reads_sessions

    @property
    def body(self) -> bytes:
        return b"".join(self.chunks)

    def respond(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        self.status, self.headers = status, list(headers)

    def feed(self, chunk: bytes, _now: int) -> object:
        self.chunks.append(chunk)
        return self.meter.on_feed(self, chunk)

    def sent(self, chunk: bytes, _now: int) -> object:
        self.said.append(chunk)
        return None

    def close(self, reason: str, _now: int) -> object | None:
        self.closes.append(reason)
        if len(self.closes) > 1:
            return None
        return SimpleNamespace(exchange=self, reason=reason)


@dataclass
class ScriptedMeter:
    """Knows `names`; asks `on_open` for decisions and `on_feed` for verdicts."""

    names: tuple[str, ...]
    on_open: Callable[[Any], object] = lambda _request: None
    on_feed: Callable[[ScriptedExchange, bytes], object] = lambda _exchange, _chunk: None
    reads_sessions: bool = False
    exchanges: list[ScriptedExchange] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    counted: asyncio.Event = field(default_factory=asyncio.Event)
    """Set whenever something is counted as unread."""

    def knows_host(self, host: str, _port: int | None = None) -> bool:
        return host in self.names

    def hosts(self) -> list[str]:
        return list(self.names)

    def open(self, request: Any, _who: object, _now: int) -> ScriptedExchange | None:
        if request.host not in self.names:
            return None
        exchange = ScriptedExchange(self, request, self.on_open(request))
        self.exchanges.append(exchange)
        return exchange

    def refusal(self, _request: object, _now: int) -> ScriptedRefuse:
        return ScriptedRefuse(status=503, body=b"unmetered")

    def unmetered(self, reason: str) -> None:
        self.unread.append(reason)
        self.counted.set()


def install(patch: pytest.MonkeyPatch) -> None:
    """Lets the proxy take scripted verdicts for the core's."""
    patch.setattr("tokmeter.capture.proxy.metering.Refuse", ScriptedRefuse)
    patch.setattr("tokmeter.capture.proxy.metering.Request", SimpleNamespace)
    patch.setattr("tokmeter.capture.proxy.tap.Cut", ScriptedCut)
