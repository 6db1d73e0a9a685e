"""Reads HAR 1.2. Bodies are text, or base64 when `encoding` says so (as an extension, in `postData` too).

Sessions over a WebSocket stand where Chrome writes them: `_webSocketMessages` of an entry, whole messages in order.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tokmeter.capture.replay.recording import BrokenEntry, Fields, Message, RecordedExchange
from tokmeter.errors import TokmeterError

DEFAULT_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}
UNDONE = frozenset({b"content-encoding", b"content-length", b"transfer-encoding", b"sec-websocket-extensions"})
"""Fields that no longer describe a body, or messages, which a HAR holds decoded and whole."""

BINARY = 2
"""The opcode of a message that is no text, and therefore base64 in a HAR."""


def entries(path: Path) -> Iterator[RecordedExchange | BrokenEntry]:
    """Yields every entry in order; raises `TokmeterError` when the file is not a HAR at all."""
    for index, entry in enumerate(_entries(path)):
        try:
            yield _exchange(index, entry)
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as reason:
            yield BrokenEntry(index, _reason(reason))


def _entries(path: Path) -> list[Any]:
    try:
        document = json.loads(path.read_bytes())
    except json.JSONDecodeError as reason:
        raise TokmeterError(
            f"not a HAR file: {reason.msg}",
            where=f"{path}:{reason.lineno}:{reason.colno}",
            hint="a HAR file is one JSON object; was the export cut off?",
        ) from reason
    except UnicodeDecodeError as reason:
        raise TokmeterError(
            "neither a HAR file nor a mitmproxy flow file", where=f"{path}, byte {reason.start}"
        ) from reason
    except RecursionError as reason:
        raise TokmeterError("not a HAR file: nested too deeply", where=str(path)) from reason
    except OSError as reason:
        raise TokmeterError(f"the recording cannot be read: {reason.strerror}", where=str(path)) from reason
    log = document.get("log") if isinstance(document, dict) else None
    found = log.get("entries") if isinstance(log, dict) else None
    if not isinstance(found, list):
        raise TokmeterError("not a HAR file: it has no log.entries", where=str(path))
    return found


def _exchange(index: int, entry: dict[str, Any]) -> RecordedExchange:
    request, response = entry["request"], entry.get("response") or {}
    url = urlsplit(request["url"])
    if not url.hostname:
        raise ValueError(f"request.url has no host: {url.geturl()[:80]!r}")
    scheme = url.scheme.lower()
    content = response.get("content") or {}
    status = int(response.get("status") or 0)
    return RecordedExchange(
        index=index,
        time_ns=_instant(entry.get("startedDateTime")),
        duration_ns=max(0, round(float(entry.get("time") or 0) * 1_000_000)),
        method=str(request["method"]),
        scheme=scheme,
        host=url.hostname,
        port=url.port or DEFAULT_PORTS.get(scheme, 443),
        path=(url.path or "/") + (f"?{url.query}" if url.query else ""),
        headers=_fields(request.get("headers")),
        body=_body(request.get("postData") or {}),
        # Browsers write 0 for a request that was blocked or failed.
        status=status if 100 <= status <= 999 else None,
        response_headers=_fields(response.get("headers")),
        response_body=_body(content),
        # As browsers write it for a response that failed while it was read.
        broke_off=response.get("_error") is not None,
        messages=[_message(message) for message in entry.get("_webSocketMessages") or []],
    )


def _message(message: dict[str, Any]) -> Message:
    data, opcode = message["data"], int(message["opcode"])
    payload = base64.b64decode(data, validate=True) if opcode == BINARY else data.encode("utf-8", "surrogatepass")
    sent = message["type"] == "send"
    return Message(
        sent, max(0, int(float(message.get("time") or 0) * 1_000_000) * 1000), _frame(opcode, payload, masked=sent)
    )


def _frame(opcode: int, payload: bytes, *, masked: bool) -> bytes:
    """`payload` as it was on the wire, uncompressed and in one piece. A client's mask of zeros leaves it as it is."""
    if len(payload) < 126:
        size = bytes([len(payload)])
    elif len(payload) < 1 << 16:
        size = b"\x7e" + len(payload).to_bytes(2)
    else:
        size = b"\x7f" + len(payload).to_bytes(8)
    head = bytes([0x80 | opcode & 0x0F, size[0] | (0x80 if masked else 0)]) + size[1:]
    return head + (bytes(4) if masked else b"") + payload


def _instant(text: object) -> int:
    if text is None:
        return 0
    moment = datetime.fromisoformat(str(text))
    if moment.tzinfo is None:
        raise ValueError(f"startedDateTime has no offset: {text!r}")
    # Recorders write the first day of 1970, in whatever zone, for a time that they do not know.
    return max(0, int(moment.replace(microsecond=0).timestamp()) * 1_000_000_000 + moment.microsecond * 1000)


def _fields(headers: Any) -> Fields:
    pairs = [(str(field["name"]).encode("utf-8"), str(field["value"]).encode("utf-8")) for field in headers or []]
    return [(name, value) for name, value in pairs if name.lower() not in UNDONE and not name.startswith(b":")]


def _body(content: dict[str, Any]) -> bytes:
    text = content.get("text")
    if text is None:
        return b""
    if not isinstance(text, str):
        raise TypeError("the body's text is not a string")
    if content.get("encoding") == "base64":
        try:
            return base64.b64decode(text, validate=True)
        except binascii.Error as reason:
            raise ValueError(f"the body is not base64: {reason}") from reason
    return text.encode("utf-8", "surrogatepass")


def _reason(reason: Exception) -> str:
    if isinstance(reason, KeyError):
        return f"{reason.args[0]} is missing"
    return str(reason)
