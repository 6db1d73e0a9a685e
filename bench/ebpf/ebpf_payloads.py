"""What the traffic says: a chat request, its reply, and the parts of a streamed one. Synthetic, of an exact size where asked."""

import json
from collections.abc import Callable
from dataclasses import dataclass

METERED = "api.openai.com"
OTHER = "api.other.test"
MODEL = "gpt-4o-mini"
INPUT_TOKENS = 1117
OUTPUT_TOKENS = 733
WORDS = "the meter reads what passes and keeps none of it "


@dataclass(frozen=True, slots=True)
class Stream:
    """The parts of a streamed exchange. The event may come any number of times."""

    request: bytes
    head: bytes
    event: bytes
    tail: bytes


def request(host: str, size: int) -> bytes:
    """A whole request of `size` bytes."""
    return _padded(lambda text: _request(host, {"model": MODEL, "messages": [{"role": "user", "content": text}]}), size)


def reply(size: int) -> bytes:
    """A whole reply of `size` bytes that names its usage."""

    def made(text: str) -> bytes:
        body = {"model": MODEL, "choices": [{"message": {"content": text}}], "usage": _usage()}
        return _message("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n", json.dumps(body).encode())

    return _padded(made, size)


def stream(host: str, size: int | None = None) -> Stream:
    """A streamed exchange, each event a chunk as the API sends it: one word, or as many as give `size` bytes."""
    options = {"stream": True, "stream_options": {"include_usage": True}}
    asked = {"model": MODEL, "messages": [{"role": "user", "content": "word"}], **options}
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunk = {
        "id": "chatcmpl-0123456789abcdefghijklmnopqrs",
        "object": "chat.completion.chunk",
        "created": 1794268800,
        "model": MODEL,
        "service_tier": "default",
        "system_fingerprint": "fp_0123456789",
    }

    def piece(text: str) -> bytes:
        choice = {"index": 0, "delta": {"content": text}, "logprobs": None, "finish_reason": None}
        return _chunk(_event(chunk | {"choices": [choice], "usage": None}))

    event = piece(" word") if size is None else _padded(piece, size)
    last = _event(chunk | {"choices": [], "usage": _usage()}) + b"data: [DONE]\n\n"
    return Stream(_request(host, asked), head, event, _chunk(last) + b"0\r\n\r\n")


def _usage() -> dict[str, int]:
    total = INPUT_TOKENS + OUTPUT_TOKENS
    return {"prompt_tokens": INPUT_TOKENS, "completion_tokens": OUTPUT_TOKENS, "total_tokens": total}


def _request(host: str, body: object) -> bytes:
    head = f"POST /{'v1/chat/completions' if host == METERED else 'orders'} HTTP/1.1\r\nHost: {host}\r\n"
    return _message(f"{head}Content-Type: application/json\r\n", json.dumps(body).encode())


def _message(head: str, body: bytes) -> bytes:
    # As wide for any length, so that padding adds what it should.
    return f"{head}Content-Length: {len(body):05}\r\n\r\n".encode() + body


def _padded(make: Callable[[str], bytes], size: int) -> bytes:
    room = size - len(make(""))
    # Words, because the text is counted: a tokenizer takes much longer for one letter again and again.
    made = make((WORDS * (room // len(WORDS) + 1))[:room])
    if len(made) != size:
        raise ValueError(f"{size} bytes do not hold it")
    return made


def _event(body: object) -> bytes:
    return f"data: {json.dumps(body, separators=(',', ':'))}\n\n".encode()


def _chunk(data: bytes) -> bytes:
    return f"{len(data):06x}\r\n".encode() + data + b"\r\n"
