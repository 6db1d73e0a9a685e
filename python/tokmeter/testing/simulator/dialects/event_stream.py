"""AWS's binary event stream: a prelude, headers, a payload, and a CRC-32 over each. Knows no provider's events."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping

MEDIA = "application/vnd.amazon.eventstream"
STRING = 7
"""The type of a header whose value is a string."""


def message(headers: Mapping[str, str], payload: bytes) -> bytes:
    """One message: lengths and their checksum, headers, payload, checksum of all before it."""
    head = b"".join(_header(name, value) for name, value in headers.items())
    lengths = struct.pack(">II", 16 + len(head) + len(payload), len(head))
    body = lengths + struct.pack(">I", zlib.crc32(lengths)) + head + payload
    return body + struct.pack(">I", zlib.crc32(body))


def event(kind: str, payload: bytes) -> bytes:
    """An event of that type with a JSON payload."""
    head = {":event-type": kind, ":content-type": "application/json", ":message-type": "event"}
    return message(head, payload)


def _header(name: str, value: str) -> bytes:
    key, text = name.encode(), value.encode()
    return struct.pack(">B", len(key)) + key + struct.pack(">BH", STRING, len(text)) + text
