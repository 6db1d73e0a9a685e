"""The values that pass between the dialects and the server: a parsed call and the reply to it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, Self

from tokmeter.testing.simulator.behaviour import Behaviour

CREATED = 1_767_225_600
"""Every simulated object was created at this instant (seconds since the epoch)."""
CREATED_AT = "2026-01-01T00:00:00Z"
"""The same in words."""

JSON = "application/json"
SSE = "text/event-stream; charset=utf-8"
NDJSON = "application/x-ndjson"


@dataclass(frozen=True, slots=True)
class Call:
    """One request, as the dialects see it."""

    number: int
    method: str
    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    """The JSON object, or the fields of a form."""
    behaviour: Behaviour
    kept: dict[str, Any] = field(default_factory=dict)
    """What earlier calls left behind, by kind and id: files, batches, runs."""

    @property
    def route(self) -> str:
        """The path without its query."""
        return self.path.partition("?")[0]

    @property
    def model(self) -> str:
        """The requested model, empty when there is none."""
        model = self.body.get("model")
        return model if isinstance(model, str) else ""

    @property
    def streamed(self) -> bool:
        """Whether a stream was asked for."""
        return self.body.get("stream") in {True, "true"}

    def asking(self, **fields: object) -> Self:
        """The same call with other fields in its body: what a path says about model and stream, for instance."""
        return replace(self, body={**self.body, **fields})

    def at(self, path: str) -> Self:
        """The same call at another path."""
        return replace(self, path=path)

    def output_tokens(self, *limits: str, within: str | None = None) -> tuple[int, bool]:
        """Visible output tokens, and whether a limit of the request (the first key present) cut them."""
        wanted = self.behaviour.tokens
        place = self.body.get(within) if within else self.body
        for key in limits:
            allowed = place.get(key) if isinstance(place, Mapping) else None
            if isinstance(allowed, int) and not isinstance(allowed, bool):
                return min(wanted, max(allowed, 0)), allowed < wanted
        return wanted, False


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Tokens of one exchange, before a provider's own way of stating them."""

    input: int
    """Cache included."""
    visible: int
    """Output without reasoning."""
    reasoning: int
    cached: int
    """Of the input, what came from the cache."""

    @property
    def output(self) -> int:
        """Output tokens, reasoning included."""
        return self.visible + self.reasoning

    @property
    def total(self) -> int:
        """All tokens."""
        return self.input + self.output

    @property
    def fresh(self) -> int:
        """Input that did not come from the cache."""
        return self.input - self.cached

    @classmethod
    def of(cls, call: Call, input_tokens: int, visible: int, *, times: int = 1) -> Self:
        """The counts of a call that speaks `times` times."""
        behaviour = call.behaviour
        return cls(
            input=input_tokens,
            visible=visible * times,
            reasoning=behaviour.reasoning * times,
            cached=min(behaviour.cached, input_tokens),
        )


@dataclass(frozen=True, slots=True)
class Reply:
    """What is sent back: `body` (a JSON object), `content` (bytes as they are), or the events of a stream."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: dict[str, Any] | None = None
    content: bytes | None = None
    media: str = ""
    """Content type; when empty, that of JSON for a body and of server-sent events for a stream."""
    lead: list[bytes] = field(default_factory=list)
    pieces: list[bytes] = field(default_factory=list)
    tail: list[bytes] = field(default_factory=list)
    input_tokens: int = 0
    """Input tokens, cache included."""
    output_tokens: int = 0
    """Output tokens, reasoning included."""

    @property
    def streamed(self) -> bool:
        """Whether this is a stream."""
        return self.body is None and self.content is None

    def spending(self, counts: Counts) -> Self:
        """The same reply with what it spends."""
        return replace(self, input_tokens=counts.input, output_tokens=counts.output)


class Dialect(Protocol):
    """The wire format of one provider API: a module, or an object."""

    def answer(self, call: Call) -> Reply:
        """The reply to a call; an error of the provider's shape for an unknown path."""

    def error(self, status: int, message: str) -> Reply:
        """An error as the provider words it."""


def compact(value: object) -> str:
    """JSON on one line."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def data(value: object) -> bytes:
    """A server-sent event without a name."""
    return f"data: {compact(value)}\n\n".encode()


def event(kind: str, value: object) -> bytes:
    """A server-sent event of that name."""
    return f"event: {kind}\ndata: {compact(value)}\n\n".encode()


def line(value: object) -> bytes:
    """A line of newline-delimited JSON."""
    return f"{compact(value)}\n".encode()


def lines(values: Iterable[object]) -> bytes:
    """A whole file of such lines."""
    return b"".join(line(value) for value in values)


def grouped(words: list[str], chunks: int | None) -> list[str]:
    """The words joined into at most `chunks` pieces."""
    if chunks is None or chunks >= len(words):
        return words
    if chunks <= 0:
        return []
    size, extra = divmod(len(words), chunks)
    pieces, start = [], 0
    for index in range(chunks):
        end = start + size + (index < extra)
        pieces.append("".join(words[start:end]))
        start = end
    return pieces
