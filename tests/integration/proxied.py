"""Runs a proxy around a scenario, and speaks raw HTTP/1 to it: tests see the bytes a client would see."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.integration.scripted_meter import ScriptedMeter
from tests.integration.upstream import Upstream
from tokmeter._core import Attribution, Meter
from tokmeter.capture.proxy import ProxyCapture, ProxySettings, event_loop_factory
from tokmeter.clock import now_ns

PATIENCE_S = 20.0
"""A scenario that takes longer hangs."""


def run(scenario: Coroutine[Any, Any, None], *, uvloop: bool = True) -> None:
    """Runs `scenario` to its end on an event loop of its own."""
    factory = event_loop_factory() if uvloop else asyncio.new_event_loop

    async def bounded() -> None:
        async with asyncio.timeout(PATIENCE_S):
            await scenario

    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(bounded())


@dataclass
class Proxied:
    """A running proxy and what it handed to the ledger."""

    capture: ProxyCapture
    host: str
    port: int
    entries: list[Any]
    arrived: asyncio.Event

    async def entry(self, number: int = 1) -> Any:
        """The `number`-th entry, once it is there."""
        while len(self.entries) < number:
            self.arrived.clear()
            await self.arrived.wait()
        return self.entries[number - 1]


@contextlib.asynccontextmanager
async def proxied(
    meter: ScriptedMeter | Meter,
    ca_dir: Path,
    *,
    who: Attribution | None = None,
    sink: Callable[[Any], None] | None = None,
    **settings: Any,
) -> AsyncIterator[Proxied]:
    """A proxy on a free port, stopped when left. Entries are collected unless there is a `sink`."""
    settings.setdefault("listen", (("127.0.0.1", 0),))
    entries: list[Any] = []
    arrived = asyncio.Event()

    def collect(entry: Any) -> None:
        entries.append(entry)
        arrived.set()

    capture = ProxyCapture(meter, who, ProxySettings(ca_dir=ca_dir, **settings), sink or collect, now_ns)  # type: ignore[arg-type]
    addresses = await capture.start()
    try:
        yield Proxied(capture, *addresses[0], entries, arrived)
    finally:
        await capture.stop()


def reverse(upstream: Upstream) -> str:
    """The mode that forwards everything to `upstream`."""
    return f"reverse:http://{upstream.host}:{upstream.port}"


@dataclass
class Reply:
    """A reply as raw bytes, and how it ended."""

    raw: bytes
    ended: str

    @property
    def status(self) -> int:
        return int(self.raw[9:12])

    @property
    def body(self) -> bytes:
        return self.raw.partition(b"\r\n\r\n")[2]


def post(path: str, body: bytes = b"{}", *headers: str) -> bytes:
    """A request with a body of known length."""
    lines = [f"POST {path} HTTP/1.1", "Host: upstream.test", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


async def whole(reader: asyncio.StreamReader) -> Reply:
    """Reads one reply to its end, by its own framing where it has one."""
    raw = b""
    try:
        raw = await reader.readuntil(b"\r\n\r\n")
        head = raw.lower()
        if b"transfer-encoding: chunked" in head:
            while not raw.endswith((b"\r\n0\r\n\r\n", b"\r\n0\r\nx-t: 1\r\n\r\n")):
                piece = await reader.read(65_536)
                if not piece:
                    return Reply(raw, "eof")
                raw += piece
        elif b"content-length:" in head:
            raw += await reader.readexactly(int(head.split(b"content-length:")[1].split(b"\r\n")[0]))
        else:
            while piece := await reader.read(65_536):
                raw += piece
            return Reply(raw, "eof")
    except asyncio.IncompleteReadError as error:
        return Reply(raw + error.partial, "eof")
    except ConnectionError:
        return Reply(raw, "reset")
    return Reply(raw, "complete")


@contextlib.asynccontextmanager
async def client(
    proxy: Proxied, tls: ssl.SSLContext | None = None, server_hostname: str | None = None
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection to the proxy."""
    reader, writer = await asyncio.open_connection(
        proxy.host, proxy.port, ssl=tls, server_hostname=server_hostname, limit=1 << 25
    )
    try:
        yield reader, writer
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def call(proxy: Proxied, request: bytes) -> Reply:
    """One request on a connection of its own."""
    async with client(proxy) as (reader, writer):
        writer.write(request)
        return await whole(reader)
