"""The simulator's side of HTTP/1.1: reading one request, writing one reply. Knows no provider."""

from __future__ import annotations

import asyncio
import hashlib
import zlib
from dataclasses import dataclass
from http import HTTPStatus

HEAD_BYTES_MAX = 256 * 1024
"""Bytes of a request line and header."""
BODY_BYTES_MAX = 256 * 1024 * 1024
"""Bytes of a request body, held whole."""


class BadRequestError(Exception):
    """The request cannot be read; the connection ends."""


@dataclass(frozen=True, slots=True)
class RawRequest:
    """A request as it was read. Header names are in lower case; of repeated fields the last is kept."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


async def read_request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> RawRequest | None:
    """Reads one request; None when the client is done. Raises `BadRequestError`."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as end:
        if end.partial.strip():
            raise BadRequestError("the header is incomplete") from None
        return None
    except asyncio.LimitOverrunError:
        raise BadRequestError("the header is too long") from None
    first, *lines = head.decode("latin-1").strip("\r\n").split("\r\n")
    parts = first.split(" ")
    if len(parts) != 3 or not parts[2].startswith("HTTP/1."):
        raise BadRequestError("not an HTTP/1 request line")
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    if headers.get("expect", "").lower() == "100-continue":
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        await writer.drain()
    return RawRequest(parts[0], parts[1], headers, await _read_body(reader, headers))


async def _read_body(reader: asyncio.StreamReader, headers: dict[str, str]) -> bytes:
    try:
        if "chunked" in headers.get("transfer-encoding", "").lower():
            return await _read_chunked(reader)
        length = int(headers.get("content-length", "0"))
        if not 0 <= length <= BODY_BYTES_MAX:
            raise BadRequestError("the body is too long")
        return await reader.readexactly(length)
    except (ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        raise BadRequestError("the body is malformed") from None


async def _read_chunked(reader: asyncio.StreamReader) -> bytes:
    body = bytearray()
    while True:
        size = int((await reader.readuntil(b"\r\n")).partition(b";")[0], 16)
        if size == 0:
            while await reader.readuntil(b"\r\n") != b"\r\n":
                pass
            return bytes(body)
        if len(body) + size > BODY_BYTES_MAX:
            raise BadRequestError("the body is too long")
        body += await reader.readexactly(size)
        await reader.readexactly(2)


class ReplyWriter:
    """Writes one reply and remembers size and hash of its body."""

    def __init__(self, writer: asyncio.StreamWriter, *, gzip: bool) -> None:
        """Prepares a reply on `writer`; `gzip` compresses its body."""
        self._writer = writer
        self._packer = zlib.compressobj(wbits=31) if gzip else None
        self._hash = hashlib.sha256()
        self._chunked = False
        self.sent = 0

    @property
    def sha256(self) -> str:
        """Hash of the body so far, content coding included."""
        return self._hash.hexdigest()

    async def whole(self, status: int, headers: dict[str, str], body: bytes) -> None:
        """A reply of known length."""
        packed = body if self._packer is None else self._packer.compress(body) + self._packer.flush()
        self._head(status, {**headers, "content-length": str(len(packed))})
        self._count(packed)
        self._writer.write(packed)
        await self._writer.drain()

    async def begin(self, status: int, headers: dict[str, str]) -> None:
        """The header of a reply of unknown length."""
        self._chunked = True
        self._head(status, {**headers, "transfer-encoding": "chunked"})
        await self._writer.drain()

    async def piece(self, data: bytes) -> None:
        """One piece of such a reply, on the wire before this returns."""
        if self._packer is not None:
            data = self._packer.compress(data) + self._packer.flush(zlib.Z_SYNC_FLUSH)
        await self._chunk(data)

    async def end(self) -> None:
        """The end of such a reply."""
        if self._packer is not None:
            await self._chunk(self._packer.flush())
        self._writer.write(b"0\r\n\r\n")
        await self._writer.drain()

    async def _chunk(self, data: bytes) -> None:
        self._count(data)
        self._writer.write(b"%x\r\n%b\r\n" % (len(data), data))
        await self._writer.drain()

    def _count(self, data: bytes) -> None:
        self.sent += len(data)
        self._hash.update(data)

    def _head(self, status: int, headers: dict[str, str]) -> None:
        if self._packer is not None:
            headers = {**headers, "content-encoding": "gzip"}
        try:
            phrase = HTTPStatus(status).phrase
        except ValueError:
            phrase = "Simulated"
        lines = [f"HTTP/1.1 {status} {phrase}", *(f"{name}: {value}" for name, value in headers.items())]
        self._writer.write(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))
