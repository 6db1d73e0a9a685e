"""One recorded exchange, and which reader a file needs. Knows neither the meter nor a file format."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from tokmeter.errors import TokmeterError

type Fields = list[tuple[bytes, bytes]]

RECORDING_BYTES_MAX = 1 << 30
"""Bytes of one recording file; a HAR is held whole."""

INSTANT_MAX_NS = (1 << 63) - 1
PORT_MAX = 65_535


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a session, as a single frame on the wire."""

    sent: bool
    """By the client."""
    time_ns: int
    frame: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedExchange:
    """A request and its response as they were recorded, bodies as bytes."""

    index: int
    time_ns: int
    """Start, nanoseconds since the Unix epoch; 0 when the recording does not say."""
    duration_ns: int
    method: str
    scheme: str
    host: str
    port: int
    path: str
    """With its query."""
    headers: Fields
    body: bytes
    status: int | None
    """None when no response arrived."""
    response_headers: Fields
    response_body: bytes
    broke_off: bool = False
    """The response ended before its protocol said so."""
    messages: Sequence[Message] = ()
    """Of a session over a WebSocket, in order."""

    def __post_init__(self) -> None:
        """Refuse with `ValueError` what cannot have been on a wire, or lies outside the years that clocks can count."""
        for text in (self.method, self.host, self.path):
            text.encode()
        if not 0 <= self.time_ns <= self.time_ns + self.duration_ns <= INSTANT_MAX_NS:
            raise ValueError("the time of the exchange is out of range")
        if not 0 < self.port <= PORT_MAX:
            raise ValueError(f"{self.port} is not a port")


@dataclass(frozen=True, slots=True)
class BrokenEntry:
    """An entry that cannot be read, and why."""

    index: int
    reason: str


def read(path: Path) -> Iterator[RecordedExchange | BrokenEntry]:
    """The entries of a HAR or mitmproxy flow file, in order.

    Raises `TokmeterError` when the file cannot be opened, is too large, or is neither.
    """
    try:
        if path.stat().st_size > RECORDING_BYTES_MAX:
            raise TokmeterError(
                f"the recording is larger than {RECORDING_BYTES_MAX >> 20} MiB",
                where=str(path),
                hint="split it into smaller files",
            )
        with path.open("rb") as file:
            first = file.read(64).removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    except OSError as reason:
        raise TokmeterError(f"the recording cannot be read: {reason.strerror}", where=str(path)) from reason
    # A flow file starts with the decimal length of its first record. Its reader needs mitmproxy, which takes most of
    # a second to import, so it is loaded for such files only.
    name = "flows" if first.isdigit() else "har"
    entries: Iterator[RecordedExchange | BrokenEntry] = import_module(f"tokmeter.capture.replay.{name}").entries(path)
    return entries
