"""What is measured: one exchange and one stream a dialect, made of the corpus's cases. Pure: reads the corpus, times nothing."""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

CASES = Path(__file__).resolve().parents[2] / "tests" / "corpus" / "cases"
REPLY_BYTES = 2048
EVENTS = 400
TEXT = "It is so."
"""What every reply of the corpus says, lengthened here."""
UNARY = {
    "openai chat": ("openai-chat", 0),
    "openai responses": ("openai-responses", 0),
    "anthropic": ("anthropic-messages", 0),
    "gemini": ("gemini-generate", 0),
    "bedrock converse": ("bedrock-unary", 0),
    "cohere": ("cohere-more", 1),
    "mistral": ("mistral", 0),
    "ollama": ("ollama-odd", 0),
}
"""Dialect to case and entry, of replies in one document."""
STREAMS = {
    "openai chat": ("openai-stream-without-usage", 0),
    "openai responses": ("openai-responses", 1),
    "anthropic": ("anthropic-messages", 1),
    "gemini, SSE": ("gemini-generate", 3),
    "gemini, JSON array": ("gemini-generate", 4),
    "bedrock, event stream": ("bedrock-invoke-stream-metrics-differ", 0),
    "cohere": ("cohere-more", 0),
    "ollama, NDJSON": ("ollama-odd", 1),
}
"""Of streams, whose longest middle event is repeated."""

type Fields = list[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Input:
    """A request and the pieces of its reply."""

    name: str
    method: str
    host: str
    port: int
    path: str
    headers: Fields
    body: bytes
    reply_headers: Fields
    pieces: list[bytes]


def unary(name: str) -> Input:
    """The exchange of a dialect, its reply brought to `REPLY_BYTES` by a longer text."""
    found, reply = _entry(name, *UNARY[name])
    missing = REPLY_BYTES - len(reply)
    text = TEXT.encode()
    return found([reply.replace(text, text + b" " + b"And so on. " * (missing // 11), 1)])


def stream(name: str) -> Input:
    """The stream of a dialect, one event a piece, with a middle event repeated `EVENTS` times."""
    found, reply = _entry(name, *STREAMS[name])
    events = _split(reply, name)
    at = max(range(1, len(events) - 1), key=lambda each: _says(events[each])) if len(events) > 2 else 0
    return found(events[:at] + [events[at]] * EVENTS + events[at + 1 :])


def _says(event: bytes) -> int:
    """How much an event looks like generated text."""
    return sum(event.count(word) for word in (b"delta", b"text", b"content", b"bytes")) - len(event) // 4096


def _split(reply: bytes, name: str) -> list[bytes]:
    if "event stream" in name:
        events, at = [], 0
        while at < len(reply):
            size = int.from_bytes(reply[at : at + 4])
            events.append(reply[at : at + size])
            at += size
        return events
    if "array" in name:
        # What opens the array belongs to no element: repeated, it would be an array in an array.
        elements = reply.removeprefix(b"[").split(b"\n,")
        return [b"["] + [piece + (b"," if more else b"") for piece, more in _with_more(elements)]
    end = b"\n" if "NDJSON" in name else b"\n\n"
    return [piece + end for piece in reply.split(end) if piece]


def _with_more(pieces: list[bytes]) -> list[tuple[bytes, bool]]:
    return [(piece, at + 1 < len(pieces)) for at, piece in enumerate(pieces)]


def _entry(name: str, case: str, index: int) -> tuple[Callable[[list[bytes]], Input], bytes]:
    archive = json.loads((CASES / case / "exchange.har").read_text(encoding="utf-8"))
    entry = archive["log"]["entries"][index]
    request, response = entry["request"], entry["response"]
    url = urlsplit(request["url"])

    def found(pieces: list[bytes]) -> Input:
        return Input(
            name=name,
            method=request["method"],
            host=url.hostname or "",
            port=url.port or (443 if url.scheme == "https" else 80),
            path=url.path + (f"?{url.query}" if url.query else ""),
            headers=_fields(request["headers"]),
            body=_body(request["postData"]),
            reply_headers=_fields(response["headers"]),
            pieces=pieces,
        )

    return found, _body(response["content"])


def _fields(headers: list[dict[str, str]]) -> Fields:
    return [(field["name"].encode(), field["value"].encode()) for field in headers]


def _body(content: dict[str, Any]) -> bytes:
    text: str = content["text"]
    return base64.b64decode(text) if content.get("encoding") == "base64" else text.encode()
