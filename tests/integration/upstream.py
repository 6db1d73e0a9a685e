"""A small HTTP/1 provider on a real socket, in the clear or behind TLS, that answers by path and notes what reached it."""

import asyncio
import base64
import contextlib
import gzip
import hashlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field


@dataclass
class Received:
    """One request as it arrived."""

    line: str
    headers: dict[str, str]
    body: bytes
    trailers: bytes = b""


@dataclass
class Upstream:
    """What the provider saw. `release` lets replies that wait go on; `sent` counts their chunks."""

    host: str = "127.0.0.1"
    port: int = 0
    connections: int = 0
    requests: list[Received] = field(default_factory=list)
    sent: int = 0
    broken: asyncio.Event = field(default_factory=asyncio.Event)
    release: asyncio.Event = field(default_factory=asyncio.Event)
    started: asyncio.Event = field(default_factory=asyncio.Event)


def event(number: int) -> bytes:
    """The event that streams send as their chunk `number`."""
    return b'data: {"i":%d}\n\n' % number


def big(size: int) -> bytes:
    """Bytes that neither repeat nor compress away."""
    block = bytes((i * 167 + i // 251) % 256 for i in range(65_536))
    return (block * (size // len(block) + 1))[:size]


type Route = Callable[[Upstream, Received, asyncio.StreamWriter], Awaitable[None]]


def chunked(*parts: bytes) -> bytes:
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts)


def switching(request: Received) -> bytes:
    """The answer that agrees to a WebSocket."""
    key = request.headers["sec-websocket-key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
    accept = base64.b64encode(hashlib.sha1(key.encode(), usedforsecurity=False).digest())
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
    )


_SSE_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


async def _json(_up: Upstream, _request: Received, writer: asyncio.StreamWriter) -> None:
    writer.write(b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 11\r\n\r\n{"ok":true}')


async def _echo(_up: Upstream, request: Received, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(request.body) + request.body)


async def _gzip(_up: Upstream, _request: Received, writer: asyncio.StreamWriter) -> None:
    body = gzip.compress(b'{"usage":{"total_tokens":3}}', mtime=0)
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body) + body)


async def _big(_up: Upstream, _request: Received, writer: asyncio.StreamWriter) -> None:
    body = big(20_000_000)
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)


async def _sse(up: Upstream, _request: Received, writer: asyncio.StreamWriter) -> None:
    """Three events, then as many as the reader takes once released, 500 at most."""
    writer.write(_SSE_HEAD)
    for number in range(3):
        writer.write(chunked(event(number)))
    await writer.drain()
    up.started.set()
    await up.release.wait()
    for number in range(3, 500):
        writer.write(chunked(event(number)))
        await writer.drain()
        up.sent = number
        await asyncio.sleep(0)
    writer.write(b"0\r\n\r\n")


async def _short(_up: Upstream, _request: Received, writer: asyncio.StreamWriter) -> None:
    writer.write(_SSE_HEAD + chunked(event(0), event(1), event(2)) + b"0\r\n\r\n")


async def _drop(_up: Upstream, _request: Received, writer: asyncio.StreamWriter) -> None:
    writer.write(_SSE_HEAD + chunked(event(0), event(1)))
    await writer.drain()
    writer.close()


async def _until_close(up: Upstream, _request: Received, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n" + event(0))
    await writer.drain()
    up.started.set()
    await up.release.wait()
    writer.write(event(1))
    await writer.drain()
    writer.close()


async def _trailers(_up: Upstream, _request: Received, writer: asyncio.StreamWriter) -> None:
    writer.write(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: x-t\r\n\r\n"
        + chunked(b"ok")
        + b"0\r\nx-t: 1\r\n\r\n"
    )


async def _endless_head(_up: Upstream, _request: Received, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nX: ")
    with contextlib.suppress(ConnectionError):
        while True:
            writer.write(b"a" * 65_536)
            await writer.drain()


async def _alt_svc(_up: Upstream, _request: Received, writer: asyncio.StreamWriter) -> None:
    writer.write(b'HTTP/1.1 200 OK\r\nAlt-Svc: h3=":443"\r\nX-Kept: 1\r\nContent-Length: 2\r\n\r\nok')


async def _silent(up: Upstream, _request: Received, _writer: asyncio.StreamWriter) -> None:
    up.started.set()
    await up.release.wait()


_ROUTES: dict[str, Route] = {
    "/json": _json,
    "/echo": _echo,
    "/gzip": _gzip,
    "/big": _big,
    "/sse": _sse,
    "/short": _short,
    "/drop": _drop,
    "/until-close": _until_close,
    "/trailers": _trailers,
    "/endless-head": _endless_head,
    "/alt-svc": _alt_svc,
    "/silent": _silent,
}


async def _read(reader: asyncio.StreamReader) -> Received:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
    request = Received(head[0], headers, b"")
    if "chunked" in headers.get("transfer-encoding", ""):
        while size := int(await reader.readline(), 16):
            request.body += (await reader.readexactly(size + 2))[:-2]
        while (line := await reader.readline()) not in {b"\r\n", b""}:
            request.trailers += line
    else:
        request.body = await reader.readexactly(int(headers.get("content-length", "0")))
    return request


@contextlib.asynccontextmanager
async def upstream(
    context: ssl.SSLContext | None = None, routes: dict[str, Route] | None = None
) -> AsyncIterator[Upstream]:
    """Serves until left."""
    seen = Upstream()
    table = _ROUTES | (routes or {})

    serving: dict[asyncio.Task[None] | None, asyncio.StreamWriter] = {}

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.connections += 1
        task = asyncio.current_task()
        serving[task] = writer
        try:
            while True:
                request = await _read(reader)
                seen.requests.append(request)
                path = request.line.split(" ")[1].partition("?")[0]
                await table[path](seen, request, writer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            seen.broken.set()
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
            del serving[task]

    server = await asyncio.start_server(serve, seen.host, 0, ssl=context, limit=1 << 20)
    seen.port = server.sockets[0].getsockname()[1]
    try:
        yield seen
    finally:
        seen.release.set()
        server.close()
        for writer in serving.values():
            writer.close()
        if serving:
            await asyncio.wait([task for task in serving if task is not None], timeout=5)
